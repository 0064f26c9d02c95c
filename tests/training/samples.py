"""Planted sets: what there is to be learned is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from study_bot.index.vectors import unit_rows
from study_bot.retrieval.features import CANDIDATE_FEATURES, QUESTION_FEATURES
from study_bot.training.examples import Examples
from study_bot.training.pairs import Pairs

DIMENSION = 16

ASKED = dict(zip("值班人员检查门窗水电", "钥匙规定罚款拘留登记", strict=True))
"""How people of this little world call what the texts call otherwise."""


def turned_pairs(
    count: int, *, passages: int = 200, seed: int = 0, chance: bool = False, name: str = "turned"
) -> Pairs:
    """Questions whose vectors are those of their passages, turned by one rotation and blurred a little.

    :param chance: the right passages are drawn by lot instead: there is nothing to learn.
    """
    random = np.random.default_rng(seed)
    library = unit_rows(random.standard_normal((passages, DIMENSION)), DIMENSION)
    turn, _ = np.linalg.qr(np.random.default_rng(99).standard_normal((DIMENSION, DIMENSION)))
    rows = random.permutation(passages)[:count] if count <= passages else random.integers(0, passages, count)
    blur = 0.05 * random.standard_normal((count, DIMENSION))
    vectors = unit_rows(library[rows] @ turn + blur, DIMENSION)
    if chance:
        rows = random.permutation(rows)
    return Pairs(
        name=name,
        ids=tuple(f"q{i}" for i in range(count)),
        texts=tuple(f"问题{i}" for i in range(count)),
        vectors=vectors,
        positives=tuple(np.array([row]) for row in rows),
        golds=tuple(frozenset({f"{name}-{row}"}) for row in rows),
        passages=library,
        documents=tuple(f"{name}-{row}" for row in range(passages)),
    )


def two_kinds(count: int, *, seed: int = 0, name: str = "mixed", candidates: int = 12) -> Examples:
    """Questions of two kinds, told apart by `best_coverage`: where it is 1 the keywords point at the right candidate
    and the vectors nowhere, where it is 0 the other way round. Right for question i is the document `<name>-d<i>`.
    """
    random = np.random.default_rng(seed)
    features = random.standard_normal((count, candidates, len(CANDIDATE_FEATURES)))
    asked = random.standard_normal((count, len(QUESTION_FEATURES)))
    lexical = np.arange(count) % 2 == 0
    asked[:, QUESTION_FEATURES.index("best_coverage")] = lexical
    right = random.integers(0, candidates, count)
    features[lexical, right[lexical], CANDIDATE_FEATURES.index("bm25_z")] += 4
    features[~lexical, right[~lexical], CANDIDATE_FEATURES.index("adapted_z")] += 4
    rows = np.tile(np.arange(candidates), (count, 1)) + count
    rows[np.arange(count), right] = np.arange(count)
    order = np.argsort(rows, axis=1)
    return Examples(
        name=name,
        features=np.take_along_axis(features, order[:, :, None], axis=1)
        .reshape(-1, features.shape[2])
        .astype(np.float32),
        question_features=asked.astype(np.float32),
        starts=np.arange(count + 1) * candidates,
        rows=np.take_along_axis(rows, order, axis=1).reshape(-1),
        right=np.take_along_axis(np.arange(candidates)[None] == right[:, None], order, axis=1).reshape(-1),
        bonus=np.zeros(count * candidates, np.float32),
        exact=((),) * count,
        golds=tuple(frozenset({f"{name}-d{i}"}) for i in range(count)),
        documents=tuple(f"{name}-d{row}" for row in range(count + candidates)),
    )


def write_renamed_set(folder: Path, *, questions: int = 80, chance: bool = False) -> None:
    """A BEIR folder of 120 short texts, and questions about them in the other words of `ASKED`."""
    combined = [
        (a, b, c) for a in "值班人员检查门窗水电" for b in "值班人员检查门窗水电" for c in "值班人员检查门窗水电"
    ]
    texts = ["".join(own) for own in combined if own[0] < own[1] < own[2]]
    random = np.random.default_rng(3)
    asked = random.permutation(len(texts))[:questions].tolist()
    golds = random.permutation(asked).tolist() if chance else asked
    (folder / "qrels").mkdir(parents=True)
    _write_lines(folder / "corpus.jsonl", [{"_id": f"r{i}", "title": "", "text": t} for i, t in enumerate(texts)])
    words = ["".join(ASKED[c] for c in texts[i]) for i in asked]
    _write_lines(folder / "queries.jsonl", [{"_id": f"q{i}", "text": w} for i, w in zip(asked, words, strict=True)])
    lines = [f"q{i}\tr{gold}\t1\n" for i, gold in zip(asked, golds, strict=True)]
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")


def _write_lines(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
