"""Short ways to a signed JSON letter."""

from __future__ import annotations

from typing import Any

from tests.assets import letters, rawjws
from tests.assets.bench import Bench, Case
from tests.assets.letters import JOSE, JOSE_JSON


class Desk:
    """Short ways to a signed JSON letter."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.iat = int(bench.now.timestamp()) - 60

    def header(self, holder: str = "ministry", algorithm: str = "ES256", **changes: Any) -> dict[str, Any]:
        return rawjws.header(self.bench.pki[holder].certificate, algorithm, self.iat, changes)

    def payload(self, case: str, **changes: Any) -> bytes:
        return letters.json_octets(letters.json_letter(case, self.bench.now, **changes))

    def make(
        self,
        case: str,
        payload: bytes | None = None,
        *,
        holder: str = "ministry",
        alg: str = "ES256",
        signs_as: str = "",
        key: Any = None,
        **changes: Any,
    ) -> Case:
        """A compact letter; ``changes`` change the header."""
        octets = self.payload(case) if payload is None else payload
        key = self.bench.pki[holder].key if key is None else key
        return Case(
            case, rawjws.compact(self.header(holder, alg, **changes), octets, signs_as or alg, key), JOSE
        )

    def text(self, case: str, header: str | bytes) -> Case:
        """A compact letter whose header is given as text."""
        octets = header if isinstance(header, bytes) else header.encode()
        return Case(
            case, rawjws.compact(octets, self.payload(case), "ES256", self.bench.pki["ministry"].key), JOSE
        )

    def flat(self, case: str, protected: Any = None, payload: bytes | None = None, **more: Any) -> Case:
        octets = self.payload(case) if payload is None else payload
        head = self.header() if protected is None else protected
        return Case(
            case, rawjws.flattened(head, octets, "ES256", self.bench.pki["ministry"].key, **more), JOSE_JSON
        )
