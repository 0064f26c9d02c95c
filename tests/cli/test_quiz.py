"""Quiz questions on the command line, over the real services; only the embedding model is a fake."""

from __future__ import annotations

from pathlib import Path

import pytest

from study_bot.index.store import SnapshotStore
from study_bot.services import Services
from tests.cli.conftest import Program
from tests.index.builder_fakes import FakeEncoder

RULE = """云岭市公安局值班管理办法
（2024年3月1日云岭市公安局公布）
第一条 为了规范值班工作，制定本办法。
第二条 值班员每日八时交接班，交接时清点装备。
第三条 值班员确需离岗的，应当报带班领导批准。
第四条 值班记录保存二年，录音保存六个月。
第五条 本办法自2024年4月1日起施行。
"""


@pytest.fixture
def quiz(program: Program, tmp_path: Path) -> Program:
    """The program over an index of one rule, which is the default index."""
    program.build_services = lambda settings: Services(settings, SnapshotStore(settings.index_dir), FakeEncoder)
    (tmp_path / "值班管理办法.txt").write_text(RULE, encoding="utf-8")
    index = str(tmp_path / "index")
    assert program("index", "build", "--source", str(tmp_path / "值班管理办法.txt"), "--index", index).code == 0
    program.monkeypatch.setenv("STUDY_BOT_INDEX_DIR", index)
    return program


def test_a_choice_is_printed_with_its_proof(quiz: Program) -> None:
    result = quiz("ask", "值班记录保存（　）年。", "--options", "1|2|3")
    assert result.code == 0
    assert result.out.startswith("B．2\n")
    assert "《云岭市公安局值班管理办法》第四条" in result.out
    assert "值班记录保存二年" in result.out


def test_a_choice_as_json(quiz: Program) -> None:
    record = quiz("ask", "值班员每日（　）交接班。", "--options", "七时｜八时｜九时", "--json").json
    assert record["choice"]["picked"] == ["八时"]
    assert record["choice"]["options"] == ["七时", "八时", "九时"]
    assert len(record["choice"]["scores"]) == 3
    assert record["citations"][0]["quote"].endswith("值班员每日八时交接班，交接时清点装备。")
    assert not record["refused"]


def test_true_or_false(quiz: Program) -> None:
    assert quiz("ask", "值班员确需离岗的，应当报带班领导批准。", "--options", "对|错").out.startswith("A．对")
    assert quiz("ask", "值班记录保存三年，录音保存六个月。", "--options", "对|错").out.startswith("B．错")


def test_statements_are_searched_one_by_one(quiz: Program) -> None:
    options = "值班员每日八时交接班|值班记录保存五年|值班员确需离岗的，应当报带班领导批准"
    assert quiz("ask", "下列说法错误的是（　）。", "--options", options).out.startswith("B．")


def test_an_undecided_choice_is_a_refusal(quiz: Program) -> None:
    result = quiz("ask", "围棋棋盘上共有（　）个交叉点。", "--options", "324|361", "--json").json
    assert result["refused"]
    assert result["choice"]["picked"] == []
    assert result["citations"] == []


def test_blanks_are_filled(quiz: Program) -> None:
    result = quiz("ask", "值班记录保存（　），录音保存____。", "--fill")
    assert result.out.startswith("二年；六个月\n")
    assert result.out.count("值班记录保存二年") == 2, "quoted in the answer and once as its source"
    record = quiz("ask", "围棋棋盘上共有（　）个交叉点。", "--fill", "--json").json
    assert (record["blanks"], record["refused"]) == ([None], True)


@pytest.mark.parametrize("arguments", [("--options", "只有一个"), ("--options", "甲|乙", "--fill")])
def test_wrong_use_is_said(quiz: Program, arguments: tuple[str, ...]) -> None:
    result = quiz("ask", "值班记录保存（　）年。", *arguments)
    assert result.code == 2
    assert "--options" in result.err
