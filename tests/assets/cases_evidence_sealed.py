"""Receipts with good evidence beside them: changed after sealing, or sealed by somebody else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.assets import rawsign as rs
from tests.assets.evidence_bench import EvidenceBench, Exhibits, signature_value

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CHANGES: dict[str, tuple[bytes, bytes]] = {
    "text": (b"Example company portal", b"Example company partal"),
    "attribute": (
        b'<Receipt xmlns="urn:wasl:receipt:1.0">',
        b'<Receipt xmlns="urn:wasl:receipt:1.0" Id="x">',
    ),
    "namespace": (b"urn:wasl:receipt:1.0", b"urn:wasl:receipt:1.1"),
    "digest": (b"fb547ce4", b"fb547ce5"),
    "content-digest": (b"<ContentDigest>", b"<ContentDigest>0"),
    "whitespace": (b"\n  <Issuer>", b"\n   <Issuer>"),
    "line-end": (b"</Version>\n", b"</Version>&#13;\n"),
    "arabic": ("رخصة".encode(), "رحصة".encode()),
    "signed-info": (b"<ds:SignedInfo>", b"<ds:SignedInfo> "),
    "signed-properties": (b"<xades:SignedSignatureProperties>", b"<xades:SignedSignatureProperties> "),
    "comment": (b"</Version>", b"</Version><!-- -->"),
    "element-out": (b"<DirectoryVersion>42</DirectoryVersion>", b""),
}
IGNORED: dict[str, tuple[bytes, bytes]] = {
    "quotes": (b'<Receipt xmlns="urn:wasl:receipt:1.0">', b"<Receipt xmlns='urn:wasl:receipt:1.0'>"),
    "space-in-tag": (b"<Issuer>", b"<Issuer >"),
    "character": (b"Example company portal", b"Ex&#97;mple company portal"),
    "declaration": (b"<?xml version='1.0' encoding='UTF-8'?>\n", b""),
    "end": (b"</Receipt>", b"</Receipt>\n"),
}
"""What canonicalisation takes away again."""
OTHER_KEYS = ("ministry", "tsa", "ledger", "tls", "client-auth", "foreign", "seal-ca", "test-seal")


def cases(bench: EvidenceBench) -> Exhibits:
    """Every case of this kind."""
    yield from _good(bench)
    yield from _changed_xml(bench)
    yield from _changed_json(bench)
    yield from _by_others(bench)
    yield from _swapped(bench)
    yield from _moments(bench)


def _good(bench: EvidenceBench) -> Exhibits:
    yield bench.good("sealed-good-xml")
    yield bench.good("sealed-good-jws", "jws")
    yield bench.good("sealed-test-xml", holder="test-seal", test=True)
    yield bench.good("sealed-test-jws", "jws", "test-seal", test=True)


def _changed_xml(bench: EvidenceBench) -> Exhibits:
    good = bench.good("")
    for name, (old, new) in {**CHANGES, **{f"ignored-{k}": v for k, v in IGNORED.items()}}.items():
        assert old in good.raw
        yield good.but(f"sealed-changed-xml-{name}", raw=good.raw.replace(old, new, 1))
    value = signature_value(good.raw)
    for name, new in {
        "bit": _flipped(value),
        "twin": _twin(value),
        "cut": value[:-4],
        "more": value + value,
    }.items():
        raw = good.raw.replace(value.encode(), new.encode())
        yield good.but(f"sealed-changed-xml-value-{name}", raw=raw)
    stated = bench.sealed_at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    raw = good.raw.replace(stated, b"2020-01-01T00:00:00Z")
    yield good.but("sealed-changed-xml-signing-time", raw=raw)
    own, other = (rs.b64(rs.der(bench.pki[name].certificate)) for name in ("hub-seal", "seal-revoked-after"))
    yield good.but("sealed-changed-xml-certificate", raw=good.raw.replace(own.encode(), other.encode()))


def _flipped(value: str, place: int = 20) -> str:
    return value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :]


def _twin(value: str) -> str:
    """The other signature of the same octets: s may be replaced by n - s, and nobody needs the key."""
    return rs.b64(twin_of(rs.base64.b64decode(value)))


def twin_of(raw: bytes) -> bytes:
    s = P256_ORDER - int.from_bytes(raw[32:])
    return raw[:32] + s.to_bytes(32)


def _changed_json(bench: EvidenceBench) -> Exhibits:
    good = bench.good("", "jws")
    head, body, value = good.raw.decode().split(".")
    payload = _decoded(body)
    changes: dict[str, tuple[str, bytes, str]] = {
        "payload": (head, payload.replace(b"company portal", b"company partal"), value),
        "payload-space": (head, payload.replace(b'":"', b'": "', 1), value),
        "digest": (head, payload.replace(b"fb547ce4", b"fb547ce5"), value),
        "time": (_encoded(_decoded(head).replace(b'"iat": 1', b'"iat": 2')), payload, value),
        "header-space": (_encoded(_decoded(head) + b" "), payload, value),
        "value": (head, payload, _flipped(value)),
        "value-last": (head, payload, value[:-1] + chr(ord(value[-1]) + 1)),
    }
    for name, (first, second, third) in changes.items():
        raw = f"{first}.{_encoded(second)}.{third}".encode()
        yield good.but(f"sealed-changed-jws-{name}", raw=raw)
    twin = _encoded(twin_of(_decoded(value)))
    yield good.but("sealed-changed-jws-value-twin", raw=f"{head}.{body}.{twin}".encode())
    flat: dict[str, Any] = {"payload": body, "protected": head, "signature": value}
    yield good.but("sealed-good-flattened", raw=json.dumps(flat).encode(), ending="json")
    yield good.but(
        "sealed-changed-flattened-ignored-space", raw=json.dumps(flat, indent=3).encode(), ending="json"
    )
    payload = payload.replace(b"portal", b"partal")
    for name, change in {
        "payload": {"payload": _encoded(payload)},
        "value": {"signature": _flipped(value)},
        "second-payload": {"Payload": _encoded(payload)},
        "signatures": {"signatures": [{"protected": head, "signature": value}]},
    }.items():
        yield good.but(
            f"sealed-changed-flattened-{name}", raw=json.dumps(flat | change).encode(), ending="json"
        )
    twice = json.dumps(flat)[:-1] + f', "payload": "{_encoded(payload)}"}}'
    yield good.but("sealed-changed-flattened-member-twice", raw=twice.encode(), ending="json")


def _decoded(text: str) -> bytes:
    return rs.base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(octets: bytes) -> str:
    return rs.base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _by_others(bench: EvidenceBench) -> Exhibits:
    for holder in OTHER_KEYS:
        for ending in ("xml", "jws"):
            yield bench.good(f"sealed-by-{holder}-{ending}", ending, holder)
    for ending in ("xml", "jws"):
        yield bench.good(f"sealed-test-by-ministry-{ending}", ending, "ministry", test=True)


def _swapped(bench: EvidenceBench) -> Exhibits:
    """Two receipts of one hub, both good, and what can be made of their parts."""
    content, other = bench.content(), bench.other()
    mine, theirs = bench.recorded("", bench.xml(content), "xml", content), bench.xml(other)
    at, place = (raw.index(b"<ds:Signature ") for raw in (mine.raw, theirs))
    yield mine.but("sealed-swapped-signature-xml", raw=mine.raw[:at] + theirs[place:])
    value, foreign = signature_value(mine.raw), signature_value(theirs)
    yield mine.but("sealed-swapped-value-xml", raw=mine.raw.replace(value.encode(), foreign.encode()))
    one, two = (bench.jws(each).split(b".") for each in (content, other))
    yield mine.but("sealed-swapped-signature-jws", raw=b".".join([*one[:2], two[2]]), ending="jws")
    yield mine.but("sealed-swapped-payload-jws", raw=b".".join([one[0], two[1], one[2]]), ending="jws")
    # Both are the hub's own: whoever gets the other receipt must not be able to pass it off as this one.
    yield mine.but("sealed-other-receipt-same-beside", raw=theirs)
    letter = b"<Envelope>a letter that never was</Envelope>"
    yield mine.but("sealed-original-differs", original=letter)
    digest = hashlib.sha256(letter).hexdigest()
    known = "fb547ce4fe0cb294c480f291dfea672d44cd63f224626fd9961655baa8c577a9"
    of_letter = bench.content(texts={known: digest})  # type: ignore[arg-type]
    matching = bench.recorded("sealed-original-matches", bench.xml(of_letter), "xml", of_letter)
    yield matching.but("sealed-original-matches", original=letter)


def _moments(bench: EvidenceBench) -> Exhibits:
    for moment in ("revoked-before", "revoked-between", "revoked-after", "ended-since", "ended-between"):
        for ending in ("xml", "jws"):
            good = bench.good(f"sealed-{moment}-{ending}", ending, f"seal-{moment}")
            yield good
            yield good.but(f"sealed-{moment}-without-time-{ending}", token=None)
            yield good.but(f"sealed-{moment}-unlogged-{ending}", proof=None, token=None)
