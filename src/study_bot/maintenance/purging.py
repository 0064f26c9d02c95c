"""Removing for good what has been kept as long as the settings say."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from contextlib import closing
from dataclasses import dataclass

from study_bot.accounts.roles import SYSTEM, Actor, Role
from study_bot.accounts.sign_in import SignIn
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.errors import StorageError
from study_bot.maintenance.site import Site
from study_bot.usage.questions import QuestionLog

CONTENT_FOLDER = "content"
"""Below the data folder: the bytes of every file."""

_EVERY_S = 24 * 3600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """How many questions lost their wording, and how many deleted files went for good."""

    questions: int
    files: int


def purge_site(site: Site, actor: Actor, now: dt.datetime | None = None) -> PurgeReport:
    """Purge questions, deleted files, sessions and failures to sign in; each part notes itself in the trail.

    :param now: None = this moment.
    :raises AccessError: the actor is a person and no admin.
    :raises StorageError: the database or the data folder cannot be written.
    """
    actor.allow(Role.ADMIN)
    questions = QuestionLog(site.database, site.settings).purge(now, actor)
    with closing(Files(site.database, ContentStore(site.settings.data_dir / CONTENT_FOLDER), site.settings)) as files:
        removed = files.purge(actor, now)
    SignIn(site.database, site.settings).purge()
    return PurgeReport(questions, removed)


class DailyPurge:
    """Purges soon after the start and then once a day, in a thread of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="purge", daemon=True)

    def start(self) -> None:
        """Begin; the caller does not wait."""
        self._thread.start()

    def stop(self) -> None:
        """End; a purge under way is waited for."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                purge_site(self._site, SYSTEM)
            except StorageError as error:  # a full disk today may be mended tomorrow
                _log.warning("到期的内容没有清除：%s", error)
            self._stopped.wait(_EVERY_S)
