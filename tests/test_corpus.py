"""The starter library: enough documents and formats, all readable, the rules and the plan complete."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from study_bot.library.catalog import SIDECAR_NAME, describe, link_versions, read_sidecar
from study_bot.library.history import read_history
from study_bot.library.loaders import LoadLimits, load_file
from study_bot.library.tree import articles_of, walk
from study_bot.types import ArticleNumber, DocumentKind, LoadedFile, Section, SectionKind, Version, VersionStatus

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
FILES = sorted(p for p in CORPUS.rglob("*") if p.is_file() and p.name != SIDECAR_NAME)

RULES = "规章制度/江临市公安局学习管理规定（2025年修订）.docx"
OLD_RULES = "规章制度/江临市公安局学习管理规定（2022年）.pdf"
MAKE_UP = "规章制度/江临市公安局学习测试与补课办法.md"
PUSH = "规章制度/江临市公安局每日学习推送工作细则.txt"
PLAN = "规章制度/35项必学内容及每日学习计划.xlsx"
NOTICE = "规章制度/关于开展2026年秋季闭卷测试的通知.html"
DISCIPLINE = "廉政课堂/党的纪律学习要点.docx"
CONDUCT = "廉政课堂/中央八项规定精神学习提纲.pptx"
PROCEDURE = "专家课堂/行政案件办理程序要点.pdf"

CLASSROOMS = {"政治课堂", "红色课堂", "专家课堂", "廉政课堂", "云端课堂", "开放课堂", "实践课堂"}

MEGABYTE = 1_000_000


def relative(path: Path) -> str:
    return path.relative_to(CORPUS).as_posix()


@pytest.fixture(scope="module")
def loaded() -> dict[str, LoadedFile]:
    return {relative(path): load_file(path, LoadLimits()) for path in FILES}


def described(loaded: dict[str, LoadedFile], path: str) -> Version:
    return describe(path, loaded[path], content_hash(path))[0]


def content_hash(path: str) -> str:
    return hashlib.sha256((CORPUS / path).read_bytes()).hexdigest()


def tree(loaded: dict[str, LoadedFile], path: str) -> tuple[str, Section]:
    text = describe(path, loaded[path], content_hash(path))[1]
    return text.text, text.root


def article(loaded: dict[str, LoadedFile], path: str, number: int, insert: int = 0) -> tuple[str, Section]:
    text, root = tree(loaded, path)
    wanted = ArticleNumber(number, insert)
    section = next(s for s in articles_of(root) if s.article == wanted)
    return text[section.start : section.end], section


def kinds(section: Section) -> list[SectionKind]:
    return [child.kind for _, child in walk(section)]


def rows(file: LoadedFile, sheet: str) -> list[tuple[str, ...]]:
    return [block.cells for block in file.blocks if block.place.sheet == sheet and block.cells]


def test_there_are_enough_documents_and_formats() -> None:
    assert len(FILES) >= 12
    assert len({path.suffix for path in FILES}) >= 6


def test_every_classroom_has_a_folder_with_a_document() -> None:
    assert {path.relative_to(CORPUS).parts[0] for path in FILES} == CLASSROOMS | {"规章制度"}


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_no_file_is_large(path: Path) -> None:
    assert path.stat().st_size <= MEGABYTE


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_file_loads_with_text(path: Path, loaded: dict[str, LoadedFile]) -> None:
    file = loaded[relative(path)]
    assert sum(len(block.text) for block in file.blocks) > 600
    assert not file.warnings
    assert not file.ocr_pages


def test_documents_have_the_titles_people_would_expect(loaded: dict[str, LoadedFile]) -> None:
    titles = {described(loaded, relative(path)).title for path in FILES}
    assert {
        "江临市公安局学习管理规定",
        "江临市公安局学习测试与补课办法",
        "江临市公安局每日学习推送工作细则",
        "关于开展2026年秋季闭卷测试的通知",
        "江临市公安局2026年秋季35项必学内容及每日学习计划",
        "党的纪律学习要点",
        "治安管理处罚法学习笔记",
        "行政案件办理程序要点",
    } <= titles


def test_sidecar_offers_examples_and_names_only_files_that_exist() -> None:
    sidecar = read_sidecar(CORPUS)
    entries = sidecar.entries
    assert len(sidecar.examples) == 6
    assert entries
    assert [path for path in entries if not (CORPUS / path).is_file()] == []


@pytest.mark.parametrize(
    ("path", "last", "inserted"),
    [(RULES, 58, [ArticleNumber(36, 1)]), (OLD_RULES, 34, []), (MAKE_UP, 24, []), (PUSH, 17, [])],
)
def test_rules_have_every_article_in_order(
    loaded: dict[str, LoadedFile], path: str, last: int, inserted: list[ArticleNumber]
) -> None:
    numbers = [section.article for section in articles_of(tree(loaded, path)[1])]
    assert numbers == sorted([*(ArticleNumber(n) for n in range(1, last + 1)), *inserted])


def test_rules_have_chapters_parts_and_a_title_note(loaded: dict[str, LoadedFile]) -> None:
    text, root = tree(loaded, RULES)
    labels = [section.label for _, section in walk(root) if section.kind is SectionKind.CHAPTER]
    assert labels == ["第一章", "第二章", "第三章", "第四章", "第五章", "第六章", "第七章", "第八章"]
    chapter = next(s for _, s in walk(root) if s.label == "第三章")
    assert [child.label for child in chapter.children] == ["第一节", "第二节", "第三节"]
    note = next(section for _, section in walk(root) if section.kind is SectionKind.NOTE)
    assert "2025年9月26日局党委会议修订" in text[note.start : note.end]


def test_articles_have_clauses_and_items(loaded: dict[str, LoadedFile]) -> None:
    text, section = article(loaded, RULES, 9)
    assert "政治部" in text
    assert kinds(section).count(SectionKind.ITEM) == 5
    text, section = article(loaded, RULES, 36, 1)
    assert "执法办案的依据" in text
    assert kinds(section).count(SectionKind.CLAUSE) == 3


def test_versions_of_the_rules_are_told_apart(loaded: dict[str, LoadedFile]) -> None:
    """The old version is known to be repealed from the closing article of the new one alone."""
    pairs = [(describe(path, loaded[path], content_hash(path)), path) for path in (OLD_RULES, RULES)]
    repeals = {version.version_id: read_history(text, Path(path).stem).repeals for (version, text), path in pairs}
    today = dt.date(2026, 11, 22)
    old, new = link_versions([version for (version, _), _ in pairs], repeals, today)
    assert old.doc_id == new.doc_id
    assert (old.effective, old.repealed) == (dt.date(2022, 5, 1), dt.date(2025, 11, 1))
    assert (new.promulgated, new.effective) == (dt.date(2025, 9, 26), dt.date(2025, 11, 1))
    assert (old.status, new.status) == (VersionStatus.REPEALED, VersionStatus.IN_FORCE)


def test_versions_of_the_rules_differ_in_figures(loaded: dict[str, LoadedFile]) -> None:
    assert "五十六学时" in article(loaded, RULES, 26)[0]
    assert "四十学时" in article(loaded, OLD_RULES, 17)[0]
    assert "十五日" in article(loaded, RULES, 37)[0]
    assert "三十日" in article(loaded, OLD_RULES, 24)[0]


def test_front_matter_dates_a_document(loaded: dict[str, LoadedFile]) -> None:
    version = described(loaded, MAKE_UP)
    assert version.effective == dt.date(2025, 11, 1)
    assert version.category == "规章制度"


def test_plan_has_thirty_five_items_one_a_day(loaded: dict[str, LoadedFile]) -> None:
    items = rows(loaded[PLAN], "每日学习计划")
    assert len(items) == 35
    assert [row[0] for row in items] == [str(number) for number in range(1, 36)]
    days = [dt.date(2026, 11, 2) + dt.timedelta(days=n) for n in range(35)]
    assert [row[1] for row in items] == [f"{day.year}年{day.month}月{day.day}日" for day in days]
    assert {row[2] for row in items} == CLASSROOMS
    assert len(rows(loaded[PLAN], "补课安排")) == 5


def test_plan_rows_repeat_their_header(loaded: dict[str, LoadedFile]) -> None:
    row = next(b for b in loaded[PLAN].blocks if b.place.sheet == "每日学习计划" and b.cells[:1] == ("11",))
    assert "必学内容：" in row.text
    assert "责任部门：法制支队" in row.text


def test_notice_is_read_without_the_web_page_around_it(loaded: dict[str, LoadedFile]) -> None:
    text = "\n".join(block.text for block in loaded[NOTICE].blocks)
    assert "2026年12月11日" in text
    assert "考场：第四考场" in text
    for noise in ("食堂菜谱", "警务要闻", "网站地图"):
        assert noise not in text


def test_automatic_numbering_is_written_out(loaded: dict[str, LoadedFile]) -> None:
    lines = [block.text for block in loaded[DISCIPLINE].blocks]
    assert "二、六项纪律" in lines
    assert any(line.startswith("（一）处分的名称") for line in lines)
    assert any(line.startswith("2．严重警告") for line in lines)


def test_slides_and_notes_are_read(loaded: dict[str, LoadedFile]) -> None:
    file = loaded[CONDUCT]
    assert described(loaded, CONDUCT).kind is DocumentKind.SLIDES
    assert file.pages is not None
    assert file.pages >= 8
    assert any("以上率下" in block.text for block in file.blocks)


def test_page_furniture_is_dropped(loaded: dict[str, LoadedFile]) -> None:
    file = loaded[PROCEDURE]
    text = "\n".join(block.text for block in file.blocks)
    assert "业务学习资料" not in text
    assert "共 4 页" not in text
    assert {block.place.page for block in file.blocks} == {1, 2, 3, 4}
