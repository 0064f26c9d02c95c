"""Values that travel between rooms. Frozen, without behaviour beyond small derived properties.

All character positions are Python string indices into `VersionText.text` (the normalised text of
one version), half-open `[start, end)`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BlockKind(StrEnum):
    """What a loader knows of a block from its layout alone."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE_ROW = "table_row"
    NOTE = "note"  # speaker notes of a slide


class DocumentKind(StrEnum):
    """How a document is cut and cited."""

    STATUTE = "statute"
    PROSE = "prose"
    TABLE = "table"
    SLIDES = "slides"
    BEIR = "beir"  # a row of a retrieval corpus file


class VersionStatus(StrEnum):
    """Validity of a version on a given day."""

    IN_FORCE = "in_force"
    AMENDED = "amended"
    REPEALED = "repealed"
    NOT_YET = "not_yet_in_force"
    UNKNOWN = "unknown"  # prose, or nothing in the text says

    @property
    def label(self) -> str:
        """The word shown to users."""
        return _STATUS_LABELS[self]


_STATUS_LABELS = {
    VersionStatus.IN_FORCE: "现行有效",
    VersionStatus.AMENDED: "已修改",
    VersionStatus.REPEALED: "已废止",
    VersionStatus.NOT_YET: "尚未施行",
    VersionStatus.UNKNOWN: "",
}


class SectionKind(StrEnum):
    """A node of the document tree: statute levels, then those of other documents."""

    BOOK = "编"
    SUBBOOK = "分编"
    CHAPTER = "章"
    PART = "节"
    ARTICLE = "条"
    CLAUSE = "款"
    ITEM = "项"
    SUBITEM = "目"
    TITLE = "title"
    NOTE = "title_note"  # history of versions under the title
    PREAMBLE = "preamble"
    ANNEX = "annex"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    SLIDE = "slide"
    TABLE_ROW = "table_row"


@dataclass(frozen=True, slots=True)
class Place:
    """Physical position in the source file; every number is 1-based, None = does not apply."""

    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list item or table row, in reading order, as a loader gives it.

    `text` is one logical line: no line feed, layout noise (running headers, page numbers)
    already removed, automatic numbering already written out. `level` is 1..9 for headings, else 0.
    For a table row, `text` is `表头：值；表头：值` and `cells` holds the values.
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    place: Place = Place()
    ocr: bool = False
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What a loader makes of a file's bytes.

    `title` is what the file itself declares (front matter, HTML or PDF title, ...), None if nothing.
    `metadata` holds front-matter keys, as strings. `warnings` are Chinese sentences for the admin.
    `ocr_confidence` is the mean over the recognised pages, 0..1; None where none was recognised.
    """

    format: str
    blocks: tuple[Block, ...]
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pages: int | None = None
    ocr_pages: tuple[int, ...] = ()
    ocr_confidence: float | None = None


@dataclass(frozen=True, slots=True, order=True)
class ArticleNumber:
    """第N条 (`insert` 0) or 第N条之M (`insert` M). Sorts in statute order."""

    number: int
    insert: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A node of the document tree. `start`/`end` span the whole subtree, heading included.

    `label` is the canonical number (第三章, 第二十六条, （一）) or "" ; `heading` the words after it.
    `heading_end` is where the heading line ends (equals `start` when there is no heading line).
    """

    kind: SectionKind
    start: int
    end: int
    heading_end: int
    label: str = ""
    heading: str = ""
    article: ArticleNumber | None = None
    place: Place = Place()
    children: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionText:
    """Normalised text of one version and its tree (root spans the whole text)."""

    text: str
    root: Section
    kind: DocumentKind
    title: str
    ocr: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a span is, as shown to people.

    `breadcrumb` goes from the outermost level inward, e.g.
    ("第三章 违反治安管理的行为和处罚", "第一节 扰乱公共秩序的行为和处罚", "第四十三条").
    """

    breadcrumb: tuple[str, ...] = ()
    place: Place = Place()

    @property
    def label(self) -> str:
        """One line: breadcrumb, then page/slide/sheet+row where known."""
        parts = list(self.breadcrumb)
        if self.place.sheet is not None:
            parts.append(f"工作表“{self.place.sheet}”" + (f"第{self.place.row}行" if self.place.row else ""))
        if self.place.slide is not None:
            parts.append(f"第{self.place.slide}张幻灯片")
        if self.place.page is not None:
            parts.append(f"第{self.place.page}页")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document, as the catalog knows it. Unknown dates are None.

    `doc_id` is shared by all versions of one document; `version_id` is unique in a snapshot.
    `title` is the full name without version words, `aliases` the other names people use.
    `status` is that of the build day; `validity` in library.catalog computes it for any day.
    """

    version_id: str
    doc_id: str
    title: str
    kind: DocumentKind
    path: str
    format: str
    content_hash: str
    aliases: tuple[str, ...] = ()
    promulgated: dt.date | None = None
    effective: dt.date | None = None
    repealed: dt.date | None = None
    status: VersionStatus = VersionStatus.UNKNOWN
    category: str | None = None
    articles: int = 0
    ocr: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Short version words, e.g. "2025年修订" has no place here: date and status only."""
        date = self.promulgated or self.effective
        words = [f"{date:%Y-%m-%d}" if date else "", self.status.label]
        return " ".join(word for word in words if word)


class PassageKind(StrEnum):
    """What a passage is cut from."""

    ARTICLE = "article"
    ARTICLE_PART = "article_part"
    PROSE = "prose"
    TABLE_ROW = "table_row"
    SLIDE = "slide"
    NOTE = "title_note"
    ROW = "row"  # a row of a retrieval corpus file


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is embedded and retrieved. `text == version_text[start:end]` always.

    `lead` is the sentence a part of a long article hangs from ("" otherwise); it lies at
    `[lead_start, lead_end)` of the same text. `law` is the title the article belongs to.
    """

    passage_id: str
    version_id: str
    doc_id: str
    kind: PassageKind
    text: str
    start: int
    end: int
    title: str
    locator: Locator
    article: ArticleNumber | None = None
    lead: str = ""
    lead_start: int = 0
    lead_end: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its scores. `score` orders hits (higher is better); the others explain it.

    `dense` is a cosine (-1..1) with the question's vector, `adapted` one after the query adapter, `sparse` a BM25
    score (> 0); None = not known, for `sparse` also = no word in common. Scores of one question's hits are
    log-likelihoods up to a constant: a hit that is 1 higher is e times as likely to be right.
    `exact` marks a passage that an article reference in the question names.
    """

    passage: Passage
    score: float
    dense: float | None = None
    sparse: float | None = None
    exact: bool = False
    adapted: float | None = None


@dataclass(frozen=True, slots=True)
class ArticleReference:
    """An article named in a question. `law` is as written ("" = not named); clause/item 1-based."""

    law: str
    article: ArticleNumber
    clause: int | None = None
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Limits set by the asker. Empty sets mean no limit; `as_of` None means today."""

    categories: frozenset[str] = frozenset()
    doc_ids: frozenset[str] = frozenset()
    as_of: dt.date | None = None
    include_inactive: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation, plain text."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class QuestionContext:
    """What a question is put with: the turns before it, oldest first, and the day it is asked of (None = today)."""

    conversation: tuple[Turn, ...] = ()
    as_of: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A span that supports a statement: `quote == version_text[start:end]`, checked before it is shown."""

    n: int
    passage_id: str
    version_id: str
    doc_id: str
    title: str
    locator: Locator
    quote: str
    start: int
    end: int
    version_label: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece of an answer and the numbers of the citations behind it. May hold line feeds.

    `connective` marks words of the program (headings such as "《刑法》第二百八十六条之一："), which
    claim nothing of their own and need no citation.
    """

    text: str
    citations: tuple[int, ...] = ()
    connective: bool = False


class AnswerMode(StrEnum):
    """Who wrote the sentences."""

    EXTRACTIVE = "extractive"
    GENERATIVE = "generative"


class RefusalReason(StrEnum):
    """Why no answer is given."""

    NOT_IN_LIBRARY = "not_in_library"
    ARTICLE_NOT_FOUND = "article_not_found"
    LAW_NOT_FOUND = "law_not_found"
    NOT_IN_FORCE = "not_in_force"
    UNCLEAR = "unclear"
    EMPTY_LIBRARY = "empty_library"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds spent. `retrieve` includes `encode`."""

    encode: float = 0.0
    retrieve: float = 0.0
    answer: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or a refusal (`refused`) whose `message` says why and what to do.

    `hits` are the retrieved passages, best first. `notices` are remarks such as "此版本已废止".
    `confidence` is 0..1.
    """

    question: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    refused: bool = False
    reason: RefusalReason | None = None
    message: str = ""
    notices: tuple[str, ...] = ()
    mode: AnswerMode = AnswerMode.EXTRACTIVE
    confidence: float = 0.0
    latency: Latency = Latency()
    build_id: str = ""

    @property
    def text(self) -> str:
        """What a person reads: statements, each line followed by its [n] marks; or the refusal."""
        if self.refused:
            return self.message
        return "\n".join(s.text + "".join(f"[{n}]" for n in s.citations) for s in self.statements)


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of a build. `done`/`total` in `unit`s; total 0 = unknown. `rate` per second, `eta` seconds."""

    stage: str
    done: int
    total: int
    unit: str = ""
    detail: str = ""
    rate: float | None = None
    eta: float | None = None


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one source file. `error` is None when the file is in the index."""

    path: str
    title: str = ""
    kind: str = ""
    status: str = ""
    version_date: str | None = None
    effective_date: str | None = None
    articles: int = 0
    passages: int = 0
    characters: int = 0
    covered: int = 0
    gaps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a build. `embedded` were computed now, `reused` came from the cache;
    `removed` passages of the build before are gone. `rebuild_reason` is None when nothing forced it."""

    build_id: str
    files: tuple[FileReport, ...]
    passages: int
    articles: int
    embedded: int
    reused: int
    removed: int
    seconds: float
    characters: int = 0
    covered: int = 0
    published: bool = True
    rebuild_reason: str | None = None
    model: str = ""
