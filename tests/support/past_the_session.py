"""Watches that a step which is taken together with others never looks its delivery up.

Between `delivery_rows.locked` and `delivery_rows.write` the database has the row as it was, and what the step
changed is in memory alone: a look-up would find what is not true any more, and nothing would tell.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from gateway.store.transit import delivery_rows
from gateway.store.transit.models import DeliveryRow

_OF_DELIVERIES = re.compile(r"\b(FROM|JOIN|UPDATE|INTO)\s+delivery\b")
_here = threading.local()


class LookedUp(AssertionError):
    """A step taken together looked at deliveries in the database, or wrote them there."""


@contextmanager
def watched() -> Iterator[None]:
    """Watch every engine, for the length of the block."""
    locked, write = delivery_rows.locked, delivery_rows.write

    def locked_and_watched(session: Session, names: Collection[str]) -> dict[str, DeliveryRow]:
        rows = locked(session, names)
        # a mark that an error left behind is of another transaction
        _here.taken_in = session.connection().get_transaction()
        return rows

    def written(session: Session, rows: Collection[DeliveryRow]) -> None:
        _here.taken_in = None
        write(session, rows)

    def look(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        taken_in = getattr(_here, "taken_in", None)
        if taken_in is None or connection.get_transaction() is not taken_in:
            return
        if _OF_DELIVERIES.search(statement):
            raise LookedUp(statement)

    delivery_rows.locked, delivery_rows.write = locked_and_watched, written
    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", look)
        delivery_rows.locked, delivery_rows.write = locked, write
