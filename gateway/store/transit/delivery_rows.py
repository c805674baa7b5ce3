"""Deliveries as the hot path locks and writes them: by plain statements, past the session."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.store import detached, plain
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow

_ROW = table(DeliveryRow)


@lru_cache
def _locked(size: int) -> Select[Any]:
    columns = detached.columns(DeliveryRow)
    return select(*columns).where(detached.among(_ROW.c.id, size)).order_by(_ROW.c.id).with_for_update()


def locked(session: Session, names: Collection[str]) -> dict[str, DeliveryRow]:
    """Deliveries by their identifiers, locked in the same order by everybody; `write` writes them.

    Args:
        names: not empty.
    """
    wanted = detached.several(names)
    found = plain.found(session, _locked(len(wanted)), wanted)
    rows = (detached.made(DeliveryRow, values) for values in found)
    return {row.id: row for row in rows if row is not None}


def write(session: Session, rows: Collection[DeliveryRow]) -> None:
    """Write what was changed of them."""
    detached.write(session, DeliveryRow, rows)
