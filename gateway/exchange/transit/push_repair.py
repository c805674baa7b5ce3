"""What an operator sees of telling senders' systems their receipts, and decides about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound
from gateway.domain.transit.pushing import begun_anew
from gateway.exchange.clock import Ambient
from gateway.store.sessions import Store
from gateway.store.transit import push_queries as queries
from gateway.store.transit.push_models import PushRefusal, PushRow

NOT_FOUND = "WASL-REQ-005"
_MOST = 100

_log = structlog.get_logger()


@dataclass(frozen=True)
class Told:
    """How far one party's system was told.

    Attributes:
        next_receipt: the receipt that it is told next; None when it was told all, or is far behind.
        oldest: when that receipt's event was.
        code, said: why it was not taken the last time, as the system said it.
        refused: receipts that were refused or passed over, ever.
    """

    party: str
    state: str
    next_receipt: str | None
    oldest: datetime | None
    failures: int
    failing_since: datetime | None
    due_at: datetime
    last_success: datetime | None
    code: str | None
    said: str | None
    told: int
    refused: int


@dataclass(frozen=True)
class Untold:
    """A receipt that was passed over.

    Attributes:
        passed_by: the operator who passed it over; None when the system refused it.
    """

    receipt_id: str
    kind: str
    at: datetime
    code: str | None
    said: str | None
    passed_by: str | None


@dataclass(frozen=True)
class PushRepair:
    """Shows and changes how far senders' systems were told."""

    store: Store
    ambient: Ambient

    def list(self) -> tuple[Told, ...]:
        """Every party that declares a system, in the order of its identifier.

        Raises:
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            return tuple(_told(session, row) for row in queries.rows(session))

    def untold(self, party: str, limit: int = _MOST) -> tuple[Untold, ...]:
        """The receipts that a party's system refused or that were passed over, the latest first.

        Raises:
            NotFound: the party declares no system.
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            if queries.row(session, party) is None:
                raise NotFound.because(NOT_FOUND)
            found = queries.refusals(session, party, limit)
            return tuple(
                Untold(receipt.receipt_id, receipt.kind, one.at, one.code, one.said, one.passed_by)
                for one, receipt in found
            )

    def go_on(self, party: str, actor: str) -> None:
        """Tell a party's system now, and give it its whole time again.

        Raises:
            NotFound: the party declares no system.
        """
        with self.store.write() as session:
            row = _declared(session, party)
            self._begin_anew(row)
        _log.warning("telling a sender goes on", party=party, by=actor)

    def again_from(self, party: str, receipt_id: str, actor: str) -> None:
        """Tell a receipt and all that follow it again; a system takes each of them once.

        Raises:
            NotFound: the party declares no system, or there is no such receipt of its letters.
        """
        with self.store.write() as session:
            row = _declared(session, party)
            receipt = queries.of_party(session, party, receipt_id)
            if receipt is None:
                raise NotFound.because(NOT_FOUND)
            row.position = receipt.id - 1
            self._begin_anew(row)
        _log.warning("receipts are told again", party=party, first=receipt_id, by=actor)

    def pass_over(self, party: str, receipt_id: str, actor: str) -> None:
        """Leave the receipt out that a party's system would be told next; its feed keeps it.

        Raises:
            NotFound: the party declares no system, or another receipt is next.
        """
        now = self.ambient.now()
        with self.store.write() as session:
            row = _declared(session, party)
            receipt = None if row.position is None else queries.first_after(session, party, row.position)
            if receipt is None or receipt.receipt_id != receipt_id:
                raise NotFound.because(NOT_FOUND)
            said = {"at": now, "code": row.code, "said": row.said, "passed_by": actor[:120]}
            queries.refuse(session, PushRefusal(party=party, receipt=receipt.id, **said))
            row.position, row.refused = receipt.id, row.refused + 1
            self._begin_anew(row)
        _log.warning("receipt passed over", party=party, receipt=receipt_id, by=actor)

    def _begin_anew(self, row: PushRow) -> None:
        """Let the next look be now; a worker that has the party just now keeps nothing of what it hears."""
        queries.keep_progress(row, begun_anew(queries.progress_of(row), self.ambient.now()))
        row.waiting_since = row.code = row.said = row.lease = row.lease_until = None


def _declared(session: Session, party: str) -> PushRow:
    """The party's row, locked.

    Raises:
        NotFound: it declares no system.
    """
    row = queries.locked(session, PushRow, party) if queries.row(session, party) else None
    if row is None:
        raise NotFound.because(NOT_FOUND)
    return row


def _told(session: Session, row: PushRow) -> Told:
    first = None if row.position is None else queries.first_after(session, row.party, row.position)
    return Told(
        party=row.party,
        state=row.state,
        next_receipt=None if first is None else first.receipt_id,
        oldest=row.waiting_since if first is None else first.event_time,
        failures=row.failures,
        failing_since=row.failing_since,
        due_at=row.due_at,
        last_success=row.last_success_at,
        code=row.code,
        said=row.said,
        told=row.told,
        refused=row.refused,
    )
