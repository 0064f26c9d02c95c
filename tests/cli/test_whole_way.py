"""The commands over the real services, from files to answers and figures; only the embedding model is a fake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study_bot.index.store import SnapshotStore
from study_bot.services import Services
from tests.cli.conftest import Program
from tests.index.builder_fakes import FakeEncoder

RULE = """云岭市公安局值班管理办法
（2024年3月1日云岭市公安局公布）
第一章 总则
第一条 为了规范值班工作，制定本办法。
第二条 值班员每日八时交接班，交接时清点装备。
第三条 值班员确需离岗的，应当报带班领导批准。
第三条之一 值班记录保存二年。
第四条 本办法自2024年4月1日起施行。
"""
NOTICE = """# 关于更换对讲机的通知

各中队应当在本月底前到装备科更换对讲机。旧对讲机由装备科统一回收。
"""
ROWS = [
    {"_id": "r1", "title": "云岭图书室规则第一条", "text": "图书室每日九时开放，十七时关闭。"},
    {"_id": "r2", "title": "云岭图书室规则第二条", "text": "借书期限为三十日，可以续借一次。"},
    {"_id": "r3", "title": "云岭图书室规则第三条", "text": "损坏图书的，照价赔偿。"},
]


@pytest.fixture
def real(program: Program) -> Program:
    program.build_services = lambda settings: Services(settings, SnapshotStore(settings.index_dir), FakeEncoder)
    return program


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "文献 目录"
    folder.mkdir()
    (folder / "值班管理办法.txt").write_text(RULE, encoding="utf-8")
    (folder / "通知.md").write_text(NOTICE, encoding="utf-8")
    (folder / "通知（副本）.md").write_text(NOTICE, encoding="utf-8")
    (folder / "空.txt").touch()
    return folder


def test_build_ask_change_and_roll_back(real: Program, texts: Path, tmp_path: Path) -> None:
    index = str(tmp_path / "index")
    first = real("index", "build", "--source", str(texts), "--index", index, "--json").json
    files = {Path(file["path"]).name: file for file in first["files"]}
    rule = files["值班管理办法.txt"]
    assert {key: rule[key] for key in ("kind", "articles", "version_date", "effective_date", "error")} == {
        "kind": "statute",
        "articles": 5,
        "version_date": "2024-03-01",
        "effective_date": "2024-04-01",
        "error": None,
    }
    assert files["空.txt"]["error"]
    assert [file["duplicate_of"] for file in first["files"]].count(None) == 3
    assert (first["embedded"], first["reused"], first["removed"]) == (first["passages"], 0, 0)

    again = real("index", "build", "--source", str(texts), "--index", index, "--json").json
    assert (again["embedded"], again["reused"]) == (0, first["passages"])

    answer = real("ask", "云岭市公安局值班管理办法第三条之一", "--index", index, "--json").json
    assert "值班记录保存二年。" in answer["answer"]
    quote = answer["citations"][0]
    assert quote["locator"].endswith("第三条之一")
    assert len(quote["quote"]) == quote["end"] - quote["start"]
    refusal = real("ask", "云岭市公安局值班管理办法第八十八条", "--index", index, "--json").json
    assert (refusal["refused"], refusal["reason"]) == (True, "article_not_found")
    assert "云岭市公安局值班管理办法" in real("search", "离岗报谁批准", "--index", index).out

    (texts / "值班管理办法.txt").write_text(RULE.replace("二年", "三年"), encoding="utf-8")
    second = real("index", "build", "--source", str(texts), "--index", index, "--json").json
    assert (second["embedded"], second["removed"]) == (1, 1)
    status = real("index", "status", "--index", index, "--json").json
    assert set(first) - {"published", "rebuild_reason"} <= set(status)
    assert status["build_id"] == second["build_id"]
    assert status["builds"] == [second["build_id"], first["build_id"]]
    assert status["files"] == second["files"]

    assert first["build_id"] in real("index", "rollback", "--index", index).out
    assert "二年" in real("ask", "云岭市公安局值班管理办法第三条之一", "--index", index).out
    assert real("index", "rollback", "--index", index).code == 3
    human = real("index", "status", "--index", index).out
    assert "收录 2 个文件（未收录 1 个）" in human
    assert f"可回退到：{second['build_id']}" in human
    assert real("index", "rollback", "--to", second["build_id"], "--index", index).code == 0


def test_corpus_file_is_measured_by_row(real: Program, tmp_path: Path) -> None:
    index = str(tmp_path / "index")
    folder = tmp_path / "reading room"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8"
    )
    (folder / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "借书期限有多长？"}\n{"_id": "q2", "text": "云岭图书室规则第三条"}\n', encoding="utf-8"
    )
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tr2\t1\nq2\tr3\t1\n", encoding="utf-8")
    built = real("index", "build", "--source", str(folder / "corpus.jsonl"), "--index", index, "--json")
    assert (built.code, built.json["passages"]) == (0, 3)
    for mode in ("hybrid", "dense", "sparse"):
        run = tmp_path / f"{mode}.trec"
        result = real("eval", "retrieval", str(folder), "--index", index, "--mode", mode, "--run", str(run), "--json")
        assert result.code == 0
        assert result.err == ""
        assert {line.split()[2] for line in run.read_text(encoding="utf-8").splitlines()} <= {"r1", "r2", "r3"}
        assert result.json["metrics"]["R@100"] == 1.0, mode
    exact = real("search", "云岭图书室规则第三条", "--index", index, "--json").json["hits"][0]
    assert (exact["doc_id"], exact["exact"]) == ("r3", True)
    out = tmp_path / "answers.jsonl"
    assert real("eval", "answers", str(folder / "queries.jsonl"), "--index", index, "--out", str(out)).code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2


def test_unreadable_library_is_an_error_that_says_why(real: Program, tmp_path: Path) -> None:
    (tmp_path / "空.txt").touch()
    result = real("index", "build", "--source", str(tmp_path / "空.txt"), "--index", str(tmp_path / "index"))
    assert (result.code, result.out) == (2, "")
    assert "空.txt" in result.err
    assert real("ask", "谁值班？", "--index", str(tmp_path / "index")).code == 3
