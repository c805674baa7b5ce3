"""What a receipt says, version 1: one content model for every receipt and every rendering.

Kinds, their events and what each attests follow ETSI EN 319 522-1; events that ETSI has no name for
are the hub's own (``urn:wasl:event:<Event>``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from enum import Enum

from gateway.domain.content import Kind, item
from gateway.domain.evidence.verdict import Indication, Level, SubIndication
from gateway.domain.transit.persons import Assurance, Identifier, PersonKind

ETSI_EVENT = "http://uri.etsi.org/19522/Event/"
OWN_EVENT = "urn:wasl:event:"


class ReceiptKind(Enum):
    """The receipts a letter can bring about."""

    ACCEPTANCE = "acceptance"
    REJECTION = "rejection"
    RELAY = "relay"
    AVAILABILITY = "availability"
    NOTIFICATION = "notification"
    DELIVERY = "delivery"
    MAILED = "mailed"
    ACCESS = "access"
    REGISTRATION = "registration"
    PROGRESS = "progress"
    TIME_LIMIT = "time limit"
    OUTCOME = "outcome"
    NON_DELIVERY = "non-delivery"


class Event(Enum):
    """The event a receipt attests; EN 319 522-1 clause 6 and the hub's own."""

    SUBMISSION_ACCEPTANCE = ETSI_EVENT + "SubmissionAcceptance"
    SUBMISSION_REJECTION = ETSI_EVENT + "SubmissionRejection"
    RELAY_ACCEPTANCE = ETSI_EVENT + "RelayAcceptance"
    RELAY_REJECTION = ETSI_EVENT + "RelayRejection"
    RELAY_FAILURE = ETSI_EVENT + "RelayFailure"
    CONTENT_CONSIGNMENT = ETSI_EVENT + "ContentConsignment"
    CONTENT_CONSIGNMENT_FAILURE = ETSI_EVENT + "ContentConsignmentFailure"
    CONSIGNMENT_NOTIFICATION = ETSI_EVENT + "ConsignmentNotification"
    CONSIGNMENT_NOTIFICATION_FAILURE = ETSI_EVENT + "ConsignmentNotificationFailure"
    CONTENT_HANDOVER = ETSI_EVENT + "ContentHandover"
    CONTENT_HANDOVER_FAILURE = ETSI_EVENT + "ContentHandoverFailure"
    RELAY_TO_NON_ERDS = ETSI_EVENT + "RelayToNonERDS"
    CONTENT_ACCESS_TRACKING = ETSI_EVENT + "ContentAccessTracking"
    CONSIGNMENT_ACCEPTANCE = ETSI_EVENT + "ConsignmentAcceptance"
    CONSIGNMENT_REJECTION = ETSI_EVENT + "ConsignmentRejection"
    ACCEPTANCE_REJECTION_EXPIRY = ETSI_EVENT + "AcceptanceRejectionExpiry"
    REGISTERED = OWN_EVENT + "Registered"
    PROGRESS = OWN_EVENT + "Progress"
    TIME_LIMIT = OWN_EVENT + "TimeLimit"
    ANSWERED = OWN_EVENT + "Answered"
    REDIRECTED = OWN_EVENT + "Redirected"
    CANCELLED = OWN_EVENT + "Cancelled"
    LATE_HANDOVER = OWN_EVENT + "LateHandover"
    RESENT = OWN_EVENT + "Resent"


EVENTS_OF: dict[ReceiptKind, frozenset[Event]] = {
    ReceiptKind.ACCEPTANCE: frozenset({Event.SUBMISSION_ACCEPTANCE}),
    ReceiptKind.REJECTION: frozenset({Event.SUBMISSION_REJECTION}),
    ReceiptKind.RELAY: frozenset({Event.RELAY_ACCEPTANCE, Event.RELAY_REJECTION, Event.RELAY_FAILURE}),
    ReceiptKind.AVAILABILITY: frozenset({Event.CONTENT_CONSIGNMENT, Event.CONTENT_CONSIGNMENT_FAILURE}),
    ReceiptKind.NOTIFICATION: frozenset(
        {Event.CONSIGNMENT_NOTIFICATION, Event.CONSIGNMENT_NOTIFICATION_FAILURE}
    ),
    ReceiptKind.DELIVERY: frozenset({Event.CONTENT_HANDOVER}),
    ReceiptKind.MAILED: frozenset({Event.RELAY_TO_NON_ERDS}),
    ReceiptKind.ACCESS: frozenset({Event.CONTENT_ACCESS_TRACKING}),
    ReceiptKind.REGISTRATION: frozenset({Event.REGISTERED}),
    ReceiptKind.PROGRESS: frozenset({Event.PROGRESS}),
    ReceiptKind.TIME_LIMIT: frozenset({Event.TIME_LIMIT}),
    ReceiptKind.OUTCOME: frozenset(
        {
            Event.CONSIGNMENT_ACCEPTANCE,
            Event.CONSIGNMENT_REJECTION,
            Event.ACCEPTANCE_REJECTION_EXPIRY,
            Event.ANSWERED,
            Event.REDIRECTED,
            Event.CANCELLED,
            Event.LATE_HANDOVER,
            Event.RESENT,
        }
    ),
    ReceiptKind.NON_DELIVERY: frozenset({Event.CONTENT_HANDOVER_FAILURE}),
}
"""Which events a receipt of each kind may attest."""

NEGATIVE = frozenset(
    {
        Event.SUBMISSION_REJECTION,
        Event.RELAY_REJECTION,
        Event.RELAY_FAILURE,
        Event.CONTENT_CONSIGNMENT_FAILURE,
        Event.CONSIGNMENT_NOTIFICATION_FAILURE,
        Event.CONTENT_HANDOVER_FAILURE,
        Event.CONSIGNMENT_REJECTION,
        Event.ACCEPTANCE_REJECTION_EXPIRY,
    }
)
"""Events whose receipt must give a reason."""

LONG_TERM = frozenset(
    {
        ReceiptKind.ACCEPTANCE,
        ReceiptKind.REJECTION,
        ReceiptKind.DELIVERY,
        ReceiptKind.REGISTRATION,
        ReceiptKind.TIME_LIMIT,
        ReceiptKind.OUTCOME,
        ReceiptKind.NON_DELIVERY,
    }
)
"""Receipts that can also be had with a time-stamp over their seal."""


class Authentication(Enum):
    """How the hub knew who submitted."""

    OWN_SIGNATURE = "ownSignature"
    PLATFORM_ASSERTION = "platformAssertion"
    HUB_AGENT = "hubAgent"
    PORTAL = "portal"


class Place(Enum):
    """Where a letter lies for its recipient."""

    INBOX = "inbox"
    FOLDER = "folder"
    HUB_OFFICE = "hubOffice"


class DayKind(Enum):
    """Which days a time limit counts."""

    CALENDAR = "calendar"
    WORKING = "working"


class Silence(Enum):
    """What no answer by the end of a time limit means."""

    ACCEPTANCE = "acceptance"
    REFUSAL = "refusal"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Issuer:
    """The hub that seals."""

    hub: str = item("Code of the hub.", kind=Kind.CODE)
    name: str = item("Its name.", kind=Kind.LINE)
    country: str = item("Country pack it runs under.", kind=Kind.CODE, maximum=8)


@dataclass(frozen=True)
class Submitter:
    """The party that sent, as the directory knew it at the time."""

    party: str = item("Directory identifier.", kind=Kind.DIRECTORY_ID)
    name: str = item("Name at the time.", kind=Kind.LINE)
    office: str | None = item("Order office it sent from.", kind=Kind.DIRECTORY_ID, default=None)
    unit: str | None = item("Unit it named.", kind=Kind.LINE, default=None)


@dataclass(frozen=True)
class Represented:
    """The person in whose name the party sent."""

    kind: PersonKind = item("What sort of person.")
    name: str = item("Name as sent.", kind=Kind.LINE)
    assurance: Assurance = item("How sure the identification was.")
    identified_by: str = item("Who identified.", kind=Kind.DIRECTORY_ID)
    method: str | None = item("By which means.", kind=Kind.LINE, default=None)
    identifiers: tuple[Identifier, ...] = item(
        "Outside identifiers of companies and associations.", each="Identifier", maximum=10, default=()
    )


@dataclass(frozen=True)
class Signer:
    """Whose signature was on the submission and what its verification came to."""

    certificate_digest: str = item("SHA-256 of the certificate (DER).", kind=Kind.DIGEST)
    level: Level = item("Signature profile.")
    indication: Indication = item("Main indication (EN 319 102-1).")
    sub_indication: SubIndication | None = item("Sub-indication, unless passed.", default=None)
    claimed_time: datetime | None = item("Signing time that the signer claims.", default=None)


@dataclass(frozen=True)
class Addressee:
    """A recipient: the office and, once there is one, its delivery."""

    office: str = item("Directory identifier of the order office.", kind=Kind.DIRECTORY_ID)
    party: str = item("Directory identifier of its party.", kind=Kind.DIRECTORY_ID)
    name: str = item("Name of the office at the time.", kind=Kind.LINE)
    delivery: str | None = item("Identifier of the delivery.", kind=Kind.UUID, default=None)
    unit: str | None = item("Unit named by the sender; agents are never named.", kind=Kind.LINE, default=None)
    notices: tuple[str, ...] = item(
        "Codes of remarks that refuse nothing.", kind=Kind.CODE, each="Notice", maximum=20, default=()
    )
    addressed: str | None = item(
        "The order office that the sender addressed, where another one receives for it.",
        kind=Kind.DIRECTORY_ID,
        default=None,
    )
    addressed_name: str | None = item(
        "Name of the office addressed, at the time.", kind=Kind.LINE, default=None
    )


@dataclass(frozen=True)
class AttachmentDigest:
    """An attachment as it was received."""

    id: str = item("Identifier within the envelope.", kind=Kind.CODE, maximum=64)
    name: str = item("File name.", kind=Kind.FILE_NAME)
    media_type: str = item("Media type.", kind=Kind.MEDIA_TYPE)
    size: int = item("Octets.", minimum=0)
    sha256: str = item("Digest of the content.", kind=Kind.DIGEST)


@dataclass(frozen=True)
class Octets:
    """A sequence of octets named by its digest."""

    sha256: str = item("Digest.", kind=Kind.DIGEST)
    media_type: str | None = item("Media type.", kind=Kind.MEDIA_TYPE, default=None)
    size: int | None = item("Length in octets.", minimum=0, default=None)


@dataclass(frozen=True)
class StatedReason:
    """One reason of the catalogue, and where it applies."""

    code: str = item("Code of the catalogue.", kind=Kind.CODE)
    text: str = item("What happened, in English, when the receipt was made.", kind=Kind.LINE)
    where: str | None = item("XPath or JSON pointer into the submission.", kind=Kind.LINE, default=None)


@dataclass(frozen=True)
class Handover:
    """What was transmitted to the recipient's system and what it answered."""

    target_reference: str | None = item("Reference that the system gave.", kind=Kind.LINE, default=None)
    answer: Octets | None = item("The system's answer, by digest.", default=None)
    digests_confirmed: bool = item("The system confirmed the digests of what it got.", default=False)
    possible_duplicate: bool = item("A person decided to send again after doubt.", default=False)
    acknowledged_by: str | None = item(
        "Unit that acknowledged, for inboxes and the hub's office.", kind=Kind.LINE, default=None
    )


@dataclass(frozen=True)
class Registered:
    """The recipient's own register entry, as the recipient states it."""

    number: str = item("Register number.", kind=Kind.LINE, maximum=120)
    date: Day | None = item("Register date.", default=None)
    book: str | None = item("Register book.", kind=Kind.LINE, maximum=80, default=None)


@dataclass(frozen=True)
class Relay:
    """Another hub's part."""

    hub: str = item("Code of the other hub.", kind=Kind.CODE)
    reference: str | None = item("Its reference.", kind=Kind.LINE, default=None)
    receipt: Octets | None = item("Its receipt, by digest.", default=None)


@dataclass(frozen=True)
class Notified:
    """How the recipient was told."""

    channel: str = item("Channel: email, sms, webhook, …", kind=Kind.CODE)
    times: int = item("How often it was tried.", minimum=1, default=1)


@dataclass(frozen=True)
class Pause:
    """A time during which a limit did not run."""

    start: datetime = item("First moment of the pause.")
    end: datetime | None = item("Last moment, once known.", default=None)


@dataclass(frozen=True)
class TimeLimit:
    """Which legal limit applies to a delivery; with no procedure, that none is known."""

    known: bool = item("Whether any limit is known.")
    procedure: str | None = item("Procedure that sets it.", kind=Kind.CODE, default=None)
    start: datetime | None = item("When the clock started.", default=None)
    days: int | None = item("Length.", minimum=1, default=None)
    day_kind: DayKind | None = item("Which days count.", default=None)
    pauses: tuple[Pause, ...] = item("When it did not run.", each="Pause", maximum=20, default=())
    extended_by: int | None = item("Days added by the extension.", minimum=1, default=None)
    end: Day | None = item("Last day.", default=None)
    silence: Silence | None = item("What silence means.", default=None)


@dataclass(frozen=True)
class Outcome:
    """What became of the delivery after or instead of a handover."""

    state: str = item("State reached.", kind=Kind.CODE)
    decided_by: str | None = item("Unit, or hub, that decided.", kind=Kind.LINE, default=None)
    successor: str | None = item("Delivery that owes the outcome now.", kind=Kind.UUID, default=None)
    answer: str | None = item("Reference of the answering letter.", kind=Kind.REFERENCE, default=None)
    unknown: bool = item("Whether the system took it is unknown.", default=False)


@dataclass(frozen=True)
class Receipt:
    """The content that is sealed; every rendering derives from it alone.

    Its digest (SHA-256 of the RFC 8785 form of the JSON rendering without ``contentDigest``) names it
    in chains and in the ledger; `nonce` keeps that digest from revealing the content.
    """

    version: str = item("Version of this content model.", kind=Kind.VERSION)
    receipt_id: str = item("Identifier of this receipt.", kind=Kind.UUID)
    kind: ReceiptKind = item("Kind of receipt.")
    event: Event = item("Event attested.")
    event_time: datetime = item("When, by the hub's clock, in UTC; never before its predecessor.")
    local_time: datetime = item("The same moment in the country's time.")
    issuer: Issuer = item("Who seals.")
    policy: str = item("Evidence policy followed.", kind=Kind.URI)
    nonce: str = item("Random, so that the digest reveals nothing.", kind=Kind.NONCE)
    authenticated_by: Authentication | None = item("How the submitter was known.", default=None)
    test: bool = item("A test: proves nothing about real mail.", default=False)
    directory_version: int | None = item("Version of the directory used.", minimum=0, default=None)
    reference: str | None = item("The hub's reference of the letter.", kind=Kind.REFERENCE, default=None)
    message_id: str | None = item("The sender's message id.", kind=Kind.UUID, default=None)
    sender: Submitter | None = item("Who sent.", default=None)
    on_behalf_of: Represented | None = item("In whose name.", default=None)
    signer: Signer | None = item("Whose signature was on it.", default=None)
    delegation: str | None = item(
        "Under which recorded delegation the hub held the signer's key.", kind=Kind.LINE, default=None
    )
    submitted_at: datetime | None = item("When the submission was received.", default=None)
    received: Octets | None = item("The signed octets received.", default=None)
    subject: str | None = item("Subject as sent.", kind=Kind.LINE, maximum=240, default=None)
    attachments: tuple[AttachmentDigest, ...] = item(
        "Attachments received.", each="Attachment", maximum=64, default=()
    )
    recipients: tuple[Addressee, ...] = item(
        "All recipients (acceptance only).", each="Recipient", maximum=100, default=()
    )
    recipient: Addressee | None = item("The recipient concerned.", default=None)
    reasons: tuple[StatedReason, ...] = item(
        "Why; always present in a negative receipt.", each="Reason", maximum=200, default=()
    )
    stated_by: str | None = item("Who claims what follows, if not the hub.", kind=Kind.LINE, default=None)
    stated_time: datetime | None = item("When, as they claim.", default=None)
    place: Place | None = item("Where the letter lies.", default=None)
    handover: Handover | None = item("What was handed over.", default=None)
    registered: Registered | None = item("The recipient's register entry.", default=None)
    relay: Relay | None = item("Another hub's part.", default=None)
    notified: Notified | None = item("How the recipient was told.", default=None)
    accessed_by: str | None = item("Unit that opened it.", kind=Kind.LINE, default=None)
    progress: str | None = item("Processing state reported.", kind=Kind.CODE, default=None)
    time_limit: TimeLimit | None = item("Which legal limit applies.", default=None)
    outcome: Outcome | None = item("What became of it.", default=None)
    predecessor: str | None = item(
        "Content digest of the receipt before it in this delivery's chain.", kind=Kind.DIGEST, default=None
    )
    ledger_origin: str | None = item("Ledger that records it.", kind=Kind.LINE, default=None)
