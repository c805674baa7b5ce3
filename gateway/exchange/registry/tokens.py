"""Access tokens for reads: given for a signed client assertion, known afterwards by digest only."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import NotAllowed, NotAuthenticated
from gateway.domain.evidence.verdict import SubIndication
from gateway.domain.registry.parties import Party
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.trust import CertificateJudge
from gateway.store.registry import queries
from gateway.store.registry.models import AccessToken, CertificateRow, SeenAssertion
from gateway.store.sessions import Store
from gateway.trust.assertion import Assertion, open_assertion
from gateway.trust.chain import refusal_for

NO_TOKEN = "WASL-AUT-001"  # noqa: S105 - a reason code
BAD_TOKEN = "WASL-AUT-002"  # noqa: S105 - a reason code
BAD_ASSERTION = "WASL-AUT-003"
REPLAYED = "WASL-AUT-004"
NO_SCOPE = "WASL-AUT-005"

READ, SUBMIT, CANCEL = "envelopes:read", "envelopes:submit", "envelopes:cancel"
INBOX, WEBHOOKS = "inbox", "webhooks"
SCOPES = frozenset({READ, SUBMIT, CANCEL, INBOX, WEBHOOKS})
"""What a token may allow; one that is asked for without a scope allows reading only."""


@dataclass(frozen=True)
class Grant:
    """A fresh token, told once."""

    token: str
    scope: str
    lifetime: int


@dataclass(frozen=True)
class Tokens:
    """Gives and checks access tokens.

    Attributes:
        audience: this hub's token address; an assertion for another place is refused.
        lifetime: of a token.
        assertion_lifetime: the longest an assertion may claim to live.
    """

    store: Store
    certificates: CertificateJudge
    ambient: Ambient
    audience: str
    lifetime: timedelta
    assertion_lifetime: timedelta

    def grant(self, raw_assertion: str, scope: str) -> Grant:
        """A token for the party that signed this assertion (RFC 7523 2.2).

        Raises:
            NotAuthenticated: the assertion is not acceptable, or was used before.
            NotAllowed: the scope does not exist.
            Unavailable: revocation cannot be judged now.
        """
        asked = scope or READ
        if not set(asked.split()) <= SCOPES:
            raise NotAllowed.because(NO_SCOPE, expected=" ".join(sorted(SCOPES)))
        assertion = open_assertion(raw_assertion)
        party = self._party(assertion)
        self._check_times(assertion)
        return self._give(party, assertion, asked)

    def _party(self, assertion: Assertion) -> Party:
        now = self.ambient.now()
        with self.store.read() as session:
            party = queries.party(session, assertion.subject)
            rows = queries.certificates(session, assertion.subject)
        if party is None or not party.active or assertion.audience != self.audience:
            raise NotAuthenticated.because(BAD_ASSERTION)
        if not any(self._signed_by(row, assertion, now) for row in rows if row.active):
            raise NotAuthenticated.because(BAD_ASSERTION)
        return party

    def _signed_by(self, row: CertificateRow, assertion: Assertion, now: datetime) -> bool:
        certificate = x509.load_der_x509_certificate(row.der)
        if assertion.certificate_digest not in (None, row.digest) or not assertion.verified_by(certificate):
            return False
        verdict = self.certificates.judge(certificate, (), now, None)
        if verdict.sub is SubIndication.TRY_LATER:  # the hub's own lack of data is no fault of the client's
            raise refusal_for(verdict)
        return verdict.passed

    def _check_times(self, assertion: Assertion) -> None:
        now, expires = self.ambient.now(), assertion.expires_at
        if not now < expires <= now + self.assertion_lifetime:
            raise NotAuthenticated.because(BAD_ASSERTION)

    def _give(self, party: Party, assertion: Assertion, scope: str) -> Grant:
        now = self.ambient.now()
        token = base64.urlsafe_b64encode(self.ambient.random_bytes(32)).decode().rstrip("=")
        row = AccessToken(digest=_digest(token), party=party.id, scope=scope, expires_at=now + self.lifetime)
        seen = SeenAssertion(party=party.id, jti=assertion.jti, expires_at=assertion.expires_at)
        try:
            with self.store.write() as session:
                queries.forget_expired(session, now)
                session.add_all([row, seen])
        except IntegrityError as error:
            raise NotAuthenticated.because(REPLAYED) from error
        return Grant(token, scope, int(self.lifetime.total_seconds()))

    def check(self, token: str | None, scope: str) -> str:
        """The party that holds ``token``, if it allows ``scope``.

        Raises:
            NotAuthenticated: no token, an unknown one, one whose time is over, or whose party was closed.
            NotAllowed: it does not allow ``scope``.
        """
        if not token:
            raise NotAuthenticated.because(NO_TOKEN)
        with self.store.read() as session:
            holder = queries.holder(session, _digest(token), self.ambient.now())
        if holder is None or not holder.active:
            raise NotAuthenticated.because(BAD_TOKEN)
        if scope not in holder.scope.split():
            raise NotAllowed.because(NO_SCOPE, expected=scope)
        return holder.party


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
