"""Which earlier builds stay on disk."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.retention import DAYS, HOURS, worth_keeping

NEWEST = 3
moments = st.lists(
    st.datetimes(dt.datetime(2026, 3, 1), dt.datetime(2026, 3, 9)).map(lambda at: at.replace(microsecond=0)),
    unique=True,
    max_size=40,
)


def named(at: dt.datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}000-abcdef"


def kept(*times: str, zone: dt.tzinfo = dt.UTC) -> list[str]:
    """Of builds made at these times (`日 时:分`), those that stay, newest first."""
    ids = {named(dt.datetime.strptime(f"2026-03-{time}", "%Y-%m-%d %H:%M")): time for time in times}
    return [ids[build_id] for build_id in sorted(worth_keeping(tuple(ids), NEWEST, zone), reverse=True)]


def test_quick_changes_do_not_push_out_the_build_of_this_morning() -> None:
    assert kept("05 09:10", "05 14:01", "05 14:02", "05 14:03", "05 14:04") == [
        "05 14:04",
        "05 14:03",
        "05 14:02",
        "05 09:10",
    ]


def test_the_last_of_an_hour_and_of_a_day_stays() -> None:
    times = ["03 10:00", "03 18:00", "04 09:00", "04 17:00", "05 08:00", "05 08:30", "05 09:00", "05 09:20"]
    times += [f"05 14:{minute:02d}" for minute in range(10)]
    assert kept(*times) == ["05 14:09", "05 14:08", "05 14:07", "05 09:20", "05 08:30", "04 17:00", "03 18:00"]


def test_a_day_begins_where_the_clock_says_so() -> None:
    china = dt.timezone(dt.timedelta(hours=8))
    times = ("03 15:59", "03 16:01", "04 10:00", "04 11:00", "04 12:00", "04 13:00", "04 14:00")
    assert "03 15:59" in kept(*times, zone=china) and "03 16:01" not in kept(*times, zone=china)
    assert "03 16:01" in kept(*times) and "03 15:59" not in kept(*times)


def test_a_name_without_a_time_counts_as_the_newest_only() -> None:
    assert worth_keeping(["99999999T999999999-abcdef", named(dt.datetime(2026, 3, 1))], 1, dt.UTC) == {
        "99999999T999999999-abcdef",
        named(dt.datetime(2026, 3, 1)),
    }
    assert worth_keeping([], NEWEST) == frozenset()


@given(moments)
def test_few_stay_and_the_newest_among_them(times: list[dt.datetime]) -> None:
    ids = sorted(map(named, times), reverse=True)
    stay = worth_keeping(ids, NEWEST, dt.UTC)
    assert set(ids[:NEWEST]) <= stay <= set(ids)
    assert len(stay) <= NEWEST + HOURS + DAYS - 2


@given(moments)
def test_throwing_away_after_each_build_leaves_what_throwing_away_once_does(times: list[dt.datetime]) -> None:
    ids = sorted(map(named, times))
    on_disk: set[str] = set()
    for build_id in ids:
        on_disk = set(worth_keeping([*on_disk, build_id], NEWEST, dt.UTC))
    assert on_disk == worth_keeping(ids, NEWEST, dt.UTC)
