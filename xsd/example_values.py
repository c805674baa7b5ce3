"""The letter and the receipts that the examples show: invented bodies, roles instead of names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from gateway.domain.evidence.receipt import (
    Addressee,
    AttachmentDigest,
    Authentication,
    DayKind,
    Event,
    Handover,
    Issuer,
    Octets,
    Outcome,
    Receipt,
    ReceiptKind,
    Registered,
    Represented,
    Signer,
    Silence,
    StatedReason,
    Submitter,
    TimeLimit,
)
from gateway.domain.evidence.verdict import Indication, Level
from gateway.domain.identifiers import directory_id, new_reference
from gateway.domain.transit.envelope import (
    Attachment,
    AttachmentRole,
    Confidentiality,
    ConfidentialityLevel,
    Envelope,
    PaperRole,
    PhysicalDocuments,
    Purpose,
    Recipient,
    RecipientRole,
    Registration,
    Validity,
)
from gateway.domain.transit.persons import (
    Assurance,
    Channel,
    Contact,
    Identification,
    Identifier,
    InterestedParty,
    InterestedRole,
    Person,
    PersonKind,
    Sender,
    Signatory,
)
from gateway.wire.receipts import content_digest

PLATFORM = directory_id("A", 9001)
PLATFORM_OFFICE = directory_id("B", 9001)
MUNICIPALITY = directory_id("A", 9002)
PLANNING_OFFICE = directory_id("B", 9002)
WATER_AGENCY = directory_id("A", 9003)
WATER_OFFICE = directory_id("B", 9003)

_CREATED = datetime(2030, 3, 4, 9, 15, tzinfo=timezone(timedelta(hours=1)))
_RECEIVED = datetime(2030, 3, 4, 8, 15, 2, 417000, tzinfo=UTC)
_PLAN = b"Site plan of an invented plot."
_TABLE = b"plot,area\nX-1,120\n"
_REFERENCE = new_reference(lambda length: bytes(range(1, length + 1)))
_DELIVERY = "01950000-0000-7000-8000-00000000d001"


def _digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


ENVELOPE = Envelope(
    version="1.0",
    hub="example-hub",
    message_id="01950000-0000-7000-8000-000000000001",
    purpose=Purpose.LETTER,
    created_at=_CREATED,
    sender=Sender(
        party=PLATFORM,
        office=PLATFORM_OFFICE,
        unit="Desk for companies",
        contact=Contact(name="Head of the desk", email="desk@platform.example", telephone="+000 000 000"),
        signatory=Signatory(title="Manager of the company", by_delegation=True),
        on_behalf_of=Person(
            kind=PersonKind.COMPANY,
            name="Atelier du Figuier (fictitious)",
            identification=Identification(
                assurance=Assurance.VERIFIED,
                identified_by=PLATFORM,
                method="Company register extract",
                identified_at=_CREATED - timedelta(days=2),
            ),
            identifiers=(Identifier(scheme="ice", value="000000000000000"),),
            contact=Contact(address="1 Example Street\nTown of Nowhere"),
        ),
    ),
    recipients=(
        Recipient(office=PLANNING_OFFICE, unit="Building permits", attention="Head of unit"),
        Recipient(office=WATER_OFFICE, role=RecipientRole.CC),
    ),
    subject="طلب رخصة بناء — Demande de permis de construire",
    language="fr",
    conversation_id="01950000-0000-7000-8000-0000000000c1",
    document_date=date(2030, 3, 3),
    sender_registration=Registration(number="D/2030/17", date=date(2030, 3, 4), book="Departures"),
    interested_parties=(
        InterestedParty(
            role=InterestedRole.REPRESENTATIVE,
            kind=PersonKind.CITIZEN,
            name="The architect in charge",
            contact=Contact(email="architect@studio.example"),
            preferred_channel=Channel.EMAIL,
        ),
    ),
    summary="Permit for a workshop of 120 square metres on plot X-1.",
    document_type="permit-application",
    procedure="building-permit",
    case_number="X-1/2030",
    references=("Preliminary opinion 12/2029",),
    confidentiality=Confidentiality(
        level=ConfidentialityLevel.INTERNAL,
        legal_basis="Example act, article 1",
        valid_until=date(2035, 12, 31),
    ),
    reply_by=date(2030, 5, 4),
    expires_at=_CREATED + timedelta(days=30),
    physical_documents=PhysicalDocuments(requirement=PaperRole.COMPLEMENTARY, dispatch_slip="BE-2030-5"),
    body="The company asks for a permit.\n\nThe site plan and the table of plots are attached.",
    attachments=(
        Attachment(
            id="plan",
            name="plan de situation.pdf",
            media_type="application/pdf",
            size=len(_PLAN),
            sha256=_digest(_PLAN),
            role=AttachmentRole.MAIN,
            validity=Validity.CERTIFIED_COPY,
            language="fr",
            content_id="plan@platform.example",
        ),
        Attachment(
            id="plots",
            name="plots.csv",
            media_type="text/csv",
            size=len(_TABLE),
            sha256=_digest(_TABLE),
            role=AttachmentRole.STRUCTURED_DATA,
            schema="urn:example:plots:1",
            content=_TABLE,
        ),
    ),
)

_OFFICE = Addressee(
    office=PLANNING_OFFICE,
    party=MUNICIPALITY,
    name="Planning office of the municipality of Nowhere",
    delivery=_DELIVERY,
    unit="Building permits",
)

ACCEPTANCE = Receipt(
    version="1.0",
    receipt_id="01950000-0000-7000-8000-00000000a001",
    kind=ReceiptKind.ACCEPTANCE,
    event=Event.SUBMISSION_ACCEPTANCE,
    event_time=_RECEIVED,
    local_time=_RECEIVED.astimezone(timezone(timedelta(hours=1))),
    issuer=Issuer(hub="example-hub", name="Example hub", country="zz"),
    policy="urn:wasl:policy:example",
    nonce="000102030405060708090a0b0c0d0e0f",
    authenticated_by=Authentication.OWN_SIGNATURE,
    directory_version=42,
    reference=_REFERENCE,
    message_id=ENVELOPE.message_id,
    sender=Submitter(party=PLATFORM, name="Example company portal", office=PLATFORM_OFFICE),
    on_behalf_of=Represented(
        kind=PersonKind.COMPANY,
        name="Atelier du Figuier (fictitious)",
        assurance=Assurance.VERIFIED,
        identified_by=PLATFORM,
        identifiers=(Identifier(scheme="ice", value="000000000000000"),),
    ),
    signer=Signer(
        certificate_digest=_digest(b"certificate"),
        level=Level.XADES,
        indication=Indication.PASSED,
        claimed_time=_CREATED,
    ),
    submitted_at=_RECEIVED,
    received=Octets(sha256=_digest(b"signed envelope"), media_type="application/xml", size=4821),
    subject=ENVELOPE.subject,
    attachments=tuple(
        AttachmentDigest(one.id, one.name, one.media_type, one.size, one.sha256)
        for one in ENVELOPE.attachments
    ),
    recipients=(
        _OFFICE,
        Addressee(
            office=WATER_OFFICE,
            party=WATER_AGENCY,
            name="Order office of the water agency of Nowhere",
            delivery="01950000-0000-7000-8000-00000000d002",
            notices=("WASL-RTE-101",),
        ),
    ),
    ledger_origin="example-hub/ledger/2030",
)

_REFUSED_TIME = datetime(2030, 3, 4, 8, 20, 0, 5000, tzinfo=UTC)

REJECTION = Receipt(
    version="1.0",
    receipt_id="01950000-0000-7000-8000-00000000a002",
    kind=ReceiptKind.REJECTION,
    event=Event.SUBMISSION_REJECTION,
    event_time=_REFUSED_TIME,
    local_time=_REFUSED_TIME.astimezone(timezone(timedelta(hours=1))),
    issuer=ACCEPTANCE.issuer,
    policy=ACCEPTANCE.policy,
    nonce="101112131415161718191a1b1c1d1e1f",
    authenticated_by=Authentication.OWN_SIGNATURE,
    sender=ACCEPTANCE.sender,
    signer=ACCEPTANCE.signer,
    submitted_at=_REFUSED_TIME,
    received=Octets(sha256=_digest(b"refused envelope"), media_type="application/xml", size=2210),
    reasons=(
        StatedReason(
            code="WASL-RTE-001",
            text="The recipient B0009999-0 is not known.",
            where="/Envelope/Recipients/Recipient[1]/Office",
        ),
    ),
    ledger_origin=ACCEPTANCE.ledger_origin,
)


def _after(kind: ReceiptKind, event: Event, number: int, minutes: int) -> Receipt:
    """A later receipt of the first delivery's chain, with what all of them share."""
    moment = _RECEIVED + timedelta(minutes=minutes)
    return Receipt(
        version="1.0",
        receipt_id=f"01950000-0000-7000-8000-00000000a{number:03d}",
        kind=kind,
        event=event,
        event_time=moment,
        local_time=moment.astimezone(timezone(timedelta(hours=1))),
        issuer=ACCEPTANCE.issuer,
        policy=ACCEPTANCE.policy,
        nonce=f"{number:032x}",
        reference=_REFERENCE,
        message_id=ENVELOPE.message_id,
        recipient=_OFFICE,
        predecessor=content_digest(ACCEPTANCE),
        ledger_origin=ACCEPTANCE.ledger_origin,
    )


DELIVERY = replace(
    _after(ReceiptKind.DELIVERY, Event.CONTENT_HANDOVER, 3, 1),
    handover=Handover(
        target_reference="DOC-2030-000118",
        answer=Octets(sha256=_digest(b"answer"), media_type="application/json", size=112),
        digests_confirmed=True,
    ),
    outcome=Outcome(state="HANDED_OVER"),
)

REGISTRATION = replace(
    _after(ReceiptKind.REGISTRATION, Event.REGISTERED, 4, 55),
    predecessor=content_digest(DELIVERY),
    stated_by=_OFFICE.name,
    stated_time=datetime(2030, 3, 4, 10, 10, tzinfo=timezone(timedelta(hours=1))),
    registered=Registered(number="A-2030-00731", date=date(2030, 3, 4), book="Arrivals"),
)

TIME_LIMIT = replace(
    _after(ReceiptKind.TIME_LIMIT, Event.TIME_LIMIT, 5, 56),
    predecessor=content_digest(REGISTRATION),
    time_limit=TimeLimit(
        known=True,
        procedure="building-permit",
        start=REGISTRATION.event_time,
        days=60,
        day_kind=DayKind.CALENDAR,
        end=date(2030, 5, 3),
        silence=Silence.REFUSAL,
    ),
)

OUTCOME = replace(
    _after(ReceiptKind.OUTCOME, Event.ANSWERED, 6, 60 * 24 * 20),
    predecessor=content_digest(TIME_LIMIT),
    outcome=Outcome(
        state="ANSWERED",
        decided_by="Building permits",
        answer=new_reference(lambda length: bytes(range(101, length + 101))),
    ),
)

NON_DELIVERY = replace(
    _after(ReceiptKind.NON_DELIVERY, Event.CONTENT_HANDOVER_FAILURE, 7, 60 * 24 * 3),
    outcome=Outcome(state="FAILED", decided_by="hub", unknown=True),
    reasons=(
        StatedReason(
            code="WASL-DLV-004", text="It is unknown whether the recipient's system took the letter."
        ),
    ),
)

RECEIPTS = {
    "acceptance": ACCEPTANCE,
    "rejection": REJECTION,
    "delivery": DELIVERY,
    "registration": REGISTRATION,
    "time-limit": TIME_LIMIT,
    "outcome": OUTCOME,
    "non-delivery": NON_DELIVERY,
}
