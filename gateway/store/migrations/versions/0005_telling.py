"""Telling people: the outbox of notifications, readers' addresses, signs of life of workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    # nullable: a hub of the version before still adds offices while this one starts
    op.add_column("office", sa.Column("reader_addresses", sa.JSON(), nullable=True))
    _notifications()
    _deliveries()
    op.create_table(
        "worker_seen",
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_worker_seen")),
    )
    op.create_index(op.f("ix_worker_seen_seen_at"), "worker_seen", ["seen_at"], unique=False)


def _notifications() -> None:
    op.create_table(
        "notification",
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("key", name=op.f("uq_notification_key")),
    )
    op.create_index("ix_notification_due", "notification", ["state", "due_at"], unique=False)


def _deliveries() -> None:
    op.create_table(
        "notified_delivery",
        sa.Column("notification", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("attested", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification"],
            ["notification.id"],
            name=op.f("fk_notified_delivery_notification_notification"),
        ),
        sa.ForeignKeyConstraint(
            ["delivery"], ["delivery.id"], name=op.f("fk_notified_delivery_delivery_delivery")
        ),
        sa.PrimaryKeyConstraint("notification", "delivery", name=op.f("pk_notified_delivery")),
    )
    op.create_index("ix_notified_delivery_delivery", "notified_delivery", ["delivery"], unique=False)
    op.create_index(
        "ix_notified_delivery_attested", "notified_delivery", ["attested", "notification"], unique=False
    )
