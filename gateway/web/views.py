"""What the services show, as members that every door writes down in its own way, without addresses."""

from __future__ import annotations

from typing import Any

from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind
from gateway.exchange.evidence.fetch import BASELINE, ReceiptSummary
from gateway.exchange.transit.cancelling import Cancellation
from gateway.exchange.transit.check import Report
from gateway.exchange.transit.feed import Told
from gateway.exchange.transit.inbox import Whereabouts
from gateway.exchange.transit.inbox_list import Entry
from gateway.exchange.transit.look import DeliveryView, LetterView
from gateway.web.problems import fault_members
from gateway.web.reading import RENDERINGS

View = dict[str, Any]


def report(one: Report) -> View:
    """What would become of a letter."""
    return {
        "party": one.party,
        "level": one.level,
        "messageId": one.message_id,
        "recipients": [
            {
                "office": limits.office,
                "name": limits.name,
                "route": limits.route,
                "maxBytes": limits.max_bytes,
                "documentTypes": list(limits.document_types),
                "notices": list(limits.notices),
                "addressed": limits.addressed,
                "leads": [
                    {
                        "office": lead.office,
                        "to": lead.to,
                        "rule": lead.rule,
                        "closed": lead.closed and lead.closed.isoformat(),
                    }
                    for lead in limits.led_by
                ],
            }
            for limits in one.recipients
        ],
        "missing": [
            {"id": content.id, "where": content.where, "sha256": content.sha256, "size": content.size}
            for content in one.missing
        ],
    }


def letter(one: LetterView) -> View:
    """A letter as its sender may see it."""
    return {
        "reference": one.reference,
        "messageId": one.message_id,
        "state": one.state,
        "test": one.test,
        "subject": one.subject,
        "receivedAt": one.received_at.isoformat(),
        "deliveries": [_delivery(delivery) for delivery in one.deliveries],
        "requestId": one.request_id,
    }


def _delivery(one: DeliveryView) -> View:
    return {
        "id": one.id,
        "office": one.office,
        "name": one.name,
        "state": one.state,
        "processing": one.processing,
        "notices": list(one.notices),
        "registerNumber": one.register_number,
        "targetReference": one.target_reference,
        "nextAttempt": one.next_attempt.isoformat() if one.next_attempt else None,
        "events": [
            {"track": step.track, "state": step.state, "at": step.at.isoformat(), "reason": step.why}
            for step in one.steps
        ],
    }


def receipt(one: ReceiptSummary) -> View:
    """A receipt in a list."""
    return {
        "id": one.receipt_id,
        "kind": one.kind,
        "event": one.event,
        "eventTime": one.event_time.isoformat(),
        "delivery": one.delivery,
        "contentDigest": one.content_digest,
        "mediaTypes": list(RENDERINGS[BASELINE]),
        "longTerm": ReceiptKind(one.kind) in LONG_TERM,
    }


def event(one: Told) -> View:
    """A receipt in the feed."""
    return {
        "id": one.receipt_id,
        "kind": one.kind,
        "event": one.event,
        "eventTime": one.event_time.isoformat(),
        "reference": one.reference,
        "messageId": one.message_id,
        "delivery": one.delivery,
        "contentDigest": one.content_digest,
        "test": one.test,
    }


def cancellation(one: Cancellation, language: str) -> View:
    """What the wish to cancel came to; ``receipt`` is its identifier."""
    members = {"id": one.delivery, "office": one.office, "name": one.name, "state": one.state}
    if one.refusal is not None:
        return members | {"refusal": fault_members(one.refusal, language)}
    return members | {"receipt": one.receipt}


def entry(one: Entry) -> View:
    """A letter that lies ready."""
    return {
        "delivery": one.delivery,
        "reference": one.reference,
        "sender": one.sender,
        "senderName": one.sender_name,
        "subject": one.subject,
        "documentType": one.document_type,
        "test": one.test,
        "unit": one.unit,
        "acceptedAt": one.accepted_at.isoformat(),
        "expiresAt": one.expires_at and one.expires_at.isoformat(),
        "attachments": one.attachments,
        "octets": one.octets,
        "lockedUntil": one.locked_until and one.locked_until.isoformat(),
    }


def place(one: Whereabouts) -> View:
    """Where a letter is on both of its tracks."""
    return {
        "delivery": one.delivery,
        "office": one.office,
        "name": one.name,
        "state": one.state,
        "processing": one.processing,
        "registerNumber": one.register_number,
    }
