"""Rows written on the hot path go in by plain statements: no unit of work, no look-up of what was written."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Result, Table

from gateway.store.base import Base


def table(model: type[Base]) -> Table:
    """The table of a model."""
    return cast("Table", model.__table__)


def inserted_id(result: Result[Any]) -> int:
    """The generated key of the row that was just inserted."""
    keys = cast("CursorResult[Any]", result).inserted_primary_key
    return int(keys[0]) if keys is not None else 0
