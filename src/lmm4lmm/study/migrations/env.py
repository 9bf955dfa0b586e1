"""How Alembic reaches the database: always through the connection that ``migrating`` hands it."""

from __future__ import annotations

from alembic import context

from lmm4lmm.study.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
context.run_migrations()
