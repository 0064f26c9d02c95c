from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import select

from study_bot.accounts.audit import entries, verify
from study_bot.accounts.roles import Actor, Role
from study_bot.documents.files import Files
from study_bot.documents.stored import Correction, FileState
from study_bot.errors import ConflictError, ForbiddenError, InputError, NotFoundError, SignInError
from study_bot.storage.columns import utc_now
from study_bot.storage.library_tables import FileRow
from study_bot.types import DocumentKind, VersionStatus
from tests.documents.conftest import person
from tests.documents.samples import NEW_ARTICLES, OLD_ARTICLES, new_rule, old_rule, rule, speech, stream


def actions(files: Files) -> list[str]:
    with files.database.read() as session:
        return [entry.action for entry in entries(session)]


def test_a_given_file_is_a_draft_that_shows_what_was_understood(files: Files, admin: Actor) -> None:
    file = files.give(admin, "自习室管理办法.txt", stream(old_rule()), "规章制度")
    assert (file.state, file.path) == (FileState.DRAFT, "规章制度/自习室管理办法.txt")
    understood = file.understood
    assert understood is not None and file == files.get(file.id)
    assert (file.title, understood.kind) == ("江临市公共自习室管理办法", DocumentKind.STATUTE)
    assert (understood.promulgated, understood.effective) == (dt.date(2020, 3, 5), dt.date(2020, 4, 1))
    assert (understood.articles, understood.gaps, understood.status) == (4, (), VersionStatus.IN_FORCE)
    assert [(line.text, line.first, line.last) for line in understood.outline] == [("第一章 总则", "第一条", "第四条")]
    assert understood.first[0].text.startswith("江临市公共自习室管理办法")
    assert files.bytes_of(file.id) == old_rule()
    assert files.revision() == 0


def test_gaps_in_the_numbering_are_told(files: Files, admin: Actor) -> None:
    text = rule(2020, *("开灯。", "关灯。") * 4).decode().replace("第四条 关灯。\n", "")
    understood = files.give(admin, "读书规定.txt", stream(text.encode())).understood
    assert understood is not None and understood.gaps == ("缺第四条",)
    assert any("编号不连续" in warning for warning in understood.warnings)


def test_the_same_content_is_refused_and_named(files: Files, admin: Actor) -> None:
    first = files.give(admin, "甲.txt", stream(speech()))
    with pytest.raises(ConflictError, match=f"《{first.title}》（甲.txt，待发布）完全相同"):
        files.give(admin, "乙.txt", stream(speech()), "别的分类")
    files.delete(admin, first.id)
    second = files.give(admin, "乙.txt", stream(speech()))
    with pytest.raises(ConflictError, match="（乙"):
        files.undelete(admin, first.id)
    assert files.bytes_of(second.id) == speech()


def test_the_same_words_in_another_format_are_found(files: Files, admin: Actor) -> None:
    text = files.give(admin, "讲话.txt", stream(speech()))
    other = files.give(admin, "讲话2.txt", stream(speech().decode().encode("gb18030")))
    assert [file.id for file in files.same_words(other.id)] == [text.id]


def test_two_at_once_give_one_file(files: Files, admin: Actor) -> None:
    results: list[object] = []

    def give(name: str) -> None:
        try:
            results.append(files.give(admin, name, stream(speech())))
        except ConflictError as error:
            results.append(error)

    threads = [threading.Thread(target=give, args=(f"{n}.txt",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, ConflictError) for result in results) == 3
    assert files.counts()[FileState.DRAFT] == 1


def test_files_of_one_name_get_places_of_their_own(files: Files, admin: Actor) -> None:
    paths = [files.give(admin, "讲话.txt", stream(speech(words)), "课堂").path for words in ("一。", "二。", "三。")]
    assert paths == ["课堂/讲话.txt", "课堂/2/讲话.txt", "课堂/3/讲话.txt"]
    assert files.give(admin, "讲话.txt", stream(speech("四。"))).path == "未分类/讲话.txt"


def test_an_unreadable_file_is_kept_with_the_reason_and_never_published(files: Files, admin: Actor) -> None:
    file = files.give(admin, "空.txt", stream(b""))
    assert file.understood is None and file.error is not None and "空" in file.error
    with pytest.raises(InputError, match="不能发布"):
        files.publish(admin, [file.id])
    assert files.delete(admin, file.id).state is FileState.DELETED


def test_a_correction_goes_before_the_text(files: Files, admin: Actor) -> None:
    file = files.give(admin, "讲话.txt", stream(speech()), "课堂")
    wanted = Correction(
        title="在读书会上的讲话（全文）",
        category="专家课堂",
        promulgated=dt.date(2023, 5, 1),
        status=VersionStatus.REPEALED,
        aliases=("读书会讲话", "读书会讲话"),
    )
    corrected = files.correct(admin, file.id, file.revision, wanted)
    assert corrected.understood is not None
    assert (corrected.title, corrected.category) == ("在读书会上的讲话（全文）", "专家课堂")
    assert (corrected.path, corrected.revision) == ("专家课堂/讲话.txt", 2)
    assert corrected.understood.promulgated == dt.date(2023, 5, 1)
    assert corrected.correction.aliases == ("读书会讲话",)
    assert files.text_of(file.id).title == "在读书会上的讲话（全文）"
    with pytest.raises(ConflictError, match="已被他人修改"):
        files.correct(admin, file.id, file.revision, Correction())


@pytest.mark.parametrize(
    "correction",
    [
        Correction(title="长" * 500),
        Correction(category="../上级"),
        Correction(category=".隐藏"),
        Correction(effective=dt.date(2024, 1, 1), repealed=dt.date(2023, 1, 1)),
        Correction(promulgated=dt.date(24, 1, 1)),
        Correction(aliases=tuple(map(str, range(30)))),
    ],
)
def test_a_correction_that_cannot_be_changes_nothing(quick_files: Files, admin: Actor, correction: Correction) -> None:
    file = quick_files.give(admin, "讲话.txt", stream(speech()))
    with pytest.raises(InputError):
        quick_files.correct(admin, file.id, file.revision, correction)
    assert quick_files.get(file.id) == file


def test_the_way_of_a_file(files: Files, admin: Actor) -> None:
    file = files.give(admin, "讲话.txt", stream(speech()))
    (file,) = files.publish(admin, [file.id, file.id])
    assert (file.state, files.revision()) == (FileState.PUBLISHED, 1)
    assert files.retire(admin, file.id, file.revision).state is FileState.RETIRED
    assert files.bring_back(admin, file.id).state is FileState.PUBLISHED
    deleted = files.delete(admin, file.id)
    assert deleted.undo_until is not None and deleted.undo_until > utc_now() + dt.timedelta(days=29)
    assert files.search().total == 0 and files.search(FileState.DELETED).total == 1
    assert files.undelete(admin, file.id).state is FileState.PUBLISHED
    assert files.revision() == 5
    assert actions(files) == [
        "file.give", "file.publish", "file.retire", "file.bring_back", "file.delete", "file.undelete",
    ]  # fmt: skip
    assert verify(files.database).broken_at is None


def test_a_draft_does_not_touch_what_is_published(files: Files, admin: Actor) -> None:
    file = files.give(admin, "讲话.txt", stream(speech()))
    file = files.correct(admin, file.id, file.revision, Correction(title="讲话"))
    files.delete(admin, file.id)
    assert files.undelete(admin, file.id).state is FileState.DRAFT
    assert files.revision() == 0


def test_a_step_out_of_turn_is_a_conflict(files: Files, admin: Actor) -> None:
    file = files.give(admin, "讲话.txt", stream(speech()))
    for step in (files.retire, files.bring_back, files.undelete):
        with pytest.raises(ConflictError, match="待发布"):
            step(admin, file.id)
    files.publish(admin, [file.id])
    with pytest.raises(ConflictError):
        files.publish(admin, [file.id])
    with pytest.raises(NotFoundError):
        files.retire(admin, 999)


def test_publishing_is_all_or_nothing(files: Files, admin: Actor) -> None:
    good = files.give(admin, "讲话.txt", stream(speech()))
    bad = files.give(admin, "空.txt", stream(b""))
    with pytest.raises(InputError):
        files.publish(admin, [good.id, bad.id])
    assert files.get(good.id).state is FileState.DRAFT and files.revision() == 0
    assert "file.publish" not in actions(files)
    with pytest.raises(InputError, match="没有选中"):
        files.publish(admin, [])


def test_purging_takes_only_what_is_too_old(files: Files, admin: Actor) -> None:
    old = files.give(admin, "甲.txt", stream(speech("甲")))
    new = files.give(admin, "乙.txt", stream(speech("乙")))
    files.delete(admin, old.id)
    with files.database.write() as session:
        session.get_one(FileRow, old.id).deleted_at = utc_now() - dt.timedelta(days=31)
    with pytest.raises(ConflictError, match="30 天"):
        files.undelete(admin, old.id)
    files.delete(admin, new.id)
    assert files.purge(admin) == 1
    with pytest.raises(NotFoundError):
        files.get(old.id)
    assert files.undelete(admin, new.id).state is FileState.DRAFT


def test_purging_lets_successors_stand(files: Files, admin: Actor) -> None:
    old = files.give(admin, "旧.txt", stream(old_rule()))
    new = files.give(admin, "新.txt", stream(new_rule()))
    files.publish(admin, [old.id])
    files.replace(admin, new.id, old.id)
    files.delete(admin, old.id)
    assert files.purge(admin, utc_now() + dt.timedelta(days=31)) == 1
    assert files.get(new.id).replaces_id is None


def test_a_new_version_belongs_to_the_document_of_the_old_one(files: Files, admin: Actor) -> None:
    old = files.give(admin, "旧.txt", stream(old_rule()), "规章制度")
    new = files.give(admin, "新.txt", stream(rule(2024, *OLD_ARTICLES, title="江临市夜读室管理办法")))
    files.publish(admin, [old.id])
    new = files.replace(admin, new.id, old.id)
    assert (new.state, new.replaces_id, new.correction.version_of) == (FileState.PUBLISHED, old.id, old.title)
    assert new.understood is not None and old.understood is not None
    assert new.understood.doc_id == old.understood.doc_id
    assert files.get(old.id).state is FileState.PUBLISHED
    assert [file.id for file in files.related(old.id)] == [new.id]
    assert [file.id for file in files.related(new.id)] == [old.id]
    with pytest.raises(InputError, match=r"成了环|不晚于"):
        files.replace(admin, old.id, new.id)


def test_a_new_version_of_prose_goes_where_the_old_one_is(files: Files, admin: Actor) -> None:
    old = files.give(admin, "讲话.txt", stream(speech()), "专家课堂")
    new = files.give(admin, "讲话（修改稿）.txt", stream(speech("读书要坚持。")))
    files.publish(admin, [old.id])
    new = files.replace(admin, new.id, old.id)
    assert new.category == "专家课堂" and new.understood is not None and old.understood is not None
    assert new.understood.doc_id == old.understood.doc_id


def test_versions_that_time_cannot_tell_apart_are_refused(files: Files, admin: Actor) -> None:
    old = files.give(admin, "旧.txt", stream(old_rule()))
    same_day = files.give(admin, "新.txt", stream(rule(2020, *NEW_ARTICLES)))
    prose = files.give(admin, "讲话.txt", stream(speech()))
    files.publish(admin, [old.id])
    with pytest.raises(InputError, match="不晚于旧版本"):
        files.replace(admin, same_day.id, old.id)
    with pytest.raises(InputError, match="体例不同"):
        files.replace(admin, prose.id, old.id)
    with pytest.raises(InputError, match="自己"):
        files.replace(admin, old.id, old.id)
    assert files.counts()[FileState.PUBLISHED] == 1
    files.correct(admin, same_day.id, same_day.revision, Correction(effective=dt.date(2025, 1, 1)))
    assert files.replace(admin, same_day.id, old.id).state is FileState.PUBLISHED


def test_only_admins_change_the_library(files: Files, admin: Actor) -> None:
    file = files.give(admin, "讲话.txt", stream(speech()))
    others = (
        (Actor(None), SignInError),
        (Actor(None, label="系统"), SignInError),
        (person(files.database, Role.OFFICER), ForbiddenError),
        (person(files.database, Role.UNIT_ADMIN), ForbiddenError),
    )
    for actor, error in others:
        for attempt in (
            lambda a: files.give(a, "乙.txt", stream(b"x")),
            lambda a: files.correct(a, file.id, file.revision, Correction(title="改")),
            lambda a: files.publish(a, [file.id]),
            lambda a: files.replace(a, file.id, file.id),
            lambda a: files.retire(a, file.id),
            lambda a: files.bring_back(a, file.id),
            lambda a: files.delete(a, file.id),
            lambda a: files.undelete(a, file.id),
            files.purge,
        ):
            with pytest.raises(error):
                attempt(actor)
    assert files.get(file.id) == file and actions(files) == ["file.give"]


def test_searching(files: Files, admin: Actor) -> None:
    for number in range(5):
        files.give(admin, f"讲话{number}.txt", stream(speech(f"第{number}次。")), "甲" if number % 2 else "乙")
    files.give(admin, "100%_办法.txt", stream(old_rule()), "甲")
    assert files.search(text="自习室 办法").total == 1
    assert files.search(text="讲话").total == 5
    assert [f.name for f in files.search(text="讲话", category="甲").files] == ["讲话3.txt", "讲话1.txt"]
    assert files.search(text="%").total == 1 and files.search(text="_").total == 1 and files.search(text="'").total == 0
    page = files.search(page=3, per_page=2)
    assert (page.total, page.pages, [f.name for f in page.files]) == (6, 3, ["讲话1.txt", "讲话0.txt"])
    assert files.search(page=10**9).files == ()
    assert files.categories() == (("乙", 3), ("甲", 3))


def test_the_trail_says_what_was_corrected(quick_files: Files, admin: Actor) -> None:
    file = quick_files.give(admin, "讲话.txt", stream(speech()))
    quick_files.correct(admin, file.id, file.revision, Correction(title="新标题"))
    with quick_files.database.read() as session:
        last = list(entries(session))[-1]
        assert session.scalar(select(FileRow.shown_title)) == "新标题"
    assert '"title": ["None", "新标题"]' in last.detail and "新标题" in last.subject
