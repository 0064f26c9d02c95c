"""Keeping the library in step with a folder (a share): what would change is told first, and done only as it was told.

New files are taken in and published, changed ones become new versions, those that are gone are retired. Every file is a
step of its own; what a kill leaves undone shows in the next plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from study_bot.accounts.roles import Actor, Role
from study_bot.documents import queries
from study_bot.documents.files import Files
from study_bot.documents.names import clean_name
from study_bot.documents.stored import Correction, FileState, Origin, StoredFile
from study_bot.errors import ConflictError, InputError, LoadError, SourceNotFoundError
from study_bot.index.sources import SourceFile, scan_sources
from study_bot.library.catalog import SidecarEntry, read_sidecar
from study_bot.library.loaders.limits import MEGABYTE, megabytes
from study_bot.library.loaders.registry import SUPPORTED_SUFFIXES

MAX_ORIGIN_PATH = 500


@dataclass(frozen=True, slots=True)
class SyncItem:
    """A file of the folder, or one that was in it.

    `path` begins with the folder's own name. `file_id` is the file in the library that the item is about: the version
    before, the draft read already, the file to retire; None = there is none yet. `note` is a sentence for the admin.
    """

    path: str
    title: str = ""
    note: str = ""
    sha256: str = ""
    file_id: int | None = None
    draft_id: int | None = None
    revision: int = 0

    def __str__(self) -> str:
        words = self.path + (f"《{self.title}》" if self.title else "")
        return f"{words}：{self.note}" if self.note else words


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What applying would do, each list by path. `digest` stands for all of it."""

    added: tuple[SyncItem, ...] = ()
    changed: tuple[SyncItem, ...] = ()
    moved: tuple[SyncItem, ...] = ()
    gone: tuple[SyncItem, ...] = ()
    same: tuple[SyncItem, ...] = ()
    errors: tuple[SyncItem, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal plans only."""
        lists = (self.added, self.changed, self.moved, self.gone)
        return hashlib.sha256(repr(lists).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.moved or self.gone)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What was done: files by what became of them, and items that could not be done, with the reason as `note`."""

    added: tuple[StoredFile, ...] = ()
    changed: tuple[StoredFile, ...] = ()
    moved: tuple[StoredFile, ...] = ()
    retired: tuple[StoredFile, ...] = ()
    errors: tuple[SyncItem, ...] = ()


class FolderSync:
    """Compares folders with the library. A folder is known by its name; its files by their paths below it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def plan(self, folder: Path) -> SyncPlan:
        """What would change. Nothing is changed by this; who may look at the folder is the caller's to check.

        :raises SourceNotFoundError: the folder is not there, or empty: a share that is not mounted takes nothing away.
        :raises InputError: it holds the program's own data.
        :raises SettingsError: a `catalog.toml` in it is wrong.
        """
        return _Comparison(self._files, self._scan(folder)).plan()

    def apply(
        self, actor: Actor, folder: Path, digest: str, on_file: Callable[[int, int, str], None] | None = None
    ) -> SyncReport:
        """Do what a plan says.

        :param digest: that of the plan which the admin saw.
        :param on_file: told before each file: how many are done, how many there are, and its path.
        :raises ConflictError: the folder or the library changed since.
        :raises AccessError: the actor is not an admin.
        """
        actor.allow(Role.ADMIN)
        sources = self._scan(folder)
        plan = _Comparison(self._files, sources).plan()
        if plan.digest != digest:
            raise ConflictError("文件夹或文献库在核对之后又有变化。请重新核对后再执行。")
        by_path = {source.name: source for source in sources}
        sidecar = read_sidecar(folder.resolve())
        entries = {path: sidecar.entry(source.relative) for path, source in by_path.items()}
        return _Application(self._files, actor, by_path, entries, on_file or (lambda *_: None)).run(plan)

    def _scan(self, folder: Path) -> tuple[SourceFile, ...]:
        if not folder.is_dir():
            raise SourceNotFoundError(f"文件夹 {folder} 不存在或没有读取权限。请检查路径，以及共享盘是否已连接。")
        settings, place = self._files.settings, folder.resolve()
        for own in (settings.data_dir.resolve(), settings.index_dir.resolve()):
            if place == own or place in own.parents or own in place.parents:
                raise InputError("这个文件夹含有本系统自己的数据或索引，不能用来同步。请选择存放文献的文件夹。")
        return scan_sources([place]).files


@dataclass(slots=True)
class _Comparison:
    """One look at a folder and at the library."""

    files: Files
    sources: tuple[SourceFile, ...]
    lists: dict[str, list[SyncItem]] = field(default_factory=dict)

    def plan(self) -> SyncPlan:
        """Sort every file into its list."""
        label = self.sources[0].name.split("/", 1)[0]
        with self.files.database.read() as session:
            known = [self.files.value(row) for row in queries.of_folder(session, label)]
        present = {source.name for source in self.sources}
        seen: set[str] = set()
        moved: set[int] = set()
        for source in self.sources:
            if (problem := self._problem(source)) is not None:
                self._put("errors", SyncItem(source.name, note=problem))
                continue
            sha256 = source.content_hash or ""
            if sha256 in seen:
                self._put("same", SyncItem(source.name, note="与文件夹中另一个文件内容相同，只收一份。"))
                continue
            seen.add(sha256)
            twin = self.files.by_content(sha256)
            if twin is None:
                self._new_content(source, known)
            elif twin.origin_path == source.name:
                self._known_content(source, twin, known)
            elif twin.origin_path is not None and twin in known and twin.origin_path not in present:
                moved.add(twin.id)
                self._put("moved", _item(source, twin, f"原在 {twin.origin_path}"))
            else:
                self._put("same", _item(source, twin, "内容与文献库中已有的文件相同。"))
        for file in known:
            if file.state is FileState.PUBLISHED and file.origin_path not in present and file.id not in moved:
                path = file.origin_path or ""
                self._put("gone", SyncItem(path, file.title, file_id=file.id, revision=file.revision))
        return SyncPlan(**{name: tuple(sorted(items, key=lambda i: i.path)) for name, items in self.lists.items()})

    def _put(self, name: str, item: SyncItem) -> None:
        self.lists.setdefault(name, []).append(item)

    def _problem(self, source: SourceFile) -> str | None:
        limit = int(self.files.settings.max_file_mb * MEGABYTE)
        if source.content_hash is None:
            return "没有读取权限，或文件已被移走。"
        if len(source.name) > MAX_ORIGIN_PATH:
            return f"路径太长（上限 {MAX_ORIGIN_PATH} 个字）。"
        if source.size > limit:
            return f"超过上限 {megabytes(limit)}；请拆分文件，或请维护人员调大 max_file_mb。"
        name = PurePosixPath(source.relative).name
        if PurePosixPath(name).suffix.lower() not in SUPPORTED_SUFFIXES:
            return f"不支持的格式；可以收入的有：{'、'.join(sorted(SUPPORTED_SUFFIXES))}。"
        try:
            clean_name(name)
        except InputError as error:
            return str(error)
        return None

    def _new_content(self, source: SourceFile, known: Iterable[StoredFile]) -> None:
        before = _version_before(source, known)
        if before is None:
            self._put("added", SyncItem(source.name, sha256=source.content_hash or ""))
        else:
            self._put("changed", _item(source, before))

    def _known_content(self, source: SourceFile, twin: StoredFile, known: Iterable[StoredFile]) -> None:
        """A file read already: done with, unless it is a draft that an earlier run left."""
        if twin.state is not FileState.DRAFT:
            note = "已由管理员停用。" if twin.state is FileState.RETIRED else ""
            self._put("same", _item(source, twin, note))
        elif twin.error is not None:
            self._put("errors", _item(source, twin, twin.error))
        elif (before := _version_before(source, known)) is not None:
            self._put("changed", replace(_item(source, before), draft_id=twin.id))
        else:
            self._put("added", replace(_item(source, twin), file_id=None, draft_id=twin.id))


@dataclass(slots=True)
class _Application:
    """One run that does what a plan says. What fails gets into the report and stops nothing."""

    files: Files
    actor: Actor
    sources: dict[str, SourceFile]
    entries: dict[str, SidecarEntry]
    on_file: Callable[[int, int, str], None]
    errors: list[SyncItem] = field(default_factory=list)

    def run(self, plan: SyncPlan) -> SyncReport:
        total = len(plan.added) + len(plan.changed) + len(plan.moved) + len(plan.gone)
        done: dict[str, list[StoredFile]] = {"added": [], "changed": [], "moved": [], "retired": []}
        steps = (
            *(("moved", item, self._follow) for item in plan.moved),
            *(("added", item, self._add) for item in plan.added),
            *(("changed", item, self._renew) for item in plan.changed),
            *(("retired", item, self._retire) for item in plan.gone),
        )
        for number, (name, item, step) in enumerate(steps):
            self.on_file(number, total, item.path)
            try:
                done[name].append(step(item))
            except (ConflictError, InputError, LoadError) as error:
                self.errors.append(replace(item, note=str(error)))
            except OSError as error:
                self.errors.append(replace(item, note=f"文件读不出来（{error.strerror or error}）。"))
        return SyncReport(**{name: tuple(found) for name, found in done.items()}, errors=tuple(self.errors))

    def _add(self, item: SyncItem) -> StoredFile:
        draft = self._draft(item, self._correction(item.path))
        return self.files.publish(self.actor, [draft.id])[0]

    def _renew(self, item: SyncItem) -> StoredFile:
        before = self.files.get(item.file_id or 0)
        draft = self._draft(item, self._correction(item.path, before))
        try:
            return self.files.replace(self.actor, draft.id, before.id)
        except InputError:
            # Of the same date, or no longer read as the same kind of text: the two cannot both be asked "as of" a day.
            if before.state is FileState.PUBLISHED:
                self.files.retire(self.actor, before.id, before.revision)
            return self.files.publish(self.actor, [draft.id])[0]

    def _retire(self, item: SyncItem) -> StoredFile:
        return self.files.retire(self.actor, item.file_id or 0, item.revision)

    def _follow(self, item: SyncItem) -> StoredFile:
        return self.files.follow(self.actor, item.file_id or 0, item.revision, item.path, _folder_of(item.path))

    def _draft(self, item: SyncItem, correction: Correction) -> StoredFile:
        """The draft that an earlier run left, or the file taken in now.

        :raises InputError: it cannot be read, or is being written to.
        """
        if item.draft_id is not None:
            return self.files.get(item.draft_id)
        source = self.sources[item.path]
        with source.path.open("rb") as stream:
            draft = self.files.give(
                self.actor,
                PurePosixPath(source.relative).name,
                stream,
                correction=correction,
                origin=Origin.FOLDER,
                origin_path=source.name,
            )
        if draft.error is not None:
            raise InputError(draft.error)
        if draft.sha256 != item.sha256:
            raise InputError("读取时文件正被改动，没有发布。请等它保存好后再同步一次。")
        return draft

    def _correction(self, path: str, before: StoredFile | None = None) -> Correction:
        """What the folder's catalog says; of a new version also what was said of the one before, but for its dates."""
        given = Correction.from_entry(self.entries[path])
        earlier = before.correction if before else Correction()
        return replace(
            given,
            title=given.title or earlier.title,
            category=given.category or earlier.category or _folder_of(path),
            aliases=given.aliases or earlier.aliases,
            version_of=given.version_of or earlier.version_of,
        )


def _item(source: SourceFile, file: StoredFile, note: str = "") -> SyncItem:
    return SyncItem(source.name, file.title, note, source.content_hash or "", file_id=file.id, revision=file.revision)


def _version_before(source: SourceFile, known: Iterable[StoredFile]) -> StoredFile | None:
    """The file that was taken in from the same place last and published, retired ones only if there is no other."""
    earlier = [file for file in known if file.origin_path == source.name and file.state is not FileState.DRAFT]
    return max(earlier, key=lambda file: (file.state is FileState.PUBLISHED, file.id), default=None)


def _folder_of(path: str) -> str | None:
    """The first folder below the synced one: the category of what lies in it."""
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 else None
