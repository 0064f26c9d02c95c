"""Which unit of a passage answers the question: a probability for each, from what the words show.

p(unit | passage) = softmax over the passage's units of  sum_f w_f (x_f - mean_f) / scale_f. A linear listwise model (as
ListNet, Cao et al., ICML 2007), fitted on questions whose answers are known to stand in a passage. Pure functions.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study_bot.answering.forms import expected_form
from study_bot.answering.terms import QuestionTerms, content_words
from study_bot.errors import LearnedFileError
from study_bot.retrieval.cues import QuestionKind, question_kind, wants_list
from study_bot.retrieval.lists import asked_things

Floats = npt.NDArray[np.float64]

READER_FILE = "reader.json"
_FORMAT = 1

UNIT_FEATURES = (
    "covered",
    "covered_locally",
    "covered_of_best",
    "covered_locally_of_best",
    "best",
    "longest_run",
    "longest_run_characters",
    "previous",
    "next",
    "previous_locally",
    "next_locally",
    "length",
    "fragment",
    "first",
    "place",
    "covered_beside_title",
    "form",
    "form_covered",
    "form_missing",
    "when_new_number",
    "how_many_new_number",
    "when_covered",
    "who_name",
    "where_name",
    "reason_words",
    "reason_previous",
    "reason_next",
    "definition_words",
    "definition_first",
    "list_marks",
)
"""Names of the columns of `unit_features`."""

_IGNORED = re.compile(r"[^\w]|_")
_NUMBER = re.compile(r"[0-9０-９]+|[零〇一二三四五六七八九十百千万亿两半]+(?=[年月日个人名次天岁元米度届种条])")
_PERSON = re.compile(r"谁|何人|哪[一几]?[位个]人|人物")
_PLACE = re.compile(r"哪里|何处|何地|地方|哪[一几]?个?(?:国|省|市|县|城市|地区)|在哪|位于")
_REASONS = re.compile(r"因为|由于|因此|所以|为了|导致|原因|以便|之所以")
_DEFINING = re.compile(r"是|指|即|称")
_LISTING = re.compile(r"、|分别|包括|以及|；")
_NAMES_OF_PERSONS = frozenset({"nr", "nrt", "nrfg"})
_NAMES_OF_PLACES = frozenset({"ns"})


@dataclass(frozen=True, slots=True)
class ReaderQuestion:
    """A question as the reader sees it. `terms` are its informative tokens, `plain` its informative characters,
    `things` what it wants listed ("" = nothing)."""

    text: str
    terms: QuestionTerms
    plain: str
    kind: QuestionKind
    wants_list: bool
    things: str = ""


def reader_question(text: str, terms: QuestionTerms) -> ReaderQuestion:
    """Read the question's cues; `terms` are those of `content_words(text)`."""
    kind, plain = question_kind(text, asks_article=False), plain_characters(content_words(text))
    return ReaderQuestion(text, terms, plain, kind, wants_list(text), asked_things(text))


Tokens = Callable[[str], list[str]]
Tags = Callable[[str], set[str]]
"""Part-of-speech tags that occur in a text; asked only where a question wants a name."""


def unit_features(question: ReaderQuestion, title: str, units: Sequence[str], tokens: Tokens, tags: Tags) -> Floats:
    """Features of the units of one passage, in reading order: shape (units, len(UNIT_FEATURES)).

    :param title: of the document, whose words any unit may leave unsaid.
    :param tokens: the tokenizer of the question's terms.
    """
    words = [set(tokens(unit)) for unit in units]
    covered = np.array([question.terms.coverage(own) for own in words])
    local = _local_terms(question.terms, words)
    locally = np.array([local.coverage(own) for own in words])
    beside = question.terms.without(tokens(title))
    share = beside.total / question.terms.total if question.terms.total else 0.0
    form = expected_form(question.kind)
    rows = []
    for i, unit in enumerate(units):
        fits = form is not None and form.search(unit) is not None
        run = longest_run(question.plain, plain_characters(unit))
        previous, following = (covered[i - 1] if i else 0.0), (covered[i + 1] if i + 1 < len(units) else 0.0)
        before, after = (locally[i - 1] if i else 0.0), (locally[i + 1] if i + 1 < len(units) else 0.0)
        new_number = fits and any(number not in question.text for number in _NUMBER.findall(unit))
        when, reason = question.kind is QuestionKind.WHEN, question.kind is QuestionKind.REASON
        definition = question.kind is QuestionKind.DEFINITION
        who, where = _PERSON.search(question.text) is not None, _PLACE.search(question.text) is not None
        found = tags(unit) if who or where else set()
        rows.append(
            (
                covered[i],
                locally[i],
                covered[i] / max(covered.max(), 1e-9),
                locally[i] / max(locally.max(), 1e-9),
                covered[i] >= covered.max(),
                run / max(len(question.plain), 1),
                min(run, 10) / 10,
                previous,
                following,
                before,
                after,
                math.log1p(len(unit)) / 5,
                len(unit) < 8,
                i == 0,
                i / len(units),
                share * beside.coverage(words[i]),
                fits,
                fits * locally[i],
                form is not None and not fits,
                when and new_number,
                question.kind is QuestionKind.HOW_MANY and new_number,
                when * covered[i],
                who and bool(found & _NAMES_OF_PERSONS),
                where and bool(found & _NAMES_OF_PLACES),
                reason and _REASONS.search(unit) is not None,
                reason * before,
                reason * after,
                definition and _DEFINING.search(unit[:40]) is not None,
                definition and i == 0,
                question.wants_list and _LISTING.search(unit) is not None,
            )
        )
    return np.array(rows, np.float64).reshape(len(units), len(UNIT_FEATURES))


@dataclass(frozen=True, slots=True, eq=False)
class ReaderModel:
    """Weights over standardised features, each of shape (features,).

    `passage_temperature` (> 0) divides the scores of hits before they are turned into probabilities. `price` is the
    probability per character from which a further unit is worth reading: with p the probability that a unit holds the
    answer, a unit is quoted if p > price * characters. It trades the share of answers found against their mean length,
    and is the best rule for a given mean length.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    passage_temperature: float = 1.0
    price: float = 0.001
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """:raises ValueError: a shape does not fit the features, or a number that must be above 0 is not."""
        shapes = {a.shape for a in (self.mean, self.scale, self.weights)}
        if shapes != {(len(UNIT_FEATURES),)}:
            raise ValueError(f"weights for {len(UNIT_FEATURES)} features expected, got {shapes}")
        if not (self.scale > 0).all() or self.passage_temperature <= 0 or self.price <= 0:
            raise ValueError("scales, temperature and price must be above 0")

    def probabilities(self, features: Floats) -> Floats:
        """Of each unit of a passage that it holds the answer, given that the passage does; they sum to 1."""
        return softmax(((features - self.mean) / self.scale) @ self.weights)

    def passage_probabilities(self, scores: Sequence[float]) -> Floats:
        """Of each hit that it holds the answer, given that one does; they sum to 1."""
        return softmax(np.asarray(scores, np.float64) / self.passage_temperature)

    def to_json(self) -> str:
        """The file's text."""
        arrays = {name: [float(f"{v:.6g}") for v in getattr(self, name)] for name in ("mean", "scale", "weights")}
        numbers = {"passage_temperature": self.passage_temperature, "price": self.price}
        return json.dumps(
            {"format": _FORMAT, "features": UNIT_FEATURES, **arrays, **numbers, "card": dict(self.card)},
            ensure_ascii=False,
            indent=1,
        )


def load_reader(path: Path) -> ReaderModel:
    """Read a reader's weights.

    :raises LearnedFileError: the file is missing, damaged, or made for other features than this version computes.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] != _FORMAT or data["features"] != list(UNIT_FEATURES):
            raise ValueError("made for other features")
        arrays = {name: np.array(data[name], np.float64) for name in ("mean", "scale", "weights")}
        return ReaderModel(
            **arrays,
            passage_temperature=float(data["passage_temperature"]),
            price=float(data["price"]),
            card=dict(data.get("card", {})),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearnedFileError(
            f"摘句模型 {path} 无法使用（{error}）。请重新训练（study-bot train reader），或删除该文件以使用自带的。"
        ) from error


def softmax(scores: Floats) -> Floats:
    """Probabilities in proportion to e^score; empty for no scores."""
    if not scores.size:
        return np.zeros(0)
    powers = np.exp(scores - scores.max())
    result: Floats = powers / powers.sum()
    return result


def _local_terms(terms: QuestionTerms, units: Sequence[set[str]]) -> QuestionTerms:
    """The terms that occur in the passage, weighed by their rarity among its units as well."""
    held = {token: sum(token in unit for unit in units) for token in terms.weights}
    count = len(units) + 1
    return QuestionTerms(
        {t: w * math.log(count / (held[t] + 0.5)) for t, w in terms.weights.items() if 0 < held[t] < count - 0.5}
    )


def plain_characters(text: str) -> str:
    """The text's letters, ideographs and digits, in lower case."""
    return _IGNORED.sub("", text).lower()


def longest_run(question: str, unit: str) -> int:
    """Length of the longest string of characters that stands in both."""
    best = 0
    for start in range(len(question)):
        while start + best < len(question) and question[start : start + best + 1] in unit:
            best += 1
    return best
