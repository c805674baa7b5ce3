"""A fetched envelope is opened here: its signature verified, its content read from what that covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.domain.evidence.verdict import Verdict
from gateway.domain.transit.envelope import Envelope
from gateway.trust.anchors import Anchors
from gateway.trust.chain import judge
from gateway.trust.jws import JwsLimits, open_jws, verify_jws
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml

XML = "application/xml"


@dataclass(frozen=True)
class OpenedLetter:
    """An envelope whose cryptography is good.

    Attributes:
        verdict: of the signer's certificate under one's own trust folder; None without one.
    """

    envelope: Envelope
    signed: Signed
    verdict: Verdict | None


def open_letter(octets: bytes, media_type: str, trust: Path | None, now: datetime) -> OpenedLetter:
    """The envelope, from the octets that its signature covers.

    Raises:
        Refused: it is not what anybody signed, or no envelope.
        Misconfigured: the trust folder cannot be read.
    """
    if media_type == XML:
        signed = verify_xml(open_xml(octets, XmlLimits()))
        envelope = read_envelope_xml(signed.signed_bytes)
    else:
        signed = verify_jws(open_jws(octets, media_type, JwsLimits()))
        envelope = read_envelope_json(signed.signed_bytes)
    return OpenedLetter(envelope, signed, None if trust is None else _judged(signed, trust, now))


def _judged(signed: Signed, trust: Path, now: datetime) -> Verdict:
    return judge(signed.certificate, signed.chain, Anchors.load(trust / "parties"), now, signed.claimed_time)
