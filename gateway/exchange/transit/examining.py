"""Signatures of letters are verified; where a test letter's is wrong, its sender is shown what was found."""

from __future__ import annotations

import json

from cryptography import x509

from gateway.domain.errors import Refused, Unverified
from gateway.domain.evidence.examination import Canonical, Examination
from gateway.trust.jws import GatedJws, verify_jws
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import GatedXml
from gateway.trust.xmlsig import examine_xml, verify_xml

_WRONG = frozenset({"WASL-SIG-012", "WASL-SIG-013"})
"""Changed after signing; not made with the certificate's key. Everything else says itself what is wrong."""
_TEST = "{urn:wasl:envelope:1.0}Test"


def verified_xml(gated: GatedXml) -> Signed:
    """As `gateway.trust.xmlsig.verify_xml`.

    Raises:
        Unverified: the document says that it is a test, which is believed for this answer alone.
    """
    try:
        return verify_xml(gated)
    except Refused as refusal:
        said = gated.root.findtext(_TEST, "").strip()
        if said not in ("true", "1") or refusal.faults[0].code not in _WRONG:
            raise
        raise Unverified(refusal.faults, examine_xml(gated)) from refusal


def verified_jws(gated: GatedJws, certificate: x509.Certificate) -> Signed:
    """As `gateway.trust.jws.verify_jws`.

    Raises:
        Unverified: the payload says that it is a test, which is believed for this answer alone.
    """
    try:
        return verify_jws(gated, certificate)
    except Refused as refusal:
        if refusal.faults[0].code not in _WRONG or not _says_test(gated.payload):
            raise
        raise Unverified(
            refusal.faults, Examination(gated.alg, Canonical.of(gated.signing_input))
        ) from refusal


def _says_test(payload: bytes) -> bool:
    """The gate has found it to be strict JSON of bounded depth."""
    members = json.loads(payload)
    return isinstance(members, dict) and members.get("test") is True
