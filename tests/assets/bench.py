"""What case builders share: the test PKI, the time, and short ways to a signed letter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from certs import testpki
from tests.assets import letters, rawsign
from tests.assets.rawsign import Plan


@dataclass(frozen=True)
class Case:
    """One submission, or one receipt (``media_type`` "receipt") for the offline verifier."""

    name: str
    raw: bytes
    media_type: str = letters.XML


Cases = Iterator[Case]


@dataclass
class Bench:
    """Everything a case is made from.

    Attributes:
        trap: address that no verifier may ever ask; a listener may watch it.
        registered: digest-exact registrations, holder name to party.
        by_subject: registrations by issuer key and subject only, holder name to party.
    """

    pki: testpki.Pki
    now: datetime
    trap: str
    registered: dict[str, str] = field(default_factory=dict)
    by_subject: dict[str, str] = field(default_factory=dict)

    def at(self, **shift: float) -> str:
        """A moment near now as text; ``shift`` as for timedelta."""
        return letters.stamp(self.now + timedelta(**shift))

    def letter(self, case: str, **changes: Any) -> str:
        return letters.xml_letter(case, self.now, **changes)

    def xades_plan(self, holder: str = "ministry", **changes: Any) -> Plan:
        who = self.pki[holder]
        return rawsign.xades_plan(who.key, who.certificate, self.at(minutes=-1)).but(**changes)

    def plain_plan(self, holder: str = "ministry", **changes: Any) -> Plan:
        who = self.pki[holder]
        return rawsign.plain_plan(who.key, who.certificate).but(**changes)

    def xades(self, case: str, text: str | None = None, holder: str = "ministry", **changes: Any) -> Case:
        """A letter under a XAdES signature that is valid unless ``changes`` spoil it."""
        return Case(case, rawsign.sign(text or self.letter(case), self.xades_plan(holder, **changes)))

    def plain(self, case: str, text: str | None = None, holder: str = "ministry", **changes: Any) -> Case:
        """A letter under a plain XMLDSig signature that is valid unless ``changes`` spoil it."""
        return Case(case, rawsign.sign(text or self.letter(case), self.plain_plan(holder, **changes)))

    def both(self, case: str, text: str | None = None, **changes: Any) -> Cases:
        """The same under either profile, as ``<case>`` and ``<case>-basic``."""
        yield self.xades(case, text, **changes)
        yield self.plain(f"{case}-basic", text, **changes)

    def certs_object(self, certs: str, time: str | None = None, **changes: Any) -> str:
        """A ds:Object whose properties name the given xades:Cert elements."""
        moment = rawsign.signing_time(self.at(minutes=-1)) if time is None else time
        properties = rawsign.signed_properties(moment, certs, **changes)
        return f"<ds:Object>{rawsign.qualifying(properties)}</ds:Object>"


ODD_KEYS = ("p384", "rsa", "rsa3072", "ed25519")


def make_bench(pki: testpki.Pki, now: datetime, trap: str) -> Bench:
    """A bench whose parties and odd certificates are issued and registered."""
    bench = Bench(pki, now, trap)
    for kind in ODD_KEYS:
        testpki.issue_party(pki, f"ministry-{kind}", key=kind)
    _weak_keys(pki)
    _odd_certificates(pki)
    testpki.write_crls(pki, pki.now)
    ours = [name for name in pki.holders if name.startswith("ministry")]
    bench.registered = dict.fromkeys(ours, letters.MINISTRY) | {"commune": letters.COMMUNE}
    # An operator's mistake must not open the door: the bad ones are registered too.
    bench.registered |= dict.fromkeys((*testpki.BAD, *OTHER_ROLES, "inside-constraints"), letters.MINISTRY)
    bench.by_subject = {"ministry-by-subject": letters.MINISTRY}
    del bench.registered["ministry-by-subject"]
    return bench


OTHER_ROLES = ("hub-seal", "test-seal", "tsa", "ledger", "client-auth", "tls")
"""Certificates of the hub's own roles, which sign no letters."""


def _weak_keys(pki: testpki.Pki) -> None:
    keys: dict[str, Any] = {
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "k256": ec.generate_private_key(ec.SECP256K1()),
        "p224": ec.generate_private_key(ec.SECP224R1()),
        "rsa-e3": rsa.generate_private_key(3, 2048),
    }
    for name, key in keys.items():
        testpki.issue(pki, f"ministry-{name}", testpki.ISSUING, key=key)
    # Nobody holds these keys in a file; a certificate needs the public half only.
    edwards: Any = ed448.Ed448PrivateKey.generate()
    _certify(pki, "ministry-ed448", edwards, edwards.public_key())
    huge = rsa.RSAPublicNumbers(65537, (1 << 16_384) - 1).public_key()
    _certify(pki, "ministry-rsa-huge", None, huge)


def _certify(pki: testpki.Pki, name: str, key: Any, public_key: Any) -> None:
    above: Any = pki[testpki.ISSUING]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(testpki.distinguished_name(name))
        .issuer_name(above.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.now - timedelta(days=1))
        .not_valid_after(pki.now + timedelta(days=90))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(testpki._key_usage(["digital_signature"]), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), False)
        .sign(above.key, hashes.SHA256())
    )
    pki.holders[name] = testpki.Holder(name, key, certificate)


def _odd_certificates(pki: testpki.Pki) -> None:
    testpki.issue_party(pki, "ministry-by-subject")
    testpki.issue_party(pki, "stranger")
    testpki.issue(pki, "ministry-own-root", None, common_name="ministry")
    testpki.issue(pki, "web-ca", None, ca=True, path_length=0, common_name="public web authority")
    testpki.issue(pki, "ministry-web", "web-ca", common_name="ministry")
