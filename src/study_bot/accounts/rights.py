"""Who may see and manage whom: pure rules, used by everything that touches another person's account."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from study_bot.accounts.roles import Actor, Role
from study_bot.accounts.unit_tree import UnitTree


@dataclass(frozen=True, slots=True)
class Reach:
    """How far an actor reaches: `everything`, or the `units` whose officers they manage."""

    everything: bool
    units: Collection[int] = ()

    def manages(self, role: Role, unit_id: int | None) -> bool:
        """Whether accounts of this role in this unit may be made, seen and changed.

        A unit admin manages the officers of their unit and of those below it, and neither other unit admins nor
        people of no unit: nobody can hand on a right that somebody above would have to take back.
        """
        return self.everything or (role is Role.OFFICER and unit_id is not None and unit_id in self.units)


def reach_of(actor: Actor, tree: UnitTree) -> Reach:
    """What the actor may manage.

    :raises SignInError: nobody is signed in, or the password must be changed first.
    :raises ForbiddenError: an officer.
    """
    actor.allow(Role.UNIT_ADMIN)
    if actor.person is None or actor.person.role is Role.ADMIN:
        return Reach(True)
    return Reach(False, tree.subtree(actor.person.unit_id))
