from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study_bot.errors import BuildCancelledError, ModelError, SettingsError, SnapshotError, SourceNotFoundError
from study_bot.index import builder, passage_vectors
from study_bot.index.store import SnapshotStore
from study_bot.library.loading import LoadWorker
from study_bot.types import BuildReport, FileReport, LoadedFile, PassageKind, Progress
from tests.index.builder_fakes import (
    RULE_TITLE,
    SETTINGS,
    TODAY,
    FakeEncoder,
    answers,
    build,
    leftovers,
    live,
    prose_text,
    rule_text,
    write_library,
)
from tests.support import PROJECT_ROOT


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write_library(tmp_path / "文献")


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    return tmp_path / "index"


def by_path(report: BuildReport) -> dict[str, FileReport]:
    return {file.path: file for file in report.files}


def texts_of(index_dir: Path) -> set[str]:
    return {passage.text for passage in live(index_dir).passages}


class TestFirstBuild:
    def test_every_file_is_reported_and_found(self, library: Path, index_dir: Path) -> None:
        encoder = FakeEncoder()
        report = build(library, index_dir, encoder)
        files = by_path(report)
        assert list(files) == [f"文献/{RULE_TITLE}.txt", "文献/讲话/关于巡逻的讲话.md", "文献/讲话/关于晨读的讲话.txt"]
        rule = files[f"文献/{RULE_TITLE}.txt"]
        assert (rule.title, rule.kind, rule.status, rule.articles) == (RULE_TITLE, "statute", "现行有效", 8)
        assert (rule.version_date, rule.effective_date, rule.gaps, rule.error) == ("2024-05-06", "2024-06-01", (), None)
        assert report.published
        assert report.rebuild_reason is None
        assert report.embedded == report.passages == len(encoder.encoded) == sum(f.passages for f in report.files)
        assert (report.reused, report.removed, report.articles) == (0, 0, 8)
        assert report.model == encoder.fingerprint

    def test_nearly_every_character_is_covered(self, library: Path, index_dir: Path) -> None:
        report = build(library, index_dir)
        assert report.covered == report.characters == sum(file.characters for file in report.files) > 300

    def test_every_passage_is_its_span_of_the_text(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        snapshot = live(index_dir)
        for passage in snapshot.passages:
            assert snapshot.text(passage.version_id).text[passage.start : passage.end] == passage.text
        for version in snapshot.versions:
            assert {snapshot.passages[row].version_id for row in snapshot.rows_of(version.version_id)} == {
                version.version_id
            }

    def test_missing_article_numbers_are_named(self, tmp_path: Path, index_dir: Path) -> None:
        text = rule_text(20, without=15)
        (tmp_path / f"{RULE_TITLE}.txt").write_text(text, encoding="utf-8")
        assert build(tmp_path / f"{RULE_TITLE}.txt", index_dir).files[0].gaps == ("缺第十五条",)

    def test_a_missing_source_is_an_error_and_creates_no_index(self, tmp_path: Path, index_dir: Path) -> None:
        with pytest.raises(SourceNotFoundError, match="没有这个"):
            build(tmp_path / "没有这个", index_dir)
        (tmp_path / "空").mkdir()
        with pytest.raises(SourceNotFoundError, match="没有任何文件"):
            build(tmp_path / "空", index_dir)
        assert SnapshotStore(index_dir).peek() is None

    def test_the_sidecar_counts_and_a_wrong_one_is_named(self, library: Path, index_dir: Path) -> None:
        sidecar = library / "catalog.toml"
        sidecar.write_text('[[documents]]\npath = "讲话/关于晨读的讲话.txt"\ncategory = "红色课堂"\n', encoding="utf-8")
        build(library, index_dir)
        assert [v.category for v in live(index_dir).versions] == [None, "讲话", "红色课堂"]
        sidecar.write_text('[[documents]]\npath = "a"\ncolour = 1\n', encoding="utf-8")
        with pytest.raises(SettingsError, match="colour"):
            build(library, index_dir)
        assert leftovers(index_dir) == []

    def test_questions_that_a_sidecar_suggests(self, library: Path, index_dir: Path) -> None:
        (library / "catalog.toml").write_text('examples = ["谁登记来访人员？"]\n', encoding="utf-8")
        build(library, index_dir)
        assert live(index_dir).manifest.examples == ("谁登记来访人员？",)
        (library / "catalog.toml").write_text('examples = ["谁清点雨具？"]\n', encoding="utf-8")
        assert build(library, index_dir).published
        assert live(index_dir).manifest.examples == ("谁清点雨具？",)


class TestIncremental:
    def test_nothing_changed_means_nothing_done(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        encoder = FakeEncoder()
        second = build(library, index_dir, encoder)
        assert not second.published
        assert second.build_id == first.build_id
        assert (second.embedded, second.reused, second.removed) == (0, first.passages, 0)
        assert second.files == first.files
        assert encoder.encoded == []
        assert SnapshotStore(index_dir).build_ids() == (first.build_id,)

    def test_a_changed_article_embeds_one_passage(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        words = "值守人员应当每小时记录一次河水的水位。"
        (library / f"{RULE_TITLE}.txt").write_text(rule_text(changed={3: words}), encoding="utf-8")
        encoder = FakeEncoder()
        second = build(library, index_dir, encoder)
        assert second.published
        assert (second.embedded, second.reused, second.removed) == (1, first.passages - 1, 1)
        assert len(encoder.encoded) == 1
        assert f"第三条 {words}" in texts_of(index_dir)
        assert not any("记录天气变化" in text for text in texts_of(index_dir))

    def test_an_added_file_embeds_only_its_own(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        (library / "关于植树的讲话.txt").write_text(prose_text("植树"), encoding="utf-8")
        second = build(library, index_dir)
        added = by_path(second)["文献/关于植树的讲话.txt"]
        assert second.embedded == added.passages > 0
        assert (second.reused, second.removed) == (first.passages, 0)

    def test_a_deleted_file_answers_no_more(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        gone = by_path(first)["文献/讲话/关于晨读的讲话.txt"].passages
        (library / "讲话" / "关于晨读的讲话.txt").unlink()
        second = build(library, index_dir)
        assert (second.embedded, second.removed) == (0, gone)
        assert not any("晨读" in text for text in texts_of(index_dir))

    def test_a_renamed_file_keeps_its_vectors(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        (library / "讲话" / "关于晨读的讲话.txt").rename(library / "关于晨读的讲话.txt")
        second = build(library, index_dir)
        assert second.published
        assert (second.embedded, second.removed, second.passages) == (0, 0, first.passages)
        assert "文献/关于晨读的讲话.txt" in {v.path for v in live(index_dir).versions}

    def test_a_file_is_not_read_again(self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        build(library, index_dir)
        read: list[str] = []

        def load(_: object, path: Path, *__: object) -> object:
            read.append(path.name)
            raise AssertionError(path)

        monkeypatch.setattr("study_bot.index.reading.LoadWorker.load", load)
        (library / "讲话" / "关于晨读的讲话.txt").unlink()
        assert build(library, index_dir).published
        assert read == []

    def test_the_cache_is_disposable(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        shutil.rmtree(index_dir / "cache")
        (library / "关于植树的讲话.txt").write_text(prose_text("植树", 1), encoding="utf-8")
        second = build(library, index_dir)
        assert (second.embedded, second.reused) == (1, first.passages)  # from the vectors of the live build

    def test_full_does_everything_again(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        second = build(library, index_dir, full=True)
        assert second.published
        assert second.build_id != first.build_id
        assert second.embedded == first.passages

    def test_statuses_follow_the_day(self, library: Path, index_dir: Path) -> None:
        (library / f"{RULE_TITLE}.txt").write_text(
            rule_text().replace("2024年6月1日起施行", "2026年6月1日起施行"), encoding="utf-8"
        )
        before = build(library, index_dir, today=TODAY)
        same = build(library, index_dir, today=TODAY + dt.timedelta(days=1))
        after = build(library, index_dir, today=dt.date(2026, 6, 1))
        assert [r.files[0].status for r in (before, same, after)] == ["尚未施行", "尚未施行", "现行有效"]
        assert [r.published for r in (before, same, after)] == [True, False, True]
        assert after.embedded == 0

    def test_new_rules_read_the_sources_again(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(library, index_dir)
        monkeypatch.setattr(builder, "rules_fingerprint", lambda: "newer")
        again: list[str] = []
        build(library, index_dir, on_progress=lambda p: again.append(p.stage))
        assert "读取文献" in again


class TestForcedRebuild:
    def test_another_model(self, library: Path, index_dir: Path) -> None:
        first = build(library, index_dir)
        report = build(library, index_dir, FakeEncoder("fake-model-2", dimension=16))
        assert report.rebuild_reason is not None
        assert "向量模型已更换" in report.rebuild_reason
        assert report.embedded == first.passages
        assert build(library, index_dir, FakeEncoder()).embedded == 0  # the first model's vectors are still cached

    def test_other_passage_lengths(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        settings = SETTINGS.model_copy(update={"passage_chars": 100})
        report = build(library, index_dir, settings=settings)
        assert report.published
        assert report.rebuild_reason is not None
        assert "段落长度" in report.rebuild_reason

    @pytest.mark.parametrize("name", ["manifest.json", "passages.jsonl", "dense.faiss", "../CURRENT"])
    def test_a_damaged_live_build(self, library: Path, index_dir: Path, name: str) -> None:
        first = build(library, index_dir)
        (index_dir / first.build_id / name).write_bytes(b"?")
        report = build(library, index_dir)
        assert report.published
        assert report.rebuild_reason is not None
        assert "不能使用" in report.rebuild_reason
        assert report.embedded == 0
        assert len(live(index_dir).passages) == first.passages


class TestAwkwardFiles:
    def test_the_same_bytes_under_two_names_are_one_document(self, library: Path, index_dir: Path) -> None:
        before = build(library, index_dir)
        shutil.copy(library / "讲话" / "关于晨读的讲话.txt", library / "讲话" / "转发.txt")
        after = build(library, index_dir)
        copy = by_path(after)["文献/讲话/转发.txt"]
        assert (copy.title, copy.duplicate_of) == ("关于晨读的讲话", "文献/讲话/关于晨读的讲话.txt")
        assert after.passages == before.passages

    def test_the_same_words_in_another_encoding_are_one_document(self, library: Path, index_dir: Path) -> None:
        before = build(library, index_dir)
        (library / "讲话" / "晨读.txt").write_text(prose_text("晨读"), encoding="gb18030")
        after = build(library, index_dir)
        assert by_path(after)["文献/讲话/晨读.txt"].duplicate_of == "文献/讲话/关于晨读的讲话.txt"
        assert (after.passages, after.embedded) == (before.passages, 0)

    def test_a_broken_file_stops_nothing_and_is_tried_again(self, library: Path, index_dir: Path) -> None:
        good = build(library, index_dir)
        broken = library / "规定.docx"
        broken.write_bytes(b"PK\x03\x04 no archive")
        (library / "空.txt").write_bytes(b"")
        report = build(library, index_dir)
        files = by_path(report)
        assert files["文献/规定.docx"].error
        assert files["文献/空.txt"].error
        assert report.passages == good.passages
        again = build(library, index_dir)
        assert not again.published
        assert again.files == report.files
        broken.unlink()
        (library / "空.txt").write_text(prose_text("植树"), encoding="utf-8")
        assert all(file.error is None for file in build(library, index_dir).files)

    def test_only_broken_files_leave_the_live_index_alone(self, library: Path, index_dir: Path, tmp_path: Path) -> None:
        first = build(library, index_dir)
        (tmp_path / "坏").mkdir()
        (tmp_path / "坏" / "空.txt").write_bytes(b"")
        with pytest.raises(SourceNotFoundError, match=r"空\.txt"):
            build(tmp_path / "坏", index_dir)
        assert SnapshotStore(index_dir).peek() == first.build_id
        assert leftovers(index_dir) == []

    def test_a_file_that_changes_while_it_is_read(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was read then belongs to no known content: it must not be kept under the hash taken before."""
        talk = library / "讲话" / "关于晨读的讲话.txt"
        load = LoadWorker.load

        def slow(self: LoadWorker, path: Path, *rest: Any) -> LoadedFile:
            if path == talk:
                talk.write_text(prose_text("午睡"), encoding="utf-8")
            return load(self, path, *rest)

        monkeypatch.setattr(LoadWorker, "load", slow)
        report = build(library, index_dir)
        assert "正被改动" in str(by_path(report)["文献/讲话/关于晨读的讲话.txt"].error)
        monkeypatch.undo()
        assert all(file.error is None for file in build(library, index_dir).files)
        assert any("午睡" in text for text in texts_of(index_dir))

    def test_what_is_no_document_is_not_read(self, library: Path, index_dir: Path) -> None:
        for name in (".hidden.txt", "~$规定.docx", "Thumbs.db", ".git/config.txt"):
            (library / name).parent.mkdir(exist_ok=True)
            (library / name).write_text("不是文献", encoding="utf-8")
        assert len(build(library, index_dir).files) == 3

    def test_an_index_inside_the_sources_is_not_read(self, library: Path) -> None:
        build(library, library / "index")
        assert not build(library, library / "index").published

    def test_two_folders_of_one_name_keep_apart(self, tmp_path: Path, index_dir: Path) -> None:
        for place, topic in (("a", "晨读"), ("b", "植树")):
            (tmp_path / place / "文献").mkdir(parents=True)
            (tmp_path / place / "文献" / "讲话.txt").write_text(prose_text(topic), encoding="utf-8")
        report = build([tmp_path / "a" / "文献", tmp_path / "b" / "文献"], index_dir)
        assert [file.path for file in report.files] == ["文献/讲话.txt", "文献(2)/讲话.txt"]

    def test_a_parser_that_trips_over_one_file(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from study_bot.index import reading

        def describe(relative: str, *rest: object) -> object:
            if "晨读" in relative:
                raise IndexError("out of range")
            return genuine(relative, *rest)  # type: ignore[arg-type]

        genuine = reading.describe
        monkeypatch.setattr(reading, "describe", describe)
        report = build(library, index_dir)
        assert "解析时出错" in str(by_path(report)["文献/讲话/关于晨读的讲话.txt"].error)
        assert report.passages > 8


class TestRetrievalCorpus:
    def test_rows_become_documents_and_a_law(self, library: Path, index_dir: Path, tmp_path: Path) -> None:
        rows = [
            {
                "_id": f"row:{n}",
                "title": f"江临市渡口管理条例第{n}条",
                "text": f"渡口在第{n}个时段由第{n}班开放。",
                "metadata": {},
            }
            for n in range(1, 6)
        ]
        corpus = tmp_path / "corpus.jsonl"
        corpus.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
        report = build([library, corpus], index_dir)
        file = report.files[-1]
        assert (file.kind, file.passages, file.articles, file.covered) == ("beir", 5, 5, file.characters)
        snapshot = live(index_dir)
        assert [v.version_id for v in snapshot.versions[-5:]] == [row["_id"] for row in rows]
        assert snapshot.text("row:2").text == rows[1]["text"]
        passage = snapshot.passages[snapshot.rows_of("row:3")[0]]
        assert (passage.kind, passage.doc_id, passage.title) == (PassageKind.ROW, "row:3", "江临市渡口管理条例")
        law = snapshot.articles.resolve_law("《江临市渡口管理条例》")
        assert set(law) == {row["_id"] for row in rows}
        assert not build([library, corpus], index_dir).published


class TestProgressAndCancelling:
    def test_stages_come_in_order_with_rates(self, library: Path, index_dir: Path) -> None:
        seen: list[Progress] = []
        build(library, index_dir, FakeEncoder(seconds_a_text=0.02), on_progress=seen.append)
        assert list(dict.fromkeys(p.stage for p in seen)) == [
            "扫描文献",
            "读取文献",
            "生成向量",
            "建立检索",
            "写入索引",
        ]
        embedding = [p for p in seen if p.stage == "生成向量"]
        assert embedding[-1].done == embedding[-1].total == live(index_dir).manifest.passages
        assert embedding[-1].eta == 0
        assert 10 < (embedding[-1].rate or 0) < 60

    @pytest.mark.parametrize("stage", ["扫描文献", "读取文献", "生成向量", "建立检索", "写入索引"])
    def test_cancelled_in_any_stage_leaves_the_live_index(self, library: Path, index_dir: Path, stage: str) -> None:
        build(library, index_dir)
        before = answers(live(index_dir))
        (library / "关于植树的讲话.txt").write_text(prose_text("植树"), encoding="utf-8")
        stages: list[str] = []
        with pytest.raises(BuildCancelledError, match="未受影响"):
            build(
                library,
                index_dir,
                on_progress=lambda p: stages.append(p.stage),
                cancelled=lambda: bool(stages) and stages[-1] == stage,
            )
        assert answers(live(index_dir)) == before
        assert leftovers(index_dir) == []
        assert build(library, index_dir).published

    def test_what_was_embedded_before_cancelling_is_kept(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passage_vectors, "ENCODE_BLOCK", 2)
        encoder = FakeEncoder()
        with pytest.raises(BuildCancelledError):
            build(library, index_dir, encoder, cancelled=lambda: len(encoder.encoded) >= 5)
        done = len(encoder.encoded)
        report = build(library, index_dir)
        assert report.embedded == report.passages - done + done % 2


class TestFailures:
    def test_a_model_that_gives_other_shapes(self, library: Path, index_dir: Path) -> None:
        class Wrong(FakeEncoder):
            def encode_passages(self, texts: list[str], on_progress: object = None) -> np.ndarray:
                return np.zeros((len(texts), 3), dtype=np.float32)

        with pytest.raises(ModelError, match="输出不合要求"):
            build(library, index_dir, Wrong())
        assert SnapshotStore(index_dir).peek() is None
        assert leftovers(index_dir) == []

    def test_an_index_path_that_is_a_file(self, library: Path, index_dir: Path) -> None:
        index_dir.write_text("x", encoding="utf-8")
        with pytest.raises(SnapshotError, match="出错"):
            build(library, index_dir)

    def test_a_full_disk(self, library: Path, index_dir: Path) -> None:
        """A limit on the size of files stands for it: the system refuses to write on, as on a full disk."""
        build(library, index_dir)
        before = answers(live(index_dir))
        (library / "关于植树的讲话.txt").write_text(prose_text("植树", 300), encoding="utf-8")
        code = (
            "import resource, sys; from pathlib import Path\n"
            "from study_bot.errors import SnapshotError\n"
            "from tests.index.builder_fakes import build\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            "try: build(Path(sys.argv[1]), Path(sys.argv[2]))\n"
            "except SnapshotError as error: sys.exit(str(error))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, library, index_dir],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "磁盘空间不足" in done.stderr
        assert "Traceback" not in done.stderr
        assert answers(live(index_dir)) == before
        assert leftovers(index_dir) == []
        assert build(library, index_dir).published
