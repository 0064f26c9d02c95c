"""Questions to the starter library, through the services, with an encoder that needs no model."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.answering.answerer import DOUBTFUL
from study_bot.answering.confidence import GATE_FILE, GateModels, load_gate
from study_bot.answering.events import AnswerReady, HitsEvent, StageEvent, StatementEvent
from study_bot.answering.learned import packaged
from study_bot.answering.reader import READER_FILE
from study_bot.errors import LearnedFileError, NoIndexError, QuestionError
from study_bot.index.store import SnapshotStore
from study_bot.services import Services
from study_bot.settings import Settings
from study_bot.types import Answer, Filters, RefusalReason, Turn
from tests.answering.samples import reader_of
from tests.index.builder_fakes import FakeEncoder
from tests.support import PROJECT_ROOT

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    index_dir = tmp_path_factory.mktemp("index")
    # What is quoted is looked at apart from the gate, which is fitted to better vectors than the hashed ones used here.
    services = services_over(index_dir, refuse_below=0.0)
    services.build([PROJECT_ROOT / "corpus"])
    return services


def services_over(index_dir: Path, **settings: object) -> Services:
    return Services(
        Settings(index_dir=index_dir, **settings),  # type: ignore[arg-type]
        SnapshotStore(index_dir),
        FakeEncoder,
        today=lambda: TODAY,
    )


@pytest.fixture(scope="module")
def calibrated(services: Services) -> Services:
    """The same library behind the gate as it ships."""
    return services_over(services.settings.index_dir)


def holds_true(services: Services, answer: Answer) -> None:
    """Every quote is exactly the text at its place, and every statement but headings consists of quotes."""
    quotes = {c.n: c.quote for c in answer.citations}
    for citation in answer.citations:
        text = services.document(citation.version_id).text.text
        assert text[citation.start : citation.end] == citation.quote
    for statement in answer.statements:
        if not statement.connective:
            assert statement.text == "".join(quotes[n] for n in statement.citations)


def test_an_article_named_is_given_verbatim_and_first(services: Services) -> None:
    answer = services.answer("学习管理规定第三十六条之一讲什么？")
    assert not answer.refused
    assert answer.confidence == 1.0
    assert answer.statements[0].text == "《江临市公安局学习管理规定》第三十六条之一："
    assert answer.citations[0].quote.startswith("第三十六条之一 ")
    assert answer.hits[0].exact
    holds_true(services, answer)


@pytest.mark.parametrize("spelling", ["学习管理规定第10条", "《学习管理规定》第 十 条是什么", "学习规定10条"])
def test_spellings_of_one_article(services: Services, spelling: str) -> None:
    answer = services.answer(spelling)
    assert answer.citations[0].quote.startswith("第十条 教育训练处")


def test_a_part_of_an_article_comes_with_what_it_hangs_from(services: Services) -> None:
    answer = services.answer("学习管理规定第十条第三项")
    quotes = [c.quote for c in answer.citations]
    assert quotes[0].endswith("履行下列职责：")
    assert quotes[1].startswith("（三）")
    missing = services.answer("学习管理规定第十条第九项")
    assert any("没有" in notice for notice in missing.notices)
    holds_true(services, answer)


def test_old_versions_are_found_when_asked_for_and_labelled(services: Services) -> None:
    now = services.answer("学习管理规定第十条")
    old = services.answer("学习管理规定2022年版第十条")
    assert now.citations[0].version_id != old.citations[0].version_id
    assert "已废止" in old.statements[0].text
    assert any("自2025年11月1日起不再适用" in notice for notice in old.notices)
    assert not now.notices
    then = services.answer("学习管理规定第十条", filters=Filters(as_of=dt.date(2024, 5, 1)))
    assert then.citations[0].version_id == old.citations[0].version_id
    assert any("此后规定有变化" in notice for notice in then.notices)


def test_a_list_in_a_workbook_is_given_whole(services: Services) -> None:
    answer = services.answer("35项必学内容有哪些？")
    assert len([s for s in answer.statements if not s.connective]) == 35
    assert [s.text[:5] for s in answer.statements[1:4]] == ["序号：1；", "序号：2；", "序号：3；"]
    holds_true(services, answer)


def test_the_rows_of_a_table_that_are_asked_for(calibrated: Services) -> None:
    answer = calibrated.answer("35项必学内容里专家课堂的有哪些？")
    rows = [s.text for s in answer.statements if not s.connective]
    assert 0 < len(rows) < 35 and all("课堂：专家课堂" in row for row in rows)
    holds_true(calibrated, answer)


def test_a_chapter_answers_for_its_own_text_only(services: Services) -> None:
    own = services.answer("学习测试与补课办法中命题和试卷有哪些规定？")
    assert own.confidence == 1.0 and {c.title for c in own.citations} == {"江临市公安局学习测试与补课办法"}
    assert services.answer("海商法中命题和试卷有哪些规定？").refused
    other = services.answer("学习管理规定中命题和试卷有哪些规定？")
    assert other.confidence < 1.0


def test_since_when_a_rule_holds_is_told_by_its_closing_article(calibrated: Services) -> None:
    answer = calibrated.answer("学习管理规定从哪天起施行？")
    assert answer.confidence == 1.0
    assert "2025年11月1日起施行" in answer.citations[0].quote
    old = calibrated.answer("2022年版学习管理规定什么时候施行的")
    assert "2022年5月1日起施行" in old.citations[0].quote and old.notices
    holds_true(calibrated, answer)


def test_a_list_of_what_is_asked_for_is_given_whole(services: Services) -> None:
    answer = services.answer("学习管理规定中教育训练处承担哪些日常组织工作的职责？")
    whole = services.answer("学习管理规定第十条").citations[0].quote
    assert whole.count("\n") == 5
    assert whole in [citation.quote for citation in answer.citations]
    holds_true(services, answer)


def test_follow_ups_lean_on_the_conversation(services: Services) -> None:
    turn = Turn("学习管理规定第九条讲什么？", "……")
    answer = services.answer("那第十条呢？", conversation=[turn])
    assert answer.citations[0].quote.startswith("第十条 ")


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("学习管理规定第六十三条讲什么？", RefusalReason.ARTICLE_NOT_FOUND),
        ("刑法第二百三十四条怎么规定？", RefusalReason.LAW_NOT_FOUND),
        ("第四十三条讲什么？", RefusalReason.UNCLEAR),
        ("2031年的必学内容是什么？", RefusalReason.NOT_IN_LIBRARY),
    ],
)
def test_refusals_say_why(services: Services, question: str, reason: RefusalReason) -> None:
    answer = services.answer(question)
    assert answer.refused
    assert answer.reason is reason
    assert answer.message
    assert not answer.citations


@pytest.mark.parametrize(
    "question", ["怎样种好番茄？", "红烧肉怎么做好吃？", "世界杯冠军是哪个国家？", "鲸鱼怎样睡眠？"]
)
def test_what_the_library_is_not_about_is_refused_with_the_nearest_passages(
    calibrated: Services, question: str
) -> None:
    answer = calibrated.answer(question)
    assert answer.reason is RefusalReason.NOT_IN_LIBRARY
    assert answer.confidence < calibrated.refusal_threshold()
    assert answer.hits
    assert not answer.citations


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("补考仍不合格的，参加多少学时的集中辅导？", "不少于八学时的集中辅导"),
        ("法律法规修订后，教育训练处应当自新文本公布之日起几个工作日以内更新学习资料库？", "十个工作日以内"),
        ("学员每年学习不少于多少学时？", "九十学时"),
    ],
)
def test_what_is_asked_in_the_words_of_the_text_is_answered(calibrated: Services, question: str, words: str) -> None:
    answer = calibrated.answer(question)
    assert not answer.refused
    assert answer.confidence >= calibrated.refusal_threshold()
    assert any(words in citation.quote for citation in answer.citations)
    holds_true(calibrated, answer)


def test_the_sites_threshold_goes_before_that_of_the_gate(services: Services, calibrated: Services) -> None:
    assert calibrated.refusal_threshold() == load_gate(packaged(GATE_FILE)).lexical.threshold
    assert services.refusal_threshold() == 0.0
    strict = services_over(services.settings.index_dir, refuse_below=1.0)
    assert strict.refusal_threshold() == 1.0
    question = "补考仍不合格的，参加多少学时的集中辅导？"
    assert [own.answer(question).refused for own in (services, calibrated, strict)] == [False, False, True]
    assert not services.answer("怎样种好番茄？").refused
    assert not strict.answer("学习管理规定第十条").refused  # an article named is looked up, not weighed


def test_a_doubtful_answer_says_so(services: Services) -> None:
    doubtful = services.answer("怎样种好番茄？")
    assert DOUBTFUL in doubtful.notices
    assert doubtful.notices.count(DOUBTFUL) == 1
    assert DOUBTFUL not in services.answer("补考仍不合格的，参加多少学时的集中辅导？").notices
    assert DOUBTFUL not in services.answer("学习管理规定第十条").notices


def test_the_sites_own_reader_and_gate_are_used(services: Services, tmp_path: Path) -> None:
    shipped = load_gate(packaged(GATE_FILE))
    own = GateModels("another model", shipped.full, replace(shipped.lexical, threshold=0.0, caution=0.0, bias=-1e3))
    (tmp_path / GATE_FILE).write_text(own.to_json(), "utf-8")
    (tmp_path / READER_FILE).write_text(reader_of(price=10.0, length=-1e3).to_json(), "utf-8")
    answer = services_over(services.settings.index_dir, learned_dir=tmp_path).answer("自习和集中学习是什么意思？")
    assert not answer.refused
    assert answer.confidence < 1e-9
    assert DOUBTFUL not in answer.notices
    assert len(answer.citations) == 1
    (tmp_path / READER_FILE).write_text("{}", "utf-8")
    with pytest.raises(LearnedFileError, match="study-bot train reader"):
        services_over(services.settings.index_dir, learned_dir=tmp_path).answer("补考几次？")


def test_events_come_in_order_and_end_with_the_answer(services: Services) -> None:
    events = list(services.ask("学习管理规定第九条"))
    stages = [e.stage for e in events if isinstance(e, StageEvent)]
    assert stages == ["understanding", "retrieving", "answering"]
    assert any(isinstance(e, HitsEvent) for e in events)
    ready = events[-1]
    assert isinstance(ready, AnswerReady)
    assert [e.statement for e in events if isinstance(e, StatementEvent)] == list(ready.answer.statements)
    assert ready.answer.latency.total >= ready.answer.latency.retrieve >= ready.answer.latency.encode > 0


@pytest.mark.parametrize("question", ["", "  \u3000\n", "问" * 3000])
def test_unusable_questions_are_named(services: Services, question: str) -> None:
    with pytest.raises(QuestionError):
        services.answer(question)


@pytest.mark.parametrize(
    "question",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE x; --",
        "第条第款",
        "？？？",
        "\x00\u202e第十条",
        "条" * 500,
        "第九千九百九十九条之九十九",
    ],
)
def test_odd_questions_do_no_harm(services: Services, question: str) -> None:
    answer = services.answer(question)
    holds_true(services, answer)


def test_status_library_and_examples(services: Services) -> None:
    status = services.status()
    assert status.ready
    assert status.files == len(services.library()) >= 12
    examples = services.examples()
    assert 3 <= len(examples) <= 6
    for question in examples:
        assert not services.answer(question).refused


def test_filters_limit_what_is_found(services: Services) -> None:
    category = next(v.category for v in services.library() if v.category and v.category.startswith("红色"))
    hits = services.search("民警", top_k=5, filters=Filters(categories=frozenset({category})))
    assert hits
    assert {services.snapshot().version(h.passage.version_id).category for h in hits} == {category}


def test_without_an_index_the_person_is_told_what_to_do(tmp_path: Path) -> None:
    services = Services(Settings(index_dir=tmp_path), SnapshotStore(tmp_path), FakeEncoder)
    assert not services.status().ready
    assert "更新索引" in (services.status().error or "")
    with pytest.raises(NoIndexError):
        services.answer("学习管理规定第九条")
    assert services.examples() == ()
