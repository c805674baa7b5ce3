"""Tables of the versions of offices' routes, and of every step that somebody made with one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment


class RouteVersion(Base):
    """One version of how an office receives; its content never changes.

    ``base``: the version that was active when it was written. ``before``: that which was active when it
    last became active itself, to which a roll-back leads.
    """

    __tablename__ = "route_version"

    office: Mapped[str] = mapped_column(ForeignKey("office.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    author: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment)
    base: Mapped[int | None]
    before: Mapped[int | None]


class RouteVersionEvent(Base):
    """One step with a version: appended, never changed.

    ``report``: what a test found; nothing of a letter's text is in it.
    """

    __tablename__ = "route_version_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["office", "number"],
            ["route_version.office", "route_version.number"],
            name="fk_route_version_event_version",
        ),
        Index("ix_route_version_event_version", "office", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    office: Mapped[str] = mapped_column(String(10))
    number: Mapped[int]
    was: Mapped[str] = mapped_column(String(10))
    now: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(Moment)
    by: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
