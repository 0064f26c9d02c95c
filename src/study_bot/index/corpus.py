"""Retrieval corpora (BEIR `corpus.jsonl[.gz]`): each row is a document of its own, named by its `_id`.

A row about an article of a law (metadata `law` and `article`, or a title such as 专利法第一条) is filed under the law,
so that the article can be looked up. Other metadata read: `date`, `status`, `category` or `type`.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from study_bot.errors import DamagedFileError, FileTooLargeError
from study_bot.text import (
    article_label,
    find_article_references,
    normalise_line,
    parse_date,
    short_title,
    split_sentences,
)
from study_bot.types import (
    ArticleNumber,
    DocumentKind,
    Locator,
    Passage,
    PassageKind,
    Section,
    SectionKind,
    Version,
    VersionStatus,
    VersionText,
)

CORPUS_FORMAT = "beir"

_STATUS_WORDS = {
    "现行有效": VersionStatus.IN_FORCE,
    "有效": VersionStatus.IN_FORCE,
    "已被修改": VersionStatus.AMENDED,
    "已修改": VersionStatus.AMENDED,
    "历史版本": VersionStatus.AMENDED,
    "已废止": VersionStatus.REPEALED,
    "失效": VersionStatus.REPEALED,
    "尚未生效": VersionStatus.NOT_YET,
    "尚未施行": VersionStatus.NOT_YET,
}
_BAD_LINES_NAMED = 3
"""Warnings name this many bad lines and count the rest."""

_TICK_ROWS = 500


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rows of a corpus file that can be used, passages in the order of `versions`.

    `articles` counts distinct (law, article) pairs, `characters` those of the texts without spaces.
    """

    versions: tuple[Version, ...]
    passages: tuple[Passage, ...]
    articles: int
    characters: int
    warnings: tuple[str, ...]


def read_corpus(
    path: Path,
    name: str,
    content_hash: str,
    *,
    limit: int,
    max_bytes: float,
    taken: set[str],
    tick: Callable[[], None] = lambda: None,
) -> Corpus:
    """Read a corpus file.

    :param name: path shown to people.
    :param limit: rows longer than twice this many characters are split, at sentence ends, into pieces of at most it.
    :param max_bytes: decompressed size beyond which the file is refused.
    :param taken: ids that rows may not have any more; the ids read here are added.
    :param tick: called every few hundred rows; may raise to stop.
    :raises DamagedFileError: it cannot be decompressed, or holds no usable row.
    :raises FileTooLargeError: it is larger than `max_bytes`.
    """
    versions: list[Version] = []
    passages: list[Passage] = []
    articles: set[tuple[str, ArticleNumber]] = set()
    characters = 0
    problems = _Problems()
    for number, line in _lines(path, max_bytes):
        if number % _TICK_ROWS == 0:
            tick()
        row = _parse(line)
        if row is None:
            problems.add("不是带 _id 的 JSON 对象", number)
        elif not row.text:
            problems.add("没有文字", number)
        elif row.row_id in taken:
            problems.add("_id 与前面的重复", number)
        else:
            taken.add(row.row_id)
            version = _version(row, name, content_hash)
            versions.append(version)
            passages += _passages(row, version, limit)
            characters += len("".join(row.text.split()))
            if row.article is not None:
                articles.add((row.law, row.article))
    if not versions:
        raise DamagedFileError(f"{path.name} 中没有可用的行：每行应是含 _id、title、text 的 JSON 对象。")
    return Corpus(tuple(versions), tuple(passages), len(articles), characters, problems.sentences())


def corpus_text(version: Version, passages: list[Passage]) -> VersionText:
    """The text of a row, put together from its passages; only spaces between pieces may differ from the source."""
    parts: list[str] = []
    position = 0
    for passage in passages:
        parts += ["\n" * (passage.start - position), passage.text]
        position = passage.end
    text = "".join(parts)
    article = passages[0].article if passages else None
    if article is None:
        body = Section(SectionKind.PARAGRAPH, 0, len(text), 0)
    else:
        body = Section(SectionKind.ARTICLE, 0, len(text), 0, label=article_label(article), article=article)
    root = Section(SectionKind.PARAGRAPH, 0, len(text), 0, children=(body,))
    return VersionText(text, root, DocumentKind.BEIR, version.title)


@dataclass(frozen=True, slots=True)
class _Row:
    row_id: str
    title: str
    text: str
    law: str
    article: ArticleNumber | None
    metadata: Mapping[str, Any]


class _Problems:
    """Counts bad lines by what is wrong with them."""

    def __init__(self) -> None:
        self._lines: dict[str, list[int]] = {}

    def add(self, problem: str, line: int) -> None:
        self._lines.setdefault(problem, []).append(line)

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            f"第 {'、'.join(map(str, lines[:_BAD_LINES_NAMED]))} 行"
            + (f"等 {len(lines)} 行" if len(lines) > _BAD_LINES_NAMED else "")
            + f"{problem}，已跳过。"
            for problem, lines in self._lines.items()
        )


def _lines(path: Path, max_bytes: float) -> Iterator[tuple[int, bytes]]:
    """Non-empty lines with their 1-based numbers."""
    size = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(_bounded(stream, max_bytes), start=1):
                size += len(line)
                if size > max_bytes:
                    raise FileTooLargeError(
                        f"{path.name} 解压后超过 {max_bytes / 2**20:g} MB。如确需使用，请调大设置 max_uncompressed_mb。"
                    )
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DamagedFileError(f"{path.name} 不是完整的 gzip 文件。请重新获取。") from None


def _open(path: Path) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _bounded(stream: BinaryIO, max_bytes: float) -> Iterator[bytes]:
    """Lines, none read further than just past the limit, so that one endless line cannot fill the memory."""
    while line := stream.readline(int(max_bytes) + 1):
        yield line


def _parse(line: bytes) -> _Row | None:
    try:
        data = json.loads(line)
        if b"\\ud" in line.lower():  # half a surrogate pair could not be stored
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
        row_id = data["_id"]
        metadata = data.get("metadata")
        title = normalise_line(str(data.get("title") or ""))
        text = "\n".join(filter(None, map(normalise_line, str(data.get("text") or "").split("\n"))))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(row_id, str | int) or not str(row_id).strip():
        return None
    metadata = metadata if isinstance(metadata, dict) else {}
    law, article = _law_and_article(title, metadata)
    return _Row(str(row_id), title, text or title, law, article, metadata)


_ENDS_WITH_ARTICLE = re.compile(r"条(?:之.{1,3})?$")


def _law_and_article(title: str, metadata: Mapping[str, Any]) -> tuple[str, ArticleNumber | None]:
    """The law a row belongs to and its article number; ("", None) for a row about no article."""
    law = normalise_line(str(metadata.get("law") or ""))
    named = find_article_references(str(metadata.get("article") or ""))
    article = named[0].article if named else None
    if _ENDS_WITH_ARTICLE.search(title):
        last = find_article_references(title)[-1:]
        if last and last[0].explicit and last[0].end == len(title):
            law = law or title[: last[0].start].strip()
            article = article or last[0].article
    return law, article if law else None


@functools.lru_cache(maxsize=4096)
def _aliases(title: str) -> tuple[str, ...]:
    short = short_title(title)
    return (short,) if short and short != title else ()


@functools.lru_cache(maxsize=4096)
def _locator(article: ArticleNumber | None) -> Locator:
    return Locator((article_label(article),)) if article is not None else Locator()


def _version(row: _Row, name: str, content_hash: str) -> Version:
    title = row.law or row.title
    return Version(
        version_id=row.row_id,
        doc_id=row.row_id,
        title=title,
        kind=DocumentKind.BEIR,
        path=name,
        format=CORPUS_FORMAT,
        content_hash=content_hash,
        aliases=_aliases(title),
        promulgated=parse_date(str(row.metadata.get("date") or "")),
        status=_STATUS_WORDS.get(str(row.metadata.get("status")), VersionStatus.UNKNOWN),
        category=str(row.metadata.get("category") or row.metadata.get("type") or "") or None,
        articles=int(row.article is not None),
    )


def _passages(row: _Row, version: Version, limit: int) -> list[Passage]:
    pieces = split_long(row.text, limit) if len(row.text) > 2 * limit else [(0, len(row.text))]
    return [
        Passage(
            passage_id=row.row_id if len(pieces) == 1 else f"{row.row_id}~{number}",
            version_id=row.row_id,
            doc_id=row.row_id,
            kind=PassageKind.ROW,
            text=row.text[start:end],
            start=start,
            end=end,
            title=version.title,
            locator=_locator(row.article),
            article=row.article,
        )
        for number, (start, end) in enumerate(pieces, start=1)
    ]


def split_long(text: str, limit: int) -> list[tuple[int, int]]:
    """Spans of at most `limit` characters that end at sentence ends and cover all but spaces, in order.

    Only a sentence longer than `limit` is cut inside.
    """
    spans: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        if spans and end - spans[-1][0] <= limit:
            spans[-1] = (spans[-1][0], end)
            continue
        spans += [(at, min(at + limit, end)) for at in range(start, end, limit)]
    return spans
