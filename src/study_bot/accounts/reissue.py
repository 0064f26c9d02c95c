"""New one-time passwords for many people at once who have not set a password of their own yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.lockout import clear_failures
from study_bot.accounts.passwords import Passwords, new_one_time_password
from study_bot.accounts.person_rows import subject_of
from study_bot.accounts.roles import Actor
from study_bot.accounts.roster import NewAccount
from study_bot.accounts.roster_plan import batches
from study_bot.accounts.sessions import end_all_sessions
from study_bot.accounts.unit_tree import UnitTree, load_tree
from study_bot.accounts.writing import one_at_a_time
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow


def still_waiting(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """Conditions for accounts in use whose one-time password was never changed; not one's own."""
    return (PersonRow.active.is_(True), PersonRow.must_change.is_(True), PersonRow.id != (actor.person_id or 0))


def reissue(
    database: Database,
    passwords: Passwords,
    actor: Actor,
    ids: Sequence[int],
    within: Callable[[UnitTree], ColumnElement[bool]],
) -> tuple[NewAccount, ...]:
    """Give each account a new one-time password; the old one, sessions and a lock end. All of it or nothing.

    :param within: gives the condition for accounts that the actor may manage; the others, and those who have a
        password of their own by now, are left out.
    :returns: the accounts by badge; their passwords cannot be had again.
    """
    made = [new_one_time_password() for _ in ids]
    # Outside the transaction, as a roster does: nobody could write meanwhile.
    hashes = [passwords.hash_one_time(password) for password in made]
    accounts: list[NewAccount] = []
    with database.write() as session:
        one_at_a_time(session)
        tree = load_tree(session)
        acts: list[audit.Act] = []
        rows = _rows(session, ids, within(tree), *still_waiting(actor))
        ended: Counter[int] = Counter()
        for chunk in batches(rows):
            clear_failures(session, *(row.badge for row in chunk))
            ended += end_all_sessions(session, [row.id for row in chunk])
        for row, password, stored in zip(rows, made, hashes, strict=False):
            row.password_hash, row.must_change, row.password_changed_at = stored, True, None
            row.revision += 1
            acts.append(audit.Act("person.reset_password", subject_of(row), {"结束会话": ended[row.id]}))
            accounts.append(NewAccount(row.badge, row.name, tree.path(row.unit_id), password))
        if acts:
            audit.append(session, actor, "person.reissue", f"{len(acts)} 人", {"人数": len(acts)})
            audit.append_all(session, actor, acts)
    return tuple(accounts)


def _rows(session: Session, ids: Sequence[int], *conditions: ColumnElement[bool]) -> list[PersonRow]:
    found: list[PersonRow] = []
    for chunk in batches(ids):
        found += session.scalars(select(PersonRow).where(PersonRow.id.in_(chunk), *conditions))
    return sorted(found, key=lambda row: row.badge)
