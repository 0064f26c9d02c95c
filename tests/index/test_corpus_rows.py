from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import BuildCancelledError, DamagedFileError, FileTooLargeError
from study_bot.index.corpus import Corpus, corpus_text, read_corpus, split_long
from study_bot.types import ArticleNumber, DocumentKind, PassageKind, VersionStatus


def read(path: Path, **options: Any) -> Corpus:
    return read_corpus(path, path.name, "hash", **{"limit": 100, "max_bytes": 1e6, "taken": set(), **options})


def corpus_file(folder: Path, *rows: object) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text(
        "\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8"
    )
    return path


def row(row_id: str, title: str = "", text: str = "渡口每日开放。", **metadata: object) -> dict[str, object]:
    return {"_id": row_id, "title": title, "text": text, "metadata": metadata}


def test_a_row_is_a_document(tmp_path: Path) -> None:
    given_row = row(
        "d:1",
        "中华人民共和国渡口法第一百二十条之一",
        law="中华人民共和国渡口法",
        article="第一百二十条之一",
        date="2020-10-17",
        status="已被修改",
        type="法律",
    )
    corpus = read(corpus_file(tmp_path, given_row))
    version, passage = corpus.versions[0], corpus.passages[0]
    assert (version.version_id, version.doc_id, version.kind, version.path) == (
        "d:1",
        "d:1",
        DocumentKind.BEIR,
        "corpus.jsonl",
    )
    assert (version.title, version.aliases) == ("中华人民共和国渡口法", ("渡口法",))
    assert version.promulgated is not None
    assert (version.promulgated.isoformat(), version.status, version.category) == (
        "2020-10-17",
        VersionStatus.AMENDED,
        "法律",
    )
    assert (passage.passage_id, passage.kind, passage.title) == ("d:1", PassageKind.ROW, "中华人民共和国渡口法")
    assert passage.article == ArticleNumber(120, 1)
    assert passage.locator.label == "第一百二十条之一"
    assert (corpus.articles, corpus.characters, corpus.warnings) == (1, 7, ())


@pytest.mark.parametrize(
    ("given_row", "title", "article"),
    [
        (row("1", "渡口法第三条"), "渡口法", ArticleNumber(3)),
        (row("1", "渡口法 第12条"), "渡口法", ArticleNumber(12)),
        (row("1", "第三条", law="渡口法"), "渡口法", ArticleNumber(3)),
        (row("1", "渡口法", law="渡口法", article="第5条"), "渡口法", ArticleNumber(5)),
        (row("1", "关于《渡口法》第三条的解释第七条"), "关于《渡口法》第三条的解释", ArticleNumber(7)),
        (row("1", "渡口法第三条的由来"), "渡口法第三条的由来", None),
        (row("1", "油条"), "油条", None),
        (row("1", "第三条"), "第三条", None),
        (row("1", ""), "", None),
    ],
)
def test_law_and_article_come_from_metadata_or_title(
    tmp_path: Path, given_row: dict[str, object], title: str, article: ArticleNumber | None
) -> None:
    passage = read(corpus_file(tmp_path, given_row)).passages[0]
    assert (passage.title, passage.article) == (title, article)


def test_text_is_normalised_by_line(tmp_path: Path) -> None:
    corpus = read(corpus_file(tmp_path, row("1", text="\u3000渡口\t\t开放。\r\n\n 船只\u200b停靠。")))
    assert corpus.passages[0].text == "渡口 开放。\n船只停靠。"


def test_half_surrogates_are_replaced(tmp_path: Path) -> None:
    corpus = read(corpus_file(tmp_path, '{"_id": "1", "text": "渡口\\ud83d，\\ud83d\\ude00。"}'))
    assert corpus.passages[0].text == "渡口?，😀。"


def test_bad_rows_are_counted_and_skipped(tmp_path: Path) -> None:
    corpus = read(
        corpus_file(
            tmp_path,
            row("1"),
            "not json",
            '{"title": "no id"}',
            "[1]",
            row("1"),
            row("2", text="  ", title=" "),
            "",
            row("3", title="只有标题", text=""),
            '{"_id": 4, "text": "数字编号", "metadata": null}',
            '"x"',
        )
    )
    assert [v.version_id for v in corpus.versions] == ["1", "3", "4"]
    assert [p.text for p in corpus.passages][1:] == ["只有标题", "数字编号"]
    assert corpus.warnings == (
        "第 2、3、4 行等 4 行不是带 _id 的 JSON 对象，已跳过。",
        "第 5 行_id 与前面的重复，已跳过。",
        "第 6 行没有文字，已跳过。",
    )


def test_ids_of_other_files_are_taken(tmp_path: Path) -> None:
    taken = {"1"}
    corpus = read(corpus_file(tmp_path, row("1"), row("2")), taken=taken)
    assert [v.version_id for v in corpus.versions] == ["2"]
    assert taken == {"1", "2"}


def test_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row("1")).encode()))
    assert len(read(path).versions) == 1
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(DamagedFileError, match="gzip"):
        read(path)
    path.write_bytes(b"plain")
    with pytest.raises(DamagedFileError, match="gzip"):
        read(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * 3_000_000))
    with pytest.raises(FileTooLargeError, match="max_uncompressed_mb"):
        read(path)


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="没有可用的行"):
        read(corpus_file(tmp_path, "x"))


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise BuildCancelledError("停")

    with pytest.raises(BuildCancelledError):
        read(corpus_file(tmp_path, *(row(str(n)) for n in range(1200))), tick=stop)


class TestLongRows:
    def test_pieces_belong_to_one_document(self, tmp_path: Path) -> None:
        text = "\n".join(f"第{n}号渡口在晴天开放，在雨天关闭。" for n in range(30))
        corpus = read(corpus_file(tmp_path, row("1", text=text), row("2")))
        pieces = [p for p in corpus.passages if p.doc_id == "1"]
        assert len(pieces) > 3
        assert len({p.passage_id for p in corpus.passages}) == len(corpus.passages)
        assert all(len(p.text) <= 100 and p.text.endswith("。") for p in pieces)
        rebuilt = corpus_text(corpus.versions[0], pieces).text
        assert rebuilt == text
        assert all(rebuilt[p.start : p.end] == p.text for p in pieces)

    def test_rows_up_to_twice_the_limit_stay_whole(self, tmp_path: Path) -> None:
        corpus = read(corpus_file(tmp_path, row("1", text="开放。" * 66), row("2", text="开放。" * 67)))
        assert [p.doc_id for p in corpus.passages].count("1") == 1
        assert [p.doc_id for p in corpus.passages].count("2") == 3

    @given(st.text("渡口开放。；\n ab", max_size=200), st.integers(3, 30))
    def test_pieces_are_short_ordered_and_cover_all_words(self, text: str, limit: int) -> None:
        spans = split_long(text, limit)
        assert all(0 < end - start <= limit for start, end in spans)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
        outside = set(range(len(text))) - {i for start, end in spans for i in range(start, end)}
        assert all(text[i].isspace() for i in outside)
