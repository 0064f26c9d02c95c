"""What is made of Gradio's start page, checked against the page of the installed version."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import pytest

from study_bot.ui.page import ASSETS, asset, asset_url, dress_gradio_page

TEMPLATE = (Path(gradio.__file__).parent / "templates" / "frontend" / "index.html").read_text(encoding="utf-8")


def test_the_page_is_chinese_and_names_no_other_site() -> None:
    page = dress_gradio_page(TEMPLATE, "/study")
    assert 'lang="zh-CN"' in page
    assert 'lang="en"' not in page
    assert "<title>学习问答</title>" in page
    assert "viewport-fit=cover" in page
    assert page.index("/study/ui/theme.js?v=") < page.index("<body")
    assert re.findall(r"https?://(?!www\.w3\.org)[^\"' ]+", page) == []


def test_a_prefix_cannot_break_out_of_its_attribute() -> None:
    assert "<b>" not in dress_gradio_page(TEMPLATE, '/"><b>')


def test_files_are_addressed_by_content() -> None:
    assert re.fullmatch(r"/x/ui/app\.css\?v=[0-9a-f]{12}", asset_url("/x", "app.css"))
    with pytest.raises(FileNotFoundError):
        asset_url("", "nothing.css")


@pytest.mark.parametrize("name", ["../page.py", "page.py", "..", "", "app.css/../app.js", "nothing.js"])
def test_only_files_of_the_interface_are_given_out(name: str) -> None:
    assert asset(name) is None


def test_our_files_fetch_nothing_from_outside() -> None:
    for path in ASSETS.iterdir():
        found = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}[^\s\"']*", path.read_text(encoding="utf-8"))
        assert [url for url in found if "www.w3.org" not in url] == [], path.name
