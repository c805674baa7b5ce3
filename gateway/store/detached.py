"""Rows of mapped classes that plain statements read and write: no session knows of them.

They are what a session leaves behind when it ends, and cost a fraction: what was not loaded is not there, and
what is changed stays so until `write` is called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Update, bindparam, inspect, update
from sqlalchemy.orm import Session, make_transient_to_detached

from gateway.store import plain
from gateway.store.base import Base
from gateway.store.rows import table

Entity = TypeVar("Entity", bound=Base)

_MOST = 64
_KEY = "of_key"


@lru_cache(_MOST)
def columns(model: type[Base]) -> tuple[Column[Any], ...]:
    """What a query selects of a model, in the order that `made` takes it: all but what is loaded later."""
    return tuple(one.columns[0] for one in _loaded(model))


def made(model: type[Entity], values: Sequence[Any]) -> Entity | None:
    """The row with these values of its `columns`; None where an outer join found none."""
    names, key = _names(model)
    if values[key] is None:
        return None
    entity = model()
    vars(entity).update(zip(names, values, strict=True))
    make_transient_to_detached(entity)
    return entity


def among(column: Column[Any], size: int) -> ColumnElement[bool]:
    """The condition that a column has one of ``size`` values, whose names `several` gives."""
    return column.in_([bindparam(f"one_of_{number}") for number in range(size)])


def several(wanted: Collection[str]) -> Mapping[str, str]:
    """Values for a query about several keys: as many as the next power of two, none for none.

    The last one is repeated, so that few texts serve all numbers.
    """
    keys = list(wanted)
    places = 1 << (len(keys) - 1).bit_length() if keys else 0
    keys += keys[-1:] * (places - len(keys))
    return {f"one_of_{number}": key for number, key in enumerate(keys)}


def write(session: Session, model: type[Entity], rows: Collection[Entity]) -> None:
    """Write what was changed of rows of a model, in one statement for those with the same changes."""
    names, key = _names(model)
    alike: dict[frozenset[str], list[Mapping[str, Any]]] = {}
    for row in rows:
        changed = frozenset(names) - inspect(row).unmodified
        if changed:
            values = {name: getattr(row, name) for name in changed}
            alike.setdefault(changed, []).append({**values, _KEY: getattr(row, names[key])})
    for changed, changes in alike.items():
        plain.run(session, _update(model, changed), changes)


@lru_cache(_MOST)
def _update(model: type[Base], changed: frozenset[str]) -> Update:
    values: dict[str, Any] = {name: bindparam(name) for name in changed}
    return update(table(model)).where(_key(model) == bindparam(_KEY)).values(values)


@lru_cache(_MOST)
def _names(model: type[Base]) -> tuple[tuple[str, ...], int]:
    """The attributes that are loaded, and which of them is the primary key."""
    found = _loaded(model)
    return tuple(one.key for one in found), [one.columns[0] for one in found].index(_key(model))


@lru_cache(_MOST)
def _loaded(model: type[Base]) -> tuple[Any, ...]:
    return tuple(one for one in inspect(model).column_attrs if not one.deferred)


def _key(model: type[Base]) -> Column[Any]:
    [key] = table(model).primary_key.columns
    return key
