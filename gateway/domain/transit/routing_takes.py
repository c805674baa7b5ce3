"""Whether an office takes a letter; asked of the office that would get it in the end."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.errors import Refused
from gateway.domain.registry.parties import Office, Party, RouteKind
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing_rules import EVERY_BODY

UNKNOWN_RECIPIENT = "WASL-RTE-001"
INACTIVE_RECIPIENT = "WASL-RTE-002"
NOT_A_TEST_ROUTE = "WASL-RTE-005"
TOO_LARGE_FOR_ROUTE = "WASL-RTE-006"
TESTS_ONLY = "WASL-RTE-009"


class Directory(Protocol):
    """What routing must be able to look up."""

    def party(self, party_id: str) -> Party | None: ...

    def office(self, office_id: str) -> Office | None: ...

    def default_office(self, party_id: str) -> Office | None: ...

    def sender_of(self, reference: str, reader: str) -> str | None:
        """The party that sent letter ``reference``, if party ``reader`` was a recipient of it."""


def check_receives(office: Office, directory: Directory, where: str | None) -> Party:
    """The body whose office it is, once both are active.

    Raises:
        Refused: the office receives nothing now.
    """
    party = directory.party(office.party)
    if party is None or not party.active or not office.active:
        raise Refused.because(INACTIVE_RECIPIENT, where, found=office.id, recipient=office.id)
    return party


def check_takes(envelope: Envelope, office: Office, directory: Directory, where: str | None) -> Party:
    """The body whose office it is, once the office takes this letter.

    Raises:
        Refused: it receives nothing now, no tests, or nothing else, or nothing so large.
    """
    party = check_receives(office, directory, where)
    if envelope.test and not office.route.accepts_test:
        raise Refused.because(NOT_A_TEST_ROUTE, where, found=office.id, recipient=office.id)
    if office.route.test_only and not envelope.test:
        raise Refused.because(TESTS_ONLY, where, found=office.id, recipient=office.id)
    _check_size(envelope, office, where)
    return party


def _check_size(envelope: Envelope, office: Office, where: str | None) -> None:
    limit = office.route.max_bytes
    if limit is None or office.route.kind is not RouteKind.ADAPTER:
        return
    size = sum(attachment.size for attachment in envelope.attachments)
    if size > limit:
        raise Refused.because(
            TOO_LARGE_FOR_ROUTE, where, expected=str(limit), found=str(size), recipient=office.id
        )


def agreed(giver: Office, taker: Office) -> bool:
    """Whether mail of one office may be led to another: within one body, or because the taker serves it."""
    return giver.party == taker.party or giver.party in taker.serves or EVERY_BODY in taker.serves
