"""Sets of questions whose gold passages are named by evidence.

A question of a set may carry it:

    "metadata": {"evidence": [{"title": "…", "version": "2022" | null, "article": "第十二条" | null, "quote": "…"}]}

`judged_dataset` turns it into ids of the passages of a library, which are what a run names. In `qrels/<split>.tsv` such
a question is judged by `Evidence.corpus_id`, so that the files stay those of a BEIR set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.evaluation.datasets import Dataset, Qrels, Query, read_dataset, read_qrels, read_queries
from study_bot.evaluation.evidence import Evidence, EvidenceResolver, Library, evidence_from
from study_bot.text import search_form


def evidence_of(query: Query) -> tuple[Evidence, ...]:
    """The evidence a question of a set carries; () if it has none.

    :raises DatasetError: it is not of the form.
    """
    records = query.metadata.get("evidence") or []
    if not isinstance(records, list):
        raise DatasetError(f"问题 {query.query_id} 的 evidence 应为列表。")
    return tuple(evidence_from(record, f"问题 {query.query_id} ") for record in records)


def same_question(text: str) -> str:
    """The form in which questions are compared: width, case, white space and the mark at the end do not count."""
    return "".join(search_form(text).split()).rstrip("?？。.!！")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A question with evidence that the library does not have (any more). `wrong` are Chinese clauses without a stop;
    `left` passages of it were found."""

    query_id: str
    question: str
    wrong: str
    left: int = 0

    @property
    def message(self) -> str:
        """What to do about a question that was right once."""
        return f"{self.wrong}。文献已经改动，请更新这道题的依据。"


@dataclass(frozen=True, slots=True)
class ResolvedQrels:
    """Judgements by ids of the library; questions of which nothing was found are not in `qrels`."""

    qrels: Qrels
    unresolved: tuple[Unresolved, ...] = ()


def resolved_qrels(
    queries: Iterable[Query], library: Library, grades: Mapping[str, Mapping[str, int]] | None = None
) -> ResolvedQrels:
    """Resolve the evidence of `queries`; those without any are left out.

    :param grades: query id -> `Evidence.corpus_id` -> grade; what is not in it, or None, counts 1.
    :raises DatasetError: evidence is not of the form.
    """
    resolver = EvidenceResolver(library)
    qrels: Qrels = {}
    unresolved = []
    for query in queries:
        found: dict[str, int] = {}
        wrong = []
        for evidence in evidence_of(query):
            resolution = resolver.resolve(evidence)
            grade = (grades or {}).get(query.query_id, {}).get(evidence.corpus_id, 1)
            for name in resolution.document_ids:
                found[name] = max(grade, found.get(name, grade))
            if resolution.wrong:
                wrong.append(resolution.wrong)
        if found:
            qrels[query.query_id] = found
        if wrong:
            unresolved.append(Unresolved(query.query_id, query.text, "；".join(wrong), len(found)))
    return ResolvedQrels(qrels, tuple(unresolved))


def judged_dataset(
    directory: Path, split: str, library: Library, tell: Callable[[str], None] = lambda message: None
) -> Dataset:
    """Read a split whose gold passages may be named by evidence; judgements are ids of `library`.

    A set without evidence is read by `read_dataset`. Else the split has the questions that `qrels/<split>.tsv` judges,
    and those with evidence whose `metadata.split` is the split; questions of the file without evidence keep the ids
    that stand there. Questions whose evidence is not found are left out.

    :param tell: gets a Chinese line for each question of which evidence was not found.
    :raises DatasetError: a file is missing or malformed, a judgement fits neither evidence nor a question, no such
        split, or nothing of it was found.
    """
    queries = read_queries(directory / "queries.jsonl") if directory.is_dir() else ()
    evidence = {query.query_id: found for query in queries if (found := evidence_of(query))}
    if not evidence:
        return read_dataset(directory, split)
    path = directory / "qrels" / f"{split}.tsv"
    written = read_qrels(path) if path.is_file() else {}
    _check_judgements(path, written, evidence, queries)
    chosen = [
        query
        for query in queries
        if query.query_id in written or (query.query_id in evidence and query.metadata.get("split") == split)
    ]
    if not chosen:
        raise DatasetError(f"{directory} 中没有属于“{split}”的问题，请用 --split 指定另一个分组。")
    resolved = resolved_qrels(chosen, library, written)
    for lost in resolved.unresolved:
        tell(f"{lost.query_id}（{lost.question}）：{lost.message}" + ("" if lost.left else "本次不计入。"))
    qrels = {**{query_id: grades for query_id, grades in written.items() if query_id not in evidence}, **resolved.qrels}
    if not qrels:
        raise DatasetError(f"{directory} 的问题都不能对应到索引中的文献，请检查 --index 是不是这套题的文献库。")
    kept = tuple(query for query in chosen if query.query_id in qrels)
    return Dataset(name=directory.resolve().name, split=split, queries=kept, qrels=qrels)


def _check_judgements(
    path: Path, written: Qrels, evidence: Mapping[str, tuple[Evidence, ...]], queries: Sequence[Query]
) -> None:
    known = {query.query_id for query in queries}
    for query_id, grades in written.items():
        if query_id not in known:
            raise DatasetError(f"{path} 评判的问题 {query_id} 不在 queries.jsonl 中。")
        strange = grades.keys() - {e.corpus_id for e in evidence[query_id]} if query_id in evidence else None
        if strange:
            raise DatasetError(
                f"{path} 中问题 {query_id} 的 {min(strange)} 与 queries.jsonl 写的依据不符，请改成一致。"
            )
