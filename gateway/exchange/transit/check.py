"""A submission is judged as intake would, without storing or sending, and told the recipients' limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from gateway.domain.errors import Fault, Refused
from gateway.domain.transit.envelope import Attachment, Envelope
from gateway.domain.transit.routing import Destination
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.contents import (
    MISSING,
    TWICE,
    UNLISTED,
    WRONG_DIGEST,
    WRONG_SIZE,
)
from gateway.exchange.transit.intake import same_letter
from gateway.exchange.transit.judge import Judge
from gateway.exchange.transit.places import in_terms_of
from gateway.exchange.transit.submission import Part, Submission
from gateway.store.sessions import Store


@dataclass(frozen=True)
class RecipientLimits:
    """One recipient as the sender would reach it."""

    office: str
    name: str
    route: str
    max_bytes: int | None
    document_types: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What intake would say; nothing was promised."""

    party: str
    level: str
    message_id: str
    recipients: tuple[RecipientLimits, ...]


@dataclass(frozen=True)
class Checking:
    """Judges without consequence."""

    store: Store
    judge: Judge
    ambient: Ambient
    languages: tuple[str, ...]

    def check(self, submission: Submission) -> Report:
        """What would become of this submission.

        Contents that are not sent along are not asked for; those that are, are compared.

        Raises:
            Refused: as intake would.
            Conflict: the message id was accepted before with other content.
            Unavailable: it cannot be judged now.
        """
        authenticated = self.judge.authenticate(submission.root, submission.media_type, self.ambient.now())
        envelope = self.judge.read(authenticated)
        with self.store.read() as session:
            same_letter(session, authenticated, envelope)
            routed = self.judge.route(session, authenticated, envelope)
        with in_terms_of(authenticated.signed.level):
            _compare(envelope, submission.parts)
        return Report(
            party=authenticated.judged.signer.party.id,
            level=authenticated.judged.level.value,
            message_id=envelope.message_id,
            recipients=tuple(self._limits(to) for to in routed.destinations),
        )

    def _limits(self, to: Destination) -> RecipientLimits:
        return RecipientLimits(
            office=to.office.id,
            name=name_in(to.office.names, self.languages),
            route=to.office.route.kind.value,
            max_bytes=to.office.route.max_bytes,
            document_types=tuple(sorted(to.office.document_types)),
            notices=to.notices,
        )


def _compare(envelope: Envelope, parts: Iterator[Part]) -> None:
    listed = {a.content_id: a for a in envelope.attachments if a.content_id is not None}
    for attachment in envelope.attachments:
        if attachment.content is not None:
            _compare_one(attachment, iter([attachment.content]))
    came: set[str] = set()
    for part in parts:
        if part.content_id not in listed:
            raise Refused.because(UNLISTED, found=part.content_id[:200])
        if part.content_id in came:
            raise Refused.because(TWICE, found=part.content_id, name=listed[part.content_id].id)
        came.add(part.content_id)
        _compare_one(listed[part.content_id], part.chunks)
    missing = [listed[cid] for cid in listed.keys() - came] if came else []
    if missing:
        raise Refused(Fault(MISSING, values={"name": attachment.id}) for attachment in missing)


def _compare_one(attachment: Attachment, chunks: Iterator[bytes]) -> None:
    digest, size = sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if size > attachment.size:
            break
    if size != attachment.size:
        raise Refused.because(WRONG_SIZE, expected=str(attachment.size), found=str(size), name=attachment.id)
    if digest.hexdigest() != attachment.sha256:
        raise Refused.because(WRONG_DIGEST, found=digest.hexdigest(), name=attachment.id)
