"""Health, readiness, figures, headers, limits, and the closed parts of Gradio."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from study_bot.server.app import create_app
from study_bot.server.middleware import GRADIO_POLICY, MAX_BODY_BYTES
from study_bot.settings import Settings
from study_bot.types import Progress
from tests.ui.fake_services import FakeServices


def test_alive_and_ready(client: TestClient, fake: FakeServices) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").json() == {"ready": True, "build_id": "20260101-1"}
    fake.missing = True
    try:
        assert client.get("/healthz").status_code == 200
        response = client.get("/readyz")
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert "还没有索引" in response.json()["detail"]
        fake.building = Progress("计算向量", 1, 2)
        assert "正在建立索引" in client.get("/readyz").json()["detail"]
    finally:
        fake.missing, fake.building = False, None


def test_figures(fake: FakeServices) -> None:
    with TestClient(create_app(fake)) as client:
        for question in ("学习管理规定第九条讲什么？", "出国护照丢了怎么补办？"):
            client.post("/api/v1/ask", json={"question": question})
        text = client.get("/metrics").text
    assert 'study_bot_questions_total{outcome="answered"} 1.0' in text
    assert 'study_bot_refusals_total{reason="not_in_library"} 1.0' in text
    assert 'study_bot_question_seconds_count{stage="retrieve"} 2.0' in text
    assert re.search(r'study_bot_index_info\{build_id="20260101-1"\} [1-9]', text)
    assert "study_bot_questions_running 0.0" in text
    assert "第九条" not in text


@pytest.mark.parametrize("path", ["/", "/healthz", "/reader/nope", "/api/v1/library", "/nope", "/ui/app.js"])
def test_security_headers_are_everywhere(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


def test_the_start_page_is_dressed(client: TestClient) -> None:
    response = client.get("/")
    assert 'lang="zh-CN"' in response.text
    assert "<title>学习问答</title>" in response.text
    assert response.headers["content-security-policy"] == GRADIO_POLICY
    assert int(response.headers["content-length"]) == len(response.content)
    assert client.head("/").status_code == 200
    config = client.get("/config").json()
    assert config["footer_links"] == []
    assert config["analytics_enabled"] is False


def test_large_requests_are_refused(client: TestClient) -> None:
    large = b'{"question": "' + b"x" * MAX_BODY_BYTES + b'"}'
    declared = client.post("/api/v1/ask", content=large, headers={"content-type": "application/json"})
    assert declared.status_code == 413
    assert declared.json()["detail"] == "请求内容太大。"
    chunked = client.post("/api/v1/ask", content=iter([large]), headers={"content-type": "application/json"})
    assert chunked.status_code == 413
    assert client.post("/gradio_api/queue/join", content=iter([large])).status_code == 413
    bad = client.post("/api/v1/ask", content=b"{}", headers={"content-length": "-5"})
    assert bad.status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x", "/gradio_api/deep_link",
     "/gradio_api/runs", "/gradio_api/component_server", "/gradio_api/vibe-code", "/monitoring", "/monitoring/summary",
     "/login", "/logout", "/manifest.json", "/pwa_icon", "/gradio_api/openapi.json", "/svelte/x", "/dev/x"],
)  # fmt: skip
def test_unused_parts_of_gradio_are_closed(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


def test_events_of_the_page_are_no_public_interface(client: TestClient) -> None:
    info = client.get("/gradio_api/info").json()
    assert list(info["named_endpoints"]) == ["/chat"]
    assert info["unnamed_endpoints"] == {}


@pytest.mark.parametrize("prefix", ["", "/study"], ids=["proxy strips the prefix", "proxy keeps the prefix"])
def test_behind_a_prefix(prefix: str) -> None:
    with TestClient(create_app(FakeServices(Settings(root_path="/study")))) as client:
        page = client.get(f"{prefix}/")
        assert page.status_code == 200
        assert 'href="/study/ui/app.css?v=' in page.text
        assert client.get(f"{prefix}/healthz").status_code == 200
        assert client.get(f"{prefix}/config").json()["root"].endswith("/study")
        assert 'action="/study/reader/rules-2024"' in client.get(f"{prefix}/reader/rules-2024").text
        jump = client.get(f"{prefix}/reader/rules-2024?jump=9", follow_redirects=False)
        assert jump.headers["location"].startswith("/study/reader/rules-2024?start=")
        assert client.get(f"{prefix}/gradio_api/upload").status_code == 404
        assert client.get(f"{prefix}/theme.css").status_code == 200
        assert client.get("/study", follow_redirects=False).headers["location"].endswith("/study/")
        answer = client.post(f"{prefix}/api/v1/ask", json={"question": "学习管理规定第九条讲什么？"})
        assert answer.status_code == 200
