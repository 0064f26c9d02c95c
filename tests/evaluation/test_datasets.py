"""Reading BEIR directories, reading and writing TREC runs."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DatasetError
from study_bot.evaluation.datasets import (
    Query,
    read_dataset,
    read_judgements,
    read_qrels,
    read_queries,
    read_run,
    write_run,
)

QUERIES = (
    '{"_id": "q1", "text": "谁来值班？", "metadata": {"kind": "duty"}}\n'
    '{"_id": "q2", "text": "迟到怎么办？"}\n'
    '\n{"_id": "q3", "text": "没有评判的问题"}\n'
)
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td3\t2\n"


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "一套题"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(QUERIES, encoding="utf-8")
    (folder / "qrels" / "dev.tsv").write_text(QRELS, encoding="utf-8")
    return folder


def test_reads_the_judged_queries_in_file_order(beir: Path) -> None:
    data = read_dataset(beir, "dev")
    assert (data.name, data.split) == ("一套题", "dev")
    assert [query.query_id for query in data.queries] == ["q1", "q2"]
    assert data.queries[0].text == "谁来值班？"
    assert data.queries[0].metadata == {"kind": "duty"}
    assert data.qrels == {"q1": {"d1": 1, "d2": 0}, "q2": {"d3": 2}}


def test_reads_packed_queries_and_a_byte_order_mark(beir: Path) -> None:
    (beir / "queries.jsonl").unlink()
    with gzip.open(beir / "queries.jsonl.gz", "wt", encoding="utf-8-sig") as out:
        out.write(QUERIES)
    assert len(read_dataset(beir, "dev").queries) == 2


def test_question_may_stand_under_either_name(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"_id": 7, "question": "谁来值班？", "must": ["值班员"]}\n', encoding="utf-8")
    assert read_queries(path) == (Query("7", "谁来值班？", {"must": ["值班员"]}),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "没有问题"),
        ('{"_id": "q1"}', "第 1 行缺少 text"),
        ('{"text": "谁"}', "第 1 行缺少 _id"),
        ('{"_id": "q1", "text": "谁"}\n{"_id": "q1", "text": "谁"}', "第 2 行的 _id“q1”重复"),
        ('{"_id": "q1", "text": "谁", "metadata": []}\nnope', "第 2 行不是 JSON"),
        ('{"_id": "q1", "text": "谁", "metadata": [1]}', "metadata 应为对象"),
        ("[1]", "应为 JSON 对象"),
        ("\n\n{", "第 3 行不是 JSON"),
    ],
)
def test_bad_questions_are_named_by_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        read_queries(path)


def test_wrong_bytes_are_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes("问题".encode("gb18030"))
    (tmp_path / "b.jsonl.gz").write_bytes(b"not gzip at all")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "q", "text": "t"}' * 50)[:-12])
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.gz", "missing.jsonl", "."):
        with pytest.raises(DatasetError):
            read_queries(tmp_path / name)


def test_missing_split_names_those_there_are(beir: Path) -> None:
    with pytest.raises(DatasetError, match=r"qrels/test\.tsv（现有：dev）"):
        read_dataset(beir, "test")
    with pytest.raises(DatasetError, match="没有找到评测数据目录"):
        read_dataset(beir / "nowhere", "dev")


def test_judged_query_without_text_is_an_error(beir: Path) -> None:
    (beir / "qrels" / "dev.tsv").write_text(QRELS + "q9\td1\t1\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"1 个问题不在 queries\.jsonl 中，例如 q9"):
        read_dataset(beir, "dev")


def test_qrels_without_header_or_with_fractions(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text("q1\td1\t1.0\nq2\td2\t0\n", encoding="utf-8")
    assert read_qrels(path) == {"q1": {"d1": 1}}


def test_qrels_of_trec(tmp_path: Path) -> None:
    path = tmp_path / "judgements.qrels"
    path.write_text("q1 0 d1 2\nq1\tQ0\td2\t0\nq2 0 d3 0\n", encoding="utf-8")
    assert read_qrels(path) == {"q1": {"d1": 2, "d2": 0}}
    assert read_judgements(path) == {"q1": {"d1": 2, "d2": 0}, "q2": {"d3": 0}}


@pytest.mark.parametrize("line", ["q1 d1 1", "q1\td1", "q1\td1\tgood", "q1\td1\tinf"])
def test_bad_qrels_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text(f"query-id\tcorpus-id\tscore\n{line}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="第 2 行"):
        read_qrels(path)


_IDS = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=6)


@given(
    run=st.dictionaries(
        _IDS,
        st.lists(st.tuples(_IDS, st.floats(-1e6, 1e6)), min_size=1, max_size=30, unique_by=lambda entry: entry[0]),
        max_size=4,
    )
)
def test_written_run_reads_back_in_the_same_order(tmp_path_factory: pytest.TempPathFactory, run: dict) -> None:
    """Whatever the scores were, equal or rising even, ranks and strictly falling scores keep the order."""
    path = tmp_path_factory.getbasetemp() / "run.trec"
    write_run(path, run, "tag")
    again = read_run(path)
    assert {q: [d for d, _ in ranking] for q, ranking in again.items()} == {
        q: [d for d, _ in ranking] for q, ranking in run.items()
    }
    for ranking in again.values():
        scores = [score for _, score in ranking]
        assert all(first > second for first, second in itertools.pairwise(scores))


def test_format_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "run.trec"
    write_run(path, {"q1": [("党章#第三条", 2.5), ("d2", 2.5)]}, "study-bot")
    lines = [line.split(" ") for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == ["q1", "Q0", "党章#第三条", "1", "2.50000000", "study-bot"]
    assert lines[1][:4] == ["q1", "Q0", "d2", "2"]
    assert float(lines[1][4]) < 2.5
    assert [entry.name for entry in path.parent.iterdir()] == ["run.trec"]


def test_white_space_in_an_id_is_coded_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    run = {"q 1": [("最高人民法院 最高人民检察院关于…的解释#第十条", 2.0), ("d\u3000一", 1.0)]}
    write_run(path, run, "tag")
    assert all(len(line.split()) == 6 for line in path.read_text(encoding="utf-8").splitlines())
    assert next(doc for doc, _ in read_run(path)["q 1"]) == "最高人民法院 最高人民检察院关于…的解释#第十条"


def test_id_that_is_empty_cannot_be_written_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    write_run(path, {"q1": [("d1", 1.0)]}, "tag")
    before = path.read_text()
    with pytest.raises(DatasetError, match="没有编号"):
        write_run(path, {"q1": [("d1", 1.0)], "": [("d1", 1.0)]}, "tag")
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.trec"]


def test_run_of_others_is_sorted_by_score(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("q1\tQ0\tlow\t1\t0.1\tx\nq1 Q0 high 2 0.9 x\nq1 Q0 high 3 0.2 x\n", encoding="utf-8")
    assert read_run(path) == {"q1": [("high", 0.9), ("low", 0.1)]}


@pytest.mark.parametrize("line", ["q1 Q0 d1 1 0.5", "q1 Q0 d1 first 0.5 tag", "q1 Q0 d1 1 best tag"])
def test_bad_run_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "run.trec"
    path.write_text(f"q1 Q0 d1 1 0.5 tag\n{line}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="第 2 行"):
        read_run(path)
