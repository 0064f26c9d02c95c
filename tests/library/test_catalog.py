"""Names, dates and the chain of versions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from study_bot.errors import SettingsError
from study_bot.library.catalog import SidecarEntry, describe, link_versions, read_sidecar, validity
from study_bot.library.history import read_history
from study_bot.types import Block, LoadedFile, Version, VersionStatus
from tests.library.samples import RULE, TITLE, loaded

TODAY = dt.date(2026, 11, 22)


def version(text: str = RULE, name: str = f"规章/{TITLE}.txt", hash_: str = "aaaaaaaa", **entry: object) -> Version:
    return describe(name, loaded(text), hash_, SidecarEntry(**entry))[0]  # type: ignore[arg-type]


def test_what_a_rule_says_of_itself() -> None:
    described = version()
    assert (described.title, described.category, described.articles) == (TITLE, "规章", 7)
    assert described.promulgated == dt.date(2024, 5, 6)


def test_an_amended_rule_keeps_its_first_date_which_is_not_that_of_this_version() -> None:
    described = version()
    assert described.effective is None
    assert any("施行日期" in warning for warning in described.warnings)


def test_dates_in_the_note_and_the_closing_article() -> None:
    text = RULE.replace(" 2024年5月6日修订", "")
    assert version(text).effective == dt.date(2021, 4, 1)
    noted = RULE.replace("2024年5月6日修订）", "2024年5月6日修订\n自2024年7月1日起施行）")
    assert version(noted).effective == dt.date(2024, 7, 1)
    on_publication = text.replace("自2021年4月1日起施行", "自公布之日起施行")
    assert version(on_publication).effective == dt.date(2021, 3, 20)


def test_file_names_say_what_texts_do_not() -> None:
    described = version(name=f"规章/{TITLE}（2024年修订，2024年8月1日起施行）.txt")
    assert described.effective == dt.date(2024, 8, 1)
    old = version(RULE.replace(" 2024年5月6日修订", ""), f"规章/{TITLE}（旧版，2024年8月1日起被2024年修订版取代）.txt")
    assert (old.repealed, old.status) == (dt.date(2024, 8, 1), VersionStatus.REPEALED)
    assert validity(old, dt.date(2023, 1, 1)) is VersionStatus.IN_FORCE
    assert validity(old, TODAY) is VersionStatus.REPEALED


def test_front_matter_and_sidecar_override_the_text() -> None:
    file = LoadedFile("md", loaded(RULE).blocks, metadata={"title": "夜读规则", "implement_date": "2024-09-01"})
    assert describe("a.md", file, "bb")[0].title == "夜读规则"
    assert describe("a.md", file, "bb")[0].effective == dt.date(2024, 9, 1)
    entry = SidecarEntry(title="自习规则", effective=dt.date(2025, 1, 1), aliases=("夜读规",))
    described = describe("a.md", file, "bb", entry)[0]
    assert (described.title, described.effective) == ("自习规则", dt.date(2025, 1, 1))
    assert "夜读规" in described.aliases


def test_prose_is_named_by_its_file_when_no_line_agrees() -> None:
    file = LoadedFile("txt", (Block("今夜灯火通明，座无虚席。"), Block("大家都来了。")))
    described = describe("云端课堂/夜读纪实（一）.txt", file, "cc")[0]
    assert (described.title, described.status) == ("夜读纪实（一）", VersionStatus.UNKNOWN)


def test_numbered_parts_of_a_series_are_different_documents() -> None:
    files = [describe(f"论述（{n}）.txt", LoadedFile("txt", (Block("夜读好。"),)), n)[0] for n in "一二"]
    assert files[0].doc_id != files[1].doc_id


def test_versions_follow_each_other() -> None:
    first = version(RULE.replace(" 2024年5月6日修订", ""), hash_="11111111")
    second = version(effective=dt.date(2024, 8, 1), hash_="22222222")
    third = version(RULE.replace("2024年5月6日", "2026年10月1日"), effective=dt.date(2027, 1, 1), hash_="33333333")
    assert first.doc_id == second.doc_id == third.doc_id
    linked = link_versions([third, first, second], {}, TODAY)
    assert [v.status for v in linked] == [VersionStatus.NOT_YET, VersionStatus.AMENDED, VersionStatus.IN_FORCE]
    by_hash = {v.content_hash: v for v in linked}
    assert validity(by_hash["11111111"], dt.date(2022, 1, 1)) is VersionStatus.IN_FORCE
    assert validity(by_hash["22222222"], dt.date(2027, 2, 1)) in (VersionStatus.AMENDED, VersionStatus.REPEALED)
    assert validity(by_hash["33333333"], dt.date(2027, 2, 1)) is VersionStatus.IN_FORCE


def test_a_closing_article_repeals_another_document() -> None:
    old_text = RULE.replace(TITLE, "江临市夜读管理规定").replace("2021年", "2015年").replace(" 2024年5月6日修订", "")
    old_text = old_text.replace("《江临市夜读管理规定》同时废止。", "")
    old = version(old_text, "规章/江临市夜读管理规定.txt", "44444444")
    new, new_text = describe(f"规章/{TITLE}.txt", loaded(RULE.replace(" 2024年5月6日修订", "")), "55555555")
    history = read_history(new_text, TITLE)
    assert history.repeals == ("江临市夜读管理规定",)
    linked = link_versions([old, new], {new.version_id: history.repeals}, TODAY)
    assert (linked[0].status, linked[0].repealed) == (VersionStatus.REPEALED, dt.date(2021, 4, 1))
    assert linked[1].status is VersionStatus.IN_FORCE


def test_of_two_texts_with_the_same_dates_the_later_source_counts_and_the_admin_is_told() -> None:
    texts = [version(hash_="66666666"), version(RULE + "\n", f"规章/甲/{TITLE}.txt", "77777777")]
    for given in (texts, texts[::-1]):
        linked = link_versions(given, {}, TODAY)
        assert [v.status for v in linked] == [VersionStatus.AMENDED, VersionStatus.IN_FORCE]
        assert "日期相同" in linked[0].warnings[-1]


def test_sidecar(tmp_path: Path) -> None:
    (tmp_path / "规章").mkdir()
    (tmp_path / "规章" / "catalog.toml").write_text(
        'examples = ["甲规第一条讲什么？"]\n[[documents]]\npath = "甲.docx"\ntitle = "甲规"\n'
        'effective = 2025-01-01\nstatus = "已废止"\naliases = ["甲"]\n',
        encoding="utf-8",
    )
    entry = read_sidecar(tmp_path).entry("规章/甲.docx")
    assert (entry.title, entry.effective, entry.status) == ("甲规", dt.date(2025, 1, 1), VersionStatus.REPEALED)
    assert read_sidecar(tmp_path).entry("乙.docx") == SidecarEntry()
    assert read_sidecar(tmp_path).examples == ("甲规第一条讲什么？",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[documents]]\ntitle = '无路径'", "path"),
        ("[[documents]]\npath = '甲'\neffectiv = 2025-01-01", "effectiv"),
        ("[[documents]]\npath = '甲'\nstatus = '不知道'", "status"),
        ("[[documents]]\npath = '甲'\neffective = '随便'", "effective"),
        ("[[documents", "TOML"),
    ],
)
def test_a_wrong_sidecar_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "catalog.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        read_sidecar(tmp_path)
