"""A submission is judged as intake would, without storing or sending, and told the recipients' limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date as Day
from hashlib import sha256

from gateway.domain.evidence.verdict import Level
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing import Destination
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.contents import found_before
from gateway.exchange.transit.intake import same_letter
from gateway.exchange.transit.judge import Judge
from gateway.exchange.transit.places import in_terms_of
from gateway.exchange.transit.received import check_complete, check_digest, contents
from gateway.exchange.transit.submission import Part, Submission
from gateway.store.sessions import Store
from gateway.store.transit.upload_queries import complete
from gateway.wire.places import pointer_to_xpath


@dataclass(frozen=True)
class Lead:
    """What leads a letter on from an office; conditions and the rules that do not fit are nobody's business.

    Attributes:
        rule: its name, in the country's first language; None where the office has closed.
        closed: since which day.
    """

    office: str
    to: str
    rule: str | None
    closed: Day | None


@dataclass(frozen=True)
class RecipientLimits:
    """One recipient as the sender would reach it.

    Attributes:
        office: that would receive.
        addressed: the office that the sender meant, where that is another one; ``led_by`` says why.
    """

    office: str
    name: str
    route: str
    max_bytes: int | None
    document_types: tuple[str, ...]
    notices: tuple[str, ...]
    addressed: str | None = None
    led_by: tuple[Lead, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A content that is neither inline nor here; ``where`` it is listed is told in the sender's syntax."""

    id: str
    where: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Report:
    """What intake would say; nothing was promised.

    Attributes:
        missing: contents that are still to be uploaded, or sent along as parts.
    """

    party: str
    level: str
    message_id: str
    recipients: tuple[RecipientLimits, ...]
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Checking:
    """Judges without consequence."""

    store: Store
    judge: Judge
    ambient: Ambient
    languages: tuple[str, ...]

    def check(self, submission: Submission) -> Report:
        """What would become of this submission.

        Contents that are not here are named; those that come along are compared.

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
            party = authenticated.judged.signer.party.id
            uploaded = complete(session, party, {one.sha256 for one in envelope.attachments})
        with in_terms_of(authenticated.signed.level):
            came = _came(envelope, submission.parts)
            there = came | found_before(envelope, came, lambda _: uploaded).keys()
            if came - _inside(envelope):  # who sends parts sends all that are not here
                check_complete(envelope, there)
        return Report(
            missing=tuple(_missing(envelope, there, authenticated.signed.level)),
            party=party,
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
            addressed=to.addressed.id if to.addressed.id != to.office.id else None,
            led_by=tuple(self._leads(to)),
        )

    def _leads(self, to: Destination) -> Iterator[Lead]:
        for hop in to.decision.hops if to.decision is not None else ():
            if hop.to is not None:
                rule = None if hop.rule is None else name_in(hop.rule.names, self.languages)
                yield Lead(hop.office.id, hop.to.id, rule, hop.closed)


def _came(envelope: Envelope, parts: Iterator[Part]) -> set[str]:
    """The attachments whose contents came, inside or beside, each compared with what was signed."""
    came: set[str] = set()
    for attachment, chunks in contents(envelope, parts):
        digest = sha256()
        for chunk in chunks:
            digest.update(chunk)
        check_digest(attachment, digest.hexdigest())
        came.add(attachment.id)
    return came


def _inside(envelope: Envelope) -> set[str]:
    return {attachment.id for attachment in envelope.attachments if attachment.content is not None}


def _missing(envelope: Envelope, there: Collection[str], level: Level | None) -> Iterator[Missing]:
    for index, one in enumerate(envelope.attachments):
        if one.id not in there:
            pointer = f"/attachments/{index}"
            where = pointer if level is Level.JWS else pointer_to_xpath(pointer)
            yield Missing(one.id, where, one.sha256, one.size)
