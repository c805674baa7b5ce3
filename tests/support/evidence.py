"""Receipts with their proofs beside them: from a hub's own ledger, or from a small one made here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from certs.testpki import LEDGERS, Pki
from gateway.bootstrap import evidence
from gateway.domain.evidence.ledger import Checkpoint, receipt_entry
from gateway.domain.evidence.merkle import inclusion_proof, leaf_hash, node_hash, root
from gateway.domain.evidence.receipt import Receipt
from gateway.exchange.evidence.sequencer import Pace
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.note import sign_note
from gateway.verifier.beside import PROOF, TOKEN, Beside
from gateway.verifier.opening import kind_of, open_receipt
from gateway.wire.receipts import content_digest
from gateway.wire.tlog import Proof, write_checkpoint, write_proof
from tests.support.hub import HubUnderTest

REAL, TEST = "ledger", "test-ledger"
"""The keys of the test PKI, by holder."""


def ledger_of(receipt: Receipt) -> str:
    """Whose key signs the ledger of such a receipt."""
    return TEST if receipt.test else REAL


def authority(pki: Pki, at: datetime, holder: str = "tsa") -> LocalAuthority:
    """A time-stamp authority whose clock stands still."""
    who: Any = pki[holder]
    return LocalAuthority(who.key, who.certificate, who.chain, lambda: at, os.urandom)


def stamp(pki: Pki, octets: bytes, at: datetime, holder: str = "tsa") -> bytes:
    """A TimeStampResp over ``octets``."""
    return authority(pki, at, holder).stamp(sha256(octets).digest()).response


@dataclass(frozen=True)
class SmallLedger:
    """A ledger over the entries given, signed by a key of the test PKI.

    Attributes:
        holder: whose key signs.
        origin: what it calls itself; by default the name that goes with the key.
    """

    pki: Pki
    entries: Sequence[bytes]
    holder: str = REAL
    origin: str | None = None

    @property
    def name(self) -> str:
        return self.origin or LEDGERS[self.holder][1]

    @property
    def note(self) -> bytes:
        """The signed checkpoint over all entries."""
        checkpoint = Checkpoint(self.name, len(self.entries), root(len(self.entries), self._node))
        key: Any = self.pki[self.holder].key
        return sign_note(write_checkpoint(checkpoint), self.name, key)

    def proof(self, index: int, note: bytes | None = None) -> bytes:
        """The ``.tlog-proof`` of one entry."""
        hashes = inclusion_proof(index, len(self.entries), self._node)
        return write_proof(Proof(index, tuple(hashes), note or self.note))

    def _node(self, level: int, number: int) -> bytes:
        if level == 0:
            return leaf_hash(self.entries[number])
        return node_hash(self._node(level - 1, 2 * number), self._node(level - 1, 2 * number + 1))


def small_ledger(pki: Pki, receipt: Receipt, **changes: Any) -> SmallLedger:
    """A ledger with the receipt's entry in the middle, at place 1."""
    entry = receipt_entry(receipt, content_digest(receipt))
    return SmallLedger(pki, (b"before", entry, b"after"), **{"holder": ledger_of(receipt), **changes})


def recorded(pki: Pki, receipt: Receipt, at: datetime, stamped_by: str = "tsa") -> Beside:
    """What lies beside a receipt that a small ledger has recorded, stamped at ``at``."""
    made = small_ledger(pki, receipt, origin=receipt.ledger_origin)
    return Beside(made.proof(1), stamp(pki, made.note, at, stamped_by))


def write_beside(path: Path, beside: Beside) -> None:
    """Put proof and token beside a receipt's file."""
    for suffix, octets in ((PROOF, beside.proof), (TOKEN, beside.token)):
        if octets is not None:
            path.with_name(path.name + suffix).write_bytes(octets)


def settle(hub: HubUnderTest) -> None:
    """Let every receipt of the hub into its ledger, and have the checkpoint stamped."""
    at_once = Pace(1000, timedelta(0))  # the hub's clock stands still: nothing would ever have waited
    replace(evidence.sequencer(hub.gateway), pace=at_once).run()
    evidence.stamping(hub.gateway).run()


def beside_of(hub: HubUnderTest, digest: str) -> Beside:
    """What the hub's ledger gives for a receipt."""
    found = hub.gateway.services.ledger.inclusion(digest)
    assert found is not None
    return Beside(found.proof, found.token)


def keep(hub: HubUnderTest, path: Path, octets: bytes) -> Path:
    """Write a receipt that the hub's ledger has recorded, with proof and token beside it."""
    path.write_bytes(octets)
    write_beside(path, beside_of(hub, open_receipt(octets, kind_of(octets)).digest))
    return path


def settled(hub: HubUnderTest, path: Path, octets: bytes) -> Path:
    """The same for a receipt that was made just now."""
    settle(hub)
    return keep(hub, path, octets)
