"""Citations: made from spans of passages, numbered, and checked against the text before anything is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from study_bot.types import Citation, Passage, Statement, Version

TextOf = Callable[[Passage, int, int], str | None]
"""(passage, start, end) -> the characters of the passage's version there; None if the version is gone."""


@dataclass(slots=True)
class CitationBook:
    """Numbers the citations of one answer from 1; the same span is cited under the same number."""

    version_of: Callable[[str], Version]
    citations: list[Citation] = field(default_factory=list)
    _numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def cite(self, passage: Passage, start: int, end: int) -> Citation:
        """Cite `[start, end)` of the passage's own text.

        :raises ValueError: the span is empty or reaches outside the passage.
        """
        if not 0 <= start < end <= len(passage.text):
            raise ValueError(f"span {start}:{end} outside a passage of {len(passage.text)} characters")
        key = (passage.passage_id, start, end)
        if key in self._numbers:
            return self.citations[self._numbers[key] - 1]
        citation = Citation(
            n=len(self.citations) + 1,
            passage_id=passage.passage_id,
            version_id=passage.version_id,
            doc_id=passage.doc_id,
            title=passage.title,
            locator=passage.locator,
            quote=passage.text[start:end],
            start=passage.start + start,
            end=passage.start + end,
            version_label=self.version_of(passage.version_id).label,
        )
        self.citations.append(citation)
        self._numbers[key] = citation.n
        return citation


def verified(
    statements: Sequence[Statement], citations: Sequence[Citation], passages: Iterable[Passage], text_of: TextOf
) -> tuple[tuple[Statement, ...], tuple[Citation, ...]]:
    """Keep what the texts bear out.

    A citation stands if its quote is exactly the text at its span, and its span lies inside its passage. A statement
    stands if it is connective or if the quotes it cites make up its text; a connective with nothing left after it goes.
    Citations that nothing cites any more are dropped, the others keep their numbers.
    """
    by_id = {passage.passage_id: passage for passage in passages}
    good = {c.n: c for c in citations if _holds(c, by_id.get(c.passage_id), text_of)}
    kept: list[Statement] = []
    for statement in statements:
        if statement.connective:
            if kept and kept[-1].connective:
                kept.pop()
            kept.append(statement)
        elif statement.citations and all(n in good for n in statement.citations) and _quoted(statement, good):
            kept.append(statement)
    while kept and kept[-1].connective:
        kept.pop()
    used = {n for statement in kept for n in statement.citations}
    return tuple(kept), tuple(c for c in citations if c.n in used)


def _holds(citation: Citation, passage: Passage | None, text_of: TextOf) -> bool:
    if passage is None or not passage.start <= citation.start < citation.end <= passage.end:
        return False
    in_passage = passage.text[citation.start - passage.start : citation.end - passage.start]
    return citation.quote == in_passage == text_of(passage, citation.start, citation.end)


def _quoted(statement: Statement, citations: dict[int, Citation]) -> bool:
    quotes = "".join(citations[n].quote for n in statement.citations)
    return _plain(statement.text) == _plain(quotes)


def _plain(text: str) -> str:
    return "".join(text.replace("……", "").split())
