"""Promises that only a kind's own target shows: repeats, look-ups, a letter that arrives."""

from __future__ import annotations

import selectors
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.contract import Delivered, Finds, Previews, Probes, Request, Response
from gateway.domain.errors import DeliveryError, Misconfigured
from gateway.exchange.transit.attempt import Means
from gateway.exchange.transit.sound import sound
from gateway.kit.checks import constant_memory, told
from gateway.kit.scorecard import Broken, Check, NotChecked
from gateway.kit.subject import SECRET, Subject, letter

_READY_S = 30
_END_S = 10


@contextmanager
def running(command: str) -> Iterator[str]:
    """A target as its own process; the address at the end of the first line that it prints.

    Raises:
        Misconfigured: it does not start, or prints no address.
    """
    try:
        process = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, text=True)  # noqa: S603
    except (OSError, ValueError) as error:
        raise Misconfigured([f"target: {error}"]) from error
    with process:
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(_READY_S) else ""
    words = line.split()
    if not words or not words[-1].startswith("http"):
        raise Misconfigured([f"target: prints no address in its first line, but {line.strip()!r}"])
    return words[-1].rstrip("/")


def checks_at(subject: Subject, url: str | None) -> Iterator[Check]:
    """Every check that needs the kind's own target.

    Args:
        url: its address, in place of those in the options; None: the options are taken as they are.
    """
    yield "its own target lets itself be probed", partial(_probed, subject, url)
    yield "a letter arrives, and the target's own word for it comes back", partial(_arrives, subject, url)
    yield "a large attachment arrives in constant memory", partial(constant_memory, subject, url)
    yield "a repeat under one delivery id arrives once", partial(_repeats, subject, url)
    yield "what arrived is found, what never came is not", partial(_finds, subject, url)
    yield "an operator sees what it does there", partial(_is_seen, subject, url)


def without_target() -> Iterator[Check]:
    """The same checks where no target was named."""

    def absent() -> None:
        raise NotChecked("needs --target, or --in-place")

    for words in ("a letter arrives", "a repeat arrives once", "what arrived is found"):
        yield words, absent


def _probed(subject: Subject, url: str | None) -> str:
    adapter = subject.adapter
    if isinstance(adapter, Previews) and SECRET in repr(adapter.preview(letter(100), subject.context(url))):
        raise Broken("a preview shows a secret")
    if not isinstance(adapter, Probes):
        raise NotChecked("the kind cannot be asked")
    return adapter.probe(subject.context(url))


def _delivered(subject: Subject, url: str | None, number: int) -> Delivered:
    try:
        return sound(subject.adapter.deliver(letter(number), subject.context(url)))
    except DeliveryError as error:
        raise Broken(f"judged {told(error)}") from error


def _arrives(subject: Subject, url: str | None) -> str:
    done = _delivered(subject, url, 101)
    return f"reference {done.target_reference}, register number {done.register_number}"


def _is_seen(subject: Subject, url: str | None) -> str:
    """Calls over HTTP are heard anyway; whatever goes another way is to be told step by step."""
    context, called, steps = subject.context(url), 0, list[Request]()

    class Heard:
        def request(self, *given: Any, **more: Any) -> Response:
            nonlocal called
            called += 1
            return context.http.request(*given, **more)

    @contextmanager
    def step(request: Request) -> Iterator[Callable[[str], None]]:
        steps.append(request)
        yield lambda answer: None

    subject.adapter.deliver(letter(104), replace(context, http=Heard(), step=step))
    if not all(isinstance(one, Request) and isinstance(one.body, str) for one in steps):
        raise Broken("tells a step that is no Request with a text as its body")
    if SECRET in repr(steps):
        raise Broken("tells a secret in a step")
    if not called + len(steps):
        raise NotChecked("it calls nobody over HTTP and tells no step (context.step): nothing is recorded")
    return f"{called} calls, {len(steps)} steps"


def _repeats(subject: Subject, url: str | None) -> str:
    if not Means(subject.adapter, subject.options).repeats:
        raise NotChecked("not promised: what is in doubt is looked up, or held for a person")
    first, second = _delivered(subject, url, 102), _delivered(subject, url, 102)
    if (first.target_reference, first.register_number) != (second.target_reference, second.register_number):
        raise Broken(f"{first.target_reference} became {second.target_reference}")
    return f"{first.target_reference} twice"


def _finds(subject: Subject, url: str | None) -> str:
    finder = Means(subject.adapter, subject.options).finder
    if not isinstance(finder, Finds):
        raise NotChecked("not promised")
    context = subject.context(url)
    if finder.find(letter(999).delivery_id, "0000-0000-000", context) is not None:
        raise Broken("finds what never came")
    done, one = _delivered(subject, url, 103), letter(103)
    found = finder.find(one.delivery_id, one.reference, context)
    if found is None or found.register_number != done.register_number:
        raise Broken(f"was given {done.register_number} and finds {found and found.register_number}")
    return f"{found.register_number} found"
