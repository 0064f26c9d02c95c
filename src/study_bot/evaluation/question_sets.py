"""A set of questions to answer or to retrieve for: a file of questions, or a split of a BEIR directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.evaluation.cases import evidence_of, judged_dataset, resolved_qrels
from study_bot.evaluation.datasets import Dataset, Qrels, Query, read_dataset, read_qrels, read_queries
from study_bot.evaluation.evidence import Library
from study_bot.evaluation.expectations import Expectation, expectation_of

DEFAULT_SPLIT = "dev"


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions in file order and their judgements (only of those that have any). `split` is "" for a plain file."""

    name: str
    split: str
    queries: tuple[Query, ...]
    qrels: Qrels

    @property
    def expected(self) -> Mapping[str, Expectation]:
        """What each question expects, by its id."""
        return {query.query_id: expectation_of(query, self.qrels.get(query.query_id)) for query in self.queries}

    @property
    def judged(self) -> Dataset:
        """The questions that have a relevant document, as a retrieval set.

        :raises DatasetError: there is none.
        """
        queries = tuple(query for query in self.queries if query.query_id in self.qrels)
        if not queries:
            raise DatasetError(f"{self.name} 没有标明哪些文档相关，不能评测检索；若以原文标注出处，请给出 --index。")
        return Dataset(self.name, self.split, queries, self.qrels)


def qrels_alone(path: Path) -> Dataset:
    """A retrieval set of which only the judgements are at hand; the ids of questions stand for their words.

    :raises DatasetError: the file is missing or malformed, or nothing in it is relevant.
    """
    qrels = read_qrels(path)
    if not qrels:
        raise DatasetError(f"{path} 中没有相关的文档。")
    return Dataset(path.stem, "", tuple(Query(query_id, query_id) for query_id in qrels), qrels)


def has_evidence(path: Path) -> bool:
    """Whether golds of a set are named by words of the text, so that an index is needed to know their ids.

    :raises DatasetError: there is no such set, or its questions are malformed.
    """
    return any(evidence_of(query) for query in read_queries(_questions_file(path)))


def read_question_set(
    path: Path,
    split: str | None = None,
    library: Library | None = None,
    tell: Callable[[str], None] = lambda message: None,
) -> QuestionSet:
    """Read a file of questions, or a split of a directory.

    Of a directory, the split has the questions judged in `qrels/<split>.tsv`, those whose `metadata.split` is the
    split, and those to be refused that name no split. Of a file, `split` None takes all questions, else those that
    name it or none.

    :param library: where evidence is looked up; without it, evidence is left aside.
    :param tell: gets a Chinese line for each question whose evidence was not found.
    :raises DatasetError: something is missing or malformed, or there is no question.
    """
    if not path.is_dir():
        return _from_file(path, split, library, tell)
    split = split or DEFAULT_SPLIT
    queries = read_queries(_questions_file(path))
    named = {query.query_id for query in queries if _belongs(query, split)}
    qrels: Qrels = {}
    if (path / "qrels" / f"{split}.tsv").is_file() or not named:
        with_evidence = library is not None and any(evidence_of(query) for query in queries)
        judged = judged_dataset(path, split, library, tell) if with_evidence and library else _plain(path, split)
        qrels = judged.qrels
    elif library is not None:
        qrels = resolved_qrels([query for query in queries if query.query_id in named], library).qrels
    chosen = tuple(query for query in queries if query.query_id in named or query.query_id in qrels)
    return QuestionSet(path.resolve().name, split, chosen, qrels)


def _plain(path: Path, split: str) -> Dataset:
    """A split whose judgements are ids; of a set with evidence and no library, only the questions are of use."""
    data = read_dataset(path, split)
    return Dataset(
        data.name,
        data.split,
        data.queries,
        {q.query_id: data.qrels[q.query_id] for q in data.queries if not evidence_of(q)},
    )


def _from_file(path: Path, split: str | None, library: Library | None, tell: Callable[[str], None]) -> QuestionSet:
    queries = read_queries(path)
    if split is not None:
        queries = tuple(query for query in queries if query.metadata.get("split", split) == split)
        if not queries:
            raise DatasetError(f"{path} 中没有属于“{split}”的问题，请用 --split 指定另一个分组。")
    qrels: Qrels = {}
    if library is not None:
        resolved = resolved_qrels(queries, library)
        qrels = resolved.qrels
        for lost in resolved.unresolved:
            tell(f"{lost.query_id}（{lost.question}）：{lost.message}")
    return QuestionSet(path.name.removesuffix(".gz").removesuffix(".jsonl"), split or "", queries, qrels)


def _belongs(query: Query, split: str) -> bool:
    own = query.metadata.get("split")
    return own == split or (own is None and query.metadata.get("refuse") is True)


def _questions_file(path: Path) -> Path:
    return path / "queries.jsonl" if path.is_dir() else path
