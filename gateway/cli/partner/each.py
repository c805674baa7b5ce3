"""One letter that does not get through keeps no other from trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.domain.errors import DeliveryError

T = TypeVar("T")
_IN_A_ROW = 3
"""So many failures one after the other, and it is the hub that is away, not a letter."""


def each(things: Iterable[T], act: Callable[[T], None]) -> None:
    """Do it for each, whatever became of the one before.

    Raises:
        DeliveryError: the first failure, once all were tried, or three in a row failed.
    """
    first: DeliveryError | None = None
    row = 0
    for thing in things:
        try:
            act(thing)
            row = 0
        except DeliveryError as error:
            first, row = first or error, row + 1
            if row == _IN_A_ROW:
                break
    if first is not None:
        raise first
