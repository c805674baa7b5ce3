"""Commands on where letters go: ``wasl route why``, ``route explain``, ``office close``, ``office clear``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from gateway.bootstrap import fallback
from gateway.domain.errors import Temporary
from gateway.store.transit.models import DeliveryRow, Message
from gateway.wire.envelopes import write_envelope_json, write_envelope_xml
from tests.acceptance.test_cli import NOBODY, Shell
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    JWS,
    TEST_OFFICE,
    XML,
    HubUnderTest,
    names,
    receipt_of,
)
from tests.support.systems import Simulator, accept, fresh_hub, route_of_commune, state

PERMIT = "طلب رخصة البناء"
WHY = ("--why", "the offices were merged", "--as", "operator-1")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator([Temporary("WASL-DLV-002", "HTTP 503")] * 9))


@pytest.fixture
def ruled(shell: Shell, hub: HubUnderTest, tmp_path: Path) -> HubUnderTest:
    """A hub whose operator exported the registry, gave the agency rules, and applied it."""
    table: dict[str, Any] = tomllib.loads(shell("export").out)
    offices = {one["id"]: one for one in table["office"]}
    test = {"field": "test", "is": True}
    permits = {"field": "subject", "contains": "رُخصة البناء"}
    offices[COMMUNE_OFFICE]["serves"] = [AGENCY]
    offices[COMMUNE_OFFICE]["route"] = {"kind": "inbox"}
    offices[AGENCY_OFFICE]["rule"] = [
        {"id": "tests", "names": names("tests"), "to": TEST_OFFICE, "when": [test]},
        {"id": "permits", "names": names("permits"), "to": COMMUNE_OFFICE, "when": [permits]},
    ]
    file = tmp_path / "registry.toml"
    file.write_text(tomli_w.dumps(table), "utf-8")
    assert shell("apply", file, "--as", "operator-1").status == 0
    assert shell("apply", file).out == "0 changes\n"
    return hub


def reference(hub: HubUnderTest, **changes: Any) -> str:
    return str(receipt_of(hub.post(hub.signed(hub.envelope(**changes)))).reference)


def test_why_tells_rules_facts_and_what_happened_since(shell: Shell, ruled: HubUnderTest) -> None:
    route_of_commune(ruled, fallback_seconds=60)
    name = reference(ruled, subject=PERMIT)
    ruled.dispatch().run_once()
    ruled.clock.forward(minutes=2)
    fallback(ruled.gateway, "worker-1").run()
    said = shell("route", "why", name)
    assert said.status == 0
    for words in (
        f"{AGENCY_OFFICE} asked its rule tests: no, test is false",
        f"{AGENCY_OFFICE} asked its rule permits: yes, subject is as asked (its words are not kept)",
        f"{AGENCY_OFFICE} leads it to {COMMUNE_OFFICE}",
        f"{COMMUNE_OFFICE} keeps it",
        "waits for another attempt",
        "laid ready for its readers, by worker-1: ",
        "WASL-DLV-028",
    ):
        assert words in said.out, said.out
    assert PERMIT not in said.out


def test_why_is_told_to_programs_and_of_one_delivery(shell: Shell, ruled: HubUnderTest) -> None:
    name = reference(ruled, subject=PERMIT)
    [one] = json.loads(shell("route", "why", name, "--json").out)
    assert (one["office"], one["addressed"]) == (COMMUNE_OFFICE, AGENCY_OFFICE)
    assert [hop["office"] for hop in one["decision"]["hops"]] == [AGENCY_OFFICE, COMMUNE_OFFICE]
    for chosen in (
        ("--office", AGENCY_OFFICE),
        ("--office", COMMUNE_OFFICE),
        ("--delivery", one["delivery"]),
    ):
        assert json.loads(shell("route", "why", name, *chosen, "--json").out) == [one]
    for other in (("--office", TEST_OFFICE), ("--delivery", NOBODY)):
        assert shell("route", "why", name, *other).status == 1
    assert shell("route", "why", "0000-0000-000").status == 1


def test_why_of_a_letter_that_no_rule_concerned(shell: Shell, hub: HubUnderTest) -> None:
    said = shell("route", "why", reference(hub))
    assert "no rule and no closure had anything to decide" in said.out


@pytest.mark.parametrize("form", ["xml", "json", "signed-xml", "signed-json"])
def test_explain_asks_the_same_code_about_a_letter_that_was_not_sent(
    shell: Shell, ruled: HubUnderTest, tmp_path: Path, form: str
) -> None:
    envelope = ruled.envelope(subject=PERMIT)
    file = tmp_path / "letter"
    file.write_bytes(
        {
            "xml": lambda: write_envelope_xml(envelope),
            "json": lambda: write_envelope_json(envelope),
            "signed-xml": lambda: ruled.signed(envelope, XML).root,
            "signed-json": lambda: ruled.signed(envelope, JWS).root,
        }[form]()
    )
    before = ruled.kept()
    said = shell("route", "explain", file)
    assert said.status == 0, said.err
    assert f"recipient 1  {COMMUNE_OFFICE}" in said.out
    assert "its sender is told: By a rule of the office addressed" in said.out
    [told] = json.loads(shell("route", "explain", file, "--json").out)
    assert (told["office"], told["addressed"]) == (COMMUNE_OFFICE, AGENCY_OFFICE)
    assert ruled.kept() == before


def test_what_is_no_envelope_is_told(shell: Shell, hub: HubUnderTest, tmp_path: Path) -> None:
    file = tmp_path / "letter"
    for content in (b"<a/>", b"{}", b'{"signature": 1}', b"[" * 100_000, b"\xff\x00", b""):
        file.write_bytes(content)
        said = shell("route", "explain", file)
        assert (said.status, bool(said.err)) == (1 if content else 2, True), content[:20]


def test_explain_tells_who_cannot_be_reached_and_asks_another_moment(
    shell: Shell, hub: HubUnderTest, tmp_path: Path
) -> None:
    file = tmp_path / "letter.json"
    file.write_bytes(write_envelope_json(hub.envelope()))
    closed = shell("office", "close", AGENCY_OFFICE, "--from", "2099-01-01", "--as", "operator-1")
    assert closed.out == f"changed office {AGENCY_OFFICE}\n"
    assert shell("route", "explain", file).status == 0
    said = shell("route", "explain", file, "--at", "2099-01-01T00:00+01:00")
    assert (said.status, "WASL-RTE-010 at /recipients/0" in said.err) == (1, True)
    assert shell("office", "reopen", AGENCY_OFFICE).status == 0
    assert shell("route", "explain", file, "--at", "2099-01-01T00:00+01:00").status == 0


def test_an_office_is_closed_and_what_waits_there_is_passed_on(shell: Shell, hub: HubUnderTest) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE)
    assert "closed offices" not in shell("doctor").out
    assert shell("office", "clear", AGENCY_OFFICE, *WHY).status == 2
    said = shell("office", "close", AGENCY_OFFICE, "--successor", TEST_OFFICE, "--as", "operator-1")
    assert f"waiting there: 1; once it is closed: wasl office clear {AGENCY_OFFICE}" in said.out
    assert "nothing to change" in shell("office", "close", AGENCY_OFFICE, "--successor", TEST_OFFICE).out
    rows = {one["id"]: one for one in json.loads(shell("office", "--json").out)}
    assert rows[AGENCY_OFFICE]["state"] == "closed"
    assert rows[AGENCY_OFFICE]["successor"] == TEST_OFFICE
    advice = f"has closed, and 1 of its letters still wait: wasl office clear {AGENCY_OFFICE}"
    assert f"closed offices: {AGENCY_OFFICE}: {advice}" in shell("doctor").out
    cleared = json.loads(shell("office", "clear", AGENCY_OFFICE, *WHY, "--json").out)
    [[moved, after]] = cleared["moved"]
    assert (moved, cleared["successor"], cleared["left"]) == (delivery, TEST_OFFICE, [])
    assert state(hub, delivery) == "REDIRECTED"
    with hub.gateway.store.read() as session:
        name = session.get_one(Message, session.get_one(DeliveryRow, after).message).reference
    told = shell("route", "why", name).out
    assert "passed on to another office, by operator-1" in told
    assert f"it succeeds {delivery}" in told
    assert "redirect, decided by operator-1: the offices were merged" in told
    assert shell("office", "clear", AGENCY_OFFICE, *WHY).out == "0 passed on, 0 left\n"
    assert "closed offices: 1, nothing waits in any" in shell("doctor").out


def test_what_cannot_be_closed_or_cleared_changes_nothing(shell: Shell, hub: HubUnderTest) -> None:
    before = shell("export").out
    for arguments, status in (
        (("close", AGENCY_OFFICE, "--refuse"), 2),
        (("close", AGENCY_OFFICE, "--from", "soon"), 2),
        (("close", AGENCY_OFFICE, "--successor", AGENCY_OFFICE), 2),
        (("close", AGENCY_OFFICE, "--successor", COMMUNE_OFFICE), 2),
        (("close", NOBODY), 2),
        (("clear", NOBODY, *WHY), 1),
        (("clear", AGENCY_OFFICE, "--why", " "), 2),
    ):
        assert shell("office", *arguments).status == status, arguments
    assert shell("export").out == before
