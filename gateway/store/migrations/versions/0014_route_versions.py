"""Versions of offices' routes, and the steps that people made with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "route_version",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=True),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["office"], ["office.id"], name=op.f("fk_route_version_office_office")),
        sa.PrimaryKeyConstraint("office", "number", name=op.f("pk_route_version")),
    )
    op.create_table(
        "route_version_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("was", sa.String(length=10), nullable=False),
        sa.Column("now", sa.String(length=10), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["office", "number"],
            ["route_version.office", "route_version.number"],
            name="fk_route_version_event_version",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_version_event")),
    )
    op.create_index(
        "ix_route_version_event_version", "route_version_event", ["office", "number"], unique=False
    )
