"""Keys that nobody vouches for, or certificates that are not the signer's."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Cases

DSIG11 = "http://www.w3.org/2009/xmldsig11#"


def cases(bench: Bench) -> Cases:
    """Every case about KeyInfo."""
    yield from _key_info(bench)


def _key_info(bench: Bench) -> Cases:
    """Keys that nobody vouches for, or certificates that are not the signer's."""
    ours, attacker = bench.pki["ministry"], bench.pki["stranger"]
    mine, theirs = rs.b64(rs.der(ours.certificate)), rs.b64(rs.der(attacker.certificate))
    point = attacker.key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    value = (
        '<ds:KeyValue><e:ECKeyValue xmlns:e="http://www.w3.org/2009/xmldsig11#">'
        '<e:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        f"<e:PublicKey>{rs.b64(point)}</e:PublicKey></e:ECKeyValue></ds:KeyValue>"
    )
    data = f"<ds:X509Data><ds:X509Certificate>{mine}</ds:X509Certificate></ds:X509Data>"
    other = f"<ds:X509Data><ds:X509Certificate>{theirs}</ds:X509Certificate></ds:X509Data>"
    pair = "<ds:X509Data>{}</ds:X509Data>".format
    cert = "<ds:X509Certificate>{}</ds:X509Certificate>".format
    spki = attacker.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    contents = {
        "none": None,
        "empty": "",
        "empty-data": "<ds:X509Data></ds:X509Data>",
        "empty-certificate": pair(cert("")),
        "key-value": value,
        "key-value-and-certificate": value + data,
        "certificate-and-key-value": data + value,
        "key-name": "<ds:KeyName>TEST ministry</ds:KeyName>",
        "key-name-pem": "<ds:KeyName>/etc/ssl/certs/ca-certificates.crt</ds:KeyName>",
        "retrieval": f'<ds:RetrievalMethod URI="{bench.trap}key" Type="{rs.DS}X509Data"/>',
        "retrieval-local": f'<ds:RetrievalMethod URI="#letter" Type="{rs.DS}X509Data"/>',
        "reference": '<e:KeyInfoReference xmlns:e="http://www.w3.org/2009/xmldsig11#" URI="#ki2"/>',
        "subject-name": pair("<ds:X509SubjectName>CN=TEST ministry</ds:X509SubjectName>"),
        "issuer-serial": pair(
            "<ds:X509IssuerSerial><ds:X509IssuerName>CN=TEST parties-issuing-ca</ds:X509IssuerName>"
            "<ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>"
        ),
        "ski": pair(f"<ds:X509SKI>{rs.b64(b'x' * 20)}</ds:X509SKI>"),
        "victims-first": pair(cert(mine) + cert(theirs)),
        "victims-last": pair(cert(theirs) + cert(mine)),
        "two-data-victims-first": data + other,
        "two-data-victims-last": other + data,
        "garbage": pair(cert(rs.b64(b"no certificate at all"))),
        "not-base64": pair(cert("***")),
        "trailing": pair(cert(rs.b64(rs.der(attacker.certificate) + b"\x00\x00"))),
        "pem": pair(cert(attacker.certificate.public_bytes(serialization.Encoding.PEM).decode())),
        "huge": pair(cert("A" * 1_000_000)),
        "nested": f"<ds:KeyName>x</ds:KeyName><ds:MgmtData>{data}</ds:MgmtData>",
        "spki": f'<e:DEREncodedKeyValue xmlns:e="{DSIG11}">{rs.b64(spki)}</e:DEREncodedKeyValue>',
    }
    for name, octets in rs.broken_certificates(ours.certificate).items():
        contents[f"broken-{name}"] = pair(cert(rs.b64(octets)))
    for name, content in contents.items():
        key_info = "" if content is None else f"<ds:KeyInfo>{content}</ds:KeyInfo>"
        objects = bench.certs_object(rs.signing_certificate(rs.cert_v2(ours.certificate)))
        yield bench.xades(f"key-{name}", key=attacker.key, key_info=key_info, objects=objects)
        yield bench.plain(f"key-{name}-basic", key=attacker.key, key_info=key_info)
    yield bench.xades("key-not-the-certificates", key=attacker.key)
    yield bench.plain("key-not-the-certificates-basic", key=attacker.key)
    two = f"<ds:KeyInfo>{data}</ds:KeyInfo>"
    yield bench.plain("key-info-twice-basic", key_info=two + f"<ds:KeyInfo>{other}</ds:KeyInfo>")
    yield bench.plain(
        "key-info-twice-attackers-first-basic",
        key=attacker.key,
        key_info=f"<ds:KeyInfo>{other}</ds:KeyInfo>" + two,
    )
    yield bench.plain(
        "key-info-twice-attackers-last-basic",
        key=attacker.key,
        key_info=two + f"<ds:KeyInfo>{other}</ds:KeyInfo>",
    )
