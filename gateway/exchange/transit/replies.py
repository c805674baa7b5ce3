"""What recipients' SOAP services signed of their replies, by the certificates that routes name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509

from adapters.replies import UNSIGNED
from gateway.domain.errors import Ambiguous, Refused
from gateway.trust.anchors import Anchors, is_authority
from gateway.trust.chain import judge, reason_of
from gateway.trust.wsse import SignedMessage, verify_message
from gateway.trust.xmlparse import XmlLimits, parse_hardened
from gateway.wire.soap_message import read_reply

_MOST_ELEMENTS = 50_000


@dataclass(frozen=True)
class SignedReplies:
    """Implements `adapters.replies.SignedBody`, by the gate that calls at the hub's own SOAP door pass.

    Attributes:
        window: how far the time of a reply may lie from now, in either direction.
    """

    now: Callable[[], datetime]
    window: timedelta

    def __call__(self, message: bytes, certificates: str) -> bytes:
        """As `adapters.replies.SignedBody`."""
        limits = XmlLimits(max_bytes=len(message), max_elements=_MOST_ELEMENTS)  # the way out bounds octets
        try:
            security, body = read_reply(parse_hardened(message, limits))
            if security is None:
                raise Ambiguous(UNSIGNED, "the reply is not signed")
            signed = verify_message(security, body)
        except Refused as refusal:
            fault = refusal.faults[0]
            told = " ".join(filter(None, (fault.code, fault.where, fault.expected)))
            raise Ambiguous(UNSIGNED, f"the reply's signature: {told}") from refusal
        self._check_time(signed)
        self._check_signer(signed, certificates)
        return signed.body

    def _check_time(self, signed: SignedMessage) -> None:
        now, end = self.now(), signed.expires
        ended = end is not None and (end < signed.created or end <= now)
        if ended or abs(now - signed.created) > self.window:
            raise Ambiguous(
                UNSIGNED, f"the reply was signed at {signed.created.isoformat()}, which is not now"
            )

    def _check_signer(self, signed: SignedMessage, certificates: str) -> None:
        """Nothing is asked about revocation: whoever is not to count any more is taken out of the route."""
        named, anchors = _anchors(certificates)
        signer, now = signed.certificate, self.now()
        if signer in named:
            if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
                raise Ambiguous(UNSIGNED, "the certificate that signed the reply does not count now")
            return
        verdict = judge(signer, (), anchors, now, require_revocation=False)
        if not verdict.passed:
            raise Ambiguous(UNSIGNED, f"the certificate that signed the reply: {reason_of(verdict)}")


@lru_cache(maxsize=200)
def _anchors(pem: str) -> tuple[frozenset[x509.Certificate], Anchors]:
    """The certificates that are named, and what may be believed below those of authorities."""
    try:
        named = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Ambiguous(UNSIGNED, "the route names no certificate that can be read") from error
    return frozenset(named), Anchors(roots=tuple(one for one in named if is_authority(one)))
