"""Errors as problem documents (RFC 9457) with a Chinese `detail`, and as pages where a person reads them."""

from __future__ import annotations

import logging
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from study_bot.errors import (
    BuildInProgressError,
    BusyError,
    ConflictError,
    DocumentGoneError,
    ForbiddenError,
    InputError,
    LoadError,
    ModelError,
    NotFoundError,
    QuestionError,
    SignInError,
    SnapshotError,
    StorageError,
    StudyBotError,
)
from study_bot.server.paths import is_office_page, route_path

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10
"""Said to clients that came too early or too many."""

_STATUS: tuple[tuple[type[StudyBotError], int], ...] = (
    (QuestionError, 422),
    (DocumentGoneError, 404),
    (InputError, 422),
    (LoadError, 422),
    (ConflictError, 409),
    (BuildInProgressError, 409),
    (NotFoundError, 404),
    (SignInError, 401),
    (ForbiddenError, 403),
    (StorageError, 503),
    (BusyError, 503),
    (SnapshotError, 503),
    (ModelError, 503),
)

_DETAILS = {
    400: "请求的格式不对。",
    404: "没有这个地址。",
    405: "这个地址不支持该请求方法。",
    413: "请求内容太大。",
    422: "请求内容不合要求。",
    429: "请求太频繁，请稍后再试。",
}

_TITLES = {
    400: "请求有误",
    401: "未登录",
    403: "没有权限",
    404: "未找到",
    405: "方法不允许",
    409: "有冲突",
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


def wants_data(headers: Headers) -> bool:
    """Whether a script asks, which can do nothing with a page."""
    return "x-csrf-token" in headers or "application/json" in headers.get("accept", "")


def answer(request: Request, status: int, detail: str, code: str) -> Response:
    """What went wrong, as a page at addresses of people, as a problem document elsewhere and for scripts."""
    web = getattr(request.app.state, "web", None)
    if web is not None and is_office_page(route_path(request.scope)) and not wants_data(request.headers):
        return cast(Response, web.error(request, status, detail))
    return problem(status, detail, code)


def register_problems(app: FastAPI) -> None:
    """Turn every error of the application's own routes into an answer."""

    async def known(request: Request, error: Exception) -> Response:
        if not isinstance(error, StudyBotError):
            raise error
        return answer(request, status_of(error), str(error), _code(type(error).__name__))

    async def invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        fields = sorted({".".join(str(part) for part in item["loc"][1:]) or "请求体" for item in error.errors()})
        return answer(request, 422, f"这些字段缺失或不合要求：{'、'.join(fields)}。", "invalid_request")

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        detail = _DETAILS.get(error.status_code, str(error.detail))
        return answer(request, error.status_code, detail, f"http_{error.status_code}")

    async def unknown(request: Request, error: Exception) -> Response:
        logger.error("unexpected error at %s", request.url.path, exc_info=error)
        return answer(request, 500, "服务器出错，请稍后再试；如果一直这样，请联系管理员。", "internal")

    app.add_exception_handler(StudyBotError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)


def _code(name: str) -> str:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.removesuffix("Error"))
    return words.strip("_")
