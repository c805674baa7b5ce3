"""Rows written on the hot path go in by plain statements: no unit of work, no look-up of what was written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Insert, Result, Table, Update, text
from sqlalchemy.orm import Session

from gateway.store.base import Base

_LAST_KEY = text("SELECT last_insert_rowid()")


def table(model: type[Base]) -> Table:
    """The table of a model."""
    return cast("Table", model.__table__)


def inserted_id(result: Result[Any]) -> int:
    """The generated key of the row that was just inserted."""
    keys = cast("CursorResult[Any]", result).inserted_primary_key
    return int(keys[0]) if keys is not None else 0


def inserted_ids(session: Session, into: Insert, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows into a table whose key is generated; the keys, in the order of the rows."""
    if len(rows) == 1:
        return [inserted_id(session.execute(into, rows[0]))]
    if session.get_bind().dialect.name == "sqlite":
        # nobody writes in between, and each key is the largest plus one (https://sqlite.org/autoinc.html)
        session.execute(into, rows)
        last = int(session.scalar(_LAST_KEY) or 0)
        return list(range(last - len(rows) + 1, last + 1))
    returning = into.returning(into.table.c.id, sort_by_parameter_order=True)
    return list(session.scalars(returning, rows))


_GATHERED = "gathered"


@contextlib.contextmanager
def gathering(session: Session) -> Iterator[None]:
    """Let what is written by `gathered` be written at the block's end, in one statement for all its rows."""
    kept: dict[Insert | Update, list[dict[str, Any]]] = {}
    session.info[_GATHERED] = kept
    try:
        yield
    finally:
        del session.info[_GATHERED]
    for statement, rows in kept.items():
        session.execute(statement, rows)


def gathered(session: Session, statement: Insert | Update, row: dict[str, Any]) -> None:
    """Write a row that nobody looks up before the transaction ends: now, or with others of its kind."""
    kept = session.info.get(_GATHERED)
    if kept is None:
        session.execute(statement, row)
    else:
        kept.setdefault(statement, []).append(row)
