from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.documents.content import ContentStore
from study_bot.errors import ConflictError, ForbiddenError, InputError, StorageError
from study_bot.maintenance import backup
from study_bot.maintenance.backup import create, verify
from study_bot.maintenance.restore import restore
from study_bot.maintenance.site import Site, open_site
from study_bot.settings import Settings
from study_bot.storage.tables import FileRow, SessionRow, StateRow
from tests.maintenance.sites import add_file, add_person, fill, leftovers, settings_in, state


def test_a_backup_brings_a_site_back_elsewhere(new_settings: Callable[[str], Settings], tmp_path: Path) -> None:
    file = tmp_path / "备份.backup"
    with open_site(new_settings("一")) as first:
        fill(first, tmp_path)
        before = state(first)
        report = create(file, first.database, first.settings, actor=SYSTEM)
        assert file.stat().st_mode & 0o077 == 0
    assert (report.documents, report.missing, report.build_id) == (2, (), before["build"])
    assert verify(file) == report
    settings = new_settings("二")
    assert restore(file, settings, actor=SYSTEM) == report
    with open_site(settings) as second:
        assert state(second) == before
        with second.database.read() as session:
            assert session.scalar(select(func.count()).select_from(SessionRow)) == 0, "everybody signs in again"
            *_, last = audit.entries(session)
        assert (last.action, last.subject, last.actor) == ("backup.restore", file.name, "系统")
    assert leftovers(settings) == []


def test_a_site_in_use_is_replaced_only_when_asked_and_kept_first(
    new_settings: Callable[[str], Settings], tmp_path: Path
) -> None:
    settings = new_settings("甲")
    file, kept = tmp_path / "一.backup", tmp_path / "之前.backup"
    with open_site(settings) as site:
        fill(site, tmp_path)
        before = state(site)
        create(file, site.database, settings, actor=SYSTEM)
        add_person(site.database, "later")
        add_file(site, "后来的文件")
        (settings.data_dir / "evals" / "extra").write_text("x")
        after = state(site)
    with pytest.raises(ConflictError, match="--replace"):
        restore(file, settings, actor=SYSTEM)
    restore(file, settings, actor=SYSTEM, replace=True, keep=kept)
    with open_site(settings) as site:
        assert state(site) == before
    restore(kept, settings, actor=SYSTEM, replace=True)
    with open_site(settings) as site:
        assert state(site) == after


def test_nothing_is_restored_under_a_running_server(site: Site, tmp_path: Path) -> None:
    create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    with pytest.raises(StorageError, match="请先停止"):
        restore(tmp_path / "一.backup", site.settings, actor=SYSTEM, replace=True)


@contextlib.contextmanager
def _writing(site: Site) -> Iterator[None]:
    """Threads that raise a number, and files that come and go for good, for as long as the block lasts."""
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            with site.database.write() as session:
                session.get_one(StateRow, "n", with_for_update=True).value += 1
                session.get_one(StateRow, "m", with_for_update=True).value += 1

    def give_and_purge() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            sha256 = add_file(site, f"忙{number}")
            with site.database.write() as session:
                row = session.scalars(select(FileRow).where(FileRow.sha256 == sha256)).one()
                session.delete(row)
            if number % 2:
                ContentStore(site.settings.data_dir / "content").path(sha256).unlink()

    with site.database.write() as session:
        session.add_all([StateRow(name="n", value=0), StateRow(name="m", value=0)])
    threads = [threading.Thread(target=work) for work in (count, count, give_and_purge)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_backup_taken_while_everybody_writes_is_of_one_moment(
    new_settings: Callable[[str], Settings], tmp_path: Path
) -> None:
    settings = new_settings("甲")
    with open_site(settings) as site:
        fill(site, tmp_path)
        with _writing(site):
            for number in range(2):
                create(tmp_path / f"{number}.backup", site.database, settings, actor=SYSTEM)
    for number in range(2):
        verify(tmp_path / f"{number}.backup")
        restore(tmp_path / f"{number}.backup", settings, actor=SYSTEM, replace=True)
        with open_site(settings) as site:
            state(site)
            with site.database.read() as session:
                assert session.get_one(StateRow, "n").value == session.get_one(StateRow, "m").value


def test_content_lost_before_is_told_and_does_not_prevent_a_backup(site: Site, tmp_path: Path) -> None:
    fill(site, tmp_path)
    lost = add_file(site, "丢了")
    ContentStore(site.settings.data_dir / "content").path(lost).unlink()
    report = create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    assert report.missing == (lost,)
    assert verify(tmp_path / "一.backup") == report


def test_a_broken_index_does_not_prevent_a_backup(site: Site, tmp_path: Path) -> None:
    fill(site, tmp_path)
    (site.settings.index_dir / "CURRENT").write_text("nonsense")
    assert create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM).build_id is None


def test_a_backup_overwrites_nothing_and_stays_out_of_the_data(site: Site, tmp_path: Path) -> None:
    (tmp_path / "一.backup").write_text("dear")
    with pytest.raises(ConflictError, match="已经存在"):
        create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    assert (tmp_path / "一.backup").read_text() == "dear"
    with pytest.raises(InputError, match="不能放在数据目录"):
        create(site.settings.data_dir / "一.backup", site.database, site.settings, actor=SYSTEM)
    with pytest.raises(InputError, match="没有文件夹"):
        create(tmp_path / "no" / "一.backup", site.database, site.settings, actor=SYSTEM)


def test_a_folder_as_target_gets_a_name_from_the_time(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "备份"
    folder.mkdir()
    report = create(folder, site.database, site.settings, actor=SYSTEM)
    assert report.file.parent == folder and report.file.suffix == ".backup"


def test_what_a_killed_backup_left_goes_with_the_next(site: Site, tmp_path: Path) -> None:
    left = tmp_path / f".二.backup{backup.PARTIAL}"
    left.write_bytes(b"half")
    (tmp_path / f"{left.name}.d").mkdir()
    (tmp_path / f"{left.name}.d" / "study_bot.sqlite3").write_bytes(b"half")
    create(tmp_path / "三.backup", site.database, site.settings, actor=SYSTEM)
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_only_an_admin_and_the_console_may(site: Site, tmp_path: Path) -> None:
    officer = Actor(Person(1, "1", "张三", Role.UNIT_ADMIN))
    with pytest.raises(ForbiddenError):
        create(tmp_path / "一.backup", site.database, site.settings, actor=officer)
    create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    with pytest.raises(ForbiddenError):
        restore(tmp_path / "一.backup", site.settings, actor=officer)


def test_the_other_kind_of_database_is_refused(tmp_path: Path, postgres: str) -> None:
    (tmp_path / "a").mkdir()
    with open_site(settings_in(tmp_path / "a")) as site:
        create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    with pytest.raises(InputError, match=r"SQLite.*PostgreSQL"):
        restore(tmp_path / "一.backup", settings_in(tmp_path / "b", postgres), actor=SYSTEM)


def test_a_backup_of_a_newer_program_changes_nothing(site: Site, tmp_path: Path) -> None:
    add_person(site.database, "old")
    create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    with site.database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    create(tmp_path / "二.backup", site.database, site.settings, actor=SYSTEM)
    site.close()
    other = settings_in(tmp_path / "other")
    restore(tmp_path / "一.backup", other, actor=SYSTEM)
    with open_site(other) as restored:
        before = state(restored)
    with pytest.raises(StorageError, match="更新版本"):
        restore(tmp_path / "二.backup", other, actor=SYSTEM, replace=True)
    assert leftovers(other) == []
    with open_site(other) as restored:
        assert state(restored) == before


def test_a_damaged_database_stops_the_copy_before_and_goes_when_given_up(site: Site, tmp_path: Path) -> None:
    fill(site, tmp_path)
    before = state(site)
    create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    site.close()
    path = site.settings.data_dir / "study_bot.sqlite3"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StorageError, match="--discard"):
        restore(tmp_path / "一.backup", site.settings, actor=SYSTEM, replace=True, keep=tmp_path / "之前.backup")
    assert path.read_bytes().startswith(b"not a database")
    restore(tmp_path / "一.backup", site.settings, actor=SYSTEM, replace=True)
    with open_site(site.settings) as restored:
        assert state(restored) == before


def test_a_database_kept_elsewhere_goes_back_there(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    settings = settings_in(tmp_path / "s", f"sqlite:///{tmp_path / 'db' / 'people.db'}")
    with open_site(settings) as site:
        add_person(site.database, "one")
        before = state(site)
        create(tmp_path / "一.backup", site.database, settings, actor=SYSTEM)
        add_person(site.database, "two")
    restore(tmp_path / "一.backup", settings, actor=SYSTEM, replace=True)
    with open_site(settings) as site:
        assert state(site) == before
    assert sorted(path.name for path in (tmp_path / "db").iterdir()) == ["people.db", "people.db.migrate"]


def test_an_index_inside_the_data_folder_is_copied_once_and_not_moved_away(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", index_dir=tmp_path / "data" / "index", cache_dir=tmp_path / "c")
    with open_site(settings) as site:
        fill(site, tmp_path)
        before = state(site)
        create(tmp_path / "一.backup", site.database, settings, actor=SYSTEM)
    restore(tmp_path / "一.backup", settings, actor=SYSTEM, replace=True)
    with open_site(settings) as site:
        assert state(site) == before


def test_a_refusing_postgresql_leaves_all_as_it_was(postgres: str, tmp_path: Path) -> None:
    from tests.databases import postgres_database

    with postgres_database(postgres) as address:
        settings = settings_in(tmp_path / "s", address)
        with open_site(settings) as site:
            add_person(site.database, "one")
            create(tmp_path / "一.backup", site.database, settings, actor=SYSTEM)
            add_file(site, "后来")
            # A view on a table stands in the way of dropping it.
            with site.database.write() as session:
                session.connection().exec_driver_sql("CREATE VIEW in_the_way AS SELECT badge FROM people")
            before = state(site)
        with pytest.raises(StorageError, match="没有成功"):
            restore(tmp_path / "一.backup", settings, actor=SYSTEM, replace=True)
        assert leftovers(settings) == []
        with open_site(settings) as site:
            assert state(site) == before


def test_the_snapshot_is_a_database_without_a_log(site: Site, tmp_path: Path) -> None:
    create(tmp_path / "一.backup", site.database, site.settings, actor=SYSTEM)
    with backup.opened(tmp_path / "一.backup") as archive:
        archive.unpack("database", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["study_bot.sqlite3"]
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / "study_bot.sqlite3")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
