"""Pages that are not Gradio's: the reader, and the files of the interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, params
from starlette.responses import HTMLResponse, RedirectResponse, Response

from study_bot.errors import StudyBotError
from study_bot.server.problems import problem, status_of
from study_bot.text import find_article_references, parse_number
from study_bot.types import ArticleNumber
from study_bot.ui.links import parse_marks, reader_url
from study_bot.ui.page import asset
from study_bot.ui.ports import StudyServices
from study_bot.ui.reader import ReaderRequest, clamp_span, find_article, render_gone, render_reader
from study_bot.ui.reading import section_anchor

FOREVER = "public, max-age=31536000, immutable"
"""Files of the interface carry a digest of their content in their address."""


def read_article_number(words: str) -> ArticleNumber | None:
    """第43条, 43, 四十三, 一百二十条之一, 120之1 as an article number; None for anything else."""
    words = words.strip()
    found = find_article_references(
        words if "条" in words else f"第{words.replace('之', '条之', 1)}" + ("" if "之" in words else "条")
    )
    if found:
        return found[0].article
    number = parse_number(words)
    return ArticleNumber(number) if number else None


def pages_router(services: StudyServices, root: str, checks: Sequence[params.Depends] = ()) -> APIRouter:
    """The routes.

    :param checks: what is asked of whoever opens a document.
    """
    router = APIRouter()

    @router.get("/ui/{name}")
    def interface_file(name: str, v: str = "") -> Response:
        found = asset(name)
        if found is None:
            return problem(404, "没有这个文件。", "http_404")
        cache = FOREVER if v else "no-cache"
        return Response(found[0], media_type=found[1], headers={"Cache-Control": cache})

    @router.get("/reader/{version_id:path}", dependencies=checks)
    def reader(
        request: Request,
        version_id: str,
        m: Annotated[list[str] | None, Query()] = None,
        jump: str = "",
    ) -> Response:
        try:
            document = services.document(version_id)
        except StudyBotError as error:
            return HTMLResponse(render_gone(str(error), root), status_of(error))
        jump, failed = jump.strip()[:20], ""
        if jump:
            number = read_article_number(jump)
            section = find_article(document.text.root, number.number, number.insert) if number else None
            if section is not None:
                place = reader_url(root, version_id, span=(section.start, section.end), anchor=section_anchor(section))
                return RedirectResponse(place, 303)
            failed = jump
        query = request.query_params
        span = clamp_span(_integer(query.get("start")), _integer(query.get("end")), len(document.text.text))
        wanted = ReaderRequest(span, parse_marks(m or []), _integer(query.get("at")), failed)
        return HTMLResponse(render_reader(document, wanted, root), headers={"Cache-Control": "private, no-cache"})

    return router


def _integer(text: str | None) -> int | None:
    """A number from an address, None for anything that is not one: a mangled link still opens the document."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
