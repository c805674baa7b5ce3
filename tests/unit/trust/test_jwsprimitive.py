"""Signing with a key, and verifying, never writes the key out."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.trust.jwsprimitive import algorithms_for, sign, verifies

KEYS = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate(),
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: algorithms_for(key)[0])
def test_no_key_is_written_out_to_be_used(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def written(*_: object) -> None:
        raise AssertionError("a key was written out")

    for kind in (ECKey, RSAKey, OKPKey):
        monkeypatch.setattr(kind.binding, "convert_raw_key_to_dict", written)
    for algorithm in algorithms_for(key):
        signature = sign(algorithm, key, b"header.payload")
        assert verifies(algorithm, key.public_key(), b"header.payload", signature)
        assert not verifies(algorithm, key.public_key(), b"header.other", signature)
