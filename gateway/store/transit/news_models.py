"""Tables of what recipients' systems say later: when each is asked, the last polls, what was not believed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment, RowNumber


class NewsRoute(Base):
    """How asking one office's system for news goes.

    No foreign key: an office may leave the registry. ``due_at``: when it is asked next. ``asked_at``: when it
    last was. ``heard_at``: when it last answered. ``code``, ``said``: why it did not, while that lasts.
    """

    __tablename__ = "news_route"

    office: Mapped[str] = mapped_column(String(10), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Moment)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(Moment)
    asked_at: Mapped[datetime | None] = mapped_column(Moment)
    heard_at: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(16))
    said: Mapped[str | None] = mapped_column(String(500))


class NewsPoll(Base):
    """One of the last polls of an office's system, encrypted under a key of its own: answers quote letters.

    ``letters``: how many were to be asked of. ``heard``: pieces of news. ``code``, ``said``: why it failed.
    """

    __tablename__ = "news_poll"
    __table_args__ = (Index("ix_news_poll_office", "office", "failed"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    office: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(Moment)
    failed: Mapped[bool]
    code: Mapped[str | None] = mapped_column(String(16))
    said: Mapped[str | None] = mapped_column(String(500))
    letters: Mapped[int]
    heard: Mapped[int]
    object_id: Mapped[str] = mapped_column(String(32))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class NewsTrouble(Base):
    """News that was not believed, the latest of each letter; it goes when news of the letter is believed.

    ``delivery``: empty for news of letters that the office does not have: one row for all of them.
    """

    __tablename__ = "news_trouble"

    office: Mapped[str] = mapped_column(String(10), primary_key=True)
    delivery: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    code: Mapped[str] = mapped_column(String(16))
    said: Mapped[str] = mapped_column(String(500))
    times: Mapped[int] = mapped_column(default=1)
