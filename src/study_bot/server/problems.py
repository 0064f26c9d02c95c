"""Errors as problem documents (RFC 9457) with a Chinese `detail`."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from study_bot.errors import (
    BusyError,
    DocumentGoneError,
    ModelError,
    QuestionError,
    SnapshotError,
    StudyBotError,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10
"""Said to clients that came too early or too many."""

_STATUS: tuple[tuple[type[StudyBotError], int], ...] = (
    (QuestionError, 422),
    (DocumentGoneError, 404),
    (BusyError, 503),
    (SnapshotError, 503),
    (ModelError, 503),
)

_DETAILS = {
    400: "请求的格式不对。",
    404: "没有这个地址。",
    405: "这个地址不支持该请求方法。",
    413: "请求内容太大。",
    429: "请求太频繁，请稍后再试。",
}

_TITLES = {
    400: "请求有误",
    404: "未找到",
    405: "方法不允许",
    413: "内容过大",
    422: "内容不合要求",
    429: "请求过多",
    503: "暂时不可用",
}


def problem(status: int, detail: str, code: str) -> JSONResponse:
    """A problem document; `code` is stable and for programs."""
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "服务器出错"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def status_of(error: StudyBotError) -> int:
    """The HTTP status that says what kind of error it is."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def register_problems(app: FastAPI) -> None:
    """Turn every error of the application's own routes into a problem document."""

    async def known(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, StudyBotError):
            raise error
        return problem(status_of(error), str(error), _code(type(error).__name__))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        fields = sorted({".".join(str(part) for part in item["loc"][1:]) or "请求体" for item in error.errors()})
        return problem(422, f"这些字段缺失或不合要求：{'、'.join(fields)}。", "invalid_request")

    async def http(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        return problem(
            error.status_code, _DETAILS.get(error.status_code, str(error.detail)), f"http_{error.status_code}"
        )

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected error at %s", request.url.path, exc_info=error)
        return problem(500, "服务器出错，请稍后再试；如果一直这样，请联系管理员。", "internal")

    app.add_exception_handler(StudyBotError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)


def _code(name: str) -> str:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.removesuffix("Error"))
    return words.strip("_")
