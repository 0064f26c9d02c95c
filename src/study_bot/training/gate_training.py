"""From training sets to a gate in its file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from study_bot.answering.answerer import Answerer
from study_bot.answering.confidence import GATE_FILE, GateModel, GateModels, open_gate
from study_bot.answering.extractive import CONSIDERED_HITS
from study_bot.answering.learned import LearnedAnswering, reader_of
from study_bot.errors import DatasetError
from study_bot.evaluation.datasets import Query as AskedQuery
from study_bot.evaluation.expectations import as_of_of, conversation_of
from study_bot.evaluation.files import write_whole
from study_bot.evaluation.question_sets import read_question_set
from study_bot.evaluation.runner import document_id
from study_bot.index.embedding import Encoder
from study_bot.retrieval.adapter import QueryAdapter
from study_bot.retrieval.learned import LearnedRetrieval, load_learned
from study_bot.retrieval.query import Query
from study_bot.retrieval.retriever import Retrieval, Retriever
from study_bot.settings import Settings
from study_bot.text import short_title
from study_bot.training.files import AdapterFolds, read_folds, write_figures
from study_bot.training.gate_fit import (
    Flags,
    GateExample,
    GateRecipe,
    KindRates,
    fit_gate,
    is_held_out,
    rates_by_kind,
)
from study_bot.training.gate_page import gate_html
from study_bot.training.sets import QUESTIONS_CACHE, SetSource, Tell, TrainingLibrary, open_library
from study_bot.types import Filters, Hit

GATE_PAGE = "gate.html"
"""The curve of both errors, for the admin, beside the gate."""

TEST_SPLIT = "test"
"""Questions whose metadata says this split are never fitted on."""

FAR_EVERY = 4
"""Of the questions put to a library about something else every fourth is taken."""

_MIN_EXAMPLES = 100


@dataclass(frozen=True, slots=True)
class GateResult:
    """Where the gate was written, and what stands in the file of figures."""

    path: Path
    figures: Mapping[str, object]


def train_gate(
    sources: Sequence[SetSource],
    far: Sequence[SetSource],
    encoder: Encoder,
    settings: Settings,
    out: Path,
    recipe: GateRecipe,
    created: dt.date,
    tell: Tell,
) -> GateResult:
    """Fit both gates and write them with their curve and figures.

    :param sources: sets with their libraries: answerable questions, each also with its answer taken out, and those
        marked to be refused.
    :param far: sets put to a library that is about something else.
    :raises DatasetError: too few questions, or none of one side to fit on or to choose the threshold by.
    :raises SnapshotError: an index is missing or cannot be used.
    :raises LearnedFileError: a learned file cannot be used.
    :raises OSError: a file cannot be written.
    """
    libraries: dict[Path, TrainingLibrary] = {}
    examples: list[GateExample] = []
    for source in (*sources, *far):
        place = source.index.resolve()
        if place not in libraries:
            libraries[place] = open_library(source, encoder)
        bench = GateBench(libraries[place], encoder, settings, out, created)
        made = bench.far_examples(source) if source in far else bench.examples(source)
        tell(f"{made[0].kind if made else source.directory}：{len(made)} 例")
        examples += made
    return write_gate(examples, encoder.fingerprint, out, recipe, created)


def write_gate(
    examples: Sequence[GateExample], fingerprint: str, out: Path, recipe: GateRecipe, created: dt.date
) -> GateResult:
    """Fit both gates on the examples and write them.

    :param fingerprint: of the encoder that the examples were made with.
    :raises DatasetError: too few examples, or none of one side to fit on or to choose the threshold by.
    :raises OSError: a file cannot be written.
    """
    sides = {(example.held_out, example.answerable) for example in examples}
    if len(examples) < _MIN_EXAMPLES or len(sides) < 4:
        raise DatasetError(
            f"用于校准拒答的例子有 {len(examples)} 个，至少要 {_MIN_EXAMPLES} 个，而且用来训练的和留作检验的"
            "（metadata.split 为 test 的都留作检验）都要有该回答的和该拒答的。请补充问题。"
        )
    fitted = {name: fit_gate(examples, recipe, cosines=name == "full") for name in ("full", "lexical")}
    held_out = [example for example in examples if example.held_out]
    figures = {name: _figures(model, held_out) for name, model in fitted.items()}
    counts = {kind: sum(e.kind == kind for e in examples) for kind in dict.fromkeys(e.kind for e in examples)}
    card = {
        "created": created.isoformat(),
        "data": counts,
        "recipe": asdict(recipe),
    }
    full, lexical = (replace(model, card={**card, "held_out": figures[n]}) for n, model in fitted.items())
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / GATE_FILE, GateModels(fingerprint, full, lexical).to_json() + "\n")
    write_whole(out / GATE_PAGE, gate_html(full, figures["full"], created.isoformat()))
    write_figures(out, "gate", figures)
    return GateResult(out / GATE_FILE, figures)


class GateBench:
    """Puts questions to one library as an officer would, with parts of it left out where wanted.

    A question that the adapter was fitted on is searched for with an adapter of a fold that has not seen it.
    """

    def __init__(
        self, library: TrainingLibrary, encoder: Encoder, settings: Settings, learned: Path, today: dt.date
    ) -> None:
        """Get ready for one library.

        :param learned: folder of the adapter, its folds, the ranking and the reader; what is missing there is taken
            from the package. A gate is not read: an old one must not stand in the way of a new one.
        """
        self._library, self._today = library, today
        base = load_learned(learned, encoder.fingerprint, encoder.dimension)
        remembering = _Remembering(encoder, library.index / QUESTIONS_CACHE)
        self._folds: AdapterFolds | None = read_folds(learned) if base.adapter is not None else None
        adapters: list[QueryAdapter | None] = [base.adapter]
        if self._folds is not None and base.adapter is not None:
            card = base.adapter.card
            adapters += [QueryAdapter(np.asarray(weight, np.float32), card) for weight in self._folds.weights]
        self._retrievers = [
            Retriever(library.snapshot, remembering, settings, LearnedRetrieval(own, base.ranking)) for own in adapters
        ]
        answering = LearnedAnswering(reader_of(learned), open_gate())
        self._answerer = Answerer(library.snapshot, self._retrievers[0], settings, answering)
        self._titles = np.array([short_title(passage.title) for passage in library.snapshot.passages])

    def examples(self, source: SetSource) -> list[GateExample]:
        """Twins of a set's answerable questions, and its questions that must be refused."""
        asked = read_question_set(source.directory, source.split, self._library.snapshot)
        name = asked.name if source.split in ("dev", TEST_SPLIT) else f"{asked.name}@{source.split}"
        expected = asked.expected
        documents = np.array(self._library.documents)
        made: list[GateExample] = []
        for question in asked.queries:
            held_out = self._held_out(question)
            if expected[question.query_id].unanswerable:
                made.append(self._example(f"{name}：应拒答", question, held_out, answerable=False))
                continue
            golds = [doc for doc, grade in asked.qrels.get(question.query_id, {}).items() if grade > 0]
            right = np.isin(documents, golds)
            if not right.any():
                continue
            query, found = self._ask(question, None)
            if query.references:
                continue  # looked up, never gated
            if any(document_id(hit.passage) in golds for hit in _searched(found)[:CONSIDERED_HITS]):
                made.append(GateExample(name, question.query_id, True, self._features(query, found), held_out))
            without = np.isin(self._titles, np.unique(self._titles[right])) if self._is_law(right) else right
            made.append(self._example(name, question, held_out, answerable=False, without=without))
        return made

    def far_examples(self, source: SetSource) -> list[GateExample]:
        """Every FAR_EVERY-th question of a set, put to a library that cannot answer it."""
        asked = read_question_set(source.directory, source.split, None)
        kind = f"{asked.name}→{self._library.index.name}"
        return [
            self._example(kind, question, self._held_out(question), answerable=False)
            for question in asked.queries[::FAR_EVERY]
        ]

    def _held_out(self, question: AskedQuery) -> bool:
        split = question.metadata.get("split")
        return split == TEST_SPLIT if split else is_held_out(question.query_id)

    def _is_law(self, right: Flags) -> bool:
        """Whether the answer stands in articles: then the whole law is taken out, with its other versions."""
        passages = self._library.snapshot.passages
        return all(passages[row].article is not None for row in np.flatnonzero(right).tolist())

    def _example(
        self, kind: str, question: AskedQuery, held_out: bool, *, answerable: bool, without: Flags | None = None
    ) -> GateExample:
        query, found = self._ask(question, without)
        return GateExample(kind, question.query_id, answerable, self._features(query, found), held_out)

    def _ask(self, question: AskedQuery, without: Flags | None) -> tuple[Query, Retrieval]:
        query = self._retrievers[0].understand(question.text, self._today, conversation_of(question))
        fold = -1 if self._folds is None else self._folds.fold_of(query.search_text)
        filters = Filters(as_of=as_of_of(question))
        found = self._retrievers[fold + 1].retrieve(query, filters, 8, today=self._today, without=without)
        return query, found

    def _features(self, query: Query, found: Retrieval) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self._answerer.gate_features(self._answerer.reading(_searched(found), query, found.signals))


def _searched(found: Retrieval) -> tuple[Hit, ...]:
    """The hits that were searched for, not looked up."""
    return tuple(hit for hit in found.hits if not hit.exact)


class _Remembering:
    """An encoder that keeps what it encoded, because every question is asked twice."""

    def __init__(self, encoder: Encoder, path: Path) -> None:
        from study_bot.index.embedding_cache import EmbeddingCache

        self._encoder, self._cache = encoder, EmbeddingCache(path)
        self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension
        self.encode_passages = encoder.encode_passages

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Vectors of questions, from the cache where they are known."""
        from study_bot.training.pairs import cached_vectors

        return cached_vectors(texts, self._encoder, self._cache)


def _figures(model: GateModel, held_out: Sequence[GateExample]) -> dict[str, object]:
    rates: Sequence[KindRates] = rates_by_kind(model, held_out)
    at = next((point for point in model.curve if point[0] == round(model.threshold, 2)), (model.threshold, 1.0, 1.0))
    return {
        "threshold": model.threshold,
        "caution": model.caution,
        "false_answers": at[1],
        "false_refusals": at[2],
        "passed": [
            {"kind": r.kind, "answerable": r.answerable, "questions": r.questions, "passed": round(r.passed, 4)}
            for r in rates
        ],
    }
