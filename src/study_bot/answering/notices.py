"""Remarks that belong to an answer: a version out of force, a law that has changed since, recognised text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from study_bot.library.catalog import validity
from study_bot.text import short_title
from study_bot.types import Citation, Version, VersionStatus

_INACTIVE = (VersionStatus.REPEALED, VersionStatus.AMENDED, VersionStatus.NOT_YET)


def notices_of(
    citations: Sequence[Citation],
    version_of: Callable[[str], Version],
    siblings_of: Callable[[Version], Iterable[Version]],
    as_of: dt.date | None,
    today: dt.date,
) -> tuple[str, ...]:
    """Remarks on the versions cited, each once, in the order of the citations.

    :param siblings_of: the other versions of a version's document.
    :param as_of: the day the question asks about, None = today.
    """
    notices: list[str] = []
    for version_id in dict.fromkeys(citation.version_id for citation in citations):
        version = version_of(version_id)
        if as_of is not None:
            notices += _on_that_day(version, tuple(siblings_of(version)), as_of, today)
        else:
            notices += _not_in_force(version, siblings_of(version), today)
        if version.ocr:
            notices.append(f"《{short_title(version.title)}》由扫描件识别，个别字可能有误，请与原件核对。")
    return tuple(dict.fromkeys(notices))


def _on_that_day(version: Version, siblings: Sequence[Version], as_of: dt.date, today: dt.date) -> list[str]:
    """Which version was in force on the day asked of, and what has become of it since."""
    name = f"《{short_title(version.title)}》"
    then, now = validity(version, as_of), validity(version, today)
    if then in _INACTIVE:
        return [f"{name}的这一版本在{_day(as_of)}并非有效版本（{then.label}）。"]
    if then is not VersionStatus.IN_FORCE or as_of == today:
        return []
    if version.promulgated and as_of < version.promulgated:  # the text came later, though the law may be older
        return [
            f"文献库中没有{_day(as_of)}有效的{name}。以下引自此后{_announced(version).strip('（）')}的版本，"
            "当时的规定可能不同，请另行查证。"
        ]
    chosen = f"按{_day(as_of)}有效的{name}{_announced(version)}回答"
    if now is VersionStatus.IN_FORCE:
        # Without another version there was none to choose from.
        return [f"{chosen}，这一版本现在仍然有效。"] if siblings else []
    if now is VersionStatus.NOT_YET:
        return [f"{chosen}，这一版本今天尚未施行。"]
    ended = f"，自{_day(version.repealed)}起不再适用" if version.repealed else ""
    current = next((v for v in siblings if validity(v, today) is VersionStatus.IN_FORCE), None)
    where = (
        f"现行版本{_announced(current)}也在文献库中，现在发生的事请按现行版本。"
        if current
        else "现行版本不在文献库中，请另行查证。"
    )
    return [f"{chosen}。此后规定有变化：这一版本{now.label}{ended}。{where}"]


def _not_in_force(version: Version, siblings: Iterable[Version], today: dt.date) -> list[str]:
    status = validity(version, today)
    if status not in _INACTIVE:
        return []
    name = f"《{short_title(version.title)}》"
    if status is VersionStatus.NOT_YET:
        begins = f"（自{_day(version.effective)}起施行）" if version.effective else ""
        return [f"{name}的这一版本尚未施行{begins}。"]
    ended = f"，自{_day(version.repealed)}起不再适用" if version.repealed else ""
    current = next((v for v in siblings if validity(v, today) is VersionStatus.IN_FORCE), None)
    where = (
        f"现行版本{_announced(current)}也在文献库中，可直接按名称提问。"
        if current
        else "现行版本不在文献库中，请另行查证。"
    )
    return [f"所引{name}的这一版本{status.label}{ended}。{where}"]


def _announced(version: Version) -> str:
    """The date that tells a version from the others, in brackets; "" if none is known."""
    if version.promulgated:
        return f"（{_day(version.promulgated)}公布）"
    return f"（{_day(version.effective)}起施行）" if version.effective else ""


def _day(date: dt.date | None) -> str:
    return f"{date.year}年{date.month}月{date.day}日" if date else ""
