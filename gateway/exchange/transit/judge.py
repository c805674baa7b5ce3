"""The order in which a submission is judged: gate, signer, cryptography, chain, content, rights, routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault, Refused, UnsupportedMedia
from gateway.domain.evidence.verdict import Level
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing import Destination, find_routes
from gateway.domain.transit.routing_facts import Almanac, LocalTime
from gateway.domain.transit.rules import faults_of
from gateway.exchange.registry.signers import (
    Judged,
    Signer,
    Signers,
    check_level,
    check_may_speak,
)
from gateway.exchange.registry.trust import CertificateJudge
from gateway.exchange.transit.examining import verified_jws, verified_xml
from gateway.exchange.transit.places import in_terms_of
from gateway.trust.chain import refusal_for
from gateway.trust.jws import JwsLimits, open_jws
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml

TIME_OUT_OF_WINDOW = "WASL-SIG-014"
TOO_LARGE = "WASL-ATT-006"


@dataclass(frozen=True)
class Authenticated:
    """Signed octets whose signer is a known party with a good certificate."""

    signed: Signed
    judged: Judged
    received_at: datetime


@dataclass(frozen=True)
class Routed:
    """A letter that may be accepted: its content, its signer and where it goes."""

    authenticated: Authenticated
    envelope: Envelope
    destinations: tuple[Destination, ...]
    directory_version: int


@dataclass(frozen=True)
class Window:
    """How far a claimed signing time may lie from reception."""

    past: timedelta
    future: timedelta


@dataclass(frozen=True)
class Judge:
    """Judges submissions; writes nothing.

    Attributes:
        almanac: the country's, by which rules of routing ask the time.
    """

    signers: Signers
    certificates: CertificateJudge
    almanac: Almanac
    hub: str
    window: Window
    xml_limits: XmlLimits
    jws_limits: JwsLimits
    attachment_bytes: int
    inline_bytes: int = 1024**2

    def authenticate(self, session: Session, root: bytes, media_type: str, now: datetime) -> Authenticated:
        """Who signed these octets, once everything about the signature is good.

        Raises:
            Unverified: the signature of a letter that says that it is a test.
            Refused: the gate, the signer, the signature, its time or its certificate.
            Unavailable: revocation cannot be judged now.
        """
        signer, signed = _OPENERS[_known(media_type)](self, session, root, media_type)
        self._check_window(signed.claimed_time, now)
        verdict = self.certificates.judge(signer.certificate, signed.chain, now, signed.claimed_time)
        if not verdict.passed:
            raise refusal_for(verdict)
        judged = Judged(signer, signed.level or Level.XMLDSIG, verdict, signed.claimed_time)
        check_level(judged)
        return Authenticated(signed, judged, now)

    def read(self, authenticated: Authenticated) -> Envelope:
        """The envelope, from the octets that the signature covers and no others.

        Raises:
            Refused: every fault of schema and rules; a plain XML signature's time or certificate.
        """
        signed, now = authenticated.signed, authenticated.received_at
        if signed.level is Level.JWS:
            envelope = read_envelope_json(signed.signed_bytes)
        else:
            envelope = read_envelope_xml(signed.signed_bytes)
        if signed.level is Level.XMLDSIG:
            self._check_basic_time(authenticated, envelope.created_at)
        self._check_rules(envelope, signed.level, now)
        return envelope

    def route(self, session: Session, authenticated: Authenticated, envelope: Envelope) -> Routed:
        """Where the letter goes, once its signer may send it.

        Raises:
            Refused: the signer may not speak so, or recipients that cannot be reached (all of them).
        """
        registry = self.signers.cache.at(session)
        with in_terms_of(authenticated.signed.level):
            check_may_speak(authenticated.judged.signer, envelope, registry)
            destinations, version = self.destinations(session, envelope, authenticated.received_at)
        return Routed(authenticated, envelope, destinations, version)

    def destinations(
        self, session: Session, envelope: Envelope, at: datetime
    ) -> tuple[tuple[Destination, ...], int]:
        """Where a letter that comes at a moment goes, and by which version of the directory.

        Raises:
            Refused: recipients that cannot be reached (all of them).
        """
        registry = self.signers.cache.at(session)
        found = find_routes(envelope, registry, LocalTime(at, self.almanac))
        return found, registry.snapshot.version

    def draft(self, octets: bytes, media_type: str) -> Envelope:
        """An envelope that nobody signed yet; for questions only, nothing of it is ever accepted.

        Args:
            media_type: ``application/xml`` or ``application/json``.

        Raises:
            Refused: every fault of the schema.
        """
        return (read_envelope_xml if media_type == "application/xml" else read_envelope_json)(octets)

    def _check_window(self, claimed: datetime | None, now: datetime) -> None:
        if claimed is None:
            return
        if not now - self.window.past <= claimed <= now + self.window.future:
            raise Refused.because(TIME_OUT_OF_WINDOW, found=claimed.isoformat())

    def _check_basic_time(self, authenticated: Authenticated, created_at: datetime) -> None:
        # a plain XML signature states no signing time: createdAt, which it covers, stands for it
        self._check_window(created_at, authenticated.received_at)
        verdict = self.certificates.judge(
            authenticated.judged.signer.certificate,
            authenticated.signed.chain,
            authenticated.received_at,
            created_at,
        )
        if not verdict.passed:
            raise refusal_for(verdict)

    def _check_rules(self, envelope: Envelope, level: Level | None, now: datetime) -> None:
        with in_terms_of(level):
            faults = (*faults_of(envelope, self.hub, now), *self._too_large(envelope))
            if faults:
                raise Refused(faults)

    def _too_large(self, envelope: Envelope) -> Iterator[Fault]:
        for index, attachment in enumerate(envelope.attachments):
            inside = attachment.content is not None
            limit = min(self.attachment_bytes, self.inline_bytes) if inside else self.attachment_bytes
            if max(attachment.size, len(attachment.content or b"")) > limit:
                where = f"/attachments/{index}/{'content' if inside else 'size'}"
                yield Fault(TOO_LARGE, where, expected=str(limit), values={"name": attachment.id})


def _open_xml(judge: Judge, session: Session, root: bytes, media_type: str) -> tuple[Signer, Signed]:
    gated = open_xml(root, judge.xml_limits)
    signer = judge.signers.by_certificate(session, gated.certificate)
    return signer, verified_xml(gated)


def _open_jws(judge: Judge, session: Session, root: bytes, media_type: str) -> tuple[Signer, Signed]:
    gated = open_jws(root, media_type, judge.jws_limits)
    if gated.certificate is not None:
        signer = judge.signers.by_certificate(session, gated.certificate)
    else:
        signer = judge.signers.by_digest(session, gated.certificate_digest or "")
    return signer, verified_jws(gated, signer.certificate)


_Opener = Callable[[Judge, Session, bytes, str], tuple[Signer, Signed]]

_OPENERS: dict[str, _Opener] = {
    "application/xml": _open_xml,
    "application/jose": _open_jws,
    "application/jose+json": _open_jws,
}

MEDIA_TYPES = tuple(_OPENERS)
"""The media types of an envelope, the usual one first."""


def _known(media_type: str) -> str:
    if media_type not in _OPENERS:
        raise UnsupportedMedia.instead_of(*MEDIA_TYPES, found=media_type)
    return media_type
