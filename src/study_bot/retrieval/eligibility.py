"""Which passages may answer: the asker's filters, and the versions in force on the day asked about."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.library.catalog import validity
from study_bot.retrieval.query import Query, VersionWish
from study_bot.types import Filters, Passage, Version, VersionStatus

Mask = NDArray[np.bool_]

_DAYS_KEPT = 16
_CODES = {status: code for code, status in enumerate(VersionStatus)}
_IN_FORCE, _AMENDED, _NOT_YET, _UNKNOWN = (
    _CODES[s] for s in (VersionStatus.IN_FORCE, VersionStatus.AMENDED, VersionStatus.NOT_YET, VersionStatus.UNKNOWN)
)
_NO_DATE = dt.date.min.toordinal()


@dataclass(frozen=True, slots=True)
class Eligible:
    """Masks over versions (`versions`) and passages (`rows`). `rows` None = every passage.

    `filtered` marks the versions the asker's filters allow, whatever their validity.
    """

    versions: Mask
    rows: Mask | None
    filtered: Mask


class Eligibility:
    """Knows the versions of one snapshot. Safe to use from many threads."""

    def __init__(self, versions: Sequence[Version], passages: Sequence[Passage], articles: ArticleTable) -> None:
        self._versions = tuple(versions)
        self._articles = articles
        self._index = {version.version_id: i for i, version in enumerate(self._versions)}
        self._version_of_row = np.fromiter((self._index[p.version_id] for p in passages), np.int64, len(passages))
        self._of_document: dict[str, list[int]] = {}
        for index, version in enumerate(self._versions):
            self._of_document.setdefault(version.doc_id, []).append(index)
        self._categories = np.array([v.category or "" for v in self._versions], np.str_)
        self._starts = np.array([_ordinal(v.effective or v.promulgated) for v in self._versions], np.int64)
        self._law = _law_numbers(self._versions, articles)
        self._days: OrderedDict[dt.date, NDArray[np.int8]] = OrderedDict()
        self._default: OrderedDict[dt.date, Mask] = OrderedDict()
        self._lock = threading.Lock()

    def index_of(self, version_id: str) -> int:
        """Position of a version in the snapshot."""
        return self._index[version_id]

    def status(self, version_id: str, day: dt.date) -> VersionStatus:
        """Validity of a version on a day."""
        return validity(self._versions[self._index[version_id]], day)

    def newest_first(self, version_ids: Iterable[str], day: dt.date) -> list[str]:
        """Versions in force first, then by date: the latest of those begun by `day`, then the rest, then later ones."""

        def rank(version_id: str) -> tuple[bool, int, int, str]:
            index = self._index[version_id]
            status = self._statuses(day)[index]
            later = bool(self._starts[index] > day.toordinal())
            return later, _ORDER[int(status)], -int(self._starts[index]), version_id

        return sorted(version_ids, key=rank)

    def eligible(self, query: Query, filters: Filters, day: dt.date) -> Eligible:
        """What may answer a question asked of `day`.

        Without words about versions: what is in force, what has no validity (speeches, plans), and of a law of which
        only amended texts are at hand the latest of them. Of a law that is named and has nothing of the kind, its
        latest version. With such words, the versions of the named laws that they fit.
        """
        filtered = self._filtered(filters)
        chosen = self._all() if filters.include_inactive else self._in_force(day)
        if query.doc_ids:
            own = self._positions(self._articles.versions_of(query.doc_ids))
            pinned = self._pinned(query, own, day)
            if pinned is not None:
                chosen = chosen.copy()
                chosen[own] = False
                chosen[pinned] = True
            elif own.size and not chosen[own].any():
                chosen = chosen.copy()
                chosen[self._latest(own, day)] = True
        elif query.wants_history:
            chosen = self._all()
        allowed = chosen & filtered
        return Eligible(allowed, None if allowed.all() else allowed[self._version_of_row], filtered)

    def rows_of_documents(self, doc_ids: Iterable[str]) -> Mask:
        """Mask over passages of the named documents."""
        return self._of_documents(doc_ids)[self._version_of_row]

    def _of_documents(self, doc_ids: Iterable[str]) -> Mask:
        mask = np.zeros(len(self._versions), np.bool_)
        mask[[i for doc_id in doc_ids for i in self._of_document.get(doc_id, ())]] = True
        return mask

    def _pinned(self, query: Query, own: NDArray[np.int64], day: dt.date) -> NDArray[np.int64] | None:
        """Versions among `own` that words about versions in the question name; None = no such words or nothing fits."""
        statuses = self._statuses(day)[own]
        fits: NDArray[np.bool_] | None = None
        if query.years:
            fits = np.array([self._of_year(int(i), query.years) for i in own], np.bool_)
        elif query.wish is VersionWish.BOTH:
            fits = np.ones(own.size, np.bool_)
        elif query.wish is VersionWish.OLD:
            fits = ~np.isin(statuses, (_IN_FORCE, _UNKNOWN, _NOT_YET))
        elif query.wish is VersionWish.NEWEST:
            fits = self._starts[own] == self._starts[own].max(initial=_NO_DATE)
        return own[fits] if fits is not None and fits.any() else None

    def _of_year(self, index: int, years: Sequence[int]) -> bool:
        version = self._versions[index]
        return any(date is not None and date.year in years for date in (version.promulgated, version.effective))

    def _latest(self, own: NDArray[np.int64], day: dt.date) -> NDArray[np.int64]:
        begun = own[self._starts[own] <= day.toordinal()]
        pool = begun if begun.size else own
        latest: NDArray[np.int64] = pool[self._starts[pool] == self._starts[pool].max()]
        return latest

    def _positions(self, version_ids: Iterable[str]) -> NDArray[np.int64]:
        return np.array(sorted(self._index[v] for v in version_ids), np.int64)

    def _all(self) -> Mask:
        return np.ones(len(self._versions), np.bool_)

    def _filtered(self, filters: Filters) -> Mask:
        mask = self._all()
        if filters.categories:
            mask &= np.isin(self._categories, sorted(filters.categories))
        if filters.doc_ids:
            mask &= self._of_documents(filters.doc_ids)
        return mask

    def _statuses(self, day: dt.date) -> NDArray[np.int8]:
        with self._lock:
            if (known := self._days.get(day)) is not None:
                self._days.move_to_end(day)
                return known
        codes = np.fromiter((_CODES[validity(v, day)] for v in self._versions), np.int8, len(self._versions))
        with self._lock:
            self._days[day] = codes
            while len(self._days) > _DAYS_KEPT:
                self._days.popitem(last=False)
        return codes

    def _in_force(self, day: dt.date) -> Mask:
        """The versions that answer by default; the mask is shared, do not write to it."""
        with self._lock:
            if (known := self._default.get(day)) is not None:
                return known
        statuses = self._statuses(day)
        mask = np.isin(statuses, (_IN_FORCE, _UNKNOWN))
        amended = np.flatnonzero(statuses == _AMENDED)
        current = np.unique(self._law[statuses == _IN_FORCE])
        left = amended[~np.isin(self._law[amended], current)]
        latest: dict[int, int] = {}
        for index in left:
            law = int(self._law[index])
            latest[law] = max(latest.get(law, _NO_DATE), int(self._starts[index]))
        mask[[i for i in left if self._starts[i] == latest[int(self._law[i])]]] = True
        with self._lock:
            self._default[day] = mask
            while len(self._default) > _DAYS_KEPT:
                self._default.popitem(last=False)
        return mask


_ORDER = {
    _CODES[status]: place
    for place, status in enumerate(
        (
            VersionStatus.IN_FORCE,
            VersionStatus.UNKNOWN,
            VersionStatus.AMENDED,
            VersionStatus.REPEALED,
            VersionStatus.NOT_YET,
        )
    )
}


def _ordinal(date: dt.date | None) -> int:
    return date.toordinal() if date is not None else _NO_DATE


def _law_numbers(versions: Sequence[Version], articles: ArticleTable) -> NDArray[np.int64]:
    """A number per version, equal for versions of one law; documents the table does not know stand for themselves."""
    numbers: dict[str, int] = {}
    result = np.empty(len(versions), np.int64)
    for index, version in enumerate(versions):
        key = articles.law_key(version.doc_id)
        result[index] = numbers.setdefault(key, len(numbers))
    return result
