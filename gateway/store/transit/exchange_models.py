"""The table of recorded exchanges: what one attempt sent and was answered, sealed like a letter's content."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class ExchangeRow(Base):
    """One attempt's calls, encrypted under a key of their own: they quote the letter and go with it."""

    __tablename__ = "exchange"
    __table_args__ = (
        Index("ix_exchange_delivery", "delivery"),
        Index("ix_exchange_office", "office", "failed"),
    )

    attempt: Mapped[int] = mapped_column(RowNumber, ForeignKey("attempt.id"), primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"))
    office: Mapped[str] = mapped_column(String(10))
    failed: Mapped[bool]
    at: Mapped[datetime] = mapped_column(Moment)
    object_id: Mapped[str] = mapped_column(String(32))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
