"""Which earlier builds are worth keeping: the last ones, and of those before the last of an hour and of a day.

Three changes within a minute must not push out the build of this morning, nor may the folder grow without end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

HOURS = 3
"""The last build is kept of so many hours in which there were builds, the newest hour among them."""

DAYS = 3
"""The same for days."""

_STAMP_CHARS = len("20260101T000000")


def worth_keeping(build_ids: Sequence[str], newest: int, zone: dt.tzinfo | None = None) -> frozenset[str]:
    """Those of the builds that stay on disk: at most `newest` + HOURS + DAYS - 2, as long as `newest` is not 0.

    What is thrown away now would not be kept by any later call either, so it does not matter how often one calls.

    :param build_ids: in any order; each begins with its time in UTC, as `new_build_id` makes them.
    :param newest: so many of the newest are kept in any case.
    :param zone: where hours and days begin; None = as the clock of this machine is set.
    """
    ordered = sorted(build_ids, reverse=True)
    hours = _last_of_each(ordered, lambda at: at.strftime("%Y%m%d%H"), HOURS, zone)
    days = _last_of_each(ordered, lambda at: at.strftime("%Y%m%d"), DAYS, zone)
    return frozenset([*ordered[:newest], *hours, *days])


def _last_of_each(
    ordered: Sequence[str], span: Callable[[dt.datetime], str], count: int, zone: dt.tzinfo | None
) -> list[str]:
    """The newest build in each of the newest `count` spans of time that have any."""
    found: dict[str, str] = {}
    for build_id in ordered:
        if (made := _made(build_id)) is not None:
            found.setdefault(span(made.astimezone(zone)), build_id)
    return list(found.values())[:count]


def _made(build_id: str) -> dt.datetime | None:
    """When a build was begun; None if its name tells no time, as somebody gave it by hand."""
    try:
        return dt.datetime.strptime(build_id[:_STAMP_CHARS], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
