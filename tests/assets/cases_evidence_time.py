"""Good receipts and proofs beside time-stamps that prove nothing, and time-stamps inside the receipts."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from tests.assets import rawder
from tests.assets import rawsign as rs
from tests.assets.cases_evidence_sealed import twin_of
from tests.assets.evidence_bench import HOUR, SECOND, EvidenceBench, Exhibit, Exhibits, signature_value

AUTHORITIES = (
    "tsa-ended",
    "tsa-revoked",
    "tsa-foreign",
    "tsa-under-seal-ca",
    "tsa-without-purpose",
    "tsa-two-purposes",
    "tsa-own-root",
    "hub-seal",
    "ministry",
    "tls",
    "tsa-ca",
)
MOMENTS = {
    "back-dated": -HOUR,
    "tolerated-before": -4 * SECOND,
    "day-later": timedelta(hours=25),
    "just-in-time": timedelta(hours=23),
}
_LATER = timedelta(days=2)


def cases(bench: EvidenceBench) -> Exhibits:
    """Every case of this kind."""
    yield from _authorities(bench)
    yield from _over(bench)
    yield from _shapes(bench)
    yield from _moments(bench)
    yield from _inside_xml(bench)
    yield from _inside_json(bench)


def _authorities(bench: EvidenceBench) -> Exhibits:
    good = bench.good("time-good")
    yield good
    note = bench.around(bench.content()).note()
    yield good.but("time-good-bare", token=rawder.token(bench.pki["tsa"], note, bench.stamped_at))
    for holder in AUTHORITIES:
        yield good.but(f"time-by-{holder}", token=bench.stamp(note, holder=holder))
    # Its authority stands beside it, so that a path of certificates is at hand.
    foreign = (bench.pki["tsa-foreign"].certificate, bench.pki["foreign-ca"].certificate)
    carried = bench.stamp(note, holder="tsa-foreign", certificates=foreign)
    yield good.but("time-by-foreign-with-its-authority", token=carried)
    mixed = (*foreign[:1], bench.pki["tsa-ca"].certificate)
    yield good.but(
        "time-by-foreign-beside-ours", token=bench.stamp(note, holder="tsa-foreign", certificates=mixed)
    )
    both = (bench.pki["tsa"].certificate, bench.pki["tsa-foreign"].certificate)
    yield good.but(
        "time-by-foreign-named-as-ours",
        token=bench.stamp(note, holder="tsa-foreign", named=bench.pki["tsa"].certificate, certificates=both),
    )


def _over(bench: EvidenceBench) -> Exhibits:
    good = bench.good("")
    content = bench.content()
    log = bench.around(content)
    longer = bench.log(*log.entries, b"one more")
    signature = log.note()[len(log.text()) + 1 :]
    for name, octets in {
        "nothing": b"",
        "receipt": good.raw,
        "proof": good.proof or b"",
        "text-alone": log.text(),
        "signature-line": signature,
        "root": log.note().split(b"\n")[2],
        "later-checkpoint": longer.note(),
        "other-receipts-checkpoint": bench.around(bench.other()).note(),
        "forked-checkpoint": bench.log(b"else", *log.entries[1:]).note(),
        "content-digest": bytes.fromhex(content.members["contentDigest"]),
    }.items():
        yield good.but(f"time-over-{name}", token=bench.stamp(octets))
    digest = hashlib.sha256(log.note()).digest()
    infos = {
        "sha1": rawder.tst_info(hashlib.sha1(log.note()).digest(), bench.stamped_at, method=rawder.SHA1),
        "sha1-named-as-sha256": rawder.tst_info(hashlib.sha1(log.note()).digest(), bench.stamped_at),
        "sha256-named-as-sha1": rawder.tst_info(digest, bench.stamped_at, method=rawder.SHA1),
        "cut": rawder.tst_info(digest[:20], bench.stamped_at),
        "longer": rawder.tst_info(digest + b"x", bench.stamped_at),
        "twice-hashed": rawder.tst_info(hashlib.sha256(digest).digest(), bench.stamped_at),
    }
    for name, info in infos.items():
        yield good.but(f"time-over-digest-{name}", token=bench.stamp(log.note(), info=info))


def _shapes(bench: EvidenceBench) -> Exhibits:
    good = bench.good("")
    note = bench.around(bench.content()).note()
    token = rawder.token(bench.pki["tsa"], note, bench.stamped_at)
    stated = bench.stamped_at.strftime("%Y%m%d%H%M%SZ").encode()
    critical = rawder.tlv(
        0xA1, rawder.sequence(rawder.identifier("1.2.3.4.5"), b"\x01\x01\xff", rawder.octet_string(b"\5\0"))
    )
    digest = hashlib.sha256(note).digest()
    zone = rawder.tst_info(digest, bench.stamped_at).replace(stated, stated[:-1] + b"+0000")
    no_zone = rawder.tst_info(digest, bench.stamped_at).replace(
        b"\x18\x0f" + stated, b"\x18\x0e" + stated[:-1]
    )
    shapes = {
        "altered-time": rawder.response(token.replace(stated, stated[:3] + b"0" + stated[4:])),
        "altered-signature": rawder.response(token[:-3] + bytes([token[-3] ^ 1]) + token[-2:]),
        "spoiled": bench.stamp(note, spoiled=True),
        "rejected": rawder.response(b"", 2),
        "rejected-with-a-token": rawder.response(token, 2),
        "waiting-with-a-token": rawder.response(token, 3),
        "trailing": rawder.response(token) + b"\0",
        "two-tokens": rawder.response(token + token),
        "cut": token[:-40],
        "empty": b"",
        "text": b"yesterday, I think",
        "request": rawder.sequence(rawder.integer(1), rawder.octet_string(digest)),
        "named-another": bench.stamp(note, named=bench.pki["hub-seal"].certificate),
        "no-certificate": bench.stamp(note, certificates=()),
        "critical-extension": bench.stamp(
            note, info=rawder.tst_info(digest, bench.stamped_at, more=critical)
        ),
        "local-zone": bench.stamp(note, info=zone),
        "no-zone": bench.stamp(note, info=no_zone),
        "plain-signed-data": rawder.response(
            rawder.Cms(bench.pki["tsa"], rawder.tst_info(digest, bench.stamped_at), detached=False).octets
        ),
    }
    for name, octets in shapes.items():
        yield good.but(f"time-shape-{name}", token=octets)
    for name, accuracy in {"good-to-the-second": 1, "vague": 365 * 86_400}.items():
        said = rawder.tst_info(digest, bench.stamped_at, more=rawder.sequence(rawder.integer(accuracy)))
        yield good.but(f"time-{name}", token=bench.stamp(note, info=said))


def _moments(bench: EvidenceBench) -> Exhibits:
    content = bench.content()
    raw = bench.xml(content)
    not_yet = bench.recorded("time-not-yet", raw, "xml", content, bench.event + timedelta(hours=20))
    yield not_yet
    for name, shift in MOMENTS.items():
        made = bench.recorded(f"time-{name}", raw, "xml", content, bench.event + shift)
        yield made.but(made.name, after=_LATER)


# --- inside the receipt


def stamped_xml(raw: bytes, *tokens: bytes, inside: str = "", attributes: str = "") -> bytes:
    """An XML receipt with a SignatureTimeStamp for each token (XAdES B-T)."""
    form = f'<ds:CanonicalizationMethod Algorithm="{rs.EXC_C14N}"></ds:CanonicalizationMethod>'
    stamps = "".join(
        f"<xades:SignatureTimeStamp{attributes}>{inside}{form}<xades:EncapsulatedTimeStamp>{rs.b64(one)}"
        "</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>"
        for one in tokens
    )
    block = f"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{stamps}"
    block += "</xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties>"
    return raw.replace(b"</xades:QualifyingProperties>", block.encode())


def covered_xml(raw: bytes) -> bytes:
    """What the time-stamp of an XML receipt is over: its signature value in exclusive canonical form."""
    return f'<ds:SignatureValue xmlns:ds="{rs.DS}">{signature_value(raw)}</ds:SignatureValue>'.encode()


def _token(bench: EvidenceBench, covered: bytes, at: datetime | None = None, holder: str = "tsa") -> bytes:
    return rawder.token(bench.pki[holder], covered, at or bench.sealed_at + 20 * SECOND)


def _inside_xml(bench: EvidenceBench) -> Exhibits:
    good = bench.good("")
    covered = covered_xml(good.raw)
    token = _token(bench, covered)
    other = bench.xml(bench.other())
    yield good.but("inside-good-xml", raw=stamped_xml(good.raw, token))
    yield good.but("inside-good-xml-without-checkpoints-time", raw=stamped_xml(good.raw, token), token=None)
    yield good.but("inside-unlogged-xml", raw=stamped_xml(good.raw, token), proof=None, token=None)
    for name, one in _spoiled(bench, covered, covered_xml(other)).items():
        yield good.but(f"inside-{name}-xml", raw=stamped_xml(good.raw, one))
    yield good.but("inside-two-good-xml", raw=stamped_xml(good.raw, token, token))
    yield good.but("inside-two-second-bad-xml", raw=stamped_xml(good.raw, token, _token(bench, b"else")))
    yield good.but("inside-two-first-bad-xml", raw=stamped_xml(good.raw, _token(bench, b"else"), token))
    yield good.but(
        "inside-good-checkpoints-bad-xml", raw=stamped_xml(good.raw, token), token=bench.stamp(b"else")
    )
    value = signature_value(good.raw)
    twin = good.raw.replace(value.encode(), rs.b64(twin_of(rs.base64.b64decode(value))).encode())
    yield good.but("inside-twin-value-xml", raw=stamped_xml(twin, token))
    sealed_again = bench.xml(bench.content())
    yield good.but("inside-sealed-again-xml", raw=stamped_xml(sealed_again, token))
    yield good.but("inside-changed-xml", raw=stamped_xml(good.raw.replace(b"portal", b"partal"), token))
    yield good.but("inside-text-xml", raw=stamped_xml(good.raw, token, inside="REFUSED"))
    forged = f"<Receipt xmlns='urn:wasl:receipt:1.0'>{'x' * 9}</Receipt>"
    yield good.but("inside-receipt-xml", raw=stamped_xml(good.raw, token, inside=forged))
    yield good.but("inside-same-id-xml", raw=stamped_xml(good.raw, token, attributes=' Id="props"'))
    yield good.but(
        "inside-unknown-attribute-xml", raw=stamped_xml(good.raw, token, attributes=' Verdict="void"')
    )


def _spoiled(bench: EvidenceBench, covered: bytes, other: bytes) -> dict[str, bytes]:
    """Tokens that say nothing about a signature value that ``covered`` stands for."""
    token = _token(bench, covered)
    return {
        "over-other-signature": _token(bench, other),
        "over-nothing": _token(bench, b""),
        "foreign": _token(bench, covered, holder="tsa-foreign"),
        "ended": _token(bench, covered, holder="tsa-ended"),
        "revoked": _token(bench, covered, holder="tsa-revoked"),
        "without-purpose": _token(bench, covered, holder="tsa-without-purpose"),
        "by-seal": _token(bench, covered, holder="hub-seal"),
        "before-seal": _token(bench, covered, bench.sealed_at - HOUR),
        "altered": token[:-3] + bytes([token[-3] ^ 1]) + token[-2:],
        "cut": token[:-40],
    }


def stamped_jws(compact: bytes, *tokens: bytes, **beside: Any) -> bytes:
    """A compact JWS in flattened form with a sigTst of these tokens (TS 119 182-1 5.3.4)."""
    head, body, value = compact.decode().split(".")
    stamps = [{"sigTst": {"tstTokens": [{"val": rs.b64(one)} for one in tokens]}}]
    header = {"etsiU": stamps, **beside}
    return json.dumps({"payload": body, "protected": head, "header": header, "signature": value}).encode()


def _inside_json(bench: EvidenceBench) -> Exhibits:
    good = bench.good("", "jws")
    covered = good.raw.rpartition(b".")[2]
    token = _token(bench, covered)
    flat: Exhibit = good.but("", ending="json")
    yield flat.but("inside-good-json", raw=stamped_jws(good.raw, token))
    yield flat.but("inside-unlogged-json", raw=stamped_jws(good.raw, token), proof=None, token=None)
    other = bench.jws(bench.other()).rpartition(b".")[2]
    for name, one in _spoiled(bench, covered, other).items():
        yield flat.but(f"inside-{name}-json", raw=stamped_jws(good.raw, one))
    octets = rs.base64.urlsafe_b64decode(covered + b"==")
    yield flat.but("inside-over-decoded-value-json", raw=stamped_jws(good.raw, _token(bench, octets)))
    yield flat.but("inside-two-second-bad-json", raw=stamped_jws(good.raw, token, _token(bench, b"else")))
    twin = good.raw[: -len(covered)] + rs.base64.urlsafe_b64encode(twin_of(octets)).rstrip(b"=")
    yield flat.but("inside-twin-value-json", raw=stamped_jws(twin, token))
    yield flat.but("inside-sealed-again-json", raw=stamped_jws(bench.jws(bench.content()), token))
    yield flat.but("inside-unsigned-alg-json", raw=stamped_jws(good.raw, token, alg="none"))
    yield flat.but("inside-unsigned-text-json", raw=stamped_jws(good.raw, token, verdict="void"))
    for name, etsi in {"none": [], "text": ["void"], "base64": ["e30"], "object": {}}.items():
        members = json.loads(stamped_jws(good.raw, token))
        members["header"]["etsiU"] = etsi
        yield flat.but(f"inside-etsiu-{name}-json", raw=json.dumps(members).encode())
    members = json.loads(stamped_jws(good.raw, token))
    members["header"]["etsiU"][0]["xVals"] = [{"x509Cert": "void"}]
    yield flat.but("inside-etsiu-more-json", raw=json.dumps(members).encode())
