"""Files of one document whose dates do not say which holds when."""

from __future__ import annotations

import io

from study_bot.accounts.roles import Actor
from study_bot.documents.files import Files
from study_bot.documents.stored import Correction, StoredFile

TITLE = "江临市工具借用办法"


def rule(line: str, effective: str = "") -> bytes:
    ends = f"第四条　本办法自{effective}起施行。\n" if effective else ""
    middle = "第二条　借用应当登记。\n第三条　归还时应当检查。\n"
    return f"{TITLE}\n\n第一条　{line}\n{middle}{ends}".encode()


def given(files: Files, admin: Actor, name: str, content: bytes, correction: Correction | None = None) -> StoredFile:
    return files.give(admin, name, io.BytesIO(content), correction=correction)


def test_two_versions_of_one_day_are_told(quick_files: Files, admin: Actor) -> None:
    day = "2024年4月1日"
    one = given(quick_files, admin, "一.txt", rule("借期七天。", day))
    two = given(quick_files, admin, "二.txt", rule("借期十天。", day))
    assert quick_files.indistinct([one, two]) == {}  # nothing is published yet
    quick_files.publish(admin, [one.id])
    assert {number: other.id for number, other in quick_files.indistinct([one, two]).items()} == {two.id: one.id}
    quick_files.publish(admin, [two.id])
    both = [quick_files.get(one.id), quick_files.get(two.id)]
    assert set(quick_files.indistinct(both)) == {one.id, two.id}
    quick_files.retire(admin, one.id)
    assert quick_files.indistinct([quick_files.get(two.id)]) == {}


def test_dates_or_an_end_tell_versions_apart(quick_files: Files, admin: Actor) -> None:
    old = given(quick_files, admin, "旧.txt", rule("借期七天。", "2024年4月1日"))
    quick_files.publish(admin, [old.id])
    newer = given(quick_files, admin, "新.txt", rule("借期十天。", "2025年4月1日"))
    undated = given(quick_files, admin, "无.txt", rule("借期一天。"))
    assert set(quick_files.indistinct([newer, undated])) == {undated.id}
    replaced = quick_files.replace(admin, newer.id, old.id)
    assert quick_files.indistinct([quick_files.get(old.id), replaced]) == {}
