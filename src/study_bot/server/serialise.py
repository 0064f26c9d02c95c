"""Values as JSON. Field names are part of the interface used from outside: change them only with its version."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from study_bot.types import Answer, Hit, Section, Version
from study_bot.ui.ports import IndexState, OpenDocument


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer, with the names of `study-bot ask --json`."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "statements": [
            {"text": s.text, "citations": list(s.citations), "connective": s.connective} for s in answer.statements
        ],
        "refused": answer.refused,
        "reason": answer.reason.value if answer.reason else None,
        "message": answer.message,
        "notices": list(answer.notices),
        "mode": answer.mode.value,
        "confidence": answer.confidence,
        "citations": [
            {
                "n": c.n,
                "doc_id": c.doc_id,
                "version_id": c.version_id,
                "title": c.title,
                "locator": c.locator.label,
                "version": c.version_label,
                "quote": c.quote,
                "start": c.start,
                "end": c.end,
            }
            for c in answer.citations
        ],
        "passages": [hit_json(hit) for hit in answer.hits],
        "latency_ms": asdict(answer.latency),
        "build_id": answer.build_id,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """A passage with its score."""
    passage = hit.passage
    return {
        "passage_id": passage.passage_id,
        "doc_id": passage.doc_id,
        "version_id": passage.version_id,
        "title": passage.title,
        "locator": passage.locator.label,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "score": hit.score,
        "exact": hit.exact,
    }


def version_json(version: Version) -> dict[str, Any]:
    """What the catalog knows of a version."""
    return {
        "version_id": version.version_id,
        "doc_id": version.doc_id,
        "title": version.title,
        "aliases": list(version.aliases),
        "kind": version.kind.value,
        "category": version.category,
        "status": version.status.value,
        "promulgated": _day(version.promulgated),
        "effective": _day(version.effective),
        "repealed": _day(version.repealed),
        "articles": version.articles,
        "path": version.path,
        "format": version.format,
        "ocr": version.ocr,
        "warnings": list(version.warnings),
    }


def document_json(document: OpenDocument) -> dict[str, Any]:
    """A version with its text and tree; positions count characters of `text`."""
    return {
        "version": version_json(document.version),
        "other_versions": [version_json(version) for version in document.other_versions],
        "text": document.text.text,
        "sections": [_section_json(child) for child in document.text.root.children],
    }


def status_json(status: IndexState) -> dict[str, Any]:
    """State of the index."""
    return {
        "ready": status.ready,
        "build_id": status.build_id,
        "created": status.created.isoformat() if status.created else None,
        "files": status.files,
        "passages": status.passages,
        "articles": status.articles,
        "building": asdict(status.building) if status.building else None,
        "error": status.error,
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "kind": section.kind.value,
        "label": section.label,
        "heading": section.heading,
        "start": section.start,
        "end": section.end,
        "children": [_section_json(child) for child in section.children],
    }


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
