"""What ranking is told of a question and of its candidates, over a small library in real indexes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study_bot.index.sparse import SparseIndex
from study_bot.retrieval.candidates import CandidateFacts
from study_bot.retrieval.features import Evidence
from study_bot.types import ArticleNumber, VersionStatus
from tests.retrieval.samples import FakeSnapshot, HashEncoder, articles_of, prose, snapshot, statute

GUARD = statute("江临市值守管理规定")
FORMER = statute("车辆管理办法", version_id="former", status=VersionStatus.AMENDED)
TALK = statute("关于车辆使用的讲话")
LIBRARY = snapshot(
    (GUARD, articles_of(GUARD, {1: "值守人员应当登记来访车辆。", ArticleNumber(1, 2): "登记保存二年。"})),
    (FORMER, articles_of(FORMER, {7: "车辆应当停放整齐。"})),
    (TALK, prose(TALK, "车辆要用在一线。")),
)
ROWS = np.arange(len(LIBRARY.passages))


@pytest.fixture(scope="module")
def facts() -> CandidateFacts:
    return facts_of(LIBRARY)


def facts_of(library: FakeSnapshot) -> CandidateFacts:
    return CandidateFacts(library.passages, library.sparse)


def evidence_of(
    facts: CandidateFacts, question: str, rows: np.ndarray = ROWS, named: np.ndarray | None = None
) -> Evidence:
    vector = HashEncoder().encode_queries([question])[0]
    turned = np.roll(vector, 1)
    return facts.evidence(facts.question(question), rows, LIBRARY.dense.rows(rows), vector, turned, named)


def test_tokens_are_distinct_counted_and_told_apart(facts: CandidateFacts):
    question = facts.question("登记车辆，登记车辆")
    assert len(set(question.tokens)) == len(question.tokens)
    kinds = dict(zip(question.tokens, question.is_word.tolist(), strict=True))
    assert kinds["登记"] and kinds["车辆"] and not kinds["记车"]
    assert sorted(question.repeated) == sorted(facts.tokens("登记车辆，登记车辆"))


def test_weights_are_inverse_document_frequencies(facts: CandidateFacts):
    question = facts.question("登记车辆火箭")
    weights = dict(zip(question.tokens, question.weights.tolist(), strict=True))
    total = len(LIBRARY.passages)
    for token, weight in weights.items():
        holders = LIBRARY.sparse.document_frequency(token)
        assert weight == pytest.approx(math.log(1 + (total - holders + 0.5) / (holders + 0.5)))
    assert weights["火箭"] == max(weights.values()) > weights["登记"] > weights["车辆"] > 0


@pytest.mark.parametrize("question", ["值守人员登记登记车辆", "第七条车辆", "火箭", "？"])
def test_contributions_add_up_to_the_score_of_keyword_search(facts: CandidateFacts, question: str):
    """A word that is asked twice counts twice in both."""
    total = evidence_of(facts, question).contributions.sum(axis=0)
    np.testing.assert_allclose(total, LIBRARY.sparse.scores(facts.tokens(question)), atol=1e-5)


def test_both_vectors_are_compared(facts: CandidateFacts):
    vector = HashEncoder().encode_queries(["登记车辆"])[0]
    evidence = evidence_of(facts, "登记车辆")
    matrix = LIBRARY.dense.vectors()
    np.testing.assert_allclose(evidence.dense, matrix @ vector, atol=1e-6)
    np.testing.assert_allclose(evidence.adapted, matrix @ np.roll(vector, 1), atol=1e-6)


def test_passages_are_described_in_the_order_asked(facts: CandidateFacts):
    evidence = evidence_of(facts, "车辆", np.array([3, 2, 1]))
    assert evidence.is_article.tolist() == [False, True, True]
    assert evidence.article.tolist()[1:] == [7, 1.02]
    assert np.isnan(evidence.article[0])
    assert evidence.lengths.tolist() == [len(LIBRARY.passages[row].text) for row in (3, 2, 1)]
    assert len(set(evidence.law.tolist())) == 3


def test_passages_of_one_title_are_of_one_law(facts: CandidateFacts):
    law = evidence_of(facts, "车辆").law
    assert law[0] == law[1]
    assert len({int(law[0]), int(law[2]), int(law[3])}) == 3


def test_titles_are_matched_by_words(facts: CandidateFacts):
    """The whole title covered, a part of it, nothing of it; the share of the question is weighed by rarity."""
    whole = evidence_of(facts, "车辆管理办法怎么说停放")
    assert whole.title_covered[2] == 1
    assert 0 < whole.title_covered[0] < 1  # 管理
    assert 0 < whole.title_share[0] < whole.title_share[2] < 1
    nothing = evidence_of(facts, "火箭发射")
    assert not nothing.title_covered.any()
    assert not nothing.title_share.any()


def test_named_documents_are_marked(facts: CandidateFacts):
    assert not evidence_of(facts, "车辆").named.any()
    mask = np.array([False, False, True, False])
    assert evidence_of(facts, "车辆", np.array([2, 3]), mask).named.tolist() == [True, False]


def test_no_candidates(facts: CandidateFacts):
    evidence = evidence_of(facts, "车辆", np.zeros(0, np.int64))
    assert evidence.dense.shape == evidence.title_share.shape == evidence.named.shape == (0,)
    assert evidence.contributions.shape == (evidence.weights.size, 0)


def test_a_question_without_words(facts: CandidateFacts):
    evidence = evidence_of(facts, "？！")
    assert evidence.contributions.shape == (0, ROWS.size)
    assert not evidence.title_covered.any()


def test_an_index_that_counts_more_holders_than_passages_gives_no_negative_weights():
    """As an index of other rows than the passages would."""
    many = SparseIndex.from_tokens([["登记"]] * 9)
    weights = CandidateFacts(LIBRARY.passages, many).question("登记").weights
    assert (weights > 0).all()
