"""The question set for the starter library: enough of every kind, and every gold is in the text, however it is cut."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest

from study_bot.evaluation.cases import evidence_of, judged_dataset, resolved_qrels, same_question
from study_bot.evaluation.datasets import Query, read_qrels, read_queries
from study_bot.index.store import Snapshot
from study_bot.settings import Settings
from tests.index.builder_fakes import SETTINGS, build, live

ROOT = Path(__file__).resolve().parent.parent
STARTER = ROOT / "evals" / "starter"
QUERIES = read_queries(STARTER / "queries.jsonl")
ANSWERED = [query for query in QUERIES if not query.metadata.get("refuse")]

CATEGORIES = {"fact", "article", "paraphrase", "multi", "list", "allowed", "follow_up", "as_of", "refuse"}


@pytest.fixture(scope="module", params=[Settings(ocr=False), SETTINGS], ids=["usual passages", "short passages"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    index = tmp_path_factory.mktemp("index")
    build(ROOT / "corpus", index, settings=request.param, today=dt.date(2026, 11, 22))
    return live(index)


def group(query: Query) -> tuple[object, object]:
    return query.metadata["category"], query.metadata["split"]


def test_there_are_enough_questions_of_every_kind_in_both_splits() -> None:
    counts = Counter(query.metadata["category"] for query in QUERIES)
    assert set(counts) == CATEGORIES
    assert len(QUERIES) >= 160
    assert counts["refuse"] >= 45
    assert all(count >= 14 for count in counts.values())
    assert set(map(group, QUERIES)) == {(category, split) for category in CATEGORIES for split in ("dev", "test")}
    distances = Counter(query.metadata["distance"] for query in QUERIES if query.metadata.get("refuse"))
    assert min(distances["far"], distances["near"]) >= 20


def test_no_question_stands_twice() -> None:
    asked = Counter((same_question(query.text), query.metadata.get("as_of")) for query in QUERIES)
    assert [question for question, count in asked.items() if count > 1] == []


def test_judgements_are_those_of_the_questions() -> None:
    judged = {split: read_qrels(STARTER / "qrels" / f"{split}.tsv") for split in ("dev", "test")}
    assert {query_id for qrels in judged.values() for query_id in qrels} == {query.query_id for query in ANSWERED}
    for query in ANSWERED:
        names = judged[str(query.metadata["split"])][query.query_id]
        assert set(names) == {evidence.corpus_id for evidence in evidence_of(query)}


def test_questions_to_be_refused_have_no_gold_and_a_reason() -> None:
    for query in QUERIES:
        if query.metadata.get("refuse"):
            assert not query.metadata.keys() & {"evidence", "answer", "answers", "must"}
            assert query.metadata["reason"]
        else:
            assert evidence_of(query)


def test_follow_ups_bring_their_conversation_and_days_are_days() -> None:
    for query in QUERIES:
        assert ("conversation" in query.metadata) == (query.metadata["category"] == "follow_up")
        if "as_of" in query.metadata:
            dt.date.fromisoformat(str(query.metadata["as_of"]))
    assert sum("as_of" in query.metadata for query in QUERIES) >= 8


def test_every_gold_passage_is_found(library: Snapshot) -> None:
    resolved = resolved_qrels(QUERIES, library)
    assert resolved.unresolved == ()
    assert set(resolved.qrels) == {query.query_id for query in ANSWERED}


def test_gold_answers_are_words_of_the_gold_passages(library: Snapshot) -> None:
    texts = {passage.passage_id: passage.text for passage in library.passages}
    qrels = resolved_qrels(QUERIES, library).qrels
    for query in ANSWERED:
        gold = "\n".join(texts[passage_id] for passage_id in qrels[query.query_id])
        answers = query.metadata.get("answers") or [query.metadata["answer"]]
        assert isinstance(answers, list)
        assert [answer for answer in answers if answer not in gold] == [], query.query_id


def test_quotes_name_one_place(library: Snapshot) -> None:
    for query in ANSWERED:
        for evidence in evidence_of(query):
            found = resolved_qrels([Query("q", "", {"evidence": [evidence.as_record()]})], library).qrels["q"]
            assert len(found) <= 2, (query.query_id, evidence.label)


def test_versions_are_told_apart(library: Snapshot) -> None:
    years = {version.version_id: version.promulgated for version in library.versions}
    version_of = {passage.passage_id: passage.version_id for passage in library.passages}
    qrels = resolved_qrels(QUERIES, library).qrels
    found = {query.query_id: {years[version_of[p]] for p in qrels[query.query_id]} for query in ANSWERED}
    old, new = dt.date(2022, 3, 18), dt.date(2025, 9, 26)
    by_text = {query.text: found[query.query_id] for query in ANSWERED}
    assert by_text["2022年版学习管理规定第二十四条怎么规定的？"] == {old}
    assert by_text["学习管理规定第二十条"] == {new}
    assert by_text["补课体会的字数要求，2022年和2025年修订后各是多少？"] == {old, new}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_splits_are_read_for_a_library(library: Snapshot, split: str) -> None:
    told: list[str] = []
    data = judged_dataset(STARTER, split, library, told.append)
    assert told == []
    assert {q.query_id for q in data.queries} == {q.query_id for q in ANSWERED if q.metadata["split"] == split}
    ids = {passage.passage_id for passage in library.passages}
    assert all(grades.keys() <= ids for grades in data.qrels.values())


def test_lines_are_plain_json_and_ids_are_without_white_space() -> None:
    for line in (STARTER / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == {"_id", "text", "metadata"}
    for path in (STARTER / "qrels").glob("*.tsv"):
        for row in path.read_text(encoding="utf-8").splitlines():
            assert [cell.split() for cell in row.split("\t")] == [[cell] for cell in row.split("\t")]
