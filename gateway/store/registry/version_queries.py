"""Versions of offices' routes: looked up, added, and moved by the table of their stages alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.domain.registry.versions import BEGINNINGS, LONGEST_NAME, MOVES, Stage, content_of, stands
from gateway.domain.transit.states import ForbiddenMove, advance
from gateway.store.registry.models import Change, OfficeRow
from gateway.store.registry.version_models import RouteVersion, RouteVersionEvent
from gateway.store.transit.models import DeliveryRow

_NOBODY = "wasl"
FOUND = "found in the registry"


def versions(session: Session, office: str) -> list[RouteVersion]:
    """Every version of an office, in order."""
    query = select(RouteVersion).where(RouteVersion.office == office)
    return list(session.scalars(query.order_by(RouteVersion.number)))


def version(session: Session, office: str, number: int) -> RouteVersion | None:
    return session.get(RouteVersion, (office, number))


def active(session: Session, office: str) -> RouteVersion | None:
    """The version by which letters are sent; None where none was ever made."""
    query = select(RouteVersion).where(
        RouteVersion.office == office, RouteVersion.state == Stage.ACTIVE.value
    )
    return session.scalars(query).first()


def events(session: Session, office: str) -> list[RouteVersionEvent]:
    """Every step with an office's versions, in order."""
    query = select(RouteVersionEvent).where(RouteVersionEvent.office == office)
    return list(session.scalars(query.order_by(RouteVersionEvent.id)))


def values_of(row: OfficeRow) -> dict[str, Any]:
    """An office's values by their names."""
    return {column.key: getattr(row, column.key) for column in OfficeRow.__table__.columns}


def standing(session: Session, row: OfficeRow, now: datetime) -> tuple[RouteVersion, bool]:
    """The version that stands in the registry, and whether it is recorded.

    It is not before the first version, nor after an older process changed the office.
    """
    live, values = active(session, row.id), values_of(row)
    if live is not None and stands(live.content, values):
        return live, True
    query = select(Change).where(Change.subject == "office", Change.key == row.id)
    change = session.scalars(query.order_by(Change.id.desc()).limit(1)).first()
    known = None if live is None else live.number
    found = RouteVersion(
        office=row.id,
        number=_next(session, row.id),
        state=Stage.ACTIVE.value,
        content=content_of(values),
        author=_NOBODY if change is None else change.actor[:LONGEST_NAME],
        note=FOUND,
        created_at=now if change is None else change.at,
        base=known,
        before=known,
    )
    return found, False


def record(session: Session, row: OfficeRow, now: datetime) -> RouteVersion:
    """Make a version of what stands in the registry, if it is none yet; the active version."""
    found, recorded = standing(session, row, now)
    if recorded:
        return found
    live = active(session, row.id)
    if live is not None:
        move(session, live, Stage.RETIRED, now, found.author, FOUND)
    session.add(found)
    session.flush()
    _tell(session, found, "", found.state, found.created_at, found.author, FOUND)
    return found


def add(
    session: Session,
    office: str,
    content: Mapping[str, Any],
    stage: Stage,
    author: str,
    note: str,
    now: datetime,
    base: int | None,
) -> RouteVersion:
    """Add a version; the caller sees to it that no other is active when it is to be.

    Raises:
        ForbiddenMove: no version begins so.
    """
    if stage not in BEGINNINGS:
        raise ForbiddenMove(f"-> {stage.value}")
    row = RouteVersion(
        office=office,
        number=_next(session, office),
        state=stage.value,
        content=dict(content),
        author=author,
        note=note,
        created_at=now,
        base=base,
        before=base if stage is Stage.ACTIVE else None,
    )
    session.add(row)
    session.flush()
    _tell(session, row, "", stage.value, now, author, note)
    return row


def move(
    session: Session,
    row: RouteVersion,
    to: Stage,
    now: datetime,
    by: str,
    why: str = "",
    report: Mapping[str, Any] | None = None,
) -> None:
    """Bring a version to another stage.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    was = row.state
    row.state = advance(MOVES, Stage(was), to).value
    session.flush()
    _tell(session, row, was, row.state, now, by, why, report)


def remark(
    session: Session,
    row: RouteVersion,
    now: datetime,
    by: str,
    why: str,
    report: Mapping[str, Any] | None = None,
) -> None:
    """Put on record what was done with a version without moving it."""
    _tell(session, row, row.state, row.state, now, by, why, report)


def _next(session: Session, office: str) -> int:
    query = select(func.max(RouteVersion.number)).where(RouteVersion.office == office)
    return (session.scalar(query) or 0) + 1


def _tell(
    session: Session,
    row: RouteVersion,
    was: str,
    now: str,
    at: datetime,
    by: str,
    why: str,
    report: Mapping[str, Any] | None = None,
) -> None:
    session.add(
        RouteVersionEvent(
            office=row.office,
            number=row.number,
            was=was,
            now=now,
            at=at,
            by=by,
            why=why,
            report=None if report is None else dict(report),
        )
    )
    session.flush()


def latest_letters(session: Session, office: str, limit: int) -> list[str]:
    """The last letters that an office was to get, latest first: of each the delivery that was made last."""
    query = (
        select(func.max(DeliveryRow.id))
        .where(DeliveryRow.office == office)
        .group_by(DeliveryRow.message)
        .order_by(DeliveryRow.message.desc())
    )
    return list(session.scalars(query.limit(limit)))
