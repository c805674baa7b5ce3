"""The hub's guarded way out: allowed addresses, no redirects, bounded time, bounded answers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.response import BaseHTTPResponse

from adapters.contract import Response
from gateway.clients.address import NOT_ALLOWED, Address, AddressRules, Target, parse_target
from gateway.clients.alarm import Alarm
from gateway.clients.answer import WholeHead
from gateway.clients.deadline import Deadline
from gateway.clients.examining import Means, examined
from gateway.clients.identities import Identities, authorities_of_the_system, tls_context
from gateway.clients.outgoing import NO_FORM, Outgoing, checked
from gateway.clients.resolver import NOT_REACHED, Resolver, resolve_within, system_resolver
from gateway.domain.errors import Ambiguous, DeliveryError, Misconfigured, Permanent, Temporary
from gateway.domain.transit.probing import Step

_UNKNOWN = "WASL-DLV-004"
_NO_ANSWER = "WASL-DLV-008"
_NOT_LET_IN = "WASL-DLV-013"
_CERTIFICATE_REFUSED = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
    }
)
_CUT = (ConnectionError, http.client.IncompleteRead)
_BROKEN = (OSError, http.client.HTTPException, HTTPError)
_PIECE = 64 * 1024
_OK = 200
_REFUSALS = 400


@dataclass(frozen=True)
class Sink:
    """Where a long answer goes: ``write`` takes its pieces, ``most`` octets of them together."""

    write: Callable[[bytes], object]
    most: int


@dataclass(frozen=True)
class HttpLimits:
    """Bounds of one call, in seconds and octets.

    Attributes:
        connect_s: for the name look-up, and again for each address to connect, TLS included.
        read_s: the longest silence, or the longest that 64 KiB may take to leave.
        total_s: for everything together.
        answer_bytes: of the answer's body.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 600.0
    answer_bytes: int = 1024 * 1024


@dataclass(frozen=True)
class HttpSettings:
    """How the hub calls others.

    Attributes:
        allow: networks (CIDR) and host names beyond the public addresses; see `AddressRules`.
        ca_file: certificate authorities in PEM; None for those of the operating system.
        client_certificate, client_key: PEM files by which the hub shows who it is.
        plain_by_list: http without TLS leads only to what ``allow`` opens, not to public addresses.
    """

    allow: tuple[str, ...] = ()
    limits: HttpLimits = HttpLimits()
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    plain_by_list: bool = False


class GuardedHttp:
    """Implements `adapters.contract.Http`.

    Every call resolves, judges and connects anew, to the very address that was judged. A kept
    connection that the other side closes meanwhile could not be told from a letter that was taken.

    Args:
        resolve: finds addresses of names; another one than the system's in tests only.

    Raises:
        Misconfigured: an entry of the allow-list or a certificate file cannot be used.
    """

    def __init__(self, settings: HttpSettings, resolve: Resolver = system_resolver) -> None:
        self._limits = settings.limits
        self._rules = AddressRules(settings.allow)
        self._tls = _tls_context(settings)
        self._resolve = resolve
        self._plain_by_list = settings.plain_by_list
        self._alarm = Alarm()
        self._identities = Identities(settings.ca_file)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_length: int | None = None,
        identity: str | None = None,
        into: Sink | None = None,
    ) -> Response:
        """Send one request and read its answer, whatever its status.

        Args:
            identity: a client certificate with its chain and its private key in PEM, instead of the
                settings' one.
            content_length: octets of ``body``; required when it is an iterator.
            into: where the body of a ``200`` goes piece by piece; that of any other answer is in the
                response, within the usual limit.

        Raises:
            Temporary: no connection was made, the other side's TLS refused the hub's certificate, or
                ``identity`` is none: nothing was taken.
            Permanent: the address is not allowed, or the request is not one.
            Ambiguous: the connection broke or timed out after sending started, or the answer is too
                large or none.
            ValueError: the length of the body is missing or wrong.
        """
        target = parse_target(url)
        outgoing = checked(target, method, headers, body, content_length)
        tls = self._tls if identity is None else self._tls_as(identity, target)
        with Deadline(self._limits.total_s, self._alarm) as deadline:
            addresses = self._permitted(target, deadline)
            with contextlib.closing(self._connect(target, addresses, deadline, tls)) as connection:
                return _exchange(connection, outgoing, self._limits, deadline, into)

    def dial(self, host: str, port: int) -> socket.socket:
        """Implements `adapters.contract.Dial`: silence longer than ``read_s`` breaks the connection.

        Raises:
            Temporary: no connection was made.
            Permanent: the address is not allowed.
        """
        # the scheme decides nothing here but the port's default, and that brackets stand around IPv6
        target = parse_target(f"https://{f'[{host}]' if ':' in host else host}:{port}/")
        if (target.host, target.port) != (host.lower(), port):
            raise Permanent(NOT_ALLOWED, "the host or the port is none")
        with Deadline(self._limits.total_s, self._alarm) as deadline:
            failure: OSError | None = None
            for address in self._permitted(target, deadline):
                try:
                    made = socket.create_connection(
                        (str(address), target.port), deadline.remaining(self._limits.connect_s)
                    )
                except OSError as error:
                    failure = error
                else:
                    made.settimeout(self._limits.read_s)
                    return made
        raise Temporary(NOT_REACHED, f"{target.host}: {_short(failure)}") from failure

    def check(self, url: str) -> None:
        """Judge an address as `request` would now; nothing is connected.

        Raises:
            Temporary: its name leads nowhere now.
            Permanent: the address is not allowed, or the URL is not one.
        """
        target = parse_target(url)
        with Deadline(self._limits.total_s, self._alarm) as deadline:
            self._permitted(target, deadline)

    def examine(self, url: str, identity: str | None = None, tls: bool = True) -> tuple[Step, ...]:
        """Name, connection and TLS at an address, each by the rules of `request`; nothing is sent.

        Args:
            tls: whether to speak TLS where the URL's scheme wants it.

        Raises:
            Permanent: the URL is not one, or not allowed.
        """
        target = parse_target(url)
        means = Means(
            lambda: self._addresses(target, Deadline(self._limits.connect_s, self._alarm)),
            lambda found: self._allowed(target, found),
            lambda: self._tls if identity is None else self._tls_as(identity, target),
            self._limits.connect_s,
            self._alarm,
        )
        return examined(target, means, tls and target.scheme == "https")

    def _permitted(self, target: Target, deadline: Deadline) -> list[Address]:
        return self._allowed(target, self._addresses(target, deadline))

    def _allowed(self, target: Target, addresses: Sequence[str]) -> list[Address]:
        listed = self._plain_by_list and target.scheme == "http"
        return self._rules.permitted(target.host, addresses, listed)

    def _addresses(self, target: Target, deadline: Deadline) -> list[str]:
        if target.literal is not None:
            return [target.host]
        seconds = deadline.remaining(self._limits.connect_s)
        return list(resolve_within(seconds, self._resolve, target.host, target.port))

    def _tls_as(self, identity: str, target: Target) -> ssl.SSLContext:
        if target.scheme != "https":
            raise Permanent(NO_FORM, "a client certificate is shown over https only")
        try:
            return self._identities.context(identity)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise Temporary(_NOT_LET_IN, "the client certificate or its key cannot be used") from error

    def _connect(
        self, target: Target, addresses: list[Address], deadline: Deadline, tls: ssl.SSLContext
    ) -> HTTPConnection:
        """A connection to the first address that takes one, ready to send."""
        failure: Exception | None = None
        for address in addresses:
            seconds = deadline.remaining(self._limits.connect_s)
            if seconds <= 0:
                break
            connection = _connection(target, address, seconds, tls)
            try:
                connection.connect()
            except (OSError, HTTPError) as error:
                connection.close()
                failure = error
            else:
                connection.timeout = self._limits.read_s
                return connection
        raise Temporary(NOT_REACHED, f"{target.host}: {_short(failure)}") from failure


def _connection(target: Target, address: Address, seconds: float, tls: ssl.SSLContext) -> HTTPConnection:
    connection = (
        HTTPConnection(str(address), target.port, timeout=seconds)
        if target.scheme == "http"
        else HTTPSConnection(
            str(address), target.port, timeout=seconds, ssl_context=tls, server_hostname=target.host
        )
    )
    connection.response_class = WholeHead
    return connection


def _exchange(
    connection: HTTPConnection,
    outgoing: Outgoing,
    limits: HttpLimits,
    deadline: Deadline,
    into: Sink | None,
) -> Response:
    """Send, then read; from here on nobody knows whether the letter was taken, unless an answer says."""
    deadline.guard(connection.sock)
    try:
        cut_short = _send(connection, outgoing)
        with contextlib.closing(connection.getresponse()) as answer:
            response = _read(answer, outgoing.method, limits, into)
    except _BROKEN as error:
        raise _judged(error, deadline) from error
    if deadline.over:  # an answer without a length ends where the connection was cut
        raise _too_late(deadline)
    if cut_short and response.status < _REFUSALS:
        raise Ambiguous(_UNKNOWN, f"status {response.status} before the whole letter was sent")
    return response


def _send(connection: HTTPConnection, outgoing: Outgoing) -> OSError | None:
    """Send all of it, or as much as the other side takes.

    Returns:
        How the other side stopped us, which is no failure yet: it may have answered why.
    """
    try:
        connection.request(
            outgoing.method,
            outgoing.path,
            body=outgoing.pieces,
            headers=outgoing.headers,
            preload_content=False,
            decode_content=False,
        )
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError) as error:
        return error
    return None


def _read(answer: BaseHTTPResponse, method: str, limits: HttpLimits, into: Sink | None = None) -> Response:
    body = bytearray()
    sink = into if into is not None and answer.status == _OK else None
    write, most = (sink.write, sink.most) if sink else (body.extend, limits.answer_bytes)
    announced = answer.headers.get("content-length", "")
    too_large = method != "HEAD" and announced.isdecimal() and int(announced) > most
    read = 0
    while not too_large and (piece := answer.read(_PIECE)):
        read += len(piece)
        too_large = read > most
        if not too_large:
            write(piece)
    if too_large:
        raise Ambiguous(_NO_ANSWER, f"status {answer.status}, more than {most} octets")
    headers = {name.lower(): answer.headers[name] for name in answer.headers}  # repeated ones joined
    return Response(answer.status, headers, bytes(body))


def _judged(error: Exception, deadline: Deadline) -> DeliveryError:
    if deadline.over:
        return _too_late(deadline)
    if isinstance(error, ssl.SSLError) and error.reason in _CERTIFICATE_REFUSED:
        return Temporary(_NOT_LET_IN, f"TLS: {error.reason}")  # before a request is looked at
    garbled = isinstance(error, http.client.HTTPException | InvalidHeader)
    if garbled and not isinstance(error, _CUT):
        return Ambiguous(_NO_ANSWER, f"not HTTP: {_short(error)}")
    return Ambiguous(_UNKNOWN, _short(error))


def _too_late(deadline: Deadline) -> Ambiguous:
    return Ambiguous(_UNKNOWN, f"no complete answer within {deadline.seconds:g} seconds")


def _short(error: Exception | None) -> str:
    """What happened, without what was sent or said."""
    if error is None:
        return "no time left"
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None)
    return f"{type(error).__name__} {reason}" if isinstance(reason, str) else type(error).__name__


def _tls_context(settings: HttpSettings) -> ssl.SSLContext:
    if settings.ca_file is None and settings.client_certificate is None:
        return authorities_of_the_system()
    try:
        context = tls_context(settings.ca_file)
        if settings.client_certificate is not None:
            context.load_cert_chain(settings.client_certificate, settings.client_key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(["outgoing TLS: a certificate or key file cannot be read"]) from error
    return context
