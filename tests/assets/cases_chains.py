"""Certificates made by hand that bend one rule of RFC 5280 each, in both signature profiles and in JWS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from certs import testpki
from tests.assets import letters
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Cases
from tests.assets.desk import Desk

Bend = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


def cases(bench: Bench) -> Cases:
    """Every case about odd certificates; each is registered exactly, as if by an operator's mistake."""
    desk = Desk(bench)
    for name in _make_all(bench):
        holder = bench.pki[name]
        chain = (holder.certificate, *holder.chain)
        yield bench.xades(f"chain-{name}", holder=name, certificates=chain)
        yield bench.plain(f"chain-{name}-basic", holder=name, certificates=chain)
        carried = [rs.b64(rs.der(one)) for one in chain]
        yield desk.make(f"chain-{name}-jws", holder=name, x5c=carried)
    yield from _moments(bench)


def _make_all(bench: Bench) -> list[str]:
    before = set(bench.pki.holders)
    _leaves(bench)
    _authorities(bench)
    made = [name for name in bench.pki.holders if name not in before and not name.startswith("odd-ca")]
    bench.registered |= dict.fromkeys(made, letters.MINISTRY)
    testpki.write_crls(bench.pki, bench.pki.now)
    return made


def _leaves(bench: Bench) -> None:
    usage = _usage("digital_signature")
    plain = x509.BasicConstraints(False, None)
    bends: dict[str, list[tuple[x509.ExtensionType, bool]]] = {
        "unknown-critical": [(usage, True), (plain, True), (UNKNOWN, True)],
        "no-key-usage": [(plain, True)],
        "may-sign-certificates": [(_usage("digital_signature", "key_cert_sign"), True), (plain, True)],
        "authority-without-right": [(usage, True), (x509.BasicConstraints(True, 0), True)],
        "agreement-only": [(_usage("key_agreement"), True), (plain, True)],
        "crl-only": [(_usage("crl_sign"), True), (plain, True)],
        "server-purpose": [(usage, True), (plain, True), (_purposes(ExtendedKeyUsageOID.SERVER_AUTH), True)],
        "stamping-purpose": [
            (usage, True),
            (plain, True),
            (_purposes(ExtendedKeyUsageOID.TIME_STAMPING), True),
        ],
    }
    for name, extensions in bends.items():
        issue(bench.pki, name, bench.pki[testpki.ISSUING], extensions)
    impostor = bench.pki["impostor-ca"]
    real = bench.pki[testpki.ISSUING].certificate.public_key()
    forged = x509.AuthorityKeyIdentifier.from_issuer_public_key(real)  # type: ignore[arg-type]
    issue(bench.pki, "forged-authority-key", impostor, [(usage, True), (plain, True), (forged, False)])


def _authorities(bench: Bench) -> None:
    pki, root = bench.pki, bench.pki["parties-ca"]
    usage, plain = _usage("digital_signature"), x509.BasicConstraints(False, None)
    leaf: list[tuple[x509.ExtensionType, bool]] = [(usage, True), (plain, True)]
    authority = (x509.BasicConstraints(True, 0), True)
    signs = (_usage("key_cert_sign", "crl_sign"), True)
    odd: dict[str, list[tuple[x509.ExtensionType, bool]]] = {
        "no-constraints": [signs],
        "not-an-authority": [(plain, True), signs],
        "no-signing-right": [authority, (_usage("digital_signature"), True)],
        "unknown-critical": [authority, signs, (UNKNOWN, True)],
        "revoked": [authority, signs],
        "expired": [authority, signs],
    }
    for name, extensions in odd.items():
        validity = (timedelta(days=-60), timedelta(days=-1)) if name == "expired" else None
        above = issue(pki, f"odd-ca-{name}", root, extensions, validity=validity)
        issue(pki, f"under-{name}", above, leaf)
    revoked = pki["odd-ca-revoked"].certificate.serial_number
    pki.revoked.setdefault("parties-ca", {})[revoked] = pki.now - timedelta(days=5)
    issue(pki, "straight-under-root", root, leaf)


def _usage(*flags: str) -> x509.KeyUsage:
    return testpki._key_usage(flags)


def _purposes(*oids: ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(oids)


def issue(
    pki: testpki.Pki,
    name: str,
    above: testpki.Holder,
    extensions: list[tuple[x509.ExtensionType, bool]],
    validity: tuple[timedelta, timedelta] | None = None,
) -> testpki.Holder:
    """A certificate with exactly the extensions given; remembered, never written."""
    key: Any = ec.generate_private_key(ec.SECP256R1())
    start, end = validity or (timedelta(days=-20), timedelta(days=200))
    builder = (
        x509.CertificateBuilder()
        .subject_name(testpki.distinguished_name(name))
        .issuer_name(above.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.now + start)
        .not_valid_after(pki.now + end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(above.key, hashes.SHA256())  # type: ignore[arg-type]
    chain = (above.certificate, *above.chain) if above.name != "parties-ca" else ()
    pki.holders[name] = testpki.Holder(name, key, certificate, chain)
    return pki.holders[name]


def _moments(bench: Bench) -> Cases:
    """Good at one of the two moments that count, reception and claimed time, and not at the other."""
    pki, above = bench.pki, bench.pki[testpki.ISSUING]
    leaf: list[tuple[x509.ExtensionType, bool]] = [
        (_usage("digital_signature"), True),
        (x509.BasicConstraints(False, None), True),
    ]
    days = timedelta(days=1)
    issue(pki, "expired-meanwhile", above, leaf, validity=(-30 * days, -1 * days))
    issue(pki, "not-valid-then", above, leaf, validity=(-1 * days, 30 * days))
    issue(pki, "revoked-meanwhile", above, leaf)
    serial = pki["revoked-meanwhile"].certificate.serial_number
    pki.revoked.setdefault(testpki.ISSUING, {})[serial] = pki.now - days
    testpki.write_crls(pki, pki.now)
    desk = Desk(bench)
    for name in ("expired-meanwhile", "not-valid-then", "revoked-meanwhile"):
        bench.registered[name] = letters.MINISTRY
        certs = rs.signing_certificate(rs.cert_v2(pki[name].certificate))
        objects = bench.certs_object(certs, rs.signing_time(bench.at(days=-3)))
        yield bench.xades(f"moment-{name}", holder=name, objects=objects)
        yield desk.make(f"moment-{name}-jws", holder=name, iat=desk.iat - 3 * 86_400)
