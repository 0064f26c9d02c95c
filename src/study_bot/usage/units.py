"""Which units a person may see figures of."""

from __future__ import annotations

from sqlalchemy.orm import Session

from study_bot.accounts.roles import Actor, Role
from study_bot.accounts.unit_tree import subtree_ids
from study_bot.errors import ForbiddenError


def units_for(session: Session, actor: Actor, unit_id: int | None) -> frozenset[int] | None:
    """The units whose figures the actor asked for: one with those below it; None = all there is.

    :raises SignInError: nobody is signed in.
    :raises ForbiddenError: an officer, or a unit that is not the unit admin's.
    """
    person = actor.require(Role.UNIT_ADMIN)
    if person.role.covers(Role.ADMIN):
        return None if unit_id is None else subtree_ids(session, unit_id)
    own = subtree_ids(session, person.unit_id)
    if unit_id is None:
        return own
    if unit_id not in own:
        raise ForbiddenError("只能查看本单位及下属单位的统计。")
    return subtree_ids(session, unit_id)
