"""The day, as the screens see it; tests put another one here."""

from __future__ import annotations

import datetime as dt


def today() -> dt.date:
    """Today in the server's time zone."""
    return dt.datetime.now().astimezone().date()
