"""The first tables: registry, messages, deliveries, receipts, tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.types import Moment, RowNumber

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this form; there is no way back but a restore."""
    _parties()
    _offices()
    _messages()
    _deliveries()
    _receipts()


def _parties() -> None:
    op.create_table(
        "party",
        sa.Column("id", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("may_represent", sa.Boolean(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
    )
    op.create_table(
        "registry_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_change")),
    )
    op.create_table(
        "seen_assertion",
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("jti", sa.String(length=255), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("party", "jti", name=op.f("pk_seen_assertion")),
    )
    op.create_index(op.f("ix_seen_assertion_expires_at"), "seen_assertion", ["expires_at"], unique=False)
    op.create_table(
        "access_token",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name=op.f("fk_access_token_party_party")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_expires_at"), "access_token", ["expires_at"], unique=False)


def _offices() -> None:
    op.create_table(
        "certificate",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("issuer_digest", sa.String(length=64), nullable=False),
        sa.Column("subject_digest", sa.String(length=64), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("not_after", Moment(), nullable=False),
        sa.Column("registered_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name=op.f("fk_certificate_party_party")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_certificate")),
    )
    op.create_index("ix_certificate_name", "certificate", ["issuer_digest", "subject_digest"], unique=False)
    op.create_index(op.f("ix_certificate_party"), "certificate", ["party"], unique=False)
    op.create_table(
        "office",
        sa.Column("id", sa.String(length=10), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("default", sa.Boolean(), nullable=False),
        sa.Column("route", sa.JSON(), nullable=False),
        sa.Column("document_types", sa.JSON(), nullable=False),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name=op.f("fk_office_party_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office")),
    )
    op.create_index(op.f("ix_office_party"), "office", ["party"], unique=False)


def _messages() -> None:
    op.create_table(
        "payload",
        sa.Column("object_id", sa.String(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("inline", sa.LargeBinary(), nullable=True),
        sa.Column("owners", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_payload")),
    )
    op.create_table(
        "message",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=13), nullable=True),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("root_digest", sa.String(length=64), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("refusal_digest", sa.String(length=64), nullable=True),
        sa.Column("media_type", sa.String(length=127), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("envelope", sa.String(length=32), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("not_before", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("subject", sa.String(length=240), nullable=False),
        sa.ForeignKeyConstraint(
            ["envelope"], ["payload.object_id"], name=op.f("fk_message_envelope_payload")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("reference", name=op.f("uq_message_reference")),
    )
    op.create_index("ix_message_refused", "message", ["party", "state", "received_at"], unique=False)
    op.create_index("ix_message_root_digest", "message", ["root_digest"], unique=False)
    op.create_index(
        "uq_message_accepted",
        "message",
        ["party", "message_id"],
        unique=True,
        sqlite_where=sa.text("state = 'ACCEPTED'"),
        postgresql_where=sa.text("state = 'ACCEPTED'"),
    )
    op.create_table(
        "attachment",
        sa.Column("message", RowNumber, nullable=False),
        sa.Column("attachment_id", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_attachment_message_message")),
        sa.ForeignKeyConstraint(
            ["payload"], ["payload.object_id"], name=op.f("fk_attachment_payload_payload")
        ),
        sa.PrimaryKeyConstraint("message", "attachment_id", name=op.f("pk_attachment")),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message", RowNumber, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("office_name", sa.String(length=500), nullable=False),
        sa.Column("unit", sa.String(length=240), nullable=True),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("processing", sa.String(length=16), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("accepted_at", Moment(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("sending_since", Moment(), nullable=True),
        sa.Column("doubt", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("held_code", sa.String(length=16), nullable=True),
        sa.Column("held_until", Moment(), nullable=True),
        sa.Column("target_reference", sa.String(length=500), nullable=True),
        sa.Column("register_number", sa.String(length=120), nullable=True),
        sa.Column("chain_digest", sa.String(length=64), nullable=False),
        sa.Column("chain_time", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_delivery_message_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_due", "delivery", ["state", "due_at"], unique=False)
    op.create_index("ix_delivery_lease", "delivery", ["state", "lease_until"], unique=False)
    op.create_index(op.f("ix_delivery_message"), "delivery", ["message"], unique=False)
    op.create_index("ix_delivery_office", "delivery", ["office", "state"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_attempt_delivery_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_delivery"), "attempt", ["delivery"], unique=False)
    op.create_table(
        "delivery_event",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=False),
        sa.Column("track", sa.String(length=12), nullable=False),
        sa.Column("was", sa.String(length=16), nullable=False),
        sa.Column("now", sa.String(length=16), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("why", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery"], ["delivery.id"], name=op.f("fk_delivery_event_delivery_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_event")),
    )
    op.create_index(op.f("ix_delivery_event_delivery"), "delivery_event", ["delivery"], unique=False)


def _receipts() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("receipt_id", sa.String(length=36), nullable=False),
        sa.Column("message", RowNumber, nullable=False),
        sa.Column("delivery", sa.String(length=36), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("event_time", Moment(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("predecessor", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_receipt_delivery_delivery")),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_receipt_message_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("content_digest", name=op.f("uq_receipt_content_digest")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_receipt_receipt_id")),
    )
    op.create_index(op.f("ix_receipt_message"), "receipt", ["message"], unique=False)
    op.create_index(
        "uq_receipt_outcome",
        "receipt",
        ["delivery"],
        unique=True,
        sqlite_where=sa.text("outcome"),
        postgresql_where=sa.text("outcome"),
    )
    op.create_table(
        "rendering",
        sa.Column("receipt", RowNumber, nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=1), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_rendering_receipt_receipt")),
        sa.PrimaryKeyConstraint("receipt", "media_type", "level", name=op.f("pk_rendering")),
    )
