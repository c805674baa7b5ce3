"""The state of routes, read and written in the domain's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Row, and_, bindparam, func, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.domain.transit.breaker import Breaker, BreakerState
from gateway.domain.transit.states import Transport
from gateway.store import plain
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow, Message
from gateway.store.transit.route_models import RouteState

STATE = table(RouteState)
KNOWN_OF_ROUTE = (
    STATE.c.state.label("route_state"),
    STATE.c.failures,
    STATE.c.openings,
    STATE.c.failing_since,
    STATE.c.opened_at,
    STATE.c.probe_until,
    STATE.c.last_success_at,
)
"""The columns that `breaker_of` reads."""

# In words that both databases know: whoever comes second finds the row there.
_ADD = text(
    "INSERT INTO route_state (office, state, failures, openings) VALUES (:office, :state, 0, 0)"
    " ON CONFLICT (office) DO NOTHING"
)


# Built once: building them takes longer than their execution.
_ONE = (
    select(RouteState)
    .where(RouteState.office == bindparam("of_office"))
    .execution_options(populate_existing=True)
)
_OF_ONE, _OF_ONE_IF_FREE = _ONE.with_for_update(), _ONE.with_for_update(skip_locked=True)


def locked(session: Session, office: str, wait: bool = True) -> RouteState | None:
    """The state of a route, made when there is none, for the transaction alone.

    Args:
        wait: for whoever has it; False: None when somebody has.
    """
    query, values = _OF_ONE if wait else _OF_ONE_IF_FREE, {"of_office": office}
    row = session.scalars(query, values).first()
    if row is None:
        session.execute(_ADD, {"office": office, "state": BreakerState.CLOSED.value})
        row = session.scalars(query, values).first()
    return row


_OF_SEVERAL = (
    select(RouteState)
    .where(RouteState.office.in_(bindparam("of_offices", expanding=True)))
    .order_by(RouteState.office)
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)


def locked_all(session: Session, offices: Sequence[str], wait: bool = True) -> dict[str, RouteState]:
    """The states of several routes, made where there are none, for the transaction alone.

    Those that somebody has are left out: who waits with one in the hand could wait in a circle.

    Args:
        wait: for the first of them.
    """
    first = locked(session, offices[0], wait)
    found = {} if first is None else {offices[0]: first}
    for row in session.scalars(_OF_SEVERAL, {"of_offices": list(offices[1:])}):
        found[row.office] = row
    for office in offices[1:]:
        new = None if office in found else locked(session, office, wait=False)
        if new is not None:
            found[office] = new
    return found


_SERVE = (
    update(STATE)
    .where(STATE.c.office == bindparam("of_office"))
    .values(claimed_at=bindparam("now"), rate_until=bindparam("until"))
)


def serve(session: Session, until: Mapping[str, datetime | None], now: datetime) -> None:
    """Write of locked routes that they had a turn now, and up to when places in their pace are taken."""
    rows = [{"of_office": office, "now": now, "until": taken} for office, taken in sorted(until.items())]
    if rows:
        plain.run(session, _SERVE, rows)


def breaker(session: Session, office: str) -> Breaker:
    """What is known of a route now; of one that had no letter yet, nothing."""
    row = session.get(RouteState, office)
    return Breaker() if row is None else breaker_of(row)


def breaker_of(row: RouteState | Row[Any]) -> Breaker:
    """What a route's row tells, or the columns `KNOWN_OF_ROUTE`: nothing where it is not there yet."""
    state = row.state if isinstance(row, RouteState) else row.route_state
    if state is None:
        return Breaker()
    return Breaker(
        state=BreakerState(state),
        failures=row.failures,
        openings=row.openings,
        failing_since=row.failing_since,
        opened_at=row.opened_at,
        until=row.probe_until,
        last_success=row.last_success_at,
    )


def keep_breaker(row: RouteState, breaker: Breaker) -> None:
    """Write what is known of a route into its locked row."""
    row.state = breaker.state.value
    row.failures, row.openings = breaker.failures, breaker.openings
    row.failing_since, row.opened_at = breaker.failing_since, breaker.opened_at
    row.probe_until, row.last_success_at = breaker.until, breaker.last_success


def forget(session: Session, office: str) -> Breaker:
    """Begin anew with a route that leads elsewhere from now on; what was known of it before."""
    row = None if session.get(RouteState, office) is None else locked(session, office)
    if row is None:
        return Breaker()
    was = breaker_of(row)
    keep_breaker(row, Breaker())
    row.rate_until = None
    return was


def make_due(session: Session, office: str, now: datetime) -> int:
    """Let an office's letters that wait for their next attempt wait no more; how many."""
    waiting = update(DeliveryRow).where(
        DeliveryRow.office == office,
        DeliveryRow.state == Transport.WAITING.value,
        DeliveryRow.due_at > now,
    )
    done = cast("CursorResult[Any]", session.execute(waiting.values(due_at=now)))
    return done.rowcount


def pause(session: Session, office: str, paused: bool) -> None:
    """Let nothing be claimed for a route, or let it go on."""
    if paused or session.get(RouteState, office) is not None:
        row = locked(session, office)
        if row is not None:
            row.paused = paused


def paused(session: Session) -> list[str]:
    """Offices whose routes are paused, in order."""
    query = select(RouteState.office).where(RouteState.paused.is_(True)).order_by(RouteState.office)
    return list(session.scalars(query))


def routes(session: Session) -> list[tuple[str, Breaker]]:
    """Every office whose route was ever used, in order, with what is known of it."""
    query = select(RouteState).order_by(RouteState.office)
    return [(row.office, breaker_of(row)) for row in session.scalars(query)]


def states(session: Session, offices: Sequence[str]) -> dict[str, tuple[Breaker, bool]]:
    """What is known of these offices' routes that were ever used, and whether they are paused."""
    rows = session.scalars(select(RouteState).where(RouteState.office.in_(list(offices))))
    return {row.office: (breaker_of(row), row.paused) for row in rows}


def failing(session: Session, since: datetime) -> list[tuple[str, datetime]]:
    """Offices whose routes have been failing since ``since`` or longer, and since when each."""
    query = select(RouteState.office, RouteState.failing_since).where(RouteState.failing_since <= since)
    rows = session.execute(query.order_by(RouteState.office))
    return [(office, began) for office, began in rows if began is not None]


def stranded(session: Session, office: str, before: datetime, limit: int) -> list[str]:
    """Deliveries of an office that wait since ``before`` or longer and surely never arrived anywhere.

    A queued one waits since it is due, so that one which a person queued again begins anew.
    """
    query = (
        select(DeliveryRow.id)
        .join(Message, Message.id == DeliveryRow.message)
        .where(DeliveryRow.office == office, _waits_since(before))
        .where(DeliveryRow.doubt.is_(False), DeliveryRow.sending_since.is_(None))
    )
    return list(session.scalars(query.order_by(DeliveryRow.accepted_at, DeliveryRow.id).limit(limit)))


def _waits_since(before: datetime) -> ColumnElement[bool]:
    begun = func.coalesce(Message.not_before, DeliveryRow.accepted_at)
    return or_(
        and_(DeliveryRow.state == Transport.QUEUED.value, DeliveryRow.due_at <= before),
        and_(
            DeliveryRow.state == Transport.WAITING.value,
            begun <= before,
            DeliveryRow.accepted_at <= before,
        ),
    )


def ended(session: Session, office: str, lived: datetime, limit: int) -> list[str]:
    """Waiting deliveries of an office that were tried long enough, the longest first.

    What is over by its sender's wish is ended elsewhere (`gateway.exchange.transit.lapse`).

    Args:
        lived: those that could be tried since then.
    """
    begun = func.coalesce(Message.not_before, DeliveryRow.accepted_at)
    waiting = (Transport.QUEUED.value, Transport.WAITING.value)
    query = (
        select(DeliveryRow.id)
        .join(Message, Message.id == DeliveryRow.message)
        .where(DeliveryRow.office == office, DeliveryRow.state.in_(waiting))
        .where(begun <= lived, DeliveryRow.accepted_at <= lived)
    )
    return list(session.scalars(query.order_by(DeliveryRow.accepted_at, DeliveryRow.id).limit(limit)))
