"""`study-bot eval cases` over the real services; only the embedding model is a fake."""

from __future__ import annotations

from pathlib import Path

import pytest

from study_bot.evaluation.datasets import read_queries
from study_bot.index.store import SnapshotStore
from study_bot.services import Services
from tests.cli.conftest import Program
from tests.index.builder_fakes import RULE_TITLE, FakeEncoder, build, rule_text

DUTY = "并在手册第2页签名"


@pytest.fixture
def real(program: Program) -> Program:
    program.build_services = lambda settings: Services(settings, SnapshotStore(settings.index_dir), FakeEncoder)
    return program


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "文献" / f"{RULE_TITLE}.txt"
    path.parent.mkdir()
    path.write_text(rule_text(), encoding="utf-8")
    return path


@pytest.fixture
def index(source: Path, tmp_path: Path) -> str:
    build(source.parent, tmp_path / "index")
    return str(tmp_path / "index")


def test_a_case_is_collected_measured_and_found_out_of_date(
    real: Program, source: Path, index: str, tmp_path: Path
) -> None:
    folder = str(tmp_path / "反馈")
    added = real(
        *("eval", "cases", "add", "--set", folder, "--question", "第二次巡查后在哪里签名", "--title", RULE_TITLE),
        *("--article", "2", "--quote", DUTY, "--reason", "答成了第三条", "--index", index),
    )
    assert (added.code, added.err) == (0, "")
    refusal = real("eval", "cases", "add", "--set", folder, "--question", "有没有夜班补贴", "--refuse")
    assert refusal.code == 0
    assert [query.metadata["split"] for query in read_queries(Path(folder, "queries.jsonl"))] == ["dev", "dev"]

    measured = real("eval", "retrieval", folder, "--index", index, "--mode", "sparse", "--json").json
    assert (measured["queries"], measured["metrics"]["R@100"]) == (1, 1.0)
    assert real("eval", "cases", "check", folder, "--index", index).code == 0

    source.write_text(rule_text(changed={2: "值守人员交接班时清点雨具。"}), encoding="utf-8")
    build(source.parent, Path(index))
    outdated = real("eval", "cases", "check", folder, "--index", index)
    assert outdated.code == 1
    assert "第二次巡查后在哪里签名" in outdated.out
    assert "请更新这道题的依据" in outdated.out
    (lost,) = real("eval", "cases", "check", folder, "--index", index, "--json").json["unresolved"]
    assert DUTY in lost["message"]


def test_what_the_library_does_not_say_is_not_added(real: Program, index: str, tmp_path: Path) -> None:
    folder = tmp_path / "反馈"
    result = real(
        *("eval", "cases", "add", "--set", str(folder), "--question", "问", "--title", RULE_TITLE),
        *("--article", "99", "--index", index),
    )
    assert result.code == 2
    assert "第九十九条不存在" in result.err
    assert not folder.exists()


def test_a_table_is_only_looked_at_until_it_is_applied(real: Program, index: str, tmp_path: Path) -> None:
    folder = tmp_path / "反馈"
    table = tmp_path / "反馈.csv"
    table.write_text(
        f"问题,文献,条,原文,应拒答,备注\n在哪签名,{RULE_TITLE},二,{DUTY},,\n补贴,,,,是,\n", encoding="gb18030"
    )
    arguments = ("eval", "cases", "import", str(table), "--set", str(folder), "--index", index)
    looked = real(*arguments)
    assert (looked.code, "可以加入 2 道" in looked.out, "备注" in looked.err) == (0, True, True)
    assert not folder.exists()
    assert "已加入 2 道" in real(*arguments, "--apply").out
    assert "略过" in real(*arguments, "--apply").out
    assert len(read_queries(folder / "queries.jsonl")) == 2


def test_a_table_with_a_bad_row_changes_nothing(real: Program, index: str, tmp_path: Path) -> None:
    folder = tmp_path / "反馈"
    real("eval", "cases", "add", "--set", str(folder), "--question", "补贴", "--refuse")
    before = (folder / "queries.jsonl").read_bytes()
    table = tmp_path / "反馈.csv"
    rows = f"在哪签名,{RULE_TITLE},2,,\n在哪,{RULE_TITLE},2,没有的话,\n补贴,{RULE_TITLE},2,,\n也许,,,,也许\n"
    table.write_text(f"问题,文献,条,原文,应拒答\n{rows}", encoding="utf-8")
    result = real("eval", "cases", "import", str(table), "--set", str(folder), "--index", index, "--apply")
    assert (result.code, result.out) == (2, "")
    lines = result.err.splitlines()
    assert [line.split("：")[0] for line in lines] == ["第 3 行", "第 4 行", "第 5 行", "错误"]
    assert "3 行需要改正" in lines[-1]
    assert (folder / "queries.jsonl").read_bytes() == before


def test_judgements_are_written_for_other_tools(real: Program, index: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "反馈", tmp_path / "new" / "dev.tsv"
    real("eval", "cases", "add", "--set", str(folder), "--question", "在哪", "--title", RULE_TITLE, "--article", "2")
    assert real("eval", "cases", "qrels", str(folder), "--index", index, "--out", str(out)).code == 0
    snapshot = SnapshotStore(Path(index)).current()
    (expected,) = [p.passage_id for p in snapshot.passages if p.article and p.article.number == 2]
    header, row = out.read_text(encoding="utf-8").splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    assert row.split("\t")[1:] == [expected, "1"]
