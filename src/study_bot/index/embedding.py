"""Texts to unit vectors. Imports sentence_transformers only when a local model is first used."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from study_bot.errors import ModelError
from study_bot.index.embedding_prompts import choose_prompts
from study_bot.index.model_folder import (
    declared_dimension,
    folder_identity,
    original_name,
    own_prompts,
    short_hash,
)
from study_bot.index.offline_model import prepare_offline_model
from study_bot.index.remote_embedding import OpenAIEncoder
from study_bot.index.vectors import Vectors, length_batches, unit_rows
from study_bot.settings import OFFLINE_MODEL, Settings

__all__ = ["Encoder", "OpenAIEncoder", "SentenceTransformerEncoder", "Vectors", "find_model_folder", "open_encoder"]

log = logging.getLogger(__name__)

_ENCODING_VERSION = "1"
"""Part of every fingerprint: raised when the same model would give other vectors through this code."""

_PROMPT_ROOM = 10
"""Characters added to each text's length for its prompt and special tokens when batches are filled."""

_CHARS_PER_TEXT = 128
"""`embedding_batch_size` counts texts of this length: 16 of them, or about 1 400 tokens, encode fastest on a CPU."""

_LONGEST = 800
"""Characters a text counts at most when batches are filled: about what fits the usual limit of 512 tokens."""

_BULK = 32
"""More questions than this in one call are a batch run, which must not hold up people who wait for an answer."""


class Encoder(Protocol):
    """Turns texts into unit vectors. Safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Short hash that changes whenever the same text would give another vector."""
        ...

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, in their order, shape (len(texts), dimension)."""
        ...

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of passages, in their order, shape (len(texts), dimension).

        :param on_progress: called now and then with the number of texts done so far; what it raises ends the work.
        """
        ...


def open_encoder(settings: Settings, notify: Callable[[str], None] | None = None) -> Encoder:
    """The encoder the settings ask for. Local weights are read, and remote endpoints asked, at the first use only.

    :param notify: receives Chinese lines while the offline model is being prepared.
    :raises ModelError: the model cannot be prepared or found.
    """
    name = settings.embedding_model.strip()
    if re.match(r"https?://", name):
        return OpenAIEncoder(
            name,
            model=settings.embedding_model_name,
            api_key=settings.embedding_api_key.get_secret_value(),
            query_prompt=settings.embedding_query_prompt,
            passage_prompt=settings.embedding_passage_prompt,
            batch_size=settings.embedding_batch_size,
        )
    folder = prepare_offline_model(settings.cache_dir, notify) if name == OFFLINE_MODEL else find_model_folder(name)
    return SentenceTransformerEncoder(
        folder,
        name=name,
        query_prompt=settings.embedding_query_prompt,
        passage_prompt=settings.embedding_passage_prompt,
        batch_size=settings.embedding_batch_size,
        threads=settings.threads,
    )


@dataclass(slots=True)
class _JoinedQuestions:
    """Questions of several threads that will be encoded in one run."""

    texts: list[str] = field(default_factory=list)
    vectors: Future[Vectors] | None = None


class SentenceTransformerEncoder:
    """A model folder run on the CPU by one thread of its own.

    Questions that arrive while the model is busy are joined into its next run; passages are encoded in small steps, so
    a question waits for one step at most. The weights are loaded at the first use.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        query_prompt: str | None = None,
        passage_prompt: str | None = None,
        batch_size: int = 16,
        threads: int = 0,
    ) -> None:
        """Look at the folder without loading the weights.

        :param name: what the user called the model; helps to recognise its family.
        :param query_prompt: overrides the model's own; None = do not. `passage_prompt` likewise.
        :param batch_size: texts of about 128 characters encoded together; shorter ones in larger numbers.
        :param threads: CPU threads; 0 = as many as there are cores.
        :raises ModelError: the folder is not a model or cannot be read.
        """
        if not (folder / "modules.json").is_file():
            raise ModelError(
                f"{folder} 不是 sentence-transformers 模型文件夹（缺少 modules.json）。"
                f"请检查 embedding_model 的路径，或改为 {OFFLINE_MODEL}。"
            )
        self.folder = folder
        known_as = f"{name} {folder.name} {original_name(folder)}"
        self.prompts = choose_prompts(known_as, own_prompts(folder), query_prompt, passage_prompt)
        try:
            identity = folder_identity(folder)
        except OSError as error:
            raise ModelError(f"模型文件夹 {folder} 无法读取（{error}）。请检查文件权限，或重新拷贝该模型。") from error
        self._fingerprint = short_hash(_ENCODING_VERSION, identity, self.prompts.query, self.prompts.passage)
        self._dimension = declared_dimension(folder)
        self._budget = batch_size * _CHARS_PER_TEXT
        self._threads = threads
        self._model: Any = None
        self._joining: _JoinedQuestions | None = None
        self._joining_lock = threading.Lock()
        # One thread: torch keeps a pool of workers for every thread that calls it, and two runs at once
        # would only take the cores from each other.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")

    @property
    def fingerprint(self) -> str:
        """Hash of the folder's configuration and weights and of the prompts; the place of the folder has no part."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Width of the vectors; loads the model only if its configuration does not tell.

        :raises ModelError: the folder is damaged.
        """
        if self._dimension is None:
            self._dimension = self._executor.submit(lambda: int(self._loaded().get_embedding_dimension())).result()
        return self._dimension

    def warm_up(self) -> None:
        """Load the weights and run them once, so that the first question is not slow.

        :raises ModelError: the folder is damaged.
        """
        self.encode_queries(["预热"])

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions. A few are joined with those of other threads; many run step by step.

        :raises ModelError: the folder is damaged or the model fails.
        """
        if not texts or len(texts) > _BULK:
            return self._encode_in_steps(texts, self.prompts.query, None)
        with self._joining_lock:
            joined = self._joining
            if joined is None:
                joined = _JoinedQuestions()
                joined.vectors = self._executor.submit(self._run_joined, joined)
                self._joining = joined
            start = len(joined.texts)
            joined.texts.extend(texts)
            vectors = joined.vectors
        assert vectors is not None  # noqa: S101 - set where it is made
        return vectors.result()[start : start + len(texts)].copy()

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of passages; texts beyond the model's length limit are cut by it.

        :raises ModelError: the folder is damaged or the model fails.
        """
        return self._encode_in_steps(texts, self.prompts.passage, on_progress)

    def close(self) -> None:
        """End the thread and free the weights; the encoder cannot be used afterwards."""
        self._executor.shutdown()
        self._model = None

    def _encode_in_steps(self, texts: Sequence[str], prompt: str, on_progress: Callable[[int], None] | None) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        done = 0
        for batch in self._batches(texts):
            vectors[batch] = self._executor.submit(self._run, [texts[i] for i in batch], prompt).result()
            done += len(batch)
            if on_progress is not None:
                on_progress(done)
        return vectors

    def _run_joined(self, joined: _JoinedQuestions) -> Vectors:
        with self._joining_lock:
            if self._joining is joined:
                self._joining = None  # who comes now waits for the next run
        vectors = np.zeros((len(joined.texts), self._width()), np.float32)
        for batch in self._batches(joined.texts):
            vectors[batch] = self._run([joined.texts[i] for i in batch], self.prompts.query)
        return vectors

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        return list(length_batches([min(len(text) + _PROMPT_ROOM, _LONGEST) for text in texts], self._budget))

    def _width(self) -> int:
        return int(self._loaded().get_embedding_dimension())

    def _run(self, texts: list[str], prompt: str) -> Vectors:
        model = self._loaded()
        try:
            raw = model.encode(
                [_encodable(text) for text in texts], prompt=prompt, batch_size=len(texts), show_progress_bar=False
            )
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(f"向量模型 {self.folder} 计算失败（{error}）。请检查内存，或更换向量模型。") from error
        return unit_rows(raw, self._width())

    def _loaded(self) -> Any:
        """The model; called by the encoder's own thread only."""
        if self._model is None:
            self._model = _load(self.folder, self._threads)
        return self._model


def find_model_folder(name: str) -> Path:
    """Folder of a model given by path, or by the hub name of a model downloaded now or before.

    The hub is asked only for a name that is neither a folder nor in the local cache, and never with HF_HUB_OFFLINE=1.

    :raises ModelError: there is no such folder, or the model cannot be downloaded.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if not re.fullmatch(r"\w[\w.-]*(?:/[\w.-]+)?", name):
        raise ModelError(f"找不到模型文件夹 {name}。请检查 embedding_model 的路径，或改为 {OFFLINE_MODEL}。")
    from huggingface_hub import constants, snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (OSError, ValueError):
        advice = f"请把模型文件夹拷到本机并在 embedding_model 填写其路径，或改为 {OFFLINE_MODEL}。"
        if constants.HF_HUB_OFFLINE:
            raise ModelError(f"本机没有模型 {name}，且已设为离线（HF_HUB_OFFLINE）。{advice}") from None
    log.info("downloading embedding model %s", repository)
    try:
        _sentence_transformer(repository, local_files_only=False)
        return Path(snapshot_download(repository, local_files_only=True))
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"本机没有模型 {name}，下载也未成功（{_first_line(error)}）。{advice}") from error


def _sentence_transformer(source: str, *, local_files_only: bool) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    # Half-precision weights are widened: that is what CPUs are exact and fast at. Code in the folder is never run.
    return SentenceTransformer(
        source, device="cpu", local_files_only=local_files_only, model_kwargs={"dtype": "float32"}
    )


def _load(folder: Path, threads: int) -> Any:
    import torch
    from safetensors import SafetensorError

    if threads:
        torch.set_num_threads(threads)
    try:
        for path in folder.rglob("*.json"):
            json.loads(path.read_bytes())  # tokenisers report broken JSON in a way that cannot be told from a bug
        return _sentence_transformer(str(folder), local_files_only=True)
    except (
        OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError, ImportError, SafetensorError
    ) as error:  # fmt: skip
        raise ModelError(
            f"模型文件夹 {folder} 无法读取（{_first_line(error)}）。"
            f"请重新拷贝该模型，或删除该文件夹后重试，或把 embedding_model 改为 {OFFLINE_MODEL}。"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _encodable(text: str) -> str:
    """The text without half surrogates, which tokenisers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
