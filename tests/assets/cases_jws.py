"""JSON envelopes: good ones, tricks with the header, tricks with the text; mostly validly signed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from certs import testpki
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tests.assets import letters, rawjws, rawsign as rs
from tests.assets.bench import OTHER_ROLES, Bench, Case, Cases
from tests.assets.letters import JOSE, JOSE_JSON, b64url

ALGORITHM = {"p384": "ES384", "rsa": "RS256", "rsa3072": "RS256", "ed25519": "EdDSA", "p521": "ES512", "k256": "ES256"}


def cases(bench: Bench) -> Cases:
    """Every JWS and JSON case."""
    for group in (_good, _algorithms, _keys, _header, _critical, _times, _values, _encoding, _forms, _json, _certificates, _content):
        yield from group(Desk(bench))


class Desk:
    """Short ways to a signed JSON letter."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.iat = int(bench.now.timestamp()) - 60

    def header(self, holder: str = "ministry", algorithm: str = "ES256", **changes: Any) -> dict[str, Any]:
        return rawjws.header(self.bench.pki[holder].certificate, algorithm, self.iat, changes)

    def payload(self, case: str, **changes: Any) -> bytes:
        return letters.json_octets(letters.json_letter(case, self.bench.now, **changes))

    def make(
        self,
        case: str,
        payload: bytes | None = None,
        *,
        holder: str = "ministry",
        alg: str = "ES256",
        signs_as: str = "",
        key: Any = None,
        **changes: Any,
    ) -> Case:
        """A compact letter; ``changes`` change the header."""
        octets = self.payload(case) if payload is None else payload
        key = self.bench.pki[holder].key if key is None else key
        return Case(case, rawjws.compact(self.header(holder, alg, **changes), octets, signs_as or alg, key), JOSE)

    def text(self, case: str, header: str | bytes) -> Case:
        """A compact letter whose header is given as text."""
        octets = header if isinstance(header, bytes) else header.encode()
        return Case(case, rawjws.compact(octets, self.payload(case), "ES256", self.bench.pki["ministry"].key), JOSE)

    def flat(self, case: str, protected: Any = None, payload: bytes | None = None, **more: Any) -> Case:
        octets = self.payload(case) if payload is None else payload
        head = self.header() if protected is None else protected
        return Case(case, rawjws.flattened(head, octets, "ES256", self.bench.pki["ministry"].key, **more), JOSE_JSON)


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
        case = f"jws-none-{none.strip() or 'empty'}{'-space' if none.endswith(' ') else ''}-" + "".join("u" if c.isupper() else "l" for c in none)
        head, body = b64url(json.dumps(desk.header(alg=none)).encode()), b64url(desk.payload(case))
        yield Case(case, f"{head}.{body}.".encode(), JOSE)
        yield Case(case + "-signed", f"{head}.{body}.{b64url(bytes(64))}".encode(), JOSE)
    certificate = desk.bench.pki["ministry-rsa"].certificate
    public, der, pem = certificate.public_key().public_bytes, serialization.Encoding.DER, serialization.Encoding.PEM
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
    for alg in ("RS384", "RS512", "PS384", "PS512", "ES512", "ES256K", "RS1", "Ed25519", "Ed448", "RSA-OAEP", "dir", "es256", "ES256 "):
        rsa = alg.startswith(("RS", "PS"))
        signs = {"RS384": "RS384", "RS512": "RS512", "PS384": "PS384", "PS512": "PS512"}.get(alg, "RS256" if rsa else "ES256")
        yield desk.make(f"jws-alg-{alg.replace(' ', '-space')}-{'l' if alg.islower() else 'u'}", holder="ministry-rsa" if rsa else "ministry", alg=alg, signs_as=signs)
    yield desk.make("jws-alg-missing", alg=None, signs_as="ES256")  # type: ignore[arg-type]
    for name, value in {"list": ["ES256"], "number": 256, "null-text": "null", "object": {}}.items():
        yield desk.make(f"jws-alg-{name}", alg=value, signs_as="ES256")  # type: ignore[arg-type]
    yield desk.make("jws-es384-under-p256", alg="ES384")
    yield desk.make("jws-es256-under-p384", holder="ministry-p384", alg="ES256")
    yield desk.make("jws-es256-under-rsa", holder="ministry-rsa", alg="ES256", key=desk.bench.pki["ministry"].key)
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
    jwk = {"kty": "EC", "crv": "P-256", "x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big"))}
    trap = desk.bench.trap
    tricks = {"jwk": jwk, "jku": trap + "jwks", "x5u": trap + "cert.pem", "x5t": rawjws.thumbprint(attacker.certificate, "sha1")}
    theirs = {"x5c": None, "x5t#S256": None}
    for name, value in tricks.items():
        yield desk.make(f"jws-{name}-signed-by-party", **{name: value})
        yield desk.make(f"jws-{name}-attackers-key", key=attacker.key, **{name: value})
        yield desk.make(f"jws-{name}-alone", key=attacker.key, **theirs, **{name: value})
    for name, kid in {"path": "../../../../dev/null", "sql": "x' UNION SELECT 'k", "url": trap + "k", "command": "$(id)"}.items():
        yield desk.make(f"jws-kid-{name}", key=attacker.key, kid=kid, **theirs)
    yield desk.make("jws-kid-not-text", kid={"a": 1})
    yield desk.make("jws-attackers-key", key=attacker.key)
    yield desk.make("jws-attackers-key-thumbprint", key=attacker.key, x5c=None)
    mine, other = (rs.b64(rs.der(one)) for one in (desk.bench.pki["ministry"].certificate, attacker.certificate))
    yield desk.make("jws-x5c-attackers-last", key=attacker.key, x5c=[mine, other], **{"x5t#S256": None})
    yield desk.make("jws-x5c-attackers-first", key=attacker.key, x5c=[other, mine], **{"x5t#S256": None})
    yield desk.make("jws-x5c-against-thumbprint", key=attacker.key, x5c=[other])
    yield desk.make("jws-thumbprint-against-x5c", **{"x5t#S256": rawjws.thumbprint(attacker.certificate)})
    yield desk.make("jws-thumbprint-unknown", x5c=None, **{"x5t#S256": b64url(bytes(32))})
    yield desk.make("jws-no-certificate", x5c=None, **{"x5t#S256": None})
    odd = {"empty": [], "text": mine, "null": [None], "empty-text": [""], "garbage": [rs.b64(b"x" * 40)], "url-alphabet": [b64url(rs.der(desk.bench.pki["ministry"].certificate))], "trailing": [rs.b64(rs.der(desk.bench.pki["ministry"].certificate) + b"\x00")], "white-space": [mine[:76] + "\n" + mine[76:]], "pem": ["-----BEGIN CERTIFICATE-----\n" + mine], "many": [mine] * 200}
    for name, value in odd.items():
        yield desk.make(f"jws-x5c-{name}", x5c=value)
    for name, value in {"short": b64url(bytes(20)), "padded": rawjws.thumbprint(desk.bench.pki["ministry"].certificate) + "=", "hex": "0" * 64, "number": 1, "null": "", "list": []}.items():
        yield desk.make(f"jws-thumbprint-{name}", **{"x5t#S256": value})


def _header(desk: Desk) -> Cases:
    for name, value in {"missing": None, "other": "JWT", "receipt": "wasl-receipt+json", "webhook": "wasl-webhook+json", "long": "application/wasl-envelope+json", "upper": "WASL-ENVELOPE+JSON", "list": ["wasl-envelope+json"], "jose": "JOSE"}.items():
        yield desk.make(f"jws-typ-{name}", typ=value)
    good = json.dumps(desk.header())
    inside = good[1:-1]
    yield desk.text("jws-header-duplicate-alg", "{" + inside + ',"alg":"none"}')
    yield desk.text("jws-header-duplicate-alg-first", '{"alg":"none",' + inside + "}")
    yield desk.text("jws-header-duplicate-escaped", "{" + inside + ',"\\u0061lg":"none"}')
    yield desk.text("jws-header-duplicate-x5c", "{" + inside + ',"x5c":[]}')
    yield desk.text("jws-header-duplicate-same", "{" + inside + ',"typ":"wasl-envelope+json"}')
    yield desk.text("jws-header-bom", b"\xef\xbb\xbf" + good.encode())
    yield desk.text("jws-header-utf16", good.encode("utf-16-le"))
    yield desk.text("jws-header-not-object", "[]")
    yield desk.text("jws-header-empty", b"")
    yield desk.text("jws-header-null", "null")
    yield desk.text("jws-header-trailing", good + " x")
    yield desk.text("jws-header-nan", "{" + inside + ',"iat":NaN}')
    yield desk.text("jws-header-deep", "{" + inside + ',"kid":' + "[" * 5000 + "]" * 5000 + "}")
    yield desk.text("jws-header-big-integer", good.replace(str(desk.iat), "9" * 5000))
    yield desk.text("jws-header-bad-utf8", good.encode().replace(b"ES256", b"ES256\xff"))
    yield desk.text("jws-header-comment", good.replace("{", "{/* */", 1))
    yield desk.text("jws-header-single-quotes", good.replace('"', "'"))
    yield desk.make("jws-header-unknown-member", urn="x")
    yield desk.make("jws-header-url-member", url="https://example.test/")
    yield desk.make("jws-header-zip", zip="DEF")
    yield desk.make("jws-header-enc", enc="A128GCM")
    yield desk.make("jws-header-sigd", sigD={"mId": "http://uri.etsi.org/19182/ObjectIdByURI", "pars": [desk.bench.trap]})
    yield desk.make("jws-header-huge", kid="k" * 300_000)


def _critical(desk: Desk) -> Cases:
    lists: dict[str, Any] = {
        "empty": [],
        "unknown": ["urn:example:extension"],
        "alg": ["alg"],
        "absent": ["sigT"],
        "text": "iat",
        "twice": ["iat", "iat"],
        "null": [None],
        "itself": ["crit"],
        "number": 1,
        "exp": ["exp"],
        "object": {"iat": True},
        "nested": [["iat"]],
    }
    for name, value in lists.items():
        yield desk.make(f"jws-crit-{name}", crit=value)
    yield desk.make("jws-crit-unknown-present", crit=["urn:example:x"], **{"urn:example:x": 1})
    head, payload = desk.header(b64=False, crit=["b64"]), desk.payload("jws-b64-false")
    protected = b64url(json.dumps(head).encode())
    signature = rawjws.sign_input("ES256", desk.bench.pki["ministry"].key, protected.encode() + b"." + payload)
    yield Case("jws-b64-false", protected.encode() + b"." + payload.replace(b".", b"") + b"." + b64url(signature).encode(), JOSE)
    yield Case("jws-b64-detached", f"{protected}..{b64url(signature)}".encode(), JOSE)
    body = {"protected": protected, "payload": payload.decode(), "signature": b64url(signature)}
    yield Case("jws-b64-false-flattened", json.dumps(body).encode(), JOSE_JSON)
    yield desk.make("jws-b64-true", b64=True, crit=["b64"])
    yield desk.make("jws-b64-not-critical", b64=False)


def _times(desk: Desk) -> Cases:
    stamp = desk.bench.at
    yield desk.make("jws-both-times", sigT=stamp(minutes=-1))
    yield desk.make("jws-no-time", iat=None)
    for name, shift in {"old": {"days": -8}, "years-old": {"days": -3000}, "future": {"minutes": 7}, "far-future": {"days": 40000}}.items():
        moment = desk.bench.now + timedelta(**shift)
        yield desk.make(f"jws-iat-{name}", iat=int(moment.timestamp()))
        yield desk.make(f"jws-sigt-{name}", iat=None, sigT=letters.stamp(moment))
    odd: dict[str, Any] = {"text": str(desk.iat), "true": True, "negative": -1, "float": desk.iat + 0.5, "list": [desk.iat], "milliseconds": desk.iat * 1000, "beyond-calendar": 9_007_199_254_740_991, "zero": 0}
    for name, value in odd.items():
        yield desk.make(f"jws-iat-{name}", iat=value)
    texts: dict[str, Any] = {"no-zone": stamp()[:-1], "number": desk.iat, "empty": "", "date": stamp()[:10], "arabic-digits": stamp().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), "month-13": stamp()[:5] + "13" + stamp()[7:], "trailing": stamp() + "\n"}
    for name, value in texts.items():
        yield desk.make(f"jws-sigt-{name}", iat=None, sigT=value)


def _values(desk: Desk) -> Cases:
    key = desk.bench.pki["ministry"].key
    good = desk.make("jws-value").raw.decode()
    head, body, value = good.split(".")
    data = f"{head}.{body}".encode()
    der = key.sign(data, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    raw = rs.raw_ecdsa(key, der)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    wrong = {
        "empty": b"",
        "der": der,
        "zero": bytes(64),
        "zero-r": bytes(32) + raw[32:],
        "zero-s": raw[:32] + bytes(32),
        "order": order.to_bytes(32, "big") * 2,
        "short": raw[:-1],
        "one": b"\x01",
        "long": raw + b"\x00",
        "padded": r.to_bytes(33, "big") + s.to_bytes(33, "big"),
        "half": raw[:32],
        "flipped": bytes([raw[0] ^ 1]) + raw[1:],
    }
    for name, octets in wrong.items():
        yield Case(f"jws-value-{name}", f"{head}.{body}.{b64url(octets)}".encode(), JOSE)
    changed = b64url(desk.payload("jws-value").replace(b"fictive", b"forgees"))
    yield Case("jws-changed-payload", f"{head}.{changed}.{value}".encode(), JOSE)
    other = b64url(json.dumps(desk.header(kid="x")).encode())
    yield Case("jws-changed-header", f"{other}.{body}.{value}".encode(), JOSE)
    yield Case("jws-empty-payload", f"{head}..{value}".encode(), JOSE)
    yield desk.make("jws-empty-payload-signed", b"")
    swapped = b64url(json.dumps(desk.header("commune")).encode())
    yield Case("jws-changed-certificate", f"{swapped}.{body}.{value}".encode(), JOSE)


def _encoding(desk: Desk) -> Cases:
    """Several spellings of the same octets; the signature is over the spelling sent where possible."""
    good = desk.make("jws-encoding").raw.decode()
    head, body, value = good.split(".")

    def signed(protected: str, payload: str) -> bytes:
        octets = rawjws.sign_input("ES256", desk.bench.pki["ministry"].key, f"{protected}.{payload}".encode())
        return f"{protected}.{payload}.{b64url(octets)}".encode()

    yield Case("jws-padding-payload", signed(head, body + "=" * (-len(body) % 4 or 4)), JOSE)
    yield Case("jws-padding-header", signed(head + "=" * (-len(head) % 4 or 4), body), JOSE)
    yield Case("jws-padding-signature", f"{good}==".encode(), JOSE)
    yield Case("jws-white-space-payload", signed(head, body[:40] + "\n" + body[40:]), JOSE)
    yield Case("jws-white-space-end", good.encode() + b"\n", JOSE)
    yield Case("jws-white-space-start", b" " + good.encode(), JOSE)
    standard = body + "+/" * 2
    yield Case("jws-standard-alphabet", signed(head, standard), JOSE)
    for extra in range(3):
        octets = desk.payload("jws-encoding") + b" " * extra
        text = b64url(octets)
        if len(octets) % 3:
            tail = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            yield Case(f"jws-tail-payload-{len(octets) % 3}", signed(head, text[:-1] + tail[tail.index(text[-1]) + 1]), JOSE)
    tail = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield Case("jws-tail-signature", f"{good[:-1]}{tail[tail.index(good[-1]) + 1]}".encode(), JOSE)
    yield Case("jws-length-one-over", signed(head, body + "A" * (1 + -len(body) % 4)), JOSE)
    yield Case("jws-non-ascii", good.replace(".", ".é", 1).encode(), JOSE)
    yield Case("jws-nul", good.encode() + b"\x00", JOSE)


def _forms(desk: Desk) -> Cases:
    good = desk.make("jws-form").raw.decode()
    head, body, value = good.split(".")
    whole = {"payload": body, "protected": head, "signature": value}
    for name, text in {"two-parts": f"{head}.{body}", "one-part": head, "four-parts": good + ".x", "five-parts": good + ".x.y", "empty-fourth": good + ".", "empty": "", "dots": "..", "many-dots": "." * 500_000}.items():
        yield Case(f"jws-form-{name}", text.encode(), JOSE)
    general = {"payload": body, "signatures": [{"protected": head, "signature": value}]}
    shapes: dict[str, Any] = {
        "general": general,
        "general-beside-flattened": whole | general,
        "extra-member": whole | {"extra": 1},
        "unprotected-header": whole | {"header": {"kid": "x"}},
        "unprotected-alg": whole | {"header": {"alg": "none"}},
        "unprotected-x5c": whole | {"header": {"x5c": [rs.b64(rs.der(desk.bench.pki["stranger"].certificate))]}},
        "missing-protected": {"payload": body, "signature": value, "header": desk.header()},
        "missing-payload": {"protected": head, "signature": value},
        "payload-object": whole | {"payload": letters.json_letter("x", desk.bench.now)},
        "signature-null": whole | {"signature": None},
        "list": [whole],
        "text": good,
        "number": 1,
    }
    for name, shape in shapes.items():
        yield Case(f"jws-flat-{name}", json.dumps(shape).encode(), JOSE_JSON)
    text = json.dumps(whole)
    forged = b64url(desk.payload("jws-form", subject="autre"))
    yield Case("jws-flat-duplicate-payload", (text[:-1] + f',"payload":"{forged}"}}').encode(), JOSE_JSON)
    yield Case("jws-flat-duplicate-payload-first", (f'{{"payload":"{forged}",' + text[1:]).encode(), JOSE_JSON)
    yield Case("jws-flat-duplicate-escaped", (text[:-1] + f',"p\\u0061yload":"{forged}"}}').encode(), JOSE_JSON)
    yield Case("jws-flat-bom", b"\xef\xbb\xbf" + text.encode(), JOSE_JSON)
    yield Case("jws-flat-trailing", text.encode() + b"{}", JOSE_JSON)
    yield Case("jws-flat-deep", b"[" * 100_000, JOSE_JSON)
    yield Case("jws-flat-deep-closed", b'{"payload":' * 100_000, JOSE_JSON)
    yield Case("jws-flat-sent-as-compact", text.encode(), JOSE)
    yield Case("jws-compact-sent-as-flat", good.encode(), JOSE_JSON)
    yield Case("jws-xml-sent-as-compact", desk.bench.xades("x").raw, JOSE)
    yield Case("jws-sent-as-xml", good.encode(), letters.XML)
    yield Case("jws-sent-as-json", good.encode(), "application/json")
    yield Case("jws-unsigned-json", desk.payload("jws-unsigned-json"), JOSE_JSON)
    yield Case("jws-oversize", f"{head}.{'A' * 3_000_000}.{value}".encode(), JOSE)


def _json(desk: Desk) -> Cases:
    """Text that two JSON readers understand differently, under a valid signature."""
    good = desk.payload("jws-json").decode()
    inside = good[1:-1]
    texts: dict[str, str | bytes] = {
        "duplicate": "{" + inside + ',"subject":"autre"}',
        "duplicate-first": '{"subject":"autre",' + inside + "}",
        "duplicate-escaped": "{" + inside + ',"subj\\u0065ct":"autre"}',
        "duplicate-nested": good.replace('"sender":{', '"sender":{"party":"A0000002-Q",'),
        "duplicate-same": "{" + inside + ',"test":false,"test":false}',
        "nan": "{" + inside + ',"x":NaN}',
        "infinity": "{" + inside + ',"x":-Infinity}',
        "big-integer": "{" + inside + ',"x":9007199254740993}',
        "huge-integer": "{" + inside + ',"x":' + "9" * 100_000 + "}",
        "huge-exponent": "{" + inside + ',"x":1e999999}',
        "float-exponent": "{" + inside + ',"x":1e400}',
        "lone-surrogate": good.replace("fictive", "\\ud800"),
        "lone-low-surrogate": good.replace("fictive", "\\udc00 x"),
        "swapped-surrogates": good.replace("fictive", "\\udc00\\ud800"),
        "surrogate-in-name": "{" + inside + ',"\\ud800":1}',
        "raw-surrogate": good.encode().replace(b"fictive", b"\xed\xa0\x80"),
        "bom": b"\xef\xbb\xbf" + good.encode(),
        "utf16": good.encode("utf-16"),
        "utf16-no-bom": good.encode("utf-16-be"),
        "latin1": json.dumps(letters.json_letter("x", desk.bench.now, body="é"), ensure_ascii=False).encode("latin-1"),
        "nul": good.encode() + b"\x00",
        "raw-control": good.replace("fictive", "a\x01b"),
        "raw-newline": good.replace("fictive", "a\nb"),
        "bad-escape": good.replace("fictive", "\\x41"),
        "comment": good.replace("{", "{/**/", 1),
        "trailing-comma": good[:-1] + ",}",
        "single-quotes": good.replace('"', "'"),
        "unquoted": good.replace('"version"', "version"),
        "trailing": good + "x",
        "two-values": good + good,
        "leading-zero": "{" + inside + ',"x":01}',
        "plus-sign": "{" + inside + ',"x":+1}',
        "not-object": "[]",
        "text": '"letter"',
        "null": "null",
        "white-space-form-feed": "\x0c" + good,
        "nbsp": "\u00a0" + good,
        "deep": "{" + inside + ',"x":' + "[" * 40 + "]" * 40 + "}",
        "deep-objects": "{" + inside + ',"x":' + '{"a":' * 40 + "1" + "}" * 40 + "}",
        "very-deep": "{" + inside + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        "unclosed-deep": "[" * 200_000,
        "members": "{" + inside + "," + ",".join(f'"m{n}":1' for n in range(100_000)) + "}",
        "proto": "{" + inside + ',"__proto__":{"test":true}}',
    }
    for name, text in texts.items():
        octets = text if isinstance(text, bytes) else text.encode()
        yield desk.make(f"json-{name}", octets)


def _certificates(desk: Desk) -> Cases:
    algorithms = {"weak-rsa": "RS256", "ledger": "EdDSA"}
    for name in (*testpki.BAD, "stranger", "ministry-own-root", "ministry-web", *OTHER_ROLES):
        if name == "weak-rsa":
            continue
        holder = desk.bench.pki[name]
        chain = [rs.b64(rs.der(one)) for one in (holder.certificate, *holder.chain)]
        yield desk.make(f"jws-cert-{name}", holder=name, alg=algorithms.get(name, "ES256"), x5c=chain)
        yield desk.make(f"jws-cert-{name}-thumbprint", holder=name, alg=algorithms.get(name, "ES256"), x5c=None)


def _content(desk: Desk) -> Cases:
    changes: dict[str, dict[str, Any]] = {
        "audience": {"hub": "OTHER-HUB"},
        "party-another": {"sender": {"party": letters.COMMUNE}},
        "party-unknown": {"sender": {"party": "A0000003-O"}},
        "unknown-member": {"urn:example:x": 1},
        "bad-enum": {"purpose": "lettre"},
        "missing-subject": {"subject": None},
        "null-subject": {"summary": ["x"]},
        "wrong-type": {"test": "false"},
        "number-as-text": {"version": 1.0},
        "nested-unknown": {"sender": {"party": letters.MINISTRY, "x": 1}},
        "no-recipients": {"recipients": []},
        "many-recipients": {"recipients": [{"office": letters.OFFICE}] * 5000},
    }
    for name, change in changes.items():
        case = f"jws-content-{name}"
        yield desk.make(case, desk.payload(case, **change))
    case = "jws-content-pattern"
    yield desk.make(case, desk.payload(case, subject="x\n" * 100, language="fr-" + "aaaaaaaa-" * 2000))
