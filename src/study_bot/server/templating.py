"""The templates of our own pages and what every one of them may use."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from study_bot.accounts.roles import Role
from study_bot.ui.markup import icon
from study_bot.ui.page import asset_url

TEMPLATES = Path(__file__).with_name("templates")


def environment_of(root: str) -> Environment:
    """The templates for a site whose addresses begin with `root`, "" for one at the top."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def url(path: str, **query: object) -> str:
        pairs = [(name, str(value)) for name, value in query.items() if value not in (None, "")]
        return root + path + ("?" + urlencode(pairs) if pairs else "")

    environment.globals.update(
        url=url,
        root=root,
        asset=lambda name: asset_url(root, name),
        icon=lambda name: Markup(icon(name)),  # noqa: S704 - our own drawings
        Role=Role,
    )
    environment.filters.update(day=_day, moment=_moment, number=_number, size=_size)
    return environment


def _day(value: dt.date | dt.datetime | None) -> str:
    if value is None:
        return "—"
    return f"{value.astimezone() if isinstance(value, dt.datetime) else value:%Y-%m-%d}"


def _moment(value: dt.datetime | None) -> str:
    """A time in the zone of the server."""
    return f"{value.astimezone():%Y-%m-%d %H:%M}" if value else "—"


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:,}"


def _size(octets: int | None) -> str:
    if octets is None:
        return "—"
    value, units = float(octets), iter(("B", "KB", "MB", "GB"))
    unit = next(units)
    while value >= 1024 and (larger := next(units, None)):
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
