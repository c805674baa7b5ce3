"""Signature values of XML Signature: each method with its own kind of key, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway.trust.algorithms import SIGNATURE_METHODS
from gateway.trust.xmlprimitive import verifies

SIGNED = b"canonical octets"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA = rsa.generate_private_key(65537, 2048)
CURVES = [ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1())]


def signatures() -> Iterator[tuple[str, Any, bytes]]:
    """Every method with a key that fits, and a good value."""
    for method in SIGNATURE_METHODS:
        digest = next(one for size, one in HASHES.items() if size in method.rpartition("#")[2])
        if "ecdsa" in method:
            for key in CURVES:
                r, s = decode_dss_signature(key.sign(SIGNED, ec.ECDSA(digest)))
                half = key.curve.key_size // 8
                yield method, key, r.to_bytes(half) + s.to_bytes(half)
        elif method.endswith("MGF1"):
            salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
            yield method, RSA, RSA.sign(SIGNED, salted, digest)
        else:
            yield method, RSA, RSA.sign(SIGNED, padding.PKCS1v15(), digest)


ALL = list(signatures())


def test_every_method_is_tried() -> None:
    assert {method for method, _, _ in ALL} == set(SIGNATURE_METHODS)


@pytest.mark.parametrize(
    ("method", "key", "value"),
    [pytest.param(*one, id=f"{one[0].rpartition('#')[2]}-{number}") for number, one in enumerate(ALL)],
)
def test_good_value_verifies_and_others_do_not(method: str, key: Any, value: bytes) -> None:
    public = key.public_key()
    assert verifies(method, public, SIGNED, value)
    assert not verifies(method, public, SIGNED + b"!", value)
    for wrong in (b"", value[:-1], value + b"\0", bytes(len(value)), value[::-1]):
        assert not verifies(method, public, SIGNED, wrong)


def test_value_of_another_method_does_not_verify() -> None:
    for method, key, _ in ALL:
        others = [value for name, other, value in ALL if name != method and other is key]
        assert not any(verifies(method, key.public_key(), SIGNED, value) for value in others)


def test_der_form_of_ecdsa_is_no_xml_signature() -> None:
    method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    value = CURVES[0].sign(SIGNED, ec.ECDSA(hashes.SHA256()))
    assert not verifies(method, CURVES[0].public_key(), SIGNED, value)


def test_key_of_another_kind_verifies_nothing() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    assert not verifies(method, key.public_key(), SIGNED, key.sign(SIGNED))
