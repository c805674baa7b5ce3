"""Signature values, spellings of the same octets, and forms that are not the two allowed."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.assets import letters, rawjws
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.desk import Desk
from tests.assets.letters import JOSE, JOSE_JSON, b64url


def cases(bench: Bench) -> Cases:
    """Every case about the text of a JWS."""
    desk = Desk(bench)
    yield from _values(desk)
    yield from _encoding(desk)
    yield from _forms(desk)


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
    head, body, _ = good.split(".")

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
            yield Case(
                f"jws-tail-payload-{len(octets) % 3}",
                signed(head, text[:-1] + tail[tail.index(text[-1]) + 1]),
                JOSE,
            )
    tail = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield Case("jws-tail-signature", f"{good[:-1]}{tail[tail.index(good[-1]) + 1]}".encode(), JOSE)
    yield Case("jws-length-one-over", signed(head, body + "A" * (1 + -len(body) % 4)), JOSE)
    yield Case("jws-non-ascii", good.replace(".", ".é", 1).encode(), JOSE)
    yield Case("jws-nul", good.encode() + b"\x00", JOSE)


def _forms(desk: Desk) -> Cases:
    good = desk.make("jws-form").raw.decode()
    head, body, value = good.split(".")
    whole = {"payload": body, "protected": head, "signature": value}
    for name, text in {
        "two-parts": f"{head}.{body}",
        "one-part": head,
        "four-parts": good + ".x",
        "five-parts": good + ".x.y",
        "empty-fourth": good + ".",
        "empty": "",
        "dots": "..",
        "many-dots": "." * 500_000,
    }.items():
        yield Case(f"jws-form-{name}", text.encode(), JOSE)
    general = {"payload": body, "signatures": [{"protected": head, "signature": value}]}
    shapes: dict[str, Any] = {
        "general": general,
        "general-beside-flattened": whole | general,
        "extra-member": whole | {"extra": 1},
        "unprotected-header": whole | {"header": {"kid": "x"}},
        "unprotected-alg": whole | {"header": {"alg": "none"}},
        "unprotected-x5c": whole
        | {"header": {"x5c": [rs.b64(rs.der(desk.bench.pki["stranger"].certificate))]}},
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
    yield Case(
        "jws-flat-duplicate-payload-first", (f'{{"payload":"{forged}",' + text[1:]).encode(), JOSE_JSON
    )
    yield Case(
        "jws-flat-duplicate-escaped", (text[:-1] + f',"p\\u0061yload":"{forged}"}}').encode(), JOSE_JSON
    )
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
