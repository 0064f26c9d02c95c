"""Running sets of questions through retrieval or through the whole of answering."""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from study_bot.errors import DatasetError
from study_bot.evaluation.asking import Ask, context_of, request_of
from study_bot.evaluation.datasets import Query, Ranking, Run
from study_bot.evaluation.expectations import expectation_of
from study_bot.evaluation.partial import PartialRun
from study_bot.evaluation.records import Record, json_line
from study_bot.types import Hit, Passage, PassageKind, Progress, QuestionContext


class SearchMany(Protocol):
    """Retrieves for many questions at once."""

    def __call__(
        self, texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ...
    ) -> Sequence[Sequence[Hit]]:
        """Up to `top_k` hits for each question, best first, in the order of the questions.

        :param contexts: what each question is put with; empty = nothing. Simpler searches take no notice of it.
        """


OnProgress = Callable[[Progress], None]

# Questions handed to retrieval at a time: enough to fill the encoder's batches, few enough for progress to be seen.
_BATCH = 64

# How every line of an answers file starts.
_LINE_START = '{"_id"'

_REQUIRED = ("_id", "question", "build_id")

LATENCY_PARTS = ("encode", "retrieve", "answer", "total")

PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class RetrievalRun:
    """Rankings by query id, and the mean milliseconds a question took in its batch (0 = none was asked now).

    `reused` rankings came from a run that was stopped.
    """

    run: Run
    mean_ms: float
    reused: int = 0


@dataclass(frozen=True, slots=True)
class AnswersSummary:
    """What `run_answers` did.

    `records` are in the order of the file. `reused` lines stood in the file already. `latency` is in milliseconds:
    part -> "p50", "p90", "p95", "p99" -> value.
    """

    records: tuple[Record, ...]
    questions: int
    reused: int
    refused: int
    reasons: Mapping[str, int]
    latency: Mapping[str, Mapping[str, float]]


def document_id(passage: Passage) -> str:
    """The id under which a run names a passage: its row for a corpus file, else the passage itself."""
    return passage.doc_id if passage.kind is PassageKind.ROW else passage.passage_id


def document_ranking(hits: Iterable[Hit], k: int) -> Ranking:
    """The first `k` documents of `hits`, each at the place and with the score of its best passage."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(document_id(hit.passage), hit.score)
    return list(best.items())[:k]


def run_retrieval(
    queries: Sequence[Query],
    search_many: SearchMany,
    k: int,
    on_progress: OnProgress | None = None,
    partial: PartialRun | None = None,
) -> RetrievalRun:
    """Retrieve up to `k` documents for every query, put with its turns and its day. A query of white space alone gets
    an empty ranking.

    :param partial: where to keep what is done; what is kept there already is not asked again.
    """
    kept = partial.kept(queries, k) if partial is not None else {}
    run: Run = {query.query_id: kept.get(query.query_id, []) for query in queries}
    asked = [query for query in queries if query.text.strip() and query.query_id not in kept]
    started = time.perf_counter()
    done = 0
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        run.update(_rankings(batch, search_many, k))
        if partial is not None:
            partial.add(batch, run)
        done += len(batch)
        if on_progress:
            on_progress(_step("检索", len(kept), done, len(kept) + len(asked), started))
    seconds = time.perf_counter() - started
    return RetrievalRun(run=run, mean_ms=1000 * seconds / max(len(asked), 1), reused=len(kept))


def _step(stage: str, kept: int, done: int, total: int, started: float) -> Progress:
    """How far a run is: `done` questions since it `started`, besides those `kept`."""
    rate = done / max(time.perf_counter() - started, 1e-9)
    return Progress(stage, kept + done, total, "题", rate=rate, eta=(total - kept - done) / rate)


def _rankings(queries: Sequence[Query], search_many: SearchMany, k: int) -> Run:
    """Rankings of `k` documents. A long row of a corpus file gives several passages: where that left a ranking short,
    more hits are asked for."""
    run: Run = {}
    wanted = k
    while queries:
        found = list(zip(queries, _found(queries, search_many, wanted), strict=True))
        run.update((query.query_id, document_ranking(hits, k)) for query, hits in found)
        queries = [query for query, hits in found if len(hits) >= wanted and len(run[query.query_id]) < k]
        wanted *= 2
    return run


def _found(queries: Sequence[Query], search_many: SearchMany, k: int) -> Sequence[Sequence[Hit]]:
    texts = [query.text for query in queries]
    contexts = [context_of(query) for query in queries]
    return search_many(texts, k, contexts) if any(c != QuestionContext() for c in contexts) else search_many(texts, k)


def run_answers(
    questions: Sequence[Query], ask: Ask, out: Path, build_id: str, on_progress: OnProgress | None = None
) -> AnswersSummary:
    """Answer every question into `out`, a line each, as soon as it is answered.

    Lines already in `out` are kept when they answer the same question from the same build, so that an interrupted
    run goes on where it stopped; other lines are replaced.

    :raises DatasetError: `out` exists but is not a file of answers.
    """
    kept = _answered(out, questions, build_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    _rewrite(out, kept.values())
    records = list(kept.values())
    started = time.perf_counter()
    with out.open("a", encoding="utf-8", newline="\n") as lines:
        for query in questions:
            if query.query_id in kept:
                continue
            record = ask(query)
            lines.write(json_line(record) + "\n")
            lines.flush()
            records.append(record)
            if on_progress:
                on_progress(_step("回答", len(kept), len(records) - len(kept), len(questions), started))
    return AnswersSummary(
        records=tuple(records),
        questions=len(questions),
        reused=len(kept),
        refused=sum(bool(record["refused"]) for record in records),
        reasons=Counter(str(record["reason"]) for record in records if record["refused"]),
        latency=latency_summary(records),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1] of `values` do not exceed (nearest rank); 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def read_answers(path: Path) -> list[Record]:
    """The records in a file of answers, in its order; a last line that was cut off is left out.

    :raises DatasetError: there is no such file, or a line is no answer record.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise DatasetError(f"没有找到文件 {path}，请检查路径。") from None
    records: list[Record] = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            records.append({**record, **{key: record[key] for key in _REQUIRED}})
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines) and isinstance(error, json.JSONDecodeError) and _LINE_START.startswith(line[:6]):
                break  # the run before was stopped while it wrote this line
            raise DatasetError(f"{path} 第 {number} 行不是回答记录；请检查路径，或用 --out 另指定文件。") from None
    return records


def _answered(out: Path, questions: Sequence[Query], build_id: str) -> dict[str, Record]:
    """Records in `out` that still hold, by query id, in file order."""
    if not out.exists():
        return {}
    requests = {query.query_id: query for query in questions}
    kept: dict[str, Record] = {}
    for record in read_answers(out):
        query = requests.get(str(record["_id"]))
        if query is not None and record["build_id"] == build_id and _is_answered(query, record):
            kept[query.query_id] = record
    return kept


def _is_answered(query: Query, record: Record) -> bool:
    """Whether a record answers a question as it is put now."""
    asked = {key: record[key] for key in ("question", "as_of", "conversation") if key in record}
    expected = expectation_of(query)
    complete = ("choice" in record) >= bool(expected.options) and ("blanks" in record) >= bool(expected.blanks)
    return asked == request_of(query) and complete


def _rewrite(out: Path, records: Iterable[Record]) -> None:
    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        draft.write_text("".join(json_line(record) + "\n" for record in records), encoding="utf-8", newline="\n")
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def latency_summary(records: Iterable[Mapping[str, object]]) -> dict[str, dict[str, float]]:
    """Percentiles of the milliseconds of each part of answering: part -> percentile -> value."""
    latencies = [latency for record in records if isinstance(latency := record.get("latency_ms"), dict)]
    return {
        part: {name: percentile(values, share) for name, share in PERCENTILES.items()}
        for part in LATENCY_PARTS
        for values in ([float(latency[part]) for latency in latencies if part in latency],)
    }
