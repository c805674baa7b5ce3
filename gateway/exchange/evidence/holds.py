"""A legal hold keeps the content of one letter, whatever the rules say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Gone, NotFound
from gateway.domain.identifiers import read_reference
from gateway.exchange.clock import Ambient
from gateway.store.evidence import retention_queries as queries
from gateway.store.evidence.retention_models import LegalHold
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.store.transit.models import Message

NOT_FOUND = "WASL-REQ-005"
PURGED = "WASL-RET-001"
HELD_ALREADY = "WASL-RET-002"
NOT_HELD = "WASL-RET-003"
_LONGEST_NAME = 120
_LONGEST_REASON = 4000


@dataclass(frozen=True)
class Hold:
    """One hold, in force as long as nobody released it."""

    reference: str
    placed_at: datetime
    placed_by: str
    why: str
    released_at: datetime | None
    released_by: str | None
    released_why: str | None


@dataclass(frozen=True)
class Holds:
    """Places, releases and lists legal holds."""

    store: Store
    ambient: Ambient

    def place(self, reference: str, who: str, why: str) -> Hold:
        """Forbid the purge of a letter, from the moment this returns.

        Raises:
            NotFound: no such letter.
            Gone: its content was purged already.
            Conflict: a hold is in force already.
            ValueError: no name, or no reason, is given.
        """
        hold = LegalHold(placed_at=self.ambient.now(), placed_by=_name(who), why=_reason(why))
        try:
            with self.store.write() as session:
                message = _letter(session, reference)
                if message.purged_at is not None:
                    raise Gone.because(PURGED, time=message.purged_at.isoformat())
                if queries.hold_of(session, message.id) is not None:
                    raise Conflict.because(HELD_ALREADY)
                hold.message = message.id
                session.add(hold)
        except IntegrityError as error:  # another operator was quicker, where writers do not queue
            raise Conflict.because(HELD_ALREADY) from error
        return _shown(hold, message.reference or "")

    def release(self, reference: str, who: str, why: str) -> Hold:
        """Let the rules count again.

        Raises:
            NotFound: no such letter.
            Conflict: no hold is in force.
            ValueError: no name, or no reason, is given.
        """
        with self.store.write() as session:
            message = _letter(session, reference)
            hold = queries.hold_of(session, message.id)
            if hold is None:
                raise Conflict.because(NOT_HELD)
            hold.released_at = self.ambient.now()
            hold.released_by, hold.released_why = _name(who), _reason(why)
        return _shown(hold, message.reference or "")

    def all(self, every: bool = False) -> list[Hold]:
        """The holds in force, or ``every`` one that ever was, oldest first."""
        with self.store.read() as session:
            return [_shown(hold, reference) for hold, reference in queries.holds(session, every)]


def _letter(session: Session, reference: str) -> Message:
    """The accepted letter, its row locked: its purge waits for us, or we for it."""
    message = transit.accepted_by_reference(session, read_reference(reference) or "")
    if message is None:
        raise NotFound.because(NOT_FOUND)
    return session.get_one(Message, message.id, with_for_update=True, populate_existing=True)


def _name(who: str) -> str:
    return _said(who, "a name", _LONGEST_NAME)


def _reason(why: str) -> str:
    return _said(why, "a reason", _LONGEST_REASON)


def _said(text: str, what: str, longest: int) -> str:
    if not text.strip() or len(text) > longest:
        raise ValueError(f"{what} of 1 to {longest} characters is needed")
    return text.strip()


def _shown(hold: LegalHold, reference: str) -> Hold:
    return Hold(
        reference,
        hold.placed_at,
        hold.placed_by,
        hold.why,
        hold.released_at,
        hold.released_by,
        hold.released_why,
    )
