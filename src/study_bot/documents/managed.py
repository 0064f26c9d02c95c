"""Whether a site keeps its documents in a managed library: a look from outside, which makes and changes nothing."""

from __future__ import annotations

from sqlalchemy import func, inspect, select

from study_bot.documents.rows import library_revision
from study_bot.documents.stored import FileState
from study_bot.settings import Settings
from study_bot.storage.database import database_of
from study_bot.storage.library_tables import FileRow, StateRow


def published_in_library(settings: Settings) -> int | None:
    """How many files are published in the managed library; None if nothing ever was, or there is no database.

    :raises SettingsError: the address of the database is wrong.
    :raises StorageError: it is there and cannot be read.
    """
    database = database_of(settings.database_url.get_secret_value(), settings.data_dir)
    try:
        if database.path is not None and not database.path.exists():  # looking must not make one
            return None
        with database.read() as session:
            tables = inspect(session.connection())
            if not (tables.has_table(StateRow.__tablename__) and tables.has_table(FileRow.__tablename__)):
                return None
            if library_revision(session) == 0:
                return None
            published = select(func.count()).select_from(FileRow).where(FileRow.state == FileState.PUBLISHED.value)
            return session.scalar(published) or 0
    finally:
        database.close()
