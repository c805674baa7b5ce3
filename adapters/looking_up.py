"""Letters are looked up at a target one by one: trouble with one keeps no other from being asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from adapters.contract import Handed, News
from gateway.domain.errors import DeliveryError, Permanent

_IN_A_ROW = 2
"""After so many letters that could not be asked about, one after the other, it is the target's trouble."""


def look_up(letters: Iterable[Handed], ask: Callable[[Handed], News | None]) -> list[News]:
    """What is heard of each letter, named by its delivery.

    Raises:
        DeliveryError: no letter could be asked about.
    """
    heard: list[News] = []
    trouble: DeliveryError | None = None
    answered, in_a_row = False, 0
    for letter in letters:
        try:
            news = ask(letter)
        except DeliveryError as error:
            trouble = trouble or error
            in_a_row += not isinstance(error, Permanent)
            if in_a_row >= _IN_A_ROW:
                break
            continue
        answered, in_a_row = True, 0
        if news is not None:
            heard.append(_of(letter, news))
    if trouble is not None and not answered:
        raise trouble
    return heard


def _of(letter: Handed, news: News) -> News:
    """The news of the very letter that was asked about, whatever else the answer calls it."""
    return replace(news, delivery_id=letter.delivery_id, reference=None, target_reference=None)
