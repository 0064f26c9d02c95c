"""Running question sets: rankings of documents, resumable answers, latency figures."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from study_bot.errors import DatasetError, NoIndexError, QuestionError
from study_bot.evaluation.asking import asker
from study_bot.evaluation.datasets import Query
from study_bot.evaluation.partial import PartialRun
from study_bot.evaluation.records import answer_record, hit_record, json_line
from study_bot.evaluation.runner import (
    AnswersSummary,
    document_ranking,
    percentile,
    read_answers,
    run_answers,
    run_retrieval,
)
from study_bot.types import Answer, Hit, Progress, QuestionContext, Turn
from tests.evaluation.samples import FixedChoice, Respondent, Words, asking, make_answer, make_hit, make_refusal

QUESTIONS = tuple(Query(f"q{number}", f"问题{number}") for number in range(4))


def test_rows_of_a_corpus_are_ranked_by_their_best_passage() -> None:
    hits = [make_hit("r1#0", "r1", 3.0), make_hit("r2#0", "r2", 2.0), make_hit("r1#1", "r1", 1.0)]
    assert document_ranking(hits, 10) == [("r1", 3.0), ("r2", 2.0)]
    assert document_ranking(hits, 1) == [("r1", 3.0)]


def test_other_documents_are_ranked_by_passage() -> None:
    hits = [make_hit("d1:2", "d1", 3.0, row=False), make_hit("d1:5", "d1", 2.0, row=False)]
    assert document_ranking(hits, 10) == [("d1:2", 3.0), ("d1:5", 2.0)]


def test_every_query_is_retrieved_once_and_blank_ones_not_at_all() -> None:
    asked: list[str] = []

    def search_many(texts: Sequence[str], k: int) -> list[list[Hit]]:
        asked.extend(texts)
        return [[make_hit(f"{text}#{n}", f"{text}-{n}", float(-n)) for n in range(k)] for text in texts]

    steps: list[Progress] = []
    queries = [*(Query(f"q{n}", f"t{n}") for n in range(150)), Query("blank", " 　\n")]
    result = run_retrieval(queries, search_many, 5, steps.append)
    assert asked == [f"t{n}" for n in range(150)]
    assert [doc_id for doc_id, _ in result.run["q7"]] == [f"t7-{n}" for n in range(5)]
    assert result.run["blank"] == []
    assert [step.done for step in steps] == [64, 128, 150]
    assert {step.total for step in steps} == {150}


def test_more_hits_are_asked_for_where_documents_are_missing() -> None:
    """Rows cut into several passages must not shorten the ranking."""

    def search_many(texts: Sequence[str], k: int) -> list[list[Hit]]:
        depths.append((len(texts), k))
        return [
            [make_hit(f"r{n}", f"r{n}" if text == "short rows" else f"r{n // 3}", float(-n)) for n in range(min(k, 40))]
            for text in texts
        ]

    depths: list[tuple[int, int]] = []
    run = run_retrieval([Query("q1", "short rows"), Query("q2", "long rows")], search_many, 10).run
    assert [doc_id for doc_id, _ in run["q1"]] == [f"r{n}" for n in range(10)]
    assert [doc_id for doc_id, _ in run["q2"]] == [f"r{n}" for n in range(10)]
    assert depths == [(2, 10), (1, 20), (1, 40)]
    assert len(run_retrieval([Query("q", "long rows")], search_many, 20).run["q"]) == 14  # there are no more


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_answers_are_written_one_a_line(tmp_path: Path) -> None:
    def answer(question: str) -> Answer:
        if question == "问题1":
            return make_refusal(question)
        if question == "问题2":
            raise QuestionError("问题太长。")
        return make_answer(question)

    out = tmp_path / "new" / "answers.jsonl"
    steps: list[Progress] = []
    summary = run_answers(QUESTIONS, asking(answer), out, "b1", steps.append)
    lines = _lines(out)
    assert [line["_id"] for line in lines] == ["q0", "q1", "q2", "q3"]
    assert [line["refused"] for line in lines] == [False, True, True, False]
    assert lines[0]["answer"] == "值班室应当有人。[1]"
    assert lines[1]["answer"] == "文献中没有写。"
    assert (lines[2]["reason"], lines[2]["answer"]) == ("unclear", "问题太长。")
    assert (summary.questions, summary.reused, summary.refused) == (4, 0, 2)
    assert summary.reasons == {"not_in_library": 1, "unclear": 1}
    assert summary.latency["total"] == {"p50": 11.0, "p90": 30.0, "p95": 30.0, "p99": 30.0}
    assert [record["_id"] for record in summary.records] == ["q0", "q1", "q2", "q3"]
    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    asked: list[str] = []

    def stops(question: str) -> Answer:
        if question == "问题2":
            raise KeyboardInterrupt
        return make_answer(question)

    with pytest.raises(KeyboardInterrupt):
        run_answers(QUESTIONS, asking(stops), out, "b1")
    with out.open("a", encoding="utf-8") as file:
        file.write('{"_id":"q2","question":"问')  # killed while writing

    def goes_on(question: str) -> Answer:
        asked.append(question)
        return make_answer(question)

    summary = run_answers(QUESTIONS, asking(goes_on), out, "b1")
    assert asked == ["问题2", "问题3"]
    assert summary.reused == 2
    assert [line["_id"] for line in _lines(out)] == ["q0", "q1", "q2", "q3"]


def test_answers_of_another_build_or_question_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    run_answers(QUESTIONS, asking(make_answer), out, "b1")
    changed = (*QUESTIONS[:3], Query("q3", "改过的问题"))
    assert run_answers(changed, asking(make_answer), out, "b1").reused == 3
    assert {line["_id"]: line["question"] for line in _lines(out)}["q3"] == "改过的问题"
    assert run_answers(changed, asking(lambda text: make_answer(text, "b2"), "b2"), out, "b2").reused == 0
    assert [line["build_id"] for line in _lines(out)] == ["b2"] * 4


def test_question_trimmed_by_the_answerer_still_counts_as_answered(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    padded = (Query("q0", " 问题 "),)
    run_answers(padded, asking(lambda text: make_answer(text.strip())), out, "b1")
    assert run_answers(padded, asking(make_answer), out, "b1").reused == 1


@pytest.mark.parametrize("content", ["一篇文章\n第二行\n", '{"_id": "q1", "text": "问题文件"}\n', "只有一行"])
def test_other_files_are_never_overwritten(tmp_path: Path, content: str) -> None:
    out = tmp_path / "mine.txt"
    out.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match="不是回答记录"):
        run_answers(QUESTIONS, asking(make_answer), out, "b1")
    assert out.read_text(encoding="utf-8") == content


def test_empty_file_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    out.touch()
    run_answers(QUESTIONS, asking(make_answer), out, "b1")
    assert len(_lines(out)) == 4


def test_missing_index_stops_the_run_and_keeps_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    run_answers(QUESTIONS[:2], asking(make_answer), out, "b1")
    shutil.copy(out, tmp_path / "copy")

    def answer(question: str) -> Answer:
        raise NoIndexError("没有索引。")

    with pytest.raises(NoIndexError):
        run_answers(QUESTIONS, asking(answer), out, "b1")
    assert out.read_bytes() == (tmp_path / "copy").read_bytes()


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5.0), (0.95, 10.0), (0.9, 9.0), (0.01, 1.0), (1.0, 10.0)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(10, 0, -1)], share) == expected


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) == 0.0


def test_shape_of_an_answer() -> None:
    record = json.loads(json_line(answer_record(make_answer("谁来值班？"), "q1")))
    assert record == {
        "_id": "q1",
        "question": "谁来值班？",
        "answer": "值班室应当有人。[1]",
        "refused": False,
        "reason": None,
        "mode": "extractive",
        "confidence": 0.8,
        "notices": [],
        "citations": [
            {
                "n": 1,
                "doc_id": "d1",
                "title": "值班办法",
                "locator": "第一章 总则 第三条",
                "quote": "值班室应当有人。",
                "start": 0,
                "end": 8,
                "version_id": "d1",
                "version": "",
                "passage_id": "p1",
            }
        ],
        "passages": [{"passage_id": "p1", "doc_id": "d1", "locator": "第一章 总则 第三条", "score": 0.9}],
        "latency_ms": {"encode": 5.0, "retrieve": 10.0, "answer": 20.0, "total": 30.0},
        "build_id": "b1",
    }


def test_records_are_read_back_without_a_line_that_was_cut_off(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    records = run_answers(QUESTIONS, asking(make_answer), out, "b1").records
    with out.open("a", encoding="utf-8") as file:
        file.write('{"_id":"q9","ques')
    assert read_answers(out) == list(records)
    with pytest.raises(DatasetError, match="没有找到文件"):
        read_answers(tmp_path / "nothing.jsonl")


def test_conversation_day_and_options_are_put_with_the_question(tmp_path: Path) -> None:
    respondent = Respondent(make_answer, FixedChoice((1,), (0.1, 0.9)))
    query = Query(
        "q1",
        "那旧版呢？",
        {
            "as_of": "2024-06-30",
            "conversation": [{"question": "谁值班？", "answer": "值班员。"}],
            "options": ["中队长", "值班员"],
            "answer": "值班员",
        },
    )

    def run(asked: Query) -> AnswersSummary:
        return run_answers([asked], asker(respondent, "b1"), tmp_path / "a.jsonl", "b1")

    record = run(query).records[0]
    assert [(question, list(turns)) for question, _, turns in respondent.asked] == [
        ("那旧版呢？", [Turn("谁值班？", "值班员。")])
    ]
    assert str(respondent.asked[0][1].as_of) == "2024-06-30"
    assert record["as_of"] == "2024-06-30"
    assert record["choice"] == {"options": ["中队长", "值班员"], "picked": ["值班员"], "scores": [0.1, 0.9]}
    assert run(query).reused == 1
    for change in ({"as_of": "2025-06-30"}, {"conversation": []}):  # another question in the same words
        assert run(Query("q1", query.text, {**query.metadata, **change})).reused == 0


def test_turns_and_day_are_put_with_the_question_when_passages_are_looked_for(tmp_path: Path) -> None:
    got: list[tuple[tuple[str, ...], tuple[QuestionContext, ...]]] = []

    def search_many(texts: Sequence[str], k: int, contexts: Sequence[QuestionContext] = ()) -> list[list[Hit]]:
        got.append((tuple(texts), tuple(contexts)))
        return [[make_hit("r1", "r1", 1.0)] * k for _ in texts]

    turns = [{"question": "谁值班？", "answer": "值班员。"}]
    queries = [Query("q1", "谁值班？"), Query("q2", "那旧版呢？", {"conversation": turns, "as_of": "2024-06-30"})]
    path = tmp_path / "run.partial"
    run_retrieval(queries[:1], search_many, 1)
    run_retrieval(queries, search_many, 1, None, PartialRun.open(path, {}))
    context = QuestionContext((Turn("谁值班？", "值班员。"),), dt.date(2024, 6, 30))
    assert got == [(("谁值班？",), ()), (("谁值班？", "那旧版呢？"), (QuestionContext(), context))]
    assert run_retrieval(queries, search_many, 1, None, PartialRun.open(path, {})).reused == 2
    other = [queries[0], Query("q2", "那旧版呢？", {"conversation": turns})]
    assert run_retrieval(other, search_many, 1, None, PartialRun.open(path, {})).reused == 1


def test_a_kept_run_of_an_earlier_version_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "run.partial"
    path.write_text('{"conditions": {}}\n{"_id": "q1", "text": "t1", "ranking": []}\n', encoding="utf-8")
    assert PartialRun.open(path, {}).kept([Query("q1", "t1")], 5) == {}


def test_blanks_are_filled_and_their_words_recorded(tmp_path: Path) -> None:
    respondent = Respondent(make_answer, fillings=(Words("八时"), None))
    query = Query("q1", "每日____交接班，由____记录。", {"blanks": ["八时", "值班员"]})
    out = tmp_path / "a.jsonl"
    assert "blanks" not in run_answers([Query("q1", query.text)], asker(respondent, "b1"), out, "b1").records[0]
    again = run_answers([query], asker(respondent, "b1"), out, "b1")
    assert (again.reused, again.records[0]["blanks"]) == (0, ["八时", None])
    assert run_answers([query], asker(respondent, "b1"), out, "b1").reused == 1


def test_record_without_the_choice_asked_for_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    run_answers([Query("q1", "谁？")], asking(make_answer), out, "b1")
    choice = Query("q1", "谁？", {"options": ["甲", "乙"], "answer": "甲"})
    assert run_answers([choice], asking(make_answer), out, "b1").reused == 0
    assert run_answers([choice], asking(make_answer), out, "b1").reused == 1


def test_stopped_retrieval_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[str] = []
    path = tmp_path / "new" / "run.partial"
    queries = [Query(f"q{n}", f"t{n}") for n in range(200)]

    def search_many(texts: Sequence[str], k: int) -> list[list[Hit]]:
        if len(asked) >= 128:
            raise KeyboardInterrupt
        asked.extend(texts)
        return [[make_hit(f"{text}#{n}", f"{text}-{n}", 1.0 - n) for n in range(k)] for text in texts]

    with pytest.raises(KeyboardInterrupt):
        run_retrieval(queries, search_many, 3, None, PartialRun.open(path, {"build": "b1"}))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"_id": "q150", "te')  # killed while writing
    done = len(asked)
    asked.clear()
    partial = PartialRun.open(path, {"build": "b1"})
    result = run_retrieval([*queries[:-1], Query("q199", "changed")], search_many, 3, None, partial)
    assert (done, result.reused) == (128, 128)
    assert asked == [*(f"t{n}" for n in range(128, 199)), "changed"]
    assert result.run["q5"] == [("t5-0", 1.0), ("t5-1", 0.0), ("t5-2", -1.0)]
    assert PartialRun.open(path, {"build": "b2"}).done == {}
    partial.discard()
    assert not path.exists()


def test_line_breaks_of_any_kind_stay_inside_a_line() -> None:
    assert "\n" not in json_line({"answer": "一\n二\r三\u2028四"})


def test_shape_of_a_hit() -> None:
    assert hit_record(make_hit("p1", "d1", 0.9), 3) == {
        "rank": 3,
        "passage_id": "p1",
        "doc_id": "d1",
        "locator": "第一章 总则 第三条",
        "score": 0.9,
        "version_id": "d1",
        "title": "值班办法",
        "text": "值班室应当有人。",
        "start": 0,
        "end": 8,
        "dense": 0.5,
        "sparse": None,
        "exact": False,
    }
