"""Tries a route's connection step by step, without a letter."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol
from urllib.parse import urlsplit

from adapters.contract import Adapter, Context, Probes, Response
from gateway.domain.errors import DeliveryError, GatewayFault, Permanent, Temporary
from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.transit.probing import OF_AN_ADDRESS, Step, StepName, StepState, ok, stopped
from gateway.exchange.transit.attempt import NO_ADAPTER, NOT_INSTALLED, NOT_SET, ours, place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.sound import sound_error, words

_NOT_LET_IN = "WASL-DLV-013"
_MOST_ADDRESSES = 3
_DEEPEST = 6
_REFUSED = frozenset({401, 403})
_END = (StepName.AUTHENTICATION, StepName.CAPABILITY)
_LONGEST = 1000


class Examines(Protocol):
    """The way out, as far as addresses are examined on it."""

    def examine(self, url: str, identity: str | None = None, tls: bool = True) -> tuple[Step, ...]:
        """Name, connection and TLS at an address; nothing is sent.

        Raises:
            Permanent: the URL is not one.
        """


@dataclass(frozen=True)
class Probing:
    """Probes routes.

    Attributes:
        contexts: builds what an adapter may use on a route.
    """

    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]
    http: Examines

    def probe(self, route: Route) -> tuple[Step, ...]:
        """Every step in its order, up to the first that fails; what follows it says so."""
        if route.kind is not RouteKind.ADAPTER:
            return (ok(StepName.OPTIONS, f"letters lie ready here ({route.kind.value}): nobody is called"),)
        adapter = self.adapters.get(route.adapter)
        every = tuple(StepName)
        if adapter is None:
            absent = f"no kind {route.adapter!r} is installed"
            return stopped(StepName.OPTIONS, NOT_INSTALLED, absent, "", every)
        faults = _faults(adapter, route.options)
        if faults:
            return stopped(StepName.OPTIONS, NOT_SET, words("; ".join(faults), _LONGEST), "", every)
        return (ok(StepName.OPTIONS, f"kind {route.adapter}"), *self._probed(adapter, route))

    def _probed(self, adapter: Adapter, route: Route) -> tuple[Step, ...]:
        if not isinstance(adapter, Probes):
            return self._reached(route.options)
        tape, way = Tape(hearing=False), None
        try:
            context = tape.over(self.contexts(route))
            way = _Stepping(context, self.http)
            found = adapter.probe(replace(context, http=way, dial=way.dial))
        except DeliveryError as error:
            return self._failed(sound_error(error, tape.hide), way, route)
        except GatewayFault as fault:
            return self._failed(ours(fault, started=False), way, route)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - what others wrote may fail in any way
            return self._failed(Permanent(NO_ADAPTER, place(error)), way, route)
        return (*way.steps, *_answered(tape.hide(words(found, _LONGEST)), way))

    def _reached(self, options: Mapping[str, Any]) -> tuple[Step, ...]:
        """As far as addresses in the options can be reached, of a kind that cannot be asked more."""
        mute = "this kind cannot be asked"
        return (*self._addresses(options), *(Step(name, StepState.NOT_TRIED, mute) for name in _END))

    def _addresses(self, options: Mapping[str, Any]) -> tuple[Step, ...]:
        urls = islice(dict.fromkeys(_urls(options)), _MOST_ADDRESSES)
        return tuple(step for url in urls for step in _examined(self.http, url, None))

    def _failed(self, error: DeliveryError, way: _Stepping | None, route: Route) -> tuple[Step, ...]:
        steps = tuple(way.steps) if way else ()
        if not steps:  # it failed before it called anybody: the way there is told all the same
            steps = self._addresses(route.options)
        if any(step.state is StepState.FAILED for step in steps):
            return (*steps, *(Step(name, StepState.NOT_TRIED) for name in _END))
        if error.code in (_NOT_LET_IN, NOT_SET):
            return (*steps, *stopped(StepName.AUTHENTICATION, error.code, error.detail, "", _END))
        let_in = _let_in(way.status if way else None)
        return (*steps, let_in, Step(StepName.CAPABILITY, StepState.FAILED, error.detail, error.code))


@dataclass
class _Stepping:
    """A way out that examines each new address before it calls it."""

    context: Context
    examiner: Examines
    steps: list[Step] = field(default_factory=list)
    status: int | None = None
    dialled: bool = False
    known: set[tuple[str, str]] = field(default_factory=set)

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `adapters.contract.Http.request`."""
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        self._reach((parts.scheme, parts.netloc), url, more.get("identity"))
        response = self.context.http.request(method, url, **more)
        self.status = response.status
        return response

    def dial(self, host: str, port: int) -> socket.socket:
        """As `adapters.contract.Dial`."""
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}/"
        self._reach(("", f"{host}:{port}"), url, None, tls=False)
        made = self.context.dial(host, port)
        self.dialled = True
        return made

    def _reach(self, origin: tuple[str, str], url: str, identity: str | None, tls: bool = True) -> None:
        if origin in self.known or len(self.known) >= 2 * _MOST_ADDRESSES:
            return
        self.known.add(origin)
        found = _examined(self.examiner, url, identity, tls)
        self.steps += found
        for step in found:
            if step.state is StepState.FAILED:
                raise Temporary(step.code or NO_ADAPTER, step.found)


def _examined(http: Examines, url: str, identity: str | None, tls: bool = True) -> tuple[Step, ...]:
    try:
        return http.examine(url, identity, tls)
    except DeliveryError as error:
        return stopped(StepName.NAME, error.code, error.detail, words(url, 80), OF_AN_ADDRESS)


def _faults(adapter: Adapter, options: Mapping[str, Any]) -> list[str]:
    try:
        return [str(fault) for fault in adapter.check_options(options)]
    except Exception as error:  # noqa: BLE001 - what others wrote may fail in any way
        return [f"the kind fails over them: {place(error)}"]


def _answered(found: str, way: _Stepping) -> tuple[Step, ...]:
    if way.status is None and way.dialled:  # whoever was not let in would have nothing to tell
        return (ok(StepName.AUTHENTICATION, "let in"), ok(StepName.CAPABILITY, found))
    let_in = _let_in(way.status)
    if let_in.state is StepState.FAILED:
        return (let_in, Step(StepName.CAPABILITY, StepState.NOT_TRIED, found))
    return (let_in, ok(StepName.CAPABILITY, found))


def _let_in(status: int | None) -> Step:
    name = StepName.AUTHENTICATION
    if status is None:
        return Step(name, StepState.NOT_TRIED, "nothing was asked over HTTP")
    if status in _REFUSED:
        return Step(name, StepState.FAILED, f"HTTP {status}", _NOT_LET_IN)
    if status >= 300:
        return Step(name, StepState.NOT_TRIED, f"HTTP {status} does not say")
    return ok(name, f"HTTP {status}")


def _urls(value: Any, depth: int = 0) -> Iterator[str]:
    """Addresses that stand in options, in their order."""
    if isinstance(value, str):
        if value.startswith(("http://", "https://")):
            yield value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for one in value.values():
            yield from _urls(one, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for one in value:
            yield from _urls(one, depth + 1)
