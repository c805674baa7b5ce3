"""The table of webhooks: whom a party lets be told its feed, what of it, and how far that went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, synonym

from gateway.store.base import Base
from gateway.store.transit.push_models import Pushed
from gateway.store.types import Moment


class WebhookRow(Pushed, Base):
    """One subscription, and how far its address was told.

    ``since``: when it was made. ``kinds``, ``offices``: what is told; empty for everything. ``stop_told``:
    since when it had failed when operators were last told that it was switched off.
    """

    __tablename__ = "webhook"
    __table_args__ = (UniqueConstraint("party", "url"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    party: Mapped[str] = mapped_column(String(10), ForeignKey("party.id"))
    url: Mapped[str] = mapped_column(String(1000))
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    offices: Mapped[list[str]] = mapped_column(JSON, default=list)
    test: Mapped[bool] = mapped_column(default=False)
    stop_told: Mapped[datetime | None] = mapped_column(Moment)
    key: Mapped[str] = synonym("id")
