from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.errors import DamagedIndexError
from study_bot.index.manifest import MANIFEST_FILE, Artefact, Manifest, SourceRecord, mismatch, read_manifest
from study_bot.index.tokens import TOKENIZER_VERSION
from tests.index.builder_fakes import SETTINGS, FakeEncoder

MANIFEST = Manifest(
    build_id="20260301T080000000-abcdef",
    created=dt.datetime(2026, 3, 1, 8, tzinfo=dt.timezone(dt.timedelta(hours=8))),
    day=dt.date(2026, 3, 1),
    model="fake-model-1",
    dimension=32,
    tokenizer=TOKENIZER_VERSION,
    passage_chars=SETTINGS.passage_chars,
    passage_max_chars=SETTINGS.passage_max_chars,
    rules="r1",
    sources=(SourceRecord("文献/规定.txt", "00ff"),),
    files=1,
    versions=1,
    passages=8,
    articles=8,
    characters=300,
    covered=299,
    artefacts=(Artefact("versions.jsonl", 120, "ab"),),
)


def test_json_round_trip() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert json.loads(MANIFEST.to_json())["format"] == MANIFEST.format


def test_a_fitting_build_has_no_mismatch() -> None:
    assert mismatch(MANIFEST, SETTINGS, FakeEncoder()) is None


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (replace(MANIFEST, model="other-model"), "向量模型已更换（other-model → fake-model-1）"),
        (replace(MANIFEST, tokenizer="0"), "分词规则已更新"),
        (replace(MANIFEST, passage_chars=90), "段落长度设置已改变（90/200 → 120/200 字）"),
        (replace(MANIFEST, passage_max_chars=150), "段落长度设置已改变"),
        (replace(MANIFEST, format=0), "索引格式不同"),
    ],
)
def test_each_difference_gives_its_reason(manifest: Manifest, words: str) -> None:
    reason = mismatch(manifest, SETTINGS, FakeEncoder())
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', MANIFEST.to_json()[:-40], MANIFEST.to_json().replace("32", '"x" , ')]
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(DamagedIndexError, match="已损坏"):
        Manifest.from_json(text)


def test_a_manifest_of_another_format_says_so(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text(MANIFEST.to_json().replace('"format": 1', '"format": 99'), encoding="utf-8")
    with pytest.raises(DamagedIndexError, match="索引格式不同（索引为 99"):
        read_manifest(tmp_path)


def test_a_missing_manifest_is_a_damaged_build(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndexError, match="不完整"):
        read_manifest(tmp_path)
