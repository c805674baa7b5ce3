"""The key that signs a ledger's checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.domain.evidence.ledger import Checkpoint
from gateway.trust.note import VerifierKey, read_vkeys, sign_note, verifier_key
from gateway.wire.tlog import write_checkpoint

_FAILURES = (OSError, ValueError, TypeError, InternalError, UnsupportedAlgorithm)


@dataclass(frozen=True)
class LedgerKey:
    """A ledger's Ed25519 key; it may live elsewhere, as long as it signs as those of `cryptography` do.

    Attributes:
        keys: trust folder where others find what verifies it.
    """

    key: Ed25519PrivateKey
    keys: Path

    def verifier(self, origin: str) -> VerifierKey:
        """What verifies its notes under the name ``origin``."""
        return verifier_key(origin, self.key)

    def must_be_known(self, origin: str) -> None:
        """Raises:
        Misconfigured: nobody could verify its notes, for the trust folder has no such key.
        """
        wanted = self.verifier(origin)
        if wanted not in read_vkeys(self.keys):
            raise Misconfigured([f"{self.keys}: no *.vkey file holds the ledger's key: {wanted.line}"])

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """The signed note of a checkpoint.

        Raises:
            Unavailable: the key cannot be used now.
            Misconfigured: nobody could verify the note.
        """
        try:
            self.must_be_known(checkpoint.origin)
            return sign_note(write_checkpoint(checkpoint), checkpoint.origin, self.key)
        except _FAILURES as error:
            raise Unavailable("ledger key") from error
