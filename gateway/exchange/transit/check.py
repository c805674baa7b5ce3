"""A submission is judged as intake would, without storing or sending, and told the recipients' limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing import Destination
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.intake import same_letter
from gateway.exchange.transit.judge import Judge
from gateway.exchange.transit.places import in_terms_of
from gateway.exchange.transit.received import check_complete, check_digest, contents
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
        now = self.ambient.now()
        with self.store.read() as session:
            authenticated = self.judge.authenticate(session, submission.root, submission.media_type, now)
            envelope = self.judge.read(authenticated)
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
    came: set[str] = set()
    for attachment, chunks in contents(envelope, parts):
        digest = sha256()
        for chunk in chunks:
            digest.update(chunk)
        check_digest(attachment, digest.hexdigest())
        if attachment.content is None:
            came.add(attachment.id)
    if came:
        inline = {attachment.id for attachment in envelope.attachments if attachment.content is not None}
        check_complete(envelope, came | inline)
