"""Every promise that a kind makes, found out without its target: against one that misbehaves."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from adapters.contract import Previews
from gateway.clients.http import HttpLimits
from gateway.domain.errors import (
    Ambiguous,
    Declined,
    DeliveryError,
    GatewayFault,
    Permanent,
    Temporary,
)
from gateway.domain.evidence.reasons import catalogue
from gateway.exchange.transit.attempt import place
from gateway.kit.rogue import HABITS, RETRY_S, Habit, Rogue, rogue, url_of
from gateway.kit.scorecard import Broken, Check, NotChecked
from gateway.kit.subject import SECRET, Subject, letter

_LARGE = 24 * 1024 * 1024
_MOST_MEMORY = 6 * 1024 * 1024
_FOLDER = Path("/proc/self/fd")
_PATIENT = HttpLimits(connect_s=5, read_s=20, total_s=60)
_DEEP: Any = []
for _ in range(60):
    _DEEP = [_DEEP]
_NONSENSE: tuple[Any, ...] = (
    None, True, -1, 1.5, float("nan"), "", "\ud800", "x" * 100_000, "{{", [], {}, _DEEP,
)  # fmt: skip


def checks(subject: Subject) -> Iterator[Check]:
    """Every check that needs no target of the kind's own."""
    yield "says who it is and what it promises", partial(_says_who, subject)
    yield "takes good options and names what is wrong with others", partial(_judges_options, subject)
    yield "answers for nonsense in options without raising", partial(_survives_nonsense, subject)
    yield "a preview shows no secret and calls nobody", partial(_previews, subject)
    yield "a target that is down is temporary", partial(_down, subject)
    for habit in HABITS:
        yield (
            f"a target that {habit.words} is {habit.sort.__name__.lower()}",
            partial(_judges, subject, habit),
        )
    yield "a large attachment costs no memory", partial(_streams, subject)
    yield "no thread and no connection stays behind", partial(_leaves_nothing, subject)


def _says_who(subject: Subject) -> None:
    adapter: Any = subject.adapter
    if adapter.kind != subject.kind:
        raise Broken(f"kind is {adapter.kind!r}, its entry point {subject.kind!r}")
    for name in ("idempotent", "streams"):
        if not isinstance(getattr(adapter, name), bool):
            raise Broken(f"{name} is neither True nor False")


def _faults(subject: Subject, options: dict[str, Any]) -> list[str]:
    found: Any = subject.adapter.check_options(options)
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise Broken("check_options gave back something else than a list of sentences")
    return found


def _judges_options(subject: Subject) -> None:
    given = dict(subject.options)
    if faults := _faults(subject, given):
        raise Broken(f"refuses the options given: {'; '.join(faults)}")
    if not any("no_such_key" in one for one in _faults(subject, {**given, "no_such_key": 1})):
        raise Broken("does not name a key that it does not know")
    if not _faults(subject, {}):
        raise Broken("takes a route that says nothing at all")


def _survives_nonsense(subject: Subject) -> str:
    count = 0
    for key in subject.options:
        for nonsense in _NONSENSE:
            _faults(subject, {**subject.options, key: nonsense})
            count += 1
    return f"{count} cases"


def _previews(subject: Subject) -> None:
    adapter = subject.adapter
    if not isinstance(adapter, Previews):
        raise NotChecked("the kind shows no calls beforehand")
    with rogue(Rogue.decline, subject.description) as target:
        shown = adapter.preview(letter(1), subject.context(url_of(target)))
        if target.calls:
            raise Broken("called the target")
    if SECRET in repr(shown):
        raise Broken("shows a secret")


def _of_calls(subject: Subject) -> None:
    if not subject.calls:
        raise NotChecked("its options name no http address")


def _down(subject: Subject) -> None:
    _of_calls(subject)
    with closing(socket.socket()) as reserved:
        # bound and not listening: the port refuses connections and nobody else takes it
        reserved.bind(("127.0.0.1", 0))
        error = _failure(subject, f"http://127.0.0.1:{reserved.getsockname()[1]}", 2)
    if not isinstance(error, Temporary):
        raise Broken(f"judged {told(error)}")


def _judges(subject: Subject, habit: Habit) -> None:
    _of_calls(subject)
    with rogue(habit.act, subject.description) as target:
        error = _failure(subject, url_of(target), 3)
        if not target.calls:
            raise Broken(f"did not call it: {told(error)}")
    allowed = {habit.sort}
    if subject.draft and habit.sort is Ambiguous:
        allowed |= {Temporary}
    if type(error) not in allowed and not (habit.sort is Permanent and isinstance(error, Declined)):
        raise Broken(f"judged {told(error)}")
    if habit.asks_to_wait and isinstance(error, Temporary) and error.retry_after != RETRY_S:
        raise Broken(f"was asked to wait {RETRY_S} s and says {error.retry_after}")


def _failure(subject: Subject, url: str, number: int) -> DeliveryError:
    """How the kind judges a delivery that cannot go well."""
    try:
        done = subject.adapter.deliver(letter(number), subject.context(url))
    except DeliveryError as error:
        if error.code not in catalogue():
            raise Broken(f"gives a reason that does not exist: {error.code!r}") from error
        if SECRET in error.detail:
            raise Broken("tells a secret") from error
        return error
    except GatewayFault as fault:
        raise Broken(f"lets the hub's own fault through: {fault}") from fault
    except Exception as error:
        raise Broken(f"raised {place(error)} instead of a DeliveryError") from error
    raise Broken(f"took it for a success: {done!r}"[:300])


def told(error: DeliveryError) -> str:
    """A failure in words."""
    return f"{type(error).__name__} {error}"[:300]


def _streams(subject: Subject) -> str:
    _of_calls(subject)
    with rogue(Rogue.decline, subject.description) as target:
        return constant_memory(subject, url_of(target))


def constant_memory(subject: Subject, url: str | None) -> str:
    """What a large attachment costs on its way to a target, whatever the target makes of it.

    Raises:
        NotChecked: the kind does not promise it, or the attachment was not sent there.
        Broken: it costs memory.
    """
    if not subject.adapter.streams:
        raise NotChecked("not promised: its routes need max_bytes")
    opened: list[str] = []
    large = letter(4, _LARGE, opened.append)
    context = subject.context(url, _PATIENT)
    tracemalloc.start()
    try:
        with contextlib.suppress(DeliveryError):  # what counts is what it cost
            subject.adapter.deliver(large, context)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if peak > _MOST_MEMORY:
        raise Broken(f"{peak / 1e6:.0f} MB for an attachment of {_LARGE / 1e6:.0f} MB")
    if not opened:
        raise NotChecked("the attachment was not sent there")
    return f"{peak / 1e6:.1f} MB for one of {_LARGE / 1e6:.0f} MB"


def _leaves_nothing(subject: Subject) -> None:
    _of_calls(subject)
    with rogue(Rogue.page, subject.description) as target:
        _failure(subject, url_of(target), 5)  # whatever is made once is made by now
        time.sleep(0.05)
        before = _alive()
        for number in range(6, 16):
            _failure(subject, url_of(target), number)
        after = _settled(before)
    threads, descriptors = after[0] - before[0], after[1] - before[1]
    if threads > 0 or descriptors > 0:
        raise Broken(
            f"after ten deliveries {max(0, threads)} threads and {max(0, descriptors)} descriptors more"
        )


def _alive() -> tuple[int, int]:
    gc.collect()
    own = [one for one in threading.enumerate() if "process_request_thread" not in one.name]
    return len(own), len(os.listdir(_FOLDER)) if _FOLDER.exists() else 0  # noqa: PTH208 - a count


def _settled(before: tuple[int, int]) -> tuple[int, int]:
    """The same counts once the target's own threads had time to end."""
    end = time.monotonic() + 2
    while True:
        now = _alive()
        if (now[0] <= before[0] and now[1] <= before[1]) or time.monotonic() > end:
            return now
        time.sleep(0.02)
