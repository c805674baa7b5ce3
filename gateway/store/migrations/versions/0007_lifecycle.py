"""Routes that are paused; the end that each delivery has itself, and the indexes by which it is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ENDING = sa.text("(state IN ('QUEUED', 'WAITING')) IS TRUE AND expires_at IS NOT NULL")
_OF_OLDER_VERSIONS = sa.text("(state IN ('QUEUED', 'WAITING')) IS TRUE AND own_end IS FALSE")
_RESTING = sa.text("(state IN ('HELD', 'AVAILABLE')) IS TRUE")


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "schema_floor",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_floor")),
    )
    op.add_column("delivery", sa.Column("expires_at", Moment(), nullable=True))
    # with a default of the server: processes of the version before go on adding deliveries meanwhile
    op.add_column("delivery", sa.Column("own_end", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("route_state", sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_delivery_ending", "delivery", ["expires_at"], sqlite_where=_ENDING, postgresql_where=_ENDING
    )
    op.create_index(
        "ix_delivery_old_end",
        "delivery",
        ["state", "message", "id"],
        sqlite_where=_OF_OLDER_VERSIONS,
        postgresql_where=_OF_OLDER_VERSIONS,
    )
    op.create_index(
        "ix_delivery_deadline", "delivery", ["held_until"], sqlite_where=_RESTING, postgresql_where=_RESTING
    )
