"""Sets of questions: plain files, splits of directories, golds named by words of the text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from study_bot.errors import DatasetError
from study_bot.evaluation.question_sets import has_evidence, qrels_alone, read_question_set
from study_bot.types import DocumentKind, Version
from tests.evaluation.samples import make_passage

EVIDENCE = {"title": "值班办法", "version": None, "article": None, "quote": "应当有人"}


def _write(folder: Path, lines: Sequence[dict], qrels: str | None = None) -> Path:
    (folder / "qrels").mkdir(parents=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "queries.jsonl").write_text(text, encoding="utf-8")
    if qrels is not None:
        (folder / "qrels" / "dev.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}", encoding="utf-8")
    return folder


@pytest.fixture
def library() -> Any:
    return SimpleNamespace(
        versions=(Version("d1", "d1", "值班办法", DocumentKind.STATUTE, "a.txt", "txt", "0"),),
        passages=(
            make_passage("p1", "d1", row=False),
            replace(make_passage("p2", "d1", row=False, text="无关的话。"), start=20, end=25),
        ),
    )


def test_split_has_its_judged_questions_and_those_to_refuse(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "set",
        [
            {"_id": "q1", "text": "一"},
            {"_id": "q2", "text": "二", "metadata": {"split": "dev", "answer": "x"}},
            {"_id": "q3", "text": "三", "metadata": {"refuse": True}},
            {"_id": "q4", "text": "四", "metadata": {"refuse": True, "split": "test"}},
            {"_id": "q5", "text": "五"},
        ],
        "q1\td1\t1\n",
    )
    asked = read_question_set(folder)
    assert (asked.name, asked.split) == ("set", "dev")
    assert [query.query_id for query in asked.queries] == ["q1", "q2", "q3"]
    assert asked.expected["q1"].relevant == {"d1"}
    assert asked.expected["q3"].unanswerable
    assert [query.query_id for query in asked.judged.queries] == ["q1"]
    with pytest.raises(DatasetError, match="qrels/other"):
        read_question_set(_write(tmp_path / "b", [{"_id": "q1", "text": "一"}], "q1\td1\t1\n"), "other")


def test_directory_of_questions_to_refuse_needs_no_judgements(tmp_path: Path) -> None:
    asked = read_question_set(_write(tmp_path / "s", [{"_id": "q", "text": "一", "metadata": {"refuse": True}}]))
    assert len(asked.queries) == 1
    with pytest.raises(DatasetError, match="没有标明哪些文档相关"):
        _ = asked.judged


def test_plain_file_has_all_questions_or_those_of_a_split(tmp_path: Path) -> None:
    path = tmp_path / "试题.jsonl"
    path.write_text(
        '{"_id": "a", "question": "一", "split": "dev"}\n{"_id": "b", "question": "二", "split": "test"}\n'
        '{"_id": "c", "question": "三", "refuse": true}\n',
        encoding="utf-8",
    )
    assert (read_question_set(path).name, read_question_set(path).split) == ("试题", "")
    assert len(read_question_set(path).queries) == 3
    assert [query.query_id for query in read_question_set(path, "test").queries] == ["b", "c"]
    assert read_question_set(path).expected["c"].unanswerable
    path.write_text('{"_id": "a", "question": "一", "split": "dev"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="没有属于“test”的问题"):
        read_question_set(path, "test")


def test_evidence_becomes_ids_of_the_library(tmp_path: Path, library: Any) -> None:
    lines = [
        {"_id": "q1", "text": "一", "metadata": {"split": "dev", "evidence": [EVIDENCE]}},
        {"_id": "q2", "text": "二", "metadata": {"split": "dev", "refuse": True}},
        {"_id": "q3", "text": "三", "metadata": {"split": "dev", "evidence": [{**EVIDENCE, "quote": "不存在的话"}]}},
    ]
    folder = _write(tmp_path / "set", lines, "q1\t值班办法#应当有人\t1\nq3\t值班办法#不存在的话\t1\n")
    assert has_evidence(folder)
    told: list[str] = []
    asked = read_question_set(folder, None, library, told.append)
    assert asked.qrels == {"q1": {"p1": 1}}
    assert [query.query_id for query in asked.queries] == ["q1", "q2", "q3"]
    assert len(told) == 1
    assert told[0].startswith("q3")
    without = read_question_set(folder)
    assert without.qrels == {}
    assert len(without.queries) == 3
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(lines[0]) + "\n", encoding="utf-8")
    assert read_question_set(path, None, library).qrels == {"q1": {"p1": 1}}


def test_judgements_alone(tmp_path: Path) -> None:
    path = tmp_path / "judgements.tsv"
    path.write_text("q1\td1\t1\nq2\td1\t0\n", encoding="utf-8")
    data = qrels_alone(path)
    assert [(query.query_id, query.text) for query in data.queries] == [("q1", "q1")]
    path.write_text("q2\td1\t0\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="没有相关的文档"):
        qrels_alone(path)
