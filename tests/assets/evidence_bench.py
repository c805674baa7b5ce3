"""What builders of evidence share: keys, receipts as text, a ledger, an authority of time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certs import testpki
from tests.assets import rawder, rawjws, rawledger, rawsign
from tests.assets.letters import stamp

EXAMPLES = Path(__file__).parents[2] / "xsd" / "examples"
ORIGIN, TEST_ORIGIN = "demo-hub.test/ledger", "demo-hub.test/ledger/test"
WITNESS = "witness.example"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
_EXAMPLE_TIME = "2030-03-04T08:15:02.417000Z"
_EXAMPLE_LOCAL = "2030-03-04T09:15:02.417000+01:00"
_EXAMPLE_CLAIM = "2030-03-04T09:15:00+01:00"


@dataclass(frozen=True)
class Exhibit:
    """One file for the verifier and what lies beside it.

    Attributes:
        ending: of the file's name; ``xml``, ``jws``, ``json``, ``pdf`` or ``asice``.
        original: the octets that the receipt is said to be about, or None.
        after: how long after the bench's now it is judged.
    """

    name: str
    raw: bytes
    ending: str = "xml"
    proof: bytes | None = None
    token: bytes | None = None
    cosignatures: bytes | None = None
    original: bytes | None = None
    after: timedelta = timedelta()

    def but(self, name: str, **changes: Any) -> Exhibit:
        return replace(self, name=name, **changes)

    def write(self, folder: Path) -> Path:
        """The file in ``folder``, with the others beside it."""
        path = folder / f"{self.name}.{self.ending}"
        path.write_bytes(self.raw)
        beside = {".tlog-proof": self.proof, ".tsr": self.token, ".cosignatures": self.cosignatures}
        for suffix, octets in beside.items():
            if octets is not None:
                path.with_name(path.name + suffix).write_bytes(octets)
        return path


Exhibits = Iterator[Exhibit]


@dataclass(frozen=True)
class Content:
    """One receipt: its XML with a slot for the signature, and its members."""

    text: str
    members: dict[str, Any]

    @property
    def payload(self) -> bytes:
        return bytes(rfc8785.dumps(self.members))

    @property
    def entry(self) -> bytes:
        """Its entry in a ledger."""
        return rawledger.entry(self.members)


@dataclass
class EvidenceBench:
    """Keys, and short ways to good evidence that a case then spoils.

    Attributes:
        now: the moment of verification.
        event: two hours before; whatever is good was sealed a second later and stamped half a minute later.
        more: keys that no trust folder knows.
    """

    pki: testpki.Pki
    now: datetime
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def event(self) -> datetime:
        return self.now - 2 * HOUR

    @property
    def sealed_at(self) -> datetime:
        return self.event + SECOND

    @property
    def stamped_at(self) -> datetime:
        return self.event + 30 * SECOND

    def content(self, kind: str = "acceptance", test: bool = False, **swaps: str) -> Content:
        """An example receipt at this bench's time; ``swaps`` replaces texts in both syntaxes."""
        text = (EXAMPLES / f"receipt-{kind}.xml").read_text("utf-8")
        plain = (EXAMPLES / f"receipt-{kind}.json").read_text("utf-8")
        local = self.event + HOUR
        times = {
            _EXAMPLE_TIME: self.event.strftime("%Y-%m-%dT%H:%M:%S.417000Z"),
            _EXAMPLE_LOCAL: local.strftime("%Y-%m-%dT%H:%M:%S.417000+01:00"),
            _EXAMPLE_CLAIM: local.strftime("%Y-%m-%dT%H:%M:%S+01:00"),
            "example-hub/ledger/2030": TEST_ORIGIN if test else ORIGIN,
        }
        for old, new in {**times, **swaps.get("texts", {})}.items():  # type: ignore[dict-item]
            text, plain = text.replace(old, new), plain.replace(old, new)
        members = json.loads(plain)
        stated = members.pop("contentDigest")
        if test:
            members["test"] = True
            text = text.replace("</AuthenticatedBy>", "</AuthenticatedBy><Test>true</Test>")
        digest = hashlib.sha256(rfc8785.dumps(members)).hexdigest()
        text = text.replace(stated, digest).replace("</Receipt>", f"{rawsign.SLOT}</Receipt>")
        return Content(text, members | {"contentDigest": digest})

    def other(self, nonce: str = "ff" * 16) -> Content:
        """Another receipt about the same letter."""
        return self.content(texts={"000102030405060708090a0b0c0d0e0f": nonce, "a001": "a0ff"})  # type: ignore[arg-type]

    def xml(self, content: Content, holder: str = "hub-seal", at: datetime | None = None) -> bytes:
        """The content under a XAdES signature."""
        who = self.pki[holder]
        plan = rawsign.xades_plan(who.key, who.certificate, stamp(at or self.sealed_at))
        if holder in testpki.LEDGERS:
            method = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"
            plan = plan.but(method=method, value=who.key.sign)
        return rawsign.sign(content.text, plan.but(certificates=(who.certificate, *who.chain)))

    def jws(self, content: Content, holder: str = "hub-seal", at: datetime | None = None) -> bytes:
        """The content as a compact JWS."""
        who = self.pki[holder]
        alg = "EdDSA" if holder in testpki.LEDGERS else "ES256"
        members = {
            "typ": "wasl-receipt+json",
            "x5c": [rawsign.b64(rawsign.der(one)) for one in (who.certificate, *who.chain)],
        }
        time = int((at or self.sealed_at).timestamp())
        return rawjws.compact(
            rawjws.header(who.certificate, alg, time, members), content.payload, alg, who.key
        )

    def log(self, *entries: bytes, origin: str = ORIGIN, holder: str = "ledger") -> rawledger.Log:
        key: Any = self.more[holder] if holder in self.more else self.pki[holder].key
        return rawledger.Log(origin, key, entries)

    def around(self, content: Content, **changes: Any) -> rawledger.Log:
        """A ledger of seven entries whose fourth is the receipt's."""
        others = [f"entry {number}".encode() for number in range(7)]
        if content.members.get("test"):
            changes = {"origin": TEST_ORIGIN, "holder": "test-ledger"} | changes
        return self.log(*others[:3], content.entry, *others[4:], **changes)

    def stamp(self, covered: bytes, at: datetime | None = None, holder: str = "tsa", **changes: Any) -> bytes:
        """A TimeStampResp."""
        return rawder.response(rawder.token(self.pki[holder], covered, at or self.stamped_at, **changes))

    def recorded(
        self, name: str, raw: bytes, ending: str, content: Content, at: datetime | None = None
    ) -> Exhibit:
        """An exhibit with a good proof and a good token beside it."""
        log = self.around(content)
        return Exhibit(name, raw, ending, log.proof(3), self.stamp(log.note(), at))

    def good(self, name: str, ending: str = "xml", holder: str = "hub-seal", **changes: Any) -> Exhibit:
        """The example receipt, sealed by ``holder`` and recorded."""
        content = self.content(**changes)
        raw = self.xml(content, holder) if ending == "xml" else self.jws(content, holder)
        return self.recorded(name, raw, ending, content)


def make_evidence_bench(folder: Path, now: datetime) -> EvidenceBench:
    """A bench with its PKI under ``folder``."""
    pki = testpki.build(folder / "pki", now)
    bench = EvidenceBench(pki, pki.now, {"stranger": testpki.new_key("ed25519")})
    _seals(bench)
    _authorities(bench)
    witness: Any = testpki.new_key("ed25519")
    bench.more["witness"] = witness
    (pki.trust / "witnesses").mkdir()
    (pki.trust / "witnesses" / "one.vkey").write_text(rawledger.vkey(WITNESS, witness, 4))
    testpki.write_crls(pki, pki.now)
    # A list from before the end of a seal: issuers drop what has expired from later ones.
    old = testpki.make_crl(pki, "seal-ca", bench.event + 40 * SECOND, 30)
    (pki.trust / "seal" / "earlier.crl").write_bytes(old.public_bytes(serialization.Encoding.PEM))
    return bench


def _seals(bench: EvidenceBench) -> None:
    pki = bench.pki
    for name, moment in {
        "seal-revoked-before": bench.event - HOUR,
        "seal-revoked-between": bench.event + 10 * SECOND,
        "seal-revoked-after": bench.event + HOUR,
    }.items():
        testpki.issue(pki, name, "seal-ca")
        testpki.revoke(pki, name, moment)
    for name, left in {"seal-ended-since": HOUR, "seal-ended-between": 10 * SECOND}.items():
        start = bench.event + left - timedelta(days=20) - bench.now
        testpki.issue(pki, name, "seal-ca", start=start, days=20)


def _authorities(bench: EvidenceBench) -> None:
    pki = bench.pki
    stamping: Mapping[str, Any] = {"usage": ["digital_signature"], "purposes": [Purpose.TIME_STAMPING]}
    testpki.issue(pki, "tsa-ended", "tsa-ca", start=timedelta(days=-60), days=30, **stamping)
    testpki.issue(pki, "tsa-revoked", "tsa-ca", **stamping)
    testpki.revoke(pki, "tsa-revoked", bench.event + HOUR)
    testpki.issue(pki, "tsa-foreign", "foreign-ca", **stamping)
    testpki.issue(pki, "tsa-under-seal-ca", "seal-ca", **stamping)
    testpki.issue(pki, "tsa-without-purpose", "tsa-ca", usage=["digital_signature"])
    both = {**stamping, "purposes": [Purpose.TIME_STAMPING, Purpose.CLIENT_AUTH]}
    testpki.issue(pki, "tsa-two-purposes", "tsa-ca", **both)
    testpki.issue(pki, "tsa-own-root", None, common_name="tsa-ca", **stamping)


def signature_value(raw: bytes) -> str:
    """The text of an XML receipt's signature value."""
    found = re.search(rb"<ds:SignatureValue[^>]*>([^<]+)<", raw)
    assert found is not None
    return found[1].decode()
