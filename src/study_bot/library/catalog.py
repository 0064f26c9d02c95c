"""Documents and their versions: what each is called, since when and until when it holds, where it belongs.

The text decides; front matter and the sidecar `catalog.toml` override it. A sidecar looks like

    [[documents]]
    path = "规章/学习管理规定.docx"      # relative to the file itself
    title = "…"                          # every key but path is optional
    category = "政治课堂"
    promulgated = 2025-03-01
    effective = 2025-04-01
    repealed = 2026-01-01
    status = "现行有效"                  # or 已修改 已废止 尚未施行 有效性未核实
    aliases = ["学习规定"]
    version_of = "…"                     # title of the document this is a version of

and may begin with `examples = ["…", "…"]`: questions offered to first-time users.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from study_bot.errors import SettingsError
from study_bot.library.history import History, choose_title, read_history
from study_bot.library.structure import kind_of, parse_structure
from study_bot.library.tree import articles_of
from study_bot.text import parse_date, short_title, strip_version_words
from study_bot.types import DocumentKind, LoadedFile, Version, VersionStatus, VersionText

SIDECAR_NAME = "catalog.toml"

_STATUS_WORDS = {
    "现行有效": VersionStatus.IN_FORCE,
    "有效": VersionStatus.IN_FORCE,
    "已修改": VersionStatus.AMENDED,
    "已修订": VersionStatus.AMENDED,
    "已废止": VersionStatus.REPEALED,
    "废止": VersionStatus.REPEALED,
    "失效": VersionStatus.REPEALED,
    "已失效": VersionStatus.REPEALED,
    "尚未施行": VersionStatus.NOT_YET,
    "尚未生效": VersionStatus.NOT_YET,
    "有效性未核实": VersionStatus.UNKNOWN,
}
_DATE_KEYS = {
    "promulgated": ("promulgated", "publish_date", "公布日期", "version_date"),
    "effective": ("effective", "implement_date", "effective_date", "施行日期"),
    "repealed": ("repealed", "废止日期"),
}
_INACTIVE = (VersionStatus.REPEALED, VersionStatus.AMENDED)


@dataclass(frozen=True, slots=True)
class SidecarEntry:
    """What an admin wrote of one file; None = left to the text."""

    title: str | None = None
    category: str | None = None
    promulgated: dt.date | None = None
    effective: dt.date | None = None
    repealed: dt.date | None = None
    status: VersionStatus | None = None
    aliases: tuple[str, ...] = ()
    version_of: str | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Entries by path relative to the source folder, POSIX separators; example questions for a first visit."""

    entries: Mapping[str, SidecarEntry] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    def entry(self, relative_path: str) -> SidecarEntry:
        """The entry of a file; an empty one if there is none."""
        return self.entries.get(relative_path, SidecarEntry())


def read_sidecar(root: Path) -> Sidecar:
    """Read every `catalog.toml` at or below `root` (a folder).

    :raises SettingsError: a file is not TOML, or an entry has a wrong key or value.
    """
    entries: dict[str, SidecarEntry] = {}
    examples: list[str] = []
    if not root.is_dir():
        return Sidecar()
    for path in sorted(root.rglob(SIDECAR_NAME)):
        folder = path.parent.relative_to(root)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path.name} 不是有效的 TOML 文件：{error}。请改正后再建索引。") from None
        examples += _texts(data, "examples", path.name)
        for row in data.get("documents", []):
            relative, entry = _sidecar_entry(row)
            entries[str(PurePosixPath(folder.as_posix()) / relative).removeprefix("./")] = entry
    return Sidecar(entries, tuple(dict.fromkeys(examples)))


def _sidecar_entry(row: Mapping[str, object]) -> tuple[str, SidecarEntry]:
    known = {"path", *SidecarEntry.__dataclass_fields__}
    if not isinstance(row, Mapping) or not isinstance(row.get("path"), str):
        raise SettingsError(f"{SIDECAR_NAME} 的每个 [[documents]] 都要有 path（文件的相对路径）。")
    if unknown := sorted(set(row) - known):
        raise SettingsError(f"{SIDECAR_NAME} 中 {row['path']} 有不认识的项：{'、'.join(unknown)}。")
    return str(row["path"]), SidecarEntry(
        title=_optional_text(row, "title"),
        category=_optional_text(row, "category"),
        promulgated=_sidecar_date(row, "promulgated"),
        effective=_sidecar_date(row, "effective"),
        repealed=_sidecar_date(row, "repealed"),
        status=_sidecar_status(row),
        aliases=_texts(row, "aliases", str(row["path"])),
        version_of=_optional_text(row, "version_of"),
    )


def _texts(row: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise SettingsError(f'{SIDECAR_NAME} 中 {where} 的 {key} 应写成 ["文字", "文字"]。')
    return tuple(value)


def _optional_text(row: Mapping[str, object], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{SIDECAR_NAME} 中 {row['path']} 的 {key} 应是文字。")
    return value or None


def _sidecar_date(row: Mapping[str, object], key: str) -> dt.date | None:
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str) and (date := parse_date(value)) is not None:
        return date
    raise SettingsError(f"{SIDECAR_NAME} 中 {row['path']} 的 {key} 应写成 2025-06-27 这样的日期。")


def _sidecar_status(row: Mapping[str, object]) -> VersionStatus | None:
    value = row.get("status")
    if value is None:
        return None
    if value not in _STATUS_WORDS:
        raise SettingsError(f"{SIDECAR_NAME} 中 {row['path']} 的 status 只能是：{'、'.join(_STATUS_WORDS)}。")
    return _STATUS_WORDS[str(value)]


def describe(
    relative_path: str, loaded: LoadedFile, content_hash: str, entry: SidecarEntry | None = None
) -> tuple[Version, VersionText]:
    """Name and date a loaded file, and parse it.

    :param relative_path: path below the source folder, POSIX separators; its first folder is the default category.
    :param content_hash: hex digest of the file's bytes.
    :return: the version (status not yet compared with other versions: see `link_versions`) and its text.
    """
    entry = entry or SidecarEntry()
    path = PurePosixPath(relative_path)
    statute = kind_of(loaded) is DocumentKind.STATUTE
    title = entry.title or choose_title(loaded, path.stem, statute=statute)
    version_text = parse_structure(loaded, title)
    history = read_history(version_text, path.stem)
    dates = {key: _date(key, entry, loaded.metadata, history) for key in _DATE_KEYS}
    category = entry.category or loaded.metadata.get("category") or (path.parts[0] if len(path.parts) > 1 else None)
    doc_id = document_id(entry.version_of or title, version_text.kind, category)
    warnings = list(version_text.warnings)
    if history.amended_since and dates["effective"] is None:
        warnings.append(
            "文中只有最初的施行日期，未写明本次修改的施行日期；"
            "如有需要请补登施行日期（管理页的“更正”，或 catalog.toml 的 effective）。"
        )
    version = Version(
        version_id=f"{doc_id}-{content_hash[:8]}",
        doc_id=doc_id,
        title=title,
        kind=version_text.kind,
        path=relative_path,
        format=loaded.format,
        content_hash=content_hash,
        aliases=_aliases(title, entry),
        promulgated=dates["promulgated"],
        effective=dates["effective"],
        repealed=dates["repealed"],
        status=_own_status(entry, loaded.metadata, history, version_text.kind),
        category=category,
        articles=len({a.article for a in articles_of(version_text.root)}),
        ocr=version_text.ocr,
        warnings=tuple(warnings),
    )
    return version, version_text


def document_id(title: str, kind: DocumentKind, category: str | None) -> str:
    """Identity shared by the versions of a document: of a statute its everyday name, of anything else its
    name within its category."""
    key = f"statute:{short_title(title)}" if kind is DocumentKind.STATUTE else f"{kind.value}:{category or ''}:{title}"
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _date(key: str, entry: SidecarEntry, metadata: Mapping[str, str], history: History) -> dt.date | None:
    given: dt.date | None = getattr(entry, key)
    if given is not None:
        return given
    for name in _DATE_KEYS[key]:
        if (date := parse_date(metadata.get(name, ""))) is not None:
            return date
    stated: dt.date | None = getattr(history, key)
    return stated


def _aliases(title: str, entry: SidecarEntry) -> tuple[str, ...]:
    names = [short_title(title), *(strip_version_words(a) for a in entry.aliases)]
    return tuple(dict.fromkeys(name for name in names if name and name != title))


def _own_status(
    entry: SidecarEntry, metadata: Mapping[str, str], history: History, kind: DocumentKind
) -> VersionStatus:
    if entry.status is not None:
        return entry.status
    if (status := _STATUS_WORDS.get(metadata.get("status", "").strip())) is not None:
        return status
    if history.old:
        return VersionStatus.REPEALED
    return VersionStatus.IN_FORCE if kind is DocumentKind.STATUTE else VersionStatus.UNKNOWN


def link_versions(
    versions: Sequence[Version], repeals: Mapping[str, tuple[str, ...]], today: dt.date
) -> tuple[Version, ...]:
    """Compare the versions of each document and follow repeal clauses; give each its status on `today`.

    The version that took effect last by `today` is in force; the ones before it end on the day the next begins. Of
    versions with the same dates the one given last counts as the newest: a later source goes before an earlier one.

    :param repeals: version_id -> titles its closing articles repeal.
    :return: the versions in the order given.
    """
    linked = {version.version_id: version for version in versions}
    by_document: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        if version.kind is DocumentKind.STATUTE:
            by_document[version.doc_id].append(version)
    for group in by_document.values():
        for version in _chain(group):
            linked[version.version_id] = version
    by_title: dict[str, list[str]] = defaultdict(list)
    for version in versions:
        by_title[short_title(version.title)].append(version.version_id)
    for version_id, titles in repeals.items():
        for title in titles:
            for old_id in by_title.get(short_title(title), []):
                linked[old_id] = _repealed_by(linked[old_id], linked[version_id])
    return tuple(replace(linked[v.version_id], status=validity(linked[v.version_id], today)) for v in versions)


def _start(version: Version) -> dt.date | None:
    return version.effective or version.promulgated


def _chain(group: Sequence[Version]) -> list[Version]:
    """End each version where its successor begins."""
    ordered = sorted(group, key=lambda v: (v.status not in _INACTIVE, _start(v) or dt.date.min))
    chained = []
    for version, successor in zip(ordered, [*ordered[1:], None], strict=True):
        if successor is None or successor.version_id == version.version_id:
            chained.append(version)
            continue
        begins = _start(successor)
        warnings = version.warnings
        if begins is None or begins == _start(version):
            warnings = (
                *warnings,
                f"与《{successor.title}》（{successor.path}）是同一文献且日期相同，以后者为准；"
                "请写明日期（管理页的“更正”，或 catalog.toml）。",
            )
        status = version.status if version.status in _INACTIVE else VersionStatus.AMENDED
        chained.append(replace(version, status=status, repealed=version.repealed or begins, warnings=warnings))
    return chained


def _repealed_by(old: Version, new: Version) -> Version:
    begins = _start(new)
    older = begins is not None and (_start(old) or dt.date.min) < begins
    if old.version_id == new.version_id or not older:
        return old
    return replace(
        old, status=VersionStatus.REPEALED, repealed=min(old.repealed or begins or dt.date.max, begins or dt.date.max)
    )


def validity(version: Version, day: dt.date) -> VersionStatus:
    """Status of a version on `day`. A superseded version whose end is unknown counts as ended."""
    start = _start(version)
    if version.status is VersionStatus.UNKNOWN and version.repealed is None:
        return VersionStatus.UNKNOWN
    if start is not None and day < start and version.effective is not None:
        return VersionStatus.NOT_YET
    if version.repealed is not None:
        if day < version.repealed:
            return VersionStatus.IN_FORCE
        return version.status if version.status in _INACTIVE else VersionStatus.REPEALED
    if version.status in _INACTIVE:
        return version.status
    return VersionStatus.IN_FORCE
