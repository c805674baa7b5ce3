"""Rows written on the hot path go in by plain statements: no unit of work, no look-up of what was written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import Insert, Table, Update
from sqlalchemy.orm import Session

from gateway.store import plain
from gateway.store.base import Base


def table(model: type[Base]) -> Table:
    """The table of a model."""
    return cast("Table", model.__table__)


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
        plain.run(session, statement, rows)


def gathered(session: Session, statement: Insert | Update, row: dict[str, Any]) -> None:
    """Write a row that nobody looks up before the transaction ends: now, or with others of its kind."""
    kept = session.info.get(_GATHERED)
    if kept is None:
        plain.run(session, statement, [row])
    else:
        kept.setdefault(statement, []).append(row)
