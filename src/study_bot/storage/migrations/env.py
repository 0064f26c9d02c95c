"""Run by alembic; the connection is handed in by `Database.migrate`."""

from __future__ import annotations

from alembic import context

from study_bot.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
