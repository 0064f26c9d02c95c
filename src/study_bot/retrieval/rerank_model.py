"""A cross-encoder from a folder as a re-ranker; the weights are read when first needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from study_bot.errors import SettingsError
from study_bot.retrieval.rerank import RerankError

_BATCH = 16
"""Pairs run together."""

_MAX_TOKENS = 512
"""Pairs are cut to this length where the model sets no limit of its own."""


class ModelReranker:
    """A sentence-transformers cross-encoder, run on the CPU by one thread at a time."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Look at the folder without loading the weights.

        :param threads: CPU threads; 0 = as many as there are cores.
        :raises SettingsError: it holds no model that gives one score for a pair.
        """
        _check(folder)
        self._folder, self._threads = folder, threads
        self._model: Any = None

    @property
    def parallel(self) -> int:
        """Two runs at once would only take the cores from each other."""
        return 1

    def warm_up(self) -> None:
        """Load the weights and run them once.

        :raises RerankError: they are damaged.
        """
        self.scores("预热", ["预热"])

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Scores as the model gives them.

        :raises RerankError: the folder is damaged or the model fails.
        """
        model = self._loaded()
        pairs = [(_encodable(query), _encodable(text)) for text in texts]
        try:
            found = model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
            return [float(score) for score in found]
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise RerankError(f"重排序模型 {self._folder} 计算失败：{error}") from error

    def close(self) -> None:
        """Free the weights."""
        self._model = None

    def _loaded(self) -> Any:
        """The model; called by one thread only."""
        if self._model is None:
            self._model = _load(self._folder, self._threads)
        return self._model


def _check(folder: Path) -> None:
    advice = "请检查 reranker 的路径，或去掉这一项以停用重排序。"
    if not folder.is_dir():
        raise SettingsError(f"没有找到重排序模型文件夹 {folder}。{advice}")
    try:
        config = json.loads((folder / "config.json").read_bytes())
        labels = config.get("id2label") or {}
    except (OSError, ValueError, AttributeError):
        raise SettingsError(f"{folder} 不是模型文件夹（config.json 缺失或无法读取）。{advice}") from None
    modules = folder / "modules.json"
    if modules.is_file() and "Pooling" in modules.read_text("utf-8", errors="replace"):
        raise SettingsError(f"{folder} 是向量模型，不是重排序模型（CrossEncoder）。{advice}")
    if len(labels) > 1:
        raise SettingsError(f"{folder} 给出 {len(labels)} 个类别而不是一个分数，不能用来重排序。{advice}")


def _load(folder: Path, threads: int) -> Any:
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    try:
        # Code in the folder is never run.
        model = CrossEncoder(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"})
    except (
        OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError, ImportError, SafetensorError
    ) as error:  # fmt: skip
        raise RerankError(f"重排序模型 {folder} 无法读取：{type(error).__name__}") from error
    model.max_seq_length = min(model.max_seq_length or _MAX_TOKENS, _MAX_TOKENS)
    return model


def _encodable(text: str) -> str:
    """The text without half surrogates, which tokenisers refuse."""
    return text.encode("utf-8", "replace").decode()
