"""Recorded polls: what systems were asked about letters that they took, and answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "news_poll",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("said", sa.String(length=500), nullable=True),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.String(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_poll")),
    )
    op.create_index("ix_news_poll_office", "news_poll", ["office", "failed"])
