"""What a request brings: forms, their fields and files, the page asked for; checked before a handler sees it."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from study_bot.errors import ForbiddenError, InputError
from study_bot.server.web import web_of

MAX_FORM_FIELDS = 5000
MAX_FORM_FILES = 500
MAX_FIELD_BYTES = 8_000_000
"""A roster travels in a field from its dry run to its taking in; what a request may have in all is limited before."""

_STALE_FORM = "页面已过期，刚才的操作没有执行。请刷新页面后再试。"


async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form of a request, its token checked. Files lie in temporary files until the handler has ended.

    :raises ForbiddenError: the token is missing or of another session.
    """
    web = web_of(request)
    header = request.headers.get("x-csrf-token")
    if header is not None and not web.csrf_ok(request, header):
        raise ForbiddenError(_STALE_FORM)  # before a large body is read
    async with request.form(
        max_files=MAX_FORM_FILES, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_FIELD_BYTES
    ) as form:
        given = form.get("csrf")
        if header is None and not (isinstance(given, str) and web.csrf_ok(request, given)):
            raise ForbiddenError(_STALE_FORM)
        yield form


OwnForm = Annotated[FormData, Depends(form_of)]
"""Parameter of a handler: the form, its token checked."""


def field(form: FormData, name: str, limit: int = 2000) -> str:
    """A text field: trimmed, composed (NFC), without control characters but line breaks; "" if it is missing.

    :raises InputError: longer than `limit` characters.
    """
    value = form.get(name)
    return clean(value, limit) if isinstance(value, str) else ""


def clean(text: str, limit: int = 2000) -> str:
    """What somebody typed, made fit for storing; see `field`."""
    if len(text) > limit:
        raise InputError(f"填写的内容太长（{len(text):,} 字），最多 {limit:,} 字。")
    kept = (c for c in text.replace("\r\n", "\n") if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def integer(form: FormData, name: str) -> int | None:
    """A whole number from a field; None when it is empty.

    :raises InputError: something else was filled in.
    """
    text = field(form, name, 40)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError("页面中的编号不对，请刷新后再试。")
    return int(text)


def files_of(form: FormData, name: str) -> list[UploadFile]:
    """The files chosen in a field; an empty choice gives none."""
    return [item for item in form.getlist(name) if isinstance(item, UploadFile) and item.filename]


def page_number(request: Request) -> int:
    """The page asked for in the address, from 1; 1 for anything that is not a number."""
    text = request.query_params.get("page", "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1
