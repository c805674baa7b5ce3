"""Values that letters have and code tables have not are noted for the operator."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import GatewayFault
from gateway.domain.registry.tables import listed, no_entry
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.attempt import NO_ENTRY
from gateway.store.sessions import Store
from gateway.store.transit import unmapped_queries
from gateway.store.transit.unmapped_models import UnmappedValue
from gateway.store.turns import take_turn

_AGAIN = timedelta(minutes=1)
MOST = 1000
"""Values of one office in the list; letters must not fill the store with what nobody will read."""
_MOST_WATCHED = 10_000

_Value = tuple[str, str, str]
"""Office, table, value."""

_log = structlog.get_logger()


@dataclass
class _Seen:
    """What was counted of one value and not written yet."""

    written_at: datetime | None = None
    count: int = 0
    at: datetime | None = None
    reference: str = ""


@dataclass(frozen=True)
class Unmapped:
    """Counts in memory, and writes a value when it is new to this process, then at most once a minute."""

    store: Store
    ambient: Ambient
    _seen: dict[_Value, _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    _lock: Lock = field(default_factory=Lock)

    def note(self, office: str, reference: str, table: str, value: str) -> None:
        """Count a value; nothing is written."""
        with self._lock:
            if len(self._seen) >= _MOST_WATCHED:
                self._seen.clear()
            seen = self._seen[office, listed(table), listed(value)]
            seen.count += 1
            seen.at, seen.reference = self.ambient.now(), reference

    def keep(self) -> int:
        """Write what is new, or was counted for a minute; how many values."""
        now = self.ambient.now()
        due = self._due(now)
        if not due:
            return 0
        try:
            self._write(due)
        except GatewayFault as fault:
            # A note is worth no letter: what was counted is lost, the next letter with the value is not.
            _log.warning("values without an entry are not noted", values=len(due), cause=str(fault))
            return 0
        return len(due)

    def _due(self, now: datetime) -> dict[_Value, _Seen]:
        with self._lock:
            found = {
                value: seen
                for value, seen in self._seen.items()
                if seen.count and (seen.written_at is None or not _lately(seen.written_at, now))
            }
            for value in found:
                self._seen[value] = _Seen(written_at=now)
        return found

    def _write(self, due: dict[_Value, _Seen]) -> None:
        with self.store.write() as session:
            take_turn(session, "unmapped")
            gone = unmapped_queries.purged(session, {seen.reference for seen in due.values()})
            room = {office: MOST - unmapped_queries.count(session, office) for office, _, _ in due}
            for (office, table, value), seen in due.items():
                if seen.reference in gone:
                    continue
                at = seen.at or self.ambient.now()
                row = session.get(UnmappedValue, (office, table, value))
                if row is None and room[office] > 0:
                    room[office] -= 1
                    row = UnmappedValue(office=office, table=table, value=value, first_seen=at, count=0)
                    session.add(row)
                if row is not None:
                    row.count += seen.count
                    row.last_seen, row.reference = at, seen.reference


def let_go(session: Session, reference: str) -> None:
    """Forget the values of a letter whose content goes, in the same transaction: they may be people's words.

    Of letters that had a value the last is known. When it goes, the value stays where another one is held for
    it, and is that one's from then on.
    """
    for row in unmapped_queries.of_letter(session, reference):
        words = no_entry(row.table, row.value)
        held = unmapped_queries.held_for(session, row.office, NO_ENTRY, words)
        others = [unmapped_queries.reference_of(session, one) for one in held]
        other = next((one for one in others if one != reference), None)
        if other is None:
            session.delete(row)
        else:
            row.reference = other


def _lately(moment: datetime, now: datetime) -> bool:
    return timedelta() <= now - moment < _AGAIN
