"""Commands on the site's database: backup, audit, people, purge."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import pytest

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM
from study_bot.accounts.sign_in import SignIn
from study_bot.maintenance.purging import DailyPurge
from study_bot.maintenance.site import open_site
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.tables import FileRow, QuestionRow
from tests.cli.conftest import Program
from tests.maintenance.sites import add_file, fill, state


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The site that the commands of this test find."""
    for name in ("data", "index", "cache"):
        monkeypatch.setenv(f"STUDY_BOT_{name.upper()}_DIR", str(tmp_path / name))
    return Settings()


def test_backup_verify_restore(program: Program, settings: Settings, tmp_path: Path) -> None:
    with open_site(settings) as site:
        fill(site, tmp_path)
        before = state(site)
    file = tmp_path / "一.backup"
    made = program("backup", "create", str(file), "--json")
    assert made.code == 0 and made.json["documents"] == 2
    assert program("backup", "verify", str(file), "--json").json == made.json
    assert program("backup", "create", str(file)).code == 2, "it is there already"
    with open_site(settings) as site:
        add_file(site, "后来")
    assert program("backup", "restore", str(file)).code == 2
    done = program("backup", "restore", str(file), "--replace")
    assert done.code == 0 and "恢复前的数据备份在" in done.err
    with open_site(settings) as site:
        assert state(site) == before
    [kept] = tmp_path.glob("before-restore-*.backup")
    assert program("backup", "restore", str(kept), "--discard").code == 0
    with open_site(settings) as site:
        assert state(site) != before


def test_restore_while_the_site_is_in_use(program: Program, settings: Settings, tmp_path: Path) -> None:
    with open_site(settings):
        assert program("backup", "create", str(tmp_path / "一.backup")).code == 0
        refused = program("backup", "restore", str(tmp_path / "一.backup"), "--replace")
    assert (refused.code, refused.out) == (1, "") and "请先停止" in refused.err


def test_what_is_no_backup(program: Program, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04 nonsense")
    for command in ("verify", "restore"):
        for name in ("x", "missing"):
            done = program("backup", command, str(tmp_path / name))
            assert done.code == 2 and done.err.startswith("错误：") and done.err.count("\n") == 1
    assert not settings.data_dir.exists() or not list(settings.data_dir.glob("*.sqlite3"))


def test_audit_verify_sees_changes_and_cut_ends(program: Program, settings: Settings, tmp_path: Path) -> None:
    with open_site(settings) as site:
        fill(site, tmp_path)
    whole = program("audit", "verify")
    assert whole.code == 0
    noted = whole.out.splitlines()[-1].removeprefix("请记下：")
    with open_site(settings) as site, site.database.write() as session:
        audit.append(session, SYSTEM, "file.publish", "=1+1")
    assert program("audit", "verify", "--noted", noted).code == 0
    with open_site(settings) as site, site.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM audit_trail WHERE number >= 3")
    assert program("audit", "verify").code == 0, "a shorter chain is whole by itself"
    cut = program("audit", "verify", "--noted", noted, "--json")
    assert cut.code == 1 and cut.json["whole"] is False
    with open_site(settings) as site, site.database.write() as session:
        session.connection().exec_driver_sql("UPDATE audit_trail SET subject = 'x' WHERE number = 1")
    broken = program("audit", "verify")
    assert broken.code == 1 and "第 1 条" in broken.out
    assert program("audit", "verify", "--noted", "5").code == 2


def test_audit_export(program: Program, settings: Settings, tmp_path: Path) -> None:
    with open_site(settings) as site, site.database.write() as session:
        for number in range(1200):
            audit.append(session, SYSTEM, "file.publish", f"=HYPERLINK({number})")
    assert program("audit", "export", str(tmp_path / "x.csv")).code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert [row["序号"] for row in rows] == [str(n) for n in range(1, 1202)]
    assert rows[0]["对象"] == "'=HYPERLINK(0)" and rows[-1]["操作"] == "audit.export"
    assert program("audit", "export", str(tmp_path / "x.jsonl"), "--after", "1200").code == 0
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == [1201, 1202]
    assert program("audit", "export", str(tmp_path / "x.csv")).code == 1, "nothing is overwritten"
    assert program("audit", "export", str(tmp_path / "x.txt")).code == 2


def test_people(program: Program, settings: Settings) -> None:
    made = program("people", "add-admin", "A100", "张三")
    assert made.code == 0
    password = made.out.strip()
    with open_site(settings) as site:
        assert SignIn(site.database, settings).sign_in("A100", password, "127.0.0.1", "").person.must_change
    assert program("people", "add-admin", "A100", "张三").code == 2
    reset = program("people", "reset-password", "a100")
    assert reset.code == 0 and reset.out.strip() != password
    assert program("people", "reset-password", "B").code == 2
    listed = program("people", "list", "--json").json["people"]
    assert [(p["badge"], p["role"]) for p in listed] == [("A100", "admin")]
    assert "共 1 个账号" in program("people", "list", "张").out
    with open_site(settings) as site, site.database.read() as session:
        made_by = {e.actor for e in audit.entries(session) if e.action.startswith(("person.create", "person.reset"))}
    assert len(made_by) == 1 and made_by.pop().startswith("控制台（")


def test_purge(program: Program, settings: Settings) -> None:
    long_ago = utc_now() - dt.timedelta(days=400)
    with open_site(settings) as site:
        gone, kept = add_file(site, "删掉"), add_file(site, "留下")
        with site.database.write() as session:
            session.query(FileRow).where(FileRow.sha256 == gone).update({"state": "deleted", "deleted_at": long_ago})
            session.add(QuestionRow(at=long_ago, question="几点", answer="八点", outcome="answered", took_ms=1.0))
    assert program("purge", "--json").json == {"questions": 1, "files": 1}
    assert program("purge", "--json").json == {"questions": 0, "files": 0}
    with open_site(settings) as site:
        assert state(site)["files"] == [kept]
        with site.database.read() as session:
            assert session.query(QuestionRow).one().question is None


def test_the_server_purges_by_itself(settings: Settings) -> None:
    with open_site(settings) as site:
        with site.database.write() as session:
            long_ago = utc_now() - dt.timedelta(days=400)
            session.add(QuestionRow(at=long_ago, question="几点", answer="八点", outcome="answered", took_ms=1.0))
        purge = DailyPurge(site)
        purge.start()
        purge.stop()
        purge.stop()
