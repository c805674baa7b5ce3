"""Which delivery succeeds which, as the receipts of a letter tell it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from gateway.domain.evidence.receipt import Event
from gateway.store.evidence import queries as evidence
from gateway.wire.receipts import read_kept_receipt

SUCCEEDED_BY = (Event.REDIRECTED, Event.RESENT)
"""The events whose receipts name a successor."""


def successors(session: Session, message: int) -> Mapping[str, str]:
    """For each delivery of a letter that has a successor, the identifier of that."""
    found: dict[str, str] = {}
    for event in SUCCEEDED_BY:
        for row in evidence.attesting(session, message, event.value):
            outcome = read_kept_receipt(row.content).outcome
            if row.delivery is not None and outcome is not None and outcome.successor is not None:
                found[row.delivery] = outcome.successor
    return found
