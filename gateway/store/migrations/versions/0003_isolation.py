"""The state of routes, lanes and lost leases of deliveries, and the index by which work is claimed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WAITING = sa.text("(state IN ('QUEUED', 'WAITING')) IS TRUE")


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "route_state",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment(), nullable=True),
        sa.Column("opened_at", Moment(), nullable=True),
        sa.Column("probe_until", Moment(), nullable=True),
        sa.Column("last_success_at", Moment(), nullable=True),
        sa.Column("claimed_at", Moment(), nullable=True),
        sa.Column("rate_until", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("office", name=op.f("pk_route_state")),
    )
    # With defaults of the server: processes of the version before go on adding deliveries meanwhile.
    op.add_column("delivery", sa.Column("lane", sa.String(length=8), server_default="single", nullable=False))
    op.add_column("delivery", sa.Column("lost_leases", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE delivery SET lane = 'bulk' WHERE message IN (SELECT id FROM message WHERE lane = 'bulk')"
    )
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["office", "lane", "due_at"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
