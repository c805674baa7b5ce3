"""News that comes later: when letters and routes are asked for it, and what could not be believed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPEN = sa.text("(state = 'HANDED_OVER' AND processing <> 'CLOSED') IS TRUE")
_NAMED = sa.text("target_reference IS NOT NULL")


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("delivery", sa.Column("news_due_at", Moment(), nullable=True))
    op.add_column("delivery", sa.Column("news_asks", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_delivery_news",
        "delivery",
        ["office", "news_due_at", "accepted_at"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_delivery_target",
        "delivery",
        ["office", "target_reference"],
        unique=False,
        sqlite_where=_NAMED,
        postgresql_where=_NAMED,
    )
    op.create_table(
        "news_route",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment(), nullable=True),
        sa.Column("asked_at", Moment(), nullable=True),
        sa.Column("heard_at", Moment(), nullable=True),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("said", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("office", name=op.f("pk_news_route")),
    )
    op.create_table(
        "news_trouble",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("said", sa.String(length=500), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("office", "delivery", name=op.f("pk_news_trouble")),
    )
    op.create_index(op.f("ix_news_trouble_at"), "news_trouble", ["at"], unique=False)
