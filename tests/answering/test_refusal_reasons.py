"""A refusal says why: nothing was asked, only versions out of force answer, or nothing does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from study_bot.index.store import SnapshotStore
from study_bot.services import Services
from study_bot.settings import Settings
from study_bot.types import Filters, RefusalReason
from tests.index.builder_fakes import FakeEncoder

OLD = """江临市自行车停放管理规定

第一条 为了规范自行车停放，制定本规定。
第二条 自行车应当停放在白线以内，车头朝向围墙。
第三条 自行车停放超过七日无人认领的，由后勤服务中心移入库房保管三个月。
第四条 本规定自2015年3月1日起施行。
"""

NEW = """江临市图书借阅规定

第一条 为了方便读者借阅图书，制定本规定。
第二条 每位读者一次可以借阅图书五册，期限三十日。
第三条 逾期不还的，暂停借阅一个月。
第四条 本规定自2024年3月1日起施行。
"""

CATALOG = """
[[documents]]
path = "自行车停放管理规定.txt"
repealed = 2023-01-01
"""

QUESTION = "自行车停放超过七日无人认领的由后勤服务中心移入库房保管多久？"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    folder: Path = tmp_path_factory.mktemp("texts")
    (folder / "自行车停放管理规定.txt").write_text(OLD, encoding="utf-8")
    (folder / "图书借阅规定.txt").write_text(NEW, encoding="utf-8")
    (folder / "catalog.toml").write_text(CATALOG, encoding="utf-8")
    index = tmp_path_factory.mktemp("index")
    services = Services(
        Settings(index_dir=index), SnapshotStore(index), FakeEncoder, today=lambda: dt.date(2026, 11, 22)
    )
    services.build([folder])
    return services


def test_only_a_version_out_of_force_answers(services: Services) -> None:
    answer = services.answer(QUESTION)
    assert answer.refused
    assert answer.reason is RefusalReason.NOT_IN_FORCE
    assert answer.hits[0].passage.text.startswith("第三条 自行车")


def test_it_is_answered_when_old_versions_are_wanted(services: Services) -> None:
    answer = services.answer(QUESTION, filters=Filters(include_inactive=True))
    assert not answer.refused
    assert any("已废止" in notice for notice in answer.notices)


@pytest.mark.parametrize("question", ["怎么办", "是什么？", "？？", "吗"])
def test_a_question_about_nothing_is_unclear(services: Services, question: str) -> None:
    assert services.answer(question).reason is RefusalReason.UNCLEAR


def test_something_else_is_not_in_the_library(services: Services) -> None:
    assert services.answer("红烧肉要放几勺糖才好吃").reason is RefusalReason.NOT_IN_LIBRARY
