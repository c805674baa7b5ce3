"""Telling operators: their messages, and of which held deliveries they were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "operator_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("first_due", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_operator_notice_key")),
    )
    op.create_index("ix_operator_notice_due", "operator_notice", ["state", "due_at"], unique=False)
    op.create_table(
        "held_told",
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("until", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_held_told_delivery_delivery")),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_held_told")),
    )
