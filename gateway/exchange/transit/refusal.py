"""A refusal told to a known party is sealed and stored, the same for a day, within a quota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from gateway.domain.errors import Fault, Refused, TooMany
from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.states import MessageState
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import Issuing, stated
from gateway.exchange.evidence.owed import Owed, store
from gateway.exchange.transit.acceptance import about_envelope, about_submission
from gateway.exchange.transit.judge import Authenticated
from gateway.exchange.transit.submission import Answer, AnswerKind, Submission
from gateway.store.evidence import queries as evidence
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import Message
from gateway.store.turns import take_turn

QUOTA = "WASL-REQ-007"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Refusals:
    """Seals rejections.

    Attributes:
        kept: for how long the same refusal of the same octets is answered with the same receipt.
        per_hour: new rejections a party may cause in an hour.
    """

    store: Store
    issuing: Issuing
    receipts: Receipts
    ambient: Ambient
    languages: tuple[str, ...]
    kept: timedelta
    per_hour: int

    def refuse(
        self,
        authenticated: Authenticated,
        submission: Submission,
        refusal: Refused,
        envelope: Envelope | None,
    ) -> Answer:
        """The sealed rejection for a submission whose signer is a known party.

        Raises:
            TooMany: the party caused too many already.
            Unavailable: the seal or the database cannot be used now.
        """
        digest = _refusal_digest(submission, refusal.faults)
        party = authenticated.judged.signer.party.id
        receipt = self._earlier(party, digest)
        if receipt is None:
            receipt = self._seal(authenticated, submission, refusal, envelope, digest)
        octets = self.receipts.rendering(receipt, submission.answer_type)
        return Answer(AnswerKind.REFUSED, submission.answer_type, octets, None, refusal.faults)

    def _earlier(self, party: str, digest: str) -> int | None:
        now = self.ambient.now()
        with self.store.read() as session:
            message = queries.same_refusal(session, party, digest, now - self.kept)
            if message is not None:
                return evidence.first_receipt(session, message.id).id
            if queries.refusals_since(session, party, now - _HOUR) >= self.per_hour:
                raise TooMany(Fault(QUOTA), retry_after=600)
        return None

    def _seal(
        self,
        authenticated: Authenticated,
        submission: Submission,
        refusal: Refused,
        envelope: Envelope | None,
        digest: str,
    ) -> int:
        receipt = self.issuing.make(
            ReceiptKind.REJECTION,
            Event.SUBMISSION_REJECTION,
            self.ambient.now(),
            reasons=stated(refusal.faults),
            **about_submission(authenticated, submission, self.languages),
            **(about_envelope(envelope) if envelope is not None else {}),
        )
        sealed = self.issuing.seal(receipt, submission.sealed_type)
        party, since = authenticated.judged.signer.party.id, self.ambient.now() - self.kept
        with self.store.write() as session:
            take_turn(session, "refusal", party, digest)
            message = queries.same_refusal(session, party, digest, since)
            if message is None:  # else a repeat was quicker: the first stored one wins
                message = _refused(authenticated, submission, envelope, digest)
                session.add(message)
                session.flush()
                store(session, [Owed(sealed, message.id)])
            return evidence.first_receipt(session, message.id).id


def _refusal_digest(submission: Submission, faults: tuple[Fault, ...]) -> str:
    """Names this refusal of these octets: once what is wrong changes, so does the answer."""
    told = sha256(submission.root)
    for fault in faults:
        told.update(f"\n{fault.code} {fault.where} {fault.found}".encode())
    return told.hexdigest()


def _refused(
    authenticated: Authenticated, submission: Submission, envelope: Envelope | None, digest: str
) -> Message:
    return Message(
        state=MessageState.REFUSED.value,
        party=authenticated.judged.signer.party.id,
        message_id=envelope.message_id if envelope is not None else None,
        root_digest=sha256(submission.root).hexdigest(),
        content_digest=authenticated.signed.content_digest,
        refusal_digest=digest,
        media_type=submission.media_type,
        received_at=authenticated.received_at,
        test=envelope.test if envelope is not None else False,
    )
