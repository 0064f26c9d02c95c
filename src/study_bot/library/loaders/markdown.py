"""Markdown: front matter to metadata, headings, lists, pipe tables; marks of emphasis and links removed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

import yaml

from study_bot.library.loaders.blocks import BlockWriter, split_lines
from study_bot.library.loaders.encoding import decode
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.plain import unwrap, wrap_width
from study_bot.library.loaders.tables import table_blocks
from study_bot.types import BlockKind, LoadedFile

_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t\u3000]+(.*?))?[ \t]*#*[ \t]*$")
_TIGHT_HEADING = re.compile(r"^(#{1,6})(?=[\u4e00-\u9fff第（《])([^#]+)#*$")  # 「##标题」, common though not standard
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_BULLET = re.compile(r"^[ \t]*[-*+•][ \t]+(.*)$")
_ORDERED = re.compile(r"^[ \t]*(\d{1,4})([.)])[ \t]+(.*)$")
_QUOTE = re.compile(r"^ {0,3}>[ \t]?")
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL_BREAK = re.compile(r"(?<!\\)\|")
_LINK_TARGET = re.compile(r"^ {0,3}\[[^\]]+\]:[ \t]*\S+")

_INLINE = (
    (re.compile(r"<!--.*?-->"), ""),
    (re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), ""),
    (re.compile(r"\[\^[^\]]+\]:?"), ""),
    (re.compile(r"\[([^\]]+)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+[\"'][^)]*)?\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"<(https?://[^>\s]+)>"), r"\1"),
    (
        re.compile(r"</?(?:a|b|i|u|em|strong|span|font|p|div|sup|sub|center|mark|small|big|del|s|img)(?:\s[^>]*)?/?>"),
        "",
    ),
    (re.compile(r"(?<![\\*])\*\*(?=\S)(.+?)(?<=\S)\*\*"), r"\1"),
    (re.compile(r"(?<!\w)__(?=\S)(.+?)(?<=\S)__(?!\w)"), r"\1"),
    (re.compile(r"(?<![\\*\w])\*(?=[^\s*])([^*]+?)(?<=\S)\*(?![*\w])"), r"\1"),
    (re.compile(r"(?<![\\\w])_(?=[^\s_])([^_]+?)(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"~~(?=\S)(.+?)(?<=\S)~~"), r"\1"),
    (re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)"), r"\2"),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])"), r"\1"),
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

MAX_FRONT_MATTER = 64 * 1024
"""Characters; longer front matter is no front matter."""

MAX_HEADING_CHARS = 60
"""A longer line above a row of dashes is a paragraph above a rule."""

MAX_MARKED_CHARS = 20_000
"""Marks are not looked for in longer lines: the search takes the square of the length."""


def load_markdown(data: bytes, _limits: LoadLimits) -> LoadedFile:
    """Read a Markdown file; `title` is that of the front matter.

    :raises DamagedFileError: the bytes are no text.
    """
    text, warnings = decode(data)
    lines = split_lines(text)
    metadata, body, problem = split_front_matter(lines)
    writer = BlockWriter()
    _write_lines(writer, body)
    if problem:
        warnings = (*warnings, problem)
    return LoadedFile("md", tuple(writer.blocks), metadata.get("title"), metadata, warnings)


def split_front_matter(lines: list[str]) -> tuple[dict[str, str], list[str], str | None]:
    """Front matter as strings, the other lines, and a warning when the front matter cannot be read."""
    if not lines or lines[0].strip() != "---":
        return {}, lines, None
    end = next((i for i, line in enumerate(lines[1:200], 1) if line.strip() in ("---", "...")), None)
    if end is None:
        return {}, lines, None
    source, body = "\n".join(lines[1:end]), lines[end + 1 :]
    problem = "文首的元数据（front matter）格式有误，已忽略；请检查 YAML 写法。"
    if len(source) > MAX_FRONT_MATTER:
        return {}, body, problem
    try:
        # An alias lets a few lines stand for gigabytes, and metadata has no use for it.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(source)):
            return {}, body, problem
        values = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, body, problem
    if values is None:
        return {}, body, None
    if not isinstance(values, dict):
        return {}, lines, None  # a rule, then ordinary text
    return {str(k): _as_text(v) for k, v in values.items() if v is not None}, body, None


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return "、".join(_as_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).encode("utf-8", errors="replace").decode("utf-8").strip()  # YAML can write half characters


def plain_text(line: str) -> str:
    """A line without inline marks: emphasis, links, images, code ticks, tags of format, escapes, entities."""
    if len(line) > MAX_MARKED_CHARS:
        return line
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return html.unescape(line)


def _write_lines(writer: BlockWriter, lines: list[str]) -> None:
    paragraph: list[str] = []
    width = wrap_width(lines)
    index, fence, comment = 0, "", False

    def flush() -> None:
        for line in unwrap(paragraph, width):
            for piece in _BREAK.split(line):
                writer.add(plain_text(piece))
        paragraph.clear()

    while index < len(lines):
        line = lines[index]
        index += 1
        if fence:
            if line.strip().startswith(fence):
                fence = ""
            else:
                writer.add(line)
            continue
        if comment:
            comment = "-->" not in line
            continue
        if line.lstrip().startswith("<!--") and "-->" not in line:
            comment = True
            continue
        if opened := _FENCE.match(line):
            flush()
            fence = opened[1]
            continue
        line = _QUOTE.sub("", line)
        if not line.strip() or _LINK_TARGET.match(line):
            flush()
        elif heading := _HEADING.match(line) or _TIGHT_HEADING.match(line):
            flush()
            writer.add(plain_text(heading[2] or ""), BlockKind.HEADING, level=len(heading[1]))
        elif paragraph and len(paragraph[-1]) <= MAX_HEADING_CHARS and (underline := _UNDERLINE.match(line)):
            title = paragraph.pop()
            flush()
            writer.add(plain_text(title), BlockKind.HEADING, level=1 if underline[1][0] == "=" else 2)
        elif _RULE.match(line):
            flush()
        elif "|" in line and index < len(lines) and "|" in lines[index] and _TABLE_RULE.match(lines[index]):
            flush()
            index = _write_table(writer, lines, index - 1)
        elif item := _BULLET.match(line):
            flush()
            writer.add(plain_text(item[1]), BlockKind.LIST_ITEM)
        elif item := _ORDERED.match(line):
            flush()
            writer.add(f"{item[1]}{item[2]} {plain_text(item[3])}", BlockKind.LIST_ITEM)
        else:
            paragraph.append(line)
    flush()


def _write_table(writer: BlockWriter, lines: Sequence[str], start: int) -> int:
    """Write the pipe table whose header is at `start`; the index after it."""
    rows = [_cells(lines[start])]
    index = start + 2
    while index < len(lines) and "|" in lines[index] and lines[index].strip():
        rows.append(_cells(lines[index]))
        index += 1
    writer.extend(table_blocks(rows, header_rows=1))
    return index


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [plain_text(_BREAK.sub(" ", cell)).replace("\\|", "|").strip() for cell in _CELL_BREAK.split(line)]
