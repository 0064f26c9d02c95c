"""`study-bot eval`: measuring, comparing, and the gate, over the small library of `FakeServices`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from study_bot.cli.eval_gate import REGRESSION
from tests.cli.conftest import Program
from tests.cli.fake_services import BUILD_ID, FakeServices

QUERIES = '{"_id": "q1", "text": "离岗批准", "metadata": {"kind": "duty"}}\n{"_id": "q2", "text": "交接"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\trow2\t1\nq2\trow9\t1\n"
QUESTIONS = [
    {"_id": "a", "question": "值班员能不能离岗？", "must": ["批准"], "category": "duty"},
    {"_id": "b", "question": "班费", "refuse": True},
    {"_id": "c", "text": "值班记录保存多久？", "metadata": {"answer": "二年"}},
    {"_id": "d", "text": "值班记录保存（）。", "metadata": {"options": ["一年", "二年"], "answer": "B"}},
    {"_id": "e", "text": "食堂几点开饭？", "metadata": {"answer": "七时"}},
]


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "duty"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(QUERIES, encoding="utf-8")
    (folder / "qrels" / "dev.tsv").write_text(QRELS, encoding="utf-8")
    return folder


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(q, ensure_ascii=False) + "\n" for q in QUESTIONS), encoding="utf-8")
    return path


def test_retrieval_after_the_adapter_needs_one_that_fits(program: Program, beir: Path, tmp_path: Path) -> None:
    result = program("eval", "retrieval", str(beir), "--mode", "adapted", "--run", str(tmp_path / "out.trec"))
    assert result.code == 5
    assert "study-bot train adapter" in result.err
    assert not (tmp_path / "out.trec").exists()


def test_retrieval_prints_scores_and_writes_files(program: Program, beir: Path, tmp_path: Path) -> None:
    run, reports = tmp_path / "out.trec", tmp_path / "reports"
    result = program("eval", "retrieval", str(beir), "--mode", "dense", "--run", str(run), "--report", str(reports))
    assert result.code == 0
    assert "duty（dev），2 题，dense" in result.out
    assert "0.5000" in result.out
    assert "1 个正确文档不在索引中" in result.err
    assert run.read_text(encoding="utf-8").split()[-1] == "study-bot-dense"
    report = json.loads((reports / "report.json").read_text(encoding="utf-8"))
    assert (report["metrics"]["R@1"], report["build_id"], report["model"]) == (0.5, BUILD_ID, "fake")
    assert report["documents"]["row2"] == "《中队值班办法》第二条"
    page = (reports / "report.html").read_text(encoding="utf-8")
    assert "离岗批准" not in page  # it was found, and only misses are listed
    assert "<h3>交接</h3>" in page
    with (reports / "report.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert [row["query_id"] for row in csv.DictReader(lines)] == ["q1", "q2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["duty", "out.trec", "reports"]


def test_retrieval_as_json_has_no_single_queries(program: Program, beir: Path) -> None:
    report = program("eval", "retrieval", str(beir), "--split", "dev", "--json").json
    assert report["metrics"]["MRR@10"] == 0.5
    assert (report["mode"], report["queries"]) == ("hybrid", 2)
    assert "results" not in report


def test_a_simple_search_says_that_it_takes_questions_by_themselves(program: Program, beir: Path) -> None:
    assert "前文或日期" not in program("eval", "retrieval", str(beir), "--mode", "dense").err
    path = beir / "queries.jsonl"
    path.write_text(QUERIES.replace('"kind": "duty"', '"as_of": "2025-01-01"'), encoding="utf-8")
    assert "1 题带有前文或日期" in program("eval", "retrieval", str(beir), "--mode", "dense").err
    assert "前文或日期" not in program("eval", "retrieval", str(beir)).err


def _stop(services: FakeServices) -> None:
    def search_many(*_: object) -> list:
        raise KeyboardInterrupt

    services.search_many = search_many  # type: ignore[method-assign]


def test_stopped_retrieval_keeps_what_is_done_until_it_is_finished(
    program: Program, beir: Path, tmp_path: Path
) -> None:
    run = tmp_path / "out.trec"
    program.adjust = _stop
    assert program("eval", "retrieval", str(beir), "--run", str(run)).code == 130
    partial = tmp_path / "out.trec.partial"
    done = {"_id": "q1", "asked": {"question": "离岗批准"}, "ranking": [["row1", 1.0]]}
    with partial.open("a", encoding="utf-8") as file:
        file.write(json.dumps(done) + "\n")
    program.adjust = lambda services: None
    result = program("eval", "retrieval", str(beir), "--run", str(run))
    assert "沿用上次中断前的 1 题" in result.err
    assert run.read_text(encoding="utf-8").splitlines()[0].split()[:3] == ["q1", "Q0", "row1"]
    assert not partial.exists()


def test_score_of_a_run_with_a_set_or_with_bare_judgements(program: Program, beir: Path, tmp_path: Path) -> None:
    run, trec = tmp_path / "out.trec", tmp_path / "judgements.qrels"
    made = program("eval", "retrieval", str(beir), "--run", str(run), "--json").json["metrics"]
    trec.write_text("q1 0 row2 1\nq2 0 row9 1\n", encoding="utf-8")
    assert program("eval", "score", str(beir), str(run), "--json").json["metrics"] == made
    for qrels in (beir / "qrels" / "dev.tsv", trec):
        result = program("eval", "score", "--qrels", str(qrels), str(run), "--json")
        assert (result.code, result.json["metrics"]) == (0, made)
    assert "judgements，2 题，out" in program("eval", "score", "--qrels", str(trec), str(run)).out
    assert all(services.asked == [] for services in program.opened)


def test_score_tells_of_questions_without_a_ranking(program: Program, beir: Path, tmp_path: Path) -> None:
    run = tmp_path / "half.trec"
    run.write_text("q1 Q0 row2 1 2.0 t\n", encoding="utf-8")
    result = program("eval", "score", str(beir), str(run), "--json")
    assert "缺 1 题的结果" in result.err
    assert result.json["metrics"]["R@1"] == 0.5


def test_score_says_what_is_missing(program: Program, beir: Path) -> None:
    for arguments in ([str(beir)], ["--qrels", "q.tsv", str(beir), "out.trec"]):
        result = program("eval", "score", *arguments)
        assert (result.code, result.out) == (2, "")
        assert "问题集和结果两个路径" in result.err


def test_answers_are_written_scored_and_reported(program: Program, questions: Path, tmp_path: Path) -> None:
    out, reports = tmp_path / "answers.jsonl", tmp_path / "reports"
    result = program("eval", "answers", str(questions), "--out", str(out), "--report", str(reports))
    assert result.code == 0
    assert "共 5 题：回答 3 题，拒答 2 题。" in result.out
    assert "拒答原因：文献中没有依据 2 题" in result.out
    assert "误答 0 / 1 题。" in result.out
    assert "误拒 1 / 4 题。" in result.out
    assert "合计（毫秒）：p50 5.0，p90 5.0，p95 5.0，p99 5.0" in result.out
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["_id"], line["refused"]) for line in lines] == [
        ("a", False),
        ("b", True),
        ("c", False),
        ("d", False),
        ("e", True),
    ]
    assert lines[3]["choice"] == {"options": ["一年", "二年"], "picked": ["二年"], "scores": [0.0, 1.0]}
    report = json.loads((reports / "report.json").read_text(encoding="utf-8"))
    assert {name: report["metrics"][name] for name in ("right", "choice", "gold_in_quotes", "must", "verbatim")} == {
        "right": 0.8,
        "choice": 1.0,
        "gold_in_quotes": 0.5,
        "must": 1.0,
        "verbatim": 1.0,
    }
    assert report["refusal"]["threshold"] == program.opened[-1].refusal_threshold()
    assert "食堂几点开饭？" in (reports / "report.html").read_text(encoding="utf-8")
    again = program("eval", "answers", str(questions), "--out", str(out), "--json")
    assert "沿用已有回答 5 题" in again.err
    assert again.json["metrics"] == report["metrics"]
    assert program.opened[-1].asked == []
    fresh = program("eval", "answers", str(questions), "--out", str(out), "--fresh")
    assert (fresh.code, len(program.opened[-1].asked)) == (0, 5)


def test_answers_to_a_split_of_a_directory(program: Program, beir: Path, tmp_path: Path) -> None:
    report = program("eval", "answers", str(beir), "--out", str(tmp_path / "a.jsonl"), "--json").json
    assert (report["dataset"], report["split"], report["questions"]) == ("duty", "dev", 2)
    assert report["metrics"]["citation_recall"] == 0.5


def test_answers_without_golds_are_only_written(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"_id": "a", "text": "值班员能不能离岗？"}\n', encoding="utf-8")
    result = program("eval", "answers", str(path), "--out", str(tmp_path / "a.jsonl"))
    assert result.code == 0
    assert "指标" not in result.out


def test_fresh_does_not_remove_other_files(program: Program, questions: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("一篇文章\n第二行\n", encoding="utf-8")
    result = program("eval", "answers", str(questions), "--out", str(mine), "--fresh")
    assert result.code == 2
    assert "不是回答记录" in result.err
    assert mine.read_text(encoding="utf-8") == "一篇文章\n第二行\n"


def test_score_of_answers_opens_no_index(program: Program, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    made = program("eval", "answers", str(questions), "--out", str(out), "--json").json
    opened = len(program.opened)
    scored = program("eval", "score", str(questions), str(out), "--json")
    assert (scored.code, scored.json["metrics"]) == (0, made["metrics"])
    assert len(program.opened) == opened


def _worse(services: FakeServices) -> None:
    services.at_least = 99


class TestCompare:
    """Two results of one set."""

    @pytest.fixture
    def two(self, program: Program, questions: Path, tmp_path: Path) -> tuple[Path, Path]:
        paths = tmp_path / "before", tmp_path / "after"
        adjustments: tuple[Callable[[FakeServices], None], ...] = (lambda services: None, _worse)
        for folder, adjust in zip(paths, adjustments, strict=True):
            program.adjust = adjust
            out = str(folder / "answers.jsonl")
            assert program("eval", "answers", str(questions), "--out", out, "--report", str(folder)).code == 0
        return paths

    def test_reports(self, program: Program, two: tuple[Path, Path], tmp_path: Path) -> None:
        before, after = (str(folder / "report.json") for folder in two)
        result = program("eval", "compare", before, after, "--report", str(tmp_path / "r"))
        assert result.code == 0
        assert "A：before　B：after　共同 5 题" in result.out
        row = next(line for line in result.out.splitlines() if line.startswith("误拒率"))
        assert row.split()[:3] == ["误拒率", "0.2500", "1.0000"]
        assert "误拒率 变化最大的题：" in result.out
        page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
        assert "值班记录保存二年。" in page
        same = program("eval", "compare", before, before, "--json").json
        assert {d["delta"] for d in same["differences"].values()} == {0.0}

    def test_answers_with_their_questions(self, program: Program, two: tuple[Path, Path], questions: Path) -> None:
        files = [str(folder / "answers.jsonl") for folder in two]
        reports = [str(folder / "report.json") for folder in two]
        by_file = program("eval", "compare", *files, "--questions", str(questions), "--json").json
        by_report = program("eval", "compare", *reports, "--json").json
        assert by_file["differences"] == by_report["differences"]
        without = program("eval", "compare", *files)
        assert (without.code, without.out) == (2, "")
        assert "--dataset" in without.err

    def test_runs(self, program: Program, beir: Path, tmp_path: Path) -> None:
        a, b = tmp_path / "a.trec", tmp_path / "b.trec"
        a.write_text("q1 Q0 row2 1 2.0 t\nq1 Q0 row1 2 1.0 t\n", encoding="utf-8")
        b.write_text("q1 Q0 row1 1 2.0 t\nq1 Q0 row2 2 1.0 t\nq2 Q0 row9 1 1.0 t\n", encoding="utf-8")
        result = program("eval", "compare", str(a), str(b), "--dataset", str(beir), "--json").json
        difference = result["differences"]["MRR@10"]
        assert (difference["mean_a"], difference["mean_b"], difference["rises"], difference["falls"]) == (
            0.5,
            0.75,
            1,
            1,
        )
        bare = program("eval", "compare", str(a), str(b), "--qrels", str(beir / "qrels" / "dev.tsv"), "--json").json
        assert bare["differences"] == result["differences"]

    def test_results_of_different_sets(self, program: Program, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = tmp_path / "other.json"
        other.write_text('{"results": [{"query_id": "z", "text": "", "scores": {"F1": 1}}]}', encoding="utf-8")
        result = program("eval", "compare", str(two[0] / "report.json"), str(other))
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "没有共同的题目" in result.err


class TestGate:
    """Now against a baseline."""

    @pytest.fixture
    def many(self, tmp_path: Path) -> Path:
        """Twelve answerable questions, all answered by the fake; three to be refused."""
        lines = [
            *(
                {"_id": f"q{n}", "text": f"值班记录保存多久？（{n}）", "metadata": {"answer": "二年"}}
                for n in range(12)
            ),
            *({"_id": f"r{n}", "text": f"班费{n}", "metadata": {"refuse": True}} for n in range(3)),
        ]
        path = tmp_path / "试题.jsonl"
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
        return path

    def _gate(self, program: Program, dataset: Path, *more: str) -> list[str]:
        return ["eval", "gate", str(dataset), "--baseline", str(dataset.with_name("baseline.json")), *more]

    def test_passes_as_long_as_nothing_changes(self, program: Program, many: Path, tmp_path: Path) -> None:
        written = program(*self._gate(program, many, "--write-baseline"))
        assert (written.code, written.out) == (0, "")
        assert "试题/answers（15 题）" in written.err
        result = program(*self._gate(program, many))
        assert result.code == 0
        assert result.out == "试题/answers（15 题）：通过\n结论：没有显著变差。\n"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["baseline.json", "试题.jsonl"]

    def test_regression_ends_with_its_exit_code_and_names_the_questions(self, program: Program, many: Path) -> None:
        program(*self._gate(program, many, "--write-baseline"))
        program.adjust = _worse
        result = program(*self._gate(program, many))
        assert result.code == REGRESSION == 6
        assert "变差：正确率 1.0000 → 0.2000" in result.out
        assert "变差：误拒率 0.0000 → 1.0000" in result.out
        assert "q0  1.0000 → 0.0000  值班记录保存多久？（0）" in result.out
        assert "…… 另有 7 题" in result.out
        assert result.out.endswith("结论：试题/answers 显著变差。\n")
        folder = many.with_name("r")
        record = program(*self._gate(program, many, "--json", "--report", str(folder))).json
        assert "<h1>试题/answers</h1>" in (folder / "试题-answers" / "report.html").read_text(encoding="utf-8")
        assert record["passed"] is False
        assert "right" in record["sets"][0]["regressions"]
        assert len(record["sets"][0]["worse"]["right"]) == 12

    def test_improvement_is_told(self, program: Program, many: Path) -> None:
        program.adjust = _worse
        program(*self._gate(program, many, "--write-baseline"))
        program.adjust = lambda services: None
        result = program(*self._gate(program, many))
        assert result.code == 0
        assert "变好：正确率 0.2000 → 1.0000" in result.out

    def test_set_with_judgements_is_retrieved_for_too(self, program: Program, beir: Path) -> None:
        written = program(*self._gate(program, beir, "--write-baseline"))
        assert "duty/dev/retrieval（2 题）" in written.err
        assert "duty/dev/retrieval（2 题）：通过" in program(*self._gate(program, beir)).out

    def test_set_that_the_baseline_lacks(self, program: Program, many: Path, beir: Path) -> None:
        assert "--write-baseline" in program(*self._gate(program, many)).err
        program(*self._gate(program, many, "--write-baseline"))
        result = program(*self._gate(program, beir))
        assert (result.code, result.out) == (2, "")
        assert "没有 duty/dev/retrieval" in result.err
        assert not many.with_name("baseline.json.partial").exists()
        program(*self._gate(program, beir, "--write-baseline"))
        assert program(*self._gate(program, many)).code == 0  # the other set is still there

    def test_changed_set_is_told(self, program: Program, many: Path) -> None:
        program(*self._gate(program, many, "--write-baseline"))
        lines = many.read_text(encoding="utf-8").splitlines()
        many.write_text("\n".join([*lines[1:], '{"_id": "new", "text": "新题", "refuse": true}']), encoding="utf-8")
        result = program(*self._gate(program, many))
        assert result.code == 0
        assert "基线中的 1 题这次没有" in result.out
        assert "1 题是新的" in result.out

    def test_stopped_gate_goes_on(self, program: Program, many: Path) -> None:
        program(*self._gate(program, many, "--write-baseline"))

        def stop(services: FakeServices) -> None:
            real = services.answer

            def answer(question: str, **more: object) -> object:
                if len(services.asked) >= 5:
                    raise KeyboardInterrupt
                return real(question, **more)  # type: ignore[arg-type]

            services.answer = answer  # type: ignore[method-assign, assignment]

        program.adjust = stop
        assert program(*self._gate(program, many)).code == 130
        program.adjust = lambda services: None
        assert program(*self._gate(program, many)).code == 0
        assert len(program.opened[-1].asked) == 10
        assert not many.with_name("baseline.json.partial").exists()
