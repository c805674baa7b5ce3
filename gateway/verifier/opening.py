"""Tells what kind of file it is, checks its signature, and reads the receipt from what that covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.domain.errors import Refused
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.evidence.verdict import Level
from gateway.trust.jws import COMPACT, FLATTENED, RECEIPT_TYP, JwsLimits, open_jws, verify_jws
from gateway.trust.pades import BadPdf, open_pdf
from gateway.trust.signed import Signed
from gateway.trust.timestamp import Token
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml
from gateway.verifier.report import Status, Step
from gateway.wire.receipts import content_digest, read_receipt_json, read_receipt_xml

XML = "application/xml"
ROOT = "{urn:wasl:receipt:1.0}Receipt"

PDF = "application/pdf"
BUNDLE_START = b"PK\x03\x04"

_PDF_START = b"%PDF-"
_CHANGED = frozenset({"WASL-SIG-012", "WASL-SIG-013"})
# A long-term receipt carries its time-stamp beside the signature (TS 119 182-1 5.3).
_UNPROTECTED = frozenset({"etsiU"})
_PDF_FAULTS: Mapping[str, str] = {
    "encrypted": "pdf.encrypted",
    "unsealed": "pdf.unsealed",
    "signatures": "pdf.signatures",
    "coverage": "pdf.coverage",
    "seal": "pdf.seal",
    "certificate": "pdf.certificate",
    "altered": "pdf.altered",
    "revision": "pdf.revision",
    "embedded": "pdf.embedded",
    "timestamp": "pdf.timestamp",
}
"""The step for each code of a bad PDF; any other is malformed."""


@dataclass(frozen=True)
class Opened:
    """A receipt whose signature is good; who made it is still to be judged.

    Attributes:
        raw: the sealed rendering, and `media_type` its kind.
        container: the seal over the PDF that the rendering came in.
        token: the time-stamp over that whole PDF.
    """

    receipt: Receipt
    digest: str
    signed: Signed
    raw: bytes
    media_type: str
    container: Signed | None = None
    token: Token | None = None


class NotOpened(Exception):
    """No receipt can be read from the file; ``step`` says why."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.code)
        self.step = step


def kind_of(octets: bytes) -> str:
    """The media type of the receipt that the file seems to be.

    Raises:
        NotOpened: it is none, or a bundle, which is a file of files.
    """
    start = octets.lstrip()[:1]
    if octets.startswith(BUNDLE_START):
        raise NotOpened(Step("format.bundle", Status.UNDECIDED))
    if octets.startswith(_PDF_START):
        return PDF
    if start == b"<":
        return XML
    if start == b"{":
        return FLATTENED
    if octets.rstrip().count(b".") == 2:
        return COMPACT
    raise NotOpened(Step("format.unknown", Status.BAD))


def open_receipt(octets: bytes, media_type: str) -> Opened:
    """The receipt, from the octets that its signature covers.

    Raises:
        NotOpened: the signature or the content is not good.
    """
    if media_type == PDF:
        return _from_pdf(octets)
    try:
        signed = _verified_xml(octets) if media_type == XML else _verified_jws(octets, media_type)
    except Refused as refusal:
        raise NotOpened(_refused(refusal)) from refusal
    try:
        read = read_receipt_xml if media_type == XML else read_receipt_json
        receipt = read(signed.signed_bytes)
    except Refused as refusal:
        raise NotOpened(_explained("content.broken", refusal)) from refusal
    return Opened(receipt, content_digest(receipt), signed, octets, media_type)


def _from_pdf(octets: bytes) -> Opened:
    try:
        sealed = open_pdf(octets)
    except BadPdf as error:
        code = _PDF_FAULTS.get(error.code, "pdf.malformed")
        raise NotOpened(Step(code, Status.BAD, {"why": str(error)})) from error
    if sealed.embedded_media_type not in (XML, COMPACT, FLATTENED):
        raise NotOpened(Step("pdf.embedded", Status.BAD, {"why": sealed.embedded_media_type}))
    inner = open_receipt(sealed.embedded, sealed.embedded_media_type)
    return replace(inner, container=sealed.signed, token=sealed.token)


def _verified_xml(octets: bytes) -> Signed:
    signed = verify_xml(open_xml(octets, XmlLimits(), root=ROOT, long_term=True))
    if signed.level is not Level.XADES:
        raise Refused.because("WASL-SIG-017")
    return signed


def _verified_jws(octets: bytes, media_type: str) -> Signed:
    # Editors end a file with a line break, which a compact JWS does not have.
    raw = octets.strip() if media_type == COMPACT else octets
    unprotected = _UNPROTECTED if media_type == FLATTENED else frozenset()
    return verify_jws(open_jws(raw, media_type, JwsLimits(), RECEIPT_TYP, unprotected))


def _refused(refusal: Refused) -> Step:
    code = refusal.faults[0].code
    if code in _CHANGED:
        return Step("integrity.changed", Status.BAD, {"reason": code})
    if code in ("WASL-JWS-005", "WASL-XML-012"):
        return Step("format.other", Status.BAD, {"reason": code})
    return _explained("integrity.refused", refusal)


def _explained(code: str, refusal: Refused) -> Step:
    fault = refusal.faults[0]
    found = {
        "reason": fault.code,
        "where": fault.where or "/",
        "expected": fault.expected,
        "found": fault.found,
    }
    return Step(code, Status.BAD, {name: value for name, value in found.items() if value is not None})
