"""A reader's lock on a letter that lies ready: others keep off until it is given back or runs out."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.errors import Conflict
from gateway.store.transit.models import DeliveryRow

LOCKED = "WASL-DLV-054"


def locked(row: DeliveryRow, now: datetime) -> bool:
    """Whether a lock on the delivery is in force."""
    return row.lock_owner is not None and row.lock_until is not None and row.lock_until > now


def check_free(row: DeliveryRow, now: datetime, reader: str | None = None) -> None:
    """Check that nobody but ``reader`` has a lock on the delivery.

    Raises:
        Conflict: somebody has.
    """
    if locked(row, now) and row.lock_owner != reader:
        until = row.lock_until.isoformat() if row.lock_until is not None else ""
        raise Conflict.because(LOCKED, time=until)
