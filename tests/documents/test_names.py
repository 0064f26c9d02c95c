from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.documents.names import MAX_NAME_BYTES, clean_category, clean_name, clean_title, library_path
from study_bot.errors import InputError

ANY = st.text(st.characters(), max_size=60) | st.text("./\\~$ \0\n\u202e甲aＡ:*\"'<>|?", max_size=30)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("刑法.docx", "刑法.docx"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\办法.txt", "办法.txt"),
        ("C:\\Users\\x\\办法（2025年修订）.txt", "办法（2025年修订）.txt"),
        ("/abs/办法.txt", "办法.txt"),
        (".隐藏.txt", "隐藏.txt"),
        ("~$办法.docx", "办法.docx"),
        ("办\u202e法\u200b\0\n.txt", "办法.txt"),
        ("办 \t 法.txt", "办 法.txt"),
        ("a<script>b.txt", "a_script_b.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("' OR 1=1; --.txt", "' OR 1=1; --.txt"),
        ("{{7*7}}.txt", "{{7_7}}.txt"),
        ("=cmd().txt", "=cmd().txt"),
        ("无后缀", "无后缀"),
    ],
)
def test_names(given: str, name: str) -> None:
    assert clean_name(given) == name


@pytest.mark.parametrize(
    "given",
    ["", " ", ".", "..", "../", "a/", "\0", "\u200b\u202e", "***", "长" * 100 + ".txt", "a" * 10_240,
     "x/" * 5000 + "y" * 300, "catalog.toml", "Catalog.TOML", "corpus.jsonl", "x.jsonl.gz", "\ud800"],
)  # fmt: skip
def test_names_that_cannot_be(given: str) -> None:
    with pytest.raises(InputError) as caught:
        clean_name(given)
    assert len(str(caught.value)) < 120 and "\0" not in str(caught.value)


@given(ANY)
def test_a_cleaned_name_is_one_safe_part_of_a_path(text: str) -> None:
    try:
        name = clean_name(text)
    except InputError:
        return
    assert name == clean_name(name) == unicodedata.normalize("NFC", name)
    assert PurePosixPath(name).parts == (name,) and name not in {".", ".."} and not name.startswith(".")
    assert "\\" not in name and len(name.encode()) <= MAX_NAME_BYTES
    assert not any(unicodedata.category(c).startswith("C") for c in name)


@given(ANY)
def test_a_cleaned_category_is_one_safe_part_of_a_path(text: str) -> None:
    try:
        name = clean_category(text)
    except InputError:
        return
    if name is not None:
        assert PurePosixPath(name).parts == (name,) and not name.startswith(".") and "\\" not in name
        assert clean_category(name) == name


@given(ANY)
def test_a_cleaned_title_is_one_line(text: str) -> None:
    title = clean_title(text)
    assert title is None or (title.splitlines() == [title] and clean_title(title) == title)


def test_a_taken_place_gets_a_number_between() -> None:
    taken = {"课堂/甲.txt", "课堂/2/甲.txt"}
    assert library_path("课堂", "甲.txt", taken.__contains__) == "课堂/3/甲.txt"
    assert library_path(None, "甲.txt", taken.__contains__) == "未分类/甲.txt"
