"""What is killed: changes to a site, each made by a process that says every step it takes and every one that is done.

Run as a program it imports everything, then forks a worker for each line it reads; see `tests.chaos.kill.Workers`.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy.event
from sqlalchemy import Engine, select

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.documents.stored import FileState
from study_bot.maintenance import backup, restore
from study_bot.maintenance.site import Site, open_site
from study_bot.storage import database as database_module
from study_bot.storage.library_tables import FileRow
from tests.documents.samples import rule
from tests.maintenance.sites import settings_in

PAUSE_S = 0.002
"""After each step: a slow disk. There is time to be killed in every one."""

UPLOADS = 3
_WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "sqlite3.connect", "subprocess.Popen"}

Say = Callable[[object], None]


def files_of(site: Site) -> Files:
    """The managed files of a site."""
    return Files(site.database, ContentStore(site.settings.data_dir / "content"), site.settings)


def sample(number: int, part: int, *, year: int = 2020) -> bytes:
    """A rule that no other number and part has."""
    title = f"自习室第{number}号第{part}部分办法"
    return rule(year, f"第{number}号第{part}部分：夜读的人有灯有座。", "值班员每日巡查两次。", title=title)


def database_url(folder: Path) -> str:
    """Address of the database of the site in `folder`; empty for its own SQLite."""
    file = folder / "database_url"
    return file.read_text() if file.exists() else ""


def upload(folder: Path, number: int, say: Say) -> None:
    """Give files; each that was acknowledged is told by its checksum."""
    with open_site(settings_in(folder)) as site, closing(files_of(site)) as files:
        for part in range(UPLOADS):
            file = files.give(SYSTEM, f"办法{number}-{part}.txt", io.BytesIO(sample(number, part)), "法律")
            say({"given": file.sha256})


def publish(folder: Path, number: int, say: Say) -> None:
    """Publish all drafts at once, replace one, retire, delete and bring back others; each is told when it is done."""
    with open_site(settings_in(folder)) as site, closing(files_of(site)) as files:
        with site.database.read() as session:
            drafts = session.scalars(select(FileRow.id).where(FileRow.state == "draft").order_by(FileRow.id)).all()
        *plain, successor = drafts
        files.publish(SYSTEM, plain)
        say({"state": plain, "is": FileState.PUBLISHED.value})
        files.replace(SYSTEM, successor, plain[0])
        say({"state": [successor], "is": FileState.PUBLISHED.value})
        files.retire(SYSTEM, plain[1])
        say({"state": [plain[1]], "is": FileState.RETIRED.value})
        files.delete(SYSTEM, plain[1])
        say({"state": [plain[1]], "is": FileState.DELETED.value})
        files.undelete(SYSTEM, plain[1])
        say({"state": [plain[1]], "is": FileState.RETIRED.value})


def migrate(folder: Path, number: int, say: Say) -> None:
    """Bring a database up to the last of the migrations in `folder`, which may be newer than the program's."""
    database_module.MIGRATIONS = folder / "migrations"
    open_site(settings_in(folder)).close()
    say({"migrated": True})


def make_backup(folder: Path, number: int, say: Say) -> None:
    """Write a backup of the site."""
    with open_site(settings_in(folder)) as site:
        target = folder / "backups" / f"{number}.backup"
        backup.create(target, site.database, site.settings, actor=SYSTEM)
        say({"backup": target.name})


def restore_backup(folder: Path, number: int, say: Say) -> None:
    """Restore one of two backups by turns."""
    file = folder / "backups" / f"{'ab'[number % 2]}.backup"
    restore.restore(file, settings_in(folder, database_url(folder)), actor=SYSTEM, replace=True)
    say({"restored": file.stem})


WORK = {f.__name__: f for f in (upload, publish, migrate, make_backup, restore_backup)}


def _watch(step: Callable[..., None]) -> None:
    """Have every access to the disk and every statement to the database tell."""
    fsync = os.fsync
    os.fsync = lambda descriptor: (step(), fsync(descriptor))[1]  # type: ignore[assignment]
    sqlalchemy.event.listen(Engine, "before_cursor_execute", step)
    sqlalchemy.event.listen(Engine, "commit", step)
    sys.addaudithook(lambda name, _: step() if name in _WATCHED else None)


def main() -> None:
    """Fork a worker for each line `{"work", "folder", "number"}`; out come its number, `step`, what it says, `gone`."""
    said = os.dup(1)
    os.dup2(2, 1)

    def tell(line: str) -> None:
        os.write(said, f"{line}\n".encode())

    def step(*_: object) -> None:
        tell("step")
        time.sleep(PAUSE_S)

    for line in sys.stdin:
        request = json.loads(line)
        if (pid := os.fork()) == 0:
            tell(str(os.getpid()))
            _watch(step)
            WORK[request["work"]](Path(request["folder"]), request["number"], lambda what: tell(json.dumps(what)))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        tell(f"gone {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
