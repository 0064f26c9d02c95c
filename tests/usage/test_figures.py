from __future__ import annotations

import csv
import datetime as dt
import io

import openpyxl
import pytest

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ForbiddenError, InputError, SignInError
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.usage.export import as_csv, as_xlsx, safe_cell, tables
from study_bot.usage.feedback import Feedback
from study_bot.usage.figures import MAX_DAYS, Figures, figures
from study_bot.usage.questions import start_of
from study_bot.usage.remarks import Reason, Verdict
from tests.usage.samples import answered, log, moved, person, refused, unit

DAY = dt.date(2026, 3, 4)


def put(database: Database, actor: Actor, *questions: str, day: dt.date = DAY, **more: object) -> list[int]:
    numbers = []
    for question in questions:
        answer = refused(question) if "食堂" in question else answered(question, **more)  # type: ignore[arg-type]
        number = log(database).record(actor, question, answer)
        assert number is not None
        moved(database, number, start_of(day) + dt.timedelta(hours=9))
        numbers.append(number)
    return numbers


def of_march(database: Database, actor: Actor, unit_id: int | None = None) -> Figures:
    return figures(database, actor, dt.date(2026, 3, 1), dt.date(2026, 3, 31), unit_id)


def test_every_day_of_the_span_is_counted(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    put(database, officer, "请假手续", "食堂菜单")
    put(database, officer, "学时", day=dt.date(2026, 3, 31))
    put(database, officer, "学时", day=dt.date(2026, 4, 1))
    found = of_march(database, admin)
    assert len(found.days) == 31 and (found.questions, found.answered, found.refused, found.people) == (3, 2, 1, 1)
    assert (found.days[3].answered, found.days[3].refused, found.days[30].answered) == (1, 1, 1)
    assert [(n.name, n.count) for n in found.refused_by] == [("not_in_library", 1)]


def test_subjects_are_documents_and_shared_words(database: Database) -> None:
    one, two, admin = person(database, "1001"), person(database, "1002"), person(database, "1", Role.ADMIN)
    put(database, one, "请假手续怎么办理？", "请假手续谁批准？", "我被张三举报了怎么办")
    put(database, two, "请假手续要几天？")
    found = of_march(database, admin)
    words = {n.name: n.count for n in found.asked_words}
    assert words.get("请假") == 3 and not any("举报" in word or "张三" in word for word in words)
    assert [(n.name, n.count) for n in found.asked_documents] == [("学习管理规定", 4)]


def test_hits_count_questions_not_passages(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    put(database, officer, "甲", "乙", number=9)
    put(database, officer, "丙", number=10)
    put(database, officer, "食堂")
    found = of_march(database, admin)
    assert [(h.title, h.cited, h.shown) for h in found.documents] == [("学习管理规定", 3, 4)]
    assert [(h.locator[-4:], h.cited) for h in found.passages[:2]] == [(" 第9条", 2), ("第10条", 1)]


def test_slow_questions_come_without_their_wording(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    put(database, officer, "甲", took=10)
    (slow,) = put(database, officer, "乙", took=9000)
    found = of_march(database, admin)
    assert (found.slow[0].id, found.slow[0].took_ms, found.slow_seconds) == (slow, 9000, 9.0)
    assert "乙" not in repr(found)


def test_feedback_is_counted_with_the_questions(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    feedback = Feedback(database, Settings())
    one, two = put(database, officer, "甲", "乙")
    feedback.give(officer, one, Verdict.UP)
    feedback.give(officer, two, Verdict.DOWN, Reason.OUTDATED)
    said = of_march(database, admin).feedback
    assert (said.up, said.down, said.open, dict(said.reasons)) == (1, 1, 1, {"outdated": 1})


def test_unit_admins_see_their_own_branch(database: Database) -> None:
    root, branch, other = (unit(database, "总队"), 0, 0)
    branch, other = unit(database, "一支队", root), unit(database, "二支队", root)
    below = unit(database, "一大队", branch)
    chief, admin = person(database, "2", Role.UNIT_ADMIN, branch), person(database, "1", Role.ADMIN)
    for badge, home in (("1001", root), ("1002", branch), ("1003", below), ("1004", other)):
        put(database, person(database, badge, unit_id=home), "甲")
    assert of_march(database, chief).questions == 2
    assert of_march(database, chief, below).questions == 1
    assert of_march(database, admin).questions == 4 and of_march(database, admin, root).questions == 4
    for foreign in (root, other, 999):
        with pytest.raises(ForbiddenError):
            of_march(database, chief, foreign)
    homeless = person(database, "3", Role.UNIT_ADMIN)
    assert of_march(database, homeless).questions == 0


def test_officers_and_strangers_get_no_figures(database: Database) -> None:
    with pytest.raises(ForbiddenError):
        of_march(database, person(database, "1001"))
    with pytest.raises(SignInError):
        of_march(database, Actor(None))


@pytest.mark.parametrize("days", [-1, MAX_DAYS])
def test_a_span_must_be_sensible(database: Database, days: int) -> None:
    admin = person(database, "1", Role.ADMIN)
    with pytest.raises(InputError):
        figures(database, admin, DAY, DAY + dt.timedelta(days=days))


def test_forgotten_questions_stay_in_the_counts(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    put(database, officer, "甲", "乙")
    log(database).forget_own(officer)
    found = of_march(database, admin)
    assert (found.questions, found.people) == (2, 0)


def test_exports_hold_no_formula(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    evil = '=HYPERLINK("http://x","点我")\x00\x0b'
    put(database, officer, "甲", title=evil)
    found = tables(of_march(database, admin))
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(found)))
    assert book.sheetnames == [table.name for table in found]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert any(str(cell.value).startswith("'=HYPER") for cell in cells)
    by_name = {table.name: as_csv(table) for table in found}
    rows = list(csv.reader(io.StringIO(by_name["文献命中"].decode("utf-8-sig"))))
    assert rows[0] == ["文献", "被引用", "被列出"] and rows[1][0].startswith("'=")
    assert by_name["未回答原因"].decode("utf-8-sig") == "原因,次数\r\n"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "\x00=1"])
def test_cells_that_look_like_formulas_are_quoted(text: str) -> None:
    assert str(safe_cell(text)).startswith("'")
    assert safe_cell(-1) == -1
