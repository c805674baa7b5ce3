"""The registry: declared in files, applied once, every change recorded, given out again as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from gateway.assets import config_dir
from gateway.bootstrap.telling import telling_checks
from gateway.domain.errors import Misconfigured
from gateway.domain.identifiers import directory_id
from gateway.exchange.registry.declared import Declared, read_declared
from gateway.store.registry import queries
from gateway.store.registry.models import Change
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    MINISTRY,
    HubUnderTest,
    make_hub,
    names,
    party_table,
    registry_table,
)

LANGUAGES = ("ar", "fr", "en")
NEW_OFFICE = directory_id("B", 40)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def read(table: dict[str, Any], folder: Path | None = None) -> Declared:
    checks = {"any": lambda options: [f"{key}: unknown" for key in sorted(options)]}
    return read_declared(table, folder or Path(), LANGUAGES, checks)


def faults(table: dict[str, Any], folder: Path | None = None) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        read(table, folder)
    return list(caught.value.faults)


def changes(hub: HubUnderTest) -> list[Change]:
    with hub.gateway.store.read() as session:
        return queries.changes(session, 10_000)


def office(**changes: Any) -> dict[str, Any]:
    return {
        "id": NEW_OFFICE,
        "party": MINISTRY,
        "names": names("a new office"),
        "readers": ["order-office-1", "order-office-2"],
        "route": {"kind": "office"},
        **changes,
    }


def test_applying_the_same_twice_changes_nothing(hub: HubUnderTest) -> None:
    table = registry_table(hub.pki)
    hub.apply(table)
    before = changes(hub)
    assert hub.apply(table, "somebody else") == []
    assert len(changes(hub)) == len(before)


def test_export_applied_again_changes_nothing(hub: HubUnderTest) -> None:
    hub.apply({"office": [office(route={"kind": "office", "retry": {"first": 5.5}, "accepts_test": True})]})
    hub.register("office", MINISTRY, exact=False)
    hub.register("expired", COMMUNE, active=False)
    file = tomli_w.dumps(hub.gateway.registry.export())
    assert hub.apply(tomllib.loads(file)) == []


def test_export_of_one_hub_makes_another_the_same(
    hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exported = hub.gateway.registry.export()
    other = make_hub(tmp_path_factory.mktemp("other"))
    other.apply({"party": exported["party"], "office": exported["office"]})
    offices = other.gateway.registry.export()["office"]
    assert offices == exported["office"]
    assert other.apply(exported) == []


def test_every_change_is_recorded_with_who_made_it_and_what_was_before(hub: HubUnderTest) -> None:
    hub.apply({"office": [office()]}, "operator-1")
    made = hub.apply({"office": [office(names=names("renamed"))]}, "operator-2")
    last = changes(hub)[0]
    assert made == [f"changed office {NEW_OFFICE}"]
    assert (last.actor, last.subject, last.key) == ("operator-2", "office", NEW_OFFICE)
    assert (last.before or {})["names"] == names("a new office")
    assert (last.after or {})["names"] == names("renamed")
    assert last.at == hub.clock()


def test_addition_is_recorded_without_a_before(tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = make_hub(tmp_path_factory.mktemp("fresh"))
    recorded = changes(hub)
    assert {change.actor for change in recorded} == {"tests"}
    assert all(change.before is None for change in recorded)
    assert {change.subject for change in recorded} == {"party", "office", "certificate"}


def test_what_is_not_declared_stays(hub: HubUnderTest) -> None:
    before = hub.gateway.registry.export()
    hub.apply({"office": [office(active=False)]})
    after = hub.gateway.registry.export()
    assert after["party"] == before["party"]
    assert len(after["office"]) >= len(before["office"])


def test_office_of_an_unknown_party_refuses_the_whole_file(hub: HubUnderTest) -> None:
    stranger = directory_id("A", 99)
    table = {
        "party": [{**party_table(hub.pki, MINISTRY), "names": names("not to be kept")}],
        "office": [
            office(party=stranger),
            office(id=directory_id("B", 41), party=stranger),
        ],
    }
    before = hub.gateway.registry.export()
    with pytest.raises(Misconfigured) as caught:
        hub.apply(table)
    assert len(caught.value.faults) == 2
    assert hub.gateway.registry.export() == before


def test_change_counts_from_the_next_letter_on_in_every_process(hub: HubUnderTest) -> None:
    other = hub.second()
    assert other.post(hub.signed()).status_code == 201  # the other process knows the registry now
    table = {entry["id"]: entry for entry in registry_table(hub.pki)["office"]}[AGENCY_OFFICE]
    hub.apply({"office": [{**table, "active": False}]})
    try:
        assert other.post(hub.signed()).status_code == 422
    finally:
        hub.apply({"office": [table]})
    assert other.post(hub.signed()).status_code == 201


def test_demonstrations_registry_can_be_read(hub: HubUnderTest, tmp_path: Path) -> None:
    table = tomllib.loads((config_dir() / "demo" / "registry.toml").read_text("utf-8"))
    for party in table["party"]:
        party["certificate"] = []
    checks = {name: adapter.check_options for name, adapter in hub.gateway.adapters.items()}
    declared = read_declared(table, tmp_path, LANGUAGES, checks, telling_checks(hub.gateway.adapters))
    assert [bool(party["receipts"]) for party in declared.parties] == [True, True, False, False]


def test_every_fault_of_a_file_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    table = {
        "partys": [],
        "party": [
            {"id": "A1", "kind": "kingdom", "names": {"en": "x"}, "colour": "red"},
            {
                "id": MINISTRY,
                "kind": "platform",
                "names": names("x"),
                "active": "yes",
                "may_represent": 1,
                "aliases": "ice:1",
                "certificate": [{"file": "no.pem"}, {"file": "absent.pem"}, {}, {"pem": 5, "old": True}],
            },
        ],
        "office": [
            {"id": MINISTRY, "names": "x", "route": "inbox"},
            office(readers=["one"]),
            office(id=directory_id("B", 42), route={"kind": "pigeon"}),
            office(id=directory_id("B", 43), route={"kind": "adapter", "adapter": "telex"}),
            office(
                id=directory_id("B", 44),
                document_types={"request": 5},
                route={
                    "kind": "adapter",
                    "adapter": "any",
                    "options": {"shoe": 1},
                    "retry": {"first": -1, "pace": 2, "cap": True},
                    "max_bytes": "10 MB",
                    "accepts_test": "no",
                },
            ),
        ],
    }
    found = faults(table, tmp_path)
    expected = [
        "partys: unknown table",
        "party[0].colour: unknown key",
        "party[0].id:",
        "party[0].kind:",
        "party[0].names: missing in ar, fr",
        "party[1].active: true or false",
        "party[1].may_represent: true or false",
        "party[1].aliases: a list of texts",
        "party[1].certificate[0]:",
        "party[1].certificate[1]:",
        "party[1].certificate[2]: file or pem",
        "party[1].certificate[3]: old: unknown key",
        "office[0].party:",
        "office[0].names: a table",
        "office[0].route: a table",
        "office[1].readers: an office served by the hub names two readers",
        "office[2].route.kind:",
        "office[3].route.adapter: one of any",
        "office[4].document_types: a table of codes",
        "office[4].route.options: shoe: unknown",
        "office[4].route.retry.first: a number",
        "office[4].route.retry.cap: a number",
        "office[4].route.retry.pace: unknown key",
        "office[4].route.max_bytes:",
        "office[4].route.accepts_test: true or false",
    ]
    assert [start for start in expected if not any(fault.startswith(start) for fault in found)] == []


@pytest.mark.parametrize("key", ["party", "office"])
@pytest.mark.parametrize("value", ["x", {"id": "x"}, ["x"], 5])
def test_what_is_no_list_of_tables_is_told(key: str, value: Any) -> None:
    assert faults({key: value}) == [f"{key}: tables, each under [[{key}]]"]


def test_one_thing_declared_twice_is_told(hub: HubUnderTest) -> None:
    ministry = party_table(hub.pki, MINISTRY)
    thief = {**party_table(hub.pki, COMMUNE), "certificate": ministry["certificate"]}
    found = faults({"party": [ministry, ministry, thief], "office": [office(), office()]})
    assert f"party {MINISTRY}: declared twice" in found
    assert f"office {NEW_OFFICE}: declared twice" in found
    assert sum(fault.startswith("certificate ") for fault in found) == 1


@pytest.mark.parametrize("name", ["", "x" * 501, "two\nlines", "nul\0", 5])
def test_name_that_no_receipt_could_state_is_refused(name: Any) -> None:
    found = faults({"office": [office(names={**names("x"), "fr": name})]})
    assert all(fault.startswith("office[0].names") for fault in found)


def test_arabic_names_with_joiners_are_taken() -> None:
    assert read({"office": [office(names={**names("x"), "ar": "وزارة\u200cالتجهيز"})]}).offices


def test_check_character_of_identifiers_is_checked() -> None:
    wrong = NEW_OFFICE[:-1] + ("A" if NEW_OFFICE[-1] != "A" else "B")
    assert faults({"office": [office(id=wrong)]}) == [
        "office[0].id: a directory identifier such as A0001234-F"
    ]


def test_what_no_table_keeps_is_told_with_its_place() -> None:
    deep = tomllib.loads("[" + ".".join("a" * 2000) + "]\nx = 1")
    for value, said in (
        (float("nan"), "no number that can be kept"),
        (tomllib.loads("x = 2026-01-01")["x"], "a date or a time; write it as a text"),
        ("a\0b", "has a NUL character"),
        (deep, "deeper than 60 tables"),
    ):
        route = {"kind": "adapter", "adapter": "any", "options": {"strange": value}}
        [fault] = faults({"office": [office(route=route)]})
        assert fault.startswith("office[0].route.options.strange")
        assert fault.endswith(said)
