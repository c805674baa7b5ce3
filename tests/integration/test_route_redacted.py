"""What stands in place of people's texts when calls are shown."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

from adapters.view import letter_view
from gateway.domain.transit.persons import (
    Assurance,
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
from gateway.exchange.registry.versions_redacted import placeholder, redacted
from tests.unit.adapters.doubles import attachment, envelope, letter

HIDDEN = "zqzqzq"


def test_a_placeholder_keeps_length_and_shape() -> None:
    assert placeholder("Demande n° 12, Été!", "subject") == "Subject s° 00, Ubj!"
    assert placeholder("طلب ١٢ «رخصة»", "x") == "نصن 00 «صنصن»"
    assert placeholder("", "x") == ""
    for text in ("a\nb\tc", "مُحَمَّد", "漢字 かな", "e\u0301", "😀 ok"):
        shown = placeholder(text, "word")
        assert len(shown) == len(text)
        assert [one.isspace() for one in shown] == [one.isspace() for one in text]
        assert placeholder(text, "word") == shown


def test_nothing_that_people_wrote_is_left_in_a_letter() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    contact = Contact(HIDDEN, f"{HIDDEN}@example.org", HIDDEN, f"{HIDDEN} street")
    person = Person(
        PersonKind.CITIZEN,
        HIDDEN,
        Identification(Assurance.VERIFIED, "A0000001-3", HIDDEN, now),
        (Identifier("cin", HIDDEN),),
        contact,
    )
    concerned = InterestedParty(
        InterestedRole.CONCERNED, PersonKind.CITIZEN, HIDDEN, (Identifier("x", HIDDEN),), contact
    )
    sender = Sender("A0000001-3", None, HIDDEN, contact, Signatory(HIDDEN, HIDDEN), person, HIDDEN)
    real = letter(
        sender_name=HIDDEN,
        original=HIDDEN.encode(),
        envelope=envelope(
            sender=sender,
            subject=HIDDEN,
            body=f"{HIDDEN}\n{HIDDEN}",
            summary=HIDDEN,
            case_number=HIDDEN,
            references=(HIDDEN, HIDDEN),
            interested_parties=(concerned,),
            attachments=(attachment(name=f"{HIDDEN}.pdf", description=HIDDEN, content=HIDDEN.encode()),),
        ),
    )
    view = letter_view(redacted(real))
    said = json.dumps(view, default=_plain)
    assert HIDDEN not in said
    assert view["envelope"]["attachments"][0]["name"].endswith(".pdf")
    assert view["envelope"]["messageId"] == real.envelope.message_id
    assert len(view["envelope"]["body"]) == len(real.envelope.body or "")
    assert redacted(real).envelope == redacted(real).envelope
    assert len(redacted(real).original) == len(real.original)


def _plain(value: Any) -> Any:
    return {field.name: str(getattr(value, field.name)) for field in dataclasses.fields(value)}
