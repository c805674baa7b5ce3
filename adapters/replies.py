"""How a kind learns what a system's own signature over its reply covers; the hub's gate verifies it."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.errors import Ambiguous

UNSIGNED = "WASL-DLV-095"


class SignedBody(Protocol):
    """Verifies a SOAP message that was signed by WS-Security with an X.509 certificate."""

    def __call__(self, message: bytes, certificates: str) -> bytes:
        """The Body element of the message, in the very octets that the signature covers: read nothing else.

        Args:
            certificates: in PEM: that of who signs, or of authorities above it.

        Raises:
            Ambiguous: Body and Timestamp are not both signed by one of these, in time, and in a form that
                can be read in one way only.
        """


def unverified(message: bytes, certificates: str) -> bytes:
    """Nothing: for where nobody verifies.

    Raises:
        Ambiguous: always.
    """
    raise Ambiguous(UNSIGNED, "nobody verifies signatures here")
