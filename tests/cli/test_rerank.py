"""`search` and `eval retrieval` with a re-ranker behind HTTP, over the real services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.errors import SettingsError
from study_bot.index.store import SnapshotStore
from study_bot.retrieval.rerank_settings import open_reranking
from study_bot.services import Services
from tests.cli.conftest import Program
from tests.index.builder_fakes import FakeEncoder
from tests.retrieval.rerank_servers import FakeServer, serving

ROWS = {
    "meals": "食堂每日三次开放，过时不候，节假日照常开放。",
    "guests": "来访人员由门卫登记，登记后方可进入，离开时注销登记。",
    "duty": "值班人员值班期间不得离岗，值班记录值班后交存。",
}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as fake:
        yield fake


@pytest.fixture
def index(program: Program, tmp_path: Path) -> Path:
    program.build_services = lambda settings: Services(
        settings, SnapshotStore(settings.index_dir), FakeEncoder, reranking=open_reranking(settings)
    )
    corpus = tmp_path / "corpus.jsonl"
    lines = [json.dumps({"_id": name, "title": "规则", "text": text}) for name, text in ROWS.items()]
    corpus.write_text("\n".join(lines), encoding="utf-8")
    program("index", "build", "--source", str(corpus), "--index", str(tmp_path / "index"))
    return tmp_path / "index"


@pytest.fixture
def question_set(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "食堂几时开放"}\n', encoding="utf-8")
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tduty\t1\n", encoding="utf-8")
    return folder


def found(program: Program, index: Path) -> list[str]:
    hits = program("search", "食堂几时开放", "--index", str(index), "--json").json["hits"]
    return [hit["doc_id"] for hit in hits]


def test_search_and_evaluation_follow_the_reranker(
    program: Program, index: Path, question_set: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(program, index)[0] != "duty"
    assert server.requests == []
    monkeypatch.setenv("STUDY_BOT_RERANKER", server.url)
    assert found(program, index)[0] == "duty"
    assert len(server.requests) == 2  # made ready, then asked
    done = program("eval", "retrieval", str(question_set), "--index", str(index), "--json")
    assert done.json["metrics"]["MRR@10"] == 1.0
    assert "重排序" not in done.err


def test_a_failing_reranker_is_told_of_and_changes_nothing(
    program: Program, index: Path, question_set: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = found(program, index)
    monkeypatch.setenv("STUDY_BOT_RERANKER", server.url)
    server.trouble = 500
    assert found(program, index) == plain
    done = program("eval", "retrieval", str(question_set), "--index", str(index), "--json")
    assert done.json["metrics"]["MRR@10"] < 1
    assert "重排序有 1 次没有给出结果" in done.err


def test_a_wrong_setting_ends_the_command(program: Program, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_BOT_RERANKER", "no/such/folder")
    done = program("search", "食堂", "--index", str(index))
    assert done.code == SettingsError.exit_code
    assert "没有找到重排序模型文件夹" in done.err
