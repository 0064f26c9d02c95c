"""How fast the offline model encodes; the results are lines on the terminal (pytest needs `-m bench -s`)."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from study_bot.index.embedding import SentenceTransformerEncoder
from study_bot.index.offline_model import prepare_offline_model
from study_bot.settings import default_cache_dir

pytestmark = pytest.mark.bench

_CLAUSE = "值班人员应当按照规定登记来访人员的姓名、事由和时间，并在交接班时向接班人员逐项说明；"

PASSAGES = [f"第{n}条 " + _CLAUSE * (1 + n % 5) for n in range(1, 401)]
"""Articles of 45 to 220 characters, as statutes have them."""

QUESTIONS = [f"值班人员在第{n}次交接时忘记登记来访人员，应当怎样处理？" for n in range(64)]


@pytest.fixture(scope="module")
def folder() -> Path:
    return prepare_offline_model(default_cache_dir())


@pytest.fixture
def encoder(folder: Path, request: pytest.FixtureRequest) -> Iterator[SentenceTransformerEncoder]:
    encoder = SentenceTransformerEncoder(folder, batch_size=getattr(request, "param", 16))
    encoder.warm_up()
    yield encoder
    encoder.close()


def _report(line: str) -> None:
    sys.stdout.write(f"\n{line}")


@pytest.mark.parametrize("encoder", [2, 4, 8, 16, 32, 64], indirect=True, ids=lambda size: f"batch-{size}")
def test_passages_a_second(encoder: SentenceTransformerEncoder, request: pytest.FixtureRequest) -> None:
    start = time.perf_counter()
    encoder.encode_passages(PASSAGES)
    seconds = time.perf_counter() - start
    _report(f"{request.node.callspec.id}: {len(PASSAGES) / seconds:.1f} passages a second")


@pytest.mark.parametrize("askers", [1, 2, 4, 8])
def test_milliseconds_a_question(encoder: SentenceTransformerEncoder, askers: int) -> None:
    """What one of several people asking without pause waits for, and how many are served together."""

    def ask(question: str) -> float:
        start = time.perf_counter()
        encoder.encode_queries([question])
        return (time.perf_counter() - start) * 1000

    start = time.perf_counter()
    with ThreadPoolExecutor(askers) as pool:
        waits = list(pool.map(ask, QUESTIONS))
    rate = len(QUESTIONS) / (time.perf_counter() - start)
    _report(
        f"{askers} askers: median {statistics.median(waits):.0f} ms, longest {max(waits):.0f} ms, {rate:.0f} a second"
    )


def test_milliseconds_a_question_during_a_build(encoder: SentenceTransformerEncoder) -> None:
    with ThreadPoolExecutor(1) as pool:
        build = pool.submit(encoder.encode_passages, PASSAGES)
        waits = []
        while not build.done() and len(waits) < 30:
            start = time.perf_counter()
            encoder.encode_queries(["交接时忘记登记怎么办？"])
            waits.append((time.perf_counter() - start) * 1000)
            time.sleep(0.05)
    _report(f"while passages are encoded: median {statistics.median(waits):.0f} ms, longest {max(waits):.0f} ms")
