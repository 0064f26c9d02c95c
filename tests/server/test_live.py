"""A real server on a real socket: concurrency, a full queue, disconnects, stopping."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio_client import Client

from study_bot.errors import SettingsError
from study_bot.server.app import run_server
from study_bot.settings import Settings
from tests.ui.fake_services import FakeServices
from tests.ui.running import queue_question, running

QUESTION = "学习管理规定第九条讲什么？"


def figure(url: str, name: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next(
        (float(line.split()[-1]) for line in lines if line.startswith(name + " ") or line.startswith(name + "{")), 0.0
    )


def wait_until(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_slow_questions_block_nobody_but_questions() -> None:
    gate = threading.Event()
    fake = FakeServices(Settings(max_concurrent_questions=2, max_queued_questions=1), gate=gate)
    with running(fake) as url, ThreadPoolExecutor(8) as pool:

        def ask() -> httpx.Response:
            return httpx.post(f"{url}/api/v1/ask", json={"question": QUESTION}, timeout=30)

        asked = [pool.submit(ask) for _ in range(2)]
        wait_until(lambda: figure(url, "study_bot_questions_running") == 2)
        asked.append(pool.submit(ask))
        started = time.monotonic()
        for path in ("/healthz", "/readyz", "/metrics", "/reader/rules-2024", "/api/v1/library", "/"):
            assert httpx.get(url + path).status_code == 200
        assert time.monotonic() - started < 3
        time.sleep(0.2)  # the third question is waiting now
        refused = ask()
        assert refused.status_code == 503
        assert "排队的人太多" in refused.json()["detail"]
        assert refused.headers["retry-after"]
        gate.set()
        assert [f.result().status_code for f in asked] == [200, 200, 200]


def test_a_full_queue_says_so_in_chinese() -> None:
    gate = threading.Event()
    fake = FakeServices(Settings(max_concurrent_questions=1, max_queued_questions=2), gate=gate)
    with running(fake) as url:
        responses = []
        for n in range(8):
            responses.append(queue_question(url, f"s{n}"))
            time.sleep(0.1)
        gate.set()
    assert responses[0].status_code == 200
    assert responses[-1].status_code == 429
    assert responses[-1].json() == {"detail": "排队的人太多了，请稍后再试。"}


def test_a_client_that_leaves_gives_its_turn_back() -> None:
    gate = threading.Event()
    fake = FakeServices(Settings(max_concurrent_questions=1), gate=gate)
    with running(fake) as url:
        queue_question(url, "leaver")
        with httpx.stream("GET", f"{url}/gradio_api/queue/data", params={"session_hash": "leaver"}) as stream:
            next(stream.iter_lines())
            wait_until(lambda: figure(url, "study_bot_questions_running") == 1)
        gate.set()
        wait_until(lambda: figure(url, "study_bot_questions_running") == 0)
        assert httpx.post(f"{url}/api/v1/ask", json={"question": QUESTION}).status_code == 200


def test_the_question_endpoint_through_gradios_client() -> None:
    with running(FakeServices()) as url:
        client = Client(url, verbose=False)
        try:
            answer = client.predict(QUESTION, api_name="/chat")
            assert answer["citations"][0]["locator"] == "第三章 测试 第九条"
            assert client.predict("出国护照丢了怎么补办？", api_name="/chat")["refused"]
            scoped = client.predict(QUESTION, documents=["notice"], as_of="2024-01-01", api_name="/chat")
            assert "第九条" not in scoped["answer"]
            for arguments in (
                {"question": " "},
                {"question": "字" * 3000},
                {"question": QUESTION, "documents": ["forged"]},
            ):
                with pytest.raises(Exception, match=r"请|问题|文献"):
                    client.predict(**arguments, api_name="/chat")
        finally:
            client.close()


def test_raw_calls_of_page_events_get_no_further_than_a_person() -> None:
    fake = FakeServices()
    with running(fake) as url:
        config = httpx.get(f"{url}/config").json()
        for dependency in config["dependencies"]:
            body = {"data": [None] * len(dependency["inputs"]), "fn_index": dependency["id"], "session_hash": "raw"}
            response = httpx.post(f"{url}/gradio_api/run/predict", json=body)
            assert response.status_code in (200, 404, 422, 500)
            assert "Traceback" not in response.text
        assert fake.questions == []
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert all(d["api_visibility"] == "private" for d in config["dependencies"] if d["api_name"] != "chat")


SCRIPT = """
from study_bot.server.app import run_server
from study_bot.settings import Settings
from tests.ui.fake_services import FakeServices

class Telling(FakeServices):
    def close(self):
        print("closed", flush=True)

run_server(Telling(Settings()), "127.0.0.1", 0)
"""


def test_the_server_tells_its_address_and_ends_on_request() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("学习问答已启动：http://127.0.0.1:")
        url = line.split("：")[1].split("（")[0]
        with httpx.stream("GET", f"{url}/gradio_api/heartbeat/open"):  # a page somebody left open
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        assert process.stdout.read() == "closed\n"


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match=r"无法在 127\.0\.0\.1:.*请换一个端口"):
            run_server(FakeServices(), "127.0.0.1", taken.getsockname()[1])


def test_bodies_that_are_not_json_do_no_harm() -> None:
    with running(FakeServices()) as url:
        for content in (b"\xff\xfe", b"null", b"[" * 5000, json.dumps({"fn_index": 10**9, "data": []}).encode()):
            for path in ("/gradio_api/queue/join", "/gradio_api/run/predict", "/api/v1/ask"):
                response = httpx.post(url + path, content=content, headers={"content-type": "application/json"})
                assert response.status_code >= 400
        assert httpx.get(f"{url}/healthz").text == "ok"
