"""Names and articles of the whole statute corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study_bot.index.articles import ArticleTable
from study_bot.index.corpus import read_corpus
from study_bot.text import find_article_references

EVAL = Path(__file__).parents[2].parent / "shared" / "data" / "eval"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not (EVAL / "stard").is_dir(), reason="the evaluation sets are not beside the project"),
]


@pytest.fixture(scope="module")
def table() -> ArticleTable:
    path = EVAL / "stard" / "corpus.jsonl.gz"
    corpus = read_corpus(path, path.name, "0", limit=500, max_bytes=1e9, taken=set())
    return ArticleTable.from_snapshot(corpus.versions, corpus.passages)


def test_every_article_question_names_its_row(table: ArticleTable):
    """Questions such as 社会法…法第十七条的内容是什么, over all 58 000 rows."""
    gold: dict[str, str] = {}
    for line in (EVAL / "lawbench_1_1" / "qrels" / "dev.tsv").read_text("utf-8").splitlines()[1:]:
        query_id, row_id, _ = line.split("\t")
        gold[query_id] = row_id
    missed = []
    for line in (EVAL / "lawbench_1_1" / "queries.jsonl").read_text("utf-8").splitlines():
        query = json.loads(line)
        (mention,) = table.find_laws(query["text"])
        (reference,) = find_article_references(query["text"])
        if gold[query["_id"]] not in table.holders(mention.doc_ids, reference.article):
            missed.append(query["text"])
    assert missed == []


def test_every_law_is_found_by_its_own_title(table: ArticleTable):
    lost = [title for title in table.statutes() if table.title_of(next(iter(table.resolve_law(title)), "")) != title]
    assert len(lost) <= 0.01 * len(table.statutes()), lost
