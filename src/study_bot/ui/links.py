"""Addresses of places in documents. They can be shared and work without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from study_bot.settings import Settings

MAX_MARKS = 40
"""Citations carried along in one address; further ones are left out."""


def site_root(settings: Settings) -> str:
    """The prefix all addresses begin with: "" or "/prefix". Of a whole address only the path counts."""
    path = urlsplit(settings.root_path).path.strip("/")
    return f"/{path}" if path else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Citation `n` of an answer: the span `[start, end)` of a version."""

    n: int
    version_id: str
    start: int
    end: int


def reader_url(
    root: str,
    version_id: str,
    *,
    span: tuple[int, int] | None = None,
    marks: Sequence[Mark] = (),
    at: int | None = None,
    anchor: str = "",
) -> str:
    """Address of a version, opened at a span.

    :param root: path prefix of the whole site, "" or "/prefix".
    :param marks: the citations of the answer, for 上一处 / 下一处.
    :param at: number of the current one among `marks`.
    """
    query: list[tuple[str, str]] = []
    if span is not None:
        query += [("start", str(span[0])), ("end", str(span[1]))]
    if at is not None:
        query.append(("at", str(at)))
    query += [("m", f"{m.n}.{m.start}.{m.end}.{m.version_id}") for m in marks[:MAX_MARKS]]
    address = f"{root}/reader/{quote(version_id, safe='')}"
    if query:
        address += "?" + urlencode(query)
    anchor = anchor or ("hit" if span is not None else "")
    return address + (f"#{anchor}" if anchor else "")


def mark_url(root: str, mark: Mark, marks: Sequence[Mark]) -> str:
    """Address of one citation, with the others along."""
    return reader_url(root, mark.version_id, span=(mark.start, mark.end), marks=marks, at=mark.n)


def parse_marks(values: Sequence[str]) -> tuple[Mark, ...]:
    """Read marks back from an address; whatever is not well formed is dropped."""
    found = []
    for value in values[:MAX_MARKS]:
        numbers = value.split(".", 3)
        if len(numbers) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in numbers[:3]):
            continue
        n, start, end = (int(part) for part in numbers[:3])
        if numbers[3] and start < end:
            found.append(Mark(n, numbers[3], start, end))
    return tuple(found)
