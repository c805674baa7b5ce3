"""Code tables of offices, and the values that none of them has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("office", sa.Column("tables", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "unmapped_value",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("code_table", sa.String(length=200), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.Column("last_seen", Moment(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("office", "code_table", "value", name=op.f("pk_unmapped_value")),
    )
