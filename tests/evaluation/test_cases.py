"""Evidence in whatever library it is looked up in, sets judged by it, and cases collected from use."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DatasetError
from study_bot.evaluation.case_collection import Case, add_cases, case_from, merged, planned
from study_bot.evaluation.case_tables import MAX_BYTES, read_case_table
from study_bot.evaluation.cases import evidence_of, judged_dataset, resolved_qrels
from study_bot.evaluation.datasets import Query, read_qrels, read_queries
from study_bot.evaluation.evidence import Evidence, evidence_from, resolve
from study_bot.types import ArticleNumber, DocumentKind, Locator, Passage, PassageKind, Version, VersionStatus

WORDS = st.text(alphabet="值班人员应当登记。\n 　12AＢ（）", min_size=1, max_size=80)


@dataclass(frozen=True)
class Shelf:
    versions: Sequence[Version]
    passages: Sequence[Passage]


def version(
    version_id: str,
    title: str = "云岭值班管理办法",
    *,
    year: int | None = None,
    status: VersionStatus = VersionStatus.UNKNOWN,
    aliases: tuple[str, ...] = (),
) -> Version:
    return Version(
        version_id=version_id,
        doc_id="d-" + title,
        title=title,
        kind=DocumentKind.STATUTE,
        path="a.txt",
        format="txt",
        content_hash=version_id,
        aliases=aliases,
        promulgated=dt.date(year, 3, 1) if year else None,
        status=status,
    )


def cut(
    version_id: str, text: str, *ends: int, article: ArticleNumber | None = None, kind: PassageKind = PassageKind.PROSE
) -> list[Passage]:
    """`text` cut before each of `ends`; ids say where a passage begins."""
    starts = [0, *ends]
    return [
        Passage(f"{version_id}:{start}", version_id, "d", kind, text[start:end], start, end, "办法", Locator(), article)
        for start, end in zip(starts, [*ends, len(text)], strict=True)
    ]


def articles(version_id: str, *texts: str) -> list[Passage]:
    return [
        passage
        for number, text in enumerate(texts, start=1)
        for passage in cut(f"{version_id}", text, article=ArticleNumber(number), kind=PassageKind.ARTICLE)
    ]


TEXT = "值班员每日八时交接班。\n交接时应当清点装备，并在（交接）簿上签名。"
ONE = Shelf([version("v", aliases=("值班办法",))], cut("v", TEXT, 12))


@given(text=WORDS, data=st.data())
def test_a_quote_is_found_however_the_text_is_cut(text: str, data: st.DataObject) -> None:
    """The passages found are just those that a quote of no white space at its ends lies in."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = text[start:end]
    if not quote.strip() or text.count(quote) > 1:
        return
    ends = sorted(data.draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=6)) - {len(text)})
    passages = cut("v", text, *ends)
    found = resolve(Evidence("云岭值班管理办法", quote), Shelf([version("v")], passages)).document_ids
    first, last = start + len(quote) - len(quote.lstrip()), start + len(quote.rstrip())
    touched = {p.passage_id for p in passages if p.start < last and p.end > first}
    assert touched <= set(found)
    folded = "".join(text.split()).replace("Ｂ", "B").lower()
    if folded.count("".join(quote.split()).replace("Ｂ", "B").lower()) == 1:
        assert touched == set(found)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("每日八时交接班", ("v:0",)),
        ("清点装备", ("v:12",)),
        ("交接班。交接时应当", ("v:0", "v:12")),
        ("交接班。\n\n  交接 时应当", ("v:0", "v:12")),
        ("(交接)簿", ("v:12",)),
        ("交接", ("v:0", "v:12")),
    ],
)
def test_quotes_are_compared_without_white_space_and_width(quote: str, found: tuple[str, ...]) -> None:
    assert resolve(Evidence("云岭值班管理办法", quote), ONE).document_ids == found


def test_a_quote_in_overlapping_passages_is_found_in_each_that_holds_it_whole() -> None:
    first, second = cut("v", TEXT, 12)
    longer = Passage("v:5", "v", "d", PassageKind.PROSE, TEXT[5:20], 5, 20, "办法", Locator())
    shelf = Shelf([version("v")], [first, longer, second])
    assert resolve(Evidence("云岭值班管理办法", "交接班。交接时"), shelf).document_ids == ("v:5",)
    assert resolve(Evidence("云岭值班管理办法", "八时交接班"), shelf).document_ids == ("v:0", "v:5")


@pytest.mark.parametrize(
    "title", ["云岭值班管理办法", "《云岭值班管理办法》", "值班办法", "云岭值班管理办法（2024年修订）"]
)
def test_documents_are_known_by_their_names(title: str) -> None:
    assert resolve(Evidence(title, "清点装备"), ONE).document_ids == ("v:12",)


def test_articles_are_found_whole_or_by_their_words() -> None:
    long = cut("v", "第二条 甲。乙。", 6, article=ArticleNumber(2))
    shelf = Shelf([version("v")], [*cut("v", "第一条 乙。", article=ArticleNumber(1)), *long])
    assert resolve(Evidence("云岭值班管理办法", article=ArticleNumber(2)), shelf).document_ids == ("v:0", "v:6")
    assert resolve(Evidence("云岭值班管理办法", "乙", ArticleNumber(2)), shelf).document_ids == ("v:6",)


OLD = version("old", year=2022, status=VersionStatus.REPEALED)
NEW = version("new", year=2025, status=VersionStatus.IN_FORCE)
BOTH = Shelf([OLD, NEW], [*articles("old", "三十日以内补课。旧话。"), *articles("new", "十五日以内补课。")])


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        (Evidence("云岭值班管理办法", article=ArticleNumber(1)), ("new:0",)),
        (Evidence("云岭值班管理办法", "以内补课"), ("new:0",)),
        (Evidence("云岭值班管理办法", "旧话"), ("old:0",)),
        (Evidence("云岭值班管理办法", "以内补课", version=2022), ("old:0",)),
        (Evidence("云岭值班管理办法", "十五日", version=2025), ("new:0",)),
    ],
)
def test_the_version_in_force_is_meant_unless_a_year_is_given(evidence: Evidence, found: tuple[str, ...]) -> None:
    assert resolve(evidence, BOTH).document_ids == found


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence("没有的办法", "甲"), ["库中没有《没有的办法》"]),
        (Evidence("云岭值班管理办法", "十五日", version=2019), ["没有2019年的版本", "2022、2025"]),
        (Evidence("云岭值班管理办法", article=ArticleNumber(9)), ["第九条不存在"]),
        (Evidence("云岭值班管理办法", "十五日", version=2022), ["（2022）", "没有这段原文", "十五日"]),
    ],
)
def test_what_is_missing_is_said(evidence: Evidence, words: list[str]) -> None:
    resolution = resolve(evidence, BOTH)
    assert resolution.document_ids == ()
    assert [word for word in words if word not in resolution.wrong] == []


def test_rows_of_a_corpus_file_are_named_by_their_document() -> None:
    row = Passage("r1#0", "r1", "r1", PassageKind.ROW, "甲乙丙", 0, 3, "规则", Locator())
    assert resolve(Evidence("规则", "乙"), Shelf([version("r1", "规则")], [row])).document_ids == ("r1",)


@pytest.mark.parametrize("article", ["第十二条", "12", "第12条", "十二", "12条", "第十二条第一款"])
def test_articles_are_read_in_any_spelling(article: str) -> None:
    read = evidence_from({"title": "办法", "article": article, "version": "2025年修订"}, "这里")
    assert read == Evidence("办法", "", ArticleNumber(12), 2025)
    assert read.corpus_id == "办法@2025#第十二条"


@given(
    st.text(min_size=1).filter(str.strip),
    st.text(),
    st.none() | st.builds(ArticleNumber, st.integers(1, 99)),
    st.none(),
)
def test_evidence_is_read_as_it_was_written(
    title: str, quote: str, article: ArticleNumber | None, year: int | None
) -> None:
    evidence = Evidence(title.strip(), quote.strip(), article or ArticleNumber(1, 2), year)
    assert evidence_from(evidence.as_record(), "这里") == evidence
    assert len(evidence.corpus_id.split()) == 1


@pytest.mark.parametrize(
    "record",
    [
        "文献",
        {"quote": "甲"},
        {"title": "办法"},
        {"title": "办法", "quote": " \n"},
        {"title": "办法", "article": "开头那条"},
        {"title": "办法", "article": "第一条、第二条"},
        {"title": "办法", "quote": "甲", "version": "去年"},
        {"title": ["办法"], "quote": "甲"},
    ],
)
def test_evidence_that_names_nothing_is_refused(record: object) -> None:
    with pytest.raises(DatasetError, match="这里"):
        evidence_from(record, "这里")


def question(query_id: str, *evidence: Evidence, **metadata: object) -> Query:
    records = [item.as_record() for item in evidence]
    return Query(query_id, f"问{query_id}？", {"evidence": records, **metadata} if records else metadata)


def write_set(folder: Path, queries: Sequence[Query], **splits: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    lines = [
        json.dumps({"_id": query.query_id, "text": query.text, "metadata": query.metadata}, ensure_ascii=False)
        for query in queries
    ]
    (folder / "queries.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, rows in splits.items():
        (folder / "qrels" / f"{name}.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows, encoding="utf-8")
    return folder


FOUND = Evidence("云岭值班管理办法", "十五日", ArticleNumber(1))
LOST = Evidence("云岭值班管理办法", "四十日")


def test_questions_that_lost_their_evidence_are_listed() -> None:
    resolved = resolved_qrels([question("q1", FOUND), question("q2", FOUND, LOST), question("q3", LOST)], BOTH)
    assert resolved.qrels == {"q1": {"new:0": 1}, "q2": {"new:0": 1}}
    assert [(lost.query_id, lost.left) for lost in resolved.unresolved] == [("q2", 1), ("q3", 0)]
    assert "请更新这道题的依据" in resolved.unresolved[1].message
    assert "四十日" in resolved.unresolved[1].message


def test_grades_come_from_the_judgements() -> None:
    grades = {"q1": {FOUND.corpus_id: 3}}
    assert resolved_qrels([question("q1", FOUND)], BOTH, grades).qrels == {"q1": {"new:0": 3}}


def test_a_split_is_what_its_file_judges_and_what_says_so(tmp_path: Path) -> None:
    queries = [
        question("q1", FOUND),
        question("q2", FOUND, split="dev"),
        question("q3", FOUND, split="test"),
        question("q4", LOST, split="dev"),
        question("q5"),
        question("q6", refuse=True, split="dev"),
    ]
    folder = write_set(tmp_path / "set", queries, dev=f"q1\t{FOUND.corpus_id}\t2\nq5\told:0\t1\n")
    told: list[str] = []
    data = judged_dataset(folder, "dev", BOTH, told.append)
    assert [query.query_id for query in data.queries] == ["q1", "q2", "q5"]
    assert data.qrels == {"q1": {"new:0": 2}, "q2": {"new:0": 1}, "q5": {"old:0": 1}}
    assert (data.name, data.split) == ("set", "dev")
    assert len(told) == 1
    assert told[0].startswith("q4（问q4？）")
    assert [query.query_id for query in judged_dataset(folder, "test", BOTH).queries] == ["q3"]


def test_a_set_without_evidence_is_read_as_it_is(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", [question("q1"), question("q2")], dev="q1\tx7\t1\n")
    assert judged_dataset(folder, "dev", BOTH).qrels == {"q1": {"x7": 1}}
    with pytest.raises(DatasetError, match="test"):
        judged_dataset(folder, "test", BOTH)
    with pytest.raises(DatasetError, match="没有找到"):
        judged_dataset(tmp_path / "none", "dev", BOTH)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("q9\tx\t1\n", "q9"),
        ("q1\t云岭值班管理办法#第二条\t1\n", "第二条"),
    ],
)
def test_judgements_that_fit_no_question_are_refused(tmp_path: Path, rows: str, words: str) -> None:
    folder = write_set(tmp_path / "set", [question("q1", FOUND)], dev=rows)
    with pytest.raises(DatasetError, match=words):
        judged_dataset(folder, "dev", BOTH)


def test_a_split_of_nothing_and_the_wrong_library_are_refused(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", [question("q1", LOST, split="dev")])
    with pytest.raises(DatasetError, match="--split"):
        judged_dataset(folder, "train", BOTH)
    with pytest.raises(DatasetError, match="--index"):
        judged_dataset(folder, "dev", BOTH)


CASE = case_from(question="几日内补课？", title="云岭值班管理办法", article="第一条", quote="十五日")
REFUSAL = case_from(question="奖金多少", refuse=True, reason="没有写奖金")


def test_cases_are_added_to_a_new_set_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "使用 反馈"
    done = add_cases(folder, [CASE, REFUSAL], "dev")
    assert done.added == (CASE, REFUSAL)
    first, second = read_queries(folder / "queries.jsonl")
    assert (first.text, evidence_of(first), first.metadata["category"]) == ("几日内补课？", CASE.evidence, "feedback")
    assert (second.metadata["refuse"], second.metadata["reason"]) == (True, "没有写奖金")
    assert read_qrels(folder / "qrels" / "dev.tsv") == {CASE.case_id: {CASE.evidence[0].corpus_id: 1}}
    assert judged_dataset(folder, "dev", BOTH).qrels == {CASE.case_id: {"new:0": 1}}
    assert sorted(path.name for path in folder.rglob("*")) == ["dev.tsv", "qrels", "queries.jsonl"]


def test_lines_of_a_set_stay_as_they_are(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", [question("q1", FOUND)], dev=f"q1\t{FOUND.corpus_id}\t1")
    (folder / "queries.jsonl").write_bytes(before := b'{"_id":"q1",  "text":"\\u95ee", "x":1}\r\n')
    add_cases(folder, [CASE], "dev")
    assert (folder / "queries.jsonl").read_bytes().startswith(before)
    assert list(read_qrels(folder / "qrels" / "dev.tsv")) == ["q1", CASE.case_id]


def test_a_case_is_not_added_twice(tmp_path: Path) -> None:
    add_cases(tmp_path, [CASE], "dev")
    before = (tmp_path / "queries.jsonl").read_bytes()
    again = case_from(question=" 几日内 补课? ", title="云岭值班管理办法", article="1", quote="十五日")
    assert add_cases(tmp_path, [again], "dev").present == (again,)
    other = case_from(question="几日内补课", refuse=True)
    assert [case for case, _ in planned(tmp_path, [other, REFUSAL]).clashing] == [other]
    with pytest.raises(DatasetError, match="依据不同"):
        add_cases(tmp_path, [REFUSAL, other], "dev")
    assert (tmp_path / "queries.jsonl").read_bytes() == before


def test_rows_of_one_question_give_one_case() -> None:
    more = case_from(question="几日内补课", title="云岭值班管理办法", quote="旧话")
    (case,) = merged([CASE, more, CASE])
    assert case.evidence == (*CASE.evidence, *more.evidence)
    with pytest.raises(DatasetError, match="请统一"):
        merged([CASE, case_from(question="几日内补课", refuse=True)])


@pytest.mark.parametrize("split", ["", "../dev", "a/b", "dev.tsv", "-_"])
def test_a_split_is_a_plain_name(tmp_path: Path, split: str) -> None:
    with pytest.raises(DatasetError, match="分组名"):
        add_cases(tmp_path, [CASE], split)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"question": " \u200b"}, "没有写问题"),
        ({"question": "问"}, "应拒答"),
        ({"question": "问", "title": "办法"}, "条号或者原文"),
        ({"question": "问", "quote": "甲"}, "文献名称"),
        ({"question": "问", "title": "办法", "quote": "甲", "refuse": True}, "二者选一"),
        ({"question": "问" * 2001, "refuse": True}, "2001 字"),
        ({"question": "问\ud800", "refuse": True}, "无法识别"),
    ],
)
def test_a_case_must_say_what_is_right(values: dict, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        case_from(**values)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_text_a_case_has_it_is_one_line_of_each_file(question: str, title: str, quote: str) -> None:
    try:
        case = case_from(question=question, title=title, quote=quote)
    except DatasetError:
        return
    for text in (case.question, case.evidence[0].corpus_id):
        assert len(text.splitlines()) == 1
        assert "\t" not in text


HEADER = "问题,文献,条,原文,应拒答\n"


def table(folder: Path, content: str | bytes, name: str = "反馈.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8-sig"))
    return path


def test_a_table_gives_cases_by_row(tmp_path: Path) -> None:
    rows = HEADER + '几日内补课？,云岭值班管理办法,第一条,"十五\n日",\n,,,,\n奖金多少,,,,是\n'
    read = read_case_table(table(tmp_path, rows))
    assert read.errors == ()
    assert [row for row, _ in read.cases] == [2, 4]
    assert read.cases[0][1].evidence == (Evidence("云岭值班管理办法", "十五 日", ArticleNumber(1)),)
    assert read.cases[1][1] == Case("奖金多少", refuse=True)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_of_other_spreadsheets_are_read(tmp_path: Path, delimiter: str) -> None:
    text = (HEADER + "奖金多少,,,,是\n").replace(",", delimiter).replace("\n", "\r\n")
    assert [case for _, case in read_case_table(table(tmp_path, text.encode("gb18030"))).cases] == [
        Case("奖金多少", refuse=True)
    ]


def test_mistakes_are_told_by_row(tmp_path: Path) -> None:
    rows = [
        "奖金多少,,,,是",
        "问,,,,",
        "问,办法,,,是",
        "问,办法,开头,,",
        "问,,,,也许",
        ",办法,1,,",
        "问,办法,1,,,多",
        "奖金多少？,办法,1,,否",
        '问,"办法,1,,',
    ]
    read = read_case_table(table(tmp_path, HEADER + "\n".join(rows)))
    assert [row for row, _ in read.cases] == [2]
    assert [error.row for error in read.errors] == list(range(3, 11))
    words = ["应拒答", "二者选一", "条号", "也许", "没有写问题", "格数", "第 2 行", "引号"]
    assert [word for word, error in zip(words, read.errors, strict=True) if word not in error.message] == []


def test_json_lines_are_read_with_names_of_either_language(tmp_path: Path) -> None:
    lines = [
        '{"问题": "几日内补课", "文献": "办法", "条": 12, "应拒答": false}',
        "",
        '{"question": "奖金", "refuse": true, "account": "x"}',
        "{",
        "[1]",
        '{"问题": {"a": 1}}',
    ]
    read = read_case_table(table(tmp_path, "\n".join(lines), "a.jsonl"))
    assert [(row, case.refuse) for row, case in read.cases] == [(1, False), (3, True)]
    assert [error.row for error in read.errors] == [4, 5, 6]
    assert read.ignored == ("account",)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("文献,条\n办法,1\n", "a.csv", "表头"),
        ("\n\n", "a.csv", "空"),
        (b"\xff\xff\xff", "a.csv", "UTF-8"),
        ("x", "a.xlsx", "另存为"),
        (b" " * (MAX_BYTES + 1), "a.csv", "MB"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, content: str | bytes, name: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read_case_table(table(tmp_path, content, name))
    with pytest.raises(DatasetError, match="没有找到"):
        read_case_table(tmp_path / "none.csv")
