"""Tables of the ledger: entries in their order, tiles of hashes, checkpoints and who vouches for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.evidence.models import ReceiptRow
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.types import Moment, RowNumber


class LedgerRow(Base):
    """One ledger: of real receipts or of tests. A later generation continues one that was lost."""

    __tablename__ = "ledger"
    __table_args__ = (Index("uq_ledger_generation", "test", "generation", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    test: Mapped[bool]
    generation: Mapped[int]
    origin: Mapped[str] = mapped_column(String(255), unique=True)
    started_at: Mapped[datetime] = mapped_column(Moment)


class PendingEntry(Base):
    """An entry that was committed with what it attests and has no place in a ledger yet."""

    __tablename__ = "ledger_pending"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    test: Mapped[bool]
    octets: Mapped[bytes] = mapped_column(LargeBinary)
    receipt: Mapped[int | None] = mapped_column(RowNumber, ForeignKey(ReceiptRow.id))
    purge: Mapped[int | None] = mapped_column(RowNumber, ForeignKey(PurgeRow.id))
    since: Mapped[datetime] = mapped_column(Moment)


class LeafRow(Base):
    """An entry at its place; appended, never changed. ``hash`` is that of RFC 6962, 32 octets."""

    __tablename__ = "ledger_leaf"

    ledger: Mapped[int] = mapped_column(ForeignKey("ledger.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    octets: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    receipt: Mapped[int | None] = mapped_column(RowNumber, ForeignKey(ReceiptRow.id), unique=True)
    purge: Mapped[int | None] = mapped_column(RowNumber, ForeignKey(PurgeRow.id), unique=True)


class TileRow(Base):
    """Up to 256 hashes of one level, 32 octets each (C2SP tlog-tiles); the last of a level grows."""

    __tablename__ = "ledger_tile"

    ledger: Mapped[int] = mapped_column(ForeignKey("ledger.id"), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointRow(Base):
    """The one root at a size. ``note`` is signed after size and root are committed."""

    __tablename__ = "ledger_checkpoint"

    ledger: Mapped[int] = mapped_column(ForeignKey("ledger.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(Moment)
    note: Mapped[bytes | None] = mapped_column(LargeBinary)


class TokenRow(Base):
    """A time-stamp over a checkpoint's signed note: an RFC 3161 response, its first one or a later one."""

    __tablename__ = "ledger_token"
    __table_args__ = (
        ForeignKeyConstraint(["ledger", "size"], ["ledger_checkpoint.ledger", "ledger_checkpoint.size"]),
        Index("ix_ledger_token_checkpoint", "ledger", "size"),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    ledger: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    stated_at: Mapped[datetime] = mapped_column(Moment)
    authority: Mapped[str] = mapped_column(String(500))
    octets: Mapped[bytes] = mapped_column(LargeBinary)


class CosignatureRow(Base):
    """A witness's word that a checkpoint continues what it saw before."""

    __tablename__ = "ledger_cosignature"
    __table_args__ = (
        ForeignKeyConstraint(["ledger", "size"], ["ledger_checkpoint.ledger", "ledger_checkpoint.size"]),
    )

    ledger: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    line: Mapped[bytes] = mapped_column(LargeBinary)
    seen_at: Mapped[datetime] = mapped_column(Moment)
