from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from study_bot.accounts.roles import Actor, Role
from study_bot.documents.files import Files
from study_bot.documents.folder_sync import FolderSync, SyncPlan, SyncReport
from study_bot.documents.stored import Correction, FileState
from study_bot.errors import ConflictError, ForbiddenError, InputError, SourceNotFoundError
from tests.documents.conftest import person
from tests.documents.samples import NEW_ARTICLES, new_rule, old_rule, rule, speech, stream


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "共享"
    (folder / "讲话").mkdir(parents=True)
    (folder / "办法.txt").write_bytes(old_rule())
    (folder / "讲话" / "读书.txt").write_bytes(speech())
    return folder


@pytest.fixture
def sync(quick_files: Files) -> FolderSync:
    return FolderSync(quick_files)


def run(sync: FolderSync, admin: Actor, folder: Path) -> SyncReport:
    return sync.apply(admin, folder, sync.plan(folder).digest)


def paths(plan: SyncPlan) -> dict[str, list[str]]:
    lists = {name: getattr(plan, name) for name in SyncPlan.__dataclass_fields__}
    return {name: [item.path for item in items] for name, items in lists.items() if items}


def test_the_first_time_everything_is_taken_in(sync: FolderSync, quick_files: Files, admin: Actor, share: Path) -> None:
    plan = sync.plan(share)
    assert paths(plan) == {"added": ["共享/办法.txt", "共享/讲话/读书.txt"]}
    assert quick_files.search().total == 0
    told: list[tuple[int, int, str]] = []
    report = sync.apply(admin, share, plan.digest, lambda *step: told.append(step))
    assert [(f.name, f.category, f.state) for f in report.added] == [
        ("办法.txt", "未分类", FileState.PUBLISHED), ("读书.txt", "讲话", FileState.PUBLISHED),
    ]  # fmt: skip
    assert told == [(0, 2, "共享/办法.txt"), (1, 2, "共享/讲话/读书.txt")]
    again = sync.plan(share)
    assert again.empty and len(again.same) == 2


def test_a_changed_file_is_a_new_version(sync: FolderSync, quick_files: Files, admin: Actor, share: Path) -> None:
    (old, _) = run(sync, admin, share).added
    quick_files.correct(admin, old.id, old.revision, Correction(aliases=("自习室办法",), category="规章"))
    (share / "办法.txt").write_bytes(new_rule())
    assert paths(sync.plan(share))["changed"] == ["共享/办法.txt"]
    (new,) = run(sync, admin, share).changed
    assert (new.replaces_id, new.category, new.correction.aliases) == (old.id, "规章", ("自习室办法",))
    assert quick_files.get(old.id).state is FileState.PUBLISHED
    assert sync.plan(share).empty


def test_a_version_of_the_same_date_takes_the_place_of_the_one_before(
    sync: FolderSync, quick_files: Files, admin: Actor, share: Path
) -> None:
    (old, _) = run(sync, admin, share).added
    (share / "办法.txt").write_bytes(rule(2020, *NEW_ARTICLES))
    (new,) = run(sync, admin, share).changed
    assert new.state is FileState.PUBLISHED
    assert quick_files.get(old.id).state is FileState.RETIRED
    assert sync.plan(share).empty


def test_what_is_gone_is_retired_with_its_earlier_versions(
    sync: FolderSync, quick_files: Files, admin: Actor, share: Path
) -> None:
    run(sync, admin, share)
    (share / "办法.txt").write_bytes(new_rule())
    run(sync, admin, share)
    (share / "办法.txt").unlink()
    plan = sync.plan(share)
    assert paths(plan)["gone"] == ["共享/办法.txt", "共享/办法.txt"]
    assert len(sync.apply(admin, share, plan.digest).retired) == 2
    assert quick_files.counts()[FileState.PUBLISHED] == 1
    (share / "办法.txt").write_bytes(new_rule())
    assert "已由管理员停用" in str(sync.plan(share).same[0])


def test_a_file_in_another_place_moves_and_takes_the_category(
    sync: FolderSync, quick_files: Files, admin: Actor, share: Path
) -> None:
    run(sync, admin, share)
    (share / "规章").mkdir()
    (share / "办法.txt").rename(share / "规章" / "管理办法.txt")
    plan = sync.plan(share)
    assert paths(plan) == {"moved": ["共享/规章/管理办法.txt"], "same": ["共享/讲话/读书.txt"]}
    (moved,) = sync.apply(admin, share, plan.digest).moved
    assert (moved.origin_path, moved.category, moved.state) == ("共享/规章/管理办法.txt", "规章", FileState.PUBLISHED)
    assert sync.plan(share).empty


def test_files_given_by_hand_are_not_the_folders(
    sync: FolderSync, quick_files: Files, admin: Actor, share: Path
) -> None:
    quick_files.publish(admin, [quick_files.give(admin, "通知.txt", stream(speech("通知。"))).id])
    quick_files.publish(admin, [quick_files.give(admin, "读书.txt", stream(speech())).id])
    plan = sync.plan(share)
    assert paths(plan) == {"added": ["共享/办法.txt"], "same": ["共享/讲话/读书.txt"]}
    run(sync, admin, share)
    other = share.parent / "另一个共享"
    other.mkdir()
    (other / "甲.txt").write_bytes(speech("甲。"))
    assert paths(sync.plan(other)) == {"added": ["另一个共享/甲.txt"]}


def test_the_folders_catalog_is_followed(sync: FolderSync, admin: Actor, share: Path) -> None:
    (share / "catalog.toml").write_text(
        '[[documents]]\npath = "讲话/读书.txt"\ntitle = "谈读书"\npromulgated = 2023-05-01\ncategory = "专家课堂"\n',
        encoding="utf-8",
    )
    file = run(sync, admin, share).added[1]
    assert (file.title, file.category) == ("谈读书", "专家课堂")
    assert file.understood is not None and file.understood.promulgated == dt.date(2023, 5, 1)


def test_what_cannot_be_taken_in_is_told_and_stops_nothing(sync: FolderSync, admin: Actor, share: Path) -> None:
    (share / "空.txt").write_bytes(b"")
    (share / "坏.docx").write_bytes(b"PK\x03\x04 no archive")
    (share / "程序.exe").write_bytes(b"MZ")
    (share / "大.txt").write_bytes(b"a" * 1_100_000)
    (share / "副本.txt").write_bytes(speech())
    plan = sync.plan(share)
    assert paths(plan)["errors"] == ["共享/大.txt", "共享/程序.exe"]
    report = sync.apply(admin, share, plan.digest)
    assert sorted(item.path for item in report.errors) == ["共享/坏.docx", "共享/空.txt"]
    assert all(item.note for item in report.errors)
    after = sync.plan(share)
    assert after.empty and len(after.errors) == 4


@pytest.mark.parametrize("step", ["publish", "replace"])
def test_an_earlier_run_that_was_cut_short_is_completed(
    step: str,
    sync: FolderSync,
    quick_files: Files,
    admin: Actor,
    share: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(sync, admin, share)
    (share / "办法.txt").write_bytes(new_rule())
    (share / "新.txt").write_bytes(speech("新。"))

    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(quick_files, step, killed)
        with pytest.raises(KilledError):
            run(sync, admin, share)
    assert quick_files.counts()[FileState.DRAFT] == 1
    report = run(sync, admin, share)
    assert (len(report.changed), report.errors) == (1, ())
    assert sync.plan(share).empty
    assert quick_files.counts()[FileState.DRAFT] == 0 and quick_files.counts()[FileState.PUBLISHED] == 4


def test_what_was_not_told_is_not_done(sync: FolderSync, quick_files: Files, admin: Actor, share: Path) -> None:
    digest = sync.plan(share).digest
    (share / "新.txt").write_bytes(speech("新。"))
    with pytest.raises(ConflictError, match="又有变化"):
        sync.apply(admin, share, digest)
    officer = person(quick_files.database, Role.OFFICER)
    with pytest.raises(ForbiddenError):
        run(sync, officer, share)
    assert quick_files.search().total == 0


def test_a_share_that_is_not_there_takes_nothing_away(
    sync: FolderSync, quick_files: Files, admin: Actor, share: Path, tmp_path: Path
) -> None:
    run(sync, admin, share)
    empty = tmp_path / "空" / "共享"
    empty.mkdir(parents=True)
    for folder in (empty, tmp_path / "没有"):
        with pytest.raises(SourceNotFoundError):
            sync.plan(folder)
    for own in (tmp_path, quick_files.settings.data_dir, quick_files.settings.data_dir / "content"):
        with pytest.raises(InputError, match="自己的数据"):
            sync.plan(own)
