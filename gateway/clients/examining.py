"""Examines an address step by step (name, connection, TLS) by the rules of every call, sending nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.clients.address import NOT_ALLOWED, Address, Target
from gateway.clients.alarm import Alarm
from gateway.clients.deadline import Deadline
from gateway.clients.resolver import NOT_REACHED
from gateway.domain.errors import DeliveryError
from gateway.domain.lines import printable
from gateway.domain.transit.probing import OF_AN_ADDRESS, Step, StepName, StepState, ok, stopped

_SOON_DAYS = 21
_MOST_NAMES = 8


@dataclass(frozen=True)
class Means:
    """What an examination needs of the way out.

    Attributes:
        addresses: of the target's name, all of them.
        permitted: those of them that may be called.
        tls: the context of a real call.
        seconds: for the connection, and again for TLS.
    """

    addresses: Callable[[], Sequence[str]]
    permitted: Callable[[Sequence[str]], Sequence[Address]]
    tls: Callable[[], ssl.SSLContext]
    seconds: float
    alarm: Alarm
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def examined(target: Target, means: Means, with_tls: bool) -> tuple[Step, ...]:
    """The steps to an address, up to the first that fails.

    Args:
        with_tls: whether TLS is to be spoken there.
    """
    where = f"{target.host}:{target.port}"
    try:
        found = means.addresses()
        good = [str(one) for one in means.permitted(found)]
    except DeliveryError as error:
        return stopped(StepName.NAME, error.code, _not_led(error), where, OF_AN_ADDRESS)
    others = [one for one in found if one not in good]
    told = ", ".join(good) + (f"; not allowed: {', '.join(others)}" if others else "")
    named = ok(StepName.NAME, told, where)
    connected = _connected(target, good, means)
    if isinstance(connected, str):
        return (named, *stopped(StepName.CONNECTION, NOT_REACHED, connected, where, OF_AN_ADDRESS))
    connection, said = connected
    with contextlib.closing(connection):
        steps = (named, ok(StepName.CONNECTION, said, where))
        if not with_tls:
            return (*steps, Step(StepName.TLS, StepState.NOT_NEEDED, "no TLS at this address", None, where))
        return (*steps, *_secured(connection, target, means, where))


def _not_led(error: DeliveryError) -> str:
    return error.detail or ("not allowed" if error.code == NOT_ALLOWED else "no address found")


def _connected(target: Target, addresses: Sequence[str], means: Means) -> tuple[socket.socket, str] | str:
    """A connection and what is told of it, or why there is none."""
    failures = []
    for address in addresses:
        began = time.monotonic()
        try:
            made = socket.create_connection((address, target.port), means.seconds)
        except OSError as error:
            failures.append(f"{address}: {_reason(error)}")
        else:
            return made, f"{address} port {target.port}, {(time.monotonic() - began) * 1000:.0f} ms"
    return "; ".join(failures)


def _secured(connection: socket.socket, target: Target, means: Means, where: str) -> tuple[Step, ...]:
    peer = connection.getpeername()[:2]
    try:
        context = means.tls()
        spoken, der = _handshake(context, connection, target, means)
    except DeliveryError as error:
        return stopped(StepName.TLS, error.code, error.detail, where, OF_AN_ADDRESS)
    except (OSError, ValueError) as error:
        told = "; ".join(filter(None, (_reason(error), _shown_anyway(target, peer, means))))
        return stopped(StepName.TLS, NOT_REACHED, told, where, OF_AN_ADDRESS)
    return (ok(StepName.TLS, f"{spoken}, {_told(der, means.now())}", where),)


def _handshake(
    context: ssl.SSLContext, connection: socket.socket, target: Target, means: Means
) -> tuple[str, bytes]:
    with Deadline(means.seconds, means.alarm) as deadline:
        deadline.guard(connection)
        with context.wrap_socket(connection, server_hostname=target.host) as secured:
            return secured.version() or "TLS", secured.getpeercert(binary_form=True) or b""


def _shown_anyway(target: Target, peer: tuple[str, int], means: Means) -> str:
    """What certificate is shown by who was not believed: an operator must see it to mend it.

    Args:
        peer: the very address that was judged; nothing is said to it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with contextlib.closing(socket.create_connection(peer, means.seconds)) as connection:
            return _told(_handshake(context, connection, target, means)[1], means.now())
    except (OSError, ValueError):
        return ""


def _told(der: bytes, now: datetime) -> str:
    """A certificate in a few words."""
    if not der:
        return "no certificate"
    certificate = x509.load_der_x509_certificate(der)
    left = (certificate.not_valid_after_utc - now).days
    end = f"valid {left} more days" if left >= 0 else f"expired {-left} days ago"
    soon = ", renew it soon" if 0 <= left < _SOON_DAYS else ""
    return f"certificate for {_names(certificate)}, issued by {_common(certificate.issuer)}, {end}{soon}"


def _names(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return "no name"
    names = [str(one.value) for one in found][:_MOST_NAMES]
    return _plain(", ".join(names)) or "no name"


def _common(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _plain(str(found[0].value) if found else name.rfc4514_string())


def _plain(text: str) -> str:
    return printable(text)[:300]


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "nobody answers in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason}"
    return getattr(error, "strerror", None) or type(error).__name__
