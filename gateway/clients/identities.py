"""TLS contexts by which the hub shows one client certificate or another."""

from __future__ import annotations

import ssl
import tempfile
import threading
from functools import cache
from hashlib import sha256
from pathlib import Path

_KEPT = 200


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that checks the other side against these authorities, or the operating system's.

    Raises:
        OSError: the file cannot be read.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.hostname_checks_common_name = False  # RFC 9110 4.3.4: alternative names only
    return context


@cache
def authorities_of_the_system() -> ssl.SSLContext:
    """The context for the operating system's authorities, shared by a process: to read them all takes time.

    Nobody loads a certificate into it.
    """
    return tls_context(None)


class Identities:
    """Contexts by the digest of what they show; made once each, shared by the threads of a process."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._made: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context(self, pem: str) -> ssl.SSLContext:
        """The context that shows this certificate.

        Args:
            pem: the certificate, its chain, and its private key without a password.

        Raises:
            OSError, ValueError: it is none, or its key is another's.
        """
        digest = sha256(pem.encode()).hexdigest()
        with self._lock:
            made = self._made.get(digest)
        if made is not None:
            return made
        made = self._loaded(pem)
        with self._lock:
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[digest] = made
        return made

    def _loaded(self, pem: str) -> ssl.SSLContext:
        context = tls_context(self._ca_file)
        # the library reads keys from files only: one that none but this user can open, and for a moment
        with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as file:
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name, password=_no_password)
        return context


def _no_password() -> str:
    # otherwise a key with a password would be asked for on the terminal
    raise ValueError("the key has a password")
