"""Hears the calls of one attempt; cheap while it runs, and worked out only for what is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from adapters.contract import Context, Http, Request, Response
from gateway.domain.errors import DeliveryError, GatewayFault
from gateway.domain.registry.differences import references
from gateway.domain.transit.exchange import KEPT_OCTETS, MOST_CALLS, Call, Exchange
from gateway.exchange.transit.exchanges_known import Known
from gateway.exchange.transit.exchanges_masking import (
    FileContent,
    Mask,
    secret_values,
    without,
    without_files,
)
from gateway.exchange.transit.sound import words

_HEARD = KEPT_OCTETS + 4096
"""More than is kept, so that what must be masked is not cut in two."""
_IN_MEMORY = 256 * 1024
"""So much of a body stays in memory until the attempt ends; files in it are found within this."""
_LONGEST_URL = 2000
_LONGEST_ERROR = 1000
_LONGEST_BODY = 256 * 1024
_LEAST_IN_A_NAME = 8
"""A shorter secret may be part of a register number by chance, and that stands in receipts for good."""


@dataclass
class _Call:
    """One call as it is heard: the body's beginning, or the whole of one that is in memory anyway."""

    method: str
    url: str
    headers: Mapping[str, str]
    since: float
    body: bytes | bytearray = b""
    octets: int = 0
    answer: Response | None = None
    told: str = ""
    error: str | None = None
    until: float | None = None

    def listening(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, heard as they leave."""
        heard = self.body = bytearray()
        for piece in pieces:
            self.octets += len(piece)
            if len(heard) < _HEARD:
                heard += piece[: _HEARD - len(heard)]
            yield piece


@dataclass
class Tape:
    """The calls of one attempt in their order, and every secret that nobody may read in what is said of it.

    Of more calls than are kept the first stay and the last: where it began, and where it ended.

    Attributes:
        hearing: whether calls are heard; secrets are known in any case.
        secrets: what was resolved for the attempt, and what its calls showed to prove who calls.
        more: so many calls in the middle were let go.
    """

    hearing: bool = True
    clock: Callable[[], float] = time.monotonic
    calls: list[_Call] = field(default_factory=list)
    more: int = 0
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._others: Callable[[], Iterator[str]] = lambda: iter(())
        self._masks: tuple[set[str], Mask, Known] | None = None

    def over(self, context: Context) -> Context:
        """The same context: what is called over it is heard, and the secrets of its route are known."""
        self._others = lambda: _secrets_of(context)
        return replace(context, http=_Ear(self, context.http), secret=self.knowing(context.secret))

    def knowing(self, resolve: Callable[[str], str]) -> Callable[[str], str]:
        """The same way to secrets; what it gives is masked."""

        def resolved(name: str) -> str:
            secret = resolve(name)
            self.secrets.add(secret)
            return secret

        return resolved

    def request(
        self,
        http: Http,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | Iterator[bytes] | None,
        content_length: int | None,
        identity: str | None,
    ) -> Response:
        """As `adapters.contract.Http.request`, heard."""
        call = self._begun(method, url, headers or {})
        sent = self._sent(call, body)
        try:
            call.answer = http.request(
                method, url, headers=headers, body=sent, content_length=content_length, identity=identity
            )
        except DeliveryError as error:
            call.error = str(error)
            raise
        finally:
            call.until = self.clock()
            call.body = call.body[:_IN_MEMORY]
        return call.answer

    def dialled(self, host: str, port: int) -> None:
        """A connection that does not speak HTTP was made; what is said on it is not heard."""
        self._begun("DIAL", f"{host}:{port}", {}).until = self.clock()

    @contextmanager
    def step(self, request: Request) -> Iterator[Callable[[str], None]]:
        """As `adapters.heard.Stepping`."""
        headers = request.headers if isinstance(request.headers, Mapping) else {}
        call = self._begun(words(request.method, 20), words(request.url, _LONGEST_URL), headers)
        call.body = words(request.body, _IN_MEMORY).encode()

        def answered(text: str) -> None:
            call.told = words(text, _LONGEST_ERROR)

        try:
            yield answered
        except DeliveryError as error:
            call.error, call.told = str(error), ""
            raise
        except BaseException as error:
            call.error, call.told = call.told or type(error).__name__, ""
            raise
        finally:
            call.until = self.clock()

    def _begun(self, method: str, url: str, headers: Mapping[str, str]) -> _Call:
        call = _Call(method, url, headers, self.clock())
        self.secrets.update(secret_values(headers))
        if not self.hearing:
            return call
        if len(self.calls) >= MOST_CALLS:
            del self.calls[MOST_CALLS // 2]
            self.more += 1
        self.calls.append(call)
        return call

    def _sent(self, call: _Call, body: bytes | Iterator[bytes] | None) -> bytes | Iterator[bytes] | None:
        if body is None:
            return None
        if not self.hearing:
            return body
        if isinstance(body, bytes):
            call.body, call.octets = body, len(body)
            return body
        return call.listening(body)

    def exchange(self, files: tuple[FileContent, ...]) -> Exchange:
        """What was heard, without secrets and the contents of these files."""
        mask = self._mask()
        return Exchange(tuple(self._shown(call, mask, files) for call in self.calls), self.more)

    def hide(self, text: str) -> str:
        """A text of the other side without what is secret on this route."""
        return self._mask().text(text)

    def hide_in_name(self, name: str) -> str:
        """A name that the other side gave, such as a register number, without what is surely a secret."""
        return without(self._made()[2], name)

    def hide_in_call(self, call: Request) -> Request:
        """A call that an adapter shows, such as anybody may read it."""
        mask = Mask((*self._every(), *secret_values(call.headers)))
        headers = {words(name, 200): words(value, _LONGEST_URL) for name, value in call.headers.items()}
        return Request(
            words(call.method, 20),
            mask.url(words(call.url, _LONGEST_URL)),
            mask.headers(headers),
            mask.text(words(call.body, _LONGEST_BODY)),
        )

    def _mask(self) -> Mask:
        return self._made()[1]

    def _made(self) -> tuple[set[str], Mask, Known]:
        """What hides, made once for all that is hidden: one answer may hold hundreds of names."""
        if self._masks is None or self.secrets - self._masks[0]:
            every = self._every()
            self._masks = every, Mask(every), Known(every, _LEAST_IN_A_NAME)
        return self._masks

    def _every(self) -> set[str]:
        return self.secrets.union(self._others())

    def _shown(self, call: _Call, mask: Mask, files: tuple[FileContent, ...]) -> Call:
        until = self.clock() if call.until is None else call.until
        answer = call.answer
        return Call(
            method=call.method[:20],
            url=mask.url(_text(call.url[:_LONGEST_URL])),
            at_ms=round((call.since - self._began) * 1000),
            took_ms=round((until - call.since) * 1000),
            headers=mask.headers(_texts(call.headers)),
            body=_body(bytes(call.body), mask, files),
            octets=call.octets,
            status=answer.status if answer else None,
            answer_headers=mask.headers(_texts(answer.headers)) if answer else {},
            answer=_body(answer.body, mask, files) if answer else mask.text(call.told),
            answer_octets=len(answer.body) if answer else None,
            error=mask.text(_text(call.error[:_LONGEST_ERROR])) if call.error else None,
        )


@dataclass(frozen=True)
class _Ear:
    """The way out of an attempt, heard by its tape."""

    tape: Tape
    http: Http

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
        return self.tape.request(self.http, method, url, headers, body, content_length, identity)


def _secrets_of(context: Context) -> Iterator[str]:
    """Every secret that a route names: its system may repeat one that this attempt did not need."""
    for name in references(context.options):
        try:
            yield context.secret(name)
        except (GatewayFault, OSError, ValueError):  # one that is not there is nowhere to be read
            continue


def _body(octets: bytes, mask: Mask, files: tuple[FileContent, ...]) -> str:
    beginning = without_files(octets, files)[:_HEARD]
    return mask.text(beginning.decode("utf-8", "replace"))[:KEPT_OCTETS]


def _texts(headers: Mapping[str, str]) -> dict[str, str]:
    return {_text(str(name)[:200]): _text(str(value)[:_LONGEST_URL]) for name, value in headers.items()}


def _text(text: str) -> str:
    """The same without what no database takes: an adapter may have made it up."""
    return text.encode("utf-8", "replace").decode("utf-8")
