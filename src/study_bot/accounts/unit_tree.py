"""The tree of units as a value, and how paths of names lead into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import normalize

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_bot.accounts.fields import UNIT_SEPARATOR
from study_bot.storage.people_tables import UnitRow
from study_bot.text import parse_number

_NUMERALS = re.compile(r"([0-9]{1,9}|[一二三四五六七八九十百零〇]{1,9})")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """By which names are sorted so that 2 and 二 come before 10 and 十; the name itself decides between equal ones."""
    pieces = [piece for piece in _NUMERALS.split(normalize("NFKC", name)) if piece]
    numbers = [parse_number(piece) if _NUMERALS.fullmatch(piece) else None for piece in pieces]
    keyed = [(1, 0, piece) if value is None else (0, value, "") for piece, value in zip(pieces, numbers, strict=True)]
    return (*keyed, (-1, 0, name))


@dataclass(frozen=True, slots=True)
class UnitTree:
    """All units: `names` and `parents` by id; the parent of a root is None."""

    names: dict[int, str]
    parents: dict[int, int | None]

    def path(self, unit_id: int | None) -> str:
        """Names from the root to the unit, "" for None and for a unit that is not there."""
        steps: list[str] = []
        while unit_id is not None and unit_id in self.names and len(steps) <= len(self.names):
            steps.append(self.names[unit_id])
            unit_id = self.parents[unit_id]
        return UNIT_SEPARATOR.join(reversed(steps))

    def children(self, unit_id: int | None) -> list[int]:
        """Ids below a unit (None: the roots), by name as people order them."""
        below = (i for i, parent in self.parents.items() if parent == unit_id)
        return sorted(below, key=lambda i: natural_key(self.names[i]))

    def walk(self, unit_id: int | None, depth: int = 0) -> Iterator[tuple[int, int]]:
        """Every unit below one, and how deep: parents before their children, siblings by name."""
        for child in self.children(unit_id):
            yield child, depth
            yield from self.walk(child, depth + 1)

    def subtree(self, unit_id: int | None) -> frozenset[int]:
        """Ids of a unit and of all below it; empty for None."""
        if unit_id not in self.names:
            return frozenset()
        return frozenset([unit_id, *(below for below, _ in self.walk(unit_id))])

    def child(self, parent_id: int | None, name: str) -> int | None:
        """The unit of that name right below a unit (None: among the roots), None if there is none."""
        found = (i for i, own in self.names.items() if own == name and self.parents[i] == parent_id)
        return next(found, None)

    def named(self, name: str) -> list[int]:
        """Ids of all units of that name, wherever they are."""
        return [i for i, own in self.names.items() if own == name]


def load_tree(session: Session) -> UnitTree:
    """The units as they are now."""
    rows = session.execute(select(UnitRow.id, UnitRow.name, UnitRow.parent_id)).all()
    return UnitTree({row.id: row.name for row in rows}, {row.id: row.parent_id for row in rows})


def subtree_ids(session: Session, unit_id: int | None) -> frozenset[int]:
    """Ids of a unit and of all below it; empty for None and for a unit that is not there."""
    return load_tree(session).subtree(unit_id)


def unit_path(session: Session, unit_id: int | None) -> str:
    """Names from the root to one unit, read step by step; "" for None."""
    steps: list[str] = []
    while unit_id is not None and (row := session.get(UnitRow, unit_id)) is not None:
        steps.append(row.name)
        unit_id = row.parent_id
    return UNIT_SEPARATOR.join(reversed(steps))
