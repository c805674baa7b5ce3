"""Rules of offices, their closure and whom they serve; with a delivery, why it goes where it goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("office", sa.Column("rules", sa.JSON(), nullable=True))
    op.add_column("office", sa.Column("closes_at", sa.String(length=10), nullable=True))
    op.add_column("office", sa.Column("successor", sa.String(length=10), nullable=True))
    op.add_column("office", sa.Column("closed_mail", sa.String(length=8), nullable=True))
    op.add_column("office", sa.Column("serves", sa.JSON(), nullable=True))
    op.add_column("delivery", sa.Column("routing", sa.JSON(), nullable=True))
