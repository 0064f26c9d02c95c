"""The JSON objects in which an answer leaves the program (one line of `eval answers`, the output of `ask --json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from study_bot.types import Answer, Citation, Hit, Latency

Record = dict[str, object]


def answer_record(answer: Answer, query_id: str | None = None) -> Record:
    """An answer as plain values.

    `_id` is None outside a set. `answer` is the text with its `[n]` marks, or the words of the refusal.
    `reason` is None unless refused. `start` and `end` count characters in the text of `version_id`.
    `passages` are those retrieved, best first. Latencies are milliseconds; `retrieve` includes `encode`.
    """
    return {
        "_id": query_id,
        "question": answer.question,
        "answer": answer.text,
        "refused": answer.refused,
        "reason": answer.reason.value if answer.reason else None,
        "mode": answer.mode.value,
        "confidence": round(answer.confidence, 4),
        "notices": list(answer.notices),
        "citations": [_citation_record(citation) for citation in answer.citations],
        "passages": [_passage_record(hit) for hit in answer.hits],
        "latency_ms": _latency_record(answer.latency),
        "build_id": answer.build_id,
    }


def hit_record(hit: Hit, rank: int) -> Record:
    """A search result as plain values, `rank` counting from 1; a score is None where its list lacks the passage."""
    return {
        "rank": rank,
        **_passage_record(hit),
        "version_id": hit.passage.version_id,
        "title": hit.passage.title,
        "text": hit.passage.text,
        "start": hit.passage.start,
        "end": hit.passage.end,
        "dense": hit.dense,
        "sparse": hit.sparse,
        "exact": hit.exact,
    }


def json_line(record: Mapping[str, object]) -> str:
    """One line of JSON, Chinese left readable."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _citation_record(citation: Citation) -> Record:
    return {
        "n": citation.n,
        "doc_id": citation.doc_id,
        "title": citation.title,
        "locator": citation.locator.label,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "version_id": citation.version_id,
        "version": citation.version_label,
        "passage_id": citation.passage_id,
    }


def _passage_record(hit: Hit) -> Record:
    return {
        "passage_id": hit.passage.passage_id,
        "doc_id": hit.passage.doc_id,
        "locator": hit.passage.locator.label,
        "score": hit.score,
    }


def _latency_record(latency: Latency) -> Record:
    return {
        "encode": round(latency.encode, 2),
        "retrieve": round(latency.retrieve, 2),
        "answer": round(latency.answer, 2),
        "total": round(latency.total, 2),
    }
