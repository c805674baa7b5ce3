"""How far somebody was told of a party's feed, its own system or a webhook: look-ups, and what is kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnExpressionArgument, func, nulls_first, or_, select, update
from sqlalchemy.orm import Session

from gateway.domain.transit.pushing import Progress, Pushing
from gateway.store.evidence.models import ReceiptRow
from gateway.store.registry.models import PartyRow
from gateway.store.transit.models import Message
from gateway.store.transit.push_models import Pushed, PushRefusal, PushRow
from gateway.store.transit.webhook_models import WebhookRow

Row = TypeVar("Row", PushRow, WebhookRow)
Kept = PushRow | WebhookRow
_WINDOW = 10_000
"""Receipts that are looked through for the oldest untold one; who is further behind is failing anyhow."""

_DECLARED = (PartyRow.active, PartyRow.receipts.is_not(None))


class PushSeen(NamedTuple):
    """A receiver as figures show it; ``oldest``: the event time of the oldest receipt not told yet."""

    party: str
    state: str
    oldest: datetime | None
    failing_since: datetime | None
    last_success_at: datetime | None
    refused: int = 0
    webhook: str | None = None


def begin(session: Session, party: str, now: datetime) -> None:
    """Note that a party's receipts are told from now on; one that was told before goes on where it was."""
    if session.get(PushRow, party) is None:
        session.add(PushRow(party=party, since=now, due_at=now))


def row(session: Session, party: str) -> PushRow | None:
    """What is kept of a party that declares a system now."""
    query = select(PushRow).join(PartyRow, PartyRow.id == PushRow.party)
    return session.scalars(query.where(PushRow.party == party, *_DECLARED)).first()


def rows(session: Session) -> list[PushRow]:
    """What is kept of every party that declares a system now."""
    query = select(PushRow).join(PartyRow, PartyRow.id == PushRow.party).where(*_DECLARED)
    return list(session.scalars(query.order_by(PushRow.party)))


def due(session: Session, kept: type[Row], now: datetime) -> list[Row]:
    """Those that may be told now and that no worker has, the one served longest ago first."""
    free = or_(kept.lease_until.is_(None), kept.lease_until <= now)
    query = select(kept).join(PartyRow, PartyRow.id == kept.party)
    query = query.where(*_wanted(kept), kept.due_at <= now, free)
    return list(session.scalars(query.order_by(nulls_first(kept.served_at), kept.key)))


def _wanted(kept: type[Kept]) -> tuple[ColumnExpressionArgument[bool], ...]:
    """A stopped webhook is switched off; a sender's own system that stopped is still tried, seldom."""
    if kept is PushRow:
        return _DECLARED
    return (PartyRow.active, kept.state != Pushing.STOPPED.value)


def locked(session: Session, kept: type[Row], key: str, wait: bool = True) -> Row | None:
    """A receiver's row for this transaction alone.

    Args:
        wait: for whoever has it; False: None when somebody has.
    """
    query = select(kept).where(kept.key == key).with_for_update(skip_locked=not wait)
    return session.scalars(query.execution_options(populate_existing=True)).first()


def newest_of(session: Session, parties: Collection[str], after: int, last: int) -> dict[str, int]:
    """The highest number of a receipt over ``after`` and up to ``last`` of each party that has one."""
    # not by the index on parties: that would read every letter a party ever sent
    party = func.coalesce(Message.party, "")
    query = (
        select(party, func.max(ReceiptRow.id))
        .join(Message, Message.id == ReceiptRow.message)
        .where(ReceiptRow.id > after, ReceiptRow.id <= last, party.in_(parties))
        .group_by(party)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def move_on(session: Session, kept: type[Kept], keys: Sequence[str], last: int) -> None:
    """Let those for whom there is no receipt up to ``last`` begin their next look there."""
    behind = kept.key.in_(keys) & (kept.position < last)
    session.execute(update(kept).where(behind).values(position=last))


def before(session: Session, moment: datetime) -> int:
    """The number of the last receipt that was made before a moment; 0 when there is none."""
    query = select(ReceiptRow.id).where(ReceiptRow.event_time < moment)
    return session.scalars(query.order_by(ReceiptRow.id.desc()).limit(1)).first() or 0


def first_after(session: Session, party: str, position: int) -> ReceiptRow | None:
    """The first receipt of a party's letters after a number, if it is among the next ones of all parties."""
    query = (
        select(ReceiptRow)
        .join(Message, Message.id == ReceiptRow.message)
        .where(ReceiptRow.id > position, ReceiptRow.id <= position + _WINDOW)
        .where(func.coalesce(Message.party, "") == party)
    )
    return session.scalars(query.order_by(ReceiptRow.id).limit(1)).first()


def of_party(session: Session, party: str, receipt_id: str) -> ReceiptRow | None:
    """A receipt of a party's letters by its identifier."""
    query = select(ReceiptRow).join(Message, Message.id == ReceiptRow.message)
    query = query.where(ReceiptRow.receipt_id == receipt_id, Message.party == party)
    return session.scalars(query).first()


def refusals(session: Session, party: str, limit: int) -> list[tuple[PushRefusal, ReceiptRow]]:
    """The receipts that a party's system refused or that were passed over, the latest first."""
    query = (
        select(PushRefusal, ReceiptRow)
        .join(ReceiptRow, ReceiptRow.id == PushRefusal.receipt)
        .where(PushRefusal.party == party)
    )
    found = session.execute(query.order_by(PushRefusal.receipt.desc()).limit(limit))
    return [(refusal, receipt) for refusal, receipt in found]


def refuse(session: Session, refusal: PushRefusal) -> None:
    """Keep a refusal; a later one of the same receipt takes the place of the earlier."""
    session.merge(refusal)


def seen(session: Session) -> list[PushSeen]:
    """Every party that declares a system, as figures show it."""
    return [
        PushSeen(
            one.party, one.state, oldest(session, one), one.failing_since, one.last_success_at, one.refused
        )
        for one in rows(session)
    ]


def progress_of(kept: Pushed) -> Progress:
    return Progress(
        due_at=kept.due_at,
        state=Pushing(kept.state),
        failures=kept.failures,
        failing_since=kept.failing_since,
        refused_in_row=kept.refused_in_row,
        last_success=kept.last_success_at,
    )


def keep_progress(kept: Pushed, progress: Progress) -> None:
    """Write what is known of a receiver into its locked row."""
    kept.state, kept.due_at = progress.state.value, progress.due_at
    kept.failures, kept.failing_since = progress.failures, progress.failing_since
    kept.refused_in_row, kept.last_success_at = progress.refused_in_row, progress.last_success


def oldest(session: Session, kept: Kept) -> datetime | None:
    """The event time of the oldest receipt that was not told yet."""
    if kept.waiting_since is not None or kept.position is None:
        return kept.waiting_since
    first = first_after(session, kept.party, kept.position)
    return None if first is None else first.event_time
