"""Fetches what belongs beside a receipt: its place in the ledger, its time, its other renderings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.compose import JWS, XML
from gateway.cli.demo.judges import PROOF, TOKEN
from gateway.clients.hub import HubClient

PDF, FLATTENED = "application/pdf", "application/jose+json"
LONG_TERM = {XML: (XML, "-long-term.xml"), JWS: (FLATTENED, "-long-term.json")}
_PATIENCE_S = 30.0
_PAUSE_S = 0.2


class NotThere(Exception):
    """The hub did not give in time what it promises."""


@dataclass(frozen=True)
class Proofs:
    """Fetches for one reader of a hub."""

    client: HubClient

    def beside(self, content_digest: str, receipt: Path) -> tuple[Path, Path]:
        """Write the receipt's proof and the time-stamp of its checkpoint beside it.

        Raises:
            NotThere: there is none after a while.
        """
        proof, token = receipt.with_suffix(PROOF), receipt.with_suffix(TOKEN)
        # The token first: once it is there, the proof leads to the checkpoint that it stamps.
        for path, ending in ((token, TOKEN), (proof, "")):
            path.write_bytes(self._wait(lambda end=ending: self._public(content_digest + end)))  # type: ignore[misc]
        return proof, token

    def rendering(self, href: str, media_type: str) -> bytes:
        """A receipt in another rendering, once it is made.

        Raises:
            NotThere: it is not made after a while.
        """
        return self._wait(lambda: self._read(href, media_type))

    def bundle(self, reference: str) -> bytes:
        """Everything about a letter in one file.

        Raises:
            NotThere: the hub gives none.
        """
        return self._wait(lambda: self._read(f"/api/v1/envelopes/{reference}/evidence", "*/*"))

    def _public(self, name: str) -> bytes | None:
        answer = self.client.http.request("GET", f"{self.client.url}/ledger/proof/{name}")
        return answer.body if answer.status == 200 else None

    def _read(self, path: str, accept: str) -> bytes | None:
        answer = self.client.get(path, accept)
        return answer.body if answer.status == 200 else None

    def _wait(self, fetch: Callable[[], bytes | None]) -> bytes:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            found = fetch()
            if found is not None:
                return found
            time.sleep(_PAUSE_S)
        raise NotThere
