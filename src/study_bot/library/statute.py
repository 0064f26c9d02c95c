"""The grammar of normative texts: 编 > 分编 > 章 > 节 > 条 > 款 > 项 > 目, title note, preamble, annexes.

Only a 第…条 at the start of a line can be a heading, and only where the numbering allows it: a line that a
page break cut in front of "第二十条规定的…" is text. One grammar serves every file format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from study_bot.library.tree import Line
from study_bot.text import CHINESE_NUMBER, CJK, NUMBER, find_dates, parse_number, strip_version_words
from study_bot.types import ArticleNumber, Block, BlockKind, SectionKind

_S = r"[ \u3000]*"
_DIVISION = re.compile(rf"^第{_S}(?P<n>{NUMBER}){_S}(?P<kind>分编|编|章|节)(?P<sep>[ \u3000、:：]*)(?P<rest>.*)$")
_ARTICLE = re.compile(
    rf"^第{_S}(?P<n>{NUMBER}){_S}条(?:{_S}之{_S}(?P<insert>{CHINESE_NUMBER}|[0-9]{{1,2}})(?![章节条款项种类日年月个]))?"
    rf"(?P<sep>[ \u3000:：、.．]*)(?P<name>【[^】]{{1,40}}】)?(?P<rest>.*)$"
)
_ITEM = re.compile(rf"^(?P<label>[（(]{_S}{CHINESE_NUMBER}{_S}[）)])")
_SUBITEM = re.compile(r"^(?P<label>[（(][0-9０-９]{1,2}[）)]|[0-9０-９]{1,2}[.．、](?![0-9０-９])|[①-⑳])")
# What follows 第N条 when the words refer to an article instead of opening one.
_REFERENCE_TAIL = re.compile(
    r"^(?:规定|第|[、，,；;。）)]|和|至|到|以及|及其|及第|或者|或|的|所|以外|以下|以上|各|之[一二三四五六七八九十])"
)
_HISTORY_WORD = re.compile(r"通过|公布|施行|修订|修正|发布|批准|印发|颁布|修改|生效|废止|制定")
_PREAMBLE_HEADING = re.compile(r"^(?:总纲|序言|前言|引言|序)$")
_CLOSING_HEADING = re.compile(r"^附则$")
_ANNEX_HEADING = re.compile(rf"^(?:附件|附录|附表|附图|附)(?:{_S}{NUMBER}){{0,1}}{_S}(?:[:：.、 ]|$)")
_CONTENTS_HEADING = re.compile(r"^目录$")
_COMMENCES = re.compile(r"施行。?$|废止。?$|生效。?$|实施。?$")
_ENDS_SENTENCE = re.compile(r"[。；：！？;:!?][”’」』）)》】]*$")
_ENDS_OPEN = re.compile(rf"[{CJK}，、,（(《“A-Za-z0-9]$")
_SPACE_BETWEEN_HAN = re.compile(rf"(?<=[{CJK}])[ \u3000]+(?=[{CJK}])")

_DIVISION_KIND = {
    "编": SectionKind.BOOK,
    "分编": SectionKind.SUBBOOK,
    "章": SectionKind.CHAPTER,
    "节": SectionKind.PART,
}
MAX_DIVISION_CHARS = 60
"""Longer lines that begin with 第…章 are sentences, not headings."""

MIN_ARTICLES = 3
"""A text with fewer articles in sequence is prose."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    number: ArticleNumber
    separated: bool


def find_article_lines(lines: Sequence[str]) -> dict[int, ArticleNumber]:
    """Which lines open an article: index -> number, chosen so that the numbering ascends.

    A candidate that jumps ahead is dropped when the number it skipped turns up later: it was a reference.
    A run that begins again at 1 after at least MIN_ARTICLES (a second text in the file) is not followed.
    """
    candidates = [c for i, line in enumerate(lines) if (c := _article_candidate(i, line)) is not None]
    chosen: dict[int, ArticleNumber] = {}
    last = ArticleNumber(0)
    for position, candidate in enumerate(candidates):
        number = candidate.number
        if number <= last:
            continue
        follows = number.number == last.number + 1 or number.number == last.number
        if not follows and _is_filled_later(last, number, candidates[position + 1 :]):
            continue
        chosen[candidate.index] = number
        last = number
    return chosen


def _is_filled_later(last: ArticleNumber, number: ArticleNumber, later: Sequence[_Candidate]) -> bool:
    return any(last < c.number < number and c.number.number == last.number + 1 for c in later)


def _article_candidate(index: int, line: str) -> _Candidate | None:
    match = _ARTICLE.match(line)
    if match is None:
        return None
    number = parse_number(match["n"])
    if not number:
        return None
    separated = bool(match["sep"].strip(":：、.．") or match["name"]) or (bool(match["sep"]) and not match["rest"])
    if not separated and _REFERENCE_TAIL.match(match["sep"] + match["rest"]):
        return None
    insert = parse_number(match["insert"]) or 0 if match["insert"] else 0
    return _Candidate(index, ArticleNumber(number, insert), separated)


def is_statute(lines: Sequence[str]) -> bool:
    """Whether the articles start at 第一条 and run on almost without gaps, as in a law and not in a commentary."""
    found = sorted(find_article_lines(lines).values())
    if len(found) < MIN_ARTICLES or found[0].number > 1:
        return False
    distinct = {number.number for number in found}
    return len(distinct) >= 0.8 * max(distinct)


def statute_lines(blocks: Sequence[Block], title: str) -> tuple[list[Line], list[str]]:
    """Classify the blocks of a normative text.

    :param title: the document's title; the line that repeats it becomes the TITLE section.
    :return: the lines in order (a table of contents is left out) and Chinese warnings for the admin.
    """
    blocks = _rejoin(_without_contents(blocks))
    articles = find_article_lines([_article_text(block) for block in blocks])
    first, last = (min(articles), max(articles)) if articles else (len(blocks), -1)
    restarts = sum(1 for b in blocks if (line := _division_line(b)) is not None and line.label == "第一章")
    state = _State(title=strip_version_words(title), first=first, last=last, books=restarts > 1)
    lines = [_classify(index, block, articles.get(index), state) for index, block in enumerate(blocks)]
    return lines, _gap_warnings(list(articles.values()))


def article_gaps(numbers: Sequence[ArticleNumber]) -> list[int]:
    """Numbers missing between 1 and the highest article."""
    present = {number.number for number in numbers}
    return [n for n in range(1, max(present, default=0)) if n not in present]


def _gap_warnings(numbers: Sequence[ArticleNumber]) -> list[str]:
    gaps = article_gaps(numbers)
    if not gaps:
        return []
    shown = "、".join(str(n) for n in gaps[:10]) + ("等" if len(gaps) > 10 else "")
    return [f"条文编号不连续，缺第{shown}条（共缺{len(gaps)}条），请核对原文件是否完整。"]


def _article_text(block: Block) -> str:
    """A table row never opens an article: the empty string keeps the positions."""
    return "" if block.kind in (BlockKind.TABLE_ROW, BlockKind.NOTE) else block.text


@dataclass(slots=True)
class _State:
    """What has been seen so far while classifying."""

    title: str
    first: int
    last: int
    books: bool
    title_seen: bool = False
    in_annex: bool = False
    in_preamble: bool = False
    in_article: bool = False
    in_item: bool = False


def _classify(index: int, block: Block, article: ArticleNumber | None, state: _State) -> Line:
    if article is not None:
        return _article_line(block, article, state)
    division = None if state.in_annex else _division_line(block)
    if division is not None:
        state.in_article = state.in_preamble = False
        return division
    compact = _SPACE_BETWEEN_HAN.sub("", block.text)
    if index < state.first:
        return _front_line(block, compact, state)
    if index > state.last and (state.in_annex or _starts_annex(block, compact, index == state.last + 1)):
        return _annex_line(block, compact, state)
    if block.kind is BlockKind.TABLE_ROW:
        return Line(block.text, SectionKind.TABLE_ROW, place=block.place)
    if _CLOSING_HEADING.match(compact):
        state.in_article = False
        return _heading(compact, SectionKind.BOOK, block)
    if block.kind is BlockKind.HEADING and not _ENDS_SENTENCE.search(block.text) and not _item(block.text):
        state.in_article = False
        return _heading(compact, SectionKind.BOOK, block)
    return _body_line(block, state)


def _heading(text: str, kind: SectionKind, block: Block) -> Line:
    return Line(text, kind, heading=text, heading_length=len(text), place=block.place)


def _article_line(block: Block, article: ArticleNumber, state: _State) -> Line:
    match = _ARTICLE.match(block.text)
    if match is None:  # pragma: no cover - only lines that matched are given a number
        raise ValueError(f"not an article line: {block.text!r}")
    label = re.sub(r"[ \u3000]", "", block.text[: match.start("sep")])
    name = match["name"] or ""
    opening = label + name
    rest = match["rest"].strip()
    state.in_article, state.in_item, state.in_preamble = True, False, False
    return Line(
        f"{opening} {rest}" if rest else opening,
        SectionKind.ARTICLE,
        label=label,
        heading=name.strip("【】"),
        heading_length=len(opening),
        article=article,
        place=block.place,
        body=SectionKind.CLAUSE,
    )


def _division_line(block: Block) -> Line | None:
    if block.kind is BlockKind.TABLE_ROW or len(block.text) > MAX_DIVISION_CHARS:
        return None
    match = _DIVISION.match(block.text)
    if match is None or _ENDS_SENTENCE.search(block.text):
        return None
    rest = _SPACE_BETWEEN_HAN.sub("", match["rest"].strip())
    if not match["sep"] and _REFERENCE_TAIL.match(rest):
        return None
    label = f"第{re.sub(_S, '', match['n'])}{match['kind']}"
    text = f"{label} {rest}" if rest else label
    return Line(
        text, _DIVISION_KIND[match["kind"]], label=label, heading=rest, heading_length=len(text), place=block.place
    )


def _front_line(block: Block, compact: str, state: _State) -> Line:
    """Lines before the first article: title, title note, preamble (which may have its own heading)."""
    if not state.title_seen and strip_version_words(compact) == state.title:
        state.title_seen = True
        return _heading(compact, SectionKind.TITLE, block)
    if _PREAMBLE_HEADING.match(compact):
        state.in_preamble = True
        return _heading(compact, SectionKind.PREAMBLE, block)
    if state.in_preamble:
        return Line(block.text, SectionKind.PARAGRAPH, place=block.place)
    if is_title_note(block.text):
        return Line(block.text, SectionKind.NOTE, place=block.place)
    if block.kind is BlockKind.HEADING and len(compact) <= MAX_DIVISION_CHARS:
        # Unnumbered headings name 编 only where chapters start again; else they head a foreword.
        return _heading(compact, SectionKind.BOOK if state.books else SectionKind.PREAMBLE, block)
    return Line(block.text, SectionKind.PARAGRAPH, place=block.place)


def is_title_note(text: str) -> bool:
    """Whether a line tells the history of versions: dates and 通过/公布/施行/修订… , without being a sentence."""
    stripped = text.strip("（）() ")
    if len(text) > 300 or not _HISTORY_WORD.search(text):
        return False
    if stripped.endswith("。") and not text.startswith(("（", "(")):
        return False
    return bool(find_dates(text)) or text.startswith(("（", "("))


def _starts_annex(block: Block, compact: str, directly_after: bool) -> bool:
    """After the last article: its further paragraphs are sentences; anything else is not part of the law."""
    if block.kind is BlockKind.TABLE_ROW or _ANNEX_HEADING.match(compact):
        return True
    if _item(block.text) or _SUBITEM.match(block.text):
        return False
    return block.kind is BlockKind.HEADING or not _ENDS_SENTENCE.search(block.text)


def _annex_line(block: Block, compact: str, state: _State) -> Line:
    if not state.in_annex or _ANNEX_HEADING.match(compact) or block.kind is BlockKind.HEADING:
        opens = block.kind is not BlockKind.TABLE_ROW and len(compact) <= MAX_DIVISION_CHARS
        first = not state.in_annex
        state.in_annex = True
        if opens:
            return _heading(compact, SectionKind.ANNEX, block)
        if first:
            # An annex without a heading of its own still closes the last article.
            return Line(block.text, SectionKind.ANNEX, place=block.place)
    if block.kind is BlockKind.TABLE_ROW:
        return Line(block.text, SectionKind.TABLE_ROW, place=block.place)
    return Line(block.text, SectionKind.PARAGRAPH, place=block.place)


def _item(text: str) -> re.Match[str] | None:
    return _ITEM.match(text)


def _body_line(block: Block, state: _State) -> Line:
    if not state.in_article:
        return Line(block.text, SectionKind.PARAGRAPH, place=block.place)
    if (match := _item(block.text)) is not None:
        state.in_item = True
        return Line(block.text, SectionKind.ITEM, label=match["label"], place=block.place)
    if (match := _SUBITEM.match(block.text)) is not None:
        bracketed = match["label"][0] in "（("
        kind = SectionKind.SUBITEM if state.in_item or not bracketed else SectionKind.ITEM
        return Line(block.text, kind, label=match["label"], place=block.place)
    state.in_item = False
    return Line(block.text, SectionKind.CLAUSE, place=block.place)


def _without_contents(blocks: Sequence[Block]) -> list[Block]:
    """Drop a table of contents: the word 目录 and the division headings after it, up to where they start again."""
    start = next(
        (i for i, b in enumerate(blocks[:80]) if _CONTENTS_HEADING.match(_SPACE_BETWEEN_HAN.sub("", b.text))), None
    )
    if start is None:
        return list(blocks)
    seen: set[str] = set()
    end = start + 1
    while end < len(blocks):
        key = re.sub(r"[\s.…·0-9０-９]+$", "", _SPACE_BETWEEN_HAN.sub("", blocks[end].text)).replace(" ", "")
        is_entry = len(key) <= MAX_DIVISION_CHARS and not _ENDS_SENTENCE.search(key) and not _ARTICLE.match(key)
        starts_text = bool(seen) and _PREAMBLE_HEADING.match(key)
        if key in seen or starts_text or not is_entry or is_title_note(blocks[end].text):
            break
        seen.add(key)
        end += 1
    return [*blocks[:start], *blocks[end:]]


def _rejoin(blocks: Sequence[Block]) -> list[Block]:
    """Join a paragraph cut by a page or line end: the line before stops in mid-sentence, this one opens nothing."""
    joined: list[Block] = []
    for block in blocks:
        if joined and _continues(joined[-1], block):
            joined[-1] = replace(joined[-1], text=joined[-1].text + block.text)
        else:
            joined.append(block)
    return joined


def _continues(before: Block, block: Block) -> bool:
    if before.kind is not BlockKind.PARAGRAPH or block.kind is not BlockKind.PARAGRAPH:
        return False
    in_body = _ARTICLE.match(before.text) or _item(before.text) or len(before.text) > MAX_DIVISION_CHARS
    if not in_body or _ENDS_SENTENCE.search(before.text) or not _ENDS_OPEN.search(before.text):
        return False
    opens = (_ARTICLE.match(block.text) and _article_candidate(0, block.text)) or _division_line(block)
    return not (opens or _item(block.text) or _SUBITEM.match(block.text) or _ANNEX_HEADING.match(block.text))
