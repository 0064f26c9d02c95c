"""Whether the library answers a question: a probability from what retrieval and the reader show, and the gate on it.

    P(answered) = 1 / (1 + e^-(b + sum_f w_f z_f + sum_{f<=g} v_{f,g} z_f z_g)),  z_f = (x_f - mean_f) / scale_f

A logistic regression with products of features (how much a cosine says depends on how much of the vocabulary is there),
fitted on questions put to libraries that hold their answer and to the same libraries with the
answer taken out (docs/architecture.md, "Refusal", has the figures). Cosines mean something only under the encoder they
were fitted with, so there are two sets of weights: one for that encoder, and one that does without cosines.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study_bot.answering.extractive import Piece
from study_bot.answering.forms import expected_form
from study_bot.answering.reader import ReaderQuestion, longest_run, plain_characters
from study_bot.answering.terms import QuestionTerms, Tokens
from study_bot.errors import LearnedFileError
from study_bot.library.passages import embedding_text
from study_bot.retrieval.features import QUESTION_FEATURES
from study_bot.types import Hit

Floats = npt.NDArray[np.float64]

GATE_FILE = "gate.json"
_FORMAT = 1

CONSIDERED = 5
"""Hits that are compared with the question."""

_UNITED = 3
"""Hits whose words are taken together: an answer may stand in several places."""

_RARE = 3
"""The question's rarest tokens that are looked at separately."""

_FAR = 4.0
"""Features further than this many deviations from what was seen in training count as that far."""

COSINE_FEATURES = ("dense_top", "adapted_top", "dense_margin", "adapted_margin", "dense_spread")
"""Features that depend on the encoder."""

GATE_FEATURES = (
    *COSINE_FEATURES,
    "bm25_spread",
    "agreement",
    "covered",
    "covered_together",
    "covered_squared",
    "covered_first",
    "rare_covered",
    "unseen",
    "piece_covered",
    "piece_probability",
    "passage_probability",
    "form_found",
    "form_missing",
    "run_share",
    "run_characters",
    "question_length",
    "asks_fact",
)
"""Names of what `gate_features` gives."""


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What the gate looks at: the hits, best first, the question and its terms, and the reader's pieces."""

    hits: Sequence[Hit]
    question: ReaderQuestion
    pieces: Sequence[Piece]
    signals: Sequence[float]
    """What describes the search as a whole, in the order of `retrieval.features.QUESTION_FEATURES`."""
    unseen: float
    """Share (0..1) of the question's weight in tokens that no passage of the library has."""


def gate_features(evidence: GateEvidence, tokens: Tokens) -> Floats:
    """Features in the order of GATE_FEATURES; all zero without hits."""
    hits, terms = evidence.hits[:CONSIDERED], evidence.question.terms
    if not hits:
        return np.zeros(len(GATE_FEATURES))
    words = [set(tokens(embedding_text(hit.passage))) for hit in hits]
    covered = [terms.coverage(own) for own in words]
    dense = [hit.dense for hit in evidence.hits if hit.dense is not None] or [0.0]
    adapted = [hit.adapted for hit in evidence.hits if hit.adapted is not None] or [0.0]
    best = max(evidence.pieces, key=lambda piece: piece.probability)
    quoted = " ".join(hits[best.hit].passage.text[start:end] for start, end in best.unit.spans)
    own = [p.probability for p in evidence.pieces if p.hit == best.hit]
    form = expected_form(evidence.question.kind)
    run = max(longest_run(evidence.question.plain, plain_characters(embedding_text(hit.passage))) for hit in hits)
    top = max(covered)
    signals = dict(zip(QUESTION_FEATURES, evidence.signals, strict=True))
    return np.array(
        [
            max(dense),
            max(adapted),
            max(dense) - sum(dense) / len(dense),
            max(adapted) - sum(adapted) / len(adapted),
            signals["dense_spread"],
            signals["bm25_spread"],
            signals["agreement"],
            top,
            terms.coverage(set().union(*words[:_UNITED])),
            top * top,
            covered[0],
            max(_rarest(terms).coverage(own) for own in words),
            evidence.unseen,
            terms.coverage(set(tokens(quoted)) | set(tokens(hits[best.hit].passage.title))),
            best.probability / max(sum(own), 1e-9),
            sum(own),
            form is not None and form.search(quoted) is not None,
            form is not None and not any(form.search(hit.passage.text) for hit in hits[:_UNITED]),
            run / max(len(evidence.question.plain), 1),
            min(run, 12) / 12,
            math.log1p(len(terms.weights)),
            form is not None,
        ],
        np.float64,
    )


@dataclass(frozen=True, slots=True, eq=False)
class GateModel:
    """Weights over standardised features, and the bias: `mean`, `scale`, `weights` have shape (features,), `crossed`
    (features, features) with zeros below the diagonal.

    `threshold` (0..1) is the probability below which the answer is a refusal, `caution` the one below which an answer
    comes with a warning; each is chosen for a target rate of false answers. `curve` holds (threshold, false answers,
    false refusals) on questions that were held out.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    crossed: Floats
    bias: float
    threshold: float
    caution: float = 1.0
    curve: tuple[tuple[float, float, float], ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """:raises ValueError: a shape does not fit the features, or a number is out of range."""
        shapes = {a.shape for a in (self.mean, self.scale, self.weights)}
        if shapes != {(len(GATE_FEATURES),)}:
            raise ValueError(f"weights for {len(GATE_FEATURES)} features expected, got {shapes}")
        if self.crossed.shape != (len(GATE_FEATURES),) * 2:
            raise ValueError(f"crossed weights of shape {self.crossed.shape}")
        if not (self.scale > 0).all() or not 0 <= self.threshold <= self.caution <= 1:
            raise ValueError("scales must be above 0, and 0 <= threshold <= caution <= 1")

    def probability(self, features: Floats) -> float:
        """Probability (0..1) that the library answers the question."""
        z = np.clip((features - self.mean) / self.scale, -_FAR, _FAR)
        score = self.bias + float(z @ self.weights) + float(z @ self.crossed @ z)
        return 1 / (1 + math.exp(-max(min(score, 500.0), -500.0)))


def open_gate() -> GateModel:
    """A gate that lets every question pass, for the time before there is one."""
    size = len(GATE_FEATURES)
    return GateModel(np.zeros(size), np.ones(size), np.zeros(size), np.zeros((size, size)), 0.0, 0.0, caution=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class GateModels:
    """`full` holds for the encoder with the fingerprint `model`, `lexical` for any."""

    model: str
    full: GateModel
    lexical: GateModel

    def for_encoder(self, fingerprint: str) -> GateModel:
        """The weights to use with an encoder."""
        return self.full if fingerprint == self.model else self.lexical

    def to_json(self) -> str:
        """The file's text."""
        data = {"format": _FORMAT, "features": GATE_FEATURES, "model": self.model}
        return json.dumps(
            {**data, "full": _plain(self.full), "lexical": _plain(self.lexical)}, ensure_ascii=False, indent=1
        )


def load_gate(path: Path) -> GateModels:
    """Read both sets of weights.

    :raises LearnedFileError: the file is missing, damaged, or made for other features than this version computes.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] != _FORMAT or data["features"] != list(GATE_FEATURES):
            raise ValueError("made for other features")
        return GateModels(str(data["model"]), _gate(data["full"]), _gate(data["lexical"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearnedFileError(
            f"拒答模型 {path} 无法使用（{error}）。请重新训练（study-bot train gate），或删除该文件以使用自带的。"
        ) from error


def unseen_share(terms: QuestionTerms, known: Sequence[str]) -> float:
    """Share (0..1) of a question's weight in tokens that are not among `known`; 0 without terms."""
    return 1 - terms.coverage(known) if terms.total else 0.0


_ARRAYS = ("mean", "scale", "weights", "crossed")


def _plain(model: GateModel) -> dict[str, Any]:
    arrays = {name: _rounded(getattr(model, name).tolist()) for name in _ARRAYS}
    numbers = {
        "bias": model.bias,
        "threshold": model.threshold,
        "caution": model.caution,
        "curve": [list(point) for point in model.curve],
    }
    return {**arrays, **numbers, "card": dict(model.card)}


def _gate(values: Mapping[str, Any]) -> GateModel:
    arrays = {name: np.array(values[name], np.float64) for name in _ARRAYS}
    curve = tuple((float(a), float(b), float(c)) for a, b, c in values["curve"])
    return GateModel(
        **arrays,
        bias=float(values["bias"]),
        threshold=float(values["threshold"]),
        caution=float(values["caution"]),
        curve=curve,
        card=dict(values.get("card", {})),
    )


def _rounded(values: Sequence[Any]) -> list[Any]:
    return [_rounded(v) if isinstance(v, list) else float(f"{v:.6g}") for v in values]


def _rarest(terms: QuestionTerms) -> QuestionTerms:
    top = sorted(terms.weights, key=lambda token: (-terms.weights[token], token))[:_RARE]
    return QuestionTerms({token: terms.weights[token] for token in top})
