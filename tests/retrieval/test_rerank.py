"""The order that a re-ranker gives, what it may not change, and what happens when it fails."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.fusion import Ranking
from study_bot.retrieval.query import understand
from study_bot.retrieval.rerank import (
    MAX_TEXT_CHARS,
    NOTICE_EVERY_S,
    REST_S,
    RerankError,
    Reranking,
    in_force_first,
    reordered,
)
from study_bot.retrieval.retriever import Retrieval, Retriever
from study_bot.settings import Settings
from study_bot.types import Filters, QuestionContext, Turn, VersionStatus
from tests.retrieval.samples import TODAY, HashEncoder, articles_of, snapshot, statute

NEW = statute("值班规定", doc_id="duty", version_id="new", effective=dt.date(2026, 1, 1))
OLD = statute(
    "值班规定",
    doc_id="duty",
    version_id="old",
    effective=dt.date(2013, 1, 1),
    repealed=dt.date(2026, 1, 1),
    status=VersionStatus.AMENDED,
)
MEALS = statute("食堂规定", effective=dt.date(2020, 1, 1))
LIBRARY = snapshot(
    (NEW, articles_of(NEW, {1: "值班人员应当登记来访人员。", 2: "值班人员不得离岗。", 3: "交接班应当清点装备。"})),
    (OLD, articles_of(OLD, {1: "值班人员登记来访人员的姓名。", 2: "值班人员离岗应当报告。"})),
    (MEALS, articles_of(MEALS, {1: "食堂值班人员应当登记进货。", 2: "食堂不得喧哗。"})),
)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeReranker:
    """Scores a text by the first of `liked` in it: earlier ones higher. Does what `trouble` says instead, if set."""

    liked: Sequence[str] = ()
    trouble: object = None
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    parallel: int = 1

    def warm_up(self) -> None:
        self.scores("", ("",))

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.calls.append((query, tuple(texts)))
        if isinstance(self.trouble, BaseException):
            raise self.trouble
        if self.trouble == "slow":
            self.held.wait(10)
        if isinstance(self.trouble, list):
            return self.trouble
        return [float(-next((n for n, like in enumerate(self.liked) if like in text), 99)) for text in texts]

    def close(self) -> None:
        self.closed = True
        self.held.set()


@pytest.fixture
def fake() -> Iterator[FakeReranker]:
    reranker = FakeReranker()
    yield reranker
    reranker.held.set()


def reranking(fake: FakeReranker, clock: Clock | None = None, *, top_n: int = 30, timeout_s: float = 5) -> Reranking:
    return Reranking(fake, top_n=top_n, timeout_s=timeout_s, clock=clock or Clock())


def retriever(stage: Reranking | None) -> Retriever:
    return Retriever(LIBRARY, HashEncoder(), Settings(), reranking=stage)


def ask(stage: Reranking | None, question: str, filters: Filters = Filters(), k: int = 20) -> Retrieval:
    return retriever(stage).retrieve(understand(question, LIBRARY.articles, TODAY), filters, k, today=TODAY)


def ids(retrieval: Retrieval) -> list[str]:
    return [hit.passage.passage_id for hit in retrieval.hits]


def test_the_best_go_where_the_reranker_puts_them(fake: FakeReranker) -> None:
    plain = ask(None, "谁来登记")
    fake.liked = ["喧哗", "清点"]
    found = ask(reranking(fake), "谁来登记")
    assert ["喧哗" in found.hits[0].passage.text, "清点" in found.hits[1].passage.text] == [True, True]
    assert ids(found)[2:] == [one for one in ids(plain) if one not in ids(found)[:2]]
    assert [hit.score for hit in found.hits] == [hit.score for hit in plain.hits]
    by_id = {hit.passage.passage_id: hit for hit in plain.hits}
    assert all(hit.dense == by_id[hit.passage.passage_id].dense for hit in found.hits)
    ((question, texts),) = fake.calls
    assert question == "谁来登记"
    assert any(text.startswith("食堂规定 第二条") for text in texts)


def test_only_the_first_few_are_judged(fake: FakeReranker) -> None:
    plain = ids(ask(None, "谁来登记"))
    fake.liked = ["食堂", "交接班"]
    found = ids(ask(reranking(fake, top_n=2), "谁来登记"))
    assert [len(texts) for _, texts in fake.calls] == [2]
    assert (sorted(found[:2]), found[2:]) == (sorted(plain[:2]), plain[2:])


def test_articles_named_stay_first(fake: FakeReranker) -> None:
    fake.liked = ["喧哗"]
    found = ask(reranking(fake), "值班规定第二条怎么说")
    first, second = found.hits[:2]
    assert (first.exact, first.passage.passage_id) == (True, "new#2.0.0")
    assert (second.exact, second.passage.passage_id) == (False, "食堂规定@1#2.0.0")
    assert not any("不得离岗" in text for _, texts in fake.calls for text in texts)


def test_nothing_is_judged_where_the_articles_named_are_all_that_is_wanted(fake: FakeReranker) -> None:
    assert ids(ask(reranking(fake), "值班规定第二条", k=1)) == ["new#2.0.0"]
    assert fake.calls == []


def test_quoted_passages_stay_first(fake: FakeReranker) -> None:
    fake.liked = ["喧哗"]
    assert ids(ask(reranking(fake), "交接班应当清点装备"))[:2] == ["new#3.0.0", "食堂规定@1#2.0.0"]


def test_a_version_out_of_force_is_not_lifted_over_the_one_in_force(fake: FakeReranker) -> None:
    fake.liked = ["姓名", "喧哗", "登记来访人员。"]
    everything = Filters(include_inactive=True)
    plain = ids(ask(None, "值班人员应当登记谁", everything))
    assert plain.index("new#1.0.0") < plain.index("old#1.0.0")
    found = ids(ask(reranking(fake), "值班人员应当登记谁", everything))
    assert found.index("new#1.0.0") < found.index("old#1.0.0")
    assert found[:2] == ["new#1.0.0", "食堂规定@1#2.0.0"]
    of_the_day = ids(ask(reranking(fake), "值班人员应当登记谁", Filters(as_of=dt.date(2020, 1, 1))))
    assert of_the_day[0] == "old#1.0.0"


def test_a_follow_up_is_judged_with_what_it_leans_on(fake: FakeReranker) -> None:
    context = QuestionContext((Turn("食堂可以喧哗吗", "不可以。"),))
    retriever(reranking(fake)).retrieve_many(["那值班人员呢？"], 5, contexts=[context], today=TODAY)
    assert "喧哗" in fake.calls[0][0] and "值班人员" in fake.calls[0][0]


@pytest.mark.parametrize(
    "trouble",
    [
        RerankError("没有应答"),
        RuntimeError("a mistake of the library"),
        [1.0],
        [float("nan")] * 5,
        [float("inf")] * 5,
        [],
    ],
    ids=["refused", "unforeseen", "too few", "nan", "inf", "none"],
)
def test_failures_leave_the_learned_order(
    fake: FakeReranker, trouble: object, caplog: pytest.LogCaptureFixture
) -> None:
    fake.trouble = trouble
    stage = reranking(fake)
    with caplog.at_level(logging.WARNING):
        found = ask(stage, "谁来登记")
    assert found.hits == ask(None, "谁来登记").hits
    (record,) = caplog.records
    assert "重排序没有用上" in record.message
    assert "谁来登记" not in record.message
    assert (record.exc_info is not None) == isinstance(trouble, RuntimeError)
    assert stage.misses == 1


def test_a_slow_one_is_not_waited_for(fake: FakeReranker, caplog: pytest.LogCaptureFixture) -> None:
    fake.trouble = "slow"
    assert ask(reranking(fake, timeout_s=0.05), "谁来登记").hits == ask(None, "谁来登记").hits
    assert "0.05 秒" in caplog.text


def test_a_failing_one_rests_and_is_told_of_once_a_minute(fake: FakeReranker, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    stage = reranking(fake, clock)
    fake.trouble = RerankError("没有应答")
    assert [stage.order("问", "甲乙") for _ in range(3)] == [None] * 3
    assert (len(fake.calls), len(caplog.records), stage.misses) == (1, 1, 3)
    clock.now += REST_S
    assert stage.order("问", "甲乙") is None
    assert (len(fake.calls), len(caplog.records)) == (2, 1)
    clock.now += NOTICE_EVERY_S - REST_S
    assert stage.order("问", "甲乙") is None
    assert (len(fake.calls), len(caplog.records)) == (3, 2)
    clock.now += REST_S
    fake.trouble, fake.liked = None, "乙"
    assert stage.order("问", "甲乙") == [1, 0]
    assert stage.misses == 5


def test_one_text_or_none_needs_no_judge(fake: FakeReranker) -> None:
    stage = reranking(fake)
    assert (stage.order("问", []), stage.order("问", ["甲"])) == ([], [0])
    assert fake.calls == []


def test_long_texts_are_cut(fake: FakeReranker) -> None:
    reranking(fake).order("问", ["甲" * 5000, "乙"])
    assert [len(text) for text in fake.calls[0][1]] == [MAX_TEXT_CHARS, 1]


def test_equal_scores_keep_their_order(fake: FakeReranker) -> None:
    assert reranking(fake).order("问", "丁丙乙甲") == [0, 1, 2, 3]


def test_warming_up_tells_what_is_wrong_and_goes_on(fake: FakeReranker, caplog: pytest.LogCaptureFixture) -> None:
    fake.trouble = RerankError("模型无法读取")
    reranking(fake).warm_up()
    assert "模型无法读取" in caplog.text


def test_closing_lets_go_of_the_reranker(fake: FakeReranker) -> None:
    stage = reranking(fake)
    stage.close()
    assert fake.closed
    assert stage.order("问", "甲乙") is None  # a question under way while the program stops


@given(st.permutations(range(8)), st.lists(st.sampled_from("abc"), min_size=8, max_size=8), st.integers(0, 255))
def test_versions_out_of_force_stay_behind_those_in_force(order: list[int], laws: list[str], bits: int) -> None:
    in_force = [bool(bits >> place & 1) for place in range(8)]
    result = in_force_first(order, laws, in_force)
    assert sorted(result) == list(range(8))
    assert [laws[place] for place in result] == [laws[place] for place in order]  # each law keeps its places
    at = {place: i for i, place in enumerate(result)}
    for ahead in range(8):
        for behind in range(ahead + 1, 8):
            if laws[ahead] == laws[behind] and in_force[ahead] and not in_force[behind]:
                assert at[ahead] < at[behind]
    for law in "abc":  # nothing else moves
        for kind in (True, False):
            assert [p for p in result if laws[p] == law and in_force[p] is kind] == [
                p for p in order if laws[p] == law and in_force[p] is kind
            ] or not kind


@given(st.integers(0, 12), st.data())
def test_only_the_places_judged_change(size: int, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.permutations(range(size))), np.int64)
    ranked = Ranking(rows, np.sort(np.random.default_rng(size).random(size))[::-1])
    places = data.draw(st.lists(st.sampled_from(range(size)), unique=True).map(sorted)) if size else []
    order = data.draw(st.permutations(range(len(places))))
    result = reordered(ranked, places, order)
    assert sorted(result.rows.tolist()) == list(range(size))
    np.testing.assert_array_equal(result.scores, ranked.scores)
    for place in set(range(size)) - set(places):
        assert result.rows[place] == rows[place]
    assert [result.rows[place] for place in places] == [rows[places[one]] for one in order]
