"""A party that has sent its letters of this hour waits for the next one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault, TooMany
from gateway.domain.registry.parties import Party
from gateway.domain.transit.quota import Allowance, allowance, hour_of
from gateway.store.transit import letter_queries as queries

USED_UP = "WASL-REQ-022"
_LOOK_EVERY = timedelta(seconds=5)
_REMEMBERED = 10_000


@dataclass
class _Counted:
    """How many letters of an hour are known, and when the store was asked last."""

    hour: datetime
    looked_at: datetime
    letters: int


@dataclass
class Quotas:
    """Counts accepted letters by party.

    The store is asked once in five seconds and what this process takes meanwhile is counted on: the quota
    is exceeded by what the other processes take in that time, at most.

    Attributes:
        usual: letters an hour of a party to which the registry gives no other number; 0: no limit.
    """

    usual: int
    _counted: OrderedDict[str, _Counted] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, session: Session, party: Party, now: datetime) -> Allowance | None:
        """Count one letter; what is left afterwards, or None without a limit.

        Raises:
            TooMany: nothing was left.
        """
        limit = self.usual if party.letters_per_hour is None else party.letters_per_hour
        if not limit:
            return None
        with self._lock:
            counted = self._counted.get(party.id)
        if counted is None or _is_stale(counted, now):
            letters = queries.accepted_since(session, party.id, hour_of(now), limit)
            counted = _Counted(hour_of(now), now, letters)
        with self._lock:
            self._remember(party.id, counted)
            if counted.letters >= limit:
                left = allowance(limit, counted.letters, now)
                fault = Fault(USED_UP, expected=str(limit))
                raise TooMany(fault, retry_after=left.seconds, allowance=left)
            counted.letters += 1
            return allowance(limit, counted.letters, now)

    def _remember(self, party: str, counted: _Counted) -> None:
        self._counted[party] = counted
        self._counted.move_to_end(party)
        if len(self._counted) > _REMEMBERED:
            self._counted.popitem(last=False)


def _is_stale(counted: _Counted, now: datetime) -> bool:
    return counted.hour != hour_of(now) or not timedelta() <= now - counted.looked_at < _LOOK_EVERY
