"""Everything behind the sign-in, wired: people, documents, builds, questions. Only a server and the console open it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from study_bot.accounts.gate import Gate
from study_bot.accounts.lockout import Lockout
from study_bot.accounts.oidc import Oidc
from study_bot.accounts.passwords import Passwords
from study_bot.accounts.people import People
from study_bot.accounts.roles import SYSTEM
from study_bot.accounts.roster import Roster
from study_bot.accounts.sign_in import SignIn
from study_bot.accounts.units import Units
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_runner import BuildRunner
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.documents.first_start import adopt
from study_bot.documents.folder_sync import FolderSync
from study_bot.documents.health import IndexHealth, index_health
from study_bot.documents.library_folder import LibraryFolder, write_library
from study_bot.library.catalog import read_sidecar
from study_bot.maintenance.purging import CONTENT_FOLDER, DailyPurge
from study_bot.maintenance.site import Site, open_site
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.usage.feedback import Feedback
from study_bot.usage.questions import QuestionLog

if TYPE_CHECKING:
    from study_bot.services import Services

LIBRARY_FOLDER = "library"
"""Below `data_dir`: what is published as a folder for the builder."""


@dataclass(frozen=True, slots=True)
class Office(contextlib.AbstractContextManager["Office"]):
    """What the pages of people and administration work with. `oidc` is None where no provider is configured."""

    settings: Settings
    site: Site
    people: People
    units: Units
    roster: Roster
    sign_in: SignIn
    gate: Gate
    oidc: Oidc | None
    files: Files
    folder_sync: FolderSync
    builds: Builds
    runner: BuildRunner
    purge: DailyPurge
    questions: QuestionLog
    feedback: Feedback
    services: Services

    @property
    def database(self) -> Database:
        """The database of the site."""
        return self.site.database

    def health(self) -> IndexHealth:
        """How the live index is.

        :raises SnapshotError: there is none, or it cannot be opened.
        """
        return index_health(self.services.snapshot(), self.settings, self.builds)

    def foreign_index(self) -> bool:
        """Whether the live index was not made from the managed library: a build would replace what it holds."""
        return self.builds.foreign()

    def fill(self) -> int:
        """Take the starter library into an empty one, and ask for an index of what is published if that is behind.

        :return: the number of files taken in.
        """
        adopted = adopt(SYSTEM, self.files, self.settings.corpus_dir)
        if self.builds.due():
            self.builds.request(SYSTEM)
        return adopted

    def close(self) -> None:
        """End the work in the background and let go of everything."""
        self.runner.stop()
        self.purge.stop()
        self.files.close()
        self.site.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _library(files: Files, settings: Settings) -> LibraryFolder:
    """What is published, with the questions that the starter library suggests to first-time users."""
    examples = read_sidecar(settings.corpus_dir).examples
    return write_library(files, settings.data_dir / LIBRARY_FOLDER, examples)


def build_office(settings: Settings, services: Services) -> Office:
    """Open the site of the settings and wire what works on it. Nothing runs before `runner.start`.

    :raises SettingsError: an address in the settings is wrong.
    :raises StorageError: the database or the data folder cannot be used.
    """
    site = open_site(settings)
    try:
        return _wired(settings, services, site)
    except BaseException:
        site.close()
        raise


def _wired(settings: Settings, services: Services, site: Site) -> Office:
    database = site.database
    passwords = Passwords()
    sign_in = SignIn(database, settings, passwords)
    files = Files(database, ContentStore(settings.data_dir / CONTENT_FOLDER), settings)
    library = partial(_library, files, settings)
    return Office(
        settings=settings,
        site=site,
        people=People(database, passwords, Lockout.from_settings(settings)),
        units=Units(database),
        roster=Roster(database, passwords),
        sign_in=sign_in,
        gate=Gate(sign_in, settings),
        oidc=Oidc(settings, database) if settings.oidc_issuer else None,
        files=files,
        folder_sync=FolderSync(files),
        builds=Builds(database, settings),
        runner=BuildRunner(database, settings, library),
        purge=DailyPurge(site),
        questions=QuestionLog(database, settings),
        feedback=Feedback(database, settings),
        services=services,
    )
