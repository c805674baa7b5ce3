"""Rules between an envelope's fields: each broken one is told, with its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.identifiers import directory_id, new_reference
from gateway.domain.transit import rules
from gateway.domain.transit.envelope import (
    Attachment,
    Encryption,
    EncryptionForm,
    Envelope,
    Recipient,
    RecipientRole,
)
from gateway.domain.transit.persons import Assurance, Identification, Person, PersonKind, Sender

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
OFFICE = directory_id("B", 1)
WRONG = "A0000001-X"
REFERENCE = new_reference(lambda count: b"\x12" * count)


def told(letter: Envelope, **changes: Any) -> list[tuple[str, str | None]]:
    found = rules.faults_of(replace(letter, **changes), "DEMO-HUB", NOW)
    return [(fault.code, fault.where) for fault in found]


def attachment(number: int = 1, **changes: Any) -> Attachment:
    plain = Attachment(f"a{number}", f"a{number}.pdf", "application/pdf", 3, "0" * 64)
    return replace(plain, **changes)


def test_a_good_letter_breaks_nothing(letter: Envelope) -> None:
    assert told(letter) == []
    assert told(letter, body=None, attachments=(attachment(1), attachment(2))) == []
    later = {"not_before": NOW + timedelta(hours=1), "expires_at": NOW + timedelta(hours=2)}
    assert told(letter, **later) == []
    assert told(letter, recipients=(Recipient(reply_to=REFERENCE),)) == []


def test_a_letter_for_another_hub(letter: Envelope) -> None:
    (fault,) = rules.faults_of(letter, "OTHER-HUB", NOW)
    assert (fault.code, fault.expected, fault.found) == (rules.ANOTHER_HUB, "OTHER-HUB", "DEMO-HUB")


@pytest.mark.parametrize(
    "recipient",
    [
        Recipient(),
        Recipient(office=OFFICE, party=directory_id("A", 2)),
        Recipient(office=OFFICE, reply_to=REFERENCE),
    ],
)
def test_a_recipient_is_named_in_exactly_one_way(letter: Envelope, recipient: Recipient) -> None:
    assert told(letter, recipients=(recipient,)) == [(rules.RECIPIENT_CHOICE, "/recipients/0")]


def test_a_recipient_listed_twice(letter: Envelope) -> None:
    twice = (Recipient(office=OFFICE), Recipient(office=OFFICE, role=RecipientRole.CC))
    assert told(letter, recipients=twice) == [(rules.DUPLICATE_RECIPIENT, "/recipients/1")]
    units = (Recipient(office=OFFICE, unit="One"), Recipient(office=OFFICE, unit="Two"))
    assert told(letter, recipients=units) == []


def test_somebody_is_addressed_and_not_only_copied(letter: Envelope) -> None:
    copy = Recipient(office=OFFICE, role=RecipientRole.CC)
    assert told(letter, recipients=(copy,)) == [(rules.NO_RECIPIENT_TO, "/recipients")]


def test_every_check_character_is_checked(letter: Envelope) -> None:
    person = Person(PersonKind.CITIZEN, "A citizen", Identification(Assurance.DECLARED, WRONG))
    found = told(
        letter,
        sender=Sender(party=WRONG, office=WRONG, on_behalf_of=person),
        recipients=(
            Recipient(office=WRONG),
            Recipient(party=WRONG),
            Recipient(reply_to="0000-0000-001"),
            Recipient(reply_to=REFERENCE.lower()),
        ),
    )
    assert {where for code, where in found if code == rules.CHECK_CHARACTER} == {
        "/sender/party",
        "/sender/office",
        "/sender/onBehalfOf/identification/identifiedBy",
        "/recipients/0/office",
        "/recipients/1/party",
        "/recipients/2/replyTo",
        "/recipients/3/replyTo",
    }
    assert len(found) == 7


def test_a_letter_says_something(letter: Envelope) -> None:
    assert told(letter, body=None) == [(rules.NOTHING_INSIDE, "/body")]
    assert told(letter, body="") == [(rules.NOTHING_INSIDE, "/body")]


def test_attachments_have_their_own_ids_and_contents(letter: Envelope) -> None:
    same_id = (attachment(1), attachment(1, content_id="other"))
    assert told(letter, attachments=same_id) == [(rules.DUPLICATE_ATTACHMENT, "/attachments/1")]
    same_content = (attachment(1, content_id="c"), attachment(2, content_id="c"))
    assert told(letter, attachments=same_content) == [(rules.DUPLICATE_ATTACHMENT, "/attachments/1")]


def test_an_attachment_has_one_content(letter: Envelope) -> None:
    both = attachment(1, content=b"abc", content_id="c")
    assert told(letter, attachments=(both,)) == [(rules.TWO_CONTENTS, "/attachments/0")]


def test_no_text_stands_beside_encrypted_attachments(letter: Envelope) -> None:
    secret = attachment(1, encryption=Encryption(EncryptionForm.CMS, ("0" * 64,)))
    assert told(letter, attachments=(secret,)) == [(rules.BODY_BESIDE_ENCRYPTION, "/body")]
    assert told(letter, attachments=(secret,), body=None) == []


def test_times_are_in_order(letter: Envelope) -> None:
    assert told(letter, expires_at=NOW) == [(rules.ALREADY_EXPIRED, "/expiresAt")]
    late = NOW + timedelta(hours=1)
    assert told(letter, expires_at=late, not_before=late) == [(rules.TIMES_OUT_OF_ORDER, "/notBefore")]
    assert told(letter, not_before=late) == []


def test_every_broken_rule_is_told_at_once(letter: Envelope) -> None:
    found = told(letter, hub="X", body=None, expires_at=NOW, recipients=(Recipient(), Recipient()))
    assert [code for code, _ in found] == [
        rules.ANOTHER_HUB,
        rules.RECIPIENT_CHOICE,
        rules.RECIPIENT_CHOICE,
        rules.DUPLICATE_RECIPIENT,
        rules.NOTHING_INSIDE,
        rules.ALREADY_EXPIRED,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "letter.pdf",
        "رسالة 12.pdf",
        "Pièce n° 3.tar.gz",
        ".profile",
        "console.txt",
        "nulle.pdf",
        "com10.txt",
        "a",
    ],
)
def test_harmless_file_names(name: str) -> None:
    assert rules.is_file_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "...", " ", "a/b", "a\\b", "C:a", "a*", "a?", 'a"', "<a", "a>", "a|b", "a\n", "a\x00b",
        "a\x7f", "a\x85", "a.", "a ", " a", "CON", "con.txt", "Nul .txt", "com1", "LPT9.pdf",
        "com¹.pdf", "aux.tar.gz", "fdp.\u202eexe", "a\u2066b", "\u200fa", "a\u061cb", "a\u2028b",
    ],
)  # fmt: skip
def test_harmful_file_names(name: str, letter: Envelope) -> None:
    assert not rules.is_file_name(name)
    assert told(letter, attachments=(attachment(1, name=name),)) == [(rules.FILE_NAME, "/attachments/0/name")]


@pytest.mark.parametrize("sign", ["\x7f", "\x80", "\x85", "\x9b", "\u2028", "\u2029"])
def test_a_text_of_one_line_has_neither_controls_nor_line_breaks(sign: str, letter: Envelope) -> None:
    assert told(letter, subject=f"Rue{sign}Haute") == [(rules.NO_LINE, "/subject")]
    assert told(letter, body=f"Rue{sign}Haute") == []


def test_every_text_of_one_line_is_looked_at_wherever_it_stands(letter: Envelope) -> None:
    bad = "a\x85b"
    (recipient,) = letter.recipients
    changed = replace(
        letter,
        sender=replace(letter.sender, unit=bad),
        recipients=(recipient, replace(recipient, unit="c", attention=bad)),
        references=("good", bad),
        attachments=(attachment(1, description=bad),),
    )
    assert told(changed) == [
        (rules.NO_LINE, "/sender/unit"),
        (rules.NO_LINE, "/recipients/1/attention"),
        (rules.NO_LINE, "/references/1"),
        (rules.NO_LINE, "/attachments/0/description"),
    ]


@pytest.mark.parametrize("sign", ["\u200c", "\u200f", "\u202b", "\u0640", "\u00a0", "\U0001f600"])
def test_what_scripts_need_is_no_control_character(sign: str, letter: Envelope) -> None:
    assert told(letter, subject=f"a{sign}b") == []
