"""Tables of the journey: messages, their contents, deliveries, attempts and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.domain.transit.states import MessageState, Processing, Transport
from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber

WAITING = text("(state IN ('QUEUED', 'WAITING')) IS TRUE")
"""What the index of waiting deliveries holds; a query must say it in the same words to be served by it.

IS TRUE keeps SQLite from taking an index by state instead, by which it would read every waiting row.
"""

ENDING = text("(state IN ('QUEUED', 'WAITING')) IS TRUE AND expires_at IS NOT NULL")
OF_OLDER_VERSIONS = text("(state IN ('QUEUED', 'WAITING')) IS TRUE AND own_end IS FALSE")
"""What the indexes of waiting deliveries with an end of their own, and of those without, hold; likewise."""

NEWS_OPEN = text("(state = 'HANDED_OVER' AND processing <> 'CLOSED') IS TRUE")
"""What the index of letters holds whose recipients may have news of them; likewise."""

NAMED = text("target_reference IS NOT NULL")
"""What the index of recipients' own names for letters holds."""

RESTING = text("(state IN ('HELD', 'AVAILABLE')) IS TRUE")
"""What the index of deadlines holds; likewise."""


class Payload(Base):
    """One encrypted object; deleting its key destroys the content.

    It lies in the payload store under its id, or, when it is short, here as ``inline``.
    """

    __tablename__ = "payload"

    object_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    inline: Mapped[bytes | None] = mapped_column(LargeBinary)
    owners: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Message(Base):
    """One submission of a known signer, accepted or refused.

    An accepted message id is unique per signing party; a refused one may be used again. ``request_id``,
    ``trace``: of the call that brought it.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "uq_message_accepted",
            "party",
            "message_id",
            unique=True,
            sqlite_where=text("state = 'ACCEPTED'"),
            postgresql_where=text("state = 'ACCEPTED'"),
        ),
        Index("ix_message_root_digest", "root_digest"),
        Index("ix_message_refused", "party", "state", "received_at"),
        Index(
            "ix_message_of_party",
            "party",
            "received_at",
            "id",
            sqlite_where=text("state = 'ACCEPTED'"),
            postgresql_where=text("state = 'ACCEPTED'"),
        ),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    reference: Mapped[str | None] = mapped_column(String(13), unique=True)
    party: Mapped[str] = mapped_column(String(10))
    message_id: Mapped[str | None] = mapped_column(String(36))
    root_digest: Mapped[str] = mapped_column(String(64))
    content_digest: Mapped[str] = mapped_column(String(64))
    refusal_digest: Mapped[str | None] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(127))
    received_at: Mapped[datetime] = mapped_column(Moment)
    envelope: Mapped[str | None] = mapped_column(ForeignKey("payload.object_id"))
    test: Mapped[bool] = mapped_column(default=False)
    lane: Mapped[str] = mapped_column(String(8), default="single")
    not_before: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    subject: Mapped[str] = mapped_column(String(240), default="")
    document_type: Mapped[str | None] = mapped_column(String(128))
    procedure: Mapped[str | None] = mapped_column(String(128))
    purged_at: Mapped[datetime | None] = mapped_column(Moment)
    request_id: Mapped[str | None] = mapped_column(String(64))
    trace: Mapped[str | None] = mapped_column(String(32))

    @property
    def accepted(self) -> bool:
        return self.state == MessageState.ACCEPTED.value

    @property
    def called(self) -> dict[str, str]:
        """The names of the call that brought it, as lines of the log have them."""
        trace = None if self.trace == self.request_id else self.trace
        return {name: one for name, one in (("request", self.request_id), ("trace", trace)) if one}


class AttachmentRow(Base):
    """Where the content of one attachment of an accepted message lies."""

    __tablename__ = "attachment"

    message: Mapped[int] = mapped_column(RowNumber, ForeignKey("message.id"), primary_key=True)
    attachment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    payload: Mapped[str] = mapped_column(ForeignKey("payload.object_id"))


class DeliveryRow(Base):
    """One recipient's delivery; `state` and `processing` move only through the domain's tables.

    ``expires_at``: the end that the sender gave, or that a resend was given, where ``own_end`` says so;
    rows of older versions have it in their letter only. ``routing``: why it goes to this office, where rules
    or a closure decided that; read when somebody asks. ``news_due_at``: when the recipient's system is
    asked for news of it, None before the first time.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_due", "state", "due_at"),
        Index("ix_delivery_lease", "state", "lease_until"),
        Index("ix_delivery_office", "office", "state"),
        Index(
            "ix_delivery_inbox",
            "office",
            "id",
            sqlite_where=text("state = 'AVAILABLE'"),
            postgresql_where=text("state = 'AVAILABLE'"),
        ),
        Index(
            "ix_delivery_waiting", "office", "lane", "due_at", sqlite_where=WAITING, postgresql_where=WAITING
        ),
        Index("ix_delivery_ending", "expires_at", sqlite_where=ENDING, postgresql_where=ENDING),
        Index(
            "ix_delivery_old_end",
            "state",
            "message",
            "id",
            sqlite_where=OF_OLDER_VERSIONS,
            postgresql_where=OF_OLDER_VERSIONS,
        ),
        Index("ix_delivery_deadline", "held_until", sqlite_where=RESTING, postgresql_where=RESTING),
        Index(
            "ix_delivery_news",
            "office",
            "news_due_at",
            "accepted_at",
            sqlite_where=NEWS_OPEN,
            postgresql_where=NEWS_OPEN,
        ),
        Index("ix_delivery_target", "office", "target_reference", sqlite_where=NAMED, postgresql_where=NAMED),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    message: Mapped[int] = mapped_column(RowNumber, ForeignKey("message.id"), index=True)
    ordinal: Mapped[int]
    office: Mapped[str] = mapped_column(String(10))
    party: Mapped[str] = mapped_column(String(10))
    office_name: Mapped[str] = mapped_column(String(500))
    unit: Mapped[str | None] = mapped_column(String(240))
    notices: Mapped[list[str]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(String(12), default=Transport.QUEUED.value)
    processing: Mapped[str] = mapped_column(String(16), default=Processing.NONE.value)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    own_end: Mapped[bool] = mapped_column(default=False, server_default=false())
    accepted_at: Mapped[datetime] = mapped_column(Moment)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    sending_since: Mapped[datetime | None] = mapped_column(Moment)
    doubt: Mapped[bool] = mapped_column(default=False)
    lane: Mapped[str] = mapped_column(String(8), default="single", server_default="single")
    lost_leases: Mapped[int] = mapped_column(default=0, server_default="0")
    failures: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    held_code: Mapped[str | None] = mapped_column(String(16))
    held_until: Mapped[datetime | None] = mapped_column(Moment)
    lock_owner: Mapped[str | None] = mapped_column(String(120))
    lock_until: Mapped[datetime | None] = mapped_column(Moment)
    target_reference: Mapped[str | None] = mapped_column(String(500))
    register_number: Mapped[str | None] = mapped_column(String(120))
    news_due_at: Mapped[datetime | None] = mapped_column(Moment)
    news_asks: Mapped[int] = mapped_column(default=0, server_default="0")
    clock: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    routing: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    chain_digest: Mapped[str] = mapped_column(String(64))
    chain_time: Mapped[datetime] = mapped_column(Moment)


class DeliveryEvent(Base):
    """One move of one track: appended, never changed."""

    __tablename__ = "delivery_event"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"), index=True)
    track: Mapped[str] = mapped_column(String(12))
    was: Mapped[str] = mapped_column(String(16))
    now: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(Moment)
    by: Mapped[str] = mapped_column(String(120))
    why: Mapped[str | None] = mapped_column(String(120))


class Attempt(Base):
    """One try to hand a letter over, with what the other side said."""

    __tablename__ = "attempt"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text, default="")


class DecisionRow(Base):
    """What an operator decided about a delivery, in the operator's own words: kept here, told to nobody."""

    __tablename__ = "delivery_decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("delivery.id"), index=True)
    verb: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(Moment)
    by: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
