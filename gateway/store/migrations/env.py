"""What Alembic runs for each command: the steps, on the connection that `gateway.store.migrate` gives."""

from __future__ import annotations

from typing import Any

from alembic import context


def run(attributes: dict[str, Any]) -> None:
    """Run the wanted steps inside the transaction that is already open on the connection."""
    connection = attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=attributes.get("metadata"),
        render_as_batch=connection.dialect.name == "sqlite",  # SQLite alters a table by copying it
        transactional_ddl=True,  # and can undo that, whatever Alembic assumes
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes)
