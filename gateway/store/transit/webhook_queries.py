"""Webhooks: look-ups of a party's own, and of all for operators."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.domain.transit.pushing import Pushing
from gateway.store.evidence.feed_queries import at_most
from gateway.store.evidence.models import ReceiptRow
from gateway.store.registry.models import PartyRow
from gateway.store.transit.push_queries import PushSeen, oldest
from gateway.store.transit.webhook_models import WebhookRow


def of_party(session: Session, party: str) -> list[WebhookRow]:
    """A party's webhooks, the oldest first."""
    query = select(WebhookRow).where(WebhookRow.party == party)
    return list(session.scalars(query.order_by(WebhookRow.since, WebhookRow.id)))


def every(session: Session) -> list[WebhookRow]:
    """The webhooks of all active parties."""
    query = select(WebhookRow).join(PartyRow, PartyRow.id == WebhookRow.party).where(PartyRow.active)
    return list(session.scalars(query.order_by(WebhookRow.party, WebhookRow.since, WebhookRow.id)))


def stopped_untold(session: Session, limit: int) -> list[WebhookRow]:
    """Those that were switched off because their address failed, and of which operators were not told."""
    untold = or_(WebhookRow.stop_told.is_(None), WebhookRow.stop_told != WebhookRow.failing_since)
    query = (
        select(WebhookRow)
        .join(PartyRow, PartyRow.id == WebhookRow.party)
        # one that its party switched off has no trouble on record
        .where(
            PartyRow.active, WebhookRow.state == Pushing.STOPPED.value, WebhookRow.code.is_not(None), untold
        )
        .order_by(WebhookRow.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def last_told(session: Session, row: WebhookRow) -> ReceiptRow | None:
    """The receipt behind which a webhook goes on; None at the beginning of the feed."""
    return at_most(session, row.position) if row.position else None


def seen(session: Session) -> list[PushSeen]:
    """Every webhook as figures show it."""
    return [
        PushSeen(
            one.party,
            one.state,
            oldest(session, one),
            one.failing_since,
            one.last_success_at,
            webhook=one.id,
        )
        for one in every(session)
    ]
