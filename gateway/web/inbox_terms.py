"""What an office says about a letter, read from a call's members."""

from __future__ import annotations

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.receipt import Registered
from gateway.domain.transit.states import Processing
from gateway.exchange.transit.inbox import Reader
from gateway.web.bodies import Members
from gateway.web.reading import BAD_PARAMETER

WHO = ("unit", "reader")


def reader_of(party: str, said: Members) -> Reader:
    """Who reads: the unit stands in receipts, by default the office; the reader's locks are its own.

    Raises:
        Refused: a name is none.
    """
    return Reader(party, said.line("unit"), said.line("reader", 120) or party)


def registered(said: Members) -> Registered | None:
    """The number under which the office registered the letter.

    Raises:
        Refused: a member is none, or there is a date or a book without a number.
    """
    number = said.line("registerNumber", 120)
    day, book = said.day("registerDate"), said.line("registerBook", 80)
    if number is None and (day is not None or book is not None):
        raise Refused.because(BAD_PARAMETER, "registerNumber")
    return None if number is None else Registered(number, day, book)


def processing_of(said: Members) -> Processing:
    """How far the office is.

    Raises:
        Refused: there is no such state.
    """
    try:
        return Processing(said.needed("state"))
    except ValueError as error:
        raise Refused.because(BAD_PARAMETER, "state") from error


def refusal_of(said: Members) -> Fault:
    """Why the office does not take the letter.

    Raises:
        Refused: no code, or a text that is none.
    """
    code = said.needed("code", 16)
    return Fault(code, found=said.line("text"))


def ground_of(said: Members) -> Fault | None:
    """Why the office passes the letter on, if it says so.

    Raises:
        Refused: a code or a text that is none.
    """
    code = said.line("code", 16)
    return None if code is None else Fault(code, found=said.line("text"))
