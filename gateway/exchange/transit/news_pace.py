"""Asking for news takes places in its route's pace, in turn with letters: neither holds up the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import overload

from sqlalchemy.orm import Session

from adapters.contract import Handed
from gateway.domain.errors import Temporary
from gateway.domain.registry.parties import Route
from gateway.domain.transit.pace import at_once, free_at, interval, moved, place_in_time
from gateway.store.transit import claim_queries, route_queries

_FURTHEST = timedelta(minutes=2)
_OVER = "WASL-DLV-002"


@dataclass(frozen=True)
class Places:
    """What a turn has of its route's pace.

    Attributes:
        calls: how many may be made now; 0: none yet.
    """

    calls: int
    per_minute: int


@dataclass
class Paces:
    """Places of those who ask, in the same count as the places of letters.

    Where letters wait too, those who ask take places once for each time that letters took some. What is not
    free is booked, so that letters that wait without end leave it. Kept by the one worker that asks; whoever
    follows it gives away a place at most.

    Attributes:
        per_minute: letters and questions a minute on one route, unless the route says; 0: no limit.
    """

    per_minute: int
    _left: dict[str, datetime] = field(default_factory=dict)
    _booked: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    def take(self, session: Session, office: str, route: Route, wanted: int, now: datetime) -> Places | None:
        """Take places for a turn, in the open transaction; None: the route has no pace.

        Args:
            wanted: letters that are to be asked about.
        """
        per_minute = self.per_minute if route.per_minute is None else route.per_minute
        if not per_minute:
            return None
        due, count = self._booked.get(office, (now, 0))
        if now < due <= now + _FURTHEST:
            return Places(0, per_minute)
        self._booked.pop(office, None)
        return Places(count or self._found(session, office, per_minute, wanted, now), per_minute)

    def _found(self, session: Session, office: str, per_minute: int, wanted: int, now: datetime) -> int:
        state = route_queries.locked(session, office)
        if state is None:
            return 0
        until, waits = state.rate_until, claim_queries.waits(session, office, now)
        free = free_at(until, per_minute, now)
        ours = until is not None and until == self._left.get(office)
        if waits and ours and now < free + interval(per_minute):
            return 0  # it is the letters' turn, unless they leave it
        share = max(1, at_once(per_minute) // 2) if waits else wanted
        taken = 0
        while taken < share and (place := place_in_time(until, per_minute, now)) is not None:
            until, taken = place, taken + 1
        if not taken:
            if free > now + _FURTHEST:
                return 0  # of a clock that was ahead
            booked = max(1, at_once(per_minute) // 2)
            until = moved(until, per_minute, booked, now)
            self._booked[office] = free_at(until, per_minute, now) - interval(per_minute), booked
        state.rate_until = until
        if until is not None:
            self._left[office] = until
        return taken

    def settle(self, session: Session, office: str, pace: Pace, now: datetime) -> None:
        """Count the calls that a turn made beyond its places, or give back those that it did not use."""
        if pace.places is None or pace.calls == pace.places.calls:
            return
        state, more = route_queries.locked(session, office), pace.calls - pace.places.calls
        if state is not None and state.rate_until is not None:
            state.rate_until = self._left[office] = moved(state.rate_until, pace.places.per_minute, more, now)


class Pace:
    """What one turn may ask: it begins no letter without a place, and none when its time is over.

    A letter that was begun may need more calls, such as one for a token; those are counted afterwards.
    """

    def __init__(self, letters: Sequence[Handed], places: Places | None, is_over: Callable[[], bool]) -> None:
        self.letters, self.places = Dealt(letters), places
        self.calls = 0
        self._is_over, self._with_a_place = is_over, 0
        self._end: int | None = None
        self.short = False

    @property
    def unasked(self) -> Sequence[Handed]:
        """Letters that were not asked about because the turn had to end."""
        return () if self._end is None else self.letters[self._end :]

    def keep(self) -> None:
        """Count a call.

        Raises:
            Temporary: it is not to be made.
        """
        if self._is_over():
            self._refuse("the turn of this route is over")
        if self.places is not None and self.calls >= self.places.calls:
            begun = self.letters.dealt <= self._with_a_place
            if not begun or self.calls >= self.places.calls + self.places.per_minute:
                self.short = True
                self._refuse("the pace of this route has no place now")
        else:
            self._with_a_place = self.letters.dealt
        self.calls += 1

    def _refuse(self, why: str) -> None:
        if self._end is None:
            self._end = max(self.letters.dealt - 1, 0)
        raise Temporary(_OVER, why)


class Dealt(Sequence[Handed]):
    """Letters of which one knows how many were looked at."""

    def __init__(self, letters: Sequence[Handed]) -> None:
        self._letters, self.dealt = letters, 0

    @overload
    def __getitem__(self, index: int) -> Handed: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Handed]: ...
    def __getitem__(self, index: int | slice) -> Handed | Sequence[Handed]:
        found = self._letters[index]
        self.dealt = len(self._letters) if isinstance(index, slice) else max(self.dealt, index + 1)
        return found

    def __iter__(self) -> Iterator[Handed]:
        for place, letter in enumerate(self._letters, 1):
            self.dealt = max(self.dealt, place)
            yield letter

    def __len__(self) -> int:
        return len(self._letters)
