"""What the checks of a kind came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from gateway.exchange.transit.attempt import place


class Result(Enum):
    """What a check came to."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Mark:
    """One check's result, and why it is not kept."""

    check: str
    result: Result
    why: str = ""


class Broken(Exception):
    """The kind does not keep the contract; says how."""


class NotChecked(Exception):
    """The check does not apply, or needs something that was not given; says what."""


Check = tuple[str, Callable[[], str | None]]
"""What is promised, in words, and what finds out: it returns a remark, or raises."""


def marked(checks: Iterator[Check]) -> Iterator[Mark]:
    """Each check carried out; what a kind raises breaks its promise and stops nothing."""
    for words, check in checks:
        try:
            remark = check()
        except NotChecked as why:
            yield Mark(words, Result.NOT_CHECKED, str(why))
        except Broken as how:
            yield Mark(words, Result.BROKEN, str(how))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - what others wrote may fail in any way
            yield Mark(words, Result.BROKEN, f"raised {place(error)}")
        else:
            yield Mark(words, Result.KEPT, remark or "")


def kept(marks: list[Mark]) -> bool:
    """Whether nothing is broken."""
    return all(mark.result is not Result.BROKEN for mark in marks)
