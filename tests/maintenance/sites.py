"""A small site with people, documents, an index and a trail, and what is to be compared of it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from sqlalchemy import select

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM
from study_bot.documents.content import ContentStore
from study_bot.index.publish import live_build_id
from study_bot.maintenance.site import Site
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.tables import FileRow, PersonRow, SessionRow
from tests.index.builder_fakes import build, write_library


def settings_in(folder: Path, database_url: str = "") -> Settings:
    """Settings of a site below a folder."""
    return Settings(
        data_dir=folder / "data", index_dir=folder / "index", cache_dir=folder / "cache", database_url=database_url
    )


def add_person(database: Database, badge: str) -> int:
    """A person with a session, noted in the trail; their id."""
    now = utc_now()
    with database.write() as session:
        row = PersonRow(badge=badge, name="张三", role="officer", created_at=now)
        session.add(row)
        session.flush()
        session.add(
            SessionRow(
                token_hash=hashlib.sha256(badge.encode()).hexdigest(),
                person_id=row.id,
                created_at=now,
                seen_at=now,
                expires_at=now,
                address="127.0.0.1",
                agent="",
            )
        )
        audit.append(session, SYSTEM, "person.create", badge)
        return row.id


def add_file(site: Site, text: str) -> str:
    """A published file; its checksum."""
    sha256, size = ContentStore(site.settings.data_dir / "content").put(io.BytesIO(text.encode()), 10**6)
    with site.database.write() as session:
        session.add(
            FileRow(
                sha256=sha256,
                name=f"{text}.txt",
                path=f"法律/{text}.txt",
                size=size,
                state="published",
                published_at=utc_now(),
                understood={},
                origin="upload",
                created_at=utc_now(),
            )
        )
        audit.append(session, SYSTEM, "file.publish", text)
    return sha256


def fill(site: Site, folder: Path, name: str = "甲") -> None:
    """People, files, an evaluation set and a live build."""
    add_person(site.database, f"badge-{name}")
    add_file(site, f"文件{name}一")
    add_file(site, f"文件{name}二")
    cases = site.settings.data_dir / "evals" / "feedback"
    cases.mkdir(parents=True)
    (cases / "queries.jsonl").write_text(name, encoding="utf-8")
    site.settings.index_dir.mkdir(exist_ok=True)
    build(write_library(folder / f"文献{name}"), site.settings.index_dir)


def state(site: Site) -> dict[str, object]:
    """What makes two sites the same; the lines of the trail that a backup or a restore adds are left out."""
    content = ContentStore(site.settings.data_dir / "content")
    with site.database.read() as session:
        people = sorted(session.scalars(select(PersonRow.badge)))
        files = sorted(session.scalars(select(FileRow.sha256)))
        trail = [(e.action, e.subject) for e in audit.entries(session) if not e.action.startswith("backup.")]
    check = audit.verify(site.database)
    assert check.broken_at is None
    for sha256 in files:
        assert hashlib.sha256(content.path(sha256).read_bytes()).hexdigest() == sha256
    evals = site.settings.data_dir / "evals"
    return {
        "people": people,
        "files": files,
        "trail": trail,
        "evals": {str(p.relative_to(evals)): p.read_text() for p in evals.rglob("*") if p.is_file()},
        "build": live_build_id(site.settings.index_dir),
    }


def leftovers(settings: Settings) -> list[str]:
    """Names that no finished work leaves."""
    found = []
    for folder in (settings.data_dir, settings.index_dir):
        found += [str(p) for p in folder.rglob("*") if p.name.endswith((".partial", ".part")) or p.name == ".restore"]
    return found
