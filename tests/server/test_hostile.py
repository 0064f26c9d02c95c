"""Hostile inputs at every place that takes one: nothing is executed, nothing leaks, each gets a clear answer."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from study_bot.accounts import audit
from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM
from study_bot.documents.stored import FileState
from study_bot.storage.people_tables import PersonRow
from tests.server import hostile_inputs as hostile
from tests.server.offices import PASSWORD, sign_in
from tests.server.real_site import ADMIN, NEIGHBOUR, OFFICER, UNIT_ADMIN, RealSite, real_site

CANARY = "canary-b1c7f0a4"
"""Stands in a file outside; it must never be in an answer."""

_CHINESE = re.compile("[\u4e00-\u9fff]")
_TRACES = ("Traceback", "site-packages", "sqlalchemy", "sqlite3.", "root:x:0", CANARY, "argon2id", hostile.PRODUCT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    (made / "canary.txt").write_text(CANARY)
    return made


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[RealSite]:
    with real_site(folder / "site") as made:
        yield made


@pytest.fixture(scope="module")
def admin(site: RealSite) -> Iterator[TestClient]:
    with site.client(ADMIN) as client:
        yield client


@pytest.fixture(scope="module")
def officer(site: RealSite) -> Iterator[TestClient]:
    with site.client(OFFICER) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def _nothing_happened(site: RealSite, folder: Path) -> Iterator[None]:
    """After all of them: everybody is who they were, the trail is whole, no file lies where none may lie."""
    with site.office.database.read() as session:
        admins = session.scalars(select(PersonRow.badge).where(PersonRow.role == "admin")).all()
    yield
    with site.office.database.read() as session:
        assert session.scalars(select(PersonRow.badge).where(PersonRow.role == "admin")).all() == admins
        assert (session.scalar(select(func.count()).select_from(PersonRow)) or 0) >= len(site.people)
    assert audit.verify(site.office.database).broken_at is None
    assert not Path("executed").exists() and not list(folder.rglob("*executed*"))
    assert not [path for path in folder.rglob("*") if "escaped" in path.name]
    content = site.office.settings.data_dir / "content"
    assert all(len(path.name) == 64 or path.name in ("lock", "incoming") for path in content.glob("*/*"))


def judge(response: httpx.Response, site: RealSite) -> httpx.Response:
    """What holds of every answer: no failure of the program, no leak, headers, and a sentence if it is a refusal."""
    text = response.text
    assert response.status_code < 500 or response.status_code == 503, (response.status_code, text[:500])
    for trace in _TRACES:
        assert trace not in text, trace
    assert str(site.office.settings.data_dir) not in text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src" in response.headers["content-security-policy"]
    assert "set-cookie" not in response.headers or "evil" not in response.headers["set-cookie"]
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert _CHINESE.search(text), text[:300]
    if "text/html" in response.headers.get("content-type", "") and response.request.url.path != "/":
        assert_no_foreign_markup(text)
    return response


_SCRIPTS = ("javascript:", "vbscript:", "//")


class _Markup(HTMLParser):
    """Finds what could run: inline scripts, handlers in attributes, addresses of scripts, frames."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (tag == "script" and "src" not in values) or tag in ("iframe", "object", "embed", "base"):
            self.found.append(tag)
        for name, value in attrs:
            leads = name in ("href", "src", "action", "formaction")
            address = re.sub(r"[\s\x00]", "", value or "").lower() if leads else ""
            if name.startswith("on") or address.startswith(_SCRIPTS) or "evil" in address[:20]:
                self.found.append(f"{tag} {name}={value}")


def assert_no_foreign_markup(page: str) -> None:
    """A page of ours has no inline script, no handler in an attribute and no address of a script."""
    markup = _Markup()
    markup.feed(page)
    assert markup.found == []


def _ids(texts: Any) -> list[str]:
    return [f"{number}" for number, _ in enumerate(texts)]


# --- files ------------------------------------------------------------------------------------------------------------


def upload(client: TestClient, name: str, data: bytes) -> httpx.Response:
    """As a script would send it: the name goes raw between the quotes where the header can carry it."""
    boundary = "sepsepsep"
    safe = name.encode("utf-8", "replace").replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    body = (
        b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="files"; filename="' + safe + b'"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--" + boundary.encode() + b"--\r\n"
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}", "accept": "application/json"}
    return client.post("/admin/files/upload", content=body, headers=headers)


@pytest.mark.parametrize("number", range(len(hostile.NAMES)))
def test_names_of_files(number: int, admin: TestClient, site: RealSite) -> None:
    name = hostile.NAMES[number]
    response = judge(upload(admin, name, f"关于第{number}号名字的通知\n各单位：\n请照办。\n".encode()), site)
    assert response.status_code in (200, 400, 409, 413, 415, 422)
    if response.status_code == 200:
        newest = max(site.office.files.search(FileState.DRAFT, per_page=200).files, key=lambda file: file.id)
        assert not re.search(r"[\\\x00-\x1f\x7f]|(?:^|/)\.\.?(?:/|$)|^/", newest.path), newest.path
        assert len(newest.path) <= 500
        judge(admin.get(f"/admin/files/{newest.id}"), site)
        judge(admin.get(f"/admin/files/{newest.id}/original"), site)
    judge(admin.get("/admin/files", params={"state": "draft", "text": name[:150]}), site)


_CONTENTS = hostile.contents(Path("/nonexistent"))


@pytest.mark.parametrize("name", _CONTENTS, ids=_ids(_CONTENTS))
def test_contents_of_files(name: str, admin: TestClient, site: RealSite, folder: Path) -> None:
    data = hostile.contents(folder / "canary.txt")[name] if "实体" in name else _CONTENTS[name]
    response = judge(upload(admin, name, data), site)
    assert response.status_code in (200, 400, 409, 413, 415, 422)
    if response.status_code == 200:
        newest = max(site.office.files.search(FileState.DRAFT, per_page=200).files, key=lambda file: file.id)
        page = judge(admin.get(f"/admin/files/{newest.id}"), site)
        assert page.status_code == 200
        original = admin.get(f"/admin/files/{newest.id}/original")
        assert original.headers["content-disposition"].startswith("attachment")
        assert original.headers["content-type"] == "application/octet-stream"
        if newest.error is None:
            judge(admin.post(f"/admin/files/{newest.id}/do", data={"action": "publish"}), site)


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(hostile.TEXTS)))
def test_texts_in_forms(number: int, admin: TestClient, site: RealSite) -> None:
    text = hostile.TEXTS[number]
    judge(admin.post("/admin/people", data={"badge": f"b{number}", "name": text, "role": "officer"}), site)
    judge(admin.post("/admin/people", data={"badge": text, "name": "张三", "role": text, "phone": text}), site)
    judge(admin.post("/admin/people/units", data={"name": text, "parent": text}), site)
    judge(
        admin.post(
            f"/admin/files/{site.draft}/correct",
            data={"revision": "1", "title": text, "category": text, "status": text, "promulgated": text},
        ),
        site,
    )
    judge(admin.post(f"/admin/files/{site.draft}/do", data={"action": text, "confirm": text}), site)
    judge(admin.post("/admin/files/do", data={"action": text, "id": text, "state": text}), site)
    judge(admin.post("/admin/builds/roll-back", data={"build_id": text}), site)
    judge(admin.post("/admin/audit/export", data={"kind": text}), site)
    pages = ("/admin/people", "/admin/people/units", "/admin/files", "/admin/audit", f"/admin/files/{site.draft}")
    judge(admin.get(pages[number % len(pages)], params={"text": text[:90], "state": text[:50]}), site)


@pytest.mark.parametrize("number", range(len(hostile.TEXTS)))
def test_texts_at_the_sign_in(number: int, site: RealSite) -> None:
    text = hostile.TEXTS[number]
    with site.client() as client:
        for badge, password in ((text, "x"), (OFFICER, text)):
            client.headers["x-forwarded-for"] = "203.0.113.9"
            page = judge(client.get("/sign-in", params={"next": text[:300]}), site)
            token = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
            assert token
            form = {"csrf": token.group(1), "badge": badge, "password": password, "next": text}
            response = judge(client.post("/sign-in", data=form), site)
            assert response.status_code in (401, 422)
            assert SESSION_COOKIE not in response.cookies


@pytest.mark.parametrize("number", range(len(hostile.TEXTS)))
def test_texts_as_questions(number: int, officer: TestClient, site: RealSite) -> None:
    text = hostile.TEXTS[number]
    body = json.dumps({"question": text, "documents": [text], "as_of": text})
    judge(officer.post("/api/v1/ask", content=body, headers={"content-type": "application/json"}), site)
    judge(officer.post("/api/v1/ask", json={"question": text.encode("utf-8", "replace").decode()}), site)
    judge(officer.post("/api/v1/search", content=json.dumps({"query": text, "text": text, "top_k": text})), site)
    judge(officer.get("/reader/" + quote(text[:200], safe="", errors="replace")), site)


_ROSTERS = {
    "formula": "警号,姓名,单位,角色,电话\n=1+1,=cmd|' /C calc'!A0,@SUM(1),民警,+1\n".encode(),
    "markup": "警号,姓名,单位,角色,电话\n7001,<script>alert(1)</script>,<img src=x onerror=alert(1)>,民警,1\n".encode(),
    "sums": "警号,姓名,单位,角色,电话\n{{7191*7919}},${7191*7919},{%print(7191*7919)%},民警,1\n".encode(),
    "statement": "警号,姓名,单位,角色,电话\n'; DROP TABLE people;--,x,总队/../../x,admin,1\n".encode(),
    "another admin": "警号,姓名,单位,角色,电话\n9001,赵六,,民警,\n".encode(),
    "empty": b"",
    "zeros": bytes(5000),
    "columns": ("警号,姓名," * 50_000 + "\n" + "1," * 100_000).encode(),
    "quotes": b'"' * 50_000,
    "a field": b'"' + b"a" * 2_000_000,
    "units": ("警号,姓名,单位,角色,电话\n7002,x," + "/".join("u" * 300 for _ in range(50)) + ",民警,1\n").encode(),
    "bomb.xlsx": hostile.package({"xl/workbook.xml": bytes(80_000_000), "[Content_Types].xml": b"<Types/>"}),
    "not.xlsx": b"PK\x03\x04" + bytes(1000),
    "entities.xlsx": hostile.package(
        {"xl/workbook.xml": b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'}
    ),
    "../../escaped.csv": "警号,姓名\n7003,x\n".encode(),
}


@pytest.mark.parametrize("name", _ROSTERS)
@pytest.mark.parametrize("who", [UNIT_ADMIN, ADMIN])
def test_rosters(name: str, who: str, site: RealSite) -> None:
    with site.client(who) as client:
        file = {"file": (name if "." in name else f"{name}.csv", _ROSTERS[name])}
        response = judge(client.post("/admin/people/roster", files=file), site)
        assert response.status_code in (200, 413, 422)
        for packed, digest in (("!!!", ""), ("AAAA", "x"), ("", "' OR 1=1")):
            form = {"packed": packed, "digest": digest, "name": name}
            assert judge(client.post("/admin/people/roster/apply", data=form), site).status_code in (200, 409, 422)
    assert site.office.people.person(site.people[ADMIN]).role == "admin"


def test_exports_hold_no_formula(admin: TestClient, site: RealSite) -> None:
    bad = '=HYPERLINK("http://evil.example")'
    site.office.people.create(SYSTEM, NewPerson("f1", bad))
    audit_of = admin.post("/admin/audit/export", data={"kind": "csv"})
    assert audit_of.status_code == 200
    files = [audit_of.content, admin.get("/admin/figures.csv").content]
    for data in files:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        assert rows
        for cell in (cell for row in rows for cell in row):
            assert not cell.lstrip(" ").startswith(("=", "@", "\t", "\r")), cell
            assert not re.match(r"[+-](?![\d.]+$)", cell), cell
    with zipfile.ZipFile(io.BytesIO(admin.get("/admin/figures.xlsx").content)) as book:
        assert not [name for name in book.namelist() if b"<f>" in book.read(name)]


# --- addresses, cookies, headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", hostile.PATHS)
def test_addresses_that_lead_elsewhere(path: str, site: RealSite) -> None:
    for who in (None, OFFICER):
        with site.client(who) as client:
            for method in ("GET", "POST"):
                request = client.build_request(method, "http://testserver/")
                raw = path.encode()
                request.url = request.url.copy_with(raw_path=raw)
                response = client.send(request)
                assert response.status_code < 500
                assert "root:x:0" not in response.text and CANARY not in response.text
                if response.status_code == 200:  # an open page, or one that an officer may see
                    assert who == OFFICER or "学习管理规定" not in response.text
                    assert "/admin/people/new" not in response.text
                else:
                    assert response.status_code in (303, 307, 400, 401, 403, 404, 405, 422)


@pytest.mark.parametrize("path", hostile.NUMBERS)
def test_numbers_that_mean_nothing(path: str, admin: TestClient, site: RealSite) -> None:
    judge(admin.get(path), site)
    if "?" not in path:
        for rest in ("", "/do", "/correct", "/replace", "/active", "/password", "/cancel", "/remove"):
            judge(admin.post(path + rest, data={"action": "delete", "old": "99999999999999999999"}), site)


@pytest.mark.parametrize("wanted", hostile.NEXTS, ids=_ids(hostile.NEXTS))
def test_where_to_go_after_the_sign_in(wanted: str, site: RealSite) -> None:
    with site.client() as client:
        response = sign_in(client, NEIGHBOUR, PASSWORD, wanted)
        if response.status_code == 422 and len(wanted) > 2000:
            return
        assert response.status_code == 303
        target = response.headers["location"]
        assert target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target
        assert urlsplit("http://testserver" + target).netloc == "testserver"
        assert "evil" not in urlsplit(target).netloc
        assert "x=1" not in response.headers.get_list("set-cookie")


@pytest.mark.parametrize("cookie", hostile.COOKIES, ids=_ids(hostile.COOKIES))
def test_forged_cookies(cookie: str, site: RealSite) -> None:
    with site.client() as client:
        for name in (SESSION_COOKIE, "study_bot_form", "study_bot_flash", "study_bot_oidc"):
            headers = {"cookie": f"{name}={cookie}"}
            for path in ("/admin/people", "/", "/account"):
                assert client.get(path, headers=headers).status_code == 303
            assert client.post("/api/v1/ask", json={"question": "x"}, headers=headers).status_code == 401
            judge(client.get("/sign-in", headers=headers), site)
            judge(client.get("/sign-in/oidc/back?state=" + cookie[:50], headers=headers), site)


@pytest.mark.parametrize("headers", hostile.HEADERS, ids=_ids(hostile.HEADERS))
def test_forged_headers(headers: dict[str, str], site: RealSite) -> None:
    with site.client() as client:
        for path in ("/admin/people", "/account"):
            response = client.get(path, headers=headers)
            assert response.status_code in (303, 400), response.status_code
            assert "evil" not in response.headers.get("location", "")
        assert client.get("/metrics", headers=headers).status_code in (400, 401)
        assert client.post("/api/v1/ask", json={"question": "x"}, headers=headers).status_code in (400, 401, 403, 415)
        judge(client.get("/sign-in", headers=headers), site)
    with site.client(OFFICER) as client:
        if "Cookie" not in headers:
            assert client.get("/admin/files", headers=headers).status_code in (400, 403)
            assert judge(client.get("/account", headers=headers), site).status_code == 200


@pytest.mark.parametrize("headers", hostile.FOREIGN, ids=_ids(hostile.FOREIGN))
def test_posts_from_another_site(headers: dict[str, str], site: RealSite) -> None:
    """Even with a cookie and the right token."""
    with site.client(ADMIN) as client:
        for path in (f"/admin/people/{site.people[OFFICER]}/active", "/sign-out", "/admin/builds/request"):
            response = judge(client.post(path, data={"active": "0"}, headers=headers), site)
            assert response.status_code == 403, path
        for path in ("/gradio_api/queue/join", "/gradio_api/run/predict", "/api/v1/ask"):
            assert client.post(path, json={"question": "x"}, headers=headers).status_code == 403
    assert site.office.people.person(site.people[OFFICER]).active


@pytest.mark.parametrize(
    "kind", ["none", "empty", "of another session", "of nobody", "long", "a list", "by GET", "as text"]
)
def test_forms_without_the_right_token(kind: str, site: RealSite) -> None:
    path = f"/admin/people/{site.people[OFFICER]}/active"
    with site.client(ADMIN) as client:
        del client.headers["x-csrf-token"]
        other = site.office.sign_in.csrf_token(site.token(OFFICER))
        forms: dict[str, dict[str, Any]] = {
            "none": {},
            "empty": {"csrf": ""},
            "of another session": {"csrf": other},
            "of nobody": {"csrf": site.office.sign_in.csrf_token("")},
            "long": {"csrf": "a" * 100_000},
            "a list": {"csrf": ["", other]},
        }
        if kind == "by GET":
            response = client.get(path, params={"active": "0"})
        elif kind == "as text":
            response = client.post(path, content='{"active": "0"}', headers={"content-type": "text/plain"})
        else:
            response = client.post(path, data={"active": "0", **forms[kind]})
        assert judge(response, site).status_code in (403, 404, 405)
    assert site.office.people.person(site.people[OFFICER]).active


_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "deep": b"[" * 20_000,
    "deep objects": b'{"a":' * 20_000,
    "huge number": b'{"question": "x", "top_k": 1e999}',
    "long number": b'{"question": "x", "top_k": ' + b"9" * 5000 + b"}",
    "not a number": b'{"question": NaN}',
    "half a character": b'{"question": "\\ud800"}',
    "not utf-8": b'{"question": "\xff\xfe"}',
    "twice": b'{"question": "a", "question": {"$gt": ""}}',
    "an object": b'{"question": {"$ne": null}}',
    "a prototype": b'{"__proto__": {"admin": true}, "question": "x"}',
    "large": b'{"question": "' + b"a" * 2_000_000 + b'"}',
    "an event that is not there": b'{"fn_index": 99999, "data": [], "session_hash": "x"}',
    "an event before the first": b'{"fn_index": -1, "data": [], "session_hash": "x"}',
    "too many values": b'{"fn_index": 2, "data": [' + b"1," * 5000 + b'1], "session_hash": "x"}',
    "a file": b'{"fn_index": 2, "data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "", null],'
    b' "session_hash": "x"}',
    "a long session": b'{"fn_index": 0, "data": [null, null], "session_hash": "' + b"x" * 100_000 + b'"}',
    "a session that leads elsewhere": b'{"fn_index": 0, "data": [null, null], "session_hash": "../../x"}',
}


@pytest.mark.parametrize("name", _BODIES)
def test_bodies_for_the_interfaces(name: str, officer: TestClient, site: RealSite) -> None:
    for path in (
        "/api/v1/ask",
        "/api/v1/search",
        "/gradio_api/queue/join",
        "/gradio_api/run/predict",
        "/gradio_api/call/chat",
        "/gradio_api/cancel",
        "/gradio_api/reset",
    ):
        response = officer.post(path, content=_BODIES[name], headers={"content-type": "application/json"})
        # Gradio's own complaints are in English and of its own shape; none may show what lies behind.
        assert response.status_code < 500 or "gradio_api" in path
        for trace in _TRACES:
            assert trace not in response.text, (path, trace)


def test_large_and_endless_forms(admin: TestClient, site: RealSite) -> None:
    assert judge(admin.post("/admin/people", data={"name": "a" * 3_000_000}), site).status_code == 413
    assert judge(admin.post("/sign-in", data={"badge": "a" * 3_000_000}), site).status_code == 413
    many = {f"f{number}": "x" for number in range(6000)}
    assert judge(admin.post("/admin/people", data=many), site).status_code in (400, 413, 422)
    assert judge(upload(admin, "大.txt", b"a" * 5_000_000), site).status_code == 413


def test_there_were_enough() -> None:
    lists = (
        hostile.NAMES,
        _CONTENTS,
        hostile.TEXTS,
        _ROSTERS,
        hostile.PATHS,
        hostile.NUMBERS,
        hostile.NEXTS,
        hostile.COOKIES,
        hostile.HEADERS,
        hostile.FOREIGN,
        _BODIES,
    )
    assert sum(map(len, lists)) >= 300
