"""Vectors from an OpenAI-compatible endpoint (vLLM, TEI, Infinity, ...), reached only if the user configured one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx
import numpy as np

from study_bot.errors import ModelError
from study_bot.index.embedding_prompts import choose_prompts
from study_bot.index.model_folder import short_hash
from study_bot.index.vectors import Vectors, unit_rows

_ENCODING_VERSION = "1"
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_REFUSED_INPUT = {400, 413, 422}
"""What servers answer to a text or a batch that is too long for them."""

_SHORTEST_CUT = 64
"""A text of fewer characters is never the reason for a refusal, so it is not shortened further."""


_CONNECT_SECONDS = 5.0


class _Effort(NamedTuple):
    """How hard to try: tries per request, and seconds for each."""

    attempts: int
    timeout: float


class _InputRefusedError(ModelError):
    """The server will not take these texts; others may do."""


class OpenAIEncoder:
    """Client of `{base}/embeddings`. Nothing is sent before the first use."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        query_prompt: str | None = None,
        passage_prompt: str | None = None,
        batch_size: int = 16,
        attempts: int = 4,
        first_wait: float = 0.5,
        timeout: float = 60.0,
        question_timeout: float = 10.0,
    ) -> None:
        """Prepare the client.

        :param base_url: address up to and without `/embeddings`, e.g. http://10.0.0.5:8000/v1.
        :param model: name sent to the server; some servers need none.
        :param query_prompt: overrides what the model's family needs; None = do not. `passage_prompt` likewise.
        :param batch_size: texts sent in one request.
        :param attempts: tries per request while the server is unreachable or overloaded.
        :param first_wait: seconds before the second try; doubled each time.
        :param timeout: seconds for one request of passages.
        :param question_timeout: the same for questions: a person waits, so they are also tried twice at most.
        """
        self.base_url = base_url.rstrip("/").removesuffix("/embeddings")
        self.model = model
        self.prompts = choose_prompts(model, {}, query_prompt, passage_prompt)
        self._batch_size = batch_size
        self._passage_effort = _Effort(attempts, timeout)
        self._question_effort = _Effort(min(attempts, 2), question_timeout)
        self._first_wait = first_wait
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers)
        self._dimension: int | None = None
        self._probe_lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Hash of endpoint, model name and prompts: what the server does behind that name cannot be seen."""
        return short_hash(_ENCODING_VERSION, self.base_url, self.model, self.prompts.query, self.prompts.passage)

    @property
    def dimension(self) -> int:
        """Width of the vectors, asked of the server once.

        :raises ModelError: the server cannot be reached or does not answer as expected.
        """
        with self._probe_lock:
            if self._dimension is None:
                self._dimension = len(self._request(["维度"], self._question_effort)[0])
            return self._dimension

    def warm_up(self) -> None:
        """Check that the server answers.

        :raises ModelError: it does not.
        """
        _ = self.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions.

        :raises ModelError: the server cannot be reached or does not answer as expected.
        """
        return self._encode(texts, self.prompts.query, self._question_effort, None)

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of passages; a text the server finds too long is shortened until it fits.

        :raises ModelError: the server cannot be reached or does not answer as expected.
        """
        return self._encode(texts, self.prompts.passage, self._passage_effort, on_progress)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _encode(
        self, texts: Sequence[str], prompt: str, effort: _Effort, on_progress: Callable[[int], None] | None
    ) -> Vectors:
        dimension = self.dimension
        vectors = np.zeros((len(texts), dimension), np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(texts), self._batch_size):
            batch = by_length[start : start + self._batch_size]
            vectors[batch] = unit_rows(self._fitting([prompt + texts[i] for i in batch], effort), dimension)
            if on_progress is not None:
                on_progress(start + len(batch))
        return vectors

    def _fitting(self, texts: list[str], effort: _Effort) -> list[list[float]]:
        """Vectors of the texts, in smaller requests or of shortened texts where the server refuses them."""
        try:
            return self._request(texts, effort)
        except _InputRefusedError:
            if len(texts) > 1:
                middle = len(texts) // 2
                return self._fitting(texts[:middle], effort) + self._fitting(texts[middle:], effort)
            if len(texts[0]) <= _SHORTEST_CUT:
                raise
            return self._fitting([texts[0][: len(texts[0]) * 3 // 4]], effort)

    def _request(self, texts: list[str], effort: _Effort) -> list[list[float]]:
        body = {"model": self.model, "input": [text.encode("utf-8", "replace").decode() for text in texts]}
        timeout = httpx.Timeout(effort.timeout, connect=min(effort.timeout, _CONNECT_SECONDS))
        problem = ""
        for attempt in range(effort.attempts):
            if attempt:
                time.sleep(self._first_wait * 2 ** (attempt - 1))
            try:
                response = self._client.post(f"{self.base_url}/embeddings", json=body, timeout=timeout)
            except httpx.InvalidURL as error:
                raise ModelError(f"向量服务地址 {self.base_url} 无效（{error}）。请检查 embedding_model。") from None
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
                continue
            if response.status_code not in _RETRIED:
                return self._vectors_of(response, len(texts))
            problem = f"HTTP {response.status_code}"
        raise ModelError(
            f"向量服务 {self.base_url} 连续 {effort.attempts} 次没有应答（{problem}）。请确认服务已启动、地址可达。"
        )

    def _vectors_of(self, response: httpx.Response, count: int) -> list[list[float]]:
        status = response.status_code
        if status in (401, 403):
            raise ModelError(f"向量服务 {self.base_url} 拒绝访问（HTTP {status}）。请检查 embedding_api_key。")
        if not response.is_success:
            kind = _InputRefusedError if status in _REFUSED_INPUT else ModelError
            raise kind(
                f"向量服务 {self.base_url} 返回 HTTP {status}：{response.text[:200]}。"
                "请检查 embedding_model 的地址和 embedding_model_name。"
            )
        try:
            rows = list(enumerate(response.json()["data"]))
            rows.sort(key=lambda row: int(row[1].get("index", row[0])))
            vectors = [[float(value) for value in row["embedding"]] for _, row in rows]
        except (ValueError, KeyError, TypeError, AttributeError):
            vectors = []
        if len(vectors) != count or not all(vectors):
            raise ModelError(
                f"向量服务 {self.base_url} 的应答不是所要的向量。请确认它提供 OpenAI 兼容的 /embeddings 接口。"
            )
        return vectors
