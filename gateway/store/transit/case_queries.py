"""Everything that is known of deliveries in a single look, for whoever works on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from gateway.store import plain
from gateway.store.base import Base
from gateway.store.detached import among, columns, made, several
from gateway.store.evidence.models import ReceiptRow
from gateway.store.registry.models import OfficeRow
from gateway.store.rows import table
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


_PARTS: tuple[type[Base], ...] = (DeliveryRow, Message, Payload, OfficeRow, RouteState)
_DELIVERY, _MESSAGE, _PAYLOAD, _OFFICE, _ROUTE = (table(one) for one in _PARTS)
_RECEIPT = table(ReceiptRow)


@lru_cache
def _known(size: int) -> Select[Any]:
    """The query about so many deliveries, built once: building it takes longer than its execution."""
    return (
        select(*(column for part in _PARTS for column in columns(part)), _RECEIPT.c.content)
        .select_from(_DELIVERY)
        .join(_MESSAGE, _MESSAGE.c.id == _DELIVERY.c.message)
        .join(_RECEIPT, and_(_RECEIPT.c.message == _MESSAGE.c.id, _RECEIPT.c.delivery.is_(None)))
        .join(_PAYLOAD, _PAYLOAD.c.object_id == _MESSAGE.c.envelope, isouter=True)
        .join(_OFFICE, _OFFICE.c.id == _DELIVERY.c.office, isouter=True)
        .join(_ROUTE, _ROUTE.c.office == _DELIVERY.c.office, isouter=True)
        .where(among(_DELIVERY.c.id, size))
        .order_by(_RECEIPT.c.id.desc())
    )


def known(session: Session, deliveries: Collection[str]) -> dict[str, Known]:
    """What is known of deliveries, by their identifiers; those that do not exist are absent.

    The rows are nobody's: what is changed of them is not written.
    """
    if not deliveries:
        return {}
    wanted = several(deliveries)
    found = (_parted(row) for row in plain.found(session, _known(len(wanted)), wanted))
    # a letter's acceptance is the first of its receipts: it comes last, and is what stays
    return {one.delivery.id: one for one in found}


def _parted(row: Sequence[Any]) -> Known:
    parts: list[Any] = []
    at = 0
    for model in _PARTS:
        until = at + len(columns(model))
        parts.append(made(model, row[at:until]))
        at = until
    delivery, message, root, office, route = parts
    return Known(delivery, message, root, row[-1], office, route)
