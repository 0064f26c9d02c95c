"""Collecting cases from use: questions with the passage that is right, or with the word that they must be refused.

Cases come from the command line or from a table that an admin keeps; nothing in them is trusted. Each is added to a set
in the layout of `cases`; files are replaced as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.evaluation.cases import evidence_of, same_question
from study_bot.evaluation.datasets import Query, read_queries
from study_bot.evaluation.evidence import Evidence, evidence_from
from study_bot.evaluation.files import write_whole
from study_bot.text import normalise_line

MAX_CHARS = {"question": 2000, "title": 300, "version": 20, "article": 40, "quote": 4000, "reason": 1000}
"""Longest value of each field of a case, in characters after its white space was tidied."""

_WORDS = {"question": "问题", "title": "文献", "version": "版本", "article": "条", "quote": "原文", "reason": "理由"}

# The group that collected cases are summed up under.
_CATEGORY = "feedback"

_QRELS_HEADER = "query-id\tcorpus-id\tscore\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its right passages, or one that must be refused. `reason` says why, for readers of the set."""

    question: str
    evidence: tuple[Evidence, ...] = ()
    refuse: bool = False
    reason: str = ""

    @property
    def case_id(self) -> str:
        """The same for the same question, however it is spaced."""
        return f"case-{hashlib.sha256(same_question(self.question).encode()).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True)
class Additions:
    """What adding did, or would do: cases that are new, cases that the set has already, and cases whose question it has
    with other passages (with a Chinese sentence each); while there are any of these, nothing is added."""

    added: tuple[Case, ...] = ()
    present: tuple[Case, ...] = ()
    clashing: tuple[tuple[Case, str], ...] = ()


def case_from(
    *,
    question: str,
    title: str = "",
    version: str = "",
    article: str = "",
    quote: str = "",
    reason: str = "",
    refuse: bool = False,
) -> Case:
    """Make a case of what a person wrote; white space is tidied, control characters are dropped.

    :raises DatasetError: no question, neither a passage nor `refuse`, both of them, or a value that is too long, not of
        its kind, or not text.
    """
    values = {"title": title, "version": version, "article": article, "quote": quote}
    fields = {name: normalise_line(v) for name, v in {"question": question, "reason": reason, **values}.items()}
    for name, value in fields.items():
        if len(value) > MAX_CHARS[name]:
            raise DatasetError(f"“{_WORDS[name]}”有 {len(value)} 字，超过 {MAX_CHARS[name]} 字，请缩短。")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise DatasetError(f"“{_WORDS[name]}”含有无法识别的字符，请重新输入。")
    if not fields["question"]:
        raise DatasetError("没有写问题。")
    place = {name: fields[name] for name in values}
    if refuse:
        if any(place.values()):
            raise DatasetError("应拒答的问题不能同时写文献、条或原文，请二者选一。")
        return Case(fields["question"], refuse=True, reason=fields["reason"])
    if not any(place.values()):
        raise DatasetError("要么写明文献和条（或原文），要么注明应拒答。")
    return Case(fields["question"], (evidence_from(place, "这道题"),), reason=fields["reason"])


def merged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Cases with each question once: rows that ask the same give its passages together.

    :raises DatasetError: a question is to be answered in one row and to be refused in another.
    """
    by_id: dict[str, Case] = {}
    for case in cases:
        first = by_id.setdefault(case.case_id, case)
        if first.refuse != case.refuse:
            raise DatasetError(f"问题“{case.question}”有的行应拒答，有的行给了原文，请统一。")
        evidence = tuple(dict.fromkeys((*first.evidence, *case.evidence)))
        by_id[case.case_id] = Case(first.question, evidence, first.refuse, first.reason or case.reason)
    return tuple(by_id.values())


def planned(directory: Path, cases: Sequence[Case]) -> Additions:
    """What `add_cases` would do. A set that does not exist yet is empty.

    :raises DatasetError: the set is malformed or compressed.
    """
    held = {same_question(query.text): query for query in _queries(directory)}
    added, present, clashing = [], [], []
    for case in merged(cases):
        query = held.get(same_question(case.question))
        if query is None:
            added.append(case)
        elif set(evidence_of(query)) == set(case.evidence) and bool(query.metadata.get("refuse")) == case.refuse:
            present.append(case)
        else:
            message = f"题集中已有问题“{query.text}”（{query.query_id}），但依据不同，请修改 queries.jsonl 中的那一行。"
            clashing.append((case, message))
    return Additions(tuple(added), tuple(present), tuple(clashing))


def add_cases(directory: Path, cases: Sequence[Case], split: str) -> Additions:
    """Add cases to a set, made if absent. Lines that stand in its files stay as they are.

    A stop between its two files leaves the set usable: a question with evidence belongs to the split that its line
    names, whether or not `qrels/<split>.tsv` judges it.

    :param split: the group the cases are measured in, letters, digits, `-` and `_`.
    :raises DatasetError: as `planned`, a case clashes with the set, or `split` is no such name.
    """
    if not split.replace("-", "").replace("_", "").isalnum():
        raise DatasetError(f"分组名“{split}”只能用字母、数字、- 和 _。")
    plan = planned(directory, cases)
    if plan.clashing:
        raise DatasetError(plan.clashing[0][1])
    if plan.added:
        queries, qrels = directory / "queries.jsonl", directory / "qrels" / f"{split}.tsv"
        qrels.parent.mkdir(parents=True, exist_ok=True)
        _append(queries, "", [_query_line(case, split) for case in plan.added])
        judged = [
            f"{c.case_id}\t{name}\t1" for c in plan.added for name in dict.fromkeys(e.corpus_id for e in c.evidence)
        ]
        if judged:
            _append(qrels, _QRELS_HEADER, judged)
    return plan


def as_query(case: Case) -> Query:
    """The question as it will stand in a set, for a look at whether its evidence is found."""
    return Query(case.case_id, case.question, {"evidence": [evidence.as_record() for evidence in case.evidence]})


def _query_line(case: Case, split: str) -> str:
    metadata: dict[str, object] = {"category": _CATEGORY, "split": split}
    if case.refuse:
        metadata["refuse"] = True
    else:
        metadata["evidence"] = [evidence.as_record() for evidence in case.evidence]
    if case.reason:
        metadata["reason"] = case.reason
    return json.dumps({"_id": case.case_id, "text": case.question, "metadata": metadata}, ensure_ascii=False)


def _queries(directory: Path) -> tuple[Query, ...]:
    path = directory / "queries.jsonl"
    if path.exists():
        return read_queries(path) if path.read_bytes().strip() else ()
    if path.with_name(path.name + ".gz").exists():
        raise DatasetError(f"{directory} 的 queries.jsonl 是压缩的，不能追加；请先解压。")
    return ()


def _append(path: Path, header: str, lines: Iterable[str]) -> None:
    try:
        before = path.read_bytes().decode("utf-8-sig") if path.exists() else header
    except UnicodeDecodeError:
        raise DatasetError(f"{path} 不是 UTF-8 编码，请转换后再用。") from None
    if before and not before.endswith("\n"):
        before += "\n"
    write_whole(path, before + "".join(f"{line}\n" for line in lines))
