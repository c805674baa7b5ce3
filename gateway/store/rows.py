"""Rows written on the hot path go in by plain statements: no unit of work, no look-up of what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Insert, Result, Table
from sqlalchemy.orm import Session

from gateway.store.base import Base


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
    returning = into.returning(into.table.c.id, sort_by_parameter_order=True)
    return list(session.scalars(returning, rows))
