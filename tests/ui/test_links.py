"""Addresses of places: whatever is put in comes out again, and nonsense is dropped."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from study_bot.settings import Settings
from study_bot.ui.links import MAX_MARKS, Mark, mark_url, parse_marks, reader_url, site_root

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
marks = st.builds(
    lambda n, version_id, start, length: Mark(n, version_id, start, start + length),
    st.integers(1, 99), texts, st.integers(0, 99_999), st.integers(1, 999),
)  # fmt: skip


@given(st.lists(marks, min_size=1, max_size=6))
def test_marks_survive_the_address(given_marks: list[Mark]) -> None:
    url = urlsplit(mark_url("/study", given_marks[0], given_marks))
    assert url.path.startswith("/study/reader/")
    assert unquote(url.path.removeprefix("/study/reader/")) == given_marks[0].version_id
    assert parse_marks(parse_qs(url.query)["m"]) == tuple(given_marks)
    assert url.fragment == "hit"


@given(st.lists(st.text(max_size=30), max_size=5))
def test_nonsense_is_dropped(values: list[str]) -> None:
    for mark in parse_marks(values):
        assert mark.start < mark.end
        assert mark.version_id


def test_malformed_marks() -> None:
    assert parse_marks(["1.5.2.v", "1.2.v", "-1.2.3.v", "²1.2.3.v", "1.1.9999999999.v", "1.2.3."]) == ()
    assert parse_marks(["1.2.3.a.b.c"]) == (Mark(1, "a.b.c", 2, 3),)


def test_an_address_has_a_limit() -> None:
    many = [Mark(n, "v", n, n + 1) for n in range(1, 100)]
    assert mark_url("", many[0], many).count("&m=") == MAX_MARKS


def test_prefixes_are_put_in_order() -> None:
    given = {"": "", "/": "", "study": "/study", "/study/": "/study", "https://intra.example/a/b/": "/a/b"}
    for root_path, root in given.items():
        assert site_root(Settings(root_path=root_path)) == root


def test_a_version_without_a_place() -> None:
    assert reader_url("", "法/1 ?#") == "/reader/%E6%B3%95%2F1%20%3F%23"
