"""Which party calls, by the certificate of its connection or of the message that it signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import NotAuthenticated, Refused
from gateway.domain.evidence.verdict import SubIndication
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.signers import INACTIVE, NOT_EXACT, Signer, Signers
from gateway.exchange.registry.trust import CertificateJudge
from gateway.store.registry import queries
from gateway.store.registry.models import SeenAssertion
from gateway.store.sessions import Store
from gateway.trust.chain import Purpose, reason_of, refusal_for
from gateway.trust.wsse import SignedMessage

BAD_CONNECTION = "WASL-AUT-006"
BAD_SIGNER = "WASL-SOP-012"
OUT_OF_TIME = "WASL-SOP-013"
REPLAYED = "WASL-SOP-014"


@dataclass(frozen=True)
class Callers:
    """Knows parties by their certificates; each may do what a token could allow it.

    Attributes:
        window: how far the time of a signed message may lie from now, in either direction.
    """

    store: Store
    signers: Signers
    certificates: CertificateJudge
    ambient: Ambient
    window: timedelta

    def by_connection(self, certificate: x509.Certificate) -> str:
        """The party whose key opened the connection, as TLS or a trusted proxy has made sure of.

        Raises:
            NotAuthenticated: the certificate is registered for no active party, or not good for clients.
            Unavailable: revocation cannot be judged now.
        """
        return self._judged(certificate, Purpose.CLIENT, BAD_CONNECTION).party.id

    def by_message(self, message: SignedMessage, *, once: bool) -> str:
        """The party that signed a message.

        Args:
            once: the message changes something, and counts once only.

        Raises:
            NotAuthenticated: it is out of time, was used before, or its certificate is registered for no
                active party or not good.
            Unavailable: revocation cannot be judged now.
        """
        self._check_times(message)
        signer = self._judged(message.certificate, Purpose.SIGNING, BAD_SIGNER)
        if not (signer.exact or message.certificate_covered):
            # as with letters: a certificate that its own signature does not protect could be exchanged
            raise NotAuthenticated.because(BAD_SIGNER, found=NOT_EXACT)
        if once:
            self._remember(signer.party.id, message)
        return signer.party.id

    def _judged(self, certificate: x509.Certificate, purpose: Purpose, code: str) -> Signer:
        try:
            with self.store.read() as session:
                signer = self.signers.by_certificate(session, certificate)
        except Refused as refusal:
            raise NotAuthenticated.because(code, found=refusal.faults[0].code) from refusal
        if not signer.party.active:
            raise NotAuthenticated.because(code, found=INACTIVE)
        verdict = self.certificates.judge(certificate, (), self.ambient.now(), None, purpose)
        if verdict.sub is SubIndication.TRY_LATER:  # the hub's own lack of data is no fault of the caller's
            raise refusal_for(verdict)
        if not verdict.passed:
            raise NotAuthenticated.because(code, found=reason_of(verdict))
        return signer

    def _check_times(self, message: SignedMessage) -> None:
        now = self.ambient.now()
        if abs(now - message.created) > self.window or not _still(message, now):
            shown = message.created.isoformat()
            raise NotAuthenticated.because(OUT_OF_TIME, expected=now.isoformat(), found=shown)

    def _remember(self, party: str, message: SignedMessage) -> None:
        """Keep the message in mind for as long as its time would let it in again."""
        now = self.ambient.now()
        until = message.created + self.window + timedelta(seconds=1)
        seen = SeenAssertion(party=party, jti=f"soap:{message.digest}", expires_at=until)
        try:
            with self.store.write() as session:
                queries.forget_expired(session, now)
                session.add(seen)
        except IntegrityError as error:
            raise NotAuthenticated.because(REPLAYED) from error


def _still(message: SignedMessage, now: datetime) -> bool:
    return message.expires is None or (message.created <= message.expires and now < message.expires)
