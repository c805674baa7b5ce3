"""One attempt at the target: look first where an earlier one may have arrived, then deliver."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog

from adapters.contract import (
    Adapter,
    Context,
    Delivered,
    Finds,
    FindsOnRoute,
    HonoursRepeats,
    Letter,
    Request,
    Response,
)
from gateway.domain.errors import (
    Ambiguous,
    Damaged,
    DeliveryError,
    GatewayFault,
    Misconfigured,
    Permanent,
    Temporary,
)
from gateway.domain.transit.call import TRACE_PARENT
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.memory import OUT_OF_MEMORY, TOO_MUCH, let_go
from gateway.exchange.transit.sound import Sound, sound, sound_error, sound_faults
from gateway.exchange.transit.underway import Sign

UNKNOWN = "WASL-DLV-004"
NO_ADAPTER = "WASL-DLV-014"
UNREADABLE = "WASL-DLV-015"
NOT_SET = "WASL-DLV-018"
NOT_INSTALLED = "WASL-DLV-061"
NOT_ALLOWED = "WASL-DLV-006"
OF_THE_ROUTE = frozenset({NOT_SET, NOT_ALLOWED})
"""What is wrong with the route itself, and fails every letter of it alike."""
NO_FIT, NO_ENTRY, NO_PLACE, NOT_FOUND_BEFORE = "WASL-DLV-074", "WASL-DLV-075", "WASL-DLV-076", "WASL-DLV-077"
ONE_LETTERS = frozenset({NO_FIT, NO_ENTRY, NO_PLACE, NOT_FOUND_BEFORE})
"""What the route makes of one letter failed: it waits for a person, and tells nothing of the route."""
OPERATORS_MEND = ONE_LETTERS | OF_THE_ROUTE | {"WASL-DLV-007", UNKNOWN, NO_ADAPTER, UNREADABLE}
"""Permanent failures that an operator of the hub can mend: the letter is held, not given up at once."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Trouble:
    """Why an attempt failed.

    Attributes:
        doubt: the target may have the letter, from this attempt or an earlier one.
    """

    error: DeliveryError
    doubt: bool


@cache
def can(kind: type, what: type) -> bool:
    """Whether a kind of adapters keeps one of the optional protocols.

    Kept: finding out takes longer than much of what it is asked for, and is asked for each letter.
    """
    return issubclass(kind, what)


def is_from_outside(adapter: object) -> bool:
    """Whether somebody else wrote a kind of adapters."""
    return not type(adapter).__module__.startswith("adapters.")


@dataclass(frozen=True)
class Means:
    """What an adapter can do on one route."""

    adapter: Adapter
    options: Mapping[str, Any]

    @property
    def repeats(self) -> bool:
        """Whether the target takes a delivery id once, however often it comes."""
        adapter = self.adapter
        if adapter.idempotent or not can(type(adapter), HonoursRepeats):
            return adapter.idempotent
        return cast("HonoursRepeats", adapter).honours_repeats(self.options)

    @property
    def finder(self) -> Finds | None:
        """Who can ask the target for an earlier delivery."""
        kind = type(self.adapter)
        if not can(kind, Finds):
            return None
        if can(kind, FindsOnRoute) and not cast("FindsOnRoute", self.adapter).can_find(self.options):
            return None
        return cast("Finds", self.adapter)

    @property
    def faults(self) -> str:
        """What is wrong with the route's options, as the kind that is installed now sees it."""
        return sound_faults(self.adapter.check_options, self.options)

    @property
    def can_tell(self) -> bool:
        """Whether another attempt cannot make a second letter at the target."""
        return self.repeats or self.finder is not None


def attempt(
    means: Means,
    letter: Letter,
    context: Context,
    doubt: bool,
    keep: Callable[[], None],
    earlier: Sequence[str] = (),
    key: str | None = None,
    tape: Tape | None = None,
    sign: Sign | None = None,
) -> Sound | Trouble:
    """Hand the letter over, unless an earlier attempt already did.

    Args:
        doubt: whether an earlier attempt may have arrived.
        keep: called before each request; keeps the lease.
        earlier: other deliveries of the same letter by which it may have arrived.
        key: the one under whose identifier a system that takes an identifier once would recognise it.
        tape: hears every call.
        sign: told whenever the adapter shows that it lives.

    Raises:
        LeaseLost: somebody else works on this delivery by now.
    """
    tape = Tape(hearing=False) if tape is None else tape
    context = tape.over(context)
    way = _Way(context, keep, tape, sign, letter.trace_parent)
    context = replace(context, http=way, dial=way.dial, step=way.step)
    name = letter.delivery_id
    if doubt and means.finder is not None:
        try:
            with _named(means, name, way):
                found = _find(means.finder, (name, *earlier), letter.reference, context)
                found = None if found is None else sound(found, tape)
        except DeliveryError as error:
            if not means.repeats:
                return Trouble(_of_look_up(error), doubt=True)
        else:
            if found is not None:
                return found
            doubt = False
    try:
        with _named(means, name, way):
            return sound(means.adapter.deliver(_keyed(letter, means, key), context), tape)
    except DeliveryError as error:
        midway = way.used and isinstance(error.__cause__, GatewayFault)
        return Trouble(error, doubt or midway or isinstance(error, Ambiguous))


def _keyed(letter: Letter, means: Means, key: str | None) -> Letter:
    """The letter under the key that it was first sent under, where the system promises to know it again."""
    return replace(letter, delivery_id=key) if key and means.repeats else letter


def _find(finder: Finds, names: Sequence[str], reference: str, context: Context) -> Delivered | None:
    """What the target has under the first of these delivery ids that it knows."""
    for name in names:
        found = finder.find(name, reference, context)
        if found is not None:
            return found
    return None


def _of_look_up(error: DeliveryError) -> DeliveryError:
    """A target that will never answer the question leaves it to a person."""
    refused = isinstance(error, Permanent) and error.code not in OPERATORS_MEND
    return Permanent(UNKNOWN, error.detail) if refused else error


@contextmanager
def _named(means: Means, delivery: str, way: _Way) -> Iterator[None]:
    """Let whatever an adapter raises leave as one of the three failures of a delivery."""
    try:
        with nullcontext() if way.sign is None else way.sign.of_the_kind():
            yield
    except DeliveryError as error:
        raise sound_error(error, way.tape.hide) from error.__cause__
    except (LeaseLost, KeyboardInterrupt):
        raise
    except GatewayFault as fault:
        raise ours(fault, started=way.used) from fault
    except OUT_OF_MEMORY as error:
        if way.sign is not None and way.sign.stretch is not None:
            way.sign.stretch.end()  # stopped in the very moment in which it ended
        cause = place(error)
        let_go(error)
        _log.error("adapter took too much memory", delivery=delivery, adapter=means.adapter.kind, cause=cause)
        raise Ambiguous(TOO_MUCH, f"{means.adapter.kind}: {cause}") from None
    except BaseException as error:  # an adapter that calls sys.exit ends neither the worker nor its thread
        cause = place(error)
        _log.error("adapter failed", delivery=delivery, adapter=means.adapter.kind, cause=cause)
        if not way.used and means.faults:  # the kind was renewed and does not take these options any more
            raise Permanent(NOT_SET, means.faults) from error
        raise Ambiguous(NO_ADAPTER, cause) from error


def ours(fault: GatewayFault, started: bool) -> DeliveryError:
    """The hub's own trouble as the failure of an attempt; ``started``: something was sent already."""
    if isinstance(fault, Misconfigured):
        return Permanent(NOT_SET, str(fault))
    if isinstance(fault, Damaged):
        return Permanent(UNREADABLE, str(fault))
    return (Ambiguous if started else Temporary)(UNREADABLE, str(fault))


def place(error: BaseException) -> str:
    """Kind and place of an exception, without its words: they may quote the letter or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class _Way:
    """The way out of one attempt: keeps the lease, names the trace, knows whether anything left the hub."""

    def __init__(
        self,
        context: Context,
        keep: Callable[[], None],
        tape: Tape,
        sign: Sign | None,
        trace_parent: str | None,
    ) -> None:
        self._http, self._dial, self._keep = context.http, context.dial, keep
        self.tape, self.sign = tape, sign
        self._more = {} if trace_parent is None else {TRACE_PARENT: trace_parent}
        self.used = False

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_length: int | None = None,
        identity: str | None = None,
    ) -> Response:
        """As `adapters.contract.Http.request`."""
        with self._hub():
            self._keep()
            self.used = True
            if self.sign is not None:
                self.sign.alive()
            headers = self._more | dict(headers or {})
            return self._http.request(
                method, url, headers=headers, body=body, content_length=content_length, identity=identity
            )

    def dial(self, host: str, port: int) -> socket.socket:
        """As `adapters.contract.Dial`."""
        with self._hub():
            self._keep()
            self.used = True
            if self.sign is not None:
                self.sign.on_its_own()
            self.tape.dialled(host, port)
            return self._dial(host, port)

    def step(self, request: Request) -> AbstractContextManager[Callable[[str], None]]:
        """As `adapters.heard.Stepping`."""
        if self.sign is not None:
            self.sign.alive()
        return self.tape.step(request)

    def _hub(self) -> AbstractContextManager[object]:
        """The hub's own part of the attempt: its lease may be written in it."""
        return nullcontext() if self.sign is None else self.sign.of_the_hub()
