"""TLS without a proxy: what the hub shows, and whose client certificates it takes to be judged."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.settings import Settings
from gateway.trust.anchors import Anchors

_HANDSHAKE_S = 10.0
"""A caller who connects and does not greet must not keep a thread."""


class _Context(ssl.SSLContext):
    """Bounds how long a caller may take: for the greeting, and for each silence afterwards."""

    silence_s: float

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        sock.settimeout(_HANDSHAKE_S)
        wrapped = super().wrap_socket(sock, *arguments, **options)
        wrapped.settimeout(self.silence_s)
        return wrapped


def server_options(settings: Settings) -> dict[str, Any]:
    """What gunicorn must be told to speak TLS; nothing where no certificate is set."""
    web = settings.web
    if not web.tls_certificate:
        return {}
    return {
        "certfile": web.tls_certificate,
        "keyfile": web.tls_key,
        "do_handshake_on_connect": True,
        "ssl_context": lambda _config, _usual: make_context(settings),
    }


def make_context(settings: Settings) -> ssl.SSLContext:
    """A context for one connection, made anew so that a renewed certificate or authority counts at once.

    A client certificate must lead to the trust folder's authorities, or lie in it, for the connection to come
    about; registration, revocation and purpose are judged with the request.

    Raises:
        OSError: certificate or key cannot be read.
        Misconfigured: the trust folder cannot be read.
    """
    web = settings.web
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.silence_s = float(web.request_seconds)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(web.tls_certificate, web.tls_key)
    if web.tls_clients:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what is pinned stands for itself
        context.load_verify_locations(cadata=_authorities(settings.trust.directory / "parties"))
    return context


def _authorities(folder: Path) -> bytes:
    found = Anchors.load(folder)
    known = (*found.roots, *found.intermediates, *found.pinned)
    return b"".join(one.public_bytes(Encoding.DER) for one in known)


def scheme(settings: Settings) -> str:
    """``https`` or ``http``, as the hub itself speaks."""
    return "https" if settings.web.tls_certificate else "http"
