"""The two shapes of a hub: what a test asks of `shape` is asked of SQLite and of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.pool import Pool

from tests.support import postgres


@dataclass(frozen=True)
class Shape:
    """One shape; hubs that tests build while it is the present one take it."""

    name: str

    @property
    def scaled(self) -> bool:
        return self.name == "scaled"

    def environment(self, like: str | None = None) -> dict[str, str]:
        """What a new hub's settings need to have a database of its own, a copy of that at ``like`` or new."""
        if not self.scaled:
            return {}
        url = postgres.fresh_database(make_url(like).database if like else None)
        return {"WASL_DATABASE_URL": url}


EMBEDDED, SCALED = Shape("embedded"), Shape("scaled")
_chosen = [EMBEDDED]


def present() -> Shape:
    """The shape that hubs are built in now."""
    return _chosen[-1]


@contextmanager
def chosen(shape: Shape) -> Iterator[Shape]:
    """Build hubs in this shape for the length of the block; afterwards their connections are closed."""
    opened: list[Any] = []

    def remember(connection: Any, _record: Any) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", remember)
    _chosen.append(shape)
    try:
        yield shape
    finally:
        _chosen.pop()
        event.remove(Pool, "connect", remember)
        if shape.scaled:  # nobody disposes of a test hub's engine, and the driver warns of what is left open
            for connection in opened:
                connection.close()
