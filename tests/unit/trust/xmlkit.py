"""Fictitious letters, keys and certificates for the tests of XML signatures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from gateway.domain.errors import Refused
from gateway.domain.evidence.verdict import Level
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import GatedXml, XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml
from tests.assets import rawsign

NS = "urn:wasl:envelope:1.0"
SLOT = rawsign.SLOT
SIGNED_AT = "2026-01-02T03:04:05Z"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMITS = XmlLimits()
LETTER = (
    f'<Envelope xmlns="{NS}" Id="letter"><Subject>Demande fictive</Subject>'
    f"<Body>Texte d'essai. نص تجريبي</Body>{SLOT}</Envelope>"
)


def key(kind: str = "p256") -> Any:
    """One private key of each kind for the whole run."""
    return _key(kind)


@cache
def _key(kind: str) -> Any:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
    return ec.generate_private_key(curves[kind]())


def certificate(
    kind: str = "p256", *, ca: bool = False, name: str = "Bureau d'ordre", bare: bool = False
) -> x509.Certificate:
    """A self-issued certificate that had expired long before `MOMENT`: nobody here judges that.

    Args:
        bare: without any extension.
    """
    return _certificate(kind, ca, name, bare)


@cache
def _certificate(kind: str, ca: bool, name: str, bare: bool) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key(kind).public_key()).serial_number(7)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=365))
    if not bare:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(key(kind), None if kind == "ed25519" else hashes.SHA256())


def xades(kind: str = "p256", **changes: Any) -> rawsign.Plan:
    """A good XAdES signature, spoilt by ``changes``."""
    return rawsign.xades_plan(key(kind), certificate(kind), SIGNED_AT).but(**changes)


def plain(kind: str = "p256", **changes: Any) -> rawsign.Plan:
    """A good plain signature, spoilt by ``changes``."""
    return rawsign.plain_plan(key(kind), certificate(kind)).but(**changes)


def properties(
    time: str = rawsign.signing_time(SIGNED_AT),
    certs: str | None = None,
    *,
    target: str = ' Target="#sig"',
    more: str = "",
    data: str = "",
    unsigned: str = "",
) -> str:
    """The ds:Object of a XAdES signature, validly signed together with whatever it says."""
    said = rawsign.signing_certificate(rawsign.cert_v2(certificate())) if certs is None else certs
    signed = rawsign.signed_properties(time, said, extra=more)
    signed = signed.replace("</xades:SignedProperties>", data + "</xades:SignedProperties>")
    return f"<ds:Object>{rawsign.qualifying(signed, target, unsigned)}</ds:Object>"


def sign(plan: rawsign.Plan, letter: str = LETTER) -> bytes:
    return rawsign.sign(letter, plan)


def opened(raw: bytes, **options: Any) -> GatedXml:
    return open_xml(raw, LIMITS, **options)


def verified(raw: bytes, **options: Any) -> Signed:
    return verify_xml(opened(raw, **options))


def refusal(raw: bytes, **options: Any) -> str:
    """The code for which ``raw`` is refused, or the level at which it was taken."""
    try:
        level: Level = verified(raw, **options).level
    except Refused as error:
        return error.faults[0].code
    return level.value
