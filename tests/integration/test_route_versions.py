"""Versions of a route through a hub: who may make each step, and what the next delivery does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date as Day
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select, update

from gateway.bootstrap import versions as build
from gateway.domain.errors import Conflict, Misconfigured, NotFound, Refused
from gateway.domain.registry.versions import VERSIONED, Stage
from gateway.domain.transit.breaker import BreakerState
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.registry import declared
from gateway.exchange.registry.apply import office_table
from gateway.exchange.transit.letters import Letters
from gateway.store.registry import queries, version_queries
from gateway.store.registry.models import OfficeRow
from gateway.store.registry.version_models import RouteVersion, RouteVersionEvent
from gateway.store.transit import route_queries
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import accept, row, state
from tests.support.versions import (
    TAKEN,
    activated,
    checked,
    created,
    draft,
    history,
    options,
    stages,
    table,
    told,
    town,
)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def hub(tmp_path: Path, listener: Listener) -> HubUnderTest:
    return town(tmp_path, listener)


def deliver(hub: HubUnderTest, **changes: Any) -> str:
    [delivery] = accept(hub, **changes)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HANDED_OVER"
    return delivery


def in_registry(hub: HubUnderTest) -> dict[str, Any]:
    with hub.gateway.store.read() as session:
        return dict(session.get_one(OfficeRow, COMMUNE_OFFICE).route)


def code(error: pytest.ExceptionInfo[Refused]) -> str:
    return error.value.faults[0].code


def test_a_roll_back_restores_the_old_behaviour_in_the_next_delivery(
    shape: Shape, tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener)
    deliver(hub, subject="موضوع الرسالة")
    number = activated(hub, table(listener.url, create=created("/v2/letters", objet="envelope.messageId")))
    deliver(hub, subject="موضوع الرسالة")
    assert build.versions(hub.gateway).rollback(COMMUNE_OFFICE, "operator", number) == number - 1
    deliver(hub, subject="موضوع الرسالة")
    assert [one.path for one in listener.heard if one.body] == ["/letters", "/v2/letters", "/letters"]
    before, between, after = told(listener)
    assert before == after == {"objet": "موضوع الرسالة", "type": "DEM", "texte": before["texte"]}
    assert between["objet"] != before["objet"]
    assert stages(hub) == {1: "RETIRED", number - 1: "ACTIVE", number: "RETIRED"}


def test_every_step_is_on_record_with_who_made_it(hub: HubUnderTest, listener: Listener) -> None:
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}), "  كاتبة  المسودة ", "طلب البلدية")
    assert checked(hub, number).holds
    versions = build.versions(hub.gateway)
    versions.approve(COMMUNE_OFFICE, number, "second")
    versions.activate(COMMUNE_OFFICE, number, "third")
    line = history(hub)[-1]
    assert (line.author, line.note, line.base, line.before) == (
        "كاتبة المسودة", "طلب البلدية", number - 1, number - 1,
    )  # fmt: skip
    assert [(step.now, step.by) for step in line.steps] == [
        ("DRAFT", "كاتبة المسودة"),
        ("TESTED", "tester"),
        ("APPROVED", "second"),
        ("ACTIVE", "third"),
    ]
    with hub.gateway.store.read() as session:
        change = queries.changes(session, 1)[0]
    assert (change.actor, change.subject, change.key) == ("third", "office", COMMUNE_OFFICE)


def test_the_first_version_is_what_stood_in_the_registry(hub: HubUnderTest) -> None:
    first = build.looks(hub.gateway).history(AGENCY_OFFICE)
    assert [(one.number, one.state, one.author) for one in first] == [(1, "ACTIVE", "tests")]
    number = build.versions(hub.gateway).draft(AGENCY_OFFICE, {"route": {"kind": "inbox"}}, "writer")
    assert number == 2
    assert [one.state for one in build.looks(hub.gateway).history(AGENCY_OFFICE)] == ["ACTIVE", "DRAFT"]


def test_what_an_older_process_wrote_becomes_a_version_of_its_own(
    hub: HubUnderTest, listener: Listener
) -> None:
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}))
    with hub.gateway.store.write() as session:
        changed = {**in_registry(hub), "max_bytes": 1000}
        session.execute(update(OfficeRow).where(OfficeRow.id == COMMUNE_OFFICE).values(route=changed))
    assert stages(hub) == {1: "RETIRED", number - 1: "RETIRED", number: "DRAFT", number + 1: "ACTIVE"}
    checked(hub, number)
    assert stages(hub)[number + 1] == "ACTIVE"
    with pytest.raises(Conflict) as error:  # it was written over what is not active any more
        build.versions(hub.gateway).activate(COMMUNE_OFFICE, number, "operator")
    assert error.value.faults[0].found == f"{number + 1}: ACTIVE"
    assert in_registry(hub)["max_bytes"] == 1000


def test_activating_needs_a_test_and_a_draft_over_what_is_active(
    hub: HubUnderTest, listener: Listener
) -> None:
    versions = build.versions(hub.gateway)
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}))
    other = draft(hub, table(listener.url, headers={"X-Hub": "2"}))
    for step in (versions.activate, versions.approve):
        with pytest.raises(Conflict) as error:
            step(COMMUNE_OFFICE, number, "operator")
        assert code(error) == "WASL-DLV-086"
    assert checked(hub, number).holds
    assert checked(hub, other).holds
    versions.activate(COMMUNE_OFFICE, number, "operator")
    with pytest.raises(Conflict):
        versions.activate(COMMUNE_OFFICE, other, "operator")
    with pytest.raises(Conflict):
        versions.activate(COMMUNE_OFFICE, number, "operator")
    versions.discard(COMMUNE_OFFICE, other, "operator", "overtaken")
    for step in (versions.discard, versions.approve, versions.activate):
        with pytest.raises(Conflict):
            step(COMMUNE_OFFICE, other, "operator")
    with pytest.raises(Conflict):
        checked(hub, other)
    assert in_registry(hub)["options"]["headers"] == {"X-Hub": "1"}


def test_a_second_person_approves_where_the_settings_want_it(tmp_path: Path, listener: Listener) -> None:
    hub = town(tmp_path, listener, WASL_ROUTES_SECOND_APPROVAL="true")
    # the way in of the test itself was a draft, too: what was there before goes on
    assert stages(hub) == {1: "ACTIVE", 2: "DRAFT"}
    versions = build.versions(hub.gateway)
    assert checked(hub, 2, "Testeuse").holds
    for name in ("tests", " TESTS ", "testeuse", "ｔｅｓｔｓ"):
        with pytest.raises(Conflict) as error:
            versions.approve(COMMUNE_OFFICE, 2, name)
        assert code(error) == "WASL-DLV-087"
    with pytest.raises(Conflict):
        versions.activate(COMMUNE_OFFICE, 2, "somebody else")
    versions.approve(COMMUNE_OFFICE, 2, "المراجعة")
    assert checked(hub, 2, "المراجعة").holds  # whoever approved may look once more
    versions.activate(COMMUNE_OFFICE, 2, "tests")
    assert stages(hub) == {1: "RETIRED", 2: "ACTIVE"}
    deliver(hub)
    assert len(told(listener)) == 1


def test_an_approval_of_the_same_person_does_not_count_once_a_second_is_needed(
    tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener)
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}), "one")
    checked(hub, number, "one")
    build.versions(hub.gateway).approve(COMMUNE_OFFICE, number, "ONE")
    strict = replace(hub.gateway, registry=replace(hub.gateway.registry, second_approval=True))
    with pytest.raises(Conflict) as error:
        build.versions(strict).activate(COMMUNE_OFFICE, number, "two")
    assert code(error) == "WASL-DLV-087"
    assert stages(hub)[number] == "APPROVED"


def test_a_registry_file_makes_a_version_at_once(hub: HubUnderTest, listener: Listener) -> None:
    [office] = [one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE]
    made = hub.apply({"office": [{**office, "document_types": {"request": "R"}}]}, "declarer")
    assert made == [f"changed office {COMMUNE_OFFICE}", f"version 3 of office {COMMUNE_OFFICE} is active"]
    assert stages(hub) == {1: "RETIRED", 2: "RETIRED", 3: "ACTIVE"}
    assert hub.apply({"office": [{**office, "document_types": {"request": "R"}}]}, "declarer") == []
    assert hub.apply({"office": [{**office, "document_types": {"request": "R"}, "readers": []}]}) == [
        f"changed office {COMMUNE_OFFICE}"
    ]
    assert len(history(hub)) == 3


def test_a_registry_file_makes_a_draft_where_a_second_person_is_needed(
    tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener, WASL_ROUTES_SECOND_APPROVAL="true")
    before = in_registry(hub)
    [office] = [one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE]
    changed = {**office, "names": {**office["names"], "en": "renamed"}, "route": {"kind": "inbox"}}
    made = hub.apply({"office": [changed]}, "declarer")
    assert made[0] == f"changed office {COMMUNE_OFFICE}"  # its name is no part of its route
    assert "version 3" in made[1]
    assert "draft" in made[1]
    again = hub.apply({"office": [changed]}, "declarer")
    assert [("version 3" in line, "waits" in line) for line in again] == [(True, True)]
    assert in_registry(hub) == before
    assert len(history(hub)) == 3


def test_pausing_is_no_version_and_stays_over_one(hub: HubUnderTest, listener: Listener) -> None:
    hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator")
    assert len(history(hub)) == 2
    number = activated(hub, table(listener.url, headers={"X-Hub": "1"}))
    assert in_registry(hub)["paused"] is True
    [delivery] = accept(hub)
    assert hub.dispatch().run_once(100) == 0
    build.versions(hub.gateway).rollback(COMMUNE_OFFICE, "operator", number)
    hub.gateway.registry.pause(COMMUNE_OFFICE, False, "operator")
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HANDED_OVER"
    assert "paused" not in history(hub)[0].steps
    for version in (1, 2, number):
        assert "paused" not in build.looks(hub.gateway).content(COMMUNE_OFFICE, version).values["route"]


def test_a_delivery_under_way_ends_as_it_began(
    hub: HubUnderTest, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = draft(hub, table(listener.url, create=created("/v2/letters")))
    assert checked(hub, number).holds
    [first], dispatch = accept(hub), hub.dispatch()
    assert dispatch.claims.claim(1) == [first]
    real = Letters.letter

    def activated_meanwhile(letters: Letters, *arguments: Any) -> Any:
        monkeypatch.undo()
        build.versions(hub.gateway).activate(COMMUNE_OFFICE, number, "operator")
        return real(letters, *arguments)

    monkeypatch.setattr(Letters, "letter", activated_meanwhile)
    dispatch.work(first)
    assert state(hub, first) == "HANDED_OVER"
    deliver(hub)
    assert [one.path for one in listener.heard] == ["/letters", "/v2/letters"]


def test_of_two_operators_at_once_one_is_told_that_the_other_was_quicker(
    shape: Shape, tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener)
    number = activated(hub, table(listener.url, headers={"X-Hub": "1"}))
    versions, go = build.versions(hub.gateway), Event()

    def back(name: str) -> str:
        go.wait(10)
        try:
            return f"to {versions.rollback(COMMUNE_OFFICE, name, number)}"
        except Conflict as error:
            return error.faults[0].code

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(back, f"operator-{one}") for one in range(4)]
        go.set()
        ends = sorted(one.result() for one in running)
    assert ends == ["WASL-DLV-086"] * 3 + [f"to {number - 1}"]
    assert stages(hub) == {1: "RETIRED", number - 1: "ACTIVE", number: "RETIRED"}


def test_one_version_is_active_however_many_are_activated_at_once(
    shape: Shape, tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener)
    numbers = [draft(hub, table(listener.url, headers={"X-Hub": str(one)})) for one in range(4)]
    assert all(checked(hub, number).holds for number in numbers)
    versions = build.versions(hub.gateway)

    def activate(number: int) -> bool:
        try:
            versions.activate(COMMUNE_OFFICE, number, "operator")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = [number for number, did in zip(numbers, pool.map(activate, numbers), strict=True) if did]
    assert len(won) == 1
    assert [number for number, stage in stages(hub).items() if stage == "ACTIVE"] == won
    assert in_registry(hub)["options"]["headers"] == {"X-Hub": str(numbers.index(won[0]))}


def test_a_roll_back_walks_the_way_that_was_come(hub: HubUnderTest, listener: Listener) -> None:
    versions = build.versions(hub.gateway)
    third = activated(hub, table(listener.url, headers={"X-Hub": "3"}))
    fourth = activated(hub, table(listener.url, headers={"X-Hub": "4"}))
    assert versions.rollback(COMMUNE_OFFICE, "operator", fourth) == third
    assert versions.rollback(COMMUNE_OFFICE, "operator", third) == 2
    assert versions.rollback(COMMUNE_OFFICE, "operator", 2) == 1
    with pytest.raises(Conflict):
        versions.rollback(COMMUNE_OFFICE, "operator", 1)
    versions.activate(COMMUNE_OFFICE, fourth, "operator")  # it was active before: nobody tests it anew
    assert versions.rollback(COMMUNE_OFFICE, "operator", fourth) == 1


def test_what_is_not_taken_any_more_does_not_become_active_again(
    hub: HubUnderTest, listener: Listener
) -> None:
    number = activated(hub, table(listener.url, headers={"X-Hub": "1"}))
    with hub.gateway.store.write() as session:
        known = session.get_one(RouteVersion, (COMMUNE_OFFICE, number - 1))
        known.content = {**known.content, "route": {**known.content["route"], "adapter": "gone"}}
    with pytest.raises(Misconfigured, match=r"route\.adapter: one of"):
        build.versions(hub.gateway).rollback(COMMUNE_OFFICE, "operator", number)
    assert stages(hub)[number] == "ACTIVE"


def test_a_hundred_versions_are_kept_and_listed(hub: HubUnderTest, listener: Listener) -> None:
    for number in range(100):
        draft(hub, table(listener.url, headers={"X-Hub": str(number)}))
    found = history(hub)
    assert [one.number for one in found] == list(range(1, 103))
    assert {one.state for one in found[2:]} == {"DRAFT"}
    differences = build.looks(hub.gateway).diff(COMMUNE_OFFICE, 3, 102, frozenset())
    assert [(one.path, one.was, one.now) for one in differences] == [
        ("route.options.headers.X-Hub", "0", "99")
    ]


NAMELESS = ("", "   ", "a\nb", "a\x1b[2Jb", "x\u202ey", "n" * 121, "\0", "a\u200bb")


def test_a_name_that_cannot_be_read_makes_no_step(hub: HubUnderTest, listener: Listener) -> None:
    versions = build.versions(hub.gateway)
    before, other = stages(hub), table(listener.url, headers={"X-Hub": "1"})
    for name in NAMELESS:
        for step in (
            lambda name=name: versions.draft(COMMUNE_OFFICE, other, name),
            lambda name=name: versions.approve(COMMUNE_OFFICE, 2, name),
            lambda name=name: versions.activate(COMMUNE_OFFICE, 1, name),
            lambda name=name: versions.rollback(COMMUNE_OFFICE, name, 2),
            lambda name=name: versions.discard(COMMUNE_OFFICE, 2, name),
            lambda name=name: checked(hub, 2, name),
        ):
            with pytest.raises(Misconfigured, match="characters that can be seen"):
                step()
    assert stages(hub) == before


def test_what_does_not_exist_is_not_found(hub: HubUnderTest) -> None:
    versions, looks = build.versions(hub.gateway), build.looks(hub.gateway)
    for attempt in (
        lambda: versions.draft("B0000999-I", {"route": {"kind": "inbox"}}, "x"),
        lambda: versions.approve(COMMUNE_OFFICE, 99, "x"),
        lambda: versions.activate(COMMUNE_OFFICE, 99, "x"),
        lambda: versions.discard("B0000999-I", 1, "x"),
        lambda: versions.rollback("B0000999-I", "x", 1),
        lambda: looks.history("B0000999-I"),
        lambda: looks.content(COMMUNE_OFFICE, 99),
        lambda: looks.active("\0"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_all_that_is_wrong_with_a_draft_is_told_together(hub: HubUnderTest, listener: Listener) -> None:
    wrong = {
        "route": {
            "kind": "adapter",
            "adapter": "rest",
            "paused": True,
            "concurrency": 0,
            "options": options(listener.url, create={"path": "/x", "body": {"a": "nonsense("}}, strange=1),
        },
        "document_types": {"request": 3},
        "readers": [],
    }
    with pytest.raises(Misconfigured) as error:
        draft(hub, wrong)
    said = "\n".join(error.value.faults)
    for part in (
        "readers: no part of a version",
        "route.paused: no part of a version",
        "route.concurrency: a number of letters",
        "document_types: a table of codes",
        "create.body.a: 'nonsense('",
        "strange: is no option known here",
    ):
        assert part in said, said
    assert "office[0]" not in said


def test_what_no_table_keeps_is_refused(hub: HubUnderTest, listener: Listener) -> None:
    for value, fault in (
        (float("nan"), "no number that can be kept"),
        (2**70, "no number that can be kept"),
        ("a\0b", "has a NUL"),
        (Day(2026, 1, 1), "a date or a time; write it as a text"),
    ):
        with pytest.raises(Misconfigured) as error:
            draft(hub, table(listener.url, headers={"X": value}))
        said = error.value.faults
        assert any(one.startswith(f"route.options.headers.X: {fault}") for one in said), said


def test_tables_too_deep_are_refused(hub: HubUnderTest, listener: Listener) -> None:
    deep: Any = "subject"
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(Misconfigured, match="deep"):
        draft(hub, table(listener.url, create={"path": "/x", "body": deep}))


def test_the_same_again_is_no_draft(hub: HubUnderTest, listener: Listener) -> None:
    with pytest.raises(Conflict):
        draft(hub, table(listener.url))
    with pytest.raises(Conflict):
        draft(hub, {**table(listener.url)["route"]})  # a route alone


def test_a_test_that_does_not_hold_any_more_makes_a_draft_again(
    hub: HubUnderTest, listener: Listener
) -> None:
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}))
    assert checked(hub, number).state is Stage.TESTED
    build.versions(hub.gateway).approve(COMMUNE_OFFICE, number, "second")
    (hub.home / "secrets" / "commune-key").unlink()
    found = checked(hub, number)
    assert found.state is Stage.DRAFT
    assert {check.name: check.held for check in found.checks}["secrets"] is False
    assert "missing: commune-key" in " ".join(check.said for check in found.checks)
    with pytest.raises(Conflict):
        build.versions(hub.gateway).activate(COMMUNE_OFFICE, number, "operator")


def test_a_target_that_does_not_answer_fails_the_test(hub: HubUnderTest) -> None:
    number = draft(hub, table("http://127.0.0.1:1"))
    found = checked(hub, number)
    assert not found.holds
    assert [check.held for check in found.checks if check.name == "target"] == [False]
    assert stages(hub)[number] == "DRAFT"


def test_nothing_half_done_is_kept(
    hub: HubUnderTest, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = draft(hub, table(listener.url, headers={"X-Hub": "1"}))
    assert checked(hub, number).holds
    before = in_registry(hub)

    def broken(*_: Any) -> list[str]:
        raise RuntimeError("no room")

    versions = build.versions(hub.gateway)
    monkeypatch.setattr(type(versions.registry), "put_office", broken)
    with pytest.raises(RuntimeError):
        versions.activate(COMMUNE_OFFICE, number, "operator")
    monkeypatch.undo()
    assert stages(hub)[number] == "TESTED"
    assert in_registry(hub) == before
    with hub.gateway.store.read() as session:
        count = session.scalar(select(func.count()).select_from(RouteVersionEvent))
    assert count == sum(len(one.steps) for one in history(hub))


def test_intake_sees_what_became_active(hub: HubUnderTest, listener: Listener) -> None:
    [first] = accept(hub)
    content = table(listener.url)
    content["route"]["max_bytes"] = 1
    activated(hub, content)
    big = hub.home / "plan.txt"
    big.write_text("DEMONSTRATION plan")
    letter = hub.signed(hub.envelope(recipients=(hub.envelope().recipients[0],)), files=(big,))
    assert hub.post(letter).status_code == 201  # the agency's route has no limit
    letter = hub.signed(hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE),)), files=(big,))
    assert hub.post(letter).status_code == 422
    assert row(hub, first).state == "QUEUED"


NOT_VERSIONED = {
    "id", "party", "names", "active", "default", "readers", "reader_addresses", "encryption_certificate",
    "tables", "rule", "serves", "closes_at", "successor", "closed_mail",
}  # fmt: skip
"""What an office has that says nothing of how its mail reaches its system, or changes day by day beside that:
code tables, which `wasl route map` fills, and where rules and closures lead letters."""


def test_every_key_of_an_office_is_part_of_a_version_or_is_not_on_purpose(hub: HubUnderTest) -> None:
    assert NOT_VERSIONED | set(VERSIONED) == declared._OFFICE_KEYS
    with hub.gateway.store.read() as session:
        shown = office_table(session.get_one(OfficeRow, COMMUNE_OFFICE))
    assert set(VERSIONED) <= set(shown)
    columns = {column.key for column in OfficeRow.__table__.columns}
    assert columns - {"rules"} == declared._OFFICE_KEYS - {"rule"}


@pytest.mark.parametrize("way", ["activate", "rollback", "apply"])
def test_letters_that_wait_for_a_failing_route_go_at_once_by_the_one_that_replaces_it(
    hub: HubUnderTest, listener: Listener, way: str
) -> None:
    versions = build.versions(hub.gateway)
    third = activated(hub, table(listener.url, headers={"X-Hub": "3"}))
    listener.usual = Reply(503)
    waiting = [accept(hub)[0] for _ in range(7)]
    hub.dispatch().run_once(100)
    with hub.gateway.store.read() as session:
        assert route_queries.breaker(session, COMMUNE_OFFICE).state is BreakerState.OPEN
    listener.usual = TAKEN
    hub.dispatch().run_once(100)
    assert "HANDED_OVER" not in {state(hub, one) for one in waiting}
    if way == "rollback":
        versions.rollback(COMMUNE_OFFICE, "operator", third)
    elif way == "apply":
        [office] = [one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE]
        made = hub.apply({"office": [{**office, **table(listener.url)}]}, "operator")
        assert made[-1] == f"office {COMMUNE_OFFICE} begins anew: 5 waiting letters due at once"
    else:
        activated(hub, table(listener.url, headers={"X-Hub": "4"}))
    hub.dispatch().run_once(100)
    assert {state(hub, one) for one in waiting} == {"HANDED_OVER"}
    with hub.gateway.store.read() as session:
        whys = [one.why for one in version_queries.events(session, COMMUNE_OFFICE) if one.by == "operator"]
    assert any("breaker was OPEN after 5 failures; 5 waiting letters due at once" in one for one in whys[-2:])


def test_a_version_that_calls_as_before_forgets_nothing_of_the_route(
    hub: HubUnderTest, listener: Listener
) -> None:
    listener.usual = Reply(503)
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    due = row(hub, delivery).due_at
    activated(hub, {**table(listener.url), "document_types": {"request": "AUTRE"}})
    assert row(hub, delivery).due_at == due
    with hub.gateway.store.read() as session:
        assert route_queries.breaker(session, COMMUNE_OFFICE).failures == 1
