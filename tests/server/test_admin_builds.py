"""The page of the index in trouble, during a build, and over an index from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.build_queue import BuildQueue
from study_bot.documents.build_rows import BuildSummary
from study_bot.index.publish import live_build_id
from study_bot.index.store import SnapshotStore
from study_bot.types import BuildReport
from tests.index.builder_fakes import build, prose_text, write_library
from tests.server.offices import ADMIN, post
from tests.server.real_site import RealSite, real_site
from tests.ui.fake_services import FakeStatus

PAGE = "/admin/builds"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RealSite]:
    """With two builds on disk that were not made from the library."""
    with real_site(tmp_path) as opened:
        library = write_library(tmp_path / "文献")
        index_dir = opened.office.settings.index_dir
        build(library, index_dir)
        (library / "关于植树的讲话.txt").write_text(prose_text("植树"), encoding="utf-8")
        build(library, index_dir)
        opened.services.snapshot = SnapshotStore(index_dir).current  # type: ignore[method-assign]
        yield opened


def take_over(site: RealSite) -> BuildQueue:
    """Note that the live build was made from what is published."""
    office = site.office
    queue = BuildQueue(office.database, office.settings.index_dir, "here")
    office.builds.request(SYSTEM)
    claimed = queue.claim()
    live = live_build_id(office.settings.index_dir)
    assert claimed is not None and live is not None
    summary = BuildSummary.of(BuildReport(live, (), 1, 1, 1, 0, 0, 1.0))
    queue.finish(claimed, office.builds.library_revision(), live, summary)
    return queue


@pytest.mark.parametrize("still_open", [True, False])
def test_a_damaged_current_can_be_mended_from_the_page(still_open: bool, site: RealSite) -> None:
    take_over(site)
    index_dir = site.office.settings.index_dir
    new, old = SnapshotStore(index_dir).build_ids()
    if still_open:
        site.office.services.snapshot()
    else:
        site.services.status = lambda: FakeStatus(False, error="坏了。")  # type: ignore[assignment]
    (index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")
    with site.client(ADMIN) as client:
        for path in (PAGE, f"{PAGE}/progress", "/admin/files", "/admin"):
            assert client.get(path).status_code == 200, path
        page = client.get(PAGE).text
        for words in ("CURRENT 读不出来", "点“更新索引”，按文献库重建", 'action="/admin/builds/request"', new, old):
            assert words in page
        assert ("仍用先前打开的索引回答" in page) == still_open
        assert ("暂时不能提问" in page) != still_open
        asked = post(client, f"{PAGE}/request", page=PAGE)
        assert "已开始更新索引" in client.get(asked.headers["location"]).text
        assert "正在更新，完成后恢复正常" in client.get(PAGE).text
        back = post(client, f"{PAGE}/roll-back", page=PAGE, build_id=old)
        assert "已回退到" in client.get(back.headers["location"]).text
        assert live_build_id(index_dir) == old
        assert "CURRENT" not in client.get(PAGE).text


def test_during_a_build_nothing_needs_to_be_done(site: RealSite) -> None:
    queue = take_over(site)
    with site.client(ADMIN) as client:
        assert "完好" in client.get(PAGE).text
        site.office.files.publish(SYSTEM, [site.draft])
        assert "需要处理" in client.get(PAGE).text
        site.office.builds.request(SYSTEM)
        for _ in range(2):  # while it waits, and while it runs
            page = client.get(PAGE).text
            assert "正在更新" in page and "需要处理" not in page and "is-warn" not in page
            queue.claim()


def test_an_index_from_elsewhere_is_told_by_what_it_holds(site: RealSite) -> None:
    with site.client(ADMIN) as client:
        page = client.get(PAGE).text
        assert "不是由文献库建立的：含 " in page and "改由文献库中已发布的 2 份文献建立" in page
        site.office.files.delete(SYSTEM, site.published)
        for file in site.office.files.search().files:
            site.office.files.delete(SYSTEM, file.id)
        assert "先收入并发布，再更新索引" in client.get(PAGE).text
