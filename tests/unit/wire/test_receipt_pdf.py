"""The page of a receipt: its facts are there, in every language, on one page, whatever strangers wrote."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.assets import config_dir
from gateway.domain.evidence.receipt import (
    Addressee,
    AttachmentDigest,
    DayKind,
    Event,
    Receipt,
    ReceiptKind,
    Registered,
    Silence,
    StatedReason,
    TimeLimit,
)
from gateway.i18n import Translator, load_country
from gateway.pdf.file import PdfFile
from gateway.wire.pdf_bidi import isolated, shown, visual_runs
from gateway.wire.pdf_canvas import Style, lines_of
from gateway.wire.receipt_pdf import Look, write_receipt_pdf
from gateway.wire.receipts import content_digest
from tests.support.pdfs import told_by
from tests.unit.wire.content import complete, values

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext")
FIRST = b"<sealed/>" * 50
NAMES = {"ar": "بوابة وصل", "fr": "Passerelle Wasl", "en": "Wasl gateway"}
LANGUAGES = (("ar", "fr", "en"), ("fr", "ar", "en"), ("en", "fr", "ar"), ("en",))


@cache
def look(*languages: str, emblem: Path | None = None) -> Look:
    pack = load_country("ma", (config_dir() / "countries",))
    return Look(tuple(Translator(one, pack) for one in languages), NAMES, "https://demo-hub.test", emblem)


@cache
def whole() -> Receipt:
    """A receipt in which everything is there that can be."""
    base = complete(Receipt)
    return replace(base, event_time=datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC))


def letter(kind: ReceiptKind, event: Event, **content: Any) -> Receipt:
    """A receipt as they are made: with what belongs to its kind."""
    given = {name: getattr(whole(), name) for name in ("sender", "recipient", "subject", "reference")}
    made = dict.fromkeys(
        (
            *("recipients", "attachments", "reasons"),
            *("on_behalf_of", "place", "handover", "registered", "relay", "notified", "accessed_by"),
            *("progress", "time_limit", "outcome", "stated_by"),
        )
    )
    empty = {name: () if name in ("recipients", "attachments", "reasons") else None for name in made}
    return replace(whole(), kind=kind, event=event, **{**empty, **given, **content})


def page(receipt: Receipt, *languages: str) -> bytes:
    chosen = look(*(languages or ("ar", "fr", "en")))
    return write_receipt_pdf(receipt, content_digest(receipt), FIRST, "application/xml", chosen)


def text_of(octets: bytes, folder: Path) -> str:
    (folder / "page.pdf").write_bytes(octets)
    done = subprocess.run(["pdftotext", "-layout", folder / "page.pdf", "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def page_count(octets: bytes) -> int:
    file = PdfFile(octets)
    root = file.dictionary(file.trailer["Root"])
    count: Any = file.dictionary(root["Pages"])["Count"]
    return int(count)


def test_the_same_receipt_gives_the_same_octets() -> None:
    assert page(whole()) == page(whole())


def test_the_first_sealed_rendering_is_embedded() -> None:
    file = PdfFile(page(whole()))
    root = file.dictionary(file.trailer["Root"])
    (associated,) = file.array(root["AF"])
    described = file.dictionary(associated)
    entries, octets = file.stream(file.dictionary(described["EF"])["F"], 10_000)
    assert octets == FIRST
    assert entries["Subtype"] == "application/xml"
    assert described["AFRelationship"] == "Source"


@needs_poppler
@pytest.mark.parametrize("languages", LANGUAGES)
def test_the_facts_can_be_read(languages: tuple[str, ...], tmp_path: Path) -> None:
    receipt = letter(
        ReceiptKind.ACCEPTANCE,
        Event.SUBMISSION_ACCEPTANCE,
        attachments=whole().attachments,
        recipients=whole().recipients,
    )
    found = text_of(page(receipt, *languages), tmp_path)
    for fact in (
        receipt.reference,
        content_digest(receipt),
        receipt.receipt_id,
        receipt.sender.party,
        receipt.attachments[0].sha256,
        receipt.received.sha256,
        receipt.predecessor,
        "2026-11-23 09:41:07 UTC",
        "wasl verify FILE --trust FOLDER",
        "https://demo-hub.test/verify",
    ):
        assert str(fact) in found


@needs_poppler
def test_the_hub_s_words_stand_in_every_language(tmp_path: Path) -> None:
    limit = TimeLimit(known=False)
    receipt = letter(ReceiptKind.TIME_LIMIT, Event.TIME_LIMIT, time_limit=limit, test=False)
    found = text_of(page(receipt), tmp_path)
    assert "No time limit is known for this letter." in found
    assert "Aucun délai n’est connu pour ce courrier." in found
    assert "الأجل" in found
    assert "المراسلة" in found


@needs_poppler
def test_a_test_receipt_says_so(tmp_path: Path) -> None:
    found = text_of(page(replace(whole(), test=True)), tmp_path)
    assert "TEST – this receipt proves nothing about real mail." in found
    assert "TEST – ce récépissé ne prouve rien" in found
    assert "TEST –" not in text_of(page(replace(whole(), test=False)), tmp_path)


@needs_poppler
def test_reasons_give_their_code_and_text(tmp_path: Path) -> None:
    reasons = (
        StatedReason("WASL-REQ-002", "The request is larger than the limit of 5 octets.", "/Envelope"),
        StatedReason("WASL-OLD-999", "A reason of an older catalogue."),
    )
    receipt = letter(
        ReceiptKind.REJECTION, Event.SUBMISSION_REJECTION, reasons=reasons, reference=None, recipient=None
    )
    found = text_of(page(receipt, "fr", "en"), tmp_path)
    assert "WASL-REQ-002" in found
    assert "La requête dépasse la limite" in found
    assert "limit of 5 octets" in found
    assert "WASL-OLD-999" in found
    assert "older catalogue" in found
    assert receipt.receipt_id in found


@needs_poppler
def test_a_time_limit_is_told_with_its_days(tmp_path: Path) -> None:
    start = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    limit = TimeLimit(
        True, "permit", start, 30, DayKind.WORKING, (), 15, date(2027, 1, 20), Silence.ACCEPTANCE
    )
    receipt = letter(ReceiptKind.TIME_LIMIT, Event.TIME_LIMIT, time_limit=limit)
    found = text_of(page(receipt, "en", "fr"), tmp_path)
    for fact in ("30 working days", "24 November 2026", "Extended by 15 days", "20 January 2027"):
        assert fact in found  # the clock starts on the country's day
    assert "Silence means acceptance" in found


@needs_poppler
def test_a_receipt_without_a_limit_promises_none(tmp_path: Path) -> None:
    receipt = letter(ReceiptKind.ACCEPTANCE, Event.SUBMISSION_ACCEPTANCE)
    assert "This receipt states no time limit." in text_of(page(receipt, "en"), tmp_path)


@needs_poppler
def test_a_register_number_stands_large(tmp_path: Path) -> None:
    entry = Registered("2026/04512", date(2026, 11, 24), "Arrivées")
    receipt = letter(ReceiptKind.REGISTRATION, Event.REGISTERED, registered=entry)
    assert "2026/04512" in text_of(page(receipt, "fr"), tmp_path)


def many(count: int, name: str) -> Receipt:
    attachments = tuple(
        AttachmentDigest(f"a{number}", f"{name}{number}", "application/pdf", 10**9, "ab" * 32)
        for number in range(count)
    )
    recipients = tuple(Addressee("B0000002-0", "A0000002-0", f"{name} {number}") for number in range(count))
    return letter(
        ReceiptKind.ACCEPTANCE,
        Event.SUBMISSION_ACCEPTANCE,
        attachments=attachments[:64],
        recipients=recipients[:100],
    )


@needs_poppler
def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    found = text_of(page(many(100, "file "), "en"), tmp_path)
    told = [line for line in found.splitlines() if "more, in the embedded file" in line]
    shown_files = found.count("SHA-256 " + "ab" * 32)
    assert any(f"{64 - shown_files} more" in line for line in told)
    assert len(told) == 2


@needs_poppler
def test_facts_for_which_there_is_no_room_are_counted_too(tmp_path: Path) -> None:
    """No receipt has everything at once; one that had would still not write over itself."""
    name = "n" * 400
    crowded = replace(
        whole(),
        sender=replace(whole().sender, name=name, unit=name),
        on_behalf_of=replace(whole().on_behalf_of, name=name),
        stated_by=name,
        accessed_by=name,
    )
    found = text_of(page(crowded, "en", "fr", "ar"), tmp_path)
    assert "more, in the embedded file" in found
    assert str(crowded.reference) in found
    assert page_count(page(crowded)) == 1


HOSTILE = {
    "override": "\u202egnp.exe\u202c",
    "isolates left open": "\u2066\u2067\u2068 x",
    "isolates closed too often": "\u2069\u2069 x",
    "controls": "a\x07b\x1b[31mc",
    "emoji and scripts without a shape": "😀👩‍👩‍👧 שלום 中文 ⵜⴰⵎⴰⵣⵉⵖⵜ",
    "marks piled up": "a" + "\u0301" * 230,
    "PDF syntax": ") Tj ET Q /Contents <00> %%EOF endstream endobj (\\",
    "one long word": "W" * 240,
    "one long Arabic word": "ط" * 240,
    "spaces": " \u00a0\u2003 " * 60,
    "surrogates' neighbours": "\ufffe\uffff\ud7ff\ue000",
    "placeholders": "{name} {0} %s {digest!r}",
}


@pytest.mark.parametrize("languages", [("ar", "fr", "en"), ("en", "ar")])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_in_its_place(text: str, languages: tuple[str, ...], tmp_path: Path) -> None:
    line = (text * 10)[:240]
    receipt = replace(many(3, line), subject=line, sender=replace(whole().sender, name=line, unit=line))
    octets = page(receipt, *languages)
    assert page_count(octets) == 1
    if shutil.which("pdftotext"):
        found = text_of(octets, tmp_path)
        assert str(receipt.reference) in found
        assert content_digest(receipt) in found


def test_directions_that_strangers_set_are_not_obeyed() -> None:
    assert "\u202e" not in shown("\u202eabc")
    assert visual_runs(shown("ab\u202ecd"), right=False) == [("ab\ufffdcd", False)]


def test_a_reference_in_an_arabic_sentence_keeps_its_order() -> None:
    runs = visual_runs("المرجع " + isolated("AB-12") + " بتاريخ", right=True)
    assert [run for run, _ in runs] == [" بتاريخ", "AB-12", "المرجع "]


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    style = Style(10)
    rows = lines_of("word " * 200, style, 100, 2)
    assert len(rows) == 2
    assert all(row.width <= 100 for row in rows)
    assert rows[-1].pieces[-1].glyphs[-1].text == "…"


@pytest.mark.parametrize("kind", list(ReceiptKind))
def test_every_kind_of_receipt_has_its_page(kind: ReceiptKind) -> None:
    assert page_count(page(replace(whole(), kind=kind))) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(receipt=values(Receipt))
def test_any_receipt_has_its_page(receipt: Receipt) -> None:
    sensible = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert page_count(page(replace(receipt, event_time=sensible))) == 1


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_country_s_emblem_is_shown(suffix: str, tmp_path: Path) -> None:
    picture = tmp_path / f"emblem.{suffix}"
    if suffix == "svg":
        picture.write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="3"/></svg>'
        )
    else:
        from PIL import Image

        Image.new("RGBA", (20, 30), (10, 80, 70, 128)).save(picture)
    octets = write_receipt_pdf(
        whole(), content_digest(whole()), FIRST, "application/xml", look("ar", "fr", emblem=picture)
    )
    file = PdfFile(octets)
    root = file.dictionary(file.trailer["Root"])
    (page_of,) = file.array(file.dictionary(root["Pages"])["Kids"])
    resources = file.dictionary(file.dictionary(page_of)["Resources"])
    assert "Emblem" in file.dictionary(resources["XObject"])
    if shutil.which("qpdf"):
        (tmp_path / "page.pdf").write_bytes(octets)
        assert "No syntax or stream encoding errors" in told_by("qpdf", "--check", tmp_path / "page.pdf")
