"""Tables of retention: what was purged, what must not be, and what the nightly check found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class PurgeRow(Base):
    """The record of one letter's purge (RFC 8785 octets) and its digest, which is in the ledger."""

    __tablename__ = "purge"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    message: Mapped[int] = mapped_column(RowNumber, ForeignKey("message.id"), unique=True)
    at: Mapped[datetime] = mapped_column(Moment)
    record: Mapped[bytes] = mapped_column(LargeBinary)
    record_digest: Mapped[str] = mapped_column(String(64), unique=True)


class LegalHold(Base):
    """Somebody's order that a letter's content be kept; in force until it is released."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        Index(
            "uq_legal_hold_in_force",
            "message",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    message: Mapped[int] = mapped_column(RowNumber, ForeignKey("message.id"))
    placed_at: Mapped[datetime] = mapped_column(Moment)
    placed_by: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    released_at: Mapped[datetime | None] = mapped_column(Moment)
    released_by: Mapped[str | None] = mapped_column(String(120))
    released_why: Mapped[str | None] = mapped_column(Text)


class SelfCheckRow(Base):
    """One run of the self-check; ``findings`` is empty when everything held."""

    __tablename__ = "self_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime] = mapped_column(Moment)
    entries: Mapped[int]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
