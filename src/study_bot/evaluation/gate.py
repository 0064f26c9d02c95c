"""A gate: results of today against a baseline kept in a file. It closes on a significant regression.

The baseline is JSON: `{"format", "sets": {"<set>/<split>/<kind>": {"build_id", "texts": {id: question},
"scores": {id: {measure: value}}}}}`, so that every question can be compared with itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.evaluation.bootstrap import Difference
from study_bot.evaluation.comparison import Change, Comparison, Measured, changes_of, compare, verdict
from study_bot.evaluation.files import write_whole
from study_bot.evaluation.measures import describe

FORMAT = 1

MINIMUM_CHANGE = 0.005
"""Changes of a mean up to this are let through, however sure: half a point of a hundred."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One set against its baseline. Regressions and improvements are significant and above the minimum.

    `worse` are the questions behind each regression, the largest drop first.
    """

    key: str
    comparison: Comparison
    regressions: tuple[Difference, ...]
    improvements: tuple[Difference, ...]
    worse: Mapping[str, tuple[Change, ...]]

    @property
    def passed(self) -> bool:
        """Whether nothing got worse."""
        return not self.regressions


@dataclass(frozen=True, slots=True)
class BaselineSet:
    """Scores of a set as they stood when the baseline was written."""

    build_id: str
    texts: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]]


Baseline = dict[str, BaselineSet]
"""By `set_key`."""


def set_key(name: str, split: str, kind: str) -> str:
    """How a baseline names a set; `kind` is retrieval or answers."""
    return "/".join(part for part in (name, split, kind) if part)


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    :raises DatasetError: there is none, or the file is something else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise DatasetError(f"{path} 的格式版本不同，请用 --write-baseline 重新写一份。")
        return {
            key: BaselineSet(
                entry["build_id"],
                dict(entry["texts"]),
                {q: {m: float(v) for m, v in scores.items()} for q, scores in entry["scores"].items()},
            )
            for key, entry in record["sets"].items()
        }
    except FileNotFoundError:
        raise DatasetError(f"没有找到基线 {path}，请先用 --write-baseline 写一份。") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DatasetError(f"{path} 不是基线文件，请用 --write-baseline 写一份。") from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, in an order that makes changes of it easy to read."""
    sets = {
        key: {
            "build_id": entry.build_id,
            "texts": dict(sorted(entry.texts.items())),
            "scores": {
                q: {m: round(v, 10) for m, v in scores.items() if describe(m).headline}
                for q, scores in sorted(entry.scores.items())
            },
        }
        for key, entry in sorted(baseline.items())
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"format": FORMAT, "sets": sets}, ensure_ascii=False, indent=1) + "\n")


def judge(key: str, before: BaselineSet, now: Measured, minimum: float = MINIMUM_CHANGE) -> Outcome:
    """Compare the headline measures of a set with its baseline.

    :param minimum: changes of a mean up to this neither close the gate nor count as improvements.
    :raises DatasetError: the set and its baseline have no question in common.
    """
    old = Measured("基线", _headline(before.scores), before.texts, now.categories, {}, now.expected)
    new = Measured("现在", _headline(now.per_question), now.texts, now.categories, now.given, now.expected)
    comparison = compare(old, new)
    moved = [d for d in comparison.differences.values() if abs(d.delta) > minimum]
    regressions = tuple(d for d in moved if verdict(d) == "worse")
    return Outcome(
        key=key,
        comparison=comparison,
        regressions=regressions,
        improvements=tuple(d for d in moved if verdict(d) == "better"),
        worse={d.measure: _worse(d, old, new) for d in regressions},
    )


def _worse(difference: Difference, old: Measured, new: Measured) -> tuple[Change, ...]:
    """The questions that a regression comes from."""
    sign = 1 if describe(difference.measure).higher_is_better else -1
    changes = changes_of(difference.measure, old, new, most=len(new.per_question))
    return tuple(change for change in changes if (change.value_b - change.value_a) * sign < 0)


def _headline(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {q: {m: v for m, v in values.items() if describe(m).headline} for q, values in scores.items()}
