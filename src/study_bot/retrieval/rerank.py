"""A second look at the best candidates by a model that reads question and passage together. Off unless configured.

A re-ranker can only change an order: where it is slow, down or wrong, the learned order stands, and the log says so.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from study_bot.retrieval.fusion import Ranking

REST_S = 30.0
"""After a failure, so many seconds pass before the re-ranker is asked again: questions must not wait for it in vain."""

NOTICE_EVERY_S = 60.0
"""A failing re-ranker is told of at most this often."""

MAX_TEXT_CHARS = 1200
"""Of a passage, so many characters are judged; models cut at about this length themselves."""

_log = logging.getLogger(__name__)


class RerankError(Exception):
    """The re-ranker gave no usable scores. The message is a Chinese clause for the log; it quotes no question."""


class Reranker(Protocol):
    """Judges passages against a question. Called from several threads, but from no more than `parallel` at once."""

    @property
    def parallel(self) -> int:
        """Calls that may run at the same time."""
        ...

    def warm_up(self) -> None:
        """Do what makes the first call slow.

        :raises RerankError: it cannot be used.
        """
        ...

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score of each text, in their order; higher = answers the question better, on any scale.

        :raises RerankError: there are none to be had.
        """
        ...

    def close(self) -> None:
        """Let go of the model or the connections."""
        ...


class Reranking:
    """Asks a re-ranker within a time limit. Safe for many threads; never raises what a re-ranker does wrong."""

    def __init__(
        self,
        reranker: Reranker,
        *,
        top_n: int,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a re-ranker into use; nothing is loaded or asked yet.

        :param top_n: how many of the best candidates are judged.
        :param timeout_s: seconds a question waits for it at most.
        :param clock: seconds that only go forward.
        """
        self.top_n = top_n
        self._reranker, self._timeout_s, self._clock = reranker, timeout_s, clock
        # Threads of its own, because neither a model nor a server that sends drop by drop can be told to stop.
        self._threads = ThreadPoolExecutor(reranker.parallel, thread_name_prefix="reranker")
        self._lock = threading.Lock()
        self._rests_until = self._silent_until = -math.inf
        self._misses = 0

    @property
    def misses(self) -> int:
        """Questions that kept the learned order because there were no scores."""
        return self._misses

    def warm_up(self) -> None:
        """Load the model or try the server now, however long it takes; a failure is logged."""
        error = self._threads.submit(self._reranker.warm_up).exception()
        if error is not None:
            self._note(error)

    def order(self, query: str, texts: Sequence[str]) -> list[int] | None:
        """Places of the texts, the best first, equal ones as they came; None = there are no scores."""
        if len(texts) < 2:
            return list(range(len(texts)))
        with self._lock:
            resting = self._clock() < self._rests_until
            self._misses += resting
        if resting:
            return None
        scores = self._scores(query, [text[:MAX_TEXT_CHARS] for text in texts])
        if isinstance(scores, BaseException):
            self._failed(scores)
            return None
        if len(scores) != len(texts) or not all(map(math.isfinite, scores)):
            self._failed(RerankError(f"{len(texts)} 段原文得到 {len(scores)} 个分数，或分数不是数"))
            return None
        return sorted(range(len(texts)), key=lambda place: -scores[place])

    def close(self) -> None:
        """Let go of the re-ranker; calls under way are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._reranker.close()

    def _scores(self, query: str, texts: Sequence[str]) -> list[float] | BaseException:
        try:
            asked = self._threads.submit(self._reranker.scores, query, texts)
        except RuntimeError:
            return RerankError("程序正在停止")
        try:
            error = asked.exception(self._timeout_s)
        except TimeoutError:
            asked.cancel()
            return RerankError(f"{self._timeout_s:g} 秒内没有给出分数")
        return asked.result() if error is None else error

    def _failed(self, error: BaseException) -> None:
        with self._lock:
            self._misses += 1
            self._rests_until = self._clock() + REST_S
        self._note(error)

    def _note(self, error: BaseException) -> None:
        with self._lock:
            now = self._clock()
            if now < self._silent_until:
                return
            self._silent_until = now + NOTICE_EVERY_S
        # Of an error that nobody foresaw the place is wanted, too.
        unforeseen = None if isinstance(error, RerankError) else error
        _log.warning("重排序没有用上（%s），暂按原来的次序给出结果。", error, exc_info=unforeseen)


def reordered(ranked: Ranking, places: Sequence[int], order: Sequence[int]) -> Ranking:
    """The ranking with the rows at `places` put there in another order; scores stay with the places.

    :param order: a permutation of `range(len(places))`.
    """
    rows = ranked.rows.copy()
    rows[list(places)] = ranked.rows[[places[place] for place in order]] if places else rows[:0]
    return Ranking(rows, ranked.scores)


def in_force_first(order: Sequence[int], laws: Sequence[str], in_force: Sequence[bool]) -> list[int]:
    """A new order in which no version out of force is lifted over one in force of the same law.

    The places that a law has in `order` stay its own; among them, a passage out of force waits for all those in force
    that stood before it in the old order.

    :param order: old places (0 = first), in the new order.
    :param laws: what law the passage at each old place is of; `in_force` likewise.
    """
    result = list(order)
    for law in {laws[place] for place in order if not in_force[place]}:
        own = [i for i, place in enumerate(order) if laws[place] == law]
        waiting = [order[i] for i in own]
        for i in own:
            first = next(p for p in waiting if in_force[p] or not any(in_force[q] and q < p for q in waiting))
            result[i] = first
            waiting.remove(first)
    return result
