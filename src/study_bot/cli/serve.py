"""`study-bot serve`: the web pages and the HTTP interface."""

from __future__ import annotations

import importlib
from typing import Annotated, Protocol, cast

import typer

from study_bot.cli.common import IndexOption, services_for
from study_bot.cli.words import Command

app = typer.Typer(add_completion=False, rich_markup_mode=None)

# The web side, named and not imported: neither edge depends on the other.
_SERVER = "study_bot.server.app"


class _Server(Protocol):
    def run(self, services: object) -> None: ...


@app.command("serve", cls=Command)
def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="监听的地址；不给时用设置中的 host（默认 127.0.0.1）。")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="P",
            min=0,
            max=65535,
            help="监听的端口；不给时用设置中的 port（默认 7860），0 为任一空闲端口。",
        ),
    ] = None,
    index: IndexOption = None,
) -> None:
    """启动网页和接口，直到按 Ctrl-C。"""
    with services_for(ctx, index, host=host, port=port) as services:
        cast(_Server, importlib.import_module(_SERVER)).run(services)
