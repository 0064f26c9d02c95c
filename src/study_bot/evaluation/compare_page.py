"""The page of a comparison."""

from __future__ import annotations

from collections.abc import Mapping

from study_bot.evaluation import svg
from study_bot.evaluation.bootstrap import Difference
from study_bot.evaluation.comparison import Change, Comparison, verdict, wins_and_losses
from study_bot.evaluation.measures import describe
from study_bot.evaluation.page import (
    Cell,
    Tile,
    esc,
    measure_cell,
    page,
    paragraph,
    question_card,
    section,
    table,
    tiles,
)
from study_bot.evaluation.tables import shown

VERDICTS = {"better": "变好", "worse": "变差", "same": "无显著差别"}

_CLASSES = {"better": "good", "worse": "bad", "same": "same"}

# Questions listed as worse and as better; the CSV has more.
_LISTED = 20


def compare_html(comparison: Comparison, created: str = "", title: str = "") -> str:
    """The page; without a title of its own it is named after both results."""
    differences = list(comparison.differences.values())
    left_out = comparison.only_a + comparison.only_b
    facts = {
        "A": comparison.name_a,
        "B": comparison.name_b,
        "共同题数": str(comparison.questions),
        "不共有而未计": f"{left_out} 题" if left_out else "",
        "生成时间": created,
    }
    return page(
        "对比评测",
        title or f"{comparison.name_a} → {comparison.name_b}",
        facts,
        [
            tiles([_tile(d) for d in differences if describe(d.measure).headline]),
            section(
                "各项指标",
                difference_table(differences),
                lead="差为 B 减 A。区间与 p 值由成对自助法得出（10,000 次）；p < 0.05 记为显著。"
                "条形依次为变好、不变、变差的题数。",
            ),
            section("分类结果", _category_table(comparison), lead="各类的差（B 减 A）；加粗者 p < 0.05。"),
            *_changed_questions(comparison),
        ],
    )


def difference_table(differences: list[Difference]) -> str:
    """Every measure: both means, the difference with its interval, p, and the questions that changed."""
    rows = []
    for difference in differences:
        kind = _CLASSES[verdict(difference)]
        reach = max(abs(difference.low), abs(difference.high), abs(difference.delta))
        better, worse = wins_and_losses(difference)
        rows.append(
            [
                measure_cell(difference.measure),
                Cell(shown(difference.measure, difference.mean_a), number=True),
                Cell(shown(difference.measure, difference.mean_b), number=True),
                Cell(f'<span class="{kind}-text">{esc(signed(difference, difference.delta))}</span>', number=True),
                Cell(svg.interval(difference.low, difference.delta, difference.high, reach, kind)),
                Cell(
                    f"{esc(signed(difference, difference.low))} ~ {esc(signed(difference, difference.high))}",
                    number=True,
                ),
                Cell(p_words(difference.p), number=True),
                Cell(svg.thirds(better, difference.ties, worse)),
                Cell(f"{better} / {difference.ties} / {worse}", number=True),
            ]
        )
    header = ("指标", "A", "B", "差", "", "95% 区间", "p", "", "变好 / 不变 / 变差")
    return table(header, rows, kind="measures")


def signed(difference: Difference, value: float) -> str:
    """A change with its sign, in the digits of its measure; a true minus sign."""
    digits = min(describe(difference.measure).digits, 3)
    words = f"{value:+.{digits}f}"
    return words.replace("-", "−") if float(words) else f"{0:.{digits}f}"


def p_words(p: float) -> str:
    """A p value with three digits, very small ones as a bound."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _tile(difference: Difference) -> Tile:
    outcome = verdict(difference)
    return Tile(
        describe(difference.measure).label,
        signed(difference, difference.delta),
        VERDICTS[outcome],
        _CLASSES[outcome],
    )


def _category_table(comparison: Comparison) -> str:
    names = [name for name in comparison.differences if describe(name).headline]
    rows = []
    for category, differences in comparison.categories.items():
        questions = max((d.questions for d in differences.values()), default=0)
        cells = []
        for name in names:
            difference = differences.get(name)
            if difference is None:
                cells.append(Cell("—", number=True))
                continue
            words = esc(signed(difference, difference.delta))
            kind = verdict(difference)
            cells.append(
                Cell(words if kind == "same" else f'<span class="{_CLASSES[kind]}-text">{words}</span>', number=True)
            )
        rows.append([Cell(esc(category)), Cell(str(questions), number=True), *cells])
    return table(("类别", "题数", *(describe(name).brief for name in names)), rows, kind="categories")


def _changed_questions(comparison: Comparison) -> list[str]:
    """The questions that changed most, each once with all its headline measures: first those that got worse."""
    moved: dict[str, dict[str, Change]] = {}
    for measure, changes in comparison.changes.items():
        for change in changes:
            moved.setdefault(change.query_id, {})[measure] = change
    gains = {question: sum(_gain(m, change) for m, change in changes.items()) for question, changes in moved.items()}
    worse = sorted((q for q in moved if gains[q] < 0), key=lambda q: (gains[q], q))
    better = sorted((q for q in moved if gains[q] >= 0), key=lambda q: (-gains[q], q))
    return [
        section(
            title,
            "".join(_card(moved[question]) for question in questions[:_LISTED]),
            lead=f"变化最大的 {min(len(questions), _LISTED)} 题。",
        )
        for title, questions in (("变差的题", worse), ("变好的题", better))
        if questions
    ]


def _gain(measure: str, change: Change) -> float:
    """The change of a share, above 0 where it is for the better."""
    return (change.value_b - change.value_a) * (1 if describe(measure).higher_is_better else -1)


def _card(changes: Mapping[str, Change]) -> str:
    change = next(iter(changes.values()))
    tags = [
        (
            f"{describe(measure).brief} {shown(measure, moved.value_a)} → {shown(measure, moved.value_b)}",
            "good" if _gain(measure, moved) > 0 else "bad",
        )
        for measure, moved in changes.items()
    ]
    sides = [
        ("应得", paragraph(change.expected or "（未标注）", 300)),
        ("A", paragraph(change.given_a or "（未记录）", 300)),
        ("B", paragraph(change.given_b or "（未记录）", 300)),
    ]
    return question_card(change.text, [*tags, (change.query_id, ""), (change.category, "")], sides)
