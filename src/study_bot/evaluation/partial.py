"""What is done of a retrieval run, kept beside its result so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study_bot.evaluation.asking import request_of
from study_bot.evaluation.datasets import Query, Ranking, Run
from study_bot.evaluation.records import Record


@dataclass(slots=True)
class PartialRun:
    """Rankings by query id, in a file of JSON lines.

    The first line says what run it belongs to; a file of another run is begun anew.
    """

    path: Path
    conditions: Mapping[str, str | int]
    done: dict[str, tuple[Record, Ranking]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, conditions: Mapping[str, str | int]) -> PartialRun:
        """Take up the file at `path`, or begin it. A last line that was cut off is left out."""
        partial = cls(path, dict(conditions))
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        entries = list(_entries(lines))
        if entries and entries[0] == {"conditions": partial.conditions}:
            for entry in (e for e in entries[1:] if "asked" in e):  # earlier versions kept the text alone
                partial.done[entry["_id"]] = (entry["asked"], [(doc, score) for doc, score in entry["ranking"]])
        partial._begin()
        return partial

    def kept(self, queries: Iterable[Query], k: int) -> Run:
        """Rankings of the queries that are done and put in the same words, with the same turns and day, cut to `k`."""
        return {
            query.query_id: self.done[query.query_id][1][:k]
            for query in queries
            if query.query_id in self.done and self.done[query.query_id][0] == request_of(query)
        }

    def add(self, queries: Iterable[Query], run: Run) -> None:
        """Keep the rankings of some queries."""
        with self.path.open("a", encoding="utf-8", newline="\n") as out:
            for query in queries:
                out.write(_line(query.query_id, request_of(query), run[query.query_id]))

    def discard(self) -> None:
        """Remove the file; the result is written."""
        self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = (_line(query_id, asked, ranking) for query_id, (asked, ranking) in self.done.items())
        head = json.dumps({"conditions": self.conditions}, ensure_ascii=False) + "\n"
        self.path.write_text(head + "".join(kept), encoding="utf-8", newline="\n")


def _line(query_id: str, asked: Record, ranking: Ranking) -> str:
    return json.dumps({"_id": query_id, "asked": asked, "ranking": ranking}, ensure_ascii=False) + "\n"


def _entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects in lines, up to the first that is none."""
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return
        if not isinstance(entry, dict):
            return
        yield entry
