"""Rules and closures on a real hub: what is declared, accepted, told to senders, kept, and changed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from lxml import etree
from sqlalchemy import event

from gateway.assets import xsd_dir
from gateway.bootstrap import routing, verbs
from gateway.domain.errors import Misconfigured, Refused
from gateway.domain.evidence.receipt import Receipt, ReceiptKind
from gateway.domain.transit.envelope import Recipient
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.routing_rules import Closing
from gateway.exchange.registry.declared import read_declared
from gateway.exchange.transit.submission import Submission
from gateway.i18n import Translator
from gateway.store.registry import queries as registry
from gateway.store.transit.models import DeliveryRow
from gateway.verifier import sentence
from gateway.web import views
from gateway.wire.receipt_facts import Look, facts
from gateway.wire.receipt_sayings import Saying
from gateway.wire.soap_answer import Answer
from gateway.wire.soap_names import SERVICE, SOAP12
from tests.support.deliveries import case_of, in_state
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    TEST_OFFICE,
    XML,
    HubUnderTest,
    names,
    receipt_of,
    registry_table,
)
from tests.support.systems import Simulator, accept, fresh_hub, receipts, row, state

CHECK = "/api/v1/envelopes/check"
LONG_AGO = "2020-01-01"
LANGUAGES = ("ar", "fr", "en")
BIG = {"field": "attachments.octets", "at_least": 100_000}


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator())


def rule(name: str, to: str, *when: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "names": names(name), "to": to, "when": list(when), **more}


def declare(hub: HubUnderTest, office: str, **values: Any) -> list[str]:
    """Change an office as a registry file would that is exported, edited and applied."""
    table = hub.gateway.registry.export()
    [entry] = [one for one in table["office"] if one["id"] == office]
    entry.update(values)
    return hub.apply({"office": [entry]})


def led(hub: HubUnderTest) -> None:
    """The agency's permits go to the commune, which serves it; large letters to the office for tests."""
    declare(hub, COMMUNE_OFFICE, serves=[AGENCY])
    permits = {"field": "subject", "contains": ["رخصة البناء"]}
    declare(
        hub, AGENCY_OFFICE, rule=[rule("large", TEST_OFFICE, BIG), rule("permits", COMMUNE_OFFICE, permits)]
    )


def routing_of(hub: HubUnderTest, delivery: str) -> Any:
    with hub.gateway.store.read() as session:
        return session.get_one(DeliveryRow, delivery).routing


def accepted(hub: HubUnderTest, media_type: str = XML, **changes: Any) -> Receipt:
    answer = hub.post(hub.signed(hub.envelope(**changes), media_type))
    assert answer.status_code == 201, answer.text
    return receipt_of(answer)


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_the_acceptance_names_who_receives_and_who_was_addressed(hub: HubUnderTest, media_type: str) -> None:
    led(hub)
    [to] = accepted(hub, media_type, subject="طلبُ رُخصةِ البناء").recipients
    assert (to.office, to.addressed) == (COMMUNE_OFFICE, AGENCY_OFFICE)
    assert (to.name, to.addressed_name) == ("office of the commune (ar)", "office of the agency (ar)")
    assert to.notices == ("WASL-RTE-103",)
    assert to.delivery is not None
    assert row(hub, to.delivery).office == COMMUNE_OFFICE


def test_every_later_receipt_says_it_too(hub: HubUnderTest) -> None:
    led(hub)
    [to] = accepted(hub, subject="طلب رخصة البناء").recipients
    hub.dispatch().run_once()
    later = receipts(hub, str(to.delivery))
    assert ReceiptKind.DELIVERY in [one.kind for one in later]
    assert [one.recipient for one in later] == [to] * len(later)


def test_why_is_kept_and_repeats_no_word_of_the_letter(hub: HubUnderTest) -> None:
    led(hub)
    [to] = accepted(hub, subject="طلب رخصة البناء").recipients
    kept = routing_of(hub, str(to.delivery))
    assert [hop["office"] for hop in kept["hops"]] == [AGENCY_OFFICE, COMMUNE_OFFICE]
    assert kept["hops"][0]["rules"] == [
        {
            "id": "large",
            "fits": False,
            "found": [{"field": "attachments.octets", "good": False, "values": [0]}],
        },
        {"id": "permits", "fits": True, "found": [{"field": "subject", "good": True}]},
    ]
    assert "رخصة" not in json.dumps(kept, ensure_ascii=False)


def test_nothing_is_kept_where_nothing_was_to_be_decided(hub: HubUnderTest) -> None:
    [to] = accepted(hub).recipients
    assert (to.addressed, to.notices, routing_of(hub, str(to.delivery))) == (None, (), None)


@contextmanager
def counted(hub: HubUnderTest) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = hub.gateway.store.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_acceptance_asks_the_database_no_more_for_rules(hub: HubUnderTest) -> None:
    accepted(hub)
    with counted(hub) as plain:
        accepted(hub)
    led(hub)
    accepted(hub, subject="رخصة البناء")  # the registry is read anew once after a change
    with counted(hub) as ruled:
        accepted(hub, subject="رخصة البناء")
    assert 0 < len(plain) == len(ruled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rendering_says_for_whom_an_office_receives(hub: HubUnderTest, language: str) -> None:
    led(hub)
    receipt = accepted(hub, subject="رخصة البناء")
    [to] = receipt.recipients
    assert AGENCY_OFFICE in " ".join(sentence.details(receipt, language))
    look = Look((Translator(language),), {}, "http://127.0.0.1")
    lines = [line for fact in facts(receipt, look) for one in fact.entries for line, _ in one.lines]
    told = [one.write(look.translators[0]) for one in lines if isinstance(one, Saying)]
    assert any(AGENCY_OFFICE in one and str(to.addressed_name) in one for one in told)
    listed = hub.get(f"/api/v1/envelopes/{receipt.reference}/receipts").json["receipts"][0]["href"]
    pdf = hub.get(listed, Accept="application/pdf")
    assert (pdf.status_code, pdf.mimetype) == (200, "application/pdf")


def test_a_check_tells_where_it_would_go_and_no_condition(hub: HubUnderTest) -> None:
    led(hub)
    answer = hub.post(hub.signed(hub.envelope(subject="رخصة البناء")), CHECK)
    [told] = answer.json["recipients"]
    assert (told["office"], told["addressed"]) == (COMMUNE_OFFICE, AGENCY_OFFICE)
    assert told["leads"] == [
        {"office": AGENCY_OFFICE, "to": COMMUNE_OFFICE, "rule": "permits (ar)", "closed": None}
    ]
    assert "subject" not in answer.text
    assert "large" not in answer.text


@pytest.mark.parametrize("closed", [None, LONG_AGO])
def test_the_soap_answer_is_as_its_schema_says(hub: HubUnderTest, closed: str | None) -> None:
    led(hub)
    if closed:
        declare(hub, AGENCY_OFFICE, closes_at=closed, successor=COMMUNE_OFFICE)
    letter = hub.signed(hub.envelope(subject="رخصة البناء"))
    report = hub.gateway.services.checking.check(Submission(letter.root, XML, iter(()), XML))
    body = etree.fromstring(Answer(SOAP12, 0).write("CheckEnvelopeResponse", views.report(report)))[0]
    schema = etree.XMLSchema(etree.parse(xsd_dir() / "soap-1.0.xsd"))
    schema.assertValid(body[0])
    assert body[0].findtext(f".//{{{SERVICE}}}lead/{{{SERVICE}}}to") == COMMUNE_OFFICE
    assert body[0].findtext(f".//{{{SERVICE}}}lead/{{{SERVICE}}}closed") == closed


# closure


def test_a_closed_office_s_mail_reaches_the_successor_and_the_sender_is_told(hub: HubUnderTest) -> None:
    declare(hub, COMMUNE_OFFICE, serves=[AGENCY])
    declare(hub, AGENCY_OFFICE, closes_at=LONG_AGO, successor=COMMUNE_OFFICE)
    for recipient in (Recipient(office=AGENCY_OFFICE), Recipient(party=AGENCY)):
        [to] = accepted(hub, recipients=(recipient,)).recipients
        assert (to.office, to.addressed, to.notices) == (COMMUNE_OFFICE, AGENCY_OFFICE, ("WASL-RTE-102",))


@pytest.mark.parametrize(
    ("values", "code"),
    [({}, "WASL-RTE-010"), ({"successor": TEST_OFFICE, "closed_mail": "refuse"}, "WASL-RTE-011")],
)
def test_a_closed_office_without_forwarding_refuses(
    hub: HubUnderTest, values: dict[str, str], code: str
) -> None:
    declare(hub, AGENCY_OFFICE, closes_at=LONG_AGO, **values)
    refused = hub.post(hub.signed())
    assert refused.status_code == 422
    [reason] = receipt_of(refused).reasons
    assert (reason.code, TEST_OFFICE in reason.text) == (code, "successor" in values)


def test_the_directory_shows_a_closure(hub: HubUnderTest) -> None:
    declare(hub, AGENCY_OFFICE, closes_at="2099-01-01", successor=TEST_OFFICE)
    told = hub.get(f"/api/v1/directory/offices/{AGENCY_OFFICE}").json
    assert (told["closesAt"], told["successor"], told["forwards"]) == ("2099-01-01", TEST_OFFICE, True)


def test_closing_is_a_recorded_change_and_can_be_taken_back(hub: HubUnderTest) -> None:
    today = hub.gateway.pack.local(hub.clock()).date()
    made = hub.gateway.registry.close(AGENCY_OFFICE, Closing(today, TEST_OFFICE), "operator-1")
    assert made == [f"changed office {AGENCY_OFFICE}"]
    with hub.gateway.store.read() as session:
        change = registry.changes(session, 1)[0]
    assert (change.actor, change.key) == ("operator-1", AGENCY_OFFICE)
    assert change.after == {"closes_at": today.isoformat(), "successor": TEST_OFFICE, "closed_mail": None}
    hub.gateway.registry.close(AGENCY_OFFICE, None, "operator-1")
    assert accepted(hub).recipients[0].office == AGENCY_OFFICE


def test_a_closure_that_leads_nowhere_is_refused_and_changes_nothing(hub: HubUnderTest) -> None:
    today = hub.clock().date()
    for office, successor in (
        (AGENCY_OFFICE, COMMUNE_OFFICE),
        (AGENCY_OFFICE, "B0000999-I"),
        ("B0000999-I", None),
    ):
        with pytest.raises(Misconfigured):
            hub.gateway.registry.close(office, Closing(today, successor), "operator-1")
    assert accepted(hub).recipients[0].office == AGENCY_OFFICE


def test_what_waits_for_a_closed_office_is_passed_on_and_what_may_have_arrived_stays(
    hub: HubUnderTest,
) -> None:
    waiting = [in_state(hub, to) for to in ("QUEUED", "WAITING", "AVAILABLE", "HELD")]
    doubtful = in_state(hub, "HELD", doubt=True)
    clearing, decision = routing.clearing(hub.gateway), Decision("operator-1", "the offices were merged")
    with pytest.raises(Misconfigured):
        clearing.clear(COMMUNE_OFFICE, decision)
    declare(hub, AGENCY_OFFICE, serves=["*"])
    declare(hub, COMMUNE_OFFICE, closes_at=LONG_AGO, successor=AGENCY_OFFICE)
    assert set(clearing.waiting(COMMUNE_OFFICE)) == {*waiting, doubtful}
    cleared = clearing.clear(COMMUNE_OFFICE, decision)
    assert cleared.successor == AGENCY_OFFICE
    assert sorted(one for one, _ in cleared.moved) == sorted(waiting)
    assert [one.delivery for one in cleared.left] == [doubtful]
    assert {state(hub, one) for one in waiting} == {"REDIRECTED"}
    assert {row(hub, one).office for _, one in cleared.moved} == {AGENCY_OFFICE}
    assert {one.outcome.successor for name in waiting for one in receipts(hub, name) if one.outcome} == {
        after for _, after in cleared.moved
    }


def test_nobody_passes_a_letter_on_to_a_closed_office(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, COMMUNE_OFFICE)
    declare(hub, AGENCY_OFFICE, closes_at=LONG_AGO, successor=TEST_OFFICE)
    redirecting = verbs(hub.gateway, "operator").redirecting
    with pytest.raises(Refused) as caught:
        redirecting.redirect(case_of(hub, delivery), AGENCY_OFFICE, "operator")
    [fault] = caught.value.faults
    assert (fault.code, fault.expected) == ("WASL-RTE-011", TEST_OFFICE)


# the registry file


def test_rules_survive_export_and_application(hub: HubUnderTest, tmp_path: Path) -> None:
    led(hub)
    when = [
        {"field": "time.clock", "at_least": "08:30", "at_most": "16:30", "not": True},
        {"field": "documentDate", "at_least": "2026-01-01"},
        {"field": "summary", "present": False},
    ]
    night = rule("night", AGENCY_OFFICE, *when, **{"from": "2026-01-01", "until": "2099-12-31"})
    declare(hub, AGENCY_OFFICE, serves=["*"])
    closure = {"closes_at": "2099-01-01", "successor": AGENCY_OFFICE, "closed_mail": "refuse"}
    declare(hub, MINISTRY_OFFICE, rule=[night], **closure)
    file = tomli_w.dumps(hub.gateway.registry.export())
    assert hub.apply(tomllib.loads(file)) == []
    other = fresh_hub(tmp_path / "other", Simulator())
    other.apply(tomllib.loads(file))
    assert other.gateway.registry.export()["office"] == hub.gateway.registry.export()["office"]


def test_days_and_times_may_stand_without_quotes(hub: HubUnderTest) -> None:
    table = tomllib.loads(
        """
        id = "night"
        from = 2026-01-01
        [names]
        ar = "الليل"
        fr = "La nuit"
        en = "At night"
        [[when]]
        field = "time.clock"
        at_most = 07:00:00
        """
    )
    declare(hub, AGENCY_OFFICE, rule=[{**table, "to": TEST_OFFICE}])
    [kept] = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE)[
        "rule"
    ]
    assert (kept["from"], kept["when"]) == ("2026-01-01", [{"field": "time.clock", "at_most": "07:00"}])


def faults(*rules: Any, **values: Any) -> list[str]:
    class Pki:
        def certificate_path(self, name: str) -> str:
            return name

    table = registry_table(Pki())
    office = {**table["office"][2], **({"rule": list(rules)} if rules else {}), **values}
    with pytest.raises(Misconfigured) as caught:
        read_declared({"office": [office]}, Path(), LANGUAGES, {})
    return [one.removeprefix("office[0].") for one in caught.value.faults]


GOOD = rule("good", TEST_OFFICE)
NAN = float("nan")


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ({"field": "body", "contains": "x"}, "no field of a letter"),
        ({"field": "subjekt", "contains": "x"}, "no field of a letter"),
        ({"field": ["subject"], "contains": "x"}, "no field of a letter"),
        ({"contains": "x"}, "no field of a letter"),
        ({"field": "subject"}, "with one or more of is, contains"),
        ({"field": "subject", "contains": "x", "present": True}, "present stands alone"),
        ({"field": "subject", "matches": "(a+)+$"}, "matches: unknown key"),
        ({"field": "subject", "at_least": "x"}, "at_least: not asked of subject"),
        ({"field": "subject", "contains": ""}, "contains: texts"),
        ({"field": "subject", "contains": []}, "contains: texts"),
        ({"field": "subject", "contains": "\u064b\u0640"}, "contains: texts"),
        ({"field": "subject", "contains": "a\u0000b"}, "contains: texts"),
        ({"field": "subject", "contains": "x" * 241}, "contains: texts"),
        ({"field": "subject", "contains": [["x"]]}, "contains: texts"),
        ({"field": "attachments.octets", "at_least": "1000"}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": "١٠٠٠"}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": 1.5}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": NAN}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": float("inf")}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": -1}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": 10**30}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": True}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": [1]}, "at_least: a whole number"),
        ({"field": "attachments.octets", "at_least": 2, "at_most": 1}, "at_most: not below at_least"),
        ({"field": "priority", "is": "very urgent"}, "is: one or more of normal, urgent"),
        ({"field": "priority", "is": 1}, "is: one or more of normal, urgent"),
        ({"field": "test", "is": "true"}, "is: true or false"),
        ({"field": "test", "is": True, "not": "no"}, "not: true or false"),
        ({"field": "replyBy", "at_most": "2026-02-30"}, "at_most: a day"),
        ({"field": "replyBy", "at_most": "tomorrow"}, "at_most: a day"),
        ({"field": "time.clock", "at_most": "24:30"}, "at_most: a time of day"),
        ({"field": "time.clock", "at_most": "8:30"}, "at_most: a time of day"),
        ({"field": "time.weekday", "is": "الاثنين"}, "is: one or more of monday"),
    ],
    ids=lambda value: None if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_condition_that_cannot_be_asked_is_told(when: dict[str, Any], fault: str) -> None:
    found = faults(rule("one", TEST_OFFICE, when))
    assert all(one.startswith("rule[0].when[0].") for one in found)
    assert any(fault in one for one in found), found


@pytest.mark.parametrize(
    ("rules", "values", "fault"),
    [
        ([{**GOOD, "to": "nowhere"}], {}, "rule[0].to: a directory identifier"),
        ([{**GOOD, "to": 7}], {}, "rule[0].to: a directory identifier"),
        ([{**GOOD, "id": "no spaces"}], {}, "rule[0].id: a name"),
        ([{**GOOD, "id": "x" * 65}], {}, "rule[0].id: a name"),
        ([{**GOOD, "names": {"en": "x"}}], {}, "rule[0].names: missing in ar, fr"),
        ([{**GOOD, "names": {**names("x"), "en": "a\nb"}}], {}, "rule[0].names.en: one line"),
        ([{**GOOD, "names": ["x"]}], {}, "rule[0].names: a table"),
        ([{**GOOD, "if": "x"}], {}, "rule[0].if: unknown key"),
        ([{**GOOD, "from": "soon"}], {}, "rule[0].from: a day"),
        ([{**GOOD, "from": "2026-02-01", "until": "2026-01-31"}], {}, "rule[0].until: not before from"),
        ([{**GOOD, "when": {"field": "test"}}], {}, "rule[0].when: tables"),
        ([{**GOOD, "when": [BIG] * 21}], {}, "rule[0].when: at most 20"),
        ([GOOD, GOOD], {}, "rule good: declared twice"),
        ([GOOD, rule("late", TEST_OFFICE, BIG)], {}, "rule late: never asked, for good"),
        ([rule(f"r{number}", TEST_OFFICE, BIG) for number in range(10_000)], {}, "rule: at most 100"),
        ([rule("r", TEST_OFFICE, {"field": "subject", "is": ["x"] * 1001})], {}, "rule: at most 1000 values"),
        (["x"], {}, "rule: tables"),
        ([], {"rule": {"id": "x"}}, "rule: tables"),
        ([], {"closes_at": "soon"}, "closes_at: a day"),
        ([], {"closes_at": NAN}, "closes_at: a day"),
        ([], {"successor": TEST_OFFICE}, "successor: only of an office with closes_at"),
        ([], {"closes_at": LONG_AGO, "successor": AGENCY_OFFICE}, "successor: another office"),
        ([], {"closes_at": LONG_AGO, "closed_mail": "burn"}, "closed_mail: forward or refuse"),
        ([], {"closes_at": LONG_AGO, "closed_mail": ["refuse"]}, "closed_mail: forward or refuse"),
        ([], {"closes_at": LONG_AGO, "closed_mail": "refuse"}, "closed_mail: only of an office with a"),
        ([], {"serves": MINISTRY}, "serves: a list"),
        ([], {"serves": [["*"]]}, "serves: a list"),
    ],
    ids=lambda value: None if not isinstance(value, str) else value.split(":")[0].replace(" ", "-"),
)  # fmt: skip
def test_rules_and_closures_that_cannot_be_are_told(
    rules: list[Any], values: dict[str, Any], fault: str
) -> None:
    found = faults(*rules, **values)
    assert any(one.startswith(fault) for one in found), found
    assert len(found) < 5


@pytest.mark.parametrize(
    ("office", "values", "fault"),
    [
        (AGENCY_OFFICE, {"rule": [rule("x", "B0000999-I")]}, "there is no office B0000999-I"),
        (AGENCY_OFFICE, {"rule": [rule("x", MINISTRY_OFFICE)]}, f"does not serve {AGENCY}"),
        (AGENCY_OFFICE, {"closes_at": LONG_AGO, "successor": MINISTRY_OFFICE}, f"does not serve {AGENCY}"),
        (AGENCY_OFFICE, {"rule": [rule("x", AGENCY_OFFICE)]}, "round"),
        (TEST_OFFICE, {"rule": [rule("x", AGENCY_OFFICE)]}, "round"),
    ],
    ids=["unknown", "not-agreed", "no-heir", "itself", "round"],
)
def test_ways_are_judged_over_the_whole_registry(
    hub: HubUnderTest, office: str, values: dict[str, Any], fault: str
) -> None:
    led(hub)
    before = hub.gateway.registry.export()
    with pytest.raises(Misconfigured) as caught:
        declare(hub, office, **values)
    assert any(fault in one for one in caught.value.faults)
    assert hub.gateway.registry.export() == before


def test_consent_is_not_withdrawn_under_a_rule(hub: HubUnderTest) -> None:
    led(hub)
    with pytest.raises(Misconfigured, match="does not serve"):
        declare(hub, COMMUNE_OFFICE, serves=[])


def test_a_step_that_puts_the_letter_off_keeps_its_decision(hub: HubUnderTest) -> None:
    led(hub)
    later = hub.clock() + timedelta(days=1)
    [to] = accepted(hub, subject="رخصة البناء", not_before=later).recipients
    assert routing_of(hub, str(to.delivery))["hops"][-1]["office"] == COMMUNE_OFFICE


@pytest.mark.usefixtures("scaled")
def test_the_same_on_postgresql(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path / "home", Simulator())
    led(hub)
    [to] = accepted(hub, subject="طلبُ رُخصةِ البناء").recipients
    assert routing_of(hub, str(to.delivery))["hops"][0]["to"] == COMMUNE_OFFICE
    [other] = accepted(hub).recipients
    assert routing_of(hub, str(other.delivery))["hops"][0]["office"] == AGENCY_OFFICE
    hub.gateway.registry.close(AGENCY_OFFICE, Closing(hub.clock().date(), TEST_OFFICE), "operator-1")
    cleared = routing.clearing(hub.gateway).clear(AGENCY_OFFICE, Decision("operator-1", "دمج"))
    assert [before for before, _ in cleared.moved] == [other.delivery]
    assert hub.apply(tomllib.loads(tomli_w.dumps(hub.gateway.registry.export()))) == []
