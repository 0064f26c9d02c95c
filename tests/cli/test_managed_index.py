"""Commands on the index of a site that has a managed library, and waiting for its builds."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from study_bot.accounts.roles import SYSTEM
from study_bot.cli import waiting
from study_bot.documents import build_runner
from study_bot.documents.build_queue import BuildQueue
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import BuildKind, BuildState
from study_bot.documents.build_runner import BuildRunner
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.errors import BuildInProgressError
from study_bot.index import lock
from study_bot.index.lock import writer_lock
from study_bot.index.publish import live_build_id
from study_bot.settings import Settings
from study_bot.storage.database import Database, open_database
from study_bot.types import Progress
from tests.cli.conftest import Program
from tests.documents.build_fakes import Library, child
from tests.documents.samples import new_rule
from tests.index.builder_fakes import build, prose_text, write_library


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those that the commands read, too; nothing is there yet."""
    for name in ("data", "index", "corpus"):
        monkeypatch.setenv(f"STUDY_BOT_{name.upper()}_DIR", str(tmp_path / name))
    return Settings(threads=1)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Of a library with one published file."""
    opened = open_database("", settings.data_dir)
    files = Files(opened, ContentStore(settings.data_dir / "content"), settings)
    files.publish(SYSTEM, [files.give(SYSTEM, "办法.txt", io.BytesIO(new_rule())).id])
    files.close()
    yield opened
    opened.close()


@pytest.fixture
def three_builds(settings: Settings, tmp_path: Path) -> list[str]:
    """Ids, oldest first; the last one is live."""
    library = write_library(tmp_path / "文献")
    made = [build(library, settings.index_dir).build_id]
    for topic in ("植树", "晨跑"):
        (library / f"关于{topic}的讲话.txt").write_text(prose_text(topic), encoding="utf-8")
        made.append(build(library, settings.index_dir).build_id)
    return made


class TestBuilding:
    @pytest.mark.usefixtures("database")
    @pytest.mark.parametrize("arguments", [(), ("--source", "corpus"), ("--full", "--json")])
    def test_a_managed_library_is_not_replaced_by_the_way(
        self, arguments: tuple[str, ...], program: Program, settings: Settings
    ) -> None:
        refused = program("index", "build", *arguments)
        assert refused.code == 2 and refused.out == ""
        for words in ("已发布 1 份文件", "study-bot library update", "--replace-library", "--index"):
            assert words in refused.err
        assert program("index", "build", "--index", str(settings.index_dir / ".." / "index"), *arguments).code == 2
        assert program.opened == []

    @pytest.mark.usefixtures("database")
    def test_but_when_asked_for_or_elsewhere(self, program: Program, settings: Settings, tmp_path: Path) -> None:
        assert program("index", "build", "--replace-library").code == 0
        assert program("index", "build", "--index", str(tmp_path / "build" / "gate")).code == 0
        assert [opened.settings.index_dir.name for opened in program.opened] == ["index", "gate"]

    def test_where_there_is_none_nothing_is_made(self, program: Program, settings: Settings) -> None:
        assert program("index", "build").code == 0
        assert not settings.data_dir.exists()


class TestGoingBack:
    @pytest.mark.parametrize("managed", [True, False])
    def test_with_a_damaged_current_to_the_newest_whole_build(
        self,
        managed: bool,
        program: Program,
        settings: Settings,
        three_builds: list[str],
        request: pytest.FixtureRequest,
    ) -> None:
        if managed:
            request.getfixturevalue("database")
        (settings.index_dir / three_builds[2] / "passages.jsonl").unlink()
        (settings.index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")
        assert program("index", "status").code == 3
        back = program("index", "rollback")
        assert (back.code, back.out) == (0, f"已改用索引 {three_builds[1]}。\n")
        assert "、".join(reversed(three_builds)) in back.err and f"跳过 {three_builds[2]}" in back.err
        assert live_build_id(settings.index_dir) == three_builds[1]
        assert three_builds[0] in program("index", "rollback").out
        assert program("index", "rollback").code == 3
        (settings.index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")
        assert program("index", "rollback", "--to", three_builds[1]).code == 0
        assert settings.data_dir.exists() == managed

    def test_what_was_gone_back_to_on_purpose_stays(
        self, program: Program, settings: Settings, database: Database, three_builds: list[str]
    ) -> None:
        assert program("index", "rollback").code == 0
        [record] = Builds(database, settings).recent()
        assert (record.kind, record.build_id) == (BuildKind.ROLL_BACK, three_builds[1])
        update = program("library", "update")
        assert update.code == 0 and "有意回退到" in update.out and "--force" in update.out
        assert live_build_id(settings.index_dir) == three_builds[1]


class TestWaiting:
    @pytest.fixture
    def builds(self, database: Database, settings: Settings) -> Builds:
        return Builds(database, settings)

    @pytest.fixture
    def office(
        self, builds: Builds, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Any]:
        """Whose runner builds with the encoder of the tests."""
        for module, name in ((build_runner, "POLL_S"), (build_runner, "BEAT_S"), (waiting, "LOOK_S")):
            monkeypatch.setattr(module, name, 0.02)
        runner = BuildRunner(builds._database, settings, Library(write_library(tmp_path / "文献")), child(0.02))
        yield SimpleNamespace(builds=builds, settings=settings, runner=runner)
        runner.stop()

    def test_it_is_told_what_is_waited_for(
        self, office: Any, builds: Builds, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waiting, "TELL_S", 0.0)
        first = builds.request(SYSTEM).id
        BuildQueue(
            builds._database, office.settings.index_dir, socket.gethostname()
        ).claim()  # a server that was killed
        done = waiting.wait_for(office, builds.request(SYSTEM).id)
        assert done.state is BuildState.DONE
        told = capsys.readouterr().err
        assert f"等待任务 {first} 完成（生成向量）" in told

    def test_nobody_takes_it(self, office: Any, builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "PATIENCE_S", 0.3)
        office.runner = SimpleNamespace(start=lambda: None)
        number = builds.request(SYSTEM).id
        with pytest.raises(BuildInProgressError, match=f"任务 {number}.*没有程序处理.*重启服务"):
            waiting.wait_for(office, number)

    def test_another_program_is_waited_for_as_long_as_it_writes(
        self, office: Any, builds: Builds, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
        monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
        number = builds.request(SYSTEM).id
        looks = 0

        def get(asked: int) -> Any:
            nonlocal looks
            looks += 1
            if looks > 5:
                builds.cancel(SYSTEM, asked)
            return Builds.get(builds, asked)

        office.builds = SimpleNamespace(get=get, current=builds.current)
        office.runner = SimpleNamespace(start=lambda: None)
        queue = BuildQueue(builds._database, office.settings.index_dir, "here")
        with writer_lock(office.settings.index_dir):
            queue.note_waiting("正被另一个程序写入")
            assert waiting.wait_for(office, number).state is BuildState.CANCELLED
        assert "等待，正被另一个程序写入" in capsys.readouterr().err

    def test_lines(self, builds: Builds) -> None:
        waits = builds.request(SYSTEM)
        assert waiting.line(waiting.standing(waits, None)) == "排队"
        assert waiting.line(Progress("生成向量", 10, 40, "段", rate=2.0, eta=15.0)) == (
            "生成向量 10/40 段，2 段/秒，剩余 15 秒"
        )
