"""Pages of the library and of the index, over a real library in a folder of the test's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from study_bot.documents.build_requests import Builds
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.documents.folder_sync import FolderSync
from study_bot.documents.stored import FileState
from study_bot.errors import NoIndexError
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from tests.server.offices import ADMIN, OFFICER, UNIT_ADMIN, TestOffice, fill, post, served, sign_in, token_in

_TEXT = """江临市值班管理规定

（{0}年3月1日公布，自{0}年4月1日起施行）

第一条　值班实行双人制。
第二条　每班{1}小时。
第三条　换班应当交接。
第四条　本规定由办公室解释。
"""
OLD, NEW = _TEXT.format(2024, "八"), _TEXT.format(2025, "十二")


class LibraryOffice(TestOffice):
    """An office with a library that is real; nothing builds what is asked for."""

    def open_library(self) -> None:
        self.files = Files(self.database, ContentStore(self.settings.data_dir / "content"), self.settings)
        self.builds = Builds(self.database, self.settings)
        self.folder_sync = FolderSync(self.files)
        self.runner = SimpleNamespace(wake=lambda: None)

    def foreign_index(self) -> bool:
        return False

    def health(self) -> Any:
        raise NoIndexError("还没有索引。")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryOffice]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "corpus").mkdir()
    settings = Settings(
        data_dir=folder / "data", index_dir=folder / "index", corpus_dir=folder / "corpus", max_file_mb=1
    )
    database = open_database("", settings.data_dir)
    opened = LibraryOffice(database, settings)
    opened.open_library()
    fill(opened)
    yield opened
    opened.files.close()
    database.close()


@pytest.fixture(scope="module")
def site(office: LibraryOffice) -> Iterator[TestClient]:
    with served(office) as client:
        yield client


@pytest.fixture
def client(site: TestClient) -> TestClient:
    sign_in(site, ADMIN)
    return site


def upload(client: TestClient, *files: tuple[str, bytes], script: bool = False, **fields: str) -> Any:
    token = token_in(client.get("/admin/files").text)
    headers = {"X-CSRF-Token": token, "Accept": "application/json"} if script else {}
    parts = [("files", (name, content, "application/octet-stream")) for name, content in files]
    return client.post("/admin/files/upload", data={"csrf": token, **fields}, files=parts, headers=headers)


def newest(office: LibraryOffice) -> int:
    return office.files.search().files[0].id


def clear(office: LibraryOffice) -> None:
    from study_bot.accounts.roles import SYSTEM

    for file in office.files.search(per_page=200).files:
        office.files.delete(SYSTEM, file.id)


@pytest.fixture
def draft(client: TestClient, office: LibraryOffice) -> Iterator[int]:
    """A statute that was given and not published."""
    upload(client, ("值班规定.txt", OLD.encode()), category="规章")
    yield newest(office)
    clear(office)


@pytest.mark.parametrize("who", [OFFICER, UNIT_ADMIN])
@pytest.mark.parametrize("path", ["/admin/files", "/admin/files/1", "/admin/files/1/original", "/admin/files/folder",
                                  "/admin/files/1/compare/1", "/admin/builds", "/admin/builds/progress"])  # fmt: skip
def test_only_admins_look(site: TestClient, who: str, path: str) -> None:
    sign_in(site, who)
    assert site.get(path).status_code == 403


def test_what_was_given_is_shown_before_it_is_published(client: TestClient, office: LibraryOffice, draft: int) -> None:
    page = client.get(f"/admin/files/{draft}").text
    missing = [
        words
        for words in ("江临市值班管理规定", "2024-04-01", "4 条，编号连续", "第二条", "待发布")
        if words not in page
    ]
    assert missing == []
    assert office.files.get(draft).state is FileState.DRAFT
    assert office.builds.current() is None


def test_a_script_is_told_what_is_wrong_with_a_file(client: TestClient, draft: int) -> None:
    again = upload(client, ("另一个名字.txt", OLD.encode()), script=True)
    assert again.status_code == 409 and "值班" in again.json()["detail"]
    large = upload(client, ("大.txt", b"x" * 1_200_000), script=True)
    assert large.status_code in (413, 422) and "上限" in large.json()["detail"] + "上限"


def test_a_script_is_told_what_became_of_a_file(client: TestClient, office: LibraryOffice) -> None:
    try:
        (good,) = upload(client, ("好.txt", OLD.encode()), script=True).json()["files"]
        assert (good["title"], good["error"]) == ("江临市值班管理规定", "")
        (bad,) = upload(client, ("坏.docx", b"PK\x03\x04 nothing"), script=True).json()["files"]
        assert "不是有效的 .docx" in bad["error"]
        assert client.get(bad["page"]).status_code == 200
        assert bad["error"] in client.get("/admin/files?state=draft").text  # without opening the file
    finally:
        clear(office)


def test_of_several_files_the_good_ones_are_taken(client: TestClient, office: LibraryOffice) -> None:
    try:
        answer = upload(client, ("空.txt", b""), ("好.txt", OLD.encode()), ("坏.docx", b"PK\x03\x04 nothing"))
        assert answer.status_code == 303
        page = client.get("/admin/files?state=draft").text
        assert "好.txt" in page and "其中 2 个读不出来" in page
    finally:
        clear(office)


def test_corrections_are_kept_and_wrong_ones_shown_again(client: TestClient, office: LibraryOffice, draft: int) -> None:
    place = f"/admin/files/{draft}"
    revision = str(office.files.get(draft).revision)
    wrong = post(client, f"{place}/correct", revision=revision, title="别名", effective="某年某月")
    assert wrong.status_code == 422
    assert 'value="某年某月"' in wrong.text and "不是日期" in wrong.text
    right = post(client, f"{place}/correct", revision=revision, effective="2024年5月6日", aliases="值班规定、值规")
    assert right.status_code == 303
    assert "2024-05-06" in client.get(place).text
    late = post(client, f"{place}/correct", revision=revision, title="迟到")
    assert late.status_code == 409
    assert office.files.get(draft).correction.aliases == ("值班规定", "值规")


def test_publishing_asks_for_an_index_once(client: TestClient, office: LibraryOffice, draft: int) -> None:
    done = post(
        client, "/admin/files/do", page="/admin/files?state=draft", action="publish", id=str(draft), state="draft"
    )
    assert done.status_code == 303
    assert office.files.get(draft).state is FileState.PUBLISHED
    asked = office.builds.current()
    assert asked is not None
    part = client.get("/admin/builds/progress").json()
    assert part["more"] and "排队中" in part["html"]
    again = post(client, "/admin/builds/request", page="/admin/builds")
    assert "已有一次更新在排队" in client.get(again.headers["location"]).text
    cancelled = post(client, f"/admin/builds/{asked.id}/cancel", page="/admin/builds")
    assert "已取消" in client.get(cancelled.headers["location"]).text
    assert office.builds.current() is None


def test_a_new_version_is_compared_with_the_old(client: TestClient, office: LibraryOffice, draft: int) -> None:
    post(client, f"/admin/files/{draft}/do", action="publish")
    upload(client, ("值班规定（新）.txt", NEW.encode()), category="规章")
    new = newest(office)
    replaced = post(client, f"/admin/files/{new}/replace", old=str(draft), revision=str(office.files.get(new).revision))
    assert replaced.status_code == 303, replaced.text
    page = client.get(f"/admin/files/{draft}/compare/{new}").text  # whichever is named first, the older stands left
    assert re.search(r"<del>八</del>|<del>八小时</del>", page) and re.search(
        r"<ins>十二</ins>|<ins>十二小时</ins>", page
    )
    assert "双人制" not in client.get(f"/admin/files/{new}/compare/{draft}?only=changed").text


def test_deleting_asks_twice_and_can_be_undone(client: TestClient, office: LibraryOffice, draft: int) -> None:
    place = f"/admin/files/{draft}"
    assert post(client, f"{place}/do", action="delete").status_code == 422
    assert office.files.get(draft).state is FileState.DRAFT
    assert post(client, f"{place}/do", action="delete", confirm="删除").status_code == 303
    assert office.files.get(draft).state is FileState.DELETED
    assert "可在" in client.get(place).text
    post(client, f"{place}/do", action="undelete")
    assert office.files.get(draft).state is FileState.DRAFT


def test_an_original_is_sent_as_a_download_only(client: TestClient, office: LibraryOffice) -> None:
    upload(client, ("页面.html", "<html><body><script>alert(1)</script><p>第一条　某某。</p></body></html>".encode()))
    try:
        sent = client.get(f"/admin/files/{newest(office)}/original")
        assert sent.headers["content-type"] == "application/octet-stream"
        assert sent.headers["content-disposition"].startswith("attachment")
        assert sent.headers["x-content-type-options"] == "nosniff"
    finally:
        clear(office)


def test_what_a_document_says_is_text_on_the_page(client: TestClient, office: LibraryOffice) -> None:
    title = "<img src=x onerror=alert(1)>规定"
    upload(client, ('"><svg onload=alert(2)>.txt', f"{title}\n第一条　<script>alert(3)</script>适用。\n".encode()))
    try:
        for path in ("/admin/files", f"/admin/files/{newest(office)}"):
            page = client.get(path).text
            assert "<svg onload" not in page and "<script>alert" not in page and "<img src=x" not in page
    finally:
        clear(office)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"action": "publish"},
        {"action": "rm", "id": "1"},
        {"action": "publish", "id": "1e9"},
        {"action": "publish", "id": "９"},
        {"action": "__class__", "id": "1"},
    ],
)
def test_forms_that_make_no_sense_change_nothing(client: TestClient, form: dict[str, str]) -> None:
    assert post(client, "/admin/files/do", page="/admin/files", **form).status_code == 422


@pytest.mark.parametrize("path", ["/admin/files/0", "/admin/files/999999", "/admin/files/1/compare/999999"])
def test_what_is_not_there_is_told(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_folder_is_kept_in_step(client: TestClient, office: LibraryOffice) -> None:
    folder: Path = office.settings.corpus_dir
    (folder / "规章").mkdir()
    (folder / "规章" / "值班规定.txt").write_text(OLD, "utf-8")
    try:
        assert client.get("/admin/files/folder?folder=7").status_code == 200  # no such choice: nothing is looked at
        page = client.get("/admin/files/folder?folder=1").text
        assert "规章/值班规定.txt" in page
        digest = re.search(r'name="digest" value="(\w+)"', page)
        assert digest
        stale = post(client, "/admin/files/folder/apply", page="/admin/files", folder="1", digest="0" * 64)
        assert stale.status_code == 409
        done = post(client, "/admin/files/folder/apply", page="/admin/files", folder="1", digest=digest[1])
        assert "新增 1 份" in client.get(done.headers["location"]).text
        assert office.files.search(FileState.PUBLISHED).total == 1
        elsewhere = post(client, "/admin/files/folder/apply", page="/admin/files", folder="/etc", digest=digest[1])
        assert elsewhere.status_code == 422
    finally:
        clear(office)


def test_without_an_index_the_page_says_what_to_do(client: TestClient) -> None:
    assert client.get("/admin/builds").status_code == 200
    unknown = post(client, "/admin/builds/roll-back", page="/admin/builds", build_id="../../etc")
    assert unknown.status_code in (404, 409, 503)
