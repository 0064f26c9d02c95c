"""Vectors of all passages of a build: from the cache, from the build before, and only then from the encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from study_bot.errors import ModelError
from study_bot.index.embedding_cache import EmbeddingCache
from study_bot.index.progress import Monitor, Stage

if TYPE_CHECKING:
    from study_bot.index.embedding import Encoder

ENCODE_BLOCK = 512
"""Texts handed to the encoder at a time: what a killed build can lose, and how often stopping is noticed at least."""

LOOKUP_BLOCK = 4096
"""Hashes asked of the cache at a time."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """Unit rows in passage order. `embedded` texts were encoded now; the other rows were known."""

    matrix: NDArray[np.float32]
    embedded: int


def embed(
    texts: Sequence[str],
    hashes: Sequence[str],
    encoder: Encoder,
    cache: EmbeddingCache,
    previous: Callable[[], Mapping[str, Vector]],
    monitor: Monitor,
    *,
    full: bool = False,
) -> PassageVectors:
    """Vectors of `texts`, whose hashes are `hashes`. New ones go into the cache block by block.

    :param previous: vectors of the build before by text hash; asked only if the cache lacks some.
    :param full: encode every text.
    :raises ModelError: the encoder failed or gave something else than vectors of its dimension.
    :raises BuildCancelledError: someone asked to stop.
    """
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(hashes):
        rows.setdefault(key, []).append(row)
    matrix = np.zeros((len(texts), encoder.dimension), dtype=np.float32)

    def fill(wanted: Sequence[str], known: Mapping[str, Vector]) -> list[str]:
        """Copy known vectors into their rows; the hashes still without one, in order."""
        missing = []
        for key in wanted:
            vector = known.get(key)
            if vector is None or vector.shape != (encoder.dimension,):
                missing.append(key)
            else:
                matrix[rows[key]] = vector
        return missing

    missing = list(rows)
    if not full:
        blocks = _blocks(missing, LOOKUP_BLOCK)
        missing = [key for block in blocks for key in fill(block, cache.get_many(encoder.fingerprint, block))]
        if missing:
            missing = fill(missing, previous())
    stage = monitor.stage("生成向量", len(missing), "段")
    for block in _blocks(missing, ENCODE_BLOCK):
        vectors = dict(zip(block, _encode([texts[rows[key][0]] for key in block], encoder, stage), strict=True))
        cache.put_many(encoder.fingerprint, vectors)
        fill(block, vectors)
    return PassageVectors(matrix, len(missing))


def _encode(texts: list[str], encoder: Encoder, stage: Stage) -> NDArray[np.float32]:
    before = stage.done
    vectors = encoder.encode_passages(texts, lambda done: stage.advance(before + done - stage.done))
    if vectors.shape != (len(texts), encoder.dimension) or not np.isfinite(vectors).all():
        raise ModelError(f"向量模型的输出不合要求（形状 {vectors.shape}）。请检查向量模型的设置。")
    stage.advance(before + len(texts) - stage.done)
    return vectors


def _blocks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
