"""Each command over small fake services: what it prints, in both forms, and its exit code."""

from __future__ import annotations

import datetime as dt
import os
import signal
from pathlib import Path

import pytest

from study_bot.cli.common import State
from study_bot.cli.main import main
from study_bot.errors import BuildInProgressError, ModelError, StudyBotError
from tests.cli.conftest import Program
from tests.cli.fake_services import ARTICLES, BUILD_ID, TITLE, FakeServices


def test_ask_prints_answer_and_citations(program: Program) -> None:
    result = program("ask", "值班员能不能离岗？")
    assert result.code == 0
    assert result.err == ""
    assert result.out.splitlines() == [
        "注意：此办法将于年底修订。",
        f"{ARTICLES[1]}[1]",
        "",
        "依据：",
        f"[1] 《{TITLE}》第二条（2026-01-01 现行有效）",
        f"    {ARTICLES[1]}",
    ]
    assert program.opened[0].closed


def test_ask_refuses_and_names_what_is_near(program: Program) -> None:
    result = program("ask", "班费")
    assert result.code == 0
    assert result.out.startswith(f"文献中没有写。\n\n可能相关：\n  《{TITLE}》第一条\n    {ARTICLES[0]}\n")


def test_ask_as_json(program: Program) -> None:
    answer = program("ask", "值班员能不能离岗？", "--json").json
    assert {key: answer[key] for key in ("_id", "question", "refused", "reason", "mode")} == {
        "_id": None,
        "question": "值班员能不能离岗？",
        "refused": False,
        "reason": None,
        "mode": "extractive",
    }
    assert answer["answer"] == f"{ARTICLES[1]}[1]"
    citation = answer["citations"][0]
    start = len(ARTICLES[0]) + 1
    assert {key: citation[key] for key in ("n", "doc_id", "title", "locator", "quote", "start", "end")} == {
        "n": 1,
        "doc_id": "row2",
        "title": TITLE,
        "locator": "第二条",
        "quote": ARTICLES[1],
        "start": start,
        "end": start + len(ARTICLES[1]),
    }
    assert set(answer["passages"][0]) == {"passage_id", "doc_id", "locator", "score"}
    assert answer["latency_ms"] == {"encode": 1.0, "retrieve": 2.0, "answer": 3.0, "total": 5.0}


def test_refusal_as_json_gives_its_reason(program: Program) -> None:
    answer = program("ask", "班费", "--json").json
    assert (answer["refused"], answer["reason"], answer["citations"]) == (True, "not_in_library", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_question_from_standard_input(program: Program, encoding: str) -> None:
    result = program("ask", "-", stdin="  值班记录保存多久？\n".encode(encoding))
    assert result.code == 0
    assert program.opened[0].asked == ["值班记录保存多久？"]


@pytest.mark.parametrize("question", ["", "  ", "-"])
def test_empty_question_is_refused_before_anything_is_opened(program: Program, question: str) -> None:
    result = program("ask", question, stdin=b" \n")
    assert (result.code, result.out) == (2, "")
    assert result.err == "错误：问题是空的，请写出要问的内容。\n"
    assert program.opened == []


@pytest.mark.parametrize("written", ["2025-06-30", "2025年6月30日"])
def test_as_of_date(program: Program, written: str) -> None:
    program("ask", "值班员能不能离岗？", "--as-of", written)
    assert program.opened[0].filters is not None
    assert program.opened[0].filters.as_of == dt.date(2025, 6, 30)


def test_wrong_date_is_explained(program: Program) -> None:
    result = program("ask", "问题", "--as-of", "明天")
    assert result.code == 2
    assert result.err == "错误：'--as-of' 的值不对：“明天”不是日期，请写成 2026-01-31 这样。（加 -h 查看用法）\n"


def test_search_lists_passages_best_first(program: Program) -> None:
    result = program("search", "离岗批准", "--top-k", "2")
    assert result.code == 0
    assert result.out.splitlines()[:2] == [f"1. 《{TITLE}》第二条  4.000", f"   {ARTICLES[1]}"]


def test_search_as_json(program: Program) -> None:
    found = program("search", "离岗批准", "--json", "--top-k", "1").json
    assert (found["query"], found["build_id"], len(found["hits"])) == ("离岗批准", BUILD_ID, 1)
    hit = found["hits"][0]
    assert (hit["rank"], hit["doc_id"], hit["locator"], hit["score"]) == (1, "row2", "第二条", 4.0)
    assert (hit["text"], hit["dense"], hit["sparse"]) == (ARTICLES[1], None, 1.0)


def test_search_without_result(program: Program) -> None:
    assert program("search", "xyz").out == "没有找到相关的段落。\n"
    assert program("search", "xyz", "--json").json["hits"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("search", "--queries", "q.jsonl"),
        ("search", "--run", "out.trec"),
        ("search", "文本", "--queries", "q.jsonl", "--run", "out.trec"),
        ("search", "文本", "--top-k", "0"),
        ("ask",),
        ("ask", "一", "二"),
        ("index", "build", "--sauce", "x"),
        ("index", "rebuild"),
        ("eval", "retrieval", "somewhere", "--mode", "magic"),
        ("serve", "--port", "99999"),
        ("no-such-command",),
    ],
)
def test_wrong_arguments_give_one_line_and_exit_code_2(program: Program, arguments: tuple[str, ...]) -> None:
    result = program(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith("错误：")
    assert program.opened == []


def test_search_of_a_file_writes_a_run(program: Program, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text(
        '{"_id": "q1", "text": "离岗批准"}\n{"_id": "q2", "text": "记录保存"}\n{"_id": "q3", "text": "xyz"}\n',
        encoding="utf-8",
    )
    run = tmp_path / "out.trec"
    result = program("search", "--queries", str(queries), "--top-k", "100", "--run", str(run))
    assert (result.code, result.out) == (0, "")
    assert "3 题" in result.err
    rows = [line.split() for line in run.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["q1", "Q0", "row2", "1", "4.00000000", "study-bot"]
    assert next(row[2] for row in rows if row[0] == "q2") == "row3"
    assert not [row for row in rows if row[0] == "q3"]


def test_build_prints_table_remarks_and_totals(program: Program, tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("good", "bad", "copy")]
    result = program("index", "build", *(word for source in sources for word in ("--source", str(source))))
    assert result.code == 0
    assert result.err == ""
    assert program.opened[0].built_from == sources
    table = next(line for line in result.out.splitlines() if line.startswith("good/值班办法.txt"))
    assert table.split() == ["good/值班办法.txt", TITLE, "法规", "3", "3", "2025-12-01", "2026-01-01", "现行有效"]
    assert "提示：good/值班办法.txt：缺第二条" in result.out
    assert "提示：good/值班办法.txt：没有写明施行日期。" in result.out
    assert "未收录：bad/坏文件.pdf：文件已损坏。" in result.out
    assert "重复：copy/副本.txt 与 good/值班办法.txt 内容相同，只收录一份。" in result.out
    assert "收录 1 个文件（未收录 1 个），3 条，3 个段落，正文覆盖 100.00%。" in result.out
    assert "向量：新算 0 个，沿用 3 个，移除 1 个；用时 1 分 12 秒。" in result.out


def test_build_as_json_is_exactly_the_report(program: Program, tmp_path: Path) -> None:
    result = program("index", "build", "--source", str(tmp_path / "good"), "--json", "--full")
    assert result.code == 0
    report = result.json
    assert {key: report[key] for key in ("build_id", "passages", "embedded", "reused", "removed", "seconds")} == {
        "build_id": BUILD_ID,
        "passages": 3,
        "embedded": 3,
        "reused": 0,
        "removed": 1,
        "seconds": 72.4,
    }
    assert report["rebuild_reason"] == "向量模型已更换"
    keys = ("path", "title", "kind", "status", "version_date", "effective_date", "articles", "passages", "warnings")
    assert {key: report["files"][0][key] for key in (*keys, "error")} == {
        "path": "good/值班办法.txt",
        "title": TITLE,
        "kind": "statute",
        "status": "现行有效",
        "version_date": "2025-12-01",
        "effective_date": "2026-01-01",
        "articles": 3,
        "passages": 3,
        "warnings": ["没有写明施行日期。"],
        "error": None,
    }


def test_build_fails_when_nothing_could_be_indexed(program: Program, tmp_path: Path) -> None:
    result = program("index", "build", "--source", str(tmp_path / "empty"), "--json")
    assert (result.code, result.out, result.err) == (2, "", "错误：其中没有任何文件。\n")


def test_bad_files_do_not_change_the_exit_code(program: Program, tmp_path: Path) -> None:
    sources = ("--source", str(tmp_path / "good"), "--source", str(tmp_path / "bad"))
    result = program("index", "build", *sources, "--json")
    assert result.code == 0
    assert [file["error"] for file in result.json["files"]] == [None, "文件已损坏。"]


def test_build_without_source_takes_the_corpus_of_the_settings(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_BOT_CORPUS_DIR", "texts")
    program("index", "build")
    assert program.opened[0].built_from == [Path("texts")]


def test_interrupt_stops_a_build_and_restores_the_handler(program: Program, tmp_path: Path) -> None:
    def interrupt(services: FakeServices) -> None:
        services.during_build = lambda: os.kill(os.getpid(), signal.SIGINT)

    program.adjust = interrupt
    before = signal.getsignal(signal.SIGINT)
    result = program("index", "build", "--source", str(tmp_path / "good"))
    assert result.code == 130
    assert "正在停止" in result.err
    assert result.err.splitlines()[-1] == "错误：已按要求停止，原有索引未受影响。"
    assert signal.getsignal(signal.SIGINT) is before
    assert program.opened[0].closed


def test_second_interrupt_stops_at_once(program: Program, tmp_path: Path) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("still running")

    program.adjust = lambda services: setattr(services, "during_build", interrupt)
    assert program("index", "build", "--source", str(tmp_path / "good")).code == 130


def test_index_option_and_environment(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_BOT_INDEX_DIR", str(tmp_path / "a"))
    program("search", "值班")
    program("search", "值班", "--index", str(tmp_path / "b"))
    assert [services.settings.index_dir for services in program.opened] == [tmp_path / "a", tmp_path / "b"]


def test_wrong_setting_is_one_line(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_BOT_TOP_K", "many")
    result = program("search", "值班")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "top_k" in result.err


def test_without_index_the_exit_code_is_3(program: Program) -> None:
    program.adjust = lambda services: setattr(services, "built", False)
    result = program("search", "值班")
    assert (result.code, result.out, result.err) == (3, "", "错误：还没有索引，请先建立。\n")
    assert program.opened[0].closed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BuildInProgressError("另一个程序\n正在建立索引。"), 4),
        (ModelError("没有模型。"), 5),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/index"), 1),
    ],
)
def test_errors_become_one_line_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(settings: object) -> FakeServices:
        raise error

    assert main(["search", "值班"], State(build_services=fail)) == code  # type: ignore[arg-type]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") <= 2
    assert "Traceback" not in captured.err


def test_debug_shows_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(settings: object) -> FakeServices:
        raise StudyBotError("不行。")

    assert main(["--debug", "search", "值班"], State(build_services=fail)) == 1  # type: ignore[arg-type]
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("错误：不行。\n")


def test_defects_are_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(settings: object) -> FakeServices:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main(["search", "值班"], State(build_services=fail))  # type: ignore[arg-type]


def test_version(program: Program) -> None:
    import study_bot

    assert program("--version").out == f"study-bot {study_bot.__version__}\n"
