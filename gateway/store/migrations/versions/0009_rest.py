"""Contents uploaded before their letters; the list of a party's letters; quotas; offices' certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ACCEPTED = sa.text("state = 'ACCEPTED'")


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    op.create_table(
        "upload",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=32), nullable=True),
        sa.Column("payload", sa.String(length=32), nullable=True),
        sa.Column("touched_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["payload"], ["payload.object_id"], name=op.f("fk_upload_payload_payload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("party", "sha256", name="uq_upload_party"),
    )
    op.create_index(op.f("ix_upload_touched_at"), "upload", ["touched_at"], unique=False)
    op.create_table(
        "upload_piece",
        sa.Column("upload", RowNumber, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payload", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["upload"], ["upload.id"], name=op.f("fk_upload_piece_upload_upload")),
        sa.ForeignKeyConstraint(
            ["payload"], ["payload.object_id"], name=op.f("fk_upload_piece_payload_payload")
        ),
        sa.PrimaryKeyConstraint("upload", "position", name=op.f("pk_upload_piece")),
    )
    op.create_index(
        "ix_message_of_party",
        "message",
        ["party", "received_at", "id"],
        unique=False,
        sqlite_where=_ACCEPTED,
        postgresql_where=_ACCEPTED,
    )
    op.add_column("party", sa.Column("letters_per_hour", sa.Integer(), nullable=True))
    op.add_column("office", sa.Column("encryption_certificate", sa.LargeBinary(), nullable=True))
