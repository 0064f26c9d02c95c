"""The visible text of one Word paragraph: runs, breaks, fields, tracked changes, text boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from study_bot.library.loaders.word_numbering import W, integer, value
from study_bot.library.loaders.word_styles import Style, is_on

_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"

_DELETED = frozenset(f"{W}{name}" for name in ("del", "moveFrom", "delText", "delInstrText", "instrText"))
_TEXT_BOX = f"{W}txbxContent"
_OBJECTS = frozenset(f"{W}{name}" for name in ("drawing", "pict", "object"))
_SKIPPED = frozenset(f"{W}{name}" for name in ("pPr", "rPr", "rt", "sdtPr", "sdtEndPr", "footnoteRef", "endnoteRef"))
_PLACEHOLDER = f"{W}sdtPr/{W}showingPlcHdr"  # "click here to enter text"
_CHARACTERS = {
    f"{W}tab": " ",
    f"{W}ptab": " ",
    f"{W}noBreakHyphen": "-",
    f"{W}br": "\n",
    f"{W}cr": "\n",
}


@dataclass(slots=True)
class Runs:
    """Text of a paragraph with line feeds at its breaks. `size` in half-points is that of most characters."""

    parts: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    bold: int = 0
    sizes: dict[float, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The characters, breaks as line feeds."""
        return "".join(self.parts)

    @property
    def size(self) -> float | None:
        """Half-points of most characters, None without text."""
        return max(self.sizes, key=lambda size: self.sizes[size]) if self.sizes else None

    @property
    def all_bold(self) -> bool:
        """Whether every visible character is bold."""
        return 0 < sum(self.sizes.values()) == self.bold


def read_runs(paragraph: etree._Element, style: Style) -> Runs:
    """Collect what a reader of the final text sees: insertions kept, deletions, field codes and hidden text not."""
    runs = Runs()
    # Results of fields are text, their codes are not: True while inside a code.
    fields: list[bool] = []
    _collect(paragraph, runs, style, fields)
    return runs


def _collect(element: etree._Element, runs: Runs, style: Style, fields: list[bool]) -> None:
    for child in element:
        tag = child.tag
        if tag in _DELETED or tag in _SKIPPED or child.find(_PLACEHOLDER) is not None:
            continue
        if tag == f"{W}r":
            if not _is_hidden(child):
                _collect_run(child, runs, style, fields)
        elif tag == _MATH_TEXT:
            _add(runs, child.text or "", style.bold, style.size)
        elif tag == f"{_COMPATIBILITY}AlternateContent":
            for chosen in alternative(child):
                _collect(chosen, runs, style, fields)
        else:
            _collect(child, runs, style, fields)


def _collect_run(run: etree._Element, runs: Runs, style: Style, fields: list[bool]) -> None:
    bold_mark, size_mark = run.find(f"{W}rPr/{W}b"), run.find(f"{W}rPr/{W}sz")
    bold = style.bold if bold_mark is None else is_on(value(bold_mark))
    size = style.size if size_mark is None else float(integer(value(size_mark), int(style.size)))
    stack = list(reversed(run))
    while stack:
        child = stack.pop()
        tag = child.tag
        if tag == f"{W}fldChar":
            _follow_field(child.get(f"{W}fldCharType"), fields)
        elif tag in _OBJECTS:
            runs.boxes.extend(_text_boxes(child))
        elif tag == f"{_COMPATIBILITY}AlternateContent":
            stack.extend(reversed(alternative(child)))
        elif tag in (f"{_COMPATIBILITY}Choice", f"{_COMPATIBILITY}Fallback"):
            stack.extend(reversed(child))
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            runs.notes.append((etree.QName(tag).localname, child.get(f"{W}id", "")))
        elif tag == f"{W}ruby":
            stack.extend(reversed(list(child.iterfind(f"{W}rubyBase/{W}r/{W}t"))))
        elif not any(fields):
            if tag == f"{W}t":
                _add(runs, child.text or "", bold, size)
            elif tag in _CHARACTERS:
                runs.parts.append(_CHARACTERS[tag])


def _add(runs: Runs, text: str, bold: bool, size: float) -> None:
    runs.parts.append(text)
    visible = len("".join(text.split()))
    if visible:
        runs.bold += visible * bold
        runs.sizes[size] = runs.sizes.get(size, 0) + visible


def _follow_field(kind: str | None, fields: list[bool]) -> None:
    if kind == "begin":
        fields.append(True)
    elif fields and kind == "separate":
        fields[-1] = False
    elif fields and kind == "end":
        fields.pop()


def _is_hidden(run: etree._Element) -> bool:
    mark = run.find(f"{W}rPr/{W}vanish")
    return mark is not None and is_on(value(mark))


def _text_boxes(element: etree._Element) -> Iterator[etree._Element]:
    """Contents of the outermost text boxes inside a drawing."""
    stack = [element]
    while stack:
        node = stack.pop()
        if node.tag == _TEXT_BOX:
            yield node
        elif node.tag == f"{_COMPATIBILITY}AlternateContent":
            stack.extend(reversed(alternative(node)))
        else:
            stack.extend(reversed(node))


def alternative(element: etree._Element) -> list[etree._Element]:
    """The one branch of mc:AlternateContent to read: the first choice, else the fallback."""
    branches = [child for child in element if etree.QName(child).localname in ("Choice", "Fallback")]
    return branches[:1]
