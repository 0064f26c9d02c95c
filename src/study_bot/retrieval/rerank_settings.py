"""From the settings to a re-ranker, with the mistakes told at the start."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from study_bot.errors import SettingsError
from study_bot.retrieval.rerank import Reranker, Reranking
from study_bot.settings import CHAT_RERANKER, Settings


def open_reranking(settings: Settings) -> Reranking | None:
    """What the settings ask for; None = nothing. No weights are read and nothing is sent before the first use.

    :raises SettingsError: the settings name something that cannot be one.
    """
    name = settings.reranker.strip()
    if not name:
        return None
    return Reranking(_reranker(name, settings), top_n=settings.reranker_top_n, timeout_s=settings.reranker_timeout_s)


def _reranker(name: str, settings: Settings) -> Reranker:
    timeout_s = settings.reranker_timeout_s
    if name == CHAT_RERANKER:
        from study_bot.retrieval.rerank_server import ChatReranker

        url, model = settings.reranker_url.strip(), settings.reranker_model.strip()
        if not url or not model:
            raise SettingsError(
                f"reranker 为 {CHAT_RERANKER} 时，要在 reranker_url 写明大模型服务的地址（如 http://10.0.0.5:8000/v1），"
                "在 reranker_model 写明模型名称。"
            )
        return ChatReranker(_address("reranker_url", url), model=model, api_key=_key(settings), timeout_s=timeout_s)
    if re.match(r"[A-Za-z][\w+.-]*://", name):
        from study_bot.retrieval.rerank_server import ServerReranker

        model = settings.reranker_model.strip()
        return ServerReranker(_address("reranker", name), model=model, api_key=_key(settings), timeout_s=timeout_s)
    from study_bot.retrieval.rerank_model import ModelReranker

    return ModelReranker(Path(name).expanduser(), threads=settings.threads)


def _address(setting: str, text: str) -> str:
    """The address, checked.

    :raises SettingsError: it is none that requests can be sent to.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError(f"{setting} 的地址“{text}”无法识别，请写成 http://10.0.0.5:8080 这样。") from None
    if parts.username or parts.password:
        raise SettingsError(f"{setting} 的地址里不要写用户名和密码，密钥请写在 reranker_api_key。")
    if not usable or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f]", text):
        raise SettingsError(f"{setting} 的地址“{text}”不能使用，请写成 http://10.0.0.5:8080 这样。")
    return text


def _key(settings: Settings) -> str:
    key = settings.reranker_api_key.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise SettingsError("reranker_api_key 只能由英文字母、数字和半角符号组成，请检查是否多了空格或中文字符。")
    return key
