"""Tables of telling senders: how far each party's own system was told, and which receipts it refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, synonym

from gateway.domain.transit.pushing import Pushing
from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class Pushed:
    """How far somebody was told of a party's feed; it goes by `gateway.domain.transit.pushing`.

    ``since``: receipts older than this are in the feed alone. ``position``: the number of the last receipt
    that was told or passed over; None before the first look. ``waiting_since``: the event time of the
    receipt that could not be told. ``served_at``: when somebody last had a turn.
    """

    since: Mapped[datetime] = mapped_column(Moment)
    position: Mapped[int | None] = mapped_column(RowNumber)
    state: Mapped[str] = mapped_column(String(8), default=Pushing.GOING.value)
    due_at: Mapped[datetime] = mapped_column(Moment)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(Moment)
    refused_in_row: Mapped[int] = mapped_column(default=0)
    last_success_at: Mapped[datetime | None] = mapped_column(Moment)
    waiting_since: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(16))
    said: Mapped[str | None] = mapped_column(String(500))
    told: Mapped[int] = mapped_column(RowNumber, default=0)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    served_at: Mapped[datetime | None] = mapped_column(Moment)


class PushRow(Pushed, Base):
    """How far one party's system was told.

    It stays when the party declares no system any more: who declares one again is told what lies between.

    ``since``: when the system was first declared.
    """

    __tablename__ = "receipt_push"

    party: Mapped[str] = mapped_column(String(10), ForeignKey("party.id"), primary_key=True)
    refused: Mapped[int] = mapped_column(RowNumber, default=0)
    key: Mapped[str] = synonym("party")


class PushRefusal(Base):
    """A receipt that a party's system will never take, or that a person passed over; the feed has it."""

    __tablename__ = "receipt_push_refusal"

    party: Mapped[str] = mapped_column(String(10), ForeignKey("receipt_push.party"), primary_key=True)
    receipt: Mapped[int] = mapped_column(RowNumber, ForeignKey("receipt.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(16))
    said: Mapped[str | None] = mapped_column(String(500))
    passed_by: Mapped[str | None] = mapped_column(String(120))
