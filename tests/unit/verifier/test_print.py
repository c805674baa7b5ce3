"""What is said of each kind of receipt, and the page to print: whole in each language, and harmless."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.domain.evidence.receipt import (
    EVENTS_OF,
    Addressee,
    Handover,
    Notified,
    Outcome,
    Receipt,
    ReceiptKind,
    Registered,
    StatedReason,
    Submitter,
    TimeLimit,
)
from gateway.domain.identifiers import directory_id
from gateway.verifier import texts
from gateway.verifier.facts import anchors, facts
from gateway.verifier.print import page
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.sentence import limits, statement
from tests.unit.verifier.test_verify import NOW, receipt

HOSTILE = "<script>alert(1)</script>\u202e{hub}"
OFFICE = directory_id("B", 1)
PARTY = directory_id("A", 1)


def full(**changes: Any) -> Receipt:
    """A receipt that states everything at once."""
    return dataclasses.replace(
        receipt(
            reference="7K2M-94QD-X3P",
            sender=Submitter(PARTY, "DEMONSTRATION ministry"),
            recipient=Addressee(OFFICE, PARTY, "DEMONSTRATION commune"),
            subject="DEMONSTRATION",
            reasons=(StatedReason("WASL-DLV-001", "x"), StatedReason("NO-SUCH-CODE", "x")),
            handover=Handover("T-1", None, True, True),
            registered=Registered("C-2026/1", date(2026, 11, 23)),
            accessed_by="Unit 1",
            progress="IN_PROGRESS",
            notified=Notified("email"),
            time_limit=TimeLimit(True, "permit", NOW, 60, None, (), None, date(2027, 1, 23)),
            outcome=Outcome("ANSWERED", None, "01950000-0000-7000-8000-00000000b001", "ABCD-EFGH-JK0", True),
            stated_by="DEMONSTRATION commune",
        ),
        **changes,
    )


def good(content: Receipt) -> Report:
    values = {"digest": "ab" * 32, "anchor": "CN=TEST seal-ca", "fingerprint": "cd" * 32}
    return Report("r.xml", (Step("integrity.good", Status.GOOD, values),), content, "ab" * 32, NOW)


class Outline(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("kind", ReceiptKind)
def test_every_kind_says_what_it_states_and_what_it_does_not_prove(kind: ReceiptKind, language: str) -> None:
    for event in EVENTS_OF[kind]:
        for content in (full(kind=kind, event=event), receipt(kind=kind, event=event)):
            said = good(content).sentence(language)
            assert limits(content, language) in said
            assert not re.search(r"[{}]|None", said)


def test_a_statement_names_who_what_to_whom_and_what_became_of_it() -> None:
    said = statement(full(), "en")
    for part in (
        *("7K2M-94QD-X3P", "DEMONSTRATION ministry", "DEMONSTRATION commune", "WASL-DLV-001", "NO-SUCH-CODE"),
        *("T-1", "C-2026/1", "2026-11-23", "Unit 1", "IN_PROGRESS", "email", "permit", "2027-01-23"),
        *("ABCD-EFGH-JK0", "00000000b001", "confirmed", "twice", "unknown"),
    ):
        assert part in said
    assert "No legal time limit is known" in statement(full(time_limit=TimeLimit(False)), "en")
    assert "did not confirm" in statement(full(handover=Handover()), "en")


def test_many_recipients_are_counted() -> None:
    many = tuple(Addressee(directory_id("B", n), PARTY, f"office {n}") for n in range(1, 9))
    said = statement(receipt(recipients=many), "en")
    assert "office 3 and 5 more" in said
    assert "office 4" not in said


def test_a_sentence_proves_a_test_to_be_nothing_more() -> None:
    report = good(receipt(test=True))
    told = dataclasses.replace(report, steps=(*report.steps, Step("test.yes", Status.NOTE)))
    assert told.sentence("en").startswith("TEST")


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_page_to_print_is_whole_and_escapes_everything(language: str) -> None:
    content = full(
        subject=HOSTILE,
        sender=Submitter(PARTY, HOSTILE),
        registered=Registered(HOSTILE),
        stated_by=HOSTILE,
    )
    part = dataclasses.replace(good(content), file=HOSTILE)
    step = Step("ledger.malformed", Status.BAD, {"why": HOSTILE})
    whole = dataclasses.replace(part, steps=(*part.steps, step), parts=(part, part))
    html = page(whole, language, NOW)
    outline = Outline(html)
    assert outline.open == []
    assert "script" not in outline.tags
    assert html.count(f'dir="{"rtl" if language == "ar" else "ltr"}"') >= 1
    assert "cd" * 32 in html
    assert "http" not in html.replace("http-equiv", "")
    assert texts.text(f"word.{Status.BAD.value}", language, {}) in html


def test_facts_and_anchors_are_told_once() -> None:
    report = good(full())
    twice = dataclasses.replace(report, parts=(report, report))
    assert [anchor.fingerprint for anchor in anchors(twice)] == ["cd" * 32]
    assert {fact.value for fact in facts(report, "en")} >= {"ab" * 32, "7K2M-94QD-X3P", texts.moment(NOW)}
    assert facts(Report("x", ()), "en") == ()


# --- bundles


def test_the_worst_part_decides_about_a_bundle() -> None:
    fine = good(receipt())
    late = dataclasses.replace(fine, steps=(Step("ledger.none", Status.UNDECIDED),))
    step = Step("integrity.good", Status.GOOD, {"digest": "x"})
    bundle = Report("b.asice", (step,), parts=(fine, fine))
    assert (bundle.exit_code, "2 receipts" in bundle.sentence("en")) == (0, True)
    open_question = dataclasses.replace(bundle, parts=(fine, late))
    assert open_question.exit_code == 3
    assert "No proof of inclusion" in open_question.sentence("en")
    told = open_question.as_dict()
    assert [one["verdict"] for one in told["parts"]] == ["good", "undecided"]


def test_what_became_of_each_delivery_is_said_of_a_good_bundle() -> None:
    became = (Step("states.successor", Status.GOOD, {"delivery": "D-1"}),)
    assert "D-1" in Report("b", (), parts=(good(receipt()),), became=became).sentence("en")


def test_times_are_written_alike_everywhere() -> None:
    assert texts.moment(NOW + timedelta(hours=1)) == "2030-03-04 09:15:02 UTC"


def test_values_that_turn_the_reading_direction_stand_isolated() -> None:
    for value in (HOSTILE, "بوابة"):
        told = texts.text("ledger.no-key", "en", {"origin": value})
        assert f"\u2068{value}\u2069" in told
