from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import func, select

from study_bot.accounts import audit, sessions
from study_bot.accounts.roles import SYSTEM, Actor, Role
from study_bot.accounts.sign_in import SignIn
from study_bot.errors import ForbiddenError, InputError, NotFoundError, SignInError
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.storage.tables import AuditRow, FailureRow, SessionRow
from tests.accounts.site import PASSWORD, Site, fails

ADDRESS, AGENT = "10.0.0.9", "Mozilla/5.0 (X11)"


def small_site(database: Database) -> Site:
    site = Site(database, Settings(lockout_failures=3, lockout_address_failures=6, lockout_minutes=10))
    site.add("010203")
    return site


@pytest.fixture
def site(database: Database) -> Site:
    return small_site(database)


@pytest.fixture
def light(light_database: Database) -> Site:
    return small_site(light_database)


def wrong(site: Site, badge: str = "010203", address: str = ADDRESS) -> str:
    with pytest.raises(SignInError) as raised:
        site.sign_in.sign_in(badge, "not-the-password", address, AGENT)
    return str(raised.value)


def right(site: Site, badge: str = "010203", address: str = ADDRESS) -> str:
    return site.sign_in.sign_in(badge, PASSWORD, address, AGENT).token


def test_a_session_begins_with_badge_and_password(site: Site) -> None:
    started = site.sign_in.sign_in("010203", PASSWORD, ADDRESS, AGENT)
    live = site.sign_in.session(started.token)
    assert live is not None and live.person == started.person == site.people.by_badge("010203")
    assert live.person.unit == "总队/一支队" and live.means == sessions.BY_PASSWORD


def test_the_cookie_is_not_in_the_database(site: Site) -> None:
    token = right(site)
    with site.database.read() as session:
        stored = session.scalars(select(SessionRow)).one()
        assert token not in repr(vars(stored)) and PASSWORD not in repr(vars(stored))
        assert token not in "".join(row.detail + row.subject for row in session.scalars(select(AuditRow)))


def test_letters_of_a_badge_count_the_same_in_either_case(site: Site) -> None:
    site.add("JD0077")
    assert right(site, " jd0077 ") and right(site, "ＪＤ００７７")


@pytest.mark.parametrize("badge", ["999999", "", "x" * 10_000, "' OR 1=1 --", "010203\0", "\ud800", "{{7*7}}", "警号"])
def test_an_unknown_badge_reads_like_a_wrong_password(light: Site, badge: str) -> None:
    assert wrong(light, badge) == wrong(light, "010203")


def test_a_closed_account_reads_like_a_wrong_password(site: Site) -> None:
    site.add("010204", active=False)
    with pytest.raises(SignInError) as raised:
        right(site, "010204")
    assert str(raised.value) == wrong(site)


def test_what_was_typed_for_a_badge_is_not_written_down(site: Site) -> None:
    wrong(site, "hunter2hunter2")
    with site.database.read() as session:
        rows = [*session.scalars(select(AuditRow.subject)), *session.scalars(select(FailureRow.subject))]
        assert not any("hunter2" in row for row in rows)


@pytest.mark.parametrize("badge", ["010203", "no-such-badge"])
def test_an_account_is_locked_after_failures_and_opens_when_told(site: Site, badge: str) -> None:
    for _ in range(3):
        assert "次数太多" not in wrong(site, badge)
    message = wrong(site, badge)
    until = (site.clock.at + dt.timedelta(minutes=10, seconds=59)).astimezone()
    assert "次数太多" in message and f"{until:%H:%M}" in message
    if badge == "010203":
        with pytest.raises(SignInError, match="次数太多"):
            right(site)
    site.clock.forward(minutes=9, seconds=59)
    assert "次数太多" in wrong(site, badge)
    site.clock.forward(seconds=1)
    assert "次数太多" not in wrong(site, badge)


def test_a_lock_survives_a_restart(site: Site) -> None:
    for _ in range(3):
        wrong(site)
    again = SignIn(site.database, site.settings, site.passwords, site.clock)
    with pytest.raises(SignInError, match="次数太多"):
        again.sign_in("010203", PASSWORD, ADDRESS, AGENT)


def test_a_spelling_of_the_badge_does_not_get_round_the_lock(site: Site) -> None:
    for badge in ("010203", " 010203", "０１０２０３"):
        wrong(site, badge)
    assert "次数太多" in wrong(site)


def test_success_forgets_the_failures_of_the_account(site: Site) -> None:
    for _ in range(4):
        wrong(site)
        wrong(site)
        right(site)
        site.clock.forward(minutes=30)


def test_an_address_is_locked_whatever_the_accounts(site: Site) -> None:
    for number in range(6):
        assert "次数太多" not in wrong(site, f"9{number:05}")
    with pytest.raises(SignInError, match="次数太多"):
        right(site)
    assert right(site, address="10.0.0.10")


def test_success_does_not_forgive_the_address(site: Site) -> None:
    for number in range(5):
        wrong(site, f"9{number:05}")
    right(site)
    wrong(site, "900006")
    assert "次数太多" in wrong(site, "900007")


def test_many_attempts_at_once_stay_within_the_limit(site: Site) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(wrong(site))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("次数太多" not in answer for answer in answers) == 3


def test_an_admin_lifts_a_lock_by_a_new_password(site: Site) -> None:
    for _ in range(3):
        wrong(site)
    person = site.people.by_badge("010203")
    assert person is not None
    password = site.people.reset_password(SYSTEM, person.id)
    assert site.sign_in.sign_in("010203", password, ADDRESS, AGENT).person.must_change


def test_a_session_ends_when_it_is_not_used(site: Site) -> None:
    token = right(site)
    for _ in range(3):
        site.clock.forward(minutes=119)
        assert site.sign_in.session(token)
    site.clock.forward(minutes=120)
    assert site.sign_in.session(token) is None


def test_a_session_ends_after_its_longest_time(site: Site) -> None:
    token = right(site)
    for _ in range(11):
        site.clock.forward(hours=1)
        assert site.sign_in.session(token)
    site.clock.forward(hours=1)
    assert site.sign_in.session(token) is None


def test_use_is_noted_once_a_minute(site: Site) -> None:
    token = right(site)
    began = site.clock.at
    for seconds, noted in ((59, began), (1, None)):
        site.clock.forward(seconds=seconds)
        site.sign_in.session(token)
        with site.database.read() as session:
            assert session.scalar(select(SessionRow.seen_at)) == (noted or site.clock.at)


def test_sign_out_ends_this_session_only(site: Site) -> None:
    first, second = right(site), right(site)
    site.sign_in.sign_out(first)
    assert site.sign_in.session(first) is None and site.sign_in.session(second)
    site.sign_in.sign_out(first)
    site.sign_in.sign_out(None)


@pytest.mark.parametrize(
    "token", [None, "", "x", "a" * 43, "a" * 10_000, "' OR 1=1 --", "令牌", "\0", "\ud800" * 43, 7]
)
def test_anything_else_is_no_session(light: Site, token: str | None) -> None:
    right(light)
    assert light.sign_in.session(token) is None


def test_a_token_with_one_letter_changed_is_no_session(site: Site) -> None:
    token = right(site)
    assert site.sign_in.session(("A" if token[0] != "A" else "B") + token[1:]) is None


def test_closing_an_account_ends_its_sessions_at_once(site: Site) -> None:
    token, person = right(site), site.people.by_badge("010203")
    assert person is not None
    site.add("900000", Role.ADMIN, None)
    site.people.set_active(SYSTEM, person.id, False)
    assert site.sign_in.session(token) is None
    site.people.set_active(SYSTEM, person.id, True)
    assert site.sign_in.session(token) is None


def test_ended_sessions_are_removed(site: Site) -> None:
    right(site)
    right(site)
    site.clock.forward(hours=13)
    right(site)
    wrong(site)
    site.clock.forward(hours=13)
    site.sign_in.purge()
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SessionRow)) == 0
        assert session.scalar(select(func.count()).select_from(FailureRow)) == 0


def test_who_is_vouched_for_needs_no_password_of_ours(site: Site) -> None:
    person = site.add("010205", must_change=True)
    started = site.sign_in.sign_in_trusted("010205", sessions.BY_OIDC, ADDRESS, AGENT)
    live = site.sign_in.session(started.token)
    assert live is not None and live.person.id == person.id and not live.person.must_change
    assert not started.person.must_change and site.people.person(person.id).must_change


@pytest.mark.parametrize("badge", ["999999", "", "010206", "a b"])
def test_who_is_vouched_for_must_have_an_open_account(light: Site, badge: str) -> None:
    light.add("010206", active=False)
    with pytest.raises(SignInError, match="没有您的账号"):
        light.sign_in.sign_in_trusted(badge, sessions.BY_PROXY, ADDRESS, AGENT)


def test_sessions_are_listed_and_ended_by_their_owner(site: Site) -> None:
    first, second = right(site), right(site, address="10.0.0.10")
    live = site.sign_in.session(first)
    assert live is not None
    actor = Actor(live.person)
    listed = site.sign_in.sessions_of(actor, live.person.id)
    assert {info.address for info in listed} == {ADDRESS, "10.0.0.10"} and all(info.agent == AGENT for info in listed)
    other = next(info for info in listed if info.id != live.id)
    site.sign_in.revoke(actor, other.id)
    assert site.sign_in.session(second) is None and site.sign_in.session(first)
    third = right(site)
    assert site.sign_in.revoke_all(actor, live.person.id, but=live.token_hash) == 1
    assert site.sign_in.session(first) and site.sign_in.session(third) is None


def test_sessions_of_others_are_out_of_reach(site: Site) -> None:
    token = right(site)
    live = site.sign_in.session(token)
    assert live is not None
    for actor, error in (
        (site.actor("010207"), ForbiddenError),
        (Actor(None), SignInError),
        (site.actor("010208", Role.UNIT_ADMIN, "二支队"), NotFoundError),
    ):
        for action in (
            lambda a=actor: site.sign_in.sessions_of(a, live.person.id),
            lambda a=actor: site.sign_in.revoke(a, live.id),
            lambda a=actor: site.sign_in.revoke_all(a, live.person.id),
        ):
            assert fails(action, error)
    assert site.sign_in.session(token)
    site.sign_in.revoke(site.actor("010209", Role.UNIT_ADMIN, "总队"), live.id)
    assert site.sign_in.session(token) is None


def test_a_form_carries_the_mark_of_its_session(site: Site) -> None:
    token, other = right(site), right(site)
    mark = site.sign_in.csrf_token(token)
    assert site.sign_in.csrf_ok(token, mark) and token not in mark
    for session, given in ((other, mark), (token, None), (token, ""), (token, mark[:-1]), (token, "é"), ("", mark)):
        assert not site.sign_in.csrf_ok(session, given)


def test_everything_is_in_the_trail(site: Site) -> None:
    wrong(site)
    site.sign_in.sign_out(right(site), ADDRESS)
    with site.database.read() as session:
        actions = [line.action for line in audit.entries(session)]
    assert actions[-3:] == ["session.refused", "session.sign_in", "session.sign_out"]
    assert audit.verify(site.database).broken_at is None


def test_a_password_is_changed_by_its_owner(site: Site) -> None:
    site.add("010210", must_change=True)
    token, other = right(site, "010210"), right(site, "010210")
    live = site.sign_in.session(token)
    assert live is not None and live.person.must_change
    actor = Actor(live.person, ADDRESS)
    assert fails(lambda: actor.require(Role.OFFICER), SignInError)
    site.people.change_own_password(actor, PASSWORD, "北风与砚台的第二杯茶", live.token_hash)
    assert site.sign_in.session(other) is None
    live = site.sign_in.session(token)
    assert live is not None and not live.person.must_change
    assert fails(lambda: right(site, "010210"), SignInError)
    site.sign_in.sign_in("010210", "北风与砚台的第二杯茶", ADDRESS, AGENT)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("wrong", "北风与砚台的第二杯茶", "原密码"),
        (PASSWORD, PASSWORD, "不能与原密码相同"),
        (PASSWORD, "short", "10"),
        (PASSWORD, "010203张010203", "警号"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(light: Site, old: str, new: str, told: str) -> None:
    token = right(light)
    live = light.sign_in.session(token)
    assert live is not None
    with pytest.raises(InputError, match=told):
        light.people.change_own_password(Actor(live.person), old, new, None)
    assert light.sign_in.session(token) and right(light)


def test_the_old_password_cannot_be_tried_for_long(site: Site) -> None:
    person = site.people.by_badge("010203")
    for _ in range(5):
        assert fails(
            lambda: site.people.change_own_password(Actor(person), "wrong", "北风与砚台的第二杯茶"), InputError
        )
    with pytest.raises(SignInError, match="次数太多"):
        site.people.change_own_password(Actor(person), PASSWORD, "北风与砚台的第二杯茶")
