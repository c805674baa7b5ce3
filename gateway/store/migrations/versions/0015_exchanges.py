"""Recorded exchanges: what attempts sent and were answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "exchange",
        sa.Column("attempt", RowNumber, nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("object_id", sa.String(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.id"], name=op.f("fk_exchange_attempt_attempt")),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_exchange_delivery_delivery")),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_exchange")),
    )
    op.create_index("ix_exchange_delivery", "exchange", ["delivery"])
    op.create_index("ix_exchange_office", "exchange", ["office", "failed"])
