"""Titles that files declare of themselves, without the ones programs put there."""

from __future__ import annotations

import re
import zipfile

from study_bot.library.loaders.package import read_xml
from study_bot.text import normalise_line

_CORE = "docProps/core.xml"
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"

# Left by programs or templates: "Microsoft Word - 文档1", "PowerPoint 演示文稿", "untitled", file names, addresses.
_MEANINGLESS = re.compile(
    r"^(?:microsoft (?:word|powerpoint|excel)\b.*"
    r"|(?:powerpoint|ppt|word)\s*(?:演示文稿|presentation|document|文档)?\s*\d*"
    r"|(?:新建|未命名|无标题|无题|空白).*|(?:文档|演示文稿|工作簿|幻灯片|文件|标题|title|document|presentation|workbook)\s*\d*"
    r"|untitled.*|\(?anonymous\)?|.*\.(?:docx?|pptx?|xlsx?|wps|indd|tmp|pdf|html?)|https?://.*|[\W\d_]*)$",
    re.IGNORECASE,
)


def meaningful_title(title: str | None) -> str | None:
    """The title in one clean line, None if there is none or a program made it up."""
    line = normalise_line(title or "")
    return line if len(line) > 1 and len(line) <= 200 and not _MEANINGLESS.match(line) else None


def declared_title(archive: zipfile.ZipFile) -> str | None:
    """Title in the document properties of an Office package."""
    core = read_xml(archive, _CORE)
    return meaningful_title(core.findtext(_DC_TITLE) if core is not None else None)
