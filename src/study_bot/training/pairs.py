"""Questions as vectors, with the passages they should find: what the adapter learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from study_bot.index.embedding import Encoder
from study_bot.index.embedding_cache import EmbeddingCache, text_hash
from study_bot.index.vectors import Vectors
from study_bot.text import split_sentences
from study_bot.training.folds import Numbers
from study_bot.training.measures import Figures, dense_measures
from study_bot.training.sets import QUESTIONS_CACHE, TrainingLibrary, TrainingSet

_BLOCK = 128
"""Questions encoded between two writes to the cache."""

_SENTENCE_CHARS = range(10, 61)
"""Lengths of sentences that can stand for a question."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Questions and their right passages in one library.

    `texts` are what was encoded, `vectors` (n, dimension) the encoder's own vectors of them. `positives` are the rows
    of right passages of each question (at least one), `golds` the documents these belong to. `passages` (rows,
    dimension) are the vectors of the library, `documents` the name of each row. `weight` is how much a question counts.
    """

    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Vectors
    positives: tuple[Numbers, ...]
    golds: tuple[frozenset[str], ...]
    passages: Vectors
    documents: tuple[str, ...]
    weight: float = 1.0

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.ids)

    def taken(self, kept: npt.NDArray[np.bool_]) -> Pairs:
        """Those questions whose flag is set."""
        places = np.flatnonzero(kept).tolist()
        return replace(
            self,
            ids=tuple(self.ids[i] for i in places),
            texts=tuple(self.texts[i] for i in places),
            vectors=self.vectors[places],
            positives=tuple(self.positives[i] for i in places),
            golds=tuple(self.golds[i] for i in places),
        )

    def measures(self, vectors: Vectors) -> Figures:
        """Measures of each question when it is searched for with its row of `vectors` alone."""
        return dense_measures(vectors, self.passages, self.documents, self.golds)


def pairs_of(data: TrainingSet, vectors: Vectors) -> Pairs:
    """The questions of a set that vectors can help, and their passages; `vectors` are those of all its questions.

    A question all of whose golds are looked up by number is left out: nothing about 第十七条 can be learned from the
    words of the seventeenth article.
    """
    kept = [i for i, question in enumerate(data.questions) if not question.is_looked_up]
    questions = [data.questions[i] for i in kept]
    return Pairs(
        name=data.name,
        ids=tuple(question.query_id for question in questions),
        texts=tuple(question.query.search_text for question in questions),
        vectors=vectors[kept],
        positives=tuple(question.rows for question in questions),
        golds=tuple(question.golds for question in questions),
        passages=data.library.vectors,
        documents=data.library.documents,
    )


def question_vectors(data: TrainingSet, encoder: Encoder, on_progress: Callable[[int], None] | None = None) -> Vectors:
    """The encoder's vectors of all questions of a set, (n, dimension), kept in the cache of its index.

    :param on_progress: gets the number of questions done so far.
    :raises SnapshotError: the cache cannot be read or written.
    :raises ModelError: the encoder failed.
    """
    texts = [question.query.search_text for question in data.questions]
    return cached_vectors(texts, encoder, EmbeddingCache(data.library.index / QUESTIONS_CACHE), on_progress)


def cached_vectors(
    texts: Sequence[str], encoder: Encoder, cache: EmbeddingCache, on_progress: Callable[[int], None] | None = None
) -> Vectors:
    """Vectors of questions, (n, dimension), in order: from the cache, and only then from the encoder.

    A cache of questions must not be one of passages: the same words give another vector as a passage.
    """
    keys = [text_hash(text) for text in texts]
    known = dict(cache.get_many(encoder.fingerprint, keys))
    wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    missing = list(wanted.items())
    for start in range(0, len(missing), _BLOCK):
        block = missing[start : start + _BLOCK]
        vectors = encoder.encode_queries([text for _, text in block])
        fresh = {key: vector for (key, _), vector in zip(block, vectors, strict=True)}
        cache.put_many(encoder.fingerprint, fresh)
        known |= fresh
        if on_progress is not None:
            on_progress(start + len(block))
    return np.array([known[key] for key in keys], np.float32).reshape(len(keys), encoder.dimension)


def self_pairs(library: TrainingLibrary, encoder: Encoder, count: int, seed: int, weight: float) -> Pairs:
    """Sentences of a library as questions for the passage they stand in; at most `count`, each of another passage.

    They keep the adapter from bending what finds its passage anyway: other subjects, questions in the words of the
    text. A passage that is a single sentence gives none: that pair would say nothing.
    """
    random = np.random.default_rng(seed)
    chosen: list[tuple[int, str]] = []
    for row in random.permutation(len(library.documents)).tolist():
        if len(chosen) == count:
            break
        text = library.snapshot.passages[row].text
        spans = split_sentences(text)
        fitting = [(start, end) for start, end in spans if end - start in _SENTENCE_CHARS]
        if len(spans) > 1 and fitting:
            start, end = fitting[int(random.integers(len(fitting)))]
            chosen.append((row, text[start:end]))
    texts = tuple(text for _, text in chosen)
    rows = [row for row, _ in chosen]
    return Pairs(
        name=f"{library.index.name}（自身语句）",
        ids=tuple(str(row) for row in rows),
        texts=texts,
        vectors=cached_vectors(texts, encoder, EmbeddingCache(library.index / QUESTIONS_CACHE)),
        positives=tuple(np.array([row], np.int64) for row in rows),
        golds=tuple(frozenset({library.documents[row]}) for row in rows),
        passages=library.vectors,
        documents=library.documents,
        weight=weight,
    )
