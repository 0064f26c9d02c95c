"""Opening a site: its lock, what a killed restore left, its database."""

from __future__ import annotations

import contextlib
import getpass
from dataclasses import dataclass

from study_bot.accounts.roles import Actor
from study_bot.maintenance import exchange
from study_bot.maintenance.locks import SiteHold, own_site, use_site
from study_bot.settings import Settings
from study_bot.storage.database import Database, open_database


@dataclass(frozen=True, slots=True)
class Site(contextlib.AbstractContextManager["Site"]):
    """A site in use. While one is open, in whatever process, nothing can be restored."""

    settings: Settings
    database: Database
    _hold: SiteHold

    def close(self) -> None:
        """Let go of the database and the lock."""
        self.database.close()
        self._hold.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def open_site(settings: Settings) -> Site:
    """Open the site that the settings name; an empty one is made. A restore that was killed is finished first.

    :raises SettingsError: the address of the database is wrong.
    :raises StorageError: the data is being restored, or cannot be reached or written.
    """
    hold = use_site(settings.data_dir)
    try:
        while exchange.pending(settings):
            hold.close()
            with own_site(settings.data_dir):
                exchange.finish(settings)
            hold = use_site(settings.data_dir)
        database = open_database(settings.database_url.get_secret_value(), settings.data_dir)
    except BaseException:
        hold.close()
        raise
    return Site(settings, database, hold)


def console_actor() -> Actor:
    """Whoever types commands on the server itself, named by the system's account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "?"
    return Actor(None, label=f"控制台（{name}）", trusted=True)
