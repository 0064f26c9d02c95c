"""The query adapter: a linear map, learned from pairs, that moves a question's vector towards the passages that answer
such questions.

q' = (q + qW) / |q + qW|, with W of shape (dimension, dimension), 0 meaning no change. Only questions pass through it:
the vectors of the passages stay as they are, so a new adapter needs no new index. (A residual linear map on frozen
embeddings, as in Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", 2019, reduced to one layer.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from study_bot.errors import LearnedFileError
from study_bot.index.vectors import Vectors, unit_rows

ADAPTER_FILE = "adapter.safetensors"

_FORMAT = 1
_TENSOR = "weight"
_CARD = "card"


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """Where an adapter comes from.

    `model` is the fingerprint of the encoder whose vectors it fits, `created` an ISO date. `data` names the sets of
    pairs with the number of questions of each, `metrics` holds figures on questions that were held out
    ("<set> R@10" -> value), `recipe` the parameters of the fit.
    """

    model: str
    created: str
    data: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, float] = field(default_factory=dict)
    format: int = _FORMAT


@dataclass(frozen=True, slots=True, eq=False)
class QueryAdapter:
    """A learned W and its card. Safe to share between threads."""

    weight: npt.NDArray[np.float32]
    card: AdapterCard

    def __post_init__(self) -> None:
        """:raises ValueError: W is not a square matrix of finite numbers."""
        if self.weight.ndim != 2 or self.weight.shape[0] != self.weight.shape[1]:
            raise ValueError(f"an adapter is a square matrix, not of shape {self.weight.shape}")
        if not np.isfinite(self.weight).all():
            raise ValueError("an adapter holds finite numbers only")

    @property
    def dimension(self) -> int:
        """Width of the vectors it takes and gives."""
        return int(self.weight.shape[0])

    def fits(self, fingerprint: str, dimension: int) -> bool:
        """Whether it was learned on the vectors of that encoder."""
        return self.card.model == fingerprint and self.dimension == dimension

    def transform(self, vectors: Vectors) -> Vectors:
        """Adapted vectors of questions; shape (n, dimension) in and out, rows of length one.

        :raises ValueError: another width.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"vectors of shape {vectors.shape} for an adapter of dimension {self.dimension}")
        return unit_rows(vectors + vectors @ self.weight, self.dimension)

    def save(self, path: Path) -> None:
        """Write matrix (half precision: about 0.3 MB at 384 dimensions) and card into one file, all at once.

        :raises OSError: it cannot be written.
        """
        from safetensors.numpy import save

        path.parent.mkdir(parents=True, exist_ok=True)
        card = json.dumps(asdict(self.card), ensure_ascii=False, sort_keys=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            draft.write_bytes(save({_TENSOR: self.weight.astype(np.float16)}, metadata={_CARD: card}))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def load_adapter(path: Path) -> QueryAdapter:
    """Read an adapter.

    :raises LearnedFileError: the file is missing, damaged or of another format.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as stored:
            card = AdapterCard(**json.loads((stored.metadata() or {})[_CARD]))
            weight = stored.get_tensor(_TENSOR).astype(np.float32)
        if card.format != _FORMAT:
            raise ValueError(f"format {card.format}")
        return QueryAdapter(weight, card)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise LearnedFileError(
            f"查询适配器 {path} 无法读取（{error}）。请重新训练（study-bot train adapter），或删除该文件以使用自带的。"
        ) from error
