"""Putting the server together and running it."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import uvicorn
from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, PlainTextResponse, Response

from study_bot.errors import SettingsError, StudyBotError
from study_bot.server.api import api_router, nothing_else_router
from study_bot.server.metering import MeteredServices, Metrics
from study_bot.server.middleware import BodyLimit, GradioManners, LetGo, Prefix, SecurityHeaders
from study_bot.server.office import add_guard, add_office, body_limit, dressed
from study_bot.server.pages import pages_router
from study_bot.server.problems import problem, register_problems
from study_bot.server.web import officer_of
from study_bot.ui.links import site_root
from study_bot.ui.ports import IndexState, StudyServices

if TYPE_CHECKING:
    from study_bot.office import Office
    from study_bot.services import Services

logger = logging.getLogger(__name__)

STOP_SECONDS = 5
"""Open connections are given this long when the server is asked to stop."""


def create_app(services: StudyServices, office: Office | None = None) -> FastAPI:
    """The whole application: page, reader, JSON interface, health, metrics. Every call makes its own.

    :param office: people, documents and what else an office has; None = nobody signs in and there is no administration.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    root = site_root(services.settings)
    metrics = Metrics()
    metered = MeteredServices(services, metrics)
    app = FastAPI(title="学习问答", docs_url=None, redoc_url=None, openapi_url=None)
    register_problems(app)
    _add_health(app, metered, metrics)
    checks = [Depends(officer_of)] if office is not None else []
    app.include_router(api_router(metered, office.questions if office is not None else None), dependencies=checks)
    app.include_router(nothing_else_router())
    app.include_router(pages_router(metered, root, checks))
    if office is not None:
        add_office(app, office, metered)
    _mount_page(app, metered, root, office)
    app.add_middleware(GradioManners, dress=partial(dressed, root=root, web=app.state.web if office else None))
    app.state.stopping = asyncio.Event()
    app.add_middleware(LetGo, stopping=app.state.stopping)
    if office is not None:
        add_guard(app, office)
    app.add_middleware(BodyLimit, limit_of=partial(body_limit, services.settings if office else None))
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Prefix, prefix=root)
    return app


def _add_health(app: FastAPI, services: StudyServices, metrics: Metrics) -> None:
    """Threads of their own: a full house of questions must not make the server look dead."""
    limiter = anyio.CapacityLimiter(2)

    async def status() -> IndexState:
        return await anyio.to_thread.run_sync(services.status, limiter=limiter)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def readyz() -> Response:
        state = await status()
        if state.ready:
            return JSONResponse({"ready": True, "build_id": state.build_id})
        reason = state.error or (
            "正在建立索引，完成后即可使用。" if state.building else "还没有索引。请运行 study-bot library update。"
        )
        return problem(503, reason, "not_ready")

    @app.get("/metrics")
    async def figures() -> Response:
        return Response(metrics.text(await status()), media_type="text/plain; version=0.0.4; charset=utf-8")


def _mount_page(app: FastAPI, services: StudyServices, root: str, office: Office | None) -> None:
    # Gradio takes seconds to import and reads its environment while doing so.
    import gradio as gr

    from study_bot.ui.app import build_ui, theme

    gr.mount_gradio_app(
        app,
        build_ui(services, office),
        path="/",
        root_path=root or None,
        theme=theme(),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=1,
        blocked_paths=["/"],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )


def run(services: Services) -> None:
    """Serve at the address of the settings until told to stop; people sign in unless the settings say otherwise.

    :raises SettingsError: the address cannot be bound, or would be open to everybody.
    :raises StorageError: the database or the data folder cannot be used.
    """
    settings = services.settings
    if settings.sign_in == "off":
        if not is_loopback(settings.host):
            raise SettingsError(
                "不登录（sign_in = off）只能用于本机试用，监听地址须为 127.0.0.1。"
                "要让他人访问，请去掉这项设置，使用账号登录。"
            )
        run_server(services, settings.host, settings.port)
        return
    from study_bot.office import build_office

    with build_office(settings, services) as office:
        run_server(services, settings.host, settings.port, office)


def run_server(services: StudyServices, host: str, port: int, office: Office | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C. Port 0 takes any free one; the address is printed once it answers.

    :param office: None = nobody signs in.
    :raises SettingsError: the address cannot be bound.
    """
    listening = _bind(host, port)
    app = create_app(services, office)
    config = uvicorn.Config(
        app,
        # Its own start-up lines are for developers; the address is printed below.
        log_level="info" if services.settings.log_level.upper() == "DEBUG" else "warning",
        # Addresses can hold names of people and of matters under study.
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
        # Whose X-Forwarded-For to believe is a setting of ours; the gate reads it.
        proxy_headers=False,
    )
    address = _address(host, listening.getsockname()[1]) + site_root(services.settings)
    server = Server(config, app, address)
    threading.Thread(target=_warm_up, args=(services,), name="warm-up", daemon=True).start()
    if office is not None:
        _open_office(office)
    if threading.current_thread() is threading.main_thread():
        # uvicorn stops by itself and then raises the signal again, which would end the process before `finally`.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # Ctrl-C has done what it was to do
    finally:
        listening.close()
        services.close()


def _open_office(office: Office) -> None:
    """Begin the work in the background, and tell the first password, which nobody will be told again."""
    if (first := office.people.first_admin()) is not None:
        sys.stdout.write(
            f"首次启动，已建立系统管理员账号：{first[0].badge}\n一次性密码：{first[1]}\n"
            "（只显示这一次，首次登录后须修改；遗失时运行 study-bot people reset-password）\n"
        )
        sys.stdout.flush()
    office.runner.start()
    office.purge.start()
    threading.Thread(target=_fill, args=(office,), name="first-start", daemon=True).start()


def _fill(office: Office) -> None:
    try:
        if not office.foreign_index():
            office.fill()
            office.runner.wake()
    except StudyBotError as error:
        logger.warning("%s", error)


def _warm_up(services: StudyServices) -> None:
    try:
        services.warm_up()
        # What was loaded stays to the end; going through it for garbage again and again would stop all questions for
        # some tenths of a second each time.
        gc.collect()
        gc.freeze()
    except StudyBotError as error:
        if threading.main_thread().is_alive():  # else it is the end of the program that interrupted the loading
            # The pages tell it too; whoever started the server should read it at once.
            logger.warning("%s", error)


class Server(uvicorn.Server):
    """Says where it listens once it does, and lets go of open pages when it is to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address for whoever started the server."""
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"学习问答已启动：{self._address}（按 Ctrl-C 停止）\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; questions under way have STOP_SECONDS to end."""
        self._app.state.stopping.set()
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"无法在 {host}:{port} 启动（{error.strerror}）。请换一个端口（--port），或停掉占用它的程序。"
        ) from None
    return listening


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
