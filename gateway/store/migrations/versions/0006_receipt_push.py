"""Receipts to senders' own systems: where a party's receipts go, how far it was told, what it refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    # nullable: a hub of the version before still adds parties while this one starts
    op.add_column("party", sa.Column("receipts", sa.JSON(), nullable=True))
    op.create_table(
        "receipt_push",
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("position", RowNumber, nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment(), nullable=True),
        sa.Column("refused_in_row", sa.Integer(), nullable=False),
        sa.Column("last_success_at", Moment(), nullable=True),
        sa.Column("waiting_since", Moment(), nullable=True),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("said", sa.String(length=500), nullable=True),
        sa.Column("told", RowNumber, nullable=False),
        sa.Column("refused", RowNumber, nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("served_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name=op.f("fk_receipt_push_party_party")),
        sa.PrimaryKeyConstraint("party", name=op.f("pk_receipt_push")),
    )
    op.create_table(
        "receipt_push_refusal",
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("receipt", RowNumber, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("said", sa.String(length=500), nullable=True),
        sa.Column("passed_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["party"], ["receipt_push.party"], name=op.f("fk_receipt_push_refusal_party_receipt_push")
        ),
        sa.ForeignKeyConstraint(
            ["receipt"], ["receipt.id"], name=op.f("fk_receipt_push_refusal_receipt_receipt")
        ),
        sa.PrimaryKeyConstraint("party", "receipt", name=op.f("pk_receipt_push_refusal")),
    )
