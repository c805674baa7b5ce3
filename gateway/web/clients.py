"""The client certificate of a request: of its own connection, or as a trusted proxy hands it on."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes

from cryptography import x509
from flask import Request

from gateway.domain.errors import NotAuthenticated
from gateway.trust.algorithms import UNREADABLE_CERTIFICATE
from gateway.trust.certificates import read_der

UNREADABLE = "WASL-AUT-006"
_LONGEST = 16 * 1024
_PEM = (b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----")


@dataclass(frozen=True)
class ClientCertificates:
    """Finds the certificate with which a caller proved that it has the key.

    Attributes:
        header: in which a proxy hands certificates on; empty: in none.
        proxies: addresses and nets of proxies; from everybody else the header is ignored.
    """

    header: str = ""
    proxies: Sequence[str] = ()

    def of(self, request: Request) -> x509.Certificate | None:
        """The certificate of a request, or None.

        A proxy's own connection says nothing of who calls through it: there the header alone counts.

        Raises:
            NotAuthenticated: there is one, and it cannot be read.
        """
        handed_on = self.header and self._is_proxy(request.remote_addr)
        der = _in_header(request.headers.get(self.header, "")) if handed_on else _of_connection(request)
        if der is None:
            return None
        try:
            return read_der(der)
        except UNREADABLE_CERTIFICATE as error:
            raise NotAuthenticated.because(UNREADABLE) from error

    @cached_property
    def _nets(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(one) for one in self.proxies)

    def _is_proxy(self, address: str | None) -> bool:
        try:
            found = ip_address(address or "")
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in net for net in self._nets)


def _of_connection(request: Request) -> bytes | None:
    connection = request.environ.get("gunicorn.socket")
    return connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None


def _in_header(text: str) -> bytes | None:
    """The DER form; nginx writes PEM with its characters escaped, RFC 9440 2.1 base64 between colons."""
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) > _LONGEST:
            raise ValueError("too long")
        if text.startswith(":") and text.endswith(":") and len(text) > 1:
            return base64.b64decode(text[1:-1], validate=True)
        pem = unquote_to_bytes(text).strip()
        begin, end = _PEM
        if not (pem.startswith(begin) and pem.endswith(end) and pem.count(begin) == 1):
            raise ValueError("no certificate")
        lines = pem.removeprefix(begin).removesuffix(end).translate(None, b" \t\r\n")
        return base64.b64decode(lines, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotAuthenticated.because(UNREADABLE) from error
