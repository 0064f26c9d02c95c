"""Quiz questions answered from passages alone: which of the options do the texts bear out?

Nothing is written and nothing guessed: an option is picked for the words that stand at the place of the blank, which
the choice names, and when no option stands out none is picked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from study_bot.answering.option_evidence import weigh
from study_bot.answering.quiz_forms import Stem, parse_stem, plain_option, referred_options, statement_of, truth_options
from study_bot.answering.statement_check import Verdict, check_statement
from study_bot.text import split_sentences
from study_bot.types import Hit, Passage

MAX_PASSAGES = 8
"""Hits looked at."""

# Set on one half of 298 quiz questions with options, checked on the other. Rather too high:
# an option picked from a text that does not answer the question is worse than none.
_LEAST_CONTEXT = 0.45
# Where several options may be right they stand in a list, apart from the words before it.
_LEAST_CONTEXT_OF_LISTS = 0.25
_LEAST_MARGIN = 0.1

_BORNE_OUT = 0.5
"""Gain from which an option counts as standing there, where several may. Items of a list keep more than 0.6, however
far down they are; items of other lists of the same law have less than 0.4 in 98 of 100 cases."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The sentences `[start, end)` of a passage's own text that bear out a choice."""

    passage: Passage
    start: int
    end: int

    @property
    def quote(self) -> str:
        """The sentences, verbatim."""
        return self.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which options the passages bear out.

    `picked` are indices of options in ascending order; empty = undecided. Nothing is picked without a proof.
    `scores` (0..1), one for each option, are the shares of the sentence with that option in it that stand in a passage;
    where what does not hold is asked for, low scores are picked. `hits` are those looked at, best first. `proofs` are
    in the order of the options they bear out; those of a negative question bear out the options not picked. `margin`
    (>= 0) is the distance between the options picked and the nearest other one, in parts of what a whole option is
    worth; for statements and judgements the share of the words that agree.
    """

    picked: tuple[int, ...]
    scores: tuple[float, ...]
    hits: tuple[Hit, ...]
    proofs: tuple[Proof, ...] = ()
    margin: float = 0.0


_Span = tuple[int, int, int]
"""Number of a passage, start and end in its own text."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What is asked: the options to judge by their indices, and which others each option about options names."""

    stem: Stem
    options: Mapping[int, str]
    referred: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Decision:
    """`shown` are the options whose places prove the decision."""

    picked: tuple[int, ...] = ()
    margin: float = 0.0
    shown: tuple[int, ...] = ()


_UNDECIDED = _Decision()


def choose(question: str, options: Sequence[str], hits: Sequence[Hit]) -> Choice:
    """Answer a quiz question.

    Understood are single and multiple choice, questions for what does not hold (不属于, 错误的是), options that are
    statements of their own (下列说法正确的是), options about options (以上都是, A和B), and true or false (对, 错).

    :param options: with or without their letters.
    :param hits: passages, best first; only the first `MAX_PASSAGES` are read.
    :raises ValueError: there are no options.
    """
    if not options:
        raise ValueError("a choice needs options")
    hits = tuple(hits[:MAX_PASSAGES])
    passages = [hit.passage for hit in hits]
    plain = [plain_option(option) for option in options]
    truth = truth_options(plain)
    if truth is not None:
        return _judge(question, truth, hits)
    stem, referred = parse_stem(question), referred_options(plain)
    task = _Task(stem, {i: option for i, option in enumerate(plain) if i not in referred}, referred)
    decide = _decide_statements if stem.about_statements else _decide_fillings
    decision, shares, spans = decide(task, passages)
    if any(index not in spans for index in decision.shown):
        decision = _UNDECIDED
    for index, others in referred.items():
        shares[index] = min((shares[i] for i in others), default=0.0)
    scores = tuple(shares[index] for index in range(len(plain)))
    proofs = _proofs((spans[i] for i in decision.shown), passages)
    return Choice(decision.picked, scores, hits, proofs, decision.margin)


def pooled(lists: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """The hits of several searches, `MAX_PASSAGES` at most: the first of each, then the second, none twice."""
    by_id: dict[str, Hit] = {}
    for rank in range(max(map(len, lists), default=0)):
        for hits in lists:
            if rank < len(hits):
                by_id.setdefault(hits[rank].passage.passage_id, hits[rank])
    return tuple(by_id.values())[:MAX_PASSAGES]


def _judge(question: str, truth: tuple[int, int], hits: tuple[Hit, ...]) -> Choice:
    finding = check_statement(statement_of(question), [hit.passage for hit in hits])
    if finding is None or finding.verdict is Verdict.OPEN:
        return Choice((), (0.0, 0.0), hits)
    picked = truth[0] if finding.verdict is Verdict.HOLDS else truth[1]
    scores = tuple(finding.share if index == picked else 0.0 for index in range(2))
    proofs = _proofs([(finding.passage, finding.start, finding.end)], [hit.passage for hit in hits])
    return Choice((picked,), scores, hits, proofs, finding.share)


_Outcome = tuple[_Decision, dict[int, float], dict[int, _Span]]
"""The decision; share and span of each option judged, the span missing where nothing was found."""


def _decide_fillings(task: _Task, passages: Sequence[Passage]) -> _Outcome:
    evidence = dict(zip(task.options, weigh(task.stem, list(task.options.values()), passages), strict=True))
    shares = {index: found.share for index, found in evidence.items()}
    spans = {i: (e.place.passage, e.place.start, e.place.end) for i, e in evidence.items() if e.place is not None}
    listing = task.stem.several or task.stem.negative or bool(task.referred)
    least = _LEAST_CONTEXT_OF_LISTS if listing else _LEAST_CONTEXT
    if max((found.context for found in evidence.values()), default=0.0) < least:
        return _UNDECIDED, shares, spans
    return _decide_by_gain(task, {index: found.gain for index, found in evidence.items()}), shares, spans


def _decide_by_gain(task: _Task, gains: Mapping[int, float]) -> _Decision:
    standing = frozenset(index for index, gain in gains.items() if gain >= _BORNE_OUT)
    group = _group_of(standing, task.referred)
    if group is not None and not task.stem.negative:
        return _Decision((group,), min(abs(gain - _BORNE_OUT) for gain in gains.values()), tuple(sorted(standing)))
    if task.stem.several or task.stem.negative:
        return _decide_by_threshold(gains, standing, task.stem)
    best = max(gains, key=lambda index: gains[index])
    # What is a part of the best option stands where that stands; it is no rival.
    whole = task.options[best]
    rivals = [gain for index, gain in gains.items() if index != best and task.options[index] not in whole]
    margin = gains[best] - max(rivals, default=0.0)
    return _Decision((best,), margin, (best,)) if margin >= _LEAST_MARGIN else _UNDECIDED


def _decide_by_threshold(gains: Mapping[int, float], standing: frozenset[int], stem: Stem) -> _Decision:
    """Those that stand in the passages, or for a negative question those that do not, of which there is one unless
    several may be right. Something must stand there in either case: that nothing was found proves nothing."""
    missing = frozenset(gains) - standing
    picked = missing if stem.negative else standing
    if not standing or not picked or (len(picked) > 1 and not stem.several):
        return _UNDECIDED
    margin = min(gains[i] for i in standing) - max((gains[i] for i in missing), default=0.0)
    if margin < _LEAST_MARGIN:
        return _UNDECIDED
    return _Decision(tuple(sorted(picked)), margin, tuple(sorted(standing)))


def _decide_statements(task: _Task, passages: Sequence[Passage]) -> _Outcome:
    """A wrong statement is one that is contradicted, or the only one that is not borne out."""
    findings = {index: check_statement(option, passages) for index, option in task.options.items()}
    found = {index: finding for index, finding in findings.items() if finding is not None}
    shares = {index: found[index].share if index in found else 0.0 for index in findings}
    spans = {index: (finding.passage, finding.start, finding.end) for index, finding in found.items()}
    holding = frozenset(i for i, finding in found.items() if finding.verdict is Verdict.HOLDS)
    contradicted = frozenset(i for i, finding in found.items() if finding.verdict is Verdict.CONTRADICTED)
    wrong = contradicted
    if not contradicted and len(holding) == len(findings) - 1:
        wrong = frozenset(findings) - holding
    right = wrong if task.stem.negative else holding
    group = _group_of(right, task.referred)
    picked = tuple(sorted(right)) if group is None else (group,)
    if not picked or (len(picked) > 1 and not task.stem.several):
        return _UNDECIDED, shares, spans
    shown = tuple(sorted(holding | contradicted if task.stem.negative else holding))
    return _Decision(picked, min((shares[i] for i in shown), default=0.0), shown), shares, spans


def _group_of(indices: frozenset[int], referred: Mapping[int, frozenset[int]]) -> int | None:
    """The option that names just these others, two at least."""
    return next((i for i, others in sorted(referred.items()) if len(others) > 1 and others == indices), None)


def _proofs(spans: Iterable[_Span], passages: Sequence[Passage]) -> tuple[Proof, ...]:
    """The sentences that hold the spans (passage, start, end), each once."""
    proofs: dict[tuple[int, int, int], Proof] = {}
    for number, start, end in spans:
        held = [(a, b) for a, b in split_sentences(passages[number].text) if a < end and start < b]
        if held:
            proof = Proof(passages[number], held[0][0], held[-1][1])
            proofs.setdefault((number, proof.start, proof.end), proof)
    return tuple(proofs.values())
