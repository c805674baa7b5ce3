"""Everything that is known of deliveries in a single look, for whoever works on them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from gateway.store.evidence.models import ReceiptRow
from gateway.store.registry.models import OfficeRow
from gateway.store.transit.models import DeliveryRow, Message, Payload
from gateway.store.transit.route_models import RouteState


class Known(NamedTuple):
    """A delivery's row and what belongs to it.

    Attributes:
        root: the envelope's octets; None once they were purged with their row.
        acceptance: the content of the acceptance (RFC 8785 octets).
        office, route: None for an office that left the registry, or whose route had no letter yet.
    """

    delivery: DeliveryRow
    message: Message
    root: Payload | None
    acceptance: bytes
    office: OfficeRow | None
    route: RouteState | None


# Built once: building it takes longer than its execution.
_KNOWN = (
    select(DeliveryRow, Message, Payload, ReceiptRow.content, OfficeRow, RouteState)
    .join(Message, Message.id == DeliveryRow.message)
    .join(ReceiptRow, and_(ReceiptRow.message == Message.id, ReceiptRow.delivery.is_(None)))
    .join(Payload, Payload.object_id == Message.envelope, isouter=True)
    .join(OfficeRow, OfficeRow.id == DeliveryRow.office, isouter=True)
    .join(RouteState, RouteState.office == DeliveryRow.office, isouter=True)
    .where(DeliveryRow.id.in_(bindparam("of_deliveries", expanding=True)))
    .order_by(ReceiptRow.id.desc())
)


def known(session: Session, deliveries: Collection[str]) -> dict[str, Known]:
    """What is known of deliveries, by their identifiers; those that do not exist are absent."""
    found = (Known(*row) for row in session.execute(_KNOWN, {"of_deliveries": list(deliveries)}))
    # a letter's acceptance is the first of its receipts: it comes last, and is what stays
    return {one.delivery.id: one for one in found}
