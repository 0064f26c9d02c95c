from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from study_bot.answering.notices import notices_of
from study_bot.types import Citation, DocumentKind, Locator, Version, VersionStatus

TODAY = dt.date(2026, 6, 1)
OLD = Version(
    "old", "law", "学习管理法", DocumentKind.STATUTE, "old.txt", "txt", "", promulgated=dt.date(2012, 10, 26),
    effective=dt.date(2013, 1, 1), repealed=dt.date(2026, 1, 1), status=VersionStatus.REPEALED,
)  # fmt: skip
NEW = replace(
    OLD, version_id="new", path="new.txt", promulgated=dt.date(2025, 6, 27), effective=dt.date(2026, 1, 1),
    repealed=None, status=VersionStatus.IN_FORCE,
)  # fmt: skip


def remarks(cited: Version, as_of: dt.date | None, library: tuple[Version, ...] = (OLD, NEW)) -> str:
    citation = Citation(1, "p", cited.version_id, "law", cited.title, Locator(), "条文", 0, 2)
    by_id = {version.version_id: version for version in (*library, cited)}
    found = notices_of(
        [citation, citation], by_id.__getitem__, lambda v: [o for o in library if o.version_id != v.version_id], as_of,
        TODAY,
    )  # fmt: skip
    return "|".join(found)


def test_the_version_in_force_then_is_named_and_that_the_law_has_changed() -> None:
    said = remarks(OLD, dt.date(2025, 12, 31))
    assert said.startswith("按2025年12月31日有效的《学习管理法》（2012年10月26日公布）回答。")
    assert "已废止，自2026年1月1日起不再适用" in said and "现行版本（2025年6月27日公布）也在文献库中" in said
    assert "现行版本不在文献库中" in remarks(OLD, dt.date(2025, 12, 31), (OLD,))


def test_a_text_announced_later_is_not_called_the_one_of_the_day() -> None:
    undated = replace(OLD, effective=None)
    said = remarks(undated, dt.date(2005, 12, 31))
    assert said.startswith("文献库中没有2005年12月31日有效的《学习管理法》。以下引自此后2012年10月26日公布的版本")


def test_a_version_still_in_force_is_named_where_there_were_others() -> None:
    said = remarks(NEW, dt.date(2026, 3, 31))
    assert said == "按2026年3月31日有效的《学习管理法》（2025年6月27日公布）回答，这一版本现在仍然有效。"
    assert remarks(NEW, dt.date(2026, 3, 31), (NEW,)) == ""


def test_a_version_of_the_future_is_said_to_be_one() -> None:
    future = replace(NEW, effective=dt.date(2027, 1, 1), promulgated=None)
    assert "（2027年1月1日起施行）回答，这一版本今天尚未施行" in remarks(future, dt.date(2027, 5, 1), (future,))


def test_a_version_that_was_not_in_force_on_the_day_is_not_passed_off_as_such() -> None:
    assert "并非有效版本（已废止）" in remarks(OLD, dt.date(2026, 2, 1))
    assert "并非有效版本（尚未施行）" in remarks(NEW, dt.date(2025, 2, 1))


@pytest.mark.parametrize(("cited", "as_of"), [(NEW, None), (NEW, TODAY)])
def test_todays_law_needs_no_remark(cited: Version, as_of: dt.date | None) -> None:
    assert remarks(cited, as_of) == ""


def test_texts_without_validity_get_none_and_scans_a_word() -> None:
    prose = Version("talk", "talk", "讲话", DocumentKind.PROSE, "a.txt", "txt", "", ocr=True)
    assert remarks(prose, dt.date(2025, 1, 1), (prose,)) == "《讲话》由扫描件识别，个别字可能有误，请与原件核对。"


def test_an_old_version_cited_without_a_day_points_to_the_one_in_force() -> None:
    assert "现行版本（2025年6月27日公布）也在文献库中，可直接按名称提问" in remarks(OLD, None)
