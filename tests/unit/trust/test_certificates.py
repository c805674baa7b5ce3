from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.certificates import base64_lines, der, digest, is_authority, read_der
from tests.unit.trust.xmlkit import certificate

ONE, OTHER = certificate("p256"), certificate("p384")


@pytest.mark.parametrize("one", [ONE, OTHER], ids=["one", "other"])
def test_every_form_is_that_certificates_own_however_often_it_is_asked(one: x509.Certificate) -> None:
    octets = one.public_bytes(Encoding.DER)
    for _ in range(2):
        certificate = read_der(octets)
        assert certificate == one
        assert der(certificate) == octets
        assert digest("sha256", certificate) == hashlib.sha256(octets).digest()
        assert digest("sha512", certificate) == hashlib.sha512(octets).digest()
        assert base64.b64decode(base64_lines(certificate)) == octets


def test_octets_that_are_no_certificate_are_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=r"certificate|parsing"):
            read_der(b"no certificate")


@pytest.mark.parametrize(
    ("kind", "answer"), [({"ca": True}, True), ({"ca": False}, False), ({"bare": True}, False)]
)
def test_only_a_certificate_that_says_so_is_an_authoritys(kind: dict[str, bool], answer: bool) -> None:
    assert is_authority(certificate("p256", **kind)) is answer
