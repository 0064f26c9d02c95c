"""The site of the settings, for commands that work on its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from study_bot.settings import load_settings

if TYPE_CHECKING:
    from study_bot.maintenance.site import Site


@contextmanager
def opened_site() -> Iterator[Site]:
    """The site, closed afterwards.

    :raises SettingsError: a setting is wrong.
    :raises StorageError: it is being restored, or cannot be used.
    """
    from study_bot.maintenance.site import open_site

    with open_site(load_settings()) as site:
        yield site
