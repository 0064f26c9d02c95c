from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.timewords import VersionWish, find_time_words

TODAY = dt.date(2026, 11, 22)
LAW = "治安管理处罚法"


def read(text: str):
    start = text.find(LAW)
    return find_time_words(text, TODAY, ((start, start + len(LAW)),) if start >= 0 else ())


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025年12月的时候赌博怎么处罚", dt.date(2025, 12, 31)),
        ("二〇二五年十二月的时候赌博怎么处罚", dt.date(2025, 12, 31)),
        ("截至2024年2月打架怎么处罚", dt.date(2024, 2, 29)),
        ("2025-06-27当时怎么规定", dt.date(2025, 6, 27)),
        ("在2026年时打架怎么处罚", TODAY),
        ("2026年11月的时候打架怎么处罚", TODAY),
        ("2026年底的时候打架怎么处罚", dt.date(2026, 12, 31)),
        ("2026年1月1日之前怎么处罚", dt.date(2025, 12, 31)),
        ("2020年初怎么处罚", dt.date(2020, 1, 1)),
        ("2025年12月治安管理处罚法怎么规定赌博", dt.date(2025, 12, 31)),
        ("去年打架怎么处罚", dt.date(2025, 12, 31)),
        ("前年打架怎么处罚", dt.date(2024, 12, 31)),
        ("上个月打架怎么处罚", dt.date(2026, 10, 31)),
        ("三年前盗窃怎么处罚", dt.date(2023, 11, 22)),
        ("10年前盗窃怎么处罚", dt.date(2016, 11, 22)),
        ("2012年版治安管理处罚法", None),
        ("2025年6月27日修订的治安管理处罚法", None),
        ("2021年2月召开了什么会议", None),
        ("在2021年成立了哪些学校", None),
        ("2020年8月20号之前打架怎么处罚", dt.date(2020, 8, 19)),
        ("2011年至2015年间打架怎么处罚", None),
        ("今天赌博怎么处罚", None),
        ("三年以下有期徒刑", None),
    ],
)
def test_the_day_asked_about(text: str, day: dt.date | None):
    assert read(text).as_of == day


@pytest.mark.parametrize(
    ("text", "wish", "years"),
    [
        ("旧法怎么规定", VersionWish.OLD, ()),
        ("旧治安管理处罚法第三条", VersionWish.OLD, ()),
        ("以前的治安管理处罚法第三条", VersionWish.OLD, ()),
        ("原来治安管理处罚法怎么规定", VersionWish.OLD, ()),
        ("修订前的治安管理处罚法第三条", VersionWish.OLD, ()),
        ("原来的规定是什么", VersionWish.OLD, ()),
        ("新法怎么规定", VersionWish.NEWEST, ()),
        ("修订后的治安管理处罚法第三条", VersionWish.NEWEST, ()),
        ("现行治安管理处罚法第三条", VersionWish.CURRENT, ()),
        ("治安管理处罚法新旧对比", VersionWish.BOTH, ()),
        ("治安管理处罚法修订了哪些", VersionWish.BOTH, ()),
        ("旧法第三条和新法第三条", VersionWish.BOTH, ()),
        ("2012年版治安管理处罚法第三条", VersionWish.NONE, (2012,)),
        ("治安管理处罚法（2012年修正）第三条", VersionWish.NONE, (2012,)),
        ("二〇一二年版治安管理处罚法", VersionWish.NONE, (2012,)),
        ("12年版治安管理处罚法", VersionWish.NONE, (2012,)),
        ("2012版和2025版治安管理处罚法", VersionWish.NONE, (2012, 2025)),
        ("2026年1月1日起施行的治安管理处罚法", VersionWish.NONE, (2026,)),
        ("第12版教材", VersionWish.NONE, ()),
        ("与原告同音不同字怎么处理", VersionWish.NONE, ()),
        ("被抓现行怎么处罚", VersionWish.NONE, ()),
        ("收旧货要登记吗", VersionWish.NONE, ()),
        ("拘留和逮捕有什么区别", VersionWish.NONE, ()),
    ],
)
def test_the_version_meant(text: str, wish: VersionWish, years: tuple[int, ...]):
    found = read(text)
    assert (found.wish, found.years) == (wish, years)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025年的时候，学习档案保存期限是多久？", dt.date(2025, 12, 31)),
        ("2024年当时的学时要求是多少", dt.date(2024, 12, 31)),
        ("2019年的时候，我借给朋友两万块，期限一年，怎么要回来？", None),
        ("2024年的时候，纪实里谁发了言？", None),
    ],
)
def test_a_day_before_a_rule_is_asked_for(text: str, day: dt.date | None):
    assert find_time_words(text, TODAY).as_of == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025年12月殴打他人怎么罚", dt.date(2025, 12, 31)),
        ("2025年12月，殴打他人会被拘留几天", dt.date(2025, 12, 31)),
        ("2024年5月1日发生的赌博怎么处罚", dt.date(2024, 5, 1)),
        ("2024年5月1日赌博该怎么处理？", dt.date(2024, 5, 1)),
        ("赌博发生在2024年5月1日，怎么处罚？", dt.date(2024, 5, 1)),
        ("2027年殴打他人怎么罚", dt.date(2027, 12, 31)),
        ("2019年5月我被同事打了，对方会被怎么处罚", None),
        ("2024年全会公报要求怎么处理腐败问题", None),
        ("2025年度工作计划中违规怎么处理", None),
        ("殴打他人怎么罚，2024年开始的吗", None),
        ("2025年12月有什么学习任务", None),
    ],
)
def test_the_day_of_a_deed(text: str, day: dt.date | None):
    assert find_time_words(text, TODAY).as_of == day


def test_dates_of_what_is_told_are_no_days_asked_about():
    assert find_time_words("2006年的时候这所学校有多少人", TODAY).spans == ()
    assert find_time_words("2006年的时候呢", TODAY, about_law=True).as_of == dt.date(2006, 12, 31)


def test_29_february_some_years_ago():
    assert find_time_words("三年前打架怎么处罚", dt.date(2028, 2, 29)).as_of == dt.date(2025, 2, 28)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2026, 11, 21)))
def test_any_full_date_with_a_cue_is_that_day(day: dt.date):
    for written in (f"{day.year}年{day.month}月{day.day}日", f"{day:%Y-%m-%d}"):
        assert find_time_words(f"{written}的时候怎么处罚", TODAY).as_of == day


@given(st.text(alphabet="治安法年月日的时候前后版新旧修订0123456789一二三去上个，", max_size=30), st.dates())
def test_any_text_can_be_read(text: str, today: dt.date):
    if today.year < 20:
        return
    spans = find_time_words(text, today).spans
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert list(spans) == sorted(spans)
