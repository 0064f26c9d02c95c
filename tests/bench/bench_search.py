"""What a question costs beside the encoder, with as many passages as all national statutes have; the results are lines
on the terminal (pytest needs `-m bench -s`).

Vectors and tokens are made up but shaped like real ones: rare and common words in the shares in which they occur.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from study_bot.index.articles import ArticleTable
from study_bot.index.dense import DenseIndex
from study_bot.index.embedding import SentenceTransformerEncoder
from study_bot.index.offline_model import prepare_offline_model
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import Tokenizer
from study_bot.index.vectors import unit_rows
from study_bot.retrieval.hybrid import HybridSearch
from study_bot.retrieval.learned import load_learned
from study_bot.retrieval.query import understand
from study_bot.retrieval.retriever import Retriever
from study_bot.settings import Settings, default_cache_dir, load_settings
from study_bot.types import ArticleNumber, Filters
from tests.retrieval.samples import TODAY, FakeSnapshot, articles_of, statute

pytestmark = pytest.mark.bench

PASSAGES = 58_000
ARTICLES_OF_A_LAW = 60
TOKENS_OF_A_PASSAGE = 150
FILLERS = 60_000
ROUNDS = 15

QUESTIONS = [
    "值班人员交接时忘记登记来访人员应当怎样进行处理呢",
    "邻居半夜装修吵得睡不着觉报警以后民警能不能处罚他",
    "开车送朋友回家路上被查出来喝过酒驾驶证会被扣多久",
    "网上发帖骂人被人举报以后公安机关一般会怎样来处理",
    "未成年人偷了超市里的东西家长需要承担什么法律责任",
    "公司拖欠三个月工资还不签劳动合同应该到哪里去投诉",
]


def _token_lists(rng: np.random.Generator) -> list[list[str]]:
    """Each token of the questions in a share of the passages between one in five and one in five thousand, as the words
    of questions are in real statutes; the rest are fillers, common ones often."""
    lists: list[list[str]] = [[] for _ in range(PASSAGES)]
    tokenizer = Tokenizer()
    for token in sorted({token for question in QUESTIONS for token in tokenizer.tokens(question)}):
        share = 0.2 * 10 ** -(3 * rng.random())
        for row in np.flatnonzero(rng.random(PASSAGES) < share).tolist():
            lists[row].append(token)
    fillers = np.minimum(rng.zipf(1.3, (PASSAGES, TOKENS_OF_A_PASSAGE)), FILLERS)
    for own, others in zip(lists, fillers.tolist(), strict=True):
        own.extend(f"f{number}" for number in others)
    return lists


@pytest.fixture(scope="module")
def snapshot(encoder: SentenceTransformerEncoder) -> FakeSnapshot:
    rng = np.random.default_rng(7)
    laws = [statute(f"第{n}号办法") for n in range(PASSAGES // ARTICLES_OF_A_LAW + 1)]
    texts = {ArticleNumber(n): "值班人员应当登记。" * (n % 9 + 1) for n in range(1, ARTICLES_OF_A_LAW + 1)}
    passages = tuple(passage for law in laws for passage in articles_of(law, dict(texts)))[:PASSAGES]
    # As those of a real model, the vectors share a direction: cosines lie between 0.7 and 0.9.
    matrix = rng.standard_normal((PASSAGES, encoder.dimension)) + 2 * rng.standard_normal(encoder.dimension)
    dense = DenseIndex.from_vectors(unit_rows(matrix, encoder.dimension))
    dense.prepare(load_settings().threads)  # as a server does
    return FakeSnapshot(
        tuple(laws),
        passages,
        dense,
        SparseIndex.from_tokens(_token_lists(rng)),
        ArticleTable.from_snapshot(laws, passages),
    )


@pytest.fixture(scope="module")
def encoder() -> SentenceTransformerEncoder:
    encoder = SentenceTransformerEncoder(_model(), threads=load_settings().threads)
    encoder.warm_up()
    return encoder


def _model() -> Path:
    return prepare_offline_model(default_cache_dir())


class Clock:
    """Times of runs, by question. Told is the fastest of each question, the median over the questions: other work on
    the machine can only add to a time."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}

    def run(self, question: str, work: Callable[[], object]) -> None:
        """Measure once."""
        started = time.perf_counter()
        work()
        self.add(question, 1000 * (time.perf_counter() - started))

    def add(self, question: str, milliseconds: float) -> None:
        """Take a time measured elsewhere."""
        self._times.setdefault(question, []).append(milliseconds)

    @property
    def fastest(self) -> float:
        """Milliseconds."""
        return statistics.median(min(times) for times in self._times.values())

    @property
    def median(self) -> float:
        """Milliseconds, over all runs."""
        return statistics.median(one for times in self._times.values() for one in times)


def _report(line: str) -> None:
    sys.stdout.write(f"\n{line}")


@pytest.mark.parametrize("limited", [False, True], ids=["all", "filtered"])
@pytest.mark.parametrize("adapter", [True, False], ids=["adapter", "plain"])
def test_share_of_everything_but_the_encoder(
    snapshot: FakeSnapshot, encoder: SentenceTransformerEncoder, adapter: bool, limited: bool
) -> None:
    learned = load_learned(None, encoder.fingerprint, encoder.dimension, adapter=adapter)
    search = HybridSearch(snapshot, learned, Settings().candidates)
    vectors = dict(zip(QUESTIONS, search.adapted(encoder.encode_queries(QUESTIONS)), strict=True))
    allowed = np.random.default_rng(1).random(PASSAGES) < 0.5 if limited else None
    encoding, searching = Clock(), Clock()
    steps = {name: Clock() for name in ("dense", "sparse", "fuse")}
    # By turns, so that other work on the machine weighs on both alike.
    for _ in range(ROUNDS):
        for question in QUESTIONS:
            encoding.run(question, lambda question=question: encoder.encode_queries([question]))
            started = time.perf_counter()
            found = search.search(vectors[question], question, 20, allowed, None)
            searching.add(question, 1000 * (time.perf_counter() - started))
            for name, clock in steps.items():
                clock.add(question, getattr(found, f"{name}_ms"))
    parts = ", ".join(f"{name} {clock.fastest:.2f}" for name, clock in steps.items())
    _report(
        f"search {searching.fastest:.2f} ms ({parts}), encoder {encoding.fastest:.2f} ms, "
        f"share {searching.fastest / encoding.fastest:.1%} (of medians {searching.median / encoding.median:.1%})"
    )


def test_share_of_a_whole_retrieval(snapshot: FakeSnapshot, encoder: SentenceTransformerEncoder) -> None:
    """From the text of a question to its hits."""
    retriever = Retriever(snapshot, encoder, Settings())
    encoding, rest = Clock(), Clock()
    for question in QUESTIONS * ROUNDS:
        started = time.perf_counter()
        query = understand(question, snapshot.articles, TODAY)
        latency = retriever.retrieve(query, Filters(), 20, today=TODAY).latency
        encoding.add(question, latency.encode)
        rest.add(question, 1000 * (time.perf_counter() - started) - latency.encode)
    _report(
        f"retrieval without the encoder {rest.fastest:.2f} ms, "
        f"share {rest.fastest / encoding.fastest:.1%} (of medians {rest.median / encoding.median:.1%})"
    )


def test_where_the_time_goes(snapshot: FakeSnapshot, encoder: SentenceTransformerEncoder) -> None:
    learned = load_learned(None, encoder.fingerprint, encoder.dimension)
    search = HybridSearch(snapshot, learned, Settings().candidates)
    vectors = dict(zip(QUESTIONS, search.adapted(encoder.encode_queries(QUESTIONS)), strict=True))
    profile = cProfile.Profile()
    with profile:
        for question in QUESTIONS * ROUNDS:
            search.search(vectors[question], question, 20, None, None)
    _report("")
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(18)
