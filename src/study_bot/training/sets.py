"""Training sets: questions with their right passages, and the index that holds these."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from study_bot.errors import DatasetError, NoIndexError, SnapshotError
from study_bot.evaluation.expectations import as_of_of, conversation_of
from study_bot.evaluation.question_sets import DEFAULT_SPLIT, read_question_set
from study_bot.evaluation.runner import document_id
from study_bot.index.embedding import Encoder
from study_bot.index.manifest import search_mismatch
from study_bot.index.store import Snapshot, SnapshotStore
from study_bot.retrieval.eligibility import Eligibility
from study_bot.retrieval.exact import look_up
from study_bot.retrieval.query import Query, understand
from study_bot.retrieval.wording import Wording
from study_bot.types import Filters

Tell = Callable[[str], None]
"""Receives Chinese lines about what is being done and what was noticed."""

QUESTIONS_CACHE = Path("cache", "questions.sqlite")
"""Vectors of questions, below an index folder. Disposable, like everything in its cache."""

# As in measuring: judgements know nothing of validity, so every version may be found.
_EVERYTHING = Filters(include_inactive=True)


@dataclass(frozen=True, slots=True)
class SetSource:
    """Where a set is read from: a BEIR directory, a split of it, and the folder of the index."""

    directory: Path
    split: str
    index: Path


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLibrary:
    """An opened index. `vectors` (rows, dimension) are those of its passages, `documents` the name of each row as runs
    and judgements use it; `index` is its folder."""

    index: Path
    snapshot: Snapshot
    vectors: npt.NDArray[np.float32]
    documents: tuple[str, ...]
    eligibility: Eligibility


@dataclass(frozen=True, slots=True, eq=False)
class TrainingQuestion:
    """A question as retrieval sees it, and what is right.

    `golds` are the right documents that the index holds (never empty), `rows` all their rows, ascending. `exact` are
    rows that are looked up because the question names their articles, in the order shown; they need no ranking.
    `allowed` masks the rows that may be found; None = all.
    """

    query_id: str
    query: Query
    golds: frozenset[str]
    rows: npt.NDArray[np.int64]
    exact: tuple[int, ...] = ()
    allowed: npt.NDArray[np.bool_] | None = None

    @property
    def keywords(self) -> str:
        """What keyword search is given."""
        return self.query.keywords or self.query.search_text

    @property
    def is_looked_up(self) -> bool:
        """Whether everything right is looked up: vectors and ranking have no part in the answer."""
        return bool(self.exact) and set(self.rows.tolist()) <= set(self.exact)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Questions of one split, in file order."""

    name: str
    library: TrainingLibrary
    questions: tuple[TrainingQuestion, ...]

    @property
    def golds(self) -> tuple[frozenset[str], ...]:
        """The right documents of each question."""
        return tuple(question.golds for question in self.questions)


def parse_source(text: str, index: Path | None) -> SetSource:
    """Read `DIR[@SPLIT][=INDEX]`; an existing directory of the whole name, or of all before the =, is taken as it is.

    :param index: for sources that name none.
    :raises DatasetError: no index is named at all.
    """
    whole, own = text, ""
    if not Path(text).is_dir() and "=" in text:
        whole, _, own = text.rpartition("=")
    directory, split = whole, ""
    if not Path(whole).is_dir() and "@" in whole:
        directory, _, split = whole.rpartition("@")
    place = Path(own) if own else index
    if place is None:
        raise DatasetError(f"训练集 {text} 没有指明索引。请写成 目录=索引目录，或用 --index 指定。")
    return SetSource(Path(directory), split or DEFAULT_SPLIT, place)


def open_sets(sources: Sequence[SetSource], encoder: Encoder, today: dt.date, tell: Tell) -> tuple[TrainingSet, ...]:
    """Read all sets; an index that several name is opened once.

    :param today: the day from which words like 去年 are counted.
    :raises DatasetError: a set is missing or malformed, is given twice, or has nothing in its index.
    :raises NoIndexError: an index is missing.
    :raises SnapshotError: an index cannot be used with this encoder.
    """
    libraries: dict[Path, TrainingLibrary] = {}
    sets: dict[str, TrainingSet] = {}
    for source in sources:
        place = source.index.resolve()
        if place not in libraries:
            libraries[place] = open_library(source, encoder)
        read = _read_set(source, libraries[place], today, tell)
        if read.name in sets:
            raise DatasetError(f"训练集 {read.name} 给出了两次，请去掉一个。")
        sets[read.name] = read
        tell(f"训练集 {read.name}：{len(read.questions)} 题，索引 {source.index}")
    return tuple(sets.values())


def open_library(source: SetSource, encoder: Encoder) -> TrainingLibrary:
    """Open the index of a set.

    :raises NoIndexError: it is missing.
    :raises SnapshotError: it cannot be used with this encoder.
    """
    try:
        snapshot = SnapshotStore(source.index).current()
    except NoIndexError:
        raise NoIndexError(
            f"训练集 {source.directory} 的索引 {source.index} 还没有建立。请先运行 "
            f"study-bot index build --source 文献目录或语料文件 --index {source.index}，再训练。"
        ) from None
    if reason := search_mismatch(snapshot.manifest, encoder):
        raise SnapshotError(
            f"索引 {source.index} 不能用当前设置训练：{reason}。请重新建立索引（study-bot index build）。"
        )
    return TrainingLibrary(
        index=source.index,
        snapshot=snapshot,
        vectors=snapshot.dense.vectors(),
        documents=tuple(map(document_id, snapshot.passages)),
        eligibility=Eligibility(snapshot.versions, snapshot.passages, snapshot.articles),
    )


def _read_set(source: SetSource, library: TrainingLibrary, today: dt.date, tell: Tell) -> TrainingSet:
    data = read_question_set(source.directory, source.split, library.snapshot, tell).judged
    rows: dict[str, list[int]] = {}
    for row, document in enumerate(library.documents):
        rows.setdefault(document, []).append(row)
    questions, missing = [], 0
    wording = Wording(library.snapshot.sparse.document_frequency)
    for asked in data.queries:
        golds = frozenset(name for name, grade in data.qrels[asked.query_id].items() if grade > 0)
        held = golds & rows.keys()
        missing += len(golds) - len(held)
        if held and asked.text.strip():
            query = understand(asked.text, library.snapshot.articles, today, conversation_of(asked), wording)
            day = as_of_of(asked) or query.as_of or today
            questions.append(_question(asked.query_id, query, day, held, [r for g in held for r in rows[g]], library))
    name = data.name if source.split == DEFAULT_SPLIT else f"{data.name}@{source.split}"
    if not questions:
        raise DatasetError(
            f"训练集 {name} 的正确文档都不在索引 {source.index} 中。请检查这套题是不是配这个索引（目录=索引目录）。"
        )
    if missing:
        tell(f"提示：训练集 {name} 有 {missing} 个正确文档不在索引 {source.index} 中，不计入。")
    return TrainingSet(name, library, tuple(questions))


def _question(
    query_id: str, query: Query, day: dt.date, golds: Collection[str], rows: list[int], library: TrainingLibrary
) -> TrainingQuestion:
    snapshot, eligibility = library.snapshot, library.eligibility
    eligible = eligibility.eligible(query, _EVERYTHING, day)
    found = look_up(query.references, snapshot.articles, eligibility, eligible, snapshot.passages, day)
    return TrainingQuestion(
        query_id=query_id,
        query=query,
        golds=frozenset(golds),
        rows=np.array(sorted(rows), np.int64),
        exact=tuple(dict.fromkeys(row for article in found for row in article.rows)),
        allowed=eligible.rows,
    )
