"""Names the anchor of the trust folder that a certificate or a key was believed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from cryptography import x509

from gateway.trust.anchors import Anchors
from gateway.trust.certificates import digest
from gateway.trust.chain_path import find_paths
from gateway.trust.note import VerifierKey


def anchor_of(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], anchors: Anchors
) -> Mapping[str, str]:
    """Name and SHA-256 fingerprint of the anchor that ``certificate`` leads to; nothing where none does."""
    path = next(find_paths(certificate, chain, anchors), None)
    if path is None:
        return {}
    # A pinned certificate stands for itself; its issuer is only there for the sake of revocation.
    anchor = path[0] if certificate in anchors.pinned else path[-1]
    return {"anchor": anchor.subject.rfc4514_string(), "fingerprint": digest("sha256", anchor).hex()}


def key_anchor(key: VerifierKey) -> Mapping[str, str]:
    """Name and SHA-256 fingerprint of a ledger's or a witness's key."""
    return {"anchor": key.name, "fingerprint": sha256(key.key).hexdigest()}
