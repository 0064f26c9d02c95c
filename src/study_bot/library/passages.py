"""Cutting a version into passages: exact spans of its normalised text, each with its locator.

Statutes: one passage per article; a longer one is cut at 款 and 项, each part keeping the article and the sentence
it hangs from. Prose: paragraphs under one heading packed to a target length, never cut inside a sentence that fits.
Tables: a row each. Slides: a slide each. Headings are not in passages: they are in every breadcrumb below them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from study_bot.library.tree import walk
from study_bot.text import article_label, short_title, split_sentences
from study_bot.types import (
    DocumentKind,
    Locator,
    Passage,
    PassageKind,
    Place,
    Section,
    SectionKind,
    Version,
    VersionText,
)

PASSAGES_VERSION = "1"
"""Raise when the same tree would be cut differently."""

MAX_LEAD_CHARS = 160
"""A longer lead sentence is cut from the left of its last clause when a part is embedded."""

_FRONT = (SectionKind.TITLE, SectionKind.NOTE)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A span that becomes a passage."""

    start: int
    end: int
    kind: PassageKind
    path: tuple[Section, ...]
    section: Section
    lead: tuple[int, int] | None = None
    detail: tuple[str, ...] = ()


def cut_passages(
    version_text: VersionText, version: Version, *, target: int = 400, limit: int = 500
) -> tuple[Passage, ...]:
    """Passages in text order; they do not overlap.

    :param target: preferred length of a prose passage, characters.
    :param limit: longest passage before it is split, characters; only an unbreakable sentence exceeds it.
    """
    text = version_text.text
    cuts = sorted((_trim(cut, text) for cut in _cuts(version_text, target, limit)), key=lambda cut: cut.start)
    return tuple(_passage(cut, version_text, version) for cut in cuts if cut.start < cut.end)


def embedding_text(passage: Passage) -> str:
    """What is embedded and indexed for keywords: short title, place in the text, lead sentence, text."""
    title = short_title(passage.title)
    place = [words for words in passage.locator.breadcrumb if words != title]
    if passage.article is not None:
        place = [words for words in place if not words.startswith("第") or words.endswith(("款", "项"))]
        place.insert(0, article_label(passage.article))
    head = " ".join([title, *place[-2:]]).strip()
    body = passage.text.replace("\n", " ")
    return "\n".join(part for part in (head, passage.lead[-MAX_LEAD_CHARS:], body) if part)


def covered_characters(version_text: VersionText, passages: Sequence[Passage]) -> tuple[int, int]:
    """How many non-space characters lie in a passage or in a heading, and how many there are."""
    text = version_text.text
    marked = bytearray(len(text))
    for passage in passages:
        marked[passage.start : passage.end] = b"\1" * (passage.end - passage.start)
    for _, section in walk(version_text.root):
        marked[section.start : section.heading_end] = b"\1" * (section.heading_end - section.start)
    total = sum(not c.isspace() for c in text)
    covered = sum(1 for i, c in enumerate(text) if marked[i] and not c.isspace())
    return covered, total


def _cuts(version_text: VersionText, target: int, limit: int) -> Iterator[_Cut]:
    text, root = version_text.text, version_text.root
    yield from _front(root)
    if version_text.kind is DocumentKind.SLIDES:
        for slide in root.children:
            yield from _split_span(text, slide.start, slide.end, limit, PassageKind.SLIDE, (), slide)
        return
    yield from _section_cuts(text, root, (), target, limit)


def _front(root: Section) -> Iterator[_Cut]:
    """The title with the note under it, where there is a note; alone it is only a heading."""
    front = [child for child in root.children if child.kind in _FRONT]
    first_run: list[Section] = []
    for child in front:
        if first_run and child.start > first_run[-1].end + 1:
            break
        first_run.append(child)
    if any(section.kind is SectionKind.NOTE for section in first_run):
        yield _Cut(first_run[0].start, first_run[-1].end, PassageKind.NOTE, (), first_run[0])
    for child in front[len(first_run) :]:
        if child.kind is SectionKind.NOTE:
            yield _Cut(child.start, child.end, PassageKind.NOTE, (), child)


def _section_cuts(text: str, section: Section, path: tuple[Section, ...], target: int, limit: int) -> Iterator[_Cut]:
    """Cut what hangs directly from `section`, then its sub-sections, in text order."""
    run: list[tuple[int, int]] = []
    own_end = section.children[0].start if section.children else section.end
    if section.heading_end < own_end and text[section.heading_end : own_end].strip():
        run.append((section.heading_end, own_end))

    def flush() -> Iterator[_Cut]:
        yield from _pack(text, run, path, section, target, limit)
        run.clear()

    inner = (*path, section)
    for child in section.children:
        if child.kind in _FRONT:
            if path:
                run.append((child.start, child.end))
            else:
                yield from flush()
            continue
        if child.kind is SectionKind.PARAGRAPH and not child.children:
            run.append((child.start, child.end))
            continue
        yield from flush()
        if child.kind is SectionKind.ARTICLE:
            yield from _article_cuts(text, child, inner, limit)
        elif child.kind is SectionKind.TABLE_ROW:
            yield from _split_span(text, child.start, child.end, limit * 2, PassageKind.TABLE_ROW, inner, child)
        elif not child.children and child.heading_end == child.end:
            yield _Cut(child.start, child.end, PassageKind.PROSE, inner, child)
        else:
            yield from _section_cuts(text, child, inner, target, limit)
    yield from flush()


def _article_cuts(text: str, article: Section, path: tuple[Section, ...], limit: int) -> Iterator[_Cut]:
    if article.end - article.start <= limit:
        yield _Cut(article.start, article.end, PassageKind.ARTICLE, path, article)
        return
    units = list(_article_units(text, article, limit))
    units[0] = _Cut(article.start, units[0].end, units[0].kind, path, article, units[0].lead, units[0].detail)
    yield from (_Cut(u.start, u.end, u.kind, path, article, u.lead, u.detail) for u in _merge(units, limit))


def _article_units(text: str, article: Section, limit: int) -> Iterator[_Cut]:
    """The smallest parts of a long article: whole clauses that fit, else their lead and items, else sentences."""
    for number, clause in enumerate(article.children, start=1):
        detail = (f"第{number}款",) if len(article.children) > 1 else ()
        if clause.end - clause.start <= limit or not clause.children:
            yield from _split_span(
                text, clause.start, clause.end, limit, PassageKind.ARTICLE_PART, (), article, detail=detail
            )
            continue
        lead = (clause.start, clause.children[0].start)
        start = clause.start
        for item in clause.children:
            yield from _split_span(
                text, start, item.end, limit, PassageKind.ARTICLE_PART, (), article, lead=lead, detail=detail
            )
            start = item.end


def _merge(units: Sequence[_Cut], limit: int) -> Iterator[_Cut]:
    """Join neighbours while they fit; the joined part keeps the lead of its first unit if it does not contain it."""
    current: _Cut | None = None
    for unit in units:
        if current is not None and unit.end - current.start <= limit:
            detail = current.detail if current.detail == unit.detail else ()
            current = _Cut(current.start, unit.end, current.kind, current.path, current.section, current.lead, detail)
            continue
        if current is not None:
            yield current
        current = unit
    if current is not None:
        yield current


def _pack(
    text: str,
    run: Sequence[tuple[int, int]],
    path: tuple[Section, ...],
    section: Section,
    target: int,
    limit: int,
) -> Iterator[_Cut]:
    """Paragraphs of one heading packed up to `target`; a longer paragraph is split at sentence ends."""
    start = end = None
    for paragraph_start, paragraph_end in run:
        if start is not None and end is not None and paragraph_end - start <= target:
            end = paragraph_end
            continue
        if start is not None and end is not None:
            yield from _split_span(text, start, end, limit, PassageKind.PROSE, path, section)
        start, end = paragraph_start, paragraph_end
    if start is not None and end is not None:
        yield from _split_span(text, start, end, limit, PassageKind.PROSE, path, section)


def _split_span(
    text: str,
    start: int,
    end: int,
    limit: int,
    kind: PassageKind,
    path: tuple[Section, ...],
    section: Section,
    *,
    lead: tuple[int, int] | None = None,
    detail: tuple[str, ...] = (),
) -> Iterator[_Cut]:
    """One cut if it fits, else several of about equal length that end at sentence ends."""
    if end - start <= limit:
        yield _Cut(start, end, kind, path, section, lead, detail)
        return
    for piece_start, piece_end in _even_pieces(text, start, end, limit):
        yield _Cut(piece_start, piece_end, kind, path, section, lead, detail)


def _even_pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    pieces = -(-(end - start) // limit)
    goal = (end - start) / pieces
    ends = [start + e for _, e in split_sentences(text[start:end])]
    piece_start = start
    for position, sentence_end in enumerate(ends):
        following = ends[position + 1] if position + 1 < len(ends) else end
        if sentence_end - piece_start >= goal or following - piece_start > limit:
            yield from _unbreakable(text, piece_start, sentence_end, limit)
            piece_start = sentence_end
    if text[piece_start:end].strip():
        yield from _unbreakable(text, piece_start, end, limit)


def _unbreakable(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """A single sentence beyond twice the limit is handed to the general splitter, which looks for commas."""
    if end - start <= 2 * limit:
        yield start, end
        return
    for offset, length in _splitter(limit)(text[start:end]):
        yield start + offset, start + offset + length


def _splitter(limit: int) -> Callable[[str], list[tuple[int, int]]]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=limit,
        chunk_overlap=0,
        separators=["\n", "。", "；", "，", "、", " ", ""],
        keep_separator="end",
        strip_whitespace=False,
        add_start_index=False,
    )

    def split(text: str) -> list[tuple[int, int]]:
        spans, offset = [], 0
        for chunk in splitter.split_text(text):
            offset = text.index(chunk, offset)
            spans.append((offset, len(chunk)))
            offset += len(chunk)
        return spans

    return split


def _trim(cut: _Cut, text: str) -> _Cut:
    start, end = cut.start, cut.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return _Cut(start, end, cut.kind, cut.path, cut.section, cut.lead, cut.detail)


def _passage(cut: _Cut, version_text: VersionText, version: Version) -> Passage:
    text = version_text.text
    lead_start, lead_end = _lead(cut, text)
    return Passage(
        passage_id=hashlib.sha256(f"{version.version_id}:{cut.start}:{cut.end}".encode()).hexdigest()[:16],
        version_id=version.version_id,
        doc_id=version.doc_id,
        kind=cut.kind,
        text=text[cut.start : cut.end],
        start=cut.start,
        end=cut.end,
        title=version.title,
        locator=Locator(_breadcrumb(cut), _place(cut, version_text)),
        article=cut.section.article,
        lead=text[lead_start:lead_end],
        lead_start=lead_start,
        lead_end=lead_end,
    )


def _lead(cut: _Cut, text: str) -> tuple[int, int]:
    if cut.lead is None or cut.start <= cut.lead[0] < cut.end:
        return 0, 0
    start, end = cut.lead
    return start, start + len(text[start:end].rstrip())


def _breadcrumb(cut: _Cut) -> tuple[str, ...]:
    words = [_name(section) for section in (*cut.path, cut.section)]
    return (*(word for word in words if word), *cut.detail)


def _name(section: Section) -> str:
    if section.kind in _FRONT:
        return ""
    return f"{section.label} {section.heading}".strip()


def _place(cut: _Cut, version_text: VersionText) -> Place:
    """The place of the last section that starts at or before the cut: parts of a long article know their page."""
    best = cut.section.place
    for _, section in walk(cut.section):
        if section.start > cut.start:
            break
        best = section.place
    return best
