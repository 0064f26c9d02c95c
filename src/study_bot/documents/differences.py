"""Two versions of a text compared: which articles (or paragraphs) came, went, changed or moved, and in which words.

Articles are told apart by their words, not by their numbers: a revision renumbers. Pure functions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from study_bot.documents.pairing import pair_units
from study_bot.documents.word_marks import Run, key_of, marked, whole
from study_bot.types import Section, SectionKind, VersionText

_OUTLINE = (
    SectionKind.BOOK,
    SectionKind.SUBBOOK,
    SectionKind.CHAPTER,
    SectionKind.PART,
    SectionKind.HEADING,
    SectionKind.ANNEX,
    SectionKind.SLIDE,
)


class DifferenceKind(StrEnum):
    """What became of an article or paragraph."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"

    @property
    def label(self) -> str:
        """Chinese name; MOVED = the same words under another number or in another place."""
        return _LABELS[self]


_LABELS = {
    DifferenceKind.ADDED: "新增",
    DifferenceKind.REMOVED: "删除",
    DifferenceKind.CHANGED: "修改",
    DifferenceKind.MOVED: "移动",
}


class UnitKind(StrEnum):
    """What is compared: units are only ever paired with their like."""

    ARTICLE = "article"
    HEADING = "heading"
    PARAGRAPH = "paragraph"


@dataclass(frozen=True, slots=True)
class Unit:
    """An article without its number, a heading without its number, or one line of anything else.

    `path` are the headings it stands under, outermost first.
    """

    kind: UnitKind
    label: str
    text: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One article, heading or paragraph that is not the same in both versions.

    `old` is empty for one that was added, `new` for one that was removed; the runs of either, joined, are its whole
    text. Labels are "" where there is no number; they differ where it was renumbered.
    """

    kind: DifferenceKind
    unit: UnitKind
    old_label: str = ""
    new_label: str = ""
    old_path: tuple[str, ...] = ()
    new_path: tuple[str, ...] = ()
    old: tuple[Run, ...] = ()
    new: tuple[Run, ...] = ()

    @property
    def renumbered(self) -> bool:
        """Whether it bears another number than before."""
        return bool(self.old_label and self.new_label and self.old_label != self.new_label)


def compare(old: VersionText, new: VersionText) -> tuple[Difference, ...]:
    """What is different, in the order of the new version; what was removed stands where it stood.

    Spaces, letter case and the width of characters make no difference.
    """
    before, after = units_of(old), units_of(new)
    pairs: dict[int, int] = {}
    for kind in UnitKind:
        here = [i for i, unit in enumerate(before) if unit.kind is kind]
        there = [j for j, unit in enumerate(after) if unit.kind is kind]
        found = pair_units([_words(before[i]) for i in here], [_words(after[j]) for j in there])
        pairs |= {there[j]: here[i] for i, j in found.items()}
    return tuple(_differences(before, after, pairs))


def units_of(text: VersionText) -> tuple[Unit, ...]:
    """What a text is compared by, in its order."""
    units: list[Unit] = []

    def visit(section: Section, path: tuple[str, ...]) -> None:
        for child in section.children:
            if child.kind is SectionKind.ARTICLE:
                body = text.text[child.heading_end : child.end].strip()
                units.append(Unit(UnitKind.ARTICLE, child.label, f"{child.heading}\n{body}".strip(), path))
            elif child.kind in _OUTLINE:
                name = f"{child.label} {child.heading}".strip()
                if name:
                    units.append(Unit(UnitKind.HEADING, child.label, child.heading, path))
                own_end = child.children[0].start if child.children else child.end
                units.extend(_lines(text.text[child.heading_end : own_end], (*path, name)))
                visit(child, (*path, name) if name else path)
            else:
                units.extend(_lines(text.text[child.start : child.end], path))

    root = text.root
    units.extend(_lines(text.text[: root.children[0].start if root.children else root.end], ()))
    visit(root, ())
    return tuple(units)


def count_by_kind(differences: Sequence[Difference]) -> dict[DifferenceKind, int]:
    """How many articles and paragraphs of each kind, headings left out; every kind is there."""
    counted = Counter(difference.kind for difference in differences if difference.unit is not UnitKind.HEADING)
    return {kind: counted[kind] for kind in DifferenceKind}


def _lines(text: str, path: tuple[str, ...]) -> Iterator[Unit]:
    for line in text.split("\n"):
        if line.strip():
            yield Unit(UnitKind.PARAGRAPH, "", line.strip(), path)


def _words(unit: Unit) -> tuple[str, str]:
    return unit.label, key_of(unit.text)


def _differences(before: Sequence[Unit], after: Sequence[Unit], pairs: dict[int, int]) -> Iterator[Difference]:
    """`pairs` gives the position before for a position after."""
    removed = _removed_after(len(before), pairs)
    steady = _steady(pairs)
    yield from (_removed(before[i]) for i in removed[-1])
    for j, unit in enumerate(after):
        if j not in pairs:
            yield Difference(
                DifferenceKind.ADDED, unit.kind, new_label=unit.label, new_path=unit.path, new=whole(unit.text)
            )
        elif (difference := _of_pair(before[pairs[j]], unit, moved=j not in steady)) is not None:
            yield difference
        yield from (_removed(before[i]) for i in removed[j])


def _of_pair(old: Unit, new: Unit, *, moved: bool) -> Difference | None:
    same = key_of(old.text) == key_of(new.text)
    if same and old.label == new.label and not (moved and new.kind is UnitKind.PARAGRAPH):
        return None
    left, right = ((Run(old.text),), (Run(new.text),)) if same else marked(old.text, new.text)
    kind = DifferenceKind.MOVED if same else DifferenceKind.CHANGED
    return Difference(kind, new.kind, old.label, new.label, old.path, new.path, left, right)


def _removed(unit: Unit) -> Difference:
    return Difference(DifferenceKind.REMOVED, unit.kind, old_label=unit.label, old_path=unit.path, old=whole(unit.text))


def _removed_after(count: int, pairs: dict[int, int]) -> dict[int, list[int]]:
    """Positions before that have no partner, each under the position after whose partner precedes it; -1 = none."""
    partners = {i: j for j, i in pairs.items()}
    removed: dict[int, list[int]] = defaultdict(list)
    at = -1
    for i in range(count):
        if i in partners:
            at = partners[i]
        else:
            removed[at].append(i)
    return removed


def _steady(pairs: dict[int, int]) -> frozenset[int]:
    """Positions after of a largest set of pairs that stand in the same order in both versions."""
    ends: list[int] = []  # smallest last position before, by length
    last: list[int] = []  # the position after at that end
    previous: dict[int, int | None] = {}
    for j in sorted(pairs):
        length = bisect_left(ends, pairs[j])
        previous[j] = last[length - 1] if length else None
        ends[length : length + 1] = [pairs[j]]
        last[length : length + 1] = [j]
    steady = set()
    at = last[-1] if last else None
    while at is not None:
        steady.add(at)
        at = previous[at]
    return frozenset(steady)
