"""The reader over HTTP, jumps, and the files of the interface."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from study_bot.server.middleware import PAGE_POLICY
from study_bot.server.pages import read_article_number
from study_bot.types import ArticleNumber
from tests.ui.fake_services import HOSTILE_ID, NEW_RULES_ID, FakeServices


def test_the_reader_opens_at_the_place(client: TestClient, fake: FakeServices) -> None:
    start = fake.texts[NEW_RULES_ID][1].text.index("第九条")
    response = client.get(f"/reader/{NEW_RULES_ID}?start={start}&end={start + 3}")
    assert '<mark id="hit" class="now">第九条</mark>' in response.text
    assert response.headers["content-security-policy"] == PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY


def test_a_document_that_is_gone(client: TestClient) -> None:
    response = client.get("/reader/nope%3Cscript%3E")
    assert response.status_code == 404
    assert "已不在库中" in response.text
    assert "<script>" not in response.text


@pytest.mark.parametrize("words", ["第11条之一", "十一条之一", "11之1", "十一之一", "第十一条之一"])
def test_jumps(client: TestClient, words: str) -> None:
    response = client.get(f"/reader/{NEW_RULES_ID}", params={"jump": words}, follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"].endswith("#a11-1")
    assert "第十一条之一" in client.get(response.headers["location"]).text


def test_a_jump_that_leads_nowhere_says_so(client: TestClient) -> None:
    response = client.get(f"/reader/{NEW_RULES_ID}", params={"jump": "第99条<b>"})
    assert response.status_code == 200
    assert "本文没有“第99条&lt;b&gt;”" in response.text


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("43", (43, 0)),
        ("第四十三条", (43, 0)),
        ("４３条", (43, 0)),
        ("120之1", (120, 1)),
        ("一百二十条之一", (120, 1)),
        ("总则", None),
        ("", None),
    ],
)
def test_article_numbers_in_every_spelling(words: str, number: tuple[int, int] | None) -> None:
    assert read_article_number(words) == (ArticleNumber(*number) if number else None)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["start", "end", "at", "m", "jump"]), st.text(max_size=12), max_size=4))
def test_mangled_addresses_still_open_the_document(query: dict[str, str]) -> None:
    response = CLIENT.get(f"/reader/{NEW_RULES_ID}", params=query)
    assert response.status_code == 200
    assert "云岭市公安局学习管理规定" in response.text


def test_hostile_titles_over_http(client: TestClient) -> None:
    response = client.get("/reader/hostile%2F1%3Fx%3D%3Cb%3E?start=0&end=90")
    assert HOSTILE_ID not in response.text
    assert "<img" not in response.text
    assert "<script>" not in response.text


def test_files_of_the_interface(client: TestClient) -> None:
    response = client.get("/ui/app.css?v=1")
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]
    assert client.get("/ui/app.css").headers["cache-control"] == "no-cache"
    assert client.get("/ui/page.py").status_code == 404
    assert client.get("/ui/..%2Fpage.py").status_code == 404


CLIENT: TestClient


@pytest.fixture(autouse=True)
def _client_for_properties(client: TestClient) -> None:
    global CLIENT  # noqa: PLW0603 - hypothesis cannot take the fixture as an argument
    CLIENT = client
