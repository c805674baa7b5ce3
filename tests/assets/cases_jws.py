"""JSON letters that must be accepted, and tricks with algorithms and keys."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization

from tests.assets import letters, rawjws
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.desk import Desk
from tests.assets.letters import JOSE, b64url


def cases(bench: Bench) -> Cases:
    """Every case about algorithms and keys of JSON letters, good ones first."""
    desk = Desk(bench)
    yield from _good(desk)
    yield from _algorithms(desk)
    yield from _keys(desk)


def _good(desk: Desk) -> Cases:
    yield desk.make("good-jws-es256")
    yield desk.make("good-jws-es384", holder="ministry-p384", alg="ES384")
    for alg in ("RS256", "PS256"):
        yield desk.make(f"good-jws-{alg.lower()}", holder="ministry-rsa", alg=alg)
    yield desk.make("good-jws-eddsa", holder="ministry-ed25519", alg="EdDSA")
    yield desk.flat("good-jws-flattened")
    yield desk.make("good-jws-thumbprint-only", x5c=None)
    yield desk.flat("good-jws-thumbprint-only-flattened", desk.header(x5c=None))
    yield desk.make("good-jws-x5c-only", **{"x5t#S256": None})
    sig_t = {"iat": None, "sigT": desk.bench.at(minutes=-1)}
    yield desk.make("good-jws-sigt", **sig_t)
    yield desk.make("good-jws-sigt-critical", crit=["sigT"], **sig_t)
    yield desk.make("good-jws-kid-is-ignored", kid="../../etc/passwd")
    certificate = desk.bench.pki["ministry"]
    chain = [rs.b64(rs.der(one)) for one in (certificate.certificate, *certificate.chain)]
    yield desk.make("good-jws-chain", x5c=chain)
    spaced = json.dumps(letters.json_letter("good-jws-pretty", desk.bench.now), indent=2).encode()
    yield desk.make("good-jws-pretty-escaped", spaced)
    yield desk.make("good-jws-by-subject", holder="ministry-by-subject")


def _algorithms(desk: Desk) -> Cases:
    for none in ("none", "None", "NONE", "nOnE", "none ", ""):
        case = f"jws-none-{none.strip() or 'empty'}{'-space' if none.endswith(' ') else ''}-" + "".join(
            "u" if c.isupper() else "l" for c in none
        )
        head, body = b64url(json.dumps(desk.header(alg=none)).encode()), b64url(desk.payload(case))
        yield Case(case, f"{head}.{body}.".encode(), JOSE)
        yield Case(case + "-signed", f"{head}.{body}.{b64url(bytes(64))}".encode(), JOSE)
    certificate = desk.bench.pki["ministry-rsa"].certificate
    public, der, pem = (
        certificate.public_key().public_bytes,
        serialization.Encoding.DER,
        serialization.Encoding.PEM,
    )
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    numbers = certificate.public_key().public_numbers()
    modulus = numbers.n.to_bytes(256, "big")
    jwk = {"kty": "RSA", "n": b64url(modulus), "e": "AQAB"}
    secrets = {
        "spki-der": public(der, spki),
        "spki-pem": public(pem, spki),
        "spki-pem-stripped": public(pem, spki).strip(),
        "pkcs1-der": public(der, pkcs1),
        "pkcs1-pem": public(pem, pkcs1),
        "certificate-der": rs.der(certificate),
        "certificate-pem": certificate.public_bytes(pem),
        "certificate-base64": rs.b64(rs.der(certificate)).encode(),
        "modulus": modulus,
        "jwk": json.dumps(jwk).encode(),
        "empty": b"",
    }
    for name, secret in secrets.items():
        yield desk.make(f"jws-hs-{name}", holder="ministry-rsa", alg="HS256", key=secret)
    yield desk.make("jws-hs384", holder="ministry-rsa", alg="HS384", key=secrets["spki-pem"])
    for alg in (
        "RS384",
        "RS512",
        "PS384",
        "PS512",
        "ES512",
        "ES256K",
        "RS1",
        "Ed25519",
        "Ed448",
        "RSA-OAEP",
        "dir",
        "es256",
        "ES256 ",
    ):
        rsa = alg.startswith(("RS", "PS"))
        signs = {"RS384": "RS384", "RS512": "RS512", "PS384": "PS384", "PS512": "PS512"}.get(
            alg, "RS256" if rsa else "ES256"
        )
        yield desk.make(
            f"jws-alg-{alg.replace(' ', '-space')}-{'l' if alg.islower() else 'u'}",
            holder="ministry-rsa" if rsa else "ministry",
            alg=alg,
            signs_as=signs,
        )
    yield desk.make("jws-alg-missing", alg=None, signs_as="ES256")  # type: ignore[arg-type]
    for name, value in {"list": ["ES256"], "number": 256, "null-text": "null", "object": {}}.items():
        yield desk.make(f"jws-alg-{name}", alg=value, signs_as="ES256")  # type: ignore[arg-type]
    yield desk.make("jws-es384-under-p256", alg="ES384")
    yield desk.make("jws-es256-under-p384", holder="ministry-p384", alg="ES256")
    yield desk.make(
        "jws-es256-under-rsa", holder="ministry-rsa", alg="ES256", key=desk.bench.pki["ministry"].key
    )
    yield desk.make("jws-rs256-under-ec", alg="RS256", key=desk.bench.pki["ministry-rsa"].key)
    yield desk.make("jws-eddsa-under-ec", alg="EdDSA", key=desk.bench.pki["ministry-ed25519"].key)
    yield desk.make("jws-es512-p521", holder="ministry-p521", alg="ES512")
    yield desk.make("jws-es256-k256", holder="ministry-k256", alg="ES256")
    yield desk.make("jws-rs256-1024", holder="weak-rsa", alg="RS256")
    yield desk.make("jws-ps256-1024", holder="weak-rsa", alg="PS256")
    yield desk.make("jws-eddsa-under-ed448", holder="ministry-ed448", alg="EdDSA")
    huge = desk.bench.pki["ministry-rsa"].key
    yield desk.make("jws-rs256-under-huge-rsa", holder="ministry-rsa-huge", alg="RS256", key=huge)
    yield desk.make("jws-rs256-signed-as-ps256", holder="ministry-rsa", alg="RS256", signs_as="PS256")


def _keys(desk: Desk) -> Cases:
    """Keys and addresses in the header that nobody may follow."""
    attacker = desk.bench.pki["stranger"]
    numbers = attacker.key.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }
    trap = desk.bench.trap
    tricks = {
        "jwk": jwk,
        "jku": trap + "jwks",
        "x5u": trap + "cert.pem",
        "x5t": rawjws.thumbprint(attacker.certificate, "sha1"),
    }
    theirs = {"x5c": None, "x5t#S256": None}
    for name, value in tricks.items():
        yield desk.make(f"jws-{name}-signed-by-party", **{name: value})
        yield desk.make(f"jws-{name}-attackers-key", key=attacker.key, **{name: value})
        yield desk.make(f"jws-{name}-alone", key=attacker.key, **theirs, **{name: value})
    for name, kid in {
        "path": "../../../../dev/null",
        "sql": "x' UNION SELECT 'k",
        "url": trap + "k",
        "command": "$(id)",
    }.items():
        yield desk.make(f"jws-kid-{name}", key=attacker.key, kid=kid, **theirs)
    yield desk.make("jws-kid-not-text", kid={"a": 1})
    yield desk.make("jws-attackers-key", key=attacker.key)
    yield desk.make("jws-attackers-key-thumbprint", key=attacker.key, x5c=None)
    mine, other = (
        rs.b64(rs.der(one)) for one in (desk.bench.pki["ministry"].certificate, attacker.certificate)
    )
    yield desk.make("jws-x5c-attackers-last", key=attacker.key, x5c=[mine, other], **{"x5t#S256": None})
    yield desk.make("jws-x5c-attackers-first", key=attacker.key, x5c=[other, mine], **{"x5t#S256": None})
    yield desk.make("jws-x5c-against-thumbprint", key=attacker.key, x5c=[other])
    yield desk.make("jws-thumbprint-against-x5c", **{"x5t#S256": rawjws.thumbprint(attacker.certificate)})
    yield desk.make("jws-thumbprint-unknown", x5c=None, **{"x5t#S256": b64url(bytes(32))})
    yield desk.make("jws-no-certificate", x5c=None, **{"x5t#S256": None})
    broken = rs.broken_certificates(desk.bench.pki["ministry"].certificate)
    for name, octets in broken.items():
        yield desk.make(f"jws-broken-{name}", x5c=[rs.b64(octets)], **{"x5t#S256": None})
    odd = {
        "empty": [],
        "text": mine,
        "null": [None],
        "empty-text": [""],
        "garbage": [rs.b64(b"x" * 40)],
        "url-alphabet": [b64url(rs.der(desk.bench.pki["ministry"].certificate))],
        "trailing": [rs.b64(rs.der(desk.bench.pki["ministry"].certificate) + b"\x00")],
        "white-space": [mine[:76] + "\n" + mine[76:]],
        "pem": ["-----BEGIN CERTIFICATE-----\n" + mine],
        "many": [mine] * 200,
    }
    for name, value in odd.items():
        yield desk.make(f"jws-x5c-{name}", x5c=value)
    for name, value in {
        "short": b64url(bytes(20)),
        "padded": rawjws.thumbprint(desk.bench.pki["ministry"].certificate) + "=",
        "hex": "0" * 64,
        "number": 1,
        "null": "",
        "list": [],
    }.items():
        yield desk.make(f"jws-thumbprint-{name}", **{"x5t#S256": value})
