"""Tables of receipts: the content once, each sealed rendering once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class ReceiptRow(Base):
    """The content of one receipt (RFC 8785 octets, `contentDigest` included).

    ``outcome`` marks the one receipt that ends a delivery's transport; an index forbids a second.
    ``media_type`` is that of the rendering which was sealed together with the receipt.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        Index(
            "uq_receipt_outcome",
            "delivery",
            unique=True,
            sqlite_where=text("outcome"),
            postgresql_where=text("outcome"),
        ),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    receipt_id: Mapped[str] = mapped_column(String(36), unique=True)
    message: Mapped[int] = mapped_column(RowNumber, ForeignKey("message.id"), index=True)
    delivery: Mapped[str | None] = mapped_column(ForeignKey("delivery.id"))
    kind: Mapped[str] = mapped_column(String(16))
    event: Mapped[str] = mapped_column(String(80))
    event_time: Mapped[datetime] = mapped_column(Moment)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    content_digest: Mapped[str] = mapped_column(String(64), unique=True)
    predecessor: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[bool] = mapped_column(default=False)
    media_type: Mapped[str | None] = mapped_column(String(40))


class Rendering(Base):
    """One sealed rendering of a receipt; made once, handed out byte-identical for ever."""

    __tablename__ = "rendering"

    receipt: Mapped[int] = mapped_column(RowNumber, ForeignKey("receipt.id"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    level: Mapped[str] = mapped_column(String(1), primary_key=True, default="B")
    octets: Mapped[bytes] = mapped_column(LargeBinary)
