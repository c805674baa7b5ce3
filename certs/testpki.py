"""Builds the test and demonstration PKI: every role of the hub, parties, and certificates to refuse.

Run as ``python certs/testpki.py DIR``, or import `build`. Nothing made here is fit for real mail:
keys lie unprotected in files, and every certificate says TEST in its name. See ``README.md``.

Layout of DIR::

    keys/<name>.pem            private keys, mode 0600
    certificates/<name>.pem    certificate, then its intermediates
    trust/{parties,seal,seal/test,tsa}/*.pem *.crl, trust/ledger/*.vkey   what a verifier trusts
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

# Which key is trusted in which folder, and under which name.
LEDGERS = {
    "ledger": ("ledger", "demo-hub.test/ledger"),
    "test-ledger": ("ledger/test", "demo-hub.test/ledger/test"),
}
ISSUING = "parties-issuing-ca"
ANCHORS = {
    "parties-ca": "parties",
    ISSUING: "parties",
    "seal-ca": "seal",
    "test-seal-ca": "seal/test",
    "tsa-ca": "tsa",
}
"""Which authorities a verifier finds in which trust folder."""
CRL_FOLDERS = ANCHORS | {"constrained-ca": "parties"}
BAD = (
    "expired",
    "not-yet-valid",
    "revoked",
    "wrong-usage",
    "issued-by-leaf",
    "path-length",
    "name-constraints",
    "same-name-other-key",
    "foreign",
    "weak-rsa",
    "ca-as-signer",
)
"""Holders whose signature on a letter must be refused."""


@dataclass(frozen=True)
class Holder:
    """A key with its certificate and the intermediates that lead to an anchor."""

    name: str
    key: Key
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


@dataclass
class Pki:
    """A built PKI; ``now`` is the moment around which all validities lie."""

    directory: Path
    now: datetime
    holders: dict[str, Holder] = field(default_factory=dict)
    revoked: dict[str, dict[int, datetime]] = field(default_factory=dict)
    """Per authority: serial number to time of revocation."""

    def __getitem__(self, name: str) -> Holder:
        return self.holders[name]

    @property
    def trust(self) -> Path:
        return self.directory / "trust"

    def key_path(self, name: str) -> Path:
        return self.directory / "keys" / f"{name}.pem"

    def certificate_path(self, name: str) -> Path:
        return self.directory / "certificates" / f"{name}.pem"


def build(directory: Path, now: datetime, days: int = 730, crl_days: int = 30) -> Pki:
    """Build everything under ``directory``; end-entity certificates live ``days``, CRLs ``crl_days``."""
    pki = Pki(directory, now.astimezone(UTC).replace(microsecond=0))
    _authorities(pki)
    _roles(pki, days)
    _bad(pki, days)
    _write_trust(pki)
    write_crls(pki, pki.now, crl_days)
    return pki


def load(directory: Path, now: datetime) -> Pki:
    """A PKI built earlier, for instance to issue further certificates or fresh CRLs."""
    pki = Pki(directory, now.astimezone(UTC).replace(microsecond=0))
    for path in sorted((directory / "certificates").glob("*.pem")):
        certificate, *chain = x509.load_pem_x509_certificates(path.read_bytes())
        key = serialization.load_pem_private_key(pki.key_path(path.stem).read_bytes(), None)
        pki.holders[path.stem] = Holder(path.stem, key, certificate, tuple(chain))  # type: ignore[arg-type]
    for authority, folder in CRL_FOLDERS.items():
        path = pki.trust / folder / f"{authority}.crl"
        if path.exists():
            crl = x509.load_pem_x509_crl(path.read_bytes())
            pki.revoked[authority] = {entry.serial_number: entry.revocation_date_utc for entry in crl}
    return pki


def complete(pki: Pki, days: int = 730) -> None:
    """Add what a PKI built by an earlier version lacks."""
    for name in LEDGERS.keys() - pki.holders:
        issue(pki, name, None, key=new_key("ed25519"), days=days)
    _write_vkeys(pki)


def issue_party(
    pki: Pki,
    name: str,
    *,
    organization: str | None = None,
    key: str = "p256",
    issuer: str = ISSUING,
    days: int = 730,
) -> Holder:
    """A good party certificate; ``name`` is common name and file name, ``key`` one of `new_key`."""
    return issue(pki, name, issuer, key=new_key(key), organization=organization, days=days)


def new_key(kind: str) -> Key:
    """A fresh key: ``p256``, ``p384``, ``rsa`` (2048), ``rsa3072``, ``rsa1024``, ``ed25519``."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        # 1024 bits exist here only to be refused.
        return rsa.generate_private_key(65537, int(kind[3:] or 2048))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def issue(
    pki: Pki,
    name: str,
    issuer: str | None,
    *,
    key: Key | None = None,
    organization: str | None = None,
    common_name: str | None = None,
    days: int = 730,
    start: timedelta = timedelta(days=-30),
    usage: Iterable[str] = ("digital_signature", "content_commitment"),
    purposes: Iterable[x509.ObjectIdentifier] = (),
    ca: bool = False,
    path_length: int | None = None,
    permitted: x509.Name | None = None,
    hosts: Iterable[str] = (),
) -> Holder:
    """Issue one certificate (self-signed without ``issuer``), write it with its key, and remember it.

    ``start`` counts from the PKI's now, ``days`` from there; ``permitted`` makes a critical
    directoryName constraint.
    """
    key = key or new_key("p256")
    subject = distinguished_name(common_name or name, organization)
    above = pki.holders[issuer] if issuer else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.now + start)
        .not_valid_after(pki.now + start + timedelta(days=days))
    )
    for extension, critical in _extensions(key, above, usage, purposes, ca, path_length, permitted, hosts):
        builder = builder.add_extension(extension, critical)
    signing_key = above.key if above else key
    certificate = builder.sign(signing_key, _digest(signing_key))
    holder = Holder(name, key, certificate, _chain(above))
    _write(pki, holder)
    return holder


def _extensions(
    key: Key,
    above: Holder | None,
    usage: Iterable[str],
    purposes: Iterable[x509.ObjectIdentifier],
    ca: bool,
    path_length: int | None,
    permitted: x509.Name | None,
    hosts: Iterable[str],
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    yield x509.BasicConstraints(ca, path_length), True
    yield _key_usage(("key_cert_sign", "crl_sign") if ca else usage), True
    yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    signer = (above.key if above else key).public_key()
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False
    if above is not None:
        address = x509.UniformResourceIdentifier(f"http://pki.demo-hub.test/{above.name}.crl")
        yield x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)]), False
    if purposes := list(purposes):
        yield x509.ExtendedKeyUsage(purposes), Purpose.TIME_STAMPING in purposes  # RFC 3161 2.3
    if permitted is not None:
        yield x509.NameConstraints([x509.DirectoryName(permitted)], None), True
    if names := [_general_name(host) for host in hosts]:
        yield x509.SubjectAlternativeName(names), False


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(named: Iterable[str]) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    chosen = set(named)
    return x509.KeyUsage(**{flag: flag in chosen for flag in every})


def distinguished_name(common_name: str, organization: str | None = None) -> x509.Name:
    """The subject of a test certificate."""
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization or "TEST organisation"),
        x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {common_name}"),
    ]
    return x509.Name(attributes)


def _digest(key: Key) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _chain(above: Holder | None) -> tuple[x509.Certificate, ...]:
    if above is None or above.certificate.issuer == above.certificate.subject:
        return ()
    return (above.certificate, *above.chain)


def _authorities(pki: Pki) -> None:
    old = {"ca": True, "days": 15 * 365, "start": timedelta(days=-5 * 365)}
    issue(pki, "parties-ca", None, path_length=2, **old)  # type: ignore[arg-type]
    issue(pki, ISSUING, "parties-ca", path_length=0, **old)  # type: ignore[arg-type]
    for name in ("seal-ca", "test-seal-ca", "tsa-ca", "service-ca", "foreign-ca"):
        issue(pki, name, None, path_length=0, **old)  # type: ignore[arg-type]
    ministries = x509.Name(list(distinguished_name("", "TEST ministries"))[:2])
    issue(pki, "constrained-ca", "parties-ca", path_length=0, permitted=ministries, **old)  # type: ignore[arg-type]
    issue(pki, "sub-ca", ISSUING, **old)  # type: ignore[arg-type]
    issue(pki, "impostor-ca", None, common_name=ISSUING, **old)  # type: ignore[arg-type]


def _roles(pki: Pki, days: int) -> None:
    issue(pki, "hub-seal", "seal-ca", days=days)
    issue(pki, "test-seal", "test-seal-ca", days=days)
    issue(pki, "tsa", "tsa-ca", days=days, usage=["digital_signature"], purposes=[Purpose.TIME_STAMPING])
    # The ledger's key is trusted as a .vkey; its certificate exists to show that it seals nothing.
    for name in LEDGERS:
        issue(pki, name, None, key=new_key("ed25519"), days=days)
    client = [Purpose.CLIENT_AUTH]
    issue(pki, "client-auth", "service-ca", days=days, usage=["digital_signature"], purposes=client)
    server = [Purpose.SERVER_AUTH]
    hosts = ("localhost", "127.0.0.1")
    issue(pki, "tls", "service-ca", days=days, usage=["digital_signature"], purposes=server, hosts=hosts)
    for name in ("portal-agent", "office", "ministry", "commune", "platform"):
        issue_party(pki, name, days=days)


def _bad(pki: Pki, days: int) -> None:
    issue(pki, "expired", ISSUING, start=timedelta(days=-60), days=30)
    issue(pki, "not-yet-valid", ISSUING, start=timedelta(days=10), days=days)
    issue(pki, "revoked", ISSUING, days=days)
    revoke(pki, "revoked", pki.now - timedelta(days=10))
    issue(pki, "wrong-usage", ISSUING, days=days, usage=["key_encipherment"])
    issue(pki, "issued-by-leaf", "ministry", days=days)
    issue(pki, "path-length", "sub-ca", days=days)
    issue(pki, "name-constraints", "constrained-ca", organization="TEST company", days=days)
    issue(pki, "inside-constraints", "constrained-ca", organization="TEST ministries", days=days)
    issue(pki, "same-name-other-key", "impostor-ca", common_name="ministry", days=days)
    issue(pki, "foreign", "foreign-ca", days=days)
    issue(pki, "weak-rsa", ISSUING, key=new_key("rsa1024"), days=days)
    issue(pki, "ca-as-signer", "parties-ca", ca=True, path_length=0, days=days)


def revoke(pki: Pki, name: str, when: datetime) -> None:
    """Note the revocation of ``name``; `write_crls` publishes it."""
    certificate = pki[name].certificate
    issuer = next(
        holder.name
        for holder in pki.holders.values()
        if holder.name in CRL_FOLDERS and holder.certificate.subject == certificate.issuer
    )
    pki.revoked.setdefault(issuer, {})[certificate.serial_number] = when


def write_crls(pki: Pki, this_update: datetime, days: int = 30) -> None:
    """Write a fresh CRL of every trusted authority into its trust folder."""
    for authority, folder in CRL_FOLDERS.items():
        crl = make_crl(pki, authority, this_update, days)
        _replace(pki.trust / folder / f"{authority}.crl", crl.public_bytes(serialization.Encoding.PEM))


def _replace(path: Path, octets: bytes) -> None:
    # A running hub reads the folder at any moment and must never find half a list.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(octets)
    fresh.replace(path)


def make_crl(pki: Pki, authority: str, this_update: datetime, days: float) -> x509.CertificateRevocationList:
    """A CRL that ``authority`` signed at ``this_update`` and replaces within ``days``."""
    holder = pki[authority]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(holder.certificate.subject)
        .last_update(this_update)
        .next_update(this_update + timedelta(days=days))
        .add_extension(x509.CRLNumber(int(this_update.timestamp())), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(holder.key.public_key()), False)
    )
    for serial, when in pki.revoked.get(authority, {}).items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(holder.key, _digest(holder.key))


def _write(pki: Pki, holder: Holder) -> None:
    pki.holders[holder.name] = holder
    key_path, certificate_path = pki.key_path(holder.name), pki.certificate_path(holder.name)
    key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate_path.parent.mkdir(parents=True, exist_ok=True)
    encoded = holder.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_path.unlink(missing_ok=True)
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(encoded)
    certificate_path.write_bytes(_pem(holder.certificate, *holder.chain))


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def _write_trust(pki: Pki) -> None:
    for authority, folder in ANCHORS.items():
        (pki.trust / folder).mkdir(parents=True, exist_ok=True)
        (pki.trust / folder / f"{authority}.pem").write_bytes(_pem(pki[authority].certificate))
    _write_vkeys(pki)


def _write_vkeys(pki: Pki) -> None:
    for holder, (folder, name) in LEDGERS.items():
        (pki.trust / folder).mkdir(parents=True, exist_ok=True)
        (pki.trust / folder / f"{holder}.vkey").write_text(ledger_vkey(name, pki[holder].key) + "\n")


def ledger_vkey(name: str, key: Key) -> str:
    """The verifier key of an Ed25519 note signer (C2SP signed-note, "Verifier keys")."""
    public = b"\x01" + key.public_key().public_bytes_raw()  # type: ignore[union-attr]
    key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(public).decode()}"


def main(arguments: list[str]) -> int:
    """Build into the directory named by the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python certs/testpki.py DIR\n")
        return 2
    build(Path(arguments[0]), datetime.now(UTC))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
