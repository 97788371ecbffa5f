"""Run by alembic: applies the scripts over the connection that the store holds."""

from __future__ import annotations

from alembic import context

from pf_jupyter.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
