"""One caller cannot ask too often, and not everybody is served at once."""

from __future__ import annotations

import pytest

from gateway.domain.errors import TooMany
from gateway.web.flood import Flood


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ask(flood: Flood, caller: str = "a") -> bool:
    try:
        with flood.admitted(caller):
            return True
    except TooMany:
        return False


def test_a_caller_has_so_many_a_minute_and_others_their_own() -> None:
    seconds = Seconds()
    flood = Flood(3, 1, seconds)
    assert [ask(flood) for _ in range(5)] == [True, True, True, False, False]
    assert ask(flood, "b")
    seconds.now = 21.0
    assert [ask(flood) for _ in range(2)] == [True, False]
    seconds.now = 1000.0
    assert [ask(flood) for _ in range(4)] == [True, True, True, False]


def test_a_place_is_given_back_even_after_a_failure() -> None:
    flood = Flood(100, 1, Seconds())
    with flood.admitted("a"):
        assert not ask(flood, "b")
    with pytest.raises(KeyError), flood.admitted("a"):
        raise KeyError
    assert ask(flood, "b")


def test_the_memory_of_callers_is_bounded() -> None:
    flood = Flood(1, 1, Seconds())
    for number in range(10_050):
        assert ask(flood, str(number))
    assert not ask(flood, "10049")
    assert ask(flood, "0")
