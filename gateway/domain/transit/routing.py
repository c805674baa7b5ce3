"""Which offices a letter's recipients are; pure rules over a directory that was already read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.domain.errors import Fault, Refused
from gateway.domain.registry.parties import Office, Party, RouteKind
from gateway.domain.transit.envelope import Envelope, Recipient

UNKNOWN_RECIPIENT = "WASL-RTE-001"
INACTIVE_RECIPIENT = "WASL-RTE-002"
NO_DEFAULT_OFFICE = "WASL-RTE-003"
UNKNOWN_ORIGINAL = "WASL-RTE-004"
NOT_A_TEST_ROUTE = "WASL-RTE-005"
TOO_LARGE_FOR_ROUTE = "WASL-RTE-006"
TESTS_ONLY = "WASL-RTE-009"
UNMAPPED_DOCUMENT_TYPE = "WASL-RTE-101"


class Directory(Protocol):
    """What routing must be able to look up."""

    def party(self, party_id: str) -> Party | None: ...

    def office(self, office_id: str) -> Office | None: ...

    def default_office(self, party_id: str) -> Office | None: ...

    def sender_of(self, reference: str, reader: str) -> str | None:
        """The party that sent letter ``reference``, if party ``reader`` was a recipient of it."""


@dataclass(frozen=True)
class Destination:
    """One recipient with the office its letter goes to."""

    recipient: Recipient
    office: Office
    party: Party
    notices: tuple[str, ...] = ()
    """Reason codes that are told to the sender without refusing."""


def find_routes(envelope: Envelope, directory: Directory) -> tuple[Destination, ...]:
    """The destination of every recipient, in the envelope's order.

    Raises:
        Refused: one fault for each recipient that cannot be reached; nothing is accepted in part.
    """
    found: list[Destination] = []
    faults: list[Fault] = []
    for index, recipient in enumerate(envelope.recipients):
        where = f"/recipients/{index}"
        try:
            found.append(_destination(envelope, recipient, directory, where))
        except Refused as refusal:
            faults.extend(refusal.faults)
    if faults:
        raise Refused(faults)
    return tuple(found)


def _destination(envelope: Envelope, recipient: Recipient, directory: Directory, where: str) -> Destination:
    office = _office(envelope, recipient, directory, where)
    party = directory.party(office.party)
    if party is None or not party.active or not office.active:
        raise Refused.because(INACTIVE_RECIPIENT, where, found=office.id, recipient=office.id)
    if envelope.test and not office.route.accepts_test:
        raise Refused.because(NOT_A_TEST_ROUTE, where, found=office.id, recipient=office.id)
    if office.route.test_only and not envelope.test:
        raise Refused.because(TESTS_ONLY, where, found=office.id, recipient=office.id)
    _check_size(envelope, office, where)
    return Destination(recipient, office, party, _notices(envelope, office))


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


def _check_size(envelope: Envelope, office: Office, where: str) -> None:
    limit = office.route.max_bytes
    if limit is None or office.route.kind is not RouteKind.ADAPTER:
        return
    size = sum(attachment.size for attachment in envelope.attachments)
    if size > limit:
        raise Refused.because(
            TOO_LARGE_FOR_ROUTE, where, expected=str(limit), found=str(size), recipient=office.id
        )


def _notices(envelope: Envelope, office: Office) -> tuple[str, ...]:
    code = envelope.document_type
    return (UNMAPPED_DOCUMENT_TYPE,) if code is not None and code not in office.document_types else ()
