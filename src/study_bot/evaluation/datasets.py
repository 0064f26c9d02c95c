"""Evaluation files: BEIR directories (queries, relevance judgements) and TREC runs.

Everything is UTF-8. A name ending in `.gz` is read through gzip; where `queries.jsonl` is asked for and
only `queries.jsonl.gz` exists, that is read.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from study_bot.errors import DatasetError

Qrels = dict[str, dict[str, int]]
"""Query id -> document id -> grade; a grade above 0 is relevant."""

Ranking = list[tuple[str, float]]
"""(document id, score), best first, no document twice."""

Run = dict[str, Ranking]
"""Query id -> what was retrieved for it."""

# Smallest difference kept between neighbouring scores of a written run, absolute and relative: readers sort by
# score in single precision, and equal scores would let them change the order.
_SCORE_STEP = 1e-6

# What a line of questions says about itself; its other keys are metadata written without a `metadata` around them.
_OWN_KEYS = frozenset({"_id", "text", "question", "metadata"})


@dataclass(frozen=True, slots=True)
class Query:
    """A question of a set. `metadata` is whatever else its line holds, under that key or beside it."""

    query_id: str
    text: str
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A split of a BEIR directory: the queries that have a relevant document, in file order."""

    name: str
    split: str
    queries: tuple[Query, ...]
    qrels: Qrels


def read_dataset(directory: Path, split: str) -> Dataset:
    """Read `queries.jsonl[.gz]` and `qrels/<split>.tsv` of a BEIR directory.

    :raises DatasetError: a file is missing or malformed, or a judged query has no text.
    """
    if not directory.is_dir():
        raise DatasetError(f"没有找到评测数据目录 {directory}，请检查路径。")
    qrels_path = directory / "qrels" / f"{split}.tsv"
    if not qrels_path.is_file():
        found = "、".join(sorted(path.stem for path in (directory / "qrels").glob("*.tsv"))) or "无"
        raise DatasetError(f"{directory} 中没有 qrels/{split}.tsv（现有：{found}），请用 --split 指定。")
    qrels = read_qrels(qrels_path)
    queries = tuple(query for query in read_queries(directory / "queries.jsonl") if query.query_id in qrels)
    missing = qrels.keys() - {query.query_id for query in queries}
    if missing:
        raise DatasetError(f"{qrels_path} 评判的 {len(missing)} 个问题不在 queries.jsonl 中，例如 {min(missing)}。")
    return Dataset(name=directory.resolve().name, split=split, queries=queries, qrels=qrels)


def read_queries(path: Path) -> tuple[Query, ...]:
    """Read questions, one JSON object a line: `_id`, `text` (or `question`), optional `metadata`.

    :raises DatasetError: no such file, a line that is not such an object, an id twice, or no question at all.
    """
    queries: dict[str, Query] = {}
    for number, record in _json_lines(path):
        query_id = record.get("_id")
        text = record.get("text", record.get("question"))
        if not isinstance(query_id, str | int) or query_id == "":
            raise DatasetError(f"{path} 第 {number} 行缺少 _id。")
        if not isinstance(text, str):
            raise DatasetError(f"{path} 第 {number} 行缺少 text。")
        metadata = record.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise DatasetError(f"{path} 第 {number} 行的 metadata 应为对象。")
        beside = {key: value for key, value in record.items() if key not in _OWN_KEYS}
        if str(query_id) in queries:
            raise DatasetError(f"{path} 第 {number} 行的 _id“{query_id}”重复。")
        queries[str(query_id)] = Query(str(query_id), text, {**beside, **metadata})
    if not queries:
        raise DatasetError(f"{path} 中没有问题。")
    return tuple(queries.values())


def read_qrels(path: Path) -> Qrels:
    """Read relevance judgements of BEIR or of TREC, told apart line by line.

    BEIR: tab-separated `query-id corpus-id score`, with or without the header line. TREC: `qid iteration docid grade`
    between white space. Only queries with at least one grade above 0 are kept: the measures are undefined for others.

    :raises DatasetError: a line of neither form, or with a grade that is no number.
    """
    return {
        query_id: grades
        for query_id, grades in read_judgements(path).items()
        if any(grade > 0 for grade in grades.values())
    }


def read_judgements(path: Path) -> Qrels:
    """Read as `read_qrels` does, but keep the queries for which nothing is relevant."""
    qrels: Qrels = {}
    for number, line in _lines(path):
        columns = line.split("\t")
        if number == 1 and columns[0] == "query-id":
            continue
        if len(columns) != 3:
            query_id, doc_id, grade = _trec_judgement(path, number, line)
        else:
            query_id, doc_id, grade = columns
        try:
            qrels.setdefault(query_id, {})[doc_id] = int(float(grade))
        except (ValueError, OverflowError):
            raise DatasetError(f"{path} 第 {number} 行的分值“{grade}”不是数字。") from None
    return qrels


def _trec_judgement(path: Path, number: int, line: str) -> tuple[str, str, str]:
    columns = line.split()
    if len(columns) != 4:
        raise DatasetError(
            f"{path} 第 {number} 行应为以制表符分隔的三列（query-id、corpus-id、score），"
            "或 TREC 格式的四列（qid、0、docid、grade）。"
        )
    return columns[0], columns[2], columns[3]


def write_run(path: Path, run: Mapping[str, Ranking], tag: str) -> None:
    """Write a TREC run (`qid Q0 docid rank score tag`), all at once.

    Ranks count from 1. Scores are lowered where needed so that they fall strictly with the rank: every reader,
    whether it trusts ranks, scores or the order of lines, sees the same ranking. White space in an id, which the format
    has no place for, is written in percent codes (a space as %20); `read_run` turns these back.

    :raises DatasetError: an id is empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as out:
            for query_id, ranking in run.items():
                last: float | None = None
                for rank, (doc_id, score) in enumerate(ranking, start=1):
                    for name in (query_id, doc_id):
                        if not name.strip():
                            raise DatasetError("有一个问题或文档没有编号，不能写入 TREC 文件。")
                    last = score if last is None else min(score, last - _SCORE_STEP * max(1.0, abs(last)))
                    out.write(f"{_coded(query_id)} Q0 {_coded(doc_id)} {rank} {last:.8f} {tag}\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_run(path: Path) -> Run:
    """Read a TREC run; each ranking is sorted by falling score, then by rank.

    :raises DatasetError: no such file, or a line that is not of the format.
    """
    rows: dict[str, dict[str, tuple[float, int]]] = {}
    for number, line in _lines(path):
        columns = line.split()
        try:
            query_id, _, doc_id, rank, score, _ = columns
            query_id, doc_id = _decoded(query_id), _decoded(doc_id)
            entry = (-float(score), int(rank))
        except ValueError:
            raise DatasetError(f"{path} 第 {number} 行不是 TREC 格式（qid Q0 docid rank score tag）。") from None
        ranking = rows.setdefault(query_id, {})
        ranking[doc_id] = min(entry, ranking.get(doc_id, entry))
    return {
        query_id: [(doc_id, -entry[0]) for doc_id, entry in sorted(ranking.items(), key=lambda item: item[1])]
        for query_id, ranking in rows.items()
    }


def _coded(name: str) -> str:
    return re.sub(r"\s", lambda match: quote(match[0]), name)


def _decoded(name: str) -> str:
    """Percent codes that stand for white space turned back; others are part of the id."""

    def spaces(match: re.Match[str]) -> str:
        text = unquote(match[0])
        return text if text.isspace() else match[0]

    return re.sub(r"(?:%[0-9A-F]{2})+", spaces, name)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in _lines(path):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            raise DatasetError(f"{path} 第 {number} 行不是 JSON。") from None
        if not isinstance(record, dict):
            raise DatasetError(f"{path} 第 {number} 行应为 JSON 对象。")
        yield number, record


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their 1-based numbers."""
    packed = path.with_name(path.name + ".gz")
    if not path.exists() and packed.exists():
        path = packed
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig") as lines
        ):
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (FileNotFoundError, IsADirectoryError):
        raise DatasetError(f"没有找到文件 {path}，请检查路径。") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{path} 不是 UTF-8 编码，请转换后再用。") from None
    except (gzip.BadGzipFile, EOFError):
        raise DatasetError(f"{path} 的压缩数据已损坏。") from None
