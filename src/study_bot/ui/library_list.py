"""Choosing and drawing the documents of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.text import search_form
from study_bot.types import DocumentKind, Version, VersionStatus
from study_bot.ui.links import reader_url
from study_bot.ui.markup import esc, icon, status_badge

ALL_STATUSES = "全部状态"
ALL_KINDS = "全部类别"

STATUS_CHOICES = {
    ALL_STATUSES: None,
    "现行有效": frozenset({VersionStatus.IN_FORCE}),
    "尚未施行": frozenset({VersionStatus.NOT_YET}),
    "已修改或废止": frozenset({VersionStatus.AMENDED, VersionStatus.REPEALED}),
}

KIND_LABELS = {
    DocumentKind.STATUTE: "法规制度",
    DocumentKind.PROSE: "文稿",
    DocumentKind.TABLE: "表格",
    DocumentKind.SLIDES: "课件",
    DocumentKind.BEIR: "语料条目",
}

# The version that stands for its document comes first.
_STATUS_ORDER = (
    VersionStatus.IN_FORCE,
    VersionStatus.UNKNOWN,
    VersionStatus.NOT_YET,
    VersionStatus.AMENDED,
    VersionStatus.REPEALED,
)


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """A document: the version that stands for it, and the others."""

    main: Version
    others: tuple[Version, ...] = ()


def kind_words(version: Version) -> str:
    """What a document is, in a word: its classroom where it has one, else its form."""
    return version.category or KIND_LABELS[version.kind]


def kinds_of(library: Sequence[Version]) -> list[str]:
    """All words of `kind_words` in use, sorted."""
    return sorted({kind_words(version) for version in library})


def select(library: Sequence[Version], *, words: str, status: str, kind: str) -> list[DocumentGroup]:
    """The documents with a version that fits, by title. Every word has to occur in title, alias or path.

    :param status: a key of STATUS_CHOICES; an unknown one means all.
    :param kind: a word of `kinds_of`, or ALL_KINDS.
    """
    wanted = search_form(words[:100]).replace("《", " ").replace("》", " ").split()
    allowed = STATUS_CHOICES.get(status)
    found: dict[str, list[Version]] = {}
    for version in library:
        if allowed is not None and version.status not in allowed:
            continue
        if kind != ALL_KINDS and kind_words(version) != kind:
            continue
        haystack = search_form(" ".join((version.title, *version.aliases, version.path)))
        if all(word in haystack for word in wanted):
            found.setdefault(version.doc_id, []).append(version)
    groups = [_group(versions) for versions in found.values()]
    return sorted(groups, key=lambda group: (kind_words(group.main), group.main.title))


def _group(versions: list[Version]) -> DocumentGroup:
    def rank(version: Version) -> tuple[int, int]:
        day = version.promulgated or version.effective
        return _STATUS_ORDER.index(version.status), -day.toordinal() if day else 0

    first, *others = sorted(versions, key=rank)
    return DocumentGroup(first, tuple(others))


def render_library(groups: Sequence[DocumentGroup], found: int, total: int, root: str) -> str:
    """The list, with a line that says how many there are."""
    if not total:
        return _empty("文献库还没有内容。", "管理员建立索引后，文献会出现在这里。")
    if not groups:
        return _empty("没有符合条件的文献。", "换个说法，或放宽状态和类别。")
    rows = "".join(_row(group, root) for group in groups)
    return f'<p class="lib-count" role="status">共 {found:,} 部文献</p><ul class="lib">{rows}</ul>'


def _empty(title: str, advice: str) -> str:
    return f'<div class="lib-empty">{icon("book")}<p>{title}</p><p class="small">{advice}</p></div>'


def _row(group: DocumentGroup, root: str) -> str:
    main = group.main
    facts = [
        main.category or "",
        KIND_LABELS[main.kind],
        _date_words(main),
        f"{main.articles:,} 条" if main.articles else "",
    ]
    facts.append("扫描识别" if main.ocr else "")
    others = "".join(
        f"<li>{_link(v, root, _date_words(v) or v.path)}{status_badge(v.status)}</li>" for v in group.others
    )
    warnings = "".join(f"<p>{esc(warning)}</p>" for warning in main.warnings)
    return (
        f'<li class="lib-row"><div class="lib-main">{_link(main, root, main.title)}{status_badge(main.status)}</div>'
        f'<p class="lib-meta">{"".join(f"<span>{esc(fact)}</span>" for fact in facts if fact)}</p>'
        f'<p class="lib-path">{esc(main.path)}</p>'
        + (_fold(f"其他版本（{len(group.others)}）", f"<ul>{others}</ul>") if others else "")
        + (_fold(f"读取提示（{len(main.warnings)}）", warnings) if warnings else "")
        + "</li>"
    )


def _fold(words: str, inside: str) -> str:
    chevron = f'<span class="chevron">{icon("down")}</span>'
    return f'<details class="lib-others"><summary>{words}{chevron}</summary>{inside}</details>'


def _link(version: Version, root: str, words: str) -> str:
    href = esc(reader_url(root, version.version_id))
    return f'<a href="{href}" target="_blank" rel="noopener" data-reader>{esc(words)}</a>'


def _date_words(version: Version) -> str:
    if version.effective:
        return f"{version.effective:%Y-%m-%d} 施行"
    if version.promulgated:
        return f"{version.promulgated:%Y-%m-%d} 公布"
    return ""
