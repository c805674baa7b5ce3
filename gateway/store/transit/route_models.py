"""What is known of each route: whether it works, and when it was last given a letter."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, false
from sqlalchemy.orm import Mapped, mapped_column

from gateway.domain.transit.breaker import BreakerState
from gateway.store.base import Base
from gateway.store.types import Moment


class RouteState(Base):
    """The state of one office's route, shared by all workers; it goes by `gateway.domain.transit.breaker`.

    No foreign key: an office may leave the registry while its letters are still on their way.
    ``paused``: as the registry says, so that whoever looks for work need not ask there.
    ``rate_until``: up to when the places of its pace are taken. ``claimed_at``: when it last had its turn.
    """

    __tablename__ = "route_state"

    office: Mapped[str] = mapped_column(String(10), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default=BreakerState.CLOSED.value)
    failures: Mapped[int] = mapped_column(default=0)
    openings: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(Moment)
    opened_at: Mapped[datetime | None] = mapped_column(Moment)
    probe_until: Mapped[datetime | None] = mapped_column(Moment)
    last_success_at: Mapped[datetime | None] = mapped_column(Moment)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    rate_until: Mapped[datetime | None] = mapped_column(Moment)
    paused: Mapped[bool] = mapped_column(default=False, server_default=false())
