"""Workers that were full and began anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "worker_full",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("mib", sa.Integer(), nullable=False),
        sa.Column("left", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_full")),
    )
    op.create_index(op.f("ix_worker_full_at"), "worker_full", ["at"])
