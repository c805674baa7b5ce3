"""Letters know the call that brought them; webhooks, of which stop operators were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.add_column("message", sa.Column("request_id", sa.String(length=64), nullable=True))
    op.add_column("message", sa.Column("trace", sa.String(length=32), nullable=True))
    op.add_column("webhook", sa.Column("stop_told", Moment(), nullable=True))
