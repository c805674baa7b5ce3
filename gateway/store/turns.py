"""Whose turn it is where writers do not queue: by rows, or by a name for rows that do not exist yet."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Select, text
from sqlalchemy.orm import Session

from gateway.store.engine import ACCESS, READ

_TAKE = text("SELECT pg_advisory_xact_lock(:key)")


def left_by_others(session: Session, query: Select[Any]) -> Select[Any]:
    """The query for rows that nobody else has: they are locked, and those locked elsewhere passed over.

    In a transaction that only reads, and on SQLite, the query as it is.
    """
    reads = session.connection().get_execution_options().get(ACCESS) == READ
    return query if reads else query.with_for_update(skip_locked=True)


def take_turn(session: Session, *name: str) -> None:
    """Wait until no other open transaction holds the turn of this name; it is given back at the end.

    What is read afterwards was committed by everybody who had the turn before. On SQLite all writers
    queue anyhow.

    Raises:
        Unavailable: the turn did not come in time, when the transaction ends.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_TAKE, {"key": advisory_key(*name)})


def advisory_key(*name: str) -> int:
    """A number for a name: 64 bits, signed, as PostgreSQL takes them."""
    digest = sha256("\0".join(("wasl", *name)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
