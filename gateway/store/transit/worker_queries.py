"""Signs of life of worker processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gateway.store.transit.notice_models import WorkerFull, WorkerSeen

_LONGEST = 120
_LONGEST_LEFT = 500


def seen(session: Session, owner: str, since: datetime, now: datetime) -> None:
    """Record that a worker is there; nobody else writes its row."""
    row = session.get(WorkerSeen, owner[:_LONGEST])
    if row is None:
        session.add(WorkerSeen(owner=owner[:_LONGEST], started_at=since, seen_at=now))
    else:
        row.started_at, row.seen_at = since, now


def gone(session: Session, owner: str) -> None:
    session.execute(delete(WorkerSeen).where(WorkerSeen.owner == owner[:_LONGEST]))


def forget(session: Session, before: datetime) -> None:
    """Drop workers that were last seen before that, but for those that somebody else drops just now."""
    over = select(WorkerSeen.owner).where(WorkerSeen.seen_at < before).with_for_update(skip_locked=True)
    session.execute(delete(WorkerSeen).where(WorkerSeen.owner.in_(over)))


def was_full(session: Session, owner: str, now: datetime, mib: int, left: str) -> None:
    """Record that a worker was full."""
    session.add(WorkerFull(owner=owner[:_LONGEST], at=now, mib=mib, left=left[:_LONGEST_LEFT]))


def forget_full(session: Session, before: datetime) -> None:
    """Drop what was recorded of full workers before that."""
    session.execute(delete(WorkerFull).where(WorkerFull.at < before))


def full_since(session: Session, moment: datetime, limit: int) -> list[WorkerFull]:
    """Workers that were full at or after a moment, the latest first."""
    query = select(WorkerFull).where(WorkerFull.at >= moment)
    return list(session.scalars(query.order_by(WorkerFull.at.desc()).limit(limit)))


def since(session: Session, moment: datetime) -> int:
    """How many workers were seen at or after a moment."""
    query = select(func.count()).select_from(WorkerSeen).where(WorkerSeen.seen_at >= moment)
    return session.scalar(query) or 0


def last(session: Session) -> datetime | None:
    """When any worker was last seen."""
    return session.scalar(select(func.max(WorkerSeen.seen_at)))
