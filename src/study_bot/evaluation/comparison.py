"""Two results of the same set, question by question: what changed, and whether by more than chance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study_bot.errors import DatasetError
from study_bot.evaluation.bootstrap import Difference, by_category, paired_differences, question_changes
from study_bot.evaluation.files import Value
from study_bot.evaluation.measures import PerQuestion, describe

SIGNIFICANT = 0.05

# Largest changes kept of each headline measure.
_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """A result to compare. All mappings go by question id; `given` and `expected` are words for people."""

    name: str
    per_question: PerQuestion
    texts: Mapping[str, str]
    categories: Mapping[str, str]
    given: Mapping[str, str]
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A question whose value of a measure changed, with what both results gave."""

    query_id: str
    text: str
    category: str
    value_a: float
    value_b: float
    given_a: str
    given_b: str
    expected: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A over the `questions` both have. `only_a` and `only_b` are questions left out.

    `changes` holds the questions that changed most in each headline measure, largest change first, those that got
    worse before those that got better by as much.
    """

    name_a: str
    name_b: str
    questions: int
    only_a: int
    only_b: int
    differences: Mapping[str, Difference]
    categories: Mapping[str, Mapping[str, Difference]]
    changes: Mapping[str, tuple[Change, ...]]
    kind: str = "comparison"

    def to_json(self) -> str:
        """The comparison as indented JSON."""
        values = asdict(self)
        for difference in values["differences"].values():
            difference["verdict"] = verdict(self.differences[difference["measure"]])
        return json.dumps(values, ensure_ascii=False, indent=2)

    def rows(self) -> list[dict[str, Value]]:
        """A row for each change, for CSV."""
        return [
            {"measure": measure, **asdict(change)} for measure, changes in self.changes.items() for change in changes
        ]


def verdict(difference: Difference) -> str:
    """`better` or `worse` where the difference is significant (p < 0.05), else `same`."""
    if difference.p >= SIGNIFICANT or not difference.delta:
        return "same"
    return "better" if (difference.delta > 0) == describe(difference.measure).higher_is_better else "worse"


def wins_and_losses(difference: Difference) -> tuple[int, int]:
    """How many questions got better and how many got worse."""
    rises, falls = difference.rises, difference.falls
    return (rises, falls) if describe(difference.measure).higher_is_better else (falls, rises)


def compare(a: Measured, b: Measured) -> Comparison:
    """Compare two results.

    :raises DatasetError: they have no question, or no measure, in common.
    """
    common = [question for question in a.per_question if question in b.per_question]
    differences = paired_differences(a.per_question, b.per_question)
    if not differences:
        raise DatasetError(f"{a.name} 与 {b.name} 没有共同的题目或指标，不能比较；请确认是同一套题的结果。")
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        questions=len(common),
        only_a=len(a.per_question) - len(common),
        only_b=len(b.per_question) - len(common),
        differences=differences,
        categories=by_category(a.per_question, b.per_question, a.categories),
        changes={name: changes_of(name, a, b) for name in differences if describe(name).headline},
    )


def changes_of(measure: str, a: Measured, b: Measured, most: int = _CHANGES) -> tuple[Change, ...]:
    """The questions that changed most in a measure."""
    sign = 1 if describe(measure).higher_is_better else -1
    moved = question_changes(a.per_question, b.per_question, measure)
    moved.sort(key=lambda change: (-abs(change[1]), change[1] * sign))
    return tuple(
        Change(
            query_id=question,
            text=a.texts.get(question, ""),
            category=a.categories.get(question, ""),
            value_a=a.per_question[question][measure],
            value_b=b.per_question[question][measure],
            given_a=a.given.get(question, ""),
            given_b=b.given.get(question, ""),
            expected=a.expected.get(question, ""),
        )
        for question, _ in moved[:most]
    )


def measured(name: str, record: Mapping[str, Any]) -> Measured:
    """Take a result from the values of its report (`json.loads` of what `to_json` gives).

    :raises DatasetError: they are not those of a report with single questions.
    """
    try:
        results: Sequence[Mapping[str, Any]] = record["results"]
        places: Mapping[str, str] = record.get("documents", {})
        return Measured(
            name=name,
            per_question={r["query_id"]: {m: float(v) for m, v in r["scores"].items()} for r in results},
            texts={r["query_id"]: r["text"] for r in results},
            categories={r["query_id"]: r.get("category", "") for r in results},
            given={r["query_id"]: _given(r, places) for r in results},
            expected={r["query_id"]: _expected(r, places) for r in results},
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise DatasetError(f"{name} 不是评测报告（report.json），请用 --report 写出的文件。") from None


def read_measured(path: Path, name: str) -> Measured:
    """Read the JSON of a report.

    :raises DatasetError: there is no such file, or it is not a report.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DatasetError(f"没有找到文件 {path}，请检查路径。") from None
    except ValueError:
        raise DatasetError(f"{path} 不是 JSON 文件。") from None
    return measured(name, record)


def _given(result: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """What a result gave, in words."""
    if "retrieved" in result:
        rank = result.get("rank")
        first = f"首个正确结果：第 {rank} 名" if rank else "首个正确结果：未检出"
        return "\n".join([first, *(f"{n}. {places.get(d, d)}" for n, d in enumerate(result["retrieved"], start=1))])
    picked = result.get("picked")
    words = [] if picked is None else ["选择：" + ("、".join(picked) or "未能判断")]
    return "\n".join([*words, f"拒答（{result.get('reason')}）" if result.get("refused") else result.get("answer", "")])


def _expected(result: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """What was expected of a question, in words."""
    if result.get("unanswerable"):
        return "应当拒答"
    if "relevant" in result:
        return "\n".join(places.get(doc_id, doc_id) for doc_id in result["relevant"])
    return "；".join(result.get("expected") or ())
