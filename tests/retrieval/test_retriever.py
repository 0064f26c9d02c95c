from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

from study_bot.retrieval.query import Query, understand
from study_bot.retrieval.retriever import Retrieval, Retriever
from study_bot.settings import Settings
from study_bot.types import ArticleNumber, DocumentKind, Filters, QuestionContext, Turn, VersionStatus
from tests.retrieval.samples import TODAY, HashEncoder, articles_of, prose, snapshot, statute

BEGIN = dt.date(2026, 1, 1)
GAMBLING = "聚众打牌押注的，没收赌具。"

NEW = statute(
    "学员纪律处分条例",
    doc_id="discipline",
    version_id="new",
    effective=BEGIN,
    promulgated=dt.date(2025, 6, 1),
    category="制度",
)
OLD = statute(
    "学员纪律处分条例",
    doc_id="discipline",
    version_id="old",
    effective=dt.date(2013, 1, 1),
    promulgated=dt.date(2012, 10, 1),
    repealed=BEGIN,
    status=VersionStatus.AMENDED,
    category="制度",
)
GONE = statute("旧宿舍条例", version_id="gone", status=VersionStatus.REPEALED, category="制度")
AMENDED = statute("食堂规定", version_id="amended", status=VersionStatus.AMENDED, category="后勤")
COMING = statute(
    "图书馆规定", version_id="coming", status=VersionStatus.IN_FORCE, effective=dt.date(2027, 1, 1), category="后勤"
)
TALK = statute(
    "关于遵守纪律的讲话", version_id="talk", kind=DocumentKind.PROSE, status=VersionStatus.UNKNOWN, category="政治"
)

LONG = [
    "学员违反考场纪律的，按照下列规定处理：\n（一）携带资料的，给予警告；",
    "（二）代他人考试的，给予记过；\n（三）扰乱考场的，给予开除。",
    "前款处分由教务处决定。",
]
SHARED = "学员应当尊敬教员、爱护公物、按时作息，不得无故缺席各项集体活动和训练。"

SNAPSHOT = snapshot(
    (NEW, articles_of(NEW, {1: SHARED, 2: LONG, 3: GAMBLING, ArticleNumber(3, 1): "网上押注的，依照前条处理。"})),
    (OLD, articles_of(OLD, {1: SHARED, 2: "考试作弊的，给予警告。", 3: "赌博的，写检查。", 4: "本条只在旧版中有。"})),
    (GONE, articles_of(GONE, {1: "宿舍十点熄灯，不得赌博。"})),
    (AMENDED, articles_of(AMENDED, {1: "食堂不得喧哗，不得赌博。"})),
    (COMING, articles_of(COMING, {1: "图书馆不得赌博。"})),
    (TALK, prose(TALK, "赌博败坏风气，要从小事抓起。", SHARED)),
)


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def retriever(encoder: HashEncoder) -> Retriever:
    return Retriever(SNAPSHOT, encoder, Settings())


def ask(question: str) -> Query:
    return understand(question, SNAPSHOT.articles, TODAY)


def run(retriever: Retriever, question: str, filters: Filters = Filters(), k: int = 20) -> Retrieval:
    return retriever.retrieve(ask(question), filters, k, today=TODAY)


def versions(retrieval: Retrieval) -> set[str]:
    return {hit.passage.version_id for hit in retrieval.hits}


def test_an_article_named_comes_first_and_whole(retriever: Retriever):
    retrieval = run(retriever, "学员纪律处分条例第二条怎么规定")
    assert [hit.passage.text for hit in retrieval.hits if hit.exact] == [f"第二条 {LONG[0]}", *LONG[1:]]
    assert [hit.exact for hit in retrieval.hits] == sorted((h.exact for h in retrieval.hits), reverse=True)
    (found,) = retrieval.found
    assert (found.version_id, found.status, found.outdated, found.part) == ("new", VersionStatus.IN_FORCE, False, None)


def test_more_hits_than_asked_only_for_a_named_article(retriever: Retriever):
    assert len(run(retriever, "学员纪律处分条例第二条", k=1).hits) == 3
    assert len(run(retriever, "赌博怎么处理", k=1).hits) == 1


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("学员纪律处分条例第二条第二款", "前款处分由教务处决定。"),
        ("学员纪律处分条例第二条第一款第二项", "（二）代他人考试的，给予记过；"),
        ("学员纪律处分条例第二条第（三）项", "（三）扰乱考场的，给予开除。"),
    ],
)
def test_the_part_asked_for_is_located_across_passages(retriever: Retriever, question: str, text: str):
    (found,) = run(retriever, question).found
    assert found.part is not None
    start, end = found.part
    whole = {p.start + i: c for row in found.rows for p in [SNAPSHOT.passages[row]] for i, c in enumerate(p.text)}
    assert "".join(whole.get(i, "\n") for i in range(start, end)) == text


def test_a_part_that_is_not_there(retriever: Retriever):
    (found,) = run(retriever, "学员纪律处分条例第二条第九款").found
    assert found.part is None


def test_inserted_articles_are_articles_of_their_own(retriever: Retriever):
    retrieval = run(retriever, "学员纪律处分条例第三条之一")
    assert [hit.passage.text for hit in retrieval.hits if hit.exact] == ["第三条之一 网上押注的，依照前条处理。"]


def test_by_default_only_what_is_in_force_or_timeless_answers(retriever: Retriever):
    found = versions(run(retriever, "赌博怎么处理"))
    assert found == {"new", "amended", "talk"}


def test_an_amended_text_without_a_newer_one_still_answers(retriever: Retriever):
    """食堂规定 is at hand only in an amended text; hiding it would hide the rule."""
    assert "amended" in versions(run(retriever, "食堂喧哗"))


def test_other_versions_answer_when_asked_for(retriever: Retriever):
    assert versions(run(retriever, "赌博怎么处理", Filters(include_inactive=True))) == {
        "new", "old", "gone", "amended", "coming", "talk",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "version"),
    [
        ("2025年12月的时候学员纪律处分条例第三条", "old"),
        ("2012年版学员纪律处分条例第三条", "old"),
        ("修订前的学员纪律处分条例第三条", "old"),
        ("旧学员纪律处分条例第三条", "old"),
        ("学员纪律处分条例第三条", "new"),
        ("2025年修订的学员纪律处分条例第三条", "new"),
        ("现行学员纪律处分条例第三条", "new"),
        ("2031年版学员纪律处分条例第三条", "new"),
    ],
)
def test_the_version_a_question_means(retriever: Retriever, question: str, version: str):
    retrieval = run(retriever, question)
    assert [f.version_id for f in retrieval.found] == [version]
    assert retrieval.hits[0].passage.version_id == version
    other = {"new": "old", "old": "new"}[version]
    assert other not in versions(retrieval)


def test_the_day_of_the_filter(retriever: Retriever):
    retrieval = run(retriever, "学员纪律处分条例第三条", Filters(as_of=dt.date(2020, 1, 1)))
    assert retrieval.as_of == dt.date(2020, 1, 1)
    assert [f.version_id for f in retrieval.found] == ["old"]


def test_both_versions_for_a_comparison(retriever: Retriever):
    retrieval = run(retriever, "学员纪律处分条例第三条新旧对比")
    assert [f.version_id for f in retrieval.found] == ["new", "old"]


def test_an_article_only_an_old_version_has_is_given_and_marked(retriever: Retriever):
    (found,) = run(retriever, "学员纪律处分条例第四条").found
    assert (found.version_id, found.outdated, found.status) == ("old", True, VersionStatus.AMENDED)


def test_a_named_law_out_of_force_answers_with_its_last_version(retriever: Retriever):
    retrieval = run(retriever, "旧宿舍条例规定几点熄灯")
    assert retrieval.hits[0].passage.version_id == "gone"


def test_a_law_not_yet_in_force_is_given_when_named_only(retriever: Retriever):
    (found,) = run(retriever, "图书馆规定第一条").found
    assert (found.version_id, found.status) == ("coming", VersionStatus.NOT_YET)


def test_passages_of_the_law_that_is_named_come_first(retriever: Retriever):
    assert run(retriever, "食堂规定说赌博怎么了").hits[0].passage.version_id == "amended"


def test_filters_bind_exact_articles_too(retriever: Retriever):
    retrieval = run(retriever, "学员纪律处分条例第三条", Filters(categories=frozenset({"政治"})))
    assert retrieval.found == ()
    assert versions(retrieval) == {"talk"}
    assert versions(run(retriever, "赌博", Filters(doc_ids=frozenset({"食堂规定"})))) == {"amended"}


def test_filters_that_fit_nothing_find_nothing(retriever: Retriever):
    assert run(retriever, "赌博", Filters(categories=frozenset({"没有"}))).hits == ()


def test_the_same_text_is_shown_once_from_the_statute(retriever: Retriever):
    retrieval = run(retriever, "尊敬教员爱护公物")
    shared = [hit.passage for hit in retrieval.hits if SHARED in hit.passage.text]
    assert [p.version_id for p in shared] == ["new", "talk"]  # 第一条 in front makes the texts differ
    both = run(retriever, "尊敬教员爱护公物", Filters(include_inactive=True))
    shared = [hit.passage for hit in both.hits if SHARED in hit.passage.text]
    assert [p.version_id for p in shared] == ["new", "talk"]
    assert [p.version_id for p in both.duplicates[shared[0].passage_id]] == ["old"]


def test_parts_of_one_article_are_limited():
    version = statute("冗长规定")
    parts = [f"（{n}）训练服装应当整齐统一第{n}种。" for n in range(9)]
    other = statute("另一规定")
    texts = snapshot((version, articles_of(version, {1: parts})), (other, articles_of(other, {1: "服装自备。"})))
    retriever = Retriever(texts, HashEncoder(), Settings())
    hits = retriever.retrieve(understand("训练服装整齐统一", texts.articles, TODAY), Filters(), 20, today=TODAY).hits
    assert sum(hit.passage.doc_id == "冗长规定" for hit in hits) == 3
    assert any(hit.passage.doc_id == "另一规定" for hit in hits)


def test_scores_fall_and_explain_themselves(retriever: Retriever):
    hits = run(retriever, "学员纪律处分条例第三条赌博").hits
    assert all(a.score >= b.score for a, b in pairwise(hits))
    assert all(hit.dense is not None or hit.sparse is not None for hit in hits)
    assert all(hit.sparse is None or hit.sparse > 0 for hit in hits)


def test_the_same_question_gives_the_same_hits(retriever: Retriever):
    first, second = (run(retriever, "赌博怎么处理").hits for _ in range(2))
    assert first == second


def test_a_question_without_words_is_no_error(retriever: Retriever):
    assert isinstance(run(retriever, "？？").hits, tuple)


def test_latency_is_measured(retriever: Retriever):
    latency = run(retriever, "赌博怎么处理").latency
    assert latency.total >= latency.encode + latency.dense + latency.sparse + latency.fuse
    assert min(latency.encode, latency.dense, latency.sparse, latency.fuse) >= 0


def test_a_batch_encodes_once_and_gives_what_single_questions_give(retriever: Retriever, encoder: HashEncoder):
    questions = ["赌博怎么处理", "学员纪律处分条例第二条", "2012年版学员纪律处分条例第三条", "食堂"]
    batch = retriever.retrieve_many(questions, 5, today=TODAY)
    assert len(encoder.encoded) == 1
    assert [len(hits) for hits in batch] == [5, 5, 5, 5]
    for question, hits in zip(questions, batch, strict=True):
        single = retriever.retrieve(ask(question), Filters(include_inactive=True), 5, today=TODAY)
        assert hits[0].passage == single.hits[0].passage


def test_a_batch_sees_all_versions_but_puts_the_one_in_force_first(retriever: Retriever):
    (hits,) = retriever.retrieve_many(["学员纪律处分条例第三条"], 20, today=TODAY)
    assert [h.passage.version_id for h in hits if h.exact] == ["new", "old"]


def test_a_batch_puts_each_question_with_its_turns_and_its_day(retriever: Retriever):
    turns = (Turn("学员纪律处分条例第三条怎么规定", "聚众打牌押注的，没收赌具。"),)
    contexts = [QuestionContext(), QuestionContext(turns), QuestionContext(as_of=dt.date(2015, 1, 1))]
    questions = ["赌博怎么处理", "那第二条呢？", "学员纪律处分条例第三条"]
    alone, follow_up, of_a_day = retriever.retrieve_many(questions, 20, contexts=contexts, today=TODAY)
    assert alone == retriever.retrieve_many(questions[:1], 20, today=TODAY)[0]
    assert [h.passage.text for h in follow_up if h.exact and h.passage.version_id == "new"] == [
        f"第二条 {LONG[0]}",
        *LONG[1:],
    ]
    assert [h.passage.version_id for h in of_a_day if h.exact] == ["old"]
    assert "new" not in {h.passage.version_id for h in of_a_day}
    with pytest.raises(ValueError, match="zip"):
        retriever.retrieve_many(questions, 5, contexts=contexts[:1], today=TODAY)


def test_an_empty_batch(retriever: Retriever):
    assert retriever.retrieve_many([], 5) == []


def test_an_empty_library():
    empty = snapshot()
    retriever = Retriever(empty, HashEncoder(), Settings())
    assert retriever.retrieve(understand("赌博", empty.articles, TODAY), Filters(), 5).hits == ()
    assert retriever.retrieve_many(["赌博"], 5) == [()]


def test_a_passage_with_the_words_of_the_question_is_found(retriever: Retriever):
    retrieval = run(retriever, "赌博败坏风气", k=5)
    assert retrieval.hits[0].passage.version_id == "talk"
    assert versions(retrieval) <= {"new", "amended", "talk"}


def test_langchain_gets_documents(retriever: Retriever):
    pytest.importorskip("langchain_core")
    from study_bot.retrieval.langchain_retriever import StudyRetriever

    documents = StudyRetriever(retriever=retriever, k=4).invoke("学员纪律处分条例第三条")
    assert documents[0].page_content == f"第三条 {GAMBLING}"
    assert documents[0].metadata["exact"] is True
    assert documents[0].metadata["title"] == NEW.title
    assert len(documents) == 4
    assert np.isfinite([d.metadata["score"] for d in documents]).all()
