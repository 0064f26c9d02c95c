"""Re-rankers behind HTTP, against real servers on this machine that answer rightly, wrongly, slowly or not at all."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.rerank import Reranker, RerankError, Reranking
from study_bot.retrieval.rerank_server import ChatReranker, ServerReranker, marks_of, scores_of
from tests.retrieval.rerank_servers import FakeServer, chat, serving

TEXTS = ["食堂规定", "值班人员登记来访，值班", "值班"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as fake:
        yield fake


@pytest.fixture
def close_after() -> Iterator[Callable[[Any], Any]]:
    opened: list[Any] = []

    def keep(one: Any) -> Any:
        opened.append(one)
        return one

    yield keep
    for one in opened:
        one.close()


Keep = Callable[[Any], Any]


@pytest.mark.parametrize("shape", ["documents", "texts"])
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/rerank"])
def test_both_shapes_are_understood(server: FakeServer, close_after: Keep, shape: str, path: str) -> None:
    server.shape = shape
    reranker = close_after(ServerReranker(server.url + path, model="some-model", api_key="secret"))
    assert reranker.scores("谁值班", TEXTS) == [0.0, 2.0, 1.0]
    asked = len(server.requests)
    assert asked == (1 if shape == "documents" else 2)
    assert reranker.scores("谁值班", TEXTS) == [0.0, 2.0, 1.0]
    assert len(server.requests) == asked + 1  # it is known by now
    place, request = server.requests[-1]
    assert place == path.rstrip("/").removesuffix("/rerank") + "/rerank"
    assert (request["query"], request[shape], request["model"]) == ("谁值班", TEXTS, "some-model")
    assert set(server.keys) == {"Bearer secret"}


@pytest.mark.parametrize("shape", ["documents", "texts"])
def test_many_texts_go_in_several_requests(server: FakeServer, close_after: Keep, shape: str) -> None:
    server.shape = shape
    texts = ["值班" * (n % 7) for n in range(70)]
    assert close_after(ServerReranker(server.url)).scores("问", texts) == [float(n % 7) for n in range(70)]
    assert max(len(request.get(shape, ())) for _, request in server.requests) == 32


def test_without_a_key_or_a_model_none_is_sent(server: FakeServer, close_after: Keep) -> None:
    close_after(ServerReranker(server.url)).warm_up()
    assert server.keys == [None]
    assert "model" not in server.requests[0][1]


def test_a_chat_model_gives_marks(server: FakeServer, close_after: Keep) -> None:
    reranker = close_after(ChatReranker(f"{server.url}/v1", model="chat", api_key="secret"))
    assert reranker.scores("谁值班", [*TEXTS, "值班" * 900]) == [0.0, 2.0, 1.0, 200.0]
    ((path, request),) = server.requests
    assert (path, request["model"], request["stream"], request["temperature"]) == (
        "/v1/chat/completions", "chat", False, 0,
    )  # fmt: skip
    assert "4 个数" in request["messages"][0]["content"]
    assert json.loads(request["messages"][1]["content"])["question"] == "谁值班"
    assert server.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("words", "marks"),
    [
        ("[3, 10, 0]", [3.0, 10.0, 0.0]),
        ("打分如下：\n```json\n[1.5, 2, 3]\n```", [1.5, 2.0, 3.0]),
        ("<think>先看[1]再看[9, 9, 9]</think>[1, 2, 3]", [1.0, 2.0, 3.0]),
        ('["1", "2", "3"]', [1.0, 2.0, 3.0]),
    ],
)
def test_marks_among_other_words(words: str, marks: list[float]) -> None:
    assert marks_of(chat(words), 3) == marks


@pytest.mark.parametrize(
    "words", ["", "不知道", "[1, 2]", "[1, 2, 3, 4]", "[一, 二, 三]", "[[1], [2], [3]]", "[1, null, 2]"]
)
def test_other_words_are_no_marks(words: str) -> None:
    with pytest.raises(RerankError, match="打分"):
        marks_of(chat(words), 3)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.integers(1, 4))
def test_garbage_is_never_taken_for_scores(content: bytes, count: int) -> None:
    for read in (scores_of, marks_of):
        with pytest.raises(RerankError):
            read(content, count)


@given(st.permutations(range(5)), st.booleans())
def test_scores_come_back_in_the_order_of_the_texts(order: list[int], texts: bool) -> None:
    entries = [{"index": place, "score" if texts else "relevance_score": place / 4} for place in order]
    content = json.dumps(entries if texts else {"results": entries}).encode()
    assert scores_of(content, 5) == [0.0, 0.25, 0.5, 0.75, 1.0]


def _entries(*pairs: tuple[object, object]) -> bytes:
    return json.dumps({"results": [{"index": index, "relevance_score": score} for index, score in pairs]}).encode()


TROUBLES: dict[str, Any] = {
    "500": 500,
    "401": 401,
    "404": 404,
    "redirect": 307,
    "slow": "slow",
    "not json": b"<html>",
    "deep": b"[" * 100_000,
    "long": b" " * (5 << 20),
    "null": b"null",
    "empty": b'{"results": []}',
    "too few": _entries((0, 1.0), (1, 2.0)),
    "too many": _entries((0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)),
    "twice": _entries((0, 1.0), (1, 2.0), (1, 3.0)),
    "outside": _entries((0, 1.0), (1, 2.0), (-1, 3.0)),
    "no numbers": _entries((0, 1.0), (1, "x"), (2, None)),
    "no index": _entries((0, 1.0), (True, 2.0), ("2", 3.0)),
    "nan": _entries((0, 1.0), (1, float("nan")), (2, 3.0)),
    "huge": _entries((0, 1.0), (1, 10**400), (2, 3.0)),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
@pytest.mark.parametrize("kind", ["server", "chat"])
def test_whatever_goes_wrong_leaves_the_learned_order(
    server: FakeServer, close_after: Keep, caplog: pytest.LogCaptureFixture, trouble: Any, kind: str
) -> None:
    server.trouble = trouble
    reranker: Reranker = ServerReranker(server.url) if kind == "server" else ChatReranker(server.url, model="m")
    stage = close_after(Reranking(reranker, top_n=30, timeout_s=0.1 if trouble == "slow" else 5))
    with caplog.at_level(logging.WARNING, logger="study_bot"):
        assert stage.order("谁来登记", TEXTS) is None
    assert "重排序没有用上" in caplog.text
    assert "谁来登记" not in caplog.text
    assert not any("elsewhere" in path for path, _ in server.requests)


def test_a_server_that_is_down(close_after: Keep, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert close_after(Reranking(ServerReranker(url), top_n=5, timeout_s=5)).order("问", TEXTS) is None
    assert f"{url}/rerank 没有应答" in caplog.text


def test_nothing_is_sent_before_a_question(server: FakeServer, close_after: Keep) -> None:
    close_after(Reranking(ServerReranker(server.url), top_n=5, timeout_s=5))
    close_after(Reranking(ChatReranker(server.url, model="m"), top_n=5, timeout_s=5))
    assert server.requests == []


def test_half_characters_are_sent_as_question_marks(server: FakeServer, close_after: Keep) -> None:
    assert close_after(ServerReranker(server.url)).scores("\ud800问", ["值班\udc00"]) == [1.0]
    assert server.requests[0][1]["documents"] == ["值班?"]
