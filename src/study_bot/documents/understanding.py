"""What was understood of a file, as an admin sees it before anything is published."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from study_bot.errors import EmptyFileError
from study_bot.index.reading import numbering_gaps
from study_bot.library.catalog import SidecarEntry, describe, validity
from study_bot.library.history import read_history
from study_bot.library.passages import covered_characters, cut_passages
from study_bot.library.tree import articles_of
from study_bot.settings import Settings
from study_bot.types import (
    DocumentKind,
    LoadedFile,
    Passage,
    Section,
    SectionKind,
    VersionStatus,
    VersionText,
)

MAX_OUTLINE = 300
"""Lines of an outline that are kept; `outline_cut` tells that there are more."""

FIRST_PASSAGES = 6
MAX_EXCERPT_CHARS = 400

_OUTLINED = (
    SectionKind.BOOK,
    SectionKind.SUBBOOK,
    SectionKind.CHAPTER,
    SectionKind.PART,
    SectionKind.HEADING,
    SectionKind.ANNEX,
    SectionKind.SLIDE,
)


@dataclass(frozen=True, slots=True)
class OutlineLine:
    """A heading, `depth` 0 = outermost; `articles` are those below it, `first` and `last` their labels."""

    depth: int
    text: str
    articles: int = 0
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a passage and where it is."""

    locator: str
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """One file as read, with the admin's corrections applied. Dates that nothing states are None.

    `status` is that on the day it was read, without regard to other versions. `characters` are those that are no
    space, `covered` those of them that lie in a passage or a heading. `ocr_confidence` is 0..1, None where nothing
    was recognised. `text_hash` is equal for files of the same words in whatever format. `repeals` are titles that
    the closing articles repeal.
    """

    version_id: str
    doc_id: str
    title: str
    kind: DocumentKind
    format: str
    text_hash: str
    status: VersionStatus = VersionStatus.UNKNOWN
    category: str | None = None
    promulgated: dt.date | None = None
    effective: dt.date | None = None
    repealed: dt.date | None = None
    aliases: tuple[str, ...] = ()
    articles: int = 0
    passages: int = 0
    characters: int = 0
    covered: int = 0
    pages: int | None = None
    ocr_pages: int = 0
    ocr_confidence: float | None = None
    gaps: tuple[str, ...] = ()
    repeals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    outline: tuple[OutlineLine, ...] = ()
    outline_cut: bool = False
    first: tuple[Excerpt, ...] = ()

    @property
    def start(self) -> dt.date | None:
        """The day from which this version counts among those of its document."""
        return self.effective or self.promulgated


def understand(
    path: str, loaded: LoadedFile, content_hash: str, entry: SidecarEntry, settings: Settings, today: dt.date
) -> Understood:
    """Everything a build would make of a loaded file, in short.

    :param path: its path in the library; the first folder is the category unless `entry` names one.
    :param entry: what the admin corrected.
    :raises EmptyFileError: there is no text to index.
    """
    version, text = describe(path, loaded, content_hash, entry)
    if not text.text.strip():
        raise EmptyFileError("文件中没有文字。")
    passages = cut_passages(text, version, target=settings.passage_chars, limit=settings.passage_max_chars)
    if not passages:
        raise EmptyFileError("文件中只有标题，没有正文。")
    covered, characters = covered_characters(text, passages)
    outline = outline_of(text)
    return Understood(
        version_id=version.version_id,
        doc_id=version.doc_id,
        title=version.title,
        kind=version.kind,
        format=version.format,
        text_hash=hashlib.sha256(text.text.encode("utf-8", "surrogatepass")).hexdigest(),
        status=validity(version, today),
        category=version.category,
        promulgated=version.promulgated,
        effective=version.effective,
        repealed=version.repealed,
        aliases=version.aliases,
        articles=version.articles,
        passages=len(passages),
        characters=characters,
        covered=covered,
        pages=loaded.pages,
        ocr_pages=len(loaded.ocr_pages),
        ocr_confidence=loaded.ocr_confidence,
        gaps=numbering_gaps(text),
        repeals=read_history(text, PurePosixPath(path).stem).repeals,
        warnings=tuple(dict.fromkeys((*loaded.warnings, *version.warnings))),
        outline=outline[:MAX_OUTLINE],
        outline_cut=len(outline) > MAX_OUTLINE,
        first=tuple(_excerpt(passage) for passage in passages[:FIRST_PASSAGES]),
    )


def outline_of(text: VersionText) -> tuple[OutlineLine, ...]:
    """The headings of a text in order, without its articles."""
    lines: list[OutlineLine] = []

    def visit(section: Section, depth: int) -> None:
        for child in section.children:
            name = f"{child.label} {child.heading}".strip()
            if child.kind in _OUTLINED and name:
                articles = articles_of(child)
                ends = (articles[0].label, articles[-1].label) if articles else ("", "")
                lines.append(OutlineLine(depth, name, len({a.article for a in articles}), *ends))
                visit(child, depth + 1)
            else:
                visit(child, depth)

    visit(text.root, 0)
    return tuple(lines)


def _excerpt(passage: Passage) -> Excerpt:
    text = passage.text
    return Excerpt(
        passage.locator.label, text if len(text) <= MAX_EXCERPT_CHARS else text[:MAX_EXCERPT_CHARS].rstrip() + "…"
    )
