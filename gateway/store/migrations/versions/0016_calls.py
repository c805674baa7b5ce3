"""Letters know the call that brought them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("message", sa.Column("request_id", sa.String(length=64), nullable=True))
    op.add_column("message", sa.Column("trace", sa.String(length=32), nullable=True))
