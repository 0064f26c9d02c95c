"""Web pages: the article kept, navigation, side lists, share bars and footers dropped by what they look like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.blocks import BlockWriter, ends_sentence
from study_bot.library.loaders.encoding import decode
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.tables import table_blocks
from study_bot.library.loaders.web_pieces import Element, PageWalker, Piece
from study_bot.text import normalise_line
from study_bot.types import BlockKind, LoadedFile

CONTAINER_SHARE = 0.9
"""The smallest element with this share of the page's article-like text is the article."""

MAX_LINK_SHARE = 0.5
"""A short piece with a larger share of linked characters is navigation; half of it is enough for less than a line."""

MAX_DEPTH = 3000
"""Elements inside each other; parsing takes the square of it."""

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]+)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_UNNESTED = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "p", "li", "option", "param",
    "source", "td", "th", "tr", "track", "wbr", "dd", "dt",
}  # fmt: skip
_TITLE_BREAK = re.compile(
    r"\s*[_|｜»]\s*|\s+[-–—]\s+|(?<=[\u4e00-\u9fff])\s*[-–—]{1,2}\s*(?=[\u4e00-\u9fff]*(?:网|局|厅|部|院)$)"
)
_HEADING_TAG = re.compile(r"^h[1-6]$")

_INFO_WORD = (
    "来源|作者|编辑|责编|发布时间|发布日期|发表时间|更新时间|浏览次数|浏览量|阅读次数|阅读量|点击数|点击量|访问量|字号|字体"
    "|打印|关闭|分享|收藏|纠错|扫一扫|ICP备|公网安备|版权所有|主办单位|承办单位|网站标识码|网站地图|关于我们|联系我们|设为首页"
)
_INFO = re.compile(_INFO_WORD)
_INFO_START = re.compile(
    r"^[\s【\[（(]*(?:责编|责任编辑|编辑[:：]|浏览次数|浏览量|阅读次数|点击数|点击量|字号|字体大小|分享到|上一篇|下一篇|上一条|下一条"
    r"|当前位置|您的位置|您现在的位置|所在位置|版权所有|主办单位|承办单位|网站标识码|扫一扫|打印本页|打印|关闭窗口|返回顶部|无障碍)"
)
_TAIL_START = re.compile(
    r"^[\s【\[]*(?:相关(?:阅读|链接|新闻|文章|推荐|报道)|延伸阅读|推荐阅读|热门(?:推荐|文章|排行)|猜你喜欢)[】\]：:\s]*$"
)
MAX_INFO_CHARS = 100
"""A longer piece is no information about the page."""


def load_web_page(data: bytes, _limits: LoadLimits) -> LoadedFile:
    """Read an HTML file. `title` is the headline, or what the page's title says before the site's name.

    :raises DamagedFileError: the bytes are no text, or nest beyond reason.
    """
    from selectolax.lexbor import LexborHTMLParser

    declared = _CHARSET.search(data[:4096])
    text, warnings = decode(data, declared[1].decode("ascii") if declared else None)
    _refuse_deep_nesting(text)
    tree = LexborHTMLParser(text)
    page_title = normalise_line(node.text()) if (node := tree.css_first("title")) is not None else ""
    body = tree.body
    if body is None:
        return LoadedFile("html", (), page_title or None, warnings=warnings)
    walker = PageWalker(body)
    kept = article_pieces(walker.elements, walker.pieces)
    headline = _headline(walker, page_title)
    writer = BlockWriter()
    if headline and not any(normalise_line(piece.text) == headline for piece in kept[:10]):
        writer.add(headline, BlockKind.HEADING, level=1)
    for piece in kept:
        _write(writer, piece)
    return LoadedFile("html", tuple(writer.blocks), headline or None, warnings=warnings)


def _refuse_deep_nesting(text: str) -> None:
    depth = 0
    for match in _TAG.finditer(text):
        if match[2].lower() not in _UNNESTED:
            depth = max(depth + (-1 if match[1] else 1), 0)
            if depth > MAX_DEPTH:
                raise DamagedFileError("网页的标签嵌套层数异常，已拒绝读取；请用浏览器打开后另存为纯文本再导入。")


def article_pieces(elements: list[Element], pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of the article, in order: inside the densest element, without links, info lines and share bars."""
    total = sum(len(piece.text) for piece in pieces)
    _forgive_large_hints(elements, pieces, total)
    for piece in pieces:
        if not elements[piece.element].boilerplate and _is_prose(piece):
            index = piece.element
            while index >= 0:
                elements[index].weight += len(piece.text)
                index = elements[index].parent
    inside = _members(elements, _container(elements))
    noise = [_is_noise(piece) for piece in pieces]
    for index, piece in enumerate(pieces[:-1]):
        noise[index] = noise[index] or (noise[index + 1] and bool(_TAIL_START.match(piece.text)))
    kept = [
        piece
        for piece, is_noise in zip(pieces, noise, strict=True)
        if inside[piece.element] and not elements[piece.element].boilerplate and not is_noise
    ]
    for index, piece in enumerate(kept):
        if _TAIL_START.match(piece.text) and sum(len(p.text) for p in kept[index:]) < 0.2 * total:
            return kept[:index]
    return kept


def _forgive_large_hints(elements: list[Element], pieces: Sequence[Piece], total: int) -> None:
    """A class name that says "side" on the element that holds half of the page means something else."""
    marked = sum(len(p.text) - p.linked for p in pieces if elements[p.element].boilerplate)
    if marked > 0.5 * total:
        for element in elements:
            element.boilerplate = False


def _is_prose(piece: Piece) -> bool:
    size = len(piece.text)
    return piece.linked < 0.4 * size and (size >= 20 or ends_sentence(piece.text) or "，" in piece.text)


def _container(elements: list[Element]) -> int:
    """Index of the smallest element with nearly all article-like text."""
    best = 0
    for index, element in enumerate(elements):  # parents come before children
        if element.parent == best and element.weight >= CONTAINER_SHARE * elements[0].weight > 0:
            best = index
    return best


def _members(elements: list[Element], container: int) -> list[bool]:
    inside = [False] * len(elements)
    for index, element in enumerate(elements):
        inside[index] = index == container or (element.parent >= 0 and inside[element.parent])
    return inside


def _is_noise(piece: Piece) -> bool:
    text = piece.text
    size = len("".join(text.split()))
    if size <= 2 * MAX_INFO_CHARS and not _HEADING_TAG.match(piece.tag):
        share = MAX_LINK_SHARE if size > MAX_INFO_CHARS or ends_sentence(text) else MAX_LINK_SHARE / 2
        if piece.linked > share * size:
            return True
    if len(text) > MAX_INFO_CHARS:
        return False
    return bool(_INFO_START.match(text)) or len(set(_INFO.findall(text))) >= 2


def _headline(walker: PageWalker, page_title: str) -> str:
    headlines = [normalise_line(p.text) for p in walker.pieces if p.tag == "h1"]
    named = [text for text in headlines if text in page_title]
    if named:
        return max(named, key=len)
    from_title = _TITLE_BREAK.split(page_title)[0].strip() if page_title else ""
    return from_title or (headlines[0] if headlines else "")


def _write(writer: BlockWriter, piece: Piece) -> None:
    if piece.rows:
        writer.extend(table_blocks(piece.rows, header_rows=piece.header_rows))
    elif _HEADING_TAG.match(piece.tag):
        writer.add(piece.text, BlockKind.HEADING, level=int(piece.tag[1]))
    elif piece.tag == "li":
        writer.add(piece.number + piece.text, BlockKind.LIST_ITEM)
    elif _is_bold_heading(piece):
        writer.add(piece.text, BlockKind.HEADING, level=6)
    else:
        writer.add(piece.text)


def _is_bold_heading(piece: Piece) -> bool:
    """A short paragraph wholly in bold type, without the end of a sentence."""
    size = len("".join(piece.text.split()))
    return piece.bold >= size and size <= 40 and not ends_sentence(piece.text)
