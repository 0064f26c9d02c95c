"""What the commands write can be read by the scoring tools kept beside the project."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.cli.index import build_record
from study_bot.evaluation.answers_report import answers_report
from study_bot.evaluation.datasets import Query, read_dataset, read_queries, write_run
from study_bot.evaluation.expectations import expectation_of
from study_bot.evaluation.metrics import evaluate
from study_bot.evaluation.runner import run_answers
from study_bot.types import Answer, BuildReport, FileReport, Statement
from tests.evaluation.samples import asking, make_answer, make_refusal
from tests.support import requires_shared

pytestmark = pytest.mark.realdata


def _tool(name: str, *arguments: str | Path, code: int = 0) -> str:
    command = [sys.executable, str(requires_shared("tools", name)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def _figures(line: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in line.split())


@pytest.mark.parametrize("name", ["lawbench_3_2", "quiz_mapped", "rgb_zh"])
def test_scores_of_a_run_are_those_of_the_tool(name: str, tmp_path: Path) -> None:
    folder = requires_shared("data", "eval", name)
    data = read_dataset(folder, "dev")
    chance = random.Random(7)
    docs = sorted({doc_id for grades in data.qrels.values() for doc_id in grades})
    run = {}
    for query in data.queries[:-3]:
        ranked = chance.sample(docs, min(len(docs), 40)) + chance.sample(sorted(data.qrels[query.query_id]), 1)
        chance.shuffle(ranked)
        run[query.query_id] = [(doc_id, 1.0) for doc_id in dict.fromkeys(ranked)]
    write_run(tmp_path / "run.trec", run, "chance")
    theirs = _figures(_tool("score.py", "retrieval", folder / "qrels" / "dev.tsv", tmp_path / "run.trec"))
    metrics = ["R@1", "R@3", "R@5", "R@10", "R@20", "R@100", "hit@5", "MRR@10"]
    ours = evaluate({query_id: [d for d, _ in ranking] for query_id, ranking in run.items()}, data.qrels, metrics).mean
    assert {metric: theirs[metric] for metric in metrics} == {metric: f"{ours[metric]:.3f}" for metric in metrics}


def test_answers_are_read_by_the_tool(tmp_path: Path) -> None:
    questions = [
        {"_id": "right", "question": "谁在值班室？", "must": ["应当有人"]},
        {"_id": "wrong", "question": "何时交接？", "must": ["八时"]},
        {"_id": "refused", "question": "班费多少？", "refuse": True},
        {"_id": "false refusal", "question": "记录保存多久？", "must": ["二年"]},
    ]
    asked, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    asked.write_text("".join(json.dumps(q, ensure_ascii=False) + "\n" for q in questions), encoding="utf-8")

    def answer(question: str) -> Answer:
        return make_refusal(question) if question in {"班费多少？", "记录保存多久？"} else make_answer(question)

    run_answers([Query(q["_id"], q["question"]) for q in questions], asking(answer), out, "b1")  # type: ignore[arg-type]
    figures = _figures(_tool("score.py", "answers", asked, out).replace("false refusal", "false_refusal_id"))
    assert {key: figures[key] for key in ("right", "of", "wrong", "false_refusal", "refused_ok", "false_answer")} == {
        "right": "1",
        "of": "3",
        "wrong": "1",
        "false_refusal": "1",
        "refused_ok": "1",
        "false_answer": "0",
    }


def test_share_of_golds_found_is_that_of_the_tool(tmp_path: Path) -> None:
    chance = random.Random(3)
    queries = read_queries(requires_shared("data", "eval", "cmrc2018_trial", "queries.jsonl"))[:120]
    golds = {query.text: expectation_of(query).answers for query in queries}

    def answer(question: str) -> Answer:
        if chance.random() < 0.2:
            return make_refusal(question)
        given = make_answer(question)
        quote = f"据记载，{chance.choice(golds[question])}。" if chance.random() < 0.6 else "没有提到。"
        citation = replace(given.citations[0], quote=quote)
        return replace(given, statements=(Statement(quote, (1,)),), citations=(citation,))

    asked, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    asked.write_text(
        "".join(json.dumps({"_id": q.query_id, "text": q.text, "metadata": dict(q.metadata)}) + "\n" for q in queries),
        encoding="utf-8",
    )
    records = run_answers(queries, asking(answer), out, "b1").records
    report = answers_report(records, {q.query_id: expectation_of(q) for q in queries}, dataset="cmrc")
    theirs = _figures(_tool("score.py", "contains", asked, out))
    assert theirs["quote_contains"] == f"{report.metrics['gold_in_quotes']:.3f}"
    assert theirs["answer_contains"] == f"{report.metrics['gold_in_answer']:.3f}"
    assert theirs["refused"] == f"{report.metrics['false_refusal']:.3f}"


def test_articles_of_a_build_are_read_by_the_tool(tmp_path: Path) -> None:
    manifest = requires_shared("data", "library", "MANIFEST.csv")
    with manifest.open(encoding="utf-8-sig") as lines:
        files = tuple(
            FileReport(path=row["path"], articles=int(row["expected_article_count"] or 0))
            for row in csv.DictReader(lines)
        )
    report = BuildReport("b", files, passages=0, articles=0, embedded=0, reused=0, removed=0, seconds=0.0)
    build = tmp_path / "build.json"
    build.write_text(json.dumps(build_record(report)), encoding="utf-8")
    assert _tool("check_articles.py", manifest, build).endswith(" statutes right\n")
    statute = next(i for i, file in enumerate(files) if file.articles and "扫描" not in file.path)
    wrong = (*files[:statute], replace(files[statute], articles=1), *files[statute + 1 :])
    build.write_text(json.dumps(build_record(replace(report, files=wrong))), encoding="utf-8")
    _tool("check_articles.py", manifest, build, code=1)
