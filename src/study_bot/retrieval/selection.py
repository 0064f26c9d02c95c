"""From a fused list to the passages shown: the same text once, not all parts of one article."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from study_bot.types import ArticleNumber, Passage

MAX_PARTS = 3
"""Parts of one article among the hits that were searched for, not named."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Rows shown, best first, and for some of them other rows with the same text."""

    rows: tuple[int, ...]
    duplicates: dict[int, tuple[int, ...]]


# Shorter texts (本法自公布之日起施行) are the same in many laws without being the same provision.
_MIN_SAME = 30


class SameTexts:
    """Groups of passages whose texts are equal but for white space; short ones only under the same title."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        groups: dict[str, int] = {}
        self._group = [groups.setdefault(_text_key(passage), row) for row, passage in enumerate(passages)]

    def group(self, row: int) -> int:
        """The same number for rows of equal text."""
        return self._group[row]


def _text_key(passage: Passage) -> str:
    text = "".join(passage.text.split())
    return text if len(text) >= _MIN_SAME else f"{passage.title}\n{text}"


def select(
    ranked: Iterable[int],
    k: int,
    passages: Sequence[Passage],
    same: SameTexts,
    prefer: Callable[[int], tuple[object, ...]],
    *,
    max_parts: int = MAX_PARTS,
    taken: Iterable[int] = (),
) -> Selected:
    """The first `k` rows of `ranked` that add something.

    A text that stands in several documents is shown once, at its best place, from the document `prefer` puts first
    (smallest key); the other rows among `ranked` are kept as its duplicates.

    :param taken: rows shown already; their texts are not shown again.
    """
    ranking = list(ranked)
    members: dict[int, list[int]] = {}
    for row in ranking:
        members.setdefault(same.group(row), []).append(row)
    shown_before = {same.group(row) for row in taken}
    parts: Counter[tuple[str, ArticleNumber]] = Counter()
    rows: list[int] = []
    duplicates: dict[int, tuple[int, ...]] = {}
    for group, found in members.items():
        if len(rows) >= k:
            break
        if group in shown_before:
            continue
        first, *others = found if len(found) == 1 else sorted(found, key=lambda row: (*prefer(row), row))
        passage = passages[first]
        if passage.article is not None:
            key = (passage.version_id, passage.article)
            if parts[key] >= max_parts:
                continue
            parts[key] += 1
        rows.append(first)
        if others:
            duplicates[first] = tuple(others)
    return Selected(tuple(rows), duplicates)
