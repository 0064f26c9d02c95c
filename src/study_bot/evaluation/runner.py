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

from study_bot.errors import DatasetError, QuestionError
from study_bot.evaluation.datasets import Query, Ranking, Run
from study_bot.evaluation.records import Record, answer_record, json_line
from study_bot.types import Answer, AnswerMode, Hit, Passage, PassageKind, Progress, RefusalReason

SearchMany = Callable[[Sequence[str], int], Sequence[Sequence[Hit]]]
"""Retrieves for many questions at once: up to k hits each, best first, in the order of the questions."""

OnProgress = Callable[[Progress], None]

# Questions handed to retrieval at a time: enough to fill the encoder's batches, few enough for progress to be seen.
_BATCH = 64

# How every line of an answers file starts.
_LINE_START = '{"_id"'

LATENCY_PARTS = ("encode", "retrieve", "answer", "total")


@dataclass(frozen=True, slots=True)
class RetrievalRun:
    """Rankings by query id, and the mean milliseconds a question took in its batch."""

    run: Run
    mean_ms: float


@dataclass(frozen=True, slots=True)
class AnswersSummary:
    """What `run_answers` did.

    `reused` lines stood in the file already. `latency` is in milliseconds: part -> "median" and "p95" -> value.
    """

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
    queries: Sequence[Query], search_many: SearchMany, k: int, on_progress: OnProgress | None = None
) -> RetrievalRun:
    """Retrieve up to `k` documents for every query. A query of white space alone gets an empty ranking."""
    run: Run = {query.query_id: [] for query in queries}
    asked = [query for query in queries if query.text.strip()]
    started = time.perf_counter()
    done = 0
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        run.update(_rankings(batch, search_many, k))
        done += len(batch)
        if on_progress:
            on_progress(Progress("检索", done, len(asked), "题"))
    seconds = time.perf_counter() - started
    return RetrievalRun(run=run, mean_ms=1000 * seconds / max(len(asked), 1))


def _rankings(queries: Sequence[Query], search_many: SearchMany, k: int) -> Run:
    """Rankings of `k` documents. A long row of a corpus file gives several passages: where that left a ranking short,
    more hits are asked for."""
    run: Run = {}
    wanted = k
    while queries:
        found = list(zip(queries, search_many([query.text for query in queries], wanted), strict=True))
        run.update((query.query_id, document_ranking(hits, k)) for query, hits in found)
        queries = [query for query, hits in found if len(hits) >= wanted and len(run[query.query_id]) < k]
        wanted *= 2
    return run


def run_answers(
    questions: Sequence[Query],
    answer: Callable[[str], Answer],
    out: Path,
    build_id: str,
    on_progress: OnProgress | None = None,
) -> AnswersSummary:
    """Answer every question into `out`, a line each, as soon as it is answered.

    Lines already in `out` are kept when they answer the same question from the same build, so that an interrupted
    run goes on where it stopped; other lines are replaced. A question that cannot be handled (empty, too long)
    gets a refusal.

    :raises DatasetError: `out` exists but is not a file of answers.
    """
    kept = _answered(out, questions, build_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    _rewrite(out, kept.values())
    records = list(kept.values())
    with out.open("a", encoding="utf-8", newline="\n") as lines:
        for query in questions:
            if query.query_id in kept:
                continue
            given = _answer_or_refusal(query.text, answer, build_id)
            record = {**answer_record(given, query.query_id), "question": query.text}
            lines.write(json_line(record) + "\n")
            lines.flush()
            records.append(record)
            if on_progress:
                on_progress(Progress("回答", len(records), len(questions), "题"))
    return AnswersSummary(
        questions=len(questions),
        reused=len(kept),
        refused=sum(bool(record["refused"]) for record in records),
        reasons=Counter(str(record["reason"]) for record in records if record["refused"]),
        latency=_latency_summary(records),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1] of `values` do not exceed (nearest rank); 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def _answer_or_refusal(question: str, answer: Callable[[str], Answer], build_id: str) -> Answer:
    try:
        return answer(question)
    except QuestionError as error:
        return Answer(
            question=question,
            statements=(),
            citations=(),
            hits=(),
            refused=True,
            reason=RefusalReason.UNCLEAR,
            message=str(error),
            mode=AnswerMode.EXTRACTIVE,
            build_id=build_id,
        )


def _answered(out: Path, questions: Sequence[Query], build_id: str) -> dict[str, Record]:
    """Lines of `out` that still hold, by query id, in file order."""
    if not out.exists():
        return {}
    texts = {query.query_id: query.text for query in questions}
    kept: dict[str, Record] = {}
    lines = out.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            query_id, question, build = record["_id"], record["question"], record["build_id"]
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines) and isinstance(error, json.JSONDecodeError) and _LINE_START.startswith(line[:6]):
                break  # the run before was stopped while it wrote this line
            raise DatasetError(f"{out} 第 {number} 行不是回答记录，不会覆盖它；请用 --out 另指定文件。") from None
        if texts.get(query_id) == question and build == build_id:
            kept[query_id] = record
    return kept


def _rewrite(out: Path, records: Iterable[Record]) -> None:
    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        draft.write_text("".join(json_line(record) + "\n" for record in records), encoding="utf-8", newline="\n")
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _latency_summary(records: Iterable[Record]) -> dict[str, dict[str, float]]:
    latencies = [latency for record in records if isinstance(latency := record.get("latency_ms"), dict)]
    return {
        part: {"median": percentile(values, 0.5), "p95": percentile(values, 0.95)}
        for part in LATENCY_PARTS
        for values in ([float(latency[part]) for latency in latencies if part in latency],)
    }
