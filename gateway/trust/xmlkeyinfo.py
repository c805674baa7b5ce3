"""The certificates that a signature carries, and a key value beside them that must agree."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from gateway.trust.algorithms import UNREADABLE_CERTIFICATE, PublicKey, check_key
from gateway.trust.certificates import is_authority, read_der
from gateway.trust.xmlnames import DSIG11, ds, refused
from gateway.trust.xmlshape import STRUCTURE, octets

UNREADABLE = "WASL-CRT-009"


def read_certificates(key_info: etree._Element) -> tuple[x509.Certificate, ...]:
    """The signer's certificate, then those of authorities that came with it.

    Raises:
        Refused: ``WASL-CRT-009`` unreadable; ``WASL-SIG-017`` a second certificate that is not an
            authority's.
    """
    carried = key_info.findall(f"{ds('X509Data')}/{ds('X509Certificate')}")
    certificates = tuple(_certificate(one) for one in carried)
    for element, extra in zip(carried[1:], certificates[1:], strict=True):
        if not is_authority(extra):
            raise refused(STRUCTURE, element, expected="the certificate of an authority")
    return certificates


def check_key_values(key_info: etree._Element, certificate: x509.Certificate) -> None:
    """Nothing, if no key value stands beside the certificate, or only its own key.

    The certificate alone decides; a value that differs could mislead whoever reads the signature later.

    Raises:
        Refused: ``WASL-SIG-017`` another key; ``WASL-SIG-007`` or ``016`` a key never taken.
    """
    values = [
        one for name in (ds("KeyValue"), f"{{{DSIG11}}}DEREncodedKeyValue") for one in key_info.iterfind(name)
    ]
    if not values:
        return
    key = check_key(certificate)
    for one in values:
        try:
            same = _says(one, key)
        except ValueError:
            same = False
        if not same:
            raise refused(STRUCTURE, one, expected="the certificate's key")


def _certificate(element: etree._Element) -> x509.Certificate:
    try:
        return read_der(octets(element))
    except UNREADABLE_CERTIFICATE as error:
        raise refused(UNREADABLE, element) from error


def _says(value: etree._Element, key: PublicKey) -> bool:
    if value.tag != ds("KeyValue"):
        return octets(value) == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    only = value[0] if len(value) == 1 else None
    if only is None:
        return False
    if only.tag == ds("RSAKeyValue") and isinstance(key, rsa.RSAPublicKey):
        return _rsa(only) == (key.public_numbers().n, key.public_numbers().e)
    if only.tag == f"{{{DSIG11}}}ECKeyValue" and isinstance(key, ec.EllipticCurvePublicKey):
        return _point(only) == key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return False


def _rsa(value: etree._Element) -> tuple[int, int]:
    numbers = [int.from_bytes(_part(value, name)) for name in (ds("Modulus"), ds("Exponent"))]
    return numbers[0], numbers[1]


def _point(value: etree._Element) -> bytes:
    return _part(value, f"{{{DSIG11}}}PublicKey")


def _part(value: etree._Element, name: str) -> bytes:
    found = value.findall(name)
    if len(found) != 1:
        raise ValueError(name)
    return octets(found[0])
