"""Receipts: real ones, and forgeries under every certificate that is not the hub's seal."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785

from certs import testpki
from tests.assets import rawjws
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.letters import b64url, stamp

EXAMPLES = Path(__file__).parents[2] / "xsd" / "examples"
SEALED_AT = datetime(2030, 3, 4, 8, 15, 3, tzinfo=UTC)
"""A second after the event of the example receipt."""
RECEIPT = "receipt"
FORGERS = ("ministry", "tsa", "ledger", "tls", "client-auth", "portal-agent", "office", "stranger", "foreign")


def cases(bench: Bench) -> Cases:
    """Every receipt, for a bench whose now is `SEALED_AT`."""
    _more_seals(bench)
    yield from _good(bench)
    yield from _forged(bench)
    yield from _moments(bench)
    yield from _shapes(bench)


def _more_seals(bench: Bench) -> None:
    pki = bench.pki
    testpki.issue(pki, "seal-revoked", "seal-ca")
    testpki.revoke(pki, "seal-revoked", SEALED_AT - timedelta(days=3))
    testpki.issue(pki, "seal-expired", "seal-ca", days=10)  # valid from a month ago for ten days
    testpki.issue(pki, "seal-for-encryption", "seal-ca", usage=["key_encipherment"])
    testpki.issue(pki, "seal-impostor-ca", None, common_name="seal-ca", ca=True, path_length=0)
    testpki.issue(pki, "seal-impostor", "seal-impostor-ca", common_name="hub-seal")
    testpki.issue(pki, "seal-under-seal", "hub-seal", common_name="hub-seal")
    testpki.write_crls(pki, pki.now)


def content(test: bool = False, **changes: Any) -> tuple[str, bytes]:
    """The XML text with a slot for the signature, and the JSON octets, of the example acceptance."""
    members = json.loads((EXAMPLES / "receipt-acceptance.json").read_bytes()) | changes
    text = (EXAMPLES / "receipt-acceptance.xml").read_text("utf-8")
    stated = members.pop("contentDigest")
    if test:
        members["test"] = True
        text = text.replace("</AuthenticatedBy>", "</AuthenticatedBy><Test>true</Test>")
    digest = hashlib.sha256(rfc8785.dumps(members)).hexdigest()
    text = text.replace(stated, digest).replace("</Receipt>", f"{rs.SLOT}</Receipt>")
    return text, rfc8785.dumps(members | {"contentDigest": digest})


def _plan(bench: Bench, holder: str, at: datetime = SEALED_AT) -> rs.Plan:
    who = bench.pki[holder]
    plan = rs.xades_plan(who.key, who.certificate, stamp(at))
    if holder == "ledger":
        method = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"
        return plan.but(method=method, value=who.key.sign)
    return plan.but(certificates=(who.certificate, *who.chain))


def _xml(bench: Bench, case: str, holder: str, *, test: bool = False, at: datetime = SEALED_AT) -> Case:
    return Case(case, rs.sign(content(test)[0], _plan(bench, holder, at)), RECEIPT)


def _jws(
    bench: Bench,
    case: str,
    holder: str,
    *,
    test: bool = False,
    at: datetime = SEALED_AT,
    payload: bytes | None = None,
    **changes: Any,
) -> Case:
    who = bench.pki[holder]
    alg = "EdDSA" if holder == "ledger" else "ES256"
    chain = [rs.b64(rs.der(one)) for one in (who.certificate, *who.chain)]
    members = {"typ": "wasl-receipt+json", "x5c": chain} | changes
    header = rawjws.header(who.certificate, alg, int(at.timestamp()), members)
    octets = content(test)[1] if payload is None else payload
    return Case(case, rawjws.compact(header, octets, alg, who.key), RECEIPT)


def _both(bench: Bench, case: str, holder: str, **changes: Any) -> Cases:
    yield _xml(bench, f"{case}-xml", holder, **changes)
    yield _jws(bench, f"{case}-jws", holder, **changes)


def _good(bench: Bench) -> Cases:
    yield from _both(bench, "receipt-good", "hub-seal")
    yield from _both(bench, "receipt-test", "test-seal", test=True)
    yield from _both(bench, "receipt-test-under-real-seal", "hub-seal", test=True)
    line_end = _jws(bench, "receipt-good-jws-line-end", "hub-seal")
    yield Case(line_end.name, line_end.raw + b"\n", RECEIPT)


def _forged(bench: Bench) -> Cases:
    for holder in FORGERS:
        yield from _both(bench, f"receipt-by-{holder}", holder)
        if holder in ("ministry", "tls"):
            yield from _both(bench, f"receipt-test-by-{holder}", holder, test=True)
    yield from _both(bench, "receipt-disguised-test", "test-seal")
    for holder in (
        "seal-ca",
        "test-seal-ca",
        "parties-ca",
        "seal-impostor",
        "seal-impostor-ca",
        "seal-under-seal",
    ):
        yield from _both(bench, f"receipt-by-{holder}", holder)
    ministry, authority = bench.pki["ministry"], bench.pki["seal-ca"].certificate
    plan = _plan(bench, "ministry").but(certificates=(ministry.certificate, authority))
    yield Case("receipt-by-ministry-beside-seal-ca-xml", rs.sign(content()[0], plan), RECEIPT)
    chain = [rs.b64(rs.der(one)) for one in (ministry.certificate, authority)]
    yield _jws(bench, "receipt-by-ministry-beside-seal-ca-jws", "ministry", x5c=chain)
    seal = bench.pki["hub-seal"].certificate
    yield Case(
        "receipt-seal-certificate-other-key-xml",
        rs.sign(content()[0], _plan(bench, "hub-seal").but(key=ministry.key)),
        RECEIPT,
    )
    header = rawjws.header(seal, "ES256", int(SEALED_AT.timestamp()), {"typ": "wasl-receipt+json"})
    yield Case(
        "receipt-seal-certificate-other-key-jws",
        rawjws.compact(header, content()[1], "ES256", ministry.key),
        RECEIPT,
    )


def _moments(bench: Bench) -> Cases:
    yield from _both(bench, "receipt-seal-revoked", "seal-revoked")
    yield from _both(
        bench, "receipt-seal-revoked-before-event", "seal-revoked", at=SEALED_AT - timedelta(days=5)
    )
    yield from _both(bench, "receipt-seal-expired", "seal-expired")
    yield from _both(bench, "receipt-seal-unfit", "seal-for-encryption")
    yield from _both(bench, "receipt-sealed-tomorrow", "hub-seal", at=SEALED_AT + timedelta(days=1))
    yield from _both(bench, "receipt-sealed-before-event", "hub-seal", at=SEALED_AT - timedelta(days=1))


def _shapes(bench: Bench) -> Cases:
    good = _xml(bench, "", "hub-seal").raw
    yield Case(
        "receipt-changed-xml", good.replace(b"Example company portal", b"Example company partal"), RECEIPT
    )
    head, _, value = _jws(bench, "", "hub-seal").raw.decode().split(".")
    changed = content()[1].replace(b"company portal", b"company partal")
    yield Case("receipt-changed-jws", f"{head}.{b64url(changed)}.{value}".encode(), RECEIPT)
    who = bench.pki["hub-seal"]
    plain = rs.plain_plan(who.key, who.certificate)
    yield Case("receipt-plain-signature", rs.sign(content()[0], plain), RECEIPT)
    text, octets = content()
    start = text.index("<ContentDigest>") + 15
    wrong = text[:start] + "0" * 64 + text[start + 64 :]
    yield Case("receipt-content-digest-xml", rs.sign(wrong, _plan(bench, "hub-seal")), RECEIPT)
    members = json.loads(octets) | {"contentDigest": "0" * 64}
    yield _jws(bench, "receipt-content-digest-jws", "hub-seal", payload=rfc8785.dumps(members))
    yield _jws(bench, "receipt-typ-envelope", "hub-seal", typ="wasl-envelope+json")
    yield _jws(bench, "receipt-typ-webhook", "hub-seal", typ="wasl-webhook+json")
    forged = content()[0].replace("Example company portal", "Somebody else")
    bare = content()[0].partition("\n")[2].replace(rs.SLOT, "")
    signature = good[good.index(b"<ds:Signature ") : good.index(b"</ds:Signature>") + 15].decode()
    holding = signature.replace("</ds:Signature>", f"<ds:Object>{bare}</ds:Object></ds:Signature>")
    yield Case("receipt-wrapped-object", forged.replace(rs.SLOT, holding).encode(), RECEIPT)
    yield Case("receipt-wrapped-sibling", forged.replace(rs.SLOT, bare + signature).encode(), RECEIPT)
    letter = bench.xades("receipt-is-a-letter", holder="hub-seal")
    yield Case(letter.name, letter.raw, RECEIPT)
    stamped = good.decode().replace(
        "</xades:QualifyingProperties>",
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
        f"{bare}</xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties>",
    )
    yield Case("receipt-hidden-unsigned-properties", stamped.encode(), RECEIPT)
    head, body, value = _jws(bench, "", "hub-seal").raw.decode().split(".")
    flat = {"payload": body, "protected": head, "signature": value}
    yield Case("receipt-good-flattened", json.dumps(flat).encode(), RECEIPT)
    for name, beside in {"x5c": {"x5c": []}, "alg": {"alg": "none"}}.items():
        yield Case(f"receipt-unprotected-{name}", json.dumps(flat | {"header": beside}).encode(), RECEIPT)
    for name, octets in {
        "pdf": b"%PDF-1.7\n",
        "zip": b"PK\x03\x04",
        "empty": b"",
        "text": b"bonjour",
        "html": b"<html/>",
    }.items():
        yield Case(f"receipt-not-{name}", octets, RECEIPT)
