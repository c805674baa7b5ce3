"""A hub's public ledger, as a witness reads it and answers it over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.contract import Http, Response
from gateway.domain.errors import Permanent, Temporary
from gateway.domain.lines import printable

_TROUBLE = "WASL-DLV-002"
_REFUSED = "WASL-DLV-003"
_TOLD = 200
_READ = {"Accept": "text/plain", "Accept-Language": "en"}


@dataclass(frozen=True)
class LedgerClient:
    """Speaks to one ledger of one hub.

    Attributes:
        url: the hub's address, without a slash at its end.
        test: the separate ledger for tests.
    """

    http: Http
    url: str
    test: bool = False

    def checkpoint(self) -> bytes:
        """The signed note of the latest checkpoint, nothing of it verified.

        Raises:
            DeliveryError: none was given.
        """
        return self._get("checkpoint")

    def consistency(self, old: int, new: int) -> bytes:
        """The hashes between two sizes, a line of base64 each, nothing of them verified.

        Raises:
            DeliveryError: none were given.
        """
        return self._get(f"consistency/{old}/{new}")

    def submit(self, size: int, line: bytes) -> None:
        """Hand in a cosignature of the checkpoint at ``size``; a repeat is harmless.

        Raises:
            Permanent: the hub does not take it.
            DeliveryError: nobody knows; it may be handed in again.
        """
        headers = {"Content-Type": "text/plain; charset=utf-8", "Accept-Language": "en"}
        answer = self.http.request("POST", self._address(f"cosignatures/{size}"), headers=headers, body=line)
        if answer.status >= 500:
            raise Temporary(_TROUBLE, _told(answer))
        if answer.status >= 300:
            raise Permanent(_REFUSED, _told(answer))

    def _get(self, path: str) -> bytes:
        answer = self.http.request("GET", self._address(path), headers=_READ)
        if answer.status != 200:
            raise Temporary(_TROUBLE, _told(answer))
        return answer.body

    def _address(self, path: str) -> str:
        return f"{self.url}/ledger/{'test/' if self.test else ''}{path}"


def _told(answer: Response) -> str:
    """Status and beginning of an answer, on one line, fit for a terminal."""
    text = answer.body[:_TOLD].decode("utf-8", "replace")
    return f"HTTP {answer.status}: {printable(text)}"
