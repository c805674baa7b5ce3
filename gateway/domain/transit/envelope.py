"""The mail envelope, version 1: one content model behind the XML and the JSON syntax."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from enum import Enum

from gateway.domain.content import Kind, item
from gateway.domain.transit.persons import InterestedParty, Sender


class Purpose(Enum):
    """What the letter does; the legal clock follows it."""

    LETTER = "letter"
    REPLY = "reply"
    REMINDER = "reminder"
    COMPLETION_REQUEST = "completionRequest"
    COMPLETION = "completion"
    EXTENSION = "extension"
    DECISION = "decision"
    WITHDRAWAL = "withdrawal"


class Priority(Enum):
    """How soon the sender asks it to be handled."""

    NORMAL = "normal"
    URGENT = "urgent"


class Lane(Enum):
    """Which queue it travels in: bulk mail never delays single letters."""

    SINGLE = "single"
    BULK = "bulk"


class RecipientRole(Enum):
    """Addressed to, or for information."""

    TO = "to"
    CC = "cc"


class ConfidentialityLevel(Enum):
    """Who may read the letter inside the recipient's body."""

    PUBLIC = "public"
    INTERNAL = "internal"
    RESTRICTED = "restricted"
    SECRET = "secret"


class PaperRole(Enum):
    """Whether paper documents travel beside the envelope."""

    NONE = "none"
    COMPLEMENTARY = "complementary"
    REQUIRED = "required"


class AttachmentRole(Enum):
    """What an attachment is to the letter."""

    MAIN = "main"
    ANNEX = "annex"
    SIGNATURE = "signature"
    STRUCTURED_DATA = "structuredData"


class Validity(Enum):
    """What the sender says the attached document is."""

    COPY = "copy"
    CERTIFIED_COPY = "certifiedCopy"
    ORIGINAL = "original"


class EncryptionForm(Enum):
    """How an attachment is encrypted end to end."""

    CMS = "CMS"
    JWE = "JWE"


@dataclass(frozen=True)
class Registration:
    """An entry in somebody's own mail register."""

    number: str = item("The number in that register.", kind=Kind.LINE, maximum=80)
    date: Day = item("The date of the entry.")
    book: str | None = item("Which register book.", kind=Kind.LINE, maximum=80, default=None)


@dataclass(frozen=True)
class Recipient:
    """One addressee: exactly one of office, party or replyTo."""

    office: str | None = item(
        "Directory identifier of an order office.", kind=Kind.DIRECTORY_ID, default=None
    )
    party: str | None = item("Directory identifier of a party.", kind=Kind.DIRECTORY_ID, default=None)
    reply_to: str | None = item(
        "Reference of a received letter: goes back to its sender on their channel.",
        kind=Kind.REFERENCE,
        default=None,
    )
    role: RecipientRole = item("Addressed to, or copied for information.", default=RecipientRole.TO)
    unit: str | None = item("The unit inside the office.", kind=Kind.LINE, maximum=240, default=None)
    attention: str | None = item("For the attention of.", kind=Kind.LINE, maximum=240, default=None)


@dataclass(frozen=True)
class Confidentiality:
    """Restriction of access, with its ground and its end."""

    level: ConfidentialityLevel = item("Who may read the letter.")
    legal_basis: str | None = item("The text that restricts access.", kind=Kind.LINE, default=None)
    valid_from: Day | None = item("First day of the restriction.", default=None)
    valid_until: Day | None = item("Last day of the restriction.", default=None)


@dataclass(frozen=True)
class PhysicalDocuments:
    """Paper that travels beside the envelope."""

    requirement: PaperRole = item("Whether the paper completes or conditions the letter.")
    dispatch_slip: str | None = item("Number of the dispatch slip.", kind=Kind.LINE, maximum=80, default=None)


@dataclass(frozen=True)
class Encryption:
    """End-to-end encryption of one attachment; the hub carries it unread and unscanned."""

    form: EncryptionForm = item("Which format the content is encrypted in.")
    recipients: tuple[str, ...] = item(
        "SHA-256 digests of the certificates it is encrypted to.",
        kind=Kind.DIGEST,
        each="CertificateDigest",
        minimum=1,
        maximum=100,
    )


@dataclass(frozen=True)
class Attachment:
    """A document of the letter; its content is beside the envelope, uploaded before, or inline.

    ``content_id`` names a part of the multipart request, ``content`` holds the octets inline; with
    neither, the content was uploaded beforehand under its digest.
    """

    id: str = item("Identifier of the attachment within this envelope.", kind=Kind.CODE, maximum=64)
    name: str = item("File name shown to people.", kind=Kind.FILE_NAME)
    media_type: str = item("Media type of the content.", kind=Kind.MEDIA_TYPE)
    size: int = item("Length of the content in octets.", minimum=0, maximum=5 * 1024**3)
    sha256: str = item("Digest of the content.", kind=Kind.DIGEST)
    role: AttachmentRole = item("What the document is to the letter.", default=AttachmentRole.ANNEX)
    validity: Validity | None = item("What the sender says the document is.", default=None)
    language: str | None = item("Language of the document.", kind=Kind.LANGUAGE, default=None)
    description: str | None = item("What the document contains.", kind=Kind.LINE, default=None)
    schema: str | None = item("Schema of structured data.", kind=Kind.URI, default=None)
    encryption: Encryption | None = item("How the content is encrypted, if it is.", default=None)
    content_id: str | None = item(
        "Content-ID of the part that carries the content.", kind=Kind.CONTENT_ID, default=None
    )
    content: bytes | None = item("The content itself, if small.", maximum=1024 * 1024, default=None)


@dataclass(frozen=True)
class Envelope:
    """A letter with everything the hub and the recipient's register need to know about it."""

    version: str = item("Version of this content model.", kind=Kind.VERSION)
    hub: str = item("The hub this envelope is meant for; any other refuses it.", kind=Kind.CODE)
    message_id: str = item("Unique per signing party; UUID version 7 recommended.", kind=Kind.UUID)
    purpose: Purpose = item("What the letter does.")
    created_at: datetime = item("When the envelope was made.")
    sender: Sender = item("Who sends.")
    recipients: tuple[Recipient, ...] = item("Who receives.", each="Recipient", minimum=1, maximum=100)
    subject: str = item("What the letter is about, as sent.", kind=Kind.LINE, maximum=240)
    language: str = item("Language of the letter.", kind=Kind.LANGUAGE)
    test: bool = item("A test: starts no legal clock and reaches test routes only.", default=False)
    conversation_id: str | None = item("The thread this letter belongs to.", kind=Kind.UUID, default=None)
    in_reply_to: str | None = item(
        "Hub reference or message id of the letter answered.", kind=Kind.CODE, default=None
    )
    supersedes: str | None = item(
        "Hub reference or message id of the letter this one corrects.", kind=Kind.CODE, default=None
    )
    document_date: Day | None = item("Date written on the letter.", default=None)
    sender_registration: Registration | None = item("The sender's own register entry.", default=None)
    interested_parties: tuple[InterestedParty, ...] = item(
        "Persons concerned and their representatives.", each="InterestedParty", maximum=50, default=()
    )
    summary: str | None = item("Summary, as sent.", kind=Kind.TEXT, maximum=4000, default=None)
    document_type: str | None = item(
        "Code of the document type; an unknown code is never a refusal.", kind=Kind.CODE, default=None
    )
    procedure: str | None = item("Code of the administrative procedure.", kind=Kind.CODE, default=None)
    case_number: str | None = item("The case at the recipient's.", kind=Kind.LINE, maximum=120, default=None)
    references: tuple[str, ...] = item(
        "Other references written on the letter.",
        kind=Kind.LINE,
        each="RelatedReference",
        maximum=50,
        default=(),
    )
    priority: Priority = item("How soon it should be handled.", default=Priority.NORMAL)
    lane: Lane = item("Which queue it travels in.", default=Lane.SINGLE)
    confidentiality: Confidentiality | None = item("Restriction of access.", default=None)
    reply_by: Day | None = item("Day by which an answer is asked.", default=None)
    not_before: datetime | None = item("Not to be handed over before.", default=None)
    expires_at: datetime | None = item("Not to be handed over after.", default=None)
    physical_documents: PhysicalDocuments | None = item("Paper beside the envelope.", default=None)
    body: str | None = item("Text of the letter: facts and request.", kind=Kind.TEXT, default=None)
    attachments: tuple[Attachment, ...] = item(
        "Documents of the letter.", each="Attachment", maximum=64, default=()
    )
