"""kill -9 in the middle of upload, publish, migration, backup and restore: nothing lost, nothing half done.

`make slow` kills each a few times; `make chaos` thirty times and more, and prints what happened.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.names import UNSORTED
from study_bot.maintenance import backup
from study_bot.maintenance.restore import restore
from study_bot.maintenance.site import open_site
from study_bot.storage.database import MIGRATIONS, Database, open_database
from study_bot.storage.library_tables import FileRow
from study_bot.storage.people_tables import PersonRow
from tests.chaos.kill import check_trail, moments, started_again, workers
from tests.chaos.work import database_url, files_of, sample
from tests.databases import postgres_database
from tests.maintenance.sites import add_person, fill, leftovers, settings_in, state

FEW, MANY = 2, 40
SEED = 20261124

kills_of_each = pytest.mark.parametrize(
    "kills",
    [pytest.param(FEW, id="few", marks=pytest.mark.slow), pytest.param(MANY, id="many", marks=pytest.mark.chaos)],
)


def _tell(what: str, outcomes: Counter[str]) -> None:
    sys.stderr.write(f"\n{what}: {sum(outcomes.values())} kills, {dict(outcomes)}\n")


@kills_of_each
def test_upload(tmp_path: Path, kills: int) -> None:
    with workers(tmp_path) as crew:
        whole = crew.run("upload", 0)
        kept = {said["given"] for said in whole.said}
        assert len(kept) == 3
        outcomes: Counter[str] = Counter()
        for number, (steps, then) in enumerate(moments(whole.steps, kills, SEED), start=1):
            run = crew.run("upload", number, steps, then)
            kept |= {said["given"] for said in run.said}
            outcomes[f"{len(run.said)} acknowledged"] += 1
            with started_again(tmp_path) as site, site.database.read() as session:
                there = set(session.scalars(select(FileRow.sha256)))
            assert kept <= there
            kept = there
    _tell("upload", outcomes)


@kills_of_each
def test_publish(tmp_path: Path, kills: int) -> None:
    with workers(tmp_path) as crew, open_site(settings_in(tmp_path)) as mine, closing(files_of(mine)) as files:

        def drafts(number: int) -> list[int]:
            given = [
                files.give(SYSTEM, f"{number}-{part}.txt", io.BytesIO(sample(number, part)), UNSORTED)
                for part in range(2)
            ]
            # The last one is to be the next version of the first.
            newer = io.BytesIO(sample(number, 0, year=2024) + "第九条 新增。".encode())
            given.append(files.give(SYSTEM, f"{number}-新.txt", newer, UNSORTED))
            return [file.id for file in given]

        drafts(0)
        whole = crew.run("publish", 0)
        outcomes: Counter[str] = Counter()
        for number, (steps, then) in enumerate(moments(whole.steps, kills, SEED + 1), start=1):
            ids = drafts(number)
            run = crew.run("publish", number, steps, then)
            outcomes[f"{len(run.said)} of 5 acknowledged"] += 1
            with started_again(tmp_path) as site, site.database.read() as session:
                rows = {row.id: row for row in session.scalars(select(FileRow).where(FileRow.id.in_(ids)))}
            assert len(rows) == 3
            first, second, newer = (rows[i].state for i in ids)
            # The steps come in one order; each is there whole or not at all.
            stages = [
                ("draft", "draft", "draft"),
                ("published", "published", "draft"),
                ("published", "published", "published"),
                ("published", "retired", "published"),
                ("published", "deleted", "published"),
                ("published", "retired", "published"),
            ]
            at = len(run.said)
            assert (first, second, newer) in stages[at : at + 2]
            assert (rows[ids[2]].replaces_id == ids[0]) == (newer == "published")
            for left in [i for i in ids if rows[i].state == "draft"]:
                files.delete(SYSTEM, left)
    _tell("publish", outcomes)


_NEXT_MIGRATION = '''
"""Rewrite the people, add a table and fill it."""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = depends_on = None

def upgrade():
    op.create_table("badges", sa.Column("badge", sa.String(64), primary_key=True))
    op.execute("INSERT INTO badges SELECT badge FROM people")
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("shoe_size", sa.Integer(), nullable=True))
    op.execute("UPDATE people SET shoe_size = 42")
'''


@kills_of_each
@pytest.mark.parametrize("filled", [False, True], ids=["first start", "next version"])
def test_migration(tmp_path: Path, kills: int, filled: bool) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    pristine, live = tmp_path / "pristine", settings_in(tmp_path).data_dir
    pristine.mkdir()
    head = ""
    if filled:
        with closing(open_database("", pristine)) as database:
            for number in range(50):
                add_person(database, f"b{number}")
            head = database.revision() or ""
        (tmp_path / "migrations" / "versions" / "9999_next.py").write_text(
            _NEXT_MIGRATION.format(revision="9999", before=head)
        )

    def begin_again() -> None:
        shutil.rmtree(live, ignore_errors=True)
        shutil.copytree(pristine, live)

    with workers(tmp_path) as crew:
        begin_again()
        whole = crew.run("migrate", 0)
        outcomes: Counter[str] = Counter()
        for number, (steps, then) in enumerate(moments(whole.steps, kills, SEED + 2), start=1):
            begin_again()
            run = crew.run("migrate", number, steps, then)
            with closing(Database(f"sqlite:///{live / 'study_bot.sqlite3'}")) as database:
                present = database.revision()
            outcomes["before" if present == (head or None) else "after"] += 1
            assert present in {head or None, "9999"} if filled else present != ""
            assert not run.said or present not in {head, None}
            crew.run("migrate", number)  # the next start
            with closing(Database(f"sqlite:///{live / 'study_bot.sqlite3'}")) as database:
                check_trail(database)
                with database.read() as session:
                    assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
                    if filled:
                        assert session.execute(text("SELECT count(*), sum(shoe_size) FROM people")).one() == (50, 2100)
                        assert session.execute(text("SELECT count(*) FROM badges")).scalar() == 50
                    else:
                        assert session.scalars(select(PersonRow)).all() == []
    _tell("migration" + (" to the next version" if filled else " of an empty database"), outcomes)


@kills_of_each
def test_backup(tmp_path: Path, kills: int) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with open_site(settings_in(tmp_path)) as site:
        fill(site, tmp_path)
    with workers(tmp_path) as crew:
        whole = crew.run("make_backup", 0)
        outcomes: Counter[str] = Counter()
        for number, (steps, then) in enumerate(moments(whole.steps, kills, SEED + 3), start=1):
            run = crew.run("make_backup", number, steps, then)
            made = folder / f"{number}.backup"
            outcomes["there" if made.exists() else "not there"] += 1
            assert made.exists() or not run.said
            with started_again(tmp_path):
                pass
            if made.exists():
                assert backup.verify(made).documents == 2
                made.unlink()
            crew.run("make_backup", -number)  # the next one clears away what was left
            assert [path.name for path in folder.iterdir() if "partial" in path.name] == []
            (folder / f"{-number}.backup").unlink()
    _tell("backup", outcomes)


@kills_of_each
def test_restore(tmp_path: Path, kills: int) -> None:
    _kill_restores(tmp_path, kills)


@kills_of_each
def test_restore_with_postgresql(tmp_path: Path, kills: int, postgres: str) -> None:
    with postgres_database(postgres) as address:
        (tmp_path / "database_url").write_text(address)
        _kill_restores(tmp_path, kills)


def _kill_restores(tmp_path: Path, kills: int) -> None:
    folder, settings = tmp_path / "backups", settings_in(tmp_path, database_url(tmp_path))
    folder.mkdir()
    states = {}
    for name in "ab":
        shutil.rmtree(settings.data_dir, ignore_errors=True)
        shutil.rmtree(settings.index_dir, ignore_errors=True)
        if database_url(tmp_path):
            with closing(Database(database_url(tmp_path))) as database, database.write() as session:
                session.execute(text("DROP SCHEMA public CASCADE"))
                session.execute(text("CREATE SCHEMA public"))
        with open_site(settings) as site:
            fill(site, tmp_path, name)
            states[name] = state(site)
            backup.create(folder / f"{name}.backup", site.database, settings, actor=SYSTEM)
    present = "b"
    with workers(tmp_path) as crew:
        whole = max(crew.run("restore_backup", number).steps for number in (0, 1))
        outcomes: Counter[str] = Counter()
        for number, (steps, then) in enumerate(moments(whole, kills, SEED + 4), start=2):
            wanted = "ab"[number % 2]
            if wanted == present:
                restore(folder / f"{'ba'[number % 2]}.backup", settings, actor=SYSTEM, replace=True)
                present = "ba"[number % 2]
            run = crew.run("restore_backup", number, steps, then)
            finishing = (settings.data_dir / ".restore" / "journal.json").exists()
            with started_again(tmp_path) as site:
                found = state(site)
            assert found in (states[present], states[wanted])
            assert found == states[wanted] or not (run.said or finishing)
            outcomes[("finished at the next start" if finishing else "new") if found == states[wanted] else "old"] += 1
            present = wanted if found == states[wanted] else present
            assert leftovers(settings) == []
    _tell(f"restore with {'PostgreSQL' if database_url(tmp_path) else 'SQLite'}", outcomes)


def test_a_worker_that_fails_is_noticed(tmp_path: Path) -> None:
    with workers(tmp_path) as crew, pytest.raises(AssertionError, match="failed by itself"):
        crew.run("restore_backup", 0)
