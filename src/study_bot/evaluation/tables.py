"""Tables of measures that several pages show."""

from __future__ import annotations

from collections.abc import Mapping

from study_bot.evaluation import svg
from study_bot.evaluation.bootstrap import mean_interval
from study_bot.evaluation.measures import PerQuestion, describe, measure_names
from study_bot.evaluation.page import Cell, esc, measure_cell, table


def measure_table(per_question: PerQuestion) -> str:
    """Every measure with its mean, a bar, the 95 % interval of the mean and the number of questions."""
    rows = []
    for name in measure_names(per_question):
        values = [scores[name] for scores in per_question.values() if name in scores]
        mean = sum(values) / len(values)
        low, high = mean_interval(values)
        is_share = all(0 <= value <= 1 for value in values)
        bad = not describe(name).higher_is_better
        rows.append(
            [
                measure_cell(name),
                Cell(svg.share_bar(mean, low, high, bad=bad) if is_share else ""),
                Cell(shown(name, mean), number=True),
                Cell(f"{shown(name, low)}–{shown(name, high)}", number=True),
                Cell(str(len(values)), number=True),
            ]
        )
    return table(("指标", "", "值", "95% 区间", "题数"), rows, kind="measures")


def category_table(categories: Mapping[str, Mapping[str, float]]) -> str:
    """Means by category: a row for each category, a column for each headline measure that any of them has.

    Nothing for a single category: its means are those of the whole.
    """
    if len(categories) < 2:
        return ""
    names = dict.fromkeys(name for values in categories.values() for name in values)
    shown_names = [name for name in names if describe(name).headline]
    rows = [
        [
            Cell(esc(category)),
            Cell(f"{values['questions']:.0f}", number=True),
            *(Cell(shown(name, values[name]) if name in values else "—", number=True) for name in shown_names),
        ]
        for category, values in categories.items()
    ]
    return table(("类别", "题数", *(describe(name).brief for name in shown_names)), rows, kind="categories")


def shown(name: str, value: float) -> str:
    """A value as the pages show it: shares with three digits, others as their measure says."""
    return f"{value:.{min(describe(name).digits, 3)}f}"
