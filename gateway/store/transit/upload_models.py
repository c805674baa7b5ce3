"""Tables of contents that a party uploads before the letters that list them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class UploadRow(Base):
    """One content of one party, named by its digest; complete once it has its ``payload``.

    ``received`` octets lie in pieces until then. ``head`` is the last piece's object: whoever began behind
    another piece lost a race and adds nothing.
    """

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("party", "sha256", name="uq_upload_party"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    party: Mapped[str] = mapped_column(String(10))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    head: Mapped[str | None] = mapped_column(String(32))
    payload: Mapped[str | None] = mapped_column(ForeignKey("payload.object_id"))
    touched_at: Mapped[datetime] = mapped_column(Moment, index=True)


class UploadPiece(Base):
    """Consecutive octets of a content that is not complete yet."""

    __tablename__ = "upload_piece"

    upload: Mapped[int] = mapped_column(RowNumber, ForeignKey("upload.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    payload: Mapped[str] = mapped_column(ForeignKey("payload.object_id"))
