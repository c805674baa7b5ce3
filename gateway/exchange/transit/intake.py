"""Intake: signed octets come in, and either a letter is accepted for good or nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Refused, TooMany, Unavailable
from gateway.domain.evidence.timelimit import TimeLimits
from gateway.domain.evidence.verdict import Level
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.quota import Allowance
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import Issuing, Sealed
from gateway.exchange.transit.acceptance import Accepting, Promise, keep, promise
from gateway.exchange.transit.contents import Contents, Finder
from gateway.exchange.transit.judge import Authenticated, Judge, Routed
from gateway.exchange.transit.places import in_terms_of
from gateway.exchange.transit.quotas import Quotas
from gateway.exchange.transit.refusal import Refusals
from gateway.exchange.transit.submission import Answer, AnswerKind, Submission
from gateway.store.evidence import queries as evidence
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.together import Together
from gateway.store.transit import queries
from gateway.store.transit.upload_queries import Uploaded, complete

OTHER_CONTENT = "WASL-DUP-001"
CUT_OFF = "WASL-REQ-004"


@dataclass(frozen=True)
class _Known:
    """An accepted message and its acceptance, by their row numbers."""

    reference: str
    receipt: int


@dataclass
class _Seen:
    """How far the judgment of a submission came."""

    authenticated: Authenticated | None = None
    envelope: Envelope | None = None
    allowance: Allowance | None = None


def nobody_is_woken() -> None:
    """Workers find what is due by looking."""


@dataclass(frozen=True)
class Intake:
    """Takes submissions in.

    Attributes:
        wake: lets a worker look for due letters at once; never waits, and never fails.
    """

    store: Store
    payloads: PayloadStore
    judge: Judge
    refusals: Refusals
    receipts: Receipts
    issuing: Issuing
    ambient: Ambient
    languages: tuple[str, ...]
    limits: TimeLimits
    quotas: Quotas
    wake: Callable[[], None] = nobody_is_woken

    def submit(self, submission: Submission) -> Answer:
        """Accept, repeat or refuse one submission.

        The exact repeat comes first, so that a retry never fails for having waited. A refusal of a
        signer that is not yet known is raised; one of a known signer is answered with a receipt.

        Raises:
            Refused: before the signer is known.
            Conflict: the message id was accepted before with other content.
            TooMany: the party has sent its letters of this hour; a repeat is answered nevertheless.
            Unavailable: our own trouble; nothing was stored.
        """
        seen = _Seen()
        answer = self._submit(submission, seen)
        return replace(answer, allowance=seen.allowance)

    def _submit(self, submission: Submission, seen: _Seen) -> Answer:
        try:
            # one look at the store for all that is asked of it: who signs is known within milliseconds
            with self.store.read() as session:
                found = self._judged(session, submission, seen)
            if isinstance(found, _Known):
                return self._answer_again(found, submission)
            return self._accept(found, submission)
        except (Conflict, TooMany):
            raise
        except Refused as refusal:
            if seen.authenticated is None or any(fault.code == CUT_OFF for fault in refusal.faults):
                raise  # by a stranger; or nothing was judged, and the whole request may be sent again at once
            return self.refusals.refuse(seen.authenticated, submission, refusal, seen.envelope)

    def _judged(self, session: Session, submission: Submission, seen: _Seen) -> _Known | Routed:
        """The letter that this repeats, or where a new one goes.

        Raises:
            Refused: ``seen`` tells how far the judgment came.
        """
        known = _repeat(session, submission)
        if known is not None:
            return known
        now = self.ambient.now()
        seen.authenticated = self.judge.authenticate(session, submission.root, submission.media_type, now)
        seen.envelope = self.judge.read(seen.authenticated)
        known = same_letter(session, seen.authenticated, seen.envelope)
        if known is not None:
            return known
        routed = self.judge.route(session, seen.authenticated, seen.envelope)
        seen.allowance = self.quotas.take(session, seen.authenticated.judged.signer.party, now)
        return routed

    def _answer_again(self, known: _Known, submission: Submission) -> Answer:
        octets = self.receipts.rendering(known.receipt, submission.answer_type)
        return Answer(AnswerKind.REPEATED, submission.answer_type, octets, known.reference)

    def _accept(self, routed: Routed, submission: Submission) -> Answer:
        contents, promised = self._prepare(routed, submission)
        accepting = Accepting(promised, submission, contents)
        if not self._commit(accepting, routed.authenticated.signed.level):
            contents.discard()
            return self._answer_first(routed.authenticated, routed.envelope, submission)
        self.wake()
        return self._answer(promised.sealed, submission)

    def _answer(self, sealed: Sealed, submission: Submission) -> Answer:
        """The receipt of what was just accepted, in another form if the sender asked for one."""
        octets = sealed.octets
        if submission.answer_type != sealed.media_type:
            octets = self.receipts.by_digest(sealed.digest, submission.answer_type)
        return Answer(AnswerKind.ACCEPTED, submission.answer_type, octets, sealed.receipt.reference)

    def _prepare(self, routed: Routed, submission: Submission) -> tuple[Contents, Promise]:
        """Contents on disk and a sealed acceptance, nothing of it visible yet."""
        contents = Contents(self.payloads)
        try:
            with in_terms_of(routed.authenticated.signed.level):
                contents.take(routed.envelope, submission.parts, self._uploaded_by(routed))
            contents.keep_root(submission.root)
            promised = promise(routed, submission, self.issuing, self.ambient, self.languages, self.limits)
            return contents, promised
        except BaseException:
            contents.discard()
            raise

    def _uploaded_by(self, routed: Routed) -> Finder:
        def find(digests: Collection[str]) -> Mapping[str, Uploaded]:
            with self.store.read() as session:
                return complete(session, routed.authenticated.judged.signer.party.id, digests)

        return find

    def _commit(self, accepting: Accepting, level: Level | None) -> bool:
        """Commit the promise; False when another submission with this message id came first.

        Contents stay when the commit itself fails: it may have happened. The sweep finds what nobody owns.
        """
        try:
            # whoever looked before found nobody with this message id; a unique index decides who is first
            with in_terms_of(level):
                self._write(accepting)
        except IntegrityError:
            return False
        except BaseException:
            if not accepting.written:
                accepting.contents.discard()
            raise
        return True

    def _write(self, accepting: Accepting) -> None:
        if not accepting.contents.shared:
            self._keeping.do(accepting)
            return
        with self.store.write() as session:  # alone: what was uploaded before has other owners too
            keep(session, [accepting])

    @cached_property
    def _keeping(self) -> Together[Accepting]:
        return Together(self.store, keep)

    def _answer_first(
        self, authenticated: Authenticated, envelope: Envelope, submission: Submission
    ) -> Answer:
        with self.store.read() as session:
            known = same_letter(session, authenticated, envelope)
        if known is None:
            raise Unavailable("an identifier was taken and nobody has it")
        return self._answer_again(known, submission)


def _repeat(session: Session, submission: Submission) -> _Known | None:
    message = queries.accepted_by_root(session, sha256(submission.root).hexdigest())
    if message is None:
        return None
    return _Known(message.reference, evidence.first_receipt(session, message.id).id)


def same_letter(session: Session, authenticated: Authenticated, envelope: Envelope) -> _Known | None:
    """The accepted message with this id, if it has the same signed content.

    Raises:
        Conflict: it has other content.
    """
    party = authenticated.judged.signer.party.id
    message = queries.accepted_by_id(session, party, envelope.message_id)
    if message is None:
        return None
    if message.content_digest != authenticated.signed.content_digest:
        raise Conflict.because(OTHER_CONTENT, found=envelope.message_id)
    return _Known(message.reference, evidence.first_receipt(session, message.id).id)
