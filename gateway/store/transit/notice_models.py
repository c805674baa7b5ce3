"""Tables of telling people: the outbox of notifications, and which deliveries each one tells of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.domain.transit.notification import Telling
from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class MessageRow(Base):
    """One message to one person; nothing of a letter is in it.

    ``key`` is unique: it stands for one person, one office and one span of time, and becomes the identifier
    of the message, so that a second copy shows as one.
    """

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    template: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(16))
    office: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(35))
    state: Mapped[str] = mapped_column(String(8), default=Telling.WAITING.value)
    first_due: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(16))


class NotificationRow(MessageRow):
    """A message to a reader, committed together with what it tells."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_due", "state", "due_at"),)


class OperatorNoticeRow(MessageRow):
    """A message to an operator: a table of its own, since earlier versions send whatever lies in the other
    one and know none of these (decision 0021)."""

    __tablename__ = "operator_notice"
    __table_args__ = (Index("ix_operator_notice_due", "state", "due_at"),)


class HeldTold(Base):
    """Of which hold of a delivery the operators were told, and of which deadline.

    ``event`` is the move to HELD: a delivery that is held again is told again, and so is another deadline.
    """

    __tablename__ = "held_told"

    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"), primary_key=True)
    event: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime | None] = mapped_column(Moment)


class NotifiedDelivery(Base):
    """A delivery that a notification tells of; ``attested`` once the receipt it owes is made, or none is."""

    __tablename__ = "notified_delivery"
    __table_args__ = (
        Index("ix_notified_delivery_delivery", "delivery"),
        Index("ix_notified_delivery_attested", "attested", "notification"),
    )

    notification: Mapped[int] = mapped_column(ForeignKey("notification.id"), primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"), primary_key=True)
    attested: Mapped[bool] = mapped_column(default=False)


class WorkerFull(Base):
    """A worker process that was full and began anew; ``left``: what kinds from outside left, in words."""

    __tablename__ = "worker_full"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    owner: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    mib: Mapped[int]
    left: Mapped[str] = mapped_column(String(500))


class WorkerSeen(Base):
    """A worker process and when it last gave a sign of life."""

    __tablename__ = "worker_seen"

    owner: Mapped[str] = mapped_column(String(120), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment, index=True)
