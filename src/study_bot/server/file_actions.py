"""What the pages of the library let an admin do to files, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from study_bot.accounts.roles import Actor
from study_bot.documents.stored import FileState
from study_bot.errors import StudyBotError

if TYPE_CHECKING:
    from study_bot.office import Office

WORDS = {
    "publish": "发布",
    "retire": "停用",
    "bring_back": "恢复使用",
    "delete": "删除",
    "undelete": "撤销删除",
}

BULK: dict[FileState | None, tuple[str, ...]] = {
    FileState.DRAFT: ("publish", "delete"),
    FileState.PUBLISHED: ("retire",),
    FileState.RETIRED: ("bring_back", "delete"),
    FileState.DELETED: ("undelete",),
}
"""What may be done to many files at once, by the state they are in."""


def each_file(office: Office, actor: Actor, name: str, ids: Sequence[int]) -> tuple[int, list[str]]:
    """Do something to each file by itself: one that cannot be changed does not stop the others.

    :return: how many were changed, and the Chinese sentences of those that were not.
    """
    done, failed = 0, []
    for file_id in ids:
        try:
            one_file(office, actor, name, file_id)
            done += 1
        except StudyBotError as error:
            failed.append(str(error))
    return done, failed


def one_file(office: Office, actor: Actor, name: str, file_id: int) -> None:
    """Do to one file what `name`, a key of WORDS, says; raises as the method of `Files` does."""
    files = office.files
    actions: dict[str, Callable[[], object]] = {
        "publish": lambda: files.publish(actor, [file_id]),
        "retire": lambda: files.retire(actor, file_id),
        "bring_back": lambda: files.bring_back(actor, file_id),
        "delete": lambda: files.delete(actor, file_id),
        "undelete": lambda: files.undelete(actor, file_id),
    }
    actions[name]()


def index_follows(office: Office, actor: Actor, done: int) -> str:
    """Ask for an index of what was published just now: whoever publishes wants it found. Says what happens, "" if
    nothing does.

    An index that was made elsewhere is not replaced without being asked for.
    """
    if not done or not office.builds.stale():
        return ""
    if office.foreign_index():
        return "现有索引不是由文献库建立的，没有自动更新；请到“索引”页确认后更新。"
    office.builds.request(actor)
    office.runner.wake()
    return "正在更新索引，完成后即可检索到变化。"
