"""Pages of the managed library as a whole: finding files, giving them, changing many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from study_bot.accounts.roles import Role
from study_bot.documents.stored import FileState, StoredFile
from study_bot.errors import InputError, StudyBotError
from study_bot.server.file_actions import BULK, WORDS, each_file, index_follows
from study_bot.server.forms import OwnForm, clean, field, files_of, page_number
from study_bot.server.problems import wants_data
from study_bot.server.web import CurrentActor, Web
from study_bot.ui.library_list import KIND_LABELS

if TYPE_CHECKING:
    from study_bot.office import Office

MAX_AT_ONCE = 500
"""Files that one press of a button may change."""


def files_router(web: Web, office: Office) -> APIRouter:
    """The routes of the list. Every one asks for an admin, and so does every service it calls."""
    router = APIRouter(prefix="/admin/files")
    files, builds = office.files, office.builds

    @router.get("")
    def listing(request: Request, actor: CurrentActor, state: str = "", text: str = "", category: str = "") -> Response:
        actor.require(Role.ADMIN)
        wanted = _state(state)
        text, category = clean(text, 200), clean(category, 200)
        page = files.search(wanted, text, category or None, page_number(request))
        return web.render(
            request,
            "admin/files.html",
            page=page,
            state=wanted,
            text=text,
            category=category,
            counts=files.counts(),
            categories=files.categories(),
            actions=[(name, WORDS[name]) for name in BULK.get(wanted, ())],
            kinds=KIND_LABELS,
            indistinct=files.indistinct(page.files),
            stale=builds.stale(),
            foreign=office.foreign_index(),
            current=builds.current(),
        )

    @router.post("/upload")
    def upload(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        category = field(form, "category", 100) or None
        given, failed = [], []
        for file in files_of(form, "files"):
            try:
                given.append(files.give(actor, file.filename or "", file.file, category))
            except StudyBotError as error:
                if wants_data(request.headers):
                    raise  # the page sends one at a time and shows the sentence beside the file
                failed.append(f"{(file.filename or '')[-60:]}：{error}")
        if not given and not failed:
            raise InputError("没有选中文件。请先选择要上传的文件。")
        if wants_data(request.headers):
            told = [_told(web, file) for file in given]
            return JSONResponse({"next": f"{web.root}/admin/files?state=draft", "files": told})
        unread = [file for file in given if file.error]
        text = f"已收到 {len(given)} 个文件，请核对识别结果后发布。" if given else ""
        text += f"其中 {len(unread)} 个读不出来，原因见列表。" if unread else ""
        kind = "bad" if failed else "warn" if unread else "good"
        return web.redirect(request, "/admin/files?state=draft", text + "".join(failed[:5]), kind)

    @router.post("/do")
    def many(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        name, ids = field(form, "action", 20), _ids(form)
        if not any(name in names for names in BULK.values()):
            raise InputError("没有这个操作。请刷新页面后再试。")
        done, failed = each_file(office, actor, name, ids)
        follows = index_follows(office, actor, done)
        words = f"已{WORDS[name]} {done} 个文件。" if done else ""
        if name == "publish" and (twins := files.indistinct(files.get(number) for number in ids)):
            words += f"其中 {len(twins)} 个与已发布的文献同名而日期分不出先后，两个版本会同时有效，请打开核对。"
        if failed:
            words += f"{len(failed)} 个没有成功：" + "；".join(failed[:3])
        here = f"/admin/files?state={field(form, 'state', 20)}"
        return web.redirect(request, here, words + follows, "bad" if failed else "good")

    return router


def _told(web: Web, file: StoredFile) -> dict[str, str]:
    """What became of a file that was given, for the script: the title it is known by, "" or why it cannot be read."""
    return {"title": file.title, "error": file.error or "", "page": f"{web.root}/admin/files/{file.id}"}


def _state(text: str) -> FileState | None:
    return FileState(text) if text in {state.value for state in FileState} else None


def _ids(form: FormData) -> tuple[int, ...]:
    values = [value for value in form.getlist("id") if isinstance(value, str)]
    if not values:
        raise InputError("没有选中文件。请先勾选。")
    if len(values) > MAX_AT_ONCE or not all(v.isascii() and v.isdigit() and len(v) < 10 for v in values):
        raise InputError(f"一次最多处理 {MAX_AT_ONCE} 个文件。请刷新页面后再试。")
    return tuple(dict.fromkeys(int(value) for value in values))
