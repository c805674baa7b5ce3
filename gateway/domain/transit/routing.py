"""Which offices a letter's recipients are; pure rules over a directory that was already read."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.errors import Fault, Refused
from gateway.domain.registry.parties import Office, Party
from gateway.domain.transit.envelope import Envelope, Recipient
from gateway.domain.transit.routing_facts import Facts, LocalTime
from gateway.domain.transit.routing_passage import Decision, Passage
from gateway.domain.transit.routing_takes import (
    UNKNOWN_RECIPIENT,
    Directory,
    check_takes,
)

NO_DEFAULT_OFFICE = "WASL-RTE-003"
UNKNOWN_ORIGINAL = "WASL-RTE-004"
UNMAPPED_DOCUMENT_TYPE = "WASL-RTE-101"


@dataclass(frozen=True)
class Destination:
    """One recipient with the office its letter goes to.

    Attributes:
        notices: reason codes that are told to the sender without refusing.
        decision: why it goes there, where there was anything to decide.
    """

    recipient: Recipient
    office: Office
    party: Party
    notices: tuple[str, ...] = ()
    decision: Decision | None = None

    @property
    def addressed(self) -> Office:
        """The office that the sender meant."""
        return self.decision.addressed if self.decision is not None else self.office


def find_routes(envelope: Envelope, directory: Directory, now: LocalTime) -> tuple[Destination, ...]:
    """The destination of every recipient, in the envelope's order.

    Raises:
        Refused: one fault for each recipient that cannot be reached; nothing is accepted in part.
    """
    found: list[Destination] = []
    faults: list[Fault] = []
    for index, recipient in enumerate(envelope.recipients):
        where = f"/recipients/{index}"
        try:
            found.append(_destination(envelope, recipient, directory, now, where))
        except Refused as refusal:
            faults.extend(refusal.faults)
    if faults:
        raise Refused(faults)
    return tuple(found)


def _destination(
    envelope: Envelope, recipient: Recipient, directory: Directory, now: LocalTime, where: str
) -> Destination:
    office = _office(envelope, recipient, directory, where)
    if not office.rules and office.closing is None:  # as almost every office: nothing is to be decided
        return Destination(
            recipient, office, check_takes(envelope, office, directory, where), _notices(envelope, office)
        )
    facts = Facts(envelope, recipient, now, directory.party)
    decision = Passage(envelope, facts, directory, where).decide(office)
    party = check_takes(envelope, decision.office, directory, where)
    notices = (*_notices(envelope, decision.office), *decision.notices)
    return Destination(recipient, decision.office, party, notices, decision)


def _office(envelope: Envelope, recipient: Recipient, directory: Directory, where: str) -> Office:
    if recipient.office is not None:
        return _known(directory.office(recipient.office), UNKNOWN_RECIPIENT, where, recipient.office)
    if recipient.party is not None:
        if directory.party(recipient.party) is None:
            raise Refused.because(UNKNOWN_RECIPIENT, where, found=recipient.party, recipient=recipient.party)
        return _known(directory.default_office(recipient.party), NO_DEFAULT_OFFICE, where, recipient.party)
    reference = recipient.reply_to or ""
    original_sender = directory.sender_of(reference, envelope.sender.party)
    if original_sender is None:
        raise Refused.because(UNKNOWN_ORIGINAL, where, found=reference, recipient=reference)
    return _known(directory.default_office(original_sender), NO_DEFAULT_OFFICE, where, original_sender)


def _known(office: Office | None, code: str, where: str, named: str) -> Office:
    if office is None:
        raise Refused.because(code, where, found=named, recipient=named)
    return office


def _notices(envelope: Envelope, office: Office) -> tuple[str, ...]:
    code = envelope.document_type
    return (UNMAPPED_DOCUMENT_TYPE,) if code is not None and code not in office.document_types else ()
