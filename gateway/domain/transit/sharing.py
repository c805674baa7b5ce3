"""How a worker's places are shared between routes and lanes, so that no administration waits for another."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.domain.transit.envelope import Lane

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Shares:
    """The rules of sharing.

    Attributes:
        places: how many deliveries a worker works on at once.
        route: largest share (0 to 1) of them for one route.
        unproven: largest share for all routes together that are not known to work: what hangs
            without an answer leaves the rest to the others.
        bulk: largest share for the bulk lane.
        patience: how long a bulk letter stands behind single ones; afterwards it is their equal.
        concurrency: most letters at once on one route, in all workers together, unless the route says.
        per_minute: most letters a minute on one route, unless the route says; 0: no limit.
    """

    places: int = 4
    route: float = 0.5
    unproven: float = 0.5
    bulk: float = 0.5
    patience: timedelta = timedelta(minutes=5)
    concurrency: int = 8
    per_minute: int = 0

    def room(self, share: float, places: int) -> int:
        """How many of ``places`` a share is: rounded up, never none."""
        return max(1, math.ceil(share * places))


@dataclass(frozen=True)
class Queue:
    """The due letters of one route in one lane.

    Attributes:
        oldest: when the first of them was due.
        served: when a letter of this route was last taken.
    """

    office: str
    lane: Lane
    oldest: datetime
    served: datetime | None


@dataclass(frozen=True)
class Work:
    """A letter that is being worked on.

    Attributes:
        mine: by the worker that asks.
        adapter: by a call to another system, not from the store.
        unproven: on a route that is not known to work.
        failing: on a route whose last attempt failed; others that are not proven were never tried.
    """

    office: str
    lane: Lane
    mine: bool
    adapter: bool = True
    unproven: bool = False
    failing: bool = False


def in_turn(queues: Iterable[Queue], now: datetime, shares: Shares) -> list[Queue]:
    """Who is served first: whoever waited longest for a turn, bulk letters with patience left behind."""

    def rank(queue: Queue) -> tuple[bool, datetime, datetime, str]:
        behind = queue.lane is Lane.BULK and now - queue.oldest < shares.patience
        return behind, queue.served or _NEVER, queue.oldest, queue.office

    return sorted(queues, key=rank)


def has_room(work: Iterable[Work], wanted: Work, shares: Shares, concurrency: int | None = None) -> bool:
    """Whether a letter may be taken beside what is being worked on.

    Args:
        wanted: the letter as it would be worked on.
        concurrency: the route's own limit.
    """
    every = list(work)
    mine = [one for one in every if one.mine]
    places = shares.places
    if wanted.lane is Lane.BULK and _count(mine, lane=Lane.BULK) >= shares.room(shares.bulk, places):
        return False
    if not wanted.adapter:
        return True
    limit = concurrency or shares.concurrency
    if _count(every, office=wanted.office) >= limit:
        return False
    if _count(mine, office=wanted.office) >= shares.room(shares.route, places):
        return False
    most = shares.room(shares.unproven, places)
    # those that failed leave a place to those that were never tried, which may well work
    if wanted.failing and _count(mine, failing=True) >= max(1, most - 1):
        return False
    return not wanted.unproven or _count(mine, unproven=True) < most


def _count(work: list[Work], **of: object) -> int:
    return sum(all(getattr(one, name) == value for name, value in of.items()) for one in work)
