"""CSV that spreadsheets read rightly, and files that are replaced as a whole."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.evaluation.files import csv_text, write_report_files, write_whole


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_columns_of_all_rows_and_a_byte_order_mark() -> None:
    text = csv_text([{"编号": "q1", "F1": 0.5}, {"编号": "q2", "R": None, "n": -3}])
    assert text.startswith("\ufeff编号,F1,R,n\r\n")
    assert _read(text)[1:] == [["q1", "0.5", "", ""], ["q2", "", "", "-3"]]


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_formulas_are_disarmed(text: str) -> None:
    assert _read(csv_text([{"a": text}]))[1] == [f"'{text}"]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), min_size=1, max_size=5))
def test_any_text_survives(texts: list[str]) -> None:
    names = [f"c{n}" for n in range(len(texts))]
    read = _read(csv_text([dict(zip(names, texts, strict=True))]))[1]
    assert [cell.removeprefix("'") for cell in read] == [text.removeprefix("'") for text in texts]


def test_files_of_a_report_replace_older_ones(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    write_report_files(folder, page="old", data="old", rows=[])
    paths = write_report_files(folder, page="<p>页</p>", data="{}", rows=[{"a": 1}])
    assert [path.name for path in paths] == ["report.html", "report.json", "report.csv"]
    assert sorted(folder.iterdir()) == sorted(paths)
    assert [path.read_bytes() for path in paths] == ["<p>页</p>".encode(), b"{}\n", b"\xef\xbb\xbfa\r\n1\r\n"]


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "坏\udcff")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "坏\\udcff"
