"""The JSON interface: answers, errors as problems in Chinese, limits."""

from __future__ import annotations

import logging

import anyio
import pytest
from starlette.testclient import TestClient

from study_bot.errors import BusyError, ModelError
from study_bot.server.api import QuestionLine
from tests.ui.fake_services import HOSTILE_ID, NEW_RULES_ID, FakeServices

QUESTION = "学习管理规定第九条讲什么？"


def problem(response: object, status: int) -> dict[str, object]:
    assert response.status_code == status, response.text  # type: ignore[attr-defined]
    assert response.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    found = response.json()  # type: ignore[attr-defined]
    assert found["status"] == status
    assert any("一" <= c <= "龥" for c in found["detail"])
    return found


def test_a_question_is_answered_with_citations(client: TestClient, fake: FakeServices) -> None:
    answer = client.post("/api/v1/ask", json={"question": QUESTION}).json()
    assert not answer["refused"]
    assert answer["answer"].endswith("六十分为合格。[1]")
    citation = answer["citations"][0]
    assert fake.texts[citation["version_id"]][1].text[citation["start"] : citation["end"]] == citation["quote"]
    assert citation["locator"] == "第三章 测试 第九条"
    assert set(answer["latency_ms"]) == {"encode", "retrieve", "answer", "total"}
    assert answer["passages"][0]["exact"]


def test_limits_and_conversation_are_handed_on(client: TestClient, fake: FakeServices) -> None:
    body = {
        "question": "那第十条呢？",
        "documents": ["rules"],
        "as_of": "2023-05-01",
        "include_inactive": True,
        "conversation": [{"question": QUESTION, "answer": "答"}] * 9,
    }
    assert client.post("/api/v1/ask", json=body).status_code == 200
    _, filters, turns = fake.questions[-1]
    assert (filters.doc_ids, str(filters.as_of), filters.include_inactive) == ({"rules"}, "2023-05-01", True)
    assert len(turns) == 6


def test_refusals_are_answers(client: TestClient) -> None:
    answer = client.post("/api/v1/ask", json={"question": "出国护照丢了怎么补办？"}).json()
    assert answer["refused"]
    assert answer["reason"] == "not_in_library"


def test_search(client: TestClient) -> None:
    found = client.post("/api/v1/search", json={"text": "集体阅读", "top_k": 2}).json()["passages"]
    assert len(found) == 2
    assert found[0]["score"] >= found[1]["score"]
    assert found[0]["doc_id"] == "notice"


def test_library_and_documents(client: TestClient, fake: FakeServices) -> None:
    documents = client.get("/api/v1/library").json()["documents"]
    assert [d["version_id"] for d in documents] == list(fake.texts)
    assert documents[0]["status"] == "in_force"
    assert documents[0]["effective"] == "2024-07-01"
    document = client.get(f"/api/v1/documents/{NEW_RULES_ID}").json()
    assert document["text"] == fake.texts[NEW_RULES_ID][1].text
    assert [v["version_id"] for v in document["other_versions"]] == ["rules-2019"]
    hostile = client.get("/api/v1/documents/hostile%2F1%3Fx%3D%3Cb%3E").json()
    assert hostile["version"]["version_id"] == HOSTILE_ID


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"question": " "}, "请先输入问题"),
        ({"question": "字" * 2001}, "2,001"),
        ({"question": QUESTION, "documents": ["forged"]}, "不在库中"),
        ({"question": QUESTION, "categories": ["forged"]}, "类别"),
        ({"question": QUESTION, "as_of": "昨天"}, "as_of"),
        ({"question": QUESTION, "unknown": 1}, "unknown"),
        ({"question": 5}, "question"),
        ({}, "question"),
        ([], "请求体"),
    ],
)
def test_bad_bodies_are_refused(client: TestClient, body: object, words: str) -> None:
    assert words in str(problem(client.post("/api/v1/ask", json=body), 422)["detail"])


def test_malformed_json_is_refused_without_repeating_it(client: TestClient) -> None:
    response = client.post("/api/v1/ask", content='{"question": "秘密', headers={"content-type": "application/json"})
    problem(response, 422)
    assert "秘密" not in response.text


def test_what_does_not_exist(client: TestClient) -> None:
    assert problem(client.get("/api/v1/documents/nope"), 404)["code"] == "document_gone"
    problem(client.get("/api/v1/nope"), 404)
    problem(client.get("/api/v1/ask"), 404)
    for path in ("/docs", "/redoc", "/openapi.json", "/api/docs", "/gradio_api/openapi.json"):
        problem(client.get(path), 404)


def test_errors_of_the_services_become_problems(client: TestClient, fake: FakeServices) -> None:
    fake.fail_with = ModelError("模型没有加载，请检查模型目录。")
    try:
        found = problem(client.post("/api/v1/ask", json={"question": QUESTION}), 503)
        assert found["detail"] == "模型没有加载，请检查模型目录。"
        assert found["code"] == "model"
        fake.missing = True
        assert problem(client.get("/api/v1/library"), 503)["code"] == "no_index"
    finally:
        fake.fail_with, fake.missing = None, False


def test_unforeseen_errors_say_nothing_of_the_inside(
    fake: FakeServices, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = TestClient(client.app, raise_server_exceptions=False)
    fake.fail_with = RuntimeError("inner words")
    try:
        response = quiet.post("/api/v1/ask", json={"question": QUESTION})
    finally:
        fake.fail_with = None
    assert "inner words" not in response.text
    problem(response, 500)
    assert "第九条" not in caplog.text


def test_questions_are_never_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.post("/api/v1/ask", json={"question": QUESTION})
    client.post("/api/v1/ask", json={"question": QUESTION, "documents": ["forged"]})
    assert "第九条" not in caplog.text


def test_the_line_has_an_end() -> None:
    async def main() -> list[str]:
        line, outcomes = QuestionLine(1, 2), []
        gate = anyio.Event()

        async def ask() -> None:
            try:
                await line.run(lambda: anyio.from_thread.run(gate.wait))
                outcomes.append("done")
            except BusyError as error:
                outcomes.append(str(error))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
            gate.set()
        return outcomes

    outcomes = anyio.run(main)
    assert sorted(outcomes)[:3] == ["done"] * 3
    assert "排队" in sorted(outcomes)[3]
