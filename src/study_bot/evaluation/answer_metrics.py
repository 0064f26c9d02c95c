"""Measures of one answer record against what its set expects. Pure functions over what `eval answers` writes.

Nothing here trusts the product's own checks: whether a text is quoted is found out from the record alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from study_bot.evaluation.expectations import Expectation
from study_bot.evaluation.text_scores import character_f1, contains, exact_match, plain, quoted_share, rouge_l

# The marks that refer to citations, and a line that only names the place of what follows it.
_MARKS = re.compile(r"(?:\[\d+\])+")
_HEADING = re.compile(r"《(?P<name>[^》]+)》[^。；！？\n]{0,80}：")

# A gold answer of more characters is an explanation: nobody can expect it word for word in a quotation.
_LOOKED_FOR = 50


def score_answer(record: Mapping[str, object], expected: Expectation) -> dict[str, float]:
    """Every measure that applies, by name (`measures.describe` tells what each is).

    A refusal of an answerable question scores 0 wherever a right answer would score; measures of the form of an
    answer (`chars`, `verbatim`, `citation_precision`) are left out for refusals. A question of which the set says
    nothing has those alone.
    """
    refused = bool(record.get("refused"))
    scores = _form(record, expected) if not refused else {}
    if expected.unanswerable:
        scores["false_answer"] = float(not refused)
        scores["right"] = float(refused)
    elif expected.answerable:
        scores["false_refusal"] = float(refused)
        scores |= _content(record, expected, refused=refused)
        if (right := is_right(record, expected)) is not None:
            scores["right"] = float(right)
    latency = record.get("latency_ms")
    if isinstance(latency, Mapping) and isinstance(total := latency.get("total"), int | float):
        scores["total_ms"] = float(total)
    return scores


def is_right(record: Mapping[str, object], expected: Expectation) -> bool | None:
    """Whether an answer is right; None if the set gives no means to know.

    The first of these that the set states decides: a refusal where one is due; the options of a choice; the words at
    every blank; all strings
    of `must` in an answer with citations; a gold answer in the quotes (a long gold: a relevant passage cited); a
    relevant passage cited. A refusal of an answerable question is wrong, but a choice may be made, and blanks be
    filled, beside one.
    """
    refused = bool(record.get("refused"))
    if expected.unanswerable:
        return refused
    if expected.options:
        return chosen_options(record) == right_texts(expected) if expected.right and "choice" in record else None
    if expected.blanks:
        return blanks_right(record, expected) if "blanks" in record else None
    if not (expected.must or expected.answers or expected.relevant):
        return None
    if refused:
        return False
    if expected.must:
        return all(contains(answer_text(record), text) for text in expected.must) and bool(citations_of(record))
    cited = any(_is_relevant(citation, expected) for citation in citations_of(record))
    if expected.answers:
        long_gold = all(len(plain(gold)) > _LOOKED_FOR for gold in expected.answers)
        return _any_in(quotes_of(record), expected.answers) or (long_gold and cited)
    return cited


def answer_text(record: Mapping[str, object]) -> str:
    """The answer without the marks of its citations."""
    return _MARKS.sub("", str(record.get("answer", "")))


def citations_of(record: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The citations of a record, in its order."""
    citations = record.get("citations")
    return [c for c in citations if isinstance(c, Mapping)] if isinstance(citations, list) else []


def quotes_of(record: Mapping[str, object]) -> str:
    """All quotes of a record, one after the other: a gold may run over several quotes of neighbouring sentences."""
    return "\n".join(str(citation.get("quote", "")) for citation in citations_of(record))


def chosen_options(record: Mapping[str, object]) -> frozenset[str]:
    """Texts of the options picked; empty = undecided."""
    choice = record.get("choice")
    picked = choice.get("picked") if isinstance(choice, Mapping) else None
    return frozenset(str(text) for text in picked) if isinstance(picked, list) else frozenset()


def right_texts(expected: Expectation) -> frozenset[str]:
    """Texts of the right options."""
    return frozenset(expected.options[place] for place in expected.right)


def filled_blanks(record: Mapping[str, object]) -> tuple[str | None, ...]:
    """The words at each blank; None = nothing was found for it."""
    words = record.get("blanks")
    return tuple(None if one is None else str(one) for one in words) if isinstance(words, list) else ()


def blanks_right(record: Mapping[str, object], expected: Expectation) -> bool:
    """Whether every blank holds exactly one of its golds, punctuation and white space apart."""
    filled = filled_blanks(record)
    return len(filled) == len(expected.blanks) and all(
        words is not None and any(plain(words) == plain(gold) for gold in golds)
        for words, golds in zip(filled, expected.blanks, strict=True)
    )


def verbatim_share(record: Mapping[str, object]) -> float:
    """Share of the answer's characters that stand in the quotes, headings apart; 1 for an answer of headings alone.

    An answer is taken apart at its marks `[n]`: the words before a mark must stand in the quotes of that mark, words
    after the last one in any quote. A line counts as a heading if it names the title of a cited document and ends
    with a colon. Each line weighs as much as it has characters. See `text_scores.quoted_share` for what is a quote.
    """
    quotes = {str(citation.get("n")): str(citation.get("quote", "")) for citation in citations_of(record)}
    titles = [plain(str(citation.get("title", ""))) for citation in citations_of(record)]
    weighed = total = 0.0
    for text, numbers in _marked_parts(str(record.get("answer", ""))):
        source = "\n".join(quotes.get(n, "") for n in numbers) if numbers else "\n".join(quotes.values())
        for line in re.split(r"\n|……", text):
            characters = len(plain(line))
            if not characters or _is_heading(line, titles):
                continue
            total += characters
            weighed += characters * quoted_share(line, source)
    return weighed / total if total else 1.0


def _form(record: Mapping[str, object], expected: Expectation) -> dict[str, float]:
    """Measures of an answer that need no right answer, and of its citations."""
    scores = {"chars": float(len(plain(answer_text(record)))), "verbatim": verbatim_share(record)}
    citations = citations_of(record)
    if citations and (expected.relevant or expected.answers) and expected.answerable:
        relevant = [_is_relevant(c, expected) or _any_in(str(c.get("quote", "")), expected.answers) for c in citations]
        scores["citation_precision"] = sum(relevant) / len(relevant)
    return scores


def _content(record: Mapping[str, object], expected: Expectation, *, refused: bool) -> dict[str, float]:
    """Measures against golds, judgements, required words and options."""
    text = "" if refused else answer_text(record)
    quotes = "" if refused else quotes_of(record)
    scores: dict[str, float] = {}
    if expected.answers:
        scores["gold_in_quotes"] = float(_any_in(quotes, expected.answers))
        scores["gold_in_answer"] = float(_any_in(text, expected.answers))
        for name, score in (("EM", exact_match), ("F1", character_f1), ("ROUGE-L", rouge_l)):
            scores[name] = max(score(text, gold) for gold in expected.answers)
    if expected.must:
        scores["must"] = float(all(contains(text, wanted) for wanted in expected.must))
    if expected.right and "choice" in record:
        scores["choice"] = float(chosen_options(record) == right_texts(expected))
    if expected.blanks and "blanks" in record:
        scores["blanks"] = float(blanks_right(record, expected))
    if expected.relevant:
        cited = set() if refused else {name for c in citations_of(record) for name in _names(c)}
        scores["citation_recall"] = len(expected.relevant & cited) / len(expected.relevant)
    elif expected.answers:
        scores["citation_recall"] = scores["gold_in_quotes"]
    return scores


def _is_relevant(citation: Mapping[str, object], expected: Expectation) -> bool:
    return not expected.relevant.isdisjoint(_names(citation))


def _names(citation: Mapping[str, object]) -> set[str]:
    """Ids under which judgements may know what is cited: its document (a row of a corpus) or its passage."""
    return {str(citation[key]) for key in ("doc_id", "passage_id") if citation.get(key)}


def _any_in(text: str, golds: Sequence[str]) -> bool:
    """Whether any gold stands in a text."""
    return any(contains(text, gold) for gold in golds)


def _marked_parts(answer: str) -> list[tuple[str, list[str]]]:
    """The answer cut after each group of marks: the words before it, and the numbers it refers to."""
    parts = []
    start = 0
    for match in _MARKS.finditer(answer):
        parts.append((answer[start : match.start()], re.findall(r"\d+", match.group())))
        start = match.end()
    parts.append((answer[start:], []))
    return parts


def _is_heading(line: str, titles: Sequence[str]) -> bool:
    match = _HEADING.fullmatch(line.strip())
    return match is not None and any(plain(match["name"]) in title for title in titles if title)
