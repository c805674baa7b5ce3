"""Keys and methods that may sign."""

from __future__ import annotations

import pytest
from cryptography import x509

from gateway.domain.errors import Refused
from gateway.trust.algorithms import check_key, check_method
from tests.unit.trust.xmlkit import certificate


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_strong_keys_are_taken(kind: str) -> None:
    assert check_key(certificate(kind)) == certificate(kind).public_key()


@pytest.mark.parametrize("kind", ["p521", "rsa1024"])
def test_other_keys_are_refused(kind: str) -> None:
    with pytest.raises(Refused) as refused:
        check_key(certificate(kind), edwards=True)
    assert refused.value.faults[0].code == "WASL-SIG-016"


def test_edwards_keys_are_taken_on_request_only() -> None:
    assert check_key(certificate("ed25519"), edwards=True) == certificate("ed25519").public_key()
    with pytest.raises(Refused) as refused:
        check_key(certificate("ed25519"))
    assert (refused.value.faults[0].code, refused.value.faults[0].found) == ("WASL-SIG-007", "Ed25519")


def test_a_key_that_cannot_be_read_is_refused() -> None:
    good = certificate().public_bytes(_der())
    curve = bytes.fromhex("2a8648ce3d030107")  # prime256v1, made an unknown curve
    broken = x509.load_der_x509_certificate(good.replace(curve, curve[:-1] + b"\x7f"))
    with pytest.raises(Refused) as refused:
        check_key(broken)
    assert refused.value.faults[0].code == "WASL-SIG-016"


def test_a_method_of_other_keys_is_refused() -> None:
    key = check_key(certificate())
    check_method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", key)
    with pytest.raises(Refused) as refused:
        check_method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", key)
    assert refused.value.faults[0].code == "WASL-SIG-013"
    with pytest.raises(Refused) as refused:
        check_method("http://www.w3.org/2000/09/xmldsig#rsa-sha1", key)
    assert refused.value.faults[0].code == "WASL-SIG-007"


def _der() -> object:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER
