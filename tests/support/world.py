"""Many offices with many letters, made by copying one accepted delivery's row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select

from gateway.domain.identifiers import directory_id, uuid7
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest


def offices(hub: HubUnderTest, count: int, **route: Any) -> list[str]:
    """More offices of the commune, each with a route of its own."""
    like = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    ids = [directory_id("B", 1000 + number) for number in range(count)]
    to = {"kind": "adapter", "adapter": "simulator", **route}
    hub.apply({"office": [{**like, "id": one, "default": False, "route": to} for one in ids]})
    return ids


def copies(hub: HubUnderTest, delivery: str, office: str, count: int, **changes: Any) -> list[str]:
    """More deliveries of the same letter, to ``office``, queued."""
    deliveries = table(DeliveryRow)
    with hub.gateway.store.write() as session:
        like = dict(session.execute(select(deliveries).where(deliveries.c.id == delivery)).mappings().one())
        fresh = {"state": "QUEUED", "failures": 0, "attempts": 0}
        new = [uuid7(hub.gateway.ambient.random_bytes) for _ in range(count)]
        rows = [
            {**like, **fresh, "id": one, "office": office, "ordinal": 100 + number, **changes}
            for number, one in enumerate(new)
        ]
        session.execute(insert(deliveries), rows)
    return new
