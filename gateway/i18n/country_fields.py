"""Reads one table of a country pack, noting every fault with the key it stands at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Wanted = TypeVar("Wanted")


class Fields:
    """A TOML table that is read key by key; `close` notes the keys that nobody read."""

    def __init__(self, table: Mapping[str, Any], place: str, faults: list[str]) -> None:
        self._table = dict(table)
        self._place = place
        self._faults = faults

    def take(
        self, key: str, expected: str, accept: Callable[[Any], Wanted | None], default: Wanted | None = None
    ) -> Wanted | None:
        """The value of ``key`` as ``accept`` gives it back, or None with a fault noted.

        Args:
            expected: the end of the sentence "must be …".
            accept: the value itself or what is made of it; None or ValueError for a wrong one.
            default: stands for a missing key; without one, a missing key is a fault.
        """
        if key not in self._table and default is not None:
            return default
        value = self._table.pop(key, None)
        try:
            accepted = accept(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            accepted = None
        if accepted is None:
            self.note(key, f"must be {expected}")
        return accepted

    def tables(self, key: str) -> Iterator[Fields]:
        """Each table of the list at ``key``; none when the key is missing."""
        entries = self._table.pop(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.note(key, "must be a list of tables")
            return
        for index, entry in enumerate(entries):
            inner = Fields(entry, f"{self._place}: {key}[{index}]", self._faults)
            yield inner
            inner.close()

    def close(self) -> None:
        """Note every key that was not asked for."""
        for key in self._table:
            self.note(key, "no such key")

    def note(self, key: str, fault: str) -> None:
        """Note a fault at ``key``."""
        self._faults.append(f"{self._place}: {key}: {fault}")


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value.strip() else None


def truth(value: Any) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def number(least: int, most: int) -> Callable[[Any], int | None]:
    """A whole number within bounds."""

    def accept(value: Any) -> int | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and least <= value <= most else None

    return accept
