"""The ledger, its checkpoints and their tokens; retention; what letters say of type and procedure."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    _checkpoints()
    _retention()
    _entries()
    _columns()
    _enter_earlier_receipts()


def _checkpoints() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("origin", name=op.f("uq_ledger_origin")),
    )
    op.create_index("uq_ledger_generation", "ledger", ["test", "generation"], unique=True)
    op.create_table(
        "ledger_checkpoint",
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["ledger"], ["ledger.id"], name=op.f("fk_ledger_checkpoint_ledger_ledger")),
        sa.PrimaryKeyConstraint("ledger", "size", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_token",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stated_at", Moment(), nullable=False),
        sa.Column("authority", sa.String(length=500), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger", "size"],
            ["ledger_checkpoint.ledger", "ledger_checkpoint.size"],
            name=op.f("fk_ledger_token_ledger_size_ledger_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_token")),
    )
    op.create_index("ix_ledger_token_checkpoint", "ledger_token", ["ledger", "size"], unique=False)
    op.create_table(
        "ledger_cosignature",
        sa.Column("ledger", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=255), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger", "size"],
            ["ledger_checkpoint.ledger", "ledger_checkpoint.size"],
            name=op.f("fk_ledger_cosignature_ledger_size_ledger_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("ledger", "size", "witness", name=op.f("pk_ledger_cosignature")),
    )


def _retention() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("message", RowNumber, nullable=False),
        sa.Column("placed_at", Moment(), nullable=False),
        sa.Column("placed_by", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("released_at", Moment(), nullable=True),
        sa.Column("released_by", sa.String(length=120), nullable=True),
        sa.Column("released_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_legal_hold_message_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index(
        "uq_legal_hold_in_force",
        "legal_hold",
        ["message"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "purge",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("message", RowNumber, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("record_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_purge_message_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purge")),
        sa.UniqueConstraint("message", name=op.f("uq_purge_message")),
        sa.UniqueConstraint("record_digest", name=op.f("uq_purge_record_digest")),
    )
    op.create_table(
        "self_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_check")),
    )


def _entries() -> None:
    op.create_table(
        "ledger_leaf",
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", RowNumber, nullable=True),
        sa.Column("purge", RowNumber, nullable=True),
        sa.ForeignKeyConstraint(["ledger"], ["ledger.id"], name=op.f("fk_ledger_leaf_ledger_ledger")),
        sa.ForeignKeyConstraint(["purge"], ["purge.id"], name=op.f("fk_ledger_leaf_purge_purge")),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_ledger_leaf_receipt_receipt")),
        sa.PrimaryKeyConstraint("ledger", "position", name=op.f("pk_ledger_leaf")),
        sa.UniqueConstraint("purge", name=op.f("uq_ledger_leaf_purge")),
        sa.UniqueConstraint("receipt", name=op.f("uq_ledger_leaf_receipt")),
    )
    op.create_table(
        "ledger_tile",
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["ledger"], ["ledger.id"], name=op.f("fk_ledger_tile_ledger_ledger")),
        sa.PrimaryKeyConstraint("ledger", "level", "number", name=op.f("pk_ledger_tile")),
    )
    op.create_table(
        "ledger_pending",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", RowNumber, nullable=True),
        sa.Column("purge", RowNumber, nullable=True),
        sa.Column("since", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["purge"], ["purge.id"], name=op.f("fk_ledger_pending_purge_purge")),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_ledger_pending_receipt_receipt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_pending")),
    )


def _columns() -> None:
    op.add_column("delivery", sa.Column("clock", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("message", sa.Column("document_type", sa.String(length=128), nullable=True))
    op.add_column("message", sa.Column("procedure", sa.String(length=128), nullable=True))
    op.add_column("message", sa.Column("purged_at", Moment(), nullable=True))
    op.add_column("receipt", sa.Column("media_type", sa.String(length=40), nullable=True))


def _enter_earlier_receipts() -> None:
    """Receipts that were made before there was a ledger wait for their place like new ones."""
    connection = op.get_bind()
    receipt = sa.table("receipt", sa.column("id"), sa.column("content"), sa.column("event_time", Moment()))
    pending = sa.table(
        "ledger_pending",
        sa.column("test"),
        sa.column("octets"),
        sa.column("receipt"),
        sa.column("since", Moment()),
    )
    for row in connection.execute(sa.select(receipt).order_by(receipt.c.id)):
        content = json.loads(row.content)
        values = {
            "test": bool(content.get("test")),
            "octets": _entry(content),
            "receipt": row.id,
            "since": row.event_time,
        }
        connection.execute(sa.insert(pending).values(values))


def _entry(content: dict[str, object]) -> bytes:
    # As gateway.domain.evidence.ledger.receipt_entry does today; a migration keeps its own copy.
    members = {"type": "receipt", "contentDigest": content["contentDigest"]}
    recipient = content.get("recipient")
    named = {
        "letter": content.get("reference"),
        "delivery": recipient.get("delivery") if isinstance(recipient, dict) else None,
    }
    nonce = bytes.fromhex(str(content["nonce"]))
    for name, identifier in named.items():
        if identifier is not None:
            members[name] = hmac.new(nonce, str(identifier).encode(), sha256).hexdigest()
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
