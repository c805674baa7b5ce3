"""A ledger made by hand, which may also lie: signed with a real key, served by the real doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from adapters.contract import Response
from gateway.domain.errors import NotFound, Refused, Temporary
from gateway.domain.evidence.ledger import Checkpoint
from gateway.domain.evidence.merkle import consistency_proof, leaf_hash, node_hash, root
from gateway.exchange.evidence.ledger import Inclusion, Ledger, SignedCheckpoint
from gateway.trust.note import VerifierKey, sign_note, verifier_key, verify_cosignature
from gateway.web import ledger as doors
from gateway.web import problems
from gateway.wire.tlog import read_note, write_checkpoint

ORIGIN = "log.example/hand"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass
class HandLog:
    """Entries, and whatever checkpoint over them its maker wants."""

    entries: list[bytes] = field(default_factory=list)
    origin: str = ORIGIN
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    witnesses: tuple[VerifierKey, ...] = ()
    kept: dict[int, list[bytes]] = field(default_factory=dict)
    tokens: dict[int, bytes] = field(default_factory=dict)
    inclusions: dict[str, Inclusion] = field(default_factory=dict)

    @property
    def vkey(self) -> VerifierKey:
        return verifier_key(self.origin, self.key)

    def grow(self, *entries: str) -> HandLog:
        self.entries += [entry.encode() for entry in entries]
        return self

    def forked(self, at: int, *entries: str) -> HandLog:
        """Another history under the same name and key, the same up to entry ``at``."""
        return HandLog(self.entries[:at], self.origin, self.key).grow(*entries)

    def node(self, level: int, number: int) -> bytes:
        if level == 0:
            return leaf_hash(self.entries[number])
        return node_hash(self.node(level - 1, 2 * number), self.node(level - 1, 2 * number + 1))

    def note(self, size: int | None = None, signer: Ed25519PrivateKey | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        text = write_checkpoint(Checkpoint(self.origin, size, root(size, self.node)))
        return sign_note(text, self.origin, signer or self.key)

    # what `gateway.exchange.evidence.ledger.Ledger` offers to the doors

    def checkpoint(self, test: bool = False) -> SignedCheckpoint | None:
        if test or not self.entries:
            return None
        size = len(self.entries)
        return SignedCheckpoint(1, self.origin, size, root(size, self.node), NOW, self.note())

    def token(self, size: int, test: bool = False) -> bytes | None:
        return self.tokens.get(size)

    def inclusion(self, content_digest: str) -> Inclusion | None:
        return self.inclusions.get(content_digest)

    def consistency(self, old: int, new: int, test: bool = False) -> list[bytes]:
        if not 0 <= old <= new <= len(self.entries):
            raise NotFound.because("WASL-REQ-005")
        return consistency_proof(old, new, self.node)

    def tile(self, level: int, number: int, width: int, test: bool = False) -> bytes | None:
        first = number * 256
        if level or first + width > len(self.entries):
            return None
        return b"".join(leaf_hash(entry) for entry in self.entries[first : first + width])

    def bundle(self, number: int, width: int, test: bool = False) -> bytes | None:
        found = self.entries[number * 256 :][:width]
        if len(found) < width:
            return None
        return b"".join(len(entry).to_bytes(2, "big") + entry for entry in found)

    def cosignatures(self, size: int, test: bool = False) -> list[bytes]:
        return self.kept.get(size, [])

    def add_cosignature(self, size: int, line: bytes, test: bool = False) -> None:
        text = read_note(self.note(size)).text
        (signature,) = read_note(b"-\n\n" + line).signatures
        if not any(verify_cosignature(text, signature, key) for key in self.witnesses):
            raise Refused.because("WASL-REQ-010", "cosignature")
        self.kept.setdefault(size, []).append(line)


def serve(log: HandLog) -> Flask:
    """The ledger's doors over a log made by hand, and nothing else."""
    app = Flask("handlog", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    problems.install(app, ("en",))
    app.register_blueprint(doors.blueprint(cast("Ledger", _AsLedger(log))))
    return app


class _AsLedger:
    """The log under the names of a ledger; ``entries`` is data of the log and a door of the ledger."""

    def __init__(self, log: HandLog) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, "bundle" if name == "entries" else name)


Change = Callable[[str, bytes], bytes]


@dataclass
class LocalHttp:
    """Implements `adapters.contract.Http` within this process.

    Attributes:
        change: what becomes of an answer's body on its way, by path.
        down: the hub cannot be reached.
    """

    app: Flask
    change: Change = lambda _path, body: body
    down: bool = False
    asked: list[str] = field(default_factory=list)

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
        if self.down:
            raise Temporary("WASL-DLV-001", "no connection")
        path = urlsplit(url).path
        self.asked.append(f"{method} {path}")
        answer = self.app.test_client().open(path, method=method, headers=dict(headers or {}), data=body)
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, told, self.change(path, answer.data))
