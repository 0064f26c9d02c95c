"""Settings of the re-ranker: off unless asked for, mistakes told at the start in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from study_bot.errors import SettingsError
from study_bot.retrieval.rerank_settings import open_reranking
from study_bot.services import build_services
from study_bot.settings import Settings, load_settings


def test_there_is_none_by_default() -> None:
    assert open_reranking(Settings()) is None
    assert open_reranking(Settings(reranker="  ", reranker_url="http://127.0.0.1:1")) is None


@pytest.mark.parametrize(
    "values",
    [
        {"reranker": "http://127.0.0.1:8080"},
        {"reranker": " https://rerank.example/v1 ", "reranker_model": "m", "reranker_api_key": "k"},
        {"reranker": "http://[::1]:8080/"},
        {"reranker": "llm", "reranker_url": "http://127.0.0.1:8000/v1", "reranker_model": "m"},
    ],
)
def test_addresses_that_will_do(values: dict[str, str]) -> None:
    stage = open_reranking(Settings(**values, reranker_top_n=7))
    assert stage is not None
    assert stage.top_n == 7
    stage.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"reranker": "llm"}, "reranker_url"),
        ({"reranker": "llm", "reranker_url": "http://127.0.0.1:1/v1"}, "reranker_model"),
        ({"reranker": "llm", "reranker_url": "127.0.0.1:1", "reranker_model": "m"}, "reranker_url"),
        ({"reranker": "ftp://host/x"}, "http://"),
        ({"reranker": "http://"}, "http://"),
        ({"reranker": "http://:80"}, "http://"),
        ({"reranker": "http://host:99999"}, "无法识别"),
        ({"reranker": "http://[::1"}, "无法识别"),
        ({"reranker": "http://host/a b"}, "不能使用"),
        ({"reranker": "http://host/?key=1"}, "不能使用"),
        ({"reranker": "http://user:password@host"}, "reranker_api_key"),
        ({"reranker": "http://host", "reranker_api_key": "密钥"}, "reranker_api_key"),
        ({"reranker": "http://host", "reranker_api_key": "a b"}, "reranker_api_key"),
        ({"reranker": "no/such/folder"}, "没有找到"),
    ],
)
def test_mistakes_are_told_when_the_program_starts(values: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        build_services(Settings(index_dir=tmp_path, **values))
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    "values", [{"reranker_top_n": 1}, {"reranker_top_n": 500}, {"reranker_timeout_s": 0}, {"reranker_timeout_s": "x"}]
)
def test_limits_have_limits(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        load_settings(**values)
