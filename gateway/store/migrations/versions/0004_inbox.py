"""A reader's lock on a letter that lies ready; what operators decide about deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("delivery", sa.Column("lock_owner", sa.String(length=120), nullable=True))
    op.add_column("delivery", sa.Column("lock_until", Moment(), nullable=True))
    op.create_index(
        "ix_delivery_inbox",
        "delivery",
        ["office", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'AVAILABLE'"),
        postgresql_where=sa.text("state = 'AVAILABLE'"),
    )
    op.create_table(
        "delivery_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("verb", sa.String(length=12), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["delivery.id"], name=op.f("fk_delivery_decision_delivery_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_decision")),
    )
    op.create_index(op.f("ix_delivery_decision_delivery"), "delivery_decision", ["delivery"], unique=False)
