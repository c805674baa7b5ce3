"""The demonstration's letters: what is written, by whom, to whom."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.cli.compose import JWS, XML
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Envelope, Priority, Purpose, Recipient, Registration
from gateway.domain.transit.persons import (
    Assurance,
    Contact,
    Identification,
    Identifier,
    Person,
    PersonKind,
    Sender,
    Signatory,
)

MINISTRY, COMMUNE, AGENCY, PLATFORM = (directory_id("A", number) for number in (901, 902, 903, 904))
MINISTRY_OFFICE, COMMUNE_OFFICE, AGENCY_OFFICE = (directory_id("B", n) for n in (901, 902, 903))
NOBODY_OFFICE = directory_id("B", 999)

OFFICE_NAMES = {MINISTRY_OFFICE: "ministry", COMMUNE_OFFICE: "commune", AGENCY_OFFICE: "agency"}
"""How file names call the offices."""


@dataclass(frozen=True)
class Draft:
    """A letter of the story before it is signed."""

    number: int
    name: str
    title: str
    party: str
    signer: str
    media_type: str
    envelope: Envelope
    files: tuple[Path, ...] = ()


def works_notice(number: int, now: datetime, documents: Path) -> Draft:
    """Signed XML with two PDFs, from the ministry to the commune and the agency."""
    envelope = _envelope(
        now,
        sender=Sender(
            MINISTRY,
            office=MINISTRY_OFFICE,
            unit="Direction de l'eau (DÉMONSTRATION)",
            signatory=Signatory("Directeur de l'eau"),
        ),
        recipients=(
            Recipient(office=COMMUNE_OFFICE, attention="Services techniques"),
            Recipient(office=AGENCY_OFFICE),
        ),
        subject="DÉMONSTRATION : avis de travaux sur le réseau d'eau",
        language="fr",
        document_type="notice",
        sender_registration=Registration("2026/DE/0417", now.date(), "Départ"),
        priority=Priority.URGENT,
        summary="Travaux de renouvellement de conduites du 7 au 18 décembre.",
    )
    files = (documents / "avis-travaux.pdf", documents / "plan-reseau.pdf")
    return Draft(
        number,
        "works-notice",
        "a notice of works, signed XML with two PDFs",
        MINISTRY,
        "demo-ministry",
        XML,
        envelope,
        files,
    )


def permit_request(number: int, now: datetime) -> Draft:
    """Signed JSON, from the platform in the name of a company, to the ministry."""
    company = Person(
        PersonKind.COMPANY,
        "شركة النموذج للأشغال (عرض تجريبي)",
        Identification(Assurance.VERIFIED, PLATFORM, "company register extract", now),
        (Identifier("ice", "999000111000097"),),
        Contact(name="المسؤول الإداري", email="contact@company.example"),
    )
    envelope = _envelope(
        now,
        sender=Sender(PLATFORM, on_behalf_of=company),
        recipients=(Recipient(office=MINISTRY_OFFICE),),
        subject="عرض تجريبي: طلب رخصة شغل الملك العمومي",
        language="ar",
        document_type="request",
        body="السيد الوزير المحترم،\n\nنلتمس منكم منحنا رخصة مؤقتة لشغل الملك العمومي قصد إنجاز أشغال الربط.",
    )
    return Draft(
        number,
        "permit-request",
        "a request in a company's name, signed JSON",
        PLATFORM,
        "demo-platform",
        JWS,
        envelope,
    )


def lost_letter(number: int, now: datetime) -> Draft:
    """One known and one unknown recipient: all of it must be refused."""
    envelope = _envelope(
        now,
        sender=Sender(COMMUNE),
        recipients=(Recipient(office=AGENCY_OFFICE), Recipient(office=NOBODY_OFFICE)),
        subject="DEMONSTRATION: report to an office that does not exist",
        language="en",
        document_type="report",
        body="One of the two recipients is not in the directory.",
    )
    return Draft(
        number,
        "unknown-recipient",
        "a letter with one unknown recipient, signed XML",
        COMMUNE,
        "demo-commune",
        XML,
        envelope,
    )


def _envelope(
    now: datetime,
    *,
    sender: Sender,
    recipients: tuple[Recipient, ...],
    subject: str,
    language: str,
    document_type: str,
    body: str | None = None,
    summary: str | None = None,
    priority: Priority = Priority.NORMAL,
    sender_registration: Registration | None = None,
) -> Envelope:
    return Envelope(
        version="1.0",
        hub="DEMO-HUB",
        message_id=uuid7(os.urandom),
        purpose=Purpose.LETTER,
        created_at=now.replace(microsecond=0),
        sender=sender,
        recipients=recipients,
        subject=subject,
        language=language,
        document_date=now.date(),
        document_type=document_type,
        body=body,
        summary=summary,
        priority=priority,
        sender_registration=sender_registration,
    )
