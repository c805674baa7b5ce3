"""A letter that does not fit a route waits for a person, others go; values without an entry are listed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway.bootstrap.evidence import purge
from gateway.cli import wasl
from gateway.cli.route_codes import _held
from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.exchange.transit import unmapped
from gateway.exchange.transit.unmapped import let_go
from gateway.store.registry import queries
from gateway.store.registry.models import Change, OfficeRow
from gateway.store.transit import route_queries, unmapped_queries
from gateway.store.transit.models import Attempt, Message
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest, registry_table
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, attempts, fresh_hub, receipts, row, state

FOLDER = Path(__file__).parents[2] / "examples/systems/courrier_soap"
TYPES = {"request": "DEM"}
NUMBERED = Reply(body=b'{"numero": "7"}')
REGISTERED = Reply(
    body=(
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r><NumeroOrdre>2026/7</NumeroOrdre>'
        b"<Accuse><Code>RECU</Code></Accuse></r></e:Body></e:Envelope>"
    ),
    media_type="text/xml",
)


@pytest.fixture(scope="module")
def target() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def hub(tmp_path: Path, target: Listener, monkeypatch: pytest.MonkeyPatch) -> HubUnderTest:
    target.heard.clear()
    target.usual = NUMBERED
    hub = fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1")
    monkeypatch.setenv("WASL_HOME", str(tmp_path))
    return hub


def rest(target: Listener, **body: str) -> dict[str, Any]:
    return {
        "kind": "adapter",
        "adapter": "rest",
        "options": {
            "base_url": target.url,
            "create": {"path": "/lettres", "body": body, "reads": {"register_number": "numero"}},
        },
    }


def soap(target: Listener, subject: str) -> dict[str, Any]:
    options = tomllib.loads((FOLDER / "route.toml").read_text("utf-8"))
    options.pop("find", None)
    address = f"{target.url}/courrier"
    options |= {
        "wsdl": (FOLDER / "courrier.wsdl").read_text("utf-8").replace("{adresse}", address),
        "endpoint": address,
        "auth": {"kind": "none"},
    }
    options.pop("wsdl_url")
    options["request"] = _with_subject(options["request"], subject)
    return {"kind": "adapter", "adapter": "soap", "options": options}


def _with_subject(tree: Any, subject: str) -> Any:
    if isinstance(tree, dict):
        return {name: _with_subject(part, subject) for name, part in tree.items()}
    return subject if isinstance(tree, str) and "envelope.subject" in tree else tree


def declare(hub: HubUnderTest, route: dict[str, Any], tables: dict[str, Any] | None = None) -> list[str]:
    """Give the commune's office a route and code tables."""
    table = registry_table(hub.pki, {COMMUNE_OFFICE: route})
    offices = [one for one in table["office"] if one["id"] == COMMUNE_OFFICE]
    more = {} if tables is None else {"tables": tables}
    return hub.apply({"office": [{**office, **more} for office in offices]})


def work(hub: HubUnderTest) -> None:
    hub.dispatch().run_once()


def failures(hub: HubUnderTest) -> int:
    with hub.gateway.store.read() as session:
        return route_queries.breaker(session, COMMUNE_OFFICE).failures


def listed(hub: HubUnderTest) -> list[tuple[str, str, int]]:
    with hub.gateway.store.read() as session:
        return [(one.table, one.value, one.count) for one in unmapped_queries.values(session, COMMUNE_OFFICE)]


def command(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(wasl, words, catch_exceptions=True)
    assert done.exit_code == status, done.output + repr(done.exception)
    return done.output


# A mapping that fails on one letter ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_one_letter_that_does_not_fit_is_held_and_the_next_goes(
    hub: HubUnderTest, target: Listener, kind: str
) -> None:
    fails = "to_string(abs(to_number(envelope.subject) || envelope.subject))"
    if kind == "soap":
        target.usual = REGISTERED
    declare(hub, rest(target, titre=fails) if kind == "rest" else soap(target, fails))
    [odd] = accept(hub, COMMUNE_OFFICE, subject="رسالة بلا رقم")
    [fits] = accept(hub, COMMUNE_OFFICE, subject="12")
    work(hub)
    assert (state(hub, odd), state(hub, fits)) == ("HELD", "HANDED_OVER")
    [attempt] = attempts(hub, odd)
    assert (attempt.code, row(hub, odd).held_code) == ("WASL-DLV-074", "WASL-DLV-074")
    assert fails in attempt.detail
    assert attempt.detail.startswith(("create.body.titre: ", "request."))
    assert "abs() found string, takes number" in attempt.detail
    assert "رسالة" not in attempt.detail  # the letter's words are no operator's business
    assert not row(hub, odd).doubt
    assert failures(hub) == 0
    assert len(target.heard) == 1


def test_letters_that_do_not_fit_never_open_the_breaker(hub: HubUnderTest, target: Listener) -> None:
    declare(hub, rest(target, titre="abs(envelope.subject)"))
    held = [accept(hub, COMMUNE_OFFICE)[0] for _ in range(8)]
    work(hub)
    assert {state(hub, one) for one in held} == {"HELD"}
    assert failures(hub) == 0
    declare(hub, rest(target, titre="envelope.subject"))
    command("delivery", "requeue", held[0], "--why", "mapping corrected")
    hub.clock.forward(minutes=5)  # the command has a clock of its own
    work(hub)
    assert state(hub, held[0]) == "HANDED_OVER"


def test_what_a_look_up_does_not_find_holds_the_letter_and_not_the_route(
    hub: HubUnderTest, target: Listener
) -> None:
    route = rest(target, titre="envelope.subject")
    route["options"]["before"] = [
        {
            "name": "folder",
            "path": "/find",
            "body": {"q": "envelope.subject"},
            "reads": {"folder": "id"},
            "required": True,
        }
    ]
    route["options"]["create"]["path"] = "/{folder}/lettres"
    declare(hub, route)
    target.script[:] = [Reply(body=b"{}"), Reply(404), Reply(body=b'{"id": 3}'), NUMBERED]
    held = [accept(hub, COMMUNE_OFFICE)[0] for _ in range(2)]
    [found] = accept(hub, COMMUNE_OFFICE)
    work(hub)
    assert [state(hub, one) for one in (*held, found)] == ["HELD", "HELD", "HANDED_OVER"]
    assert {row(hub, one).held_code for one in held} == {"WASL-DLV-077"}
    assert failures(hub) == 0
    assert target.heard[-1].path == "/3/lettres"


def test_the_recipients_refusal_is_the_outcome_with_its_own_words(
    hub: HubUnderTest, target: Listener
) -> None:
    route = rest(target, titre="envelope.subject")
    ground = {"ground": "WASL-DLV-039", "words": "motif"}
    route["options"]["rules"] = [{"status": 422, "when": "motif", "outcome": "declined", **ground}]
    declare(hub, route)
    target.script[:] = [Reply(422, '{"motif": "خارج الاختصاص"}'.encode())]
    [refused] = accept(hub, COMMUNE_OFFICE)
    work(hub)
    assert state(hub, refused) == "REFUSED"
    [receipt] = receipts(hub, refused)
    assert [reason.code for reason in receipt.reasons] == ["WASL-DLV-039"]
    assert "خارج الاختصاص" in str(receipt.reasons)


# Code tables of an office --------------------------------------------------------------------------


def test_the_tables_of_an_office_serve_its_route_whose_own_entries_win(
    hub: HubUnderTest, target: Listener
) -> None:
    route = rest(target, a="code(envelope.documentType, 'types')", b="code('x', 'types')")
    route["options"]["tables"] = {"types": {"x": "of the route"}}
    declare(hub, route, {"types": {**TYPES, "x": "of the office"}})
    accept(hub, COMMUNE_OFFICE, document_type="request")
    work(hub)
    assert json.loads(target.heard[0].body) == {"a": "DEM", "b": "of the route"}


def test_an_expression_may_name_a_table_that_only_the_office_has_and_no_other(
    hub: HubUnderTest, target: Listener
) -> None:
    route = rest(target, a="code(envelope.documentType, 'types')")
    declare(hub, route, {"types": TYPES})
    with pytest.raises(Misconfigured, match="unknown code table 'types'"):
        declare(hub, route)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"types": {"a": 1}}, "types: a table of codes"),
        ({"types": "a"}, "types: a table of codes"),
        ({"types": {"a": "x" * 201}}, "codes and entries"),
        ({"types": {"a\n": "x"}}, "codes and entries"),
        ({"ty\npes": {}}, "a name of at most"),
        ({f"t{at}": {} for at in range(101)}, "at most 100 tables"),
        ({"types": {str(at): "x" for at in range(5001)}}, "at most 5000 entries"),
    ],
    ids=["number", "text", "long", "line", "name", "tables", "entries"],
)
def test_wrong_tables_are_named(
    hub: HubUnderTest, target: Listener, tables: dict[str, Any], words: str
) -> None:
    with pytest.raises(Misconfigured, match=words):
        declare(hub, rest(target, a="envelope.subject"), tables)


def test_tables_are_exported_and_taken_back(hub: HubUnderTest, target: Listener) -> None:
    declare(hub, rest(target, a="code(envelope.documentType, 'types')"), {"types": TYPES})
    exported = command("export")
    [office] = [one for one in tomllib.loads(exported)["office"] if one["id"] == COMMUNE_OFFICE]
    assert office["tables"] == {"types": TYPES}
    assert "tables" not in office["route"]["options"]
    assert hub.apply(tomllib.loads(exported)) == []


# The lane for unmapped values ----------------------------------------------------------------------


def test_with_an_entry_for_the_rest_the_letter_goes_and_the_value_is_listed(
    hub: HubUnderTest, target: Listener
) -> None:
    declare(hub, rest(target, a="code(envelope.subject, 'types')"), {"types": {"*": "AUTRE"}})
    [one] = accept(hub, COMMUNE_OFFICE, subject="شكاية")
    work(hub)
    assert state(hub, one) == "HANDED_OVER"
    assert json.loads(target.heard[0].body) == {"a": "AUTRE"}
    assert listed(hub) == [("types", "شكاية", 1)]
    assert "types  شكاية  1  0" in command("route", "unmapped", COMMUNE_OFFICE)


def test_a_value_that_comes_often_is_written_once_a_minute(hub: HubUnderTest, target: Listener) -> None:
    declare(hub, rest(target, a="code(envelope.documentType, 'types')"), {"types": {"*": "AUTRE"}})
    dispatch = hub.dispatch()
    for _ in range(5):
        accept(hub, COMMUNE_OFFICE, document_type="odd")
    dispatch.run_once()
    assert listed(hub) == [("types", "odd", 1)]
    hub.clock.forward(seconds=61)
    accept(hub, COMMUNE_OFFICE, document_type="odd")
    dispatch.run_once()
    assert listed(hub) == [("types", "odd", 6)]


def test_without_an_entry_one_letter_is_held_and_an_entry_sends_it_again(
    hub: HubUnderTest, target: Listener
) -> None:
    declare(hub, rest(target, a="code(envelope.documentType, 'types')"), {"types": TYPES})
    [first] = accept(hub, COMMUNE_OFFICE, document_type="complaint")
    [second] = accept(hub, COMMUNE_OFFICE, document_type="COMPLAINT")
    [known] = accept(hub, COMMUNE_OFFICE, document_type="request")
    work(hub)
    assert [state(hub, one) for one in (first, second, known)] == ["HELD", "HELD", "HANDED_OVER"]
    assert row(hub, first).held_code == "WASL-DLV-075"
    assert attempts(hub, first)[0].detail.endswith("code table 'types' has no entry 'complaint'")
    assert failures(hub) == 0
    told = json.loads(command("route", "unmapped", "--json"))
    assert [(one["value"], one["count"], one["held"]) for one in told] == [
        ("COMPLAINT", 1, 1),
        ("complaint", 1, 1),
    ]

    said = command("route", "map", COMMUNE_OFFICE, "types", "complaint", "RECL", "--as", "operator-2")
    assert said.splitlines() == [f"changed office {COMMUNE_OFFICE}", f"sent again {first}"]
    hub.clock.forward(minutes=5)
    work(hub)
    assert [state(hub, one) for one in (first, second)] == ["HANDED_OVER", "HELD"]
    assert json.loads(target.heard[-1].body) == {"a": "RECL"}
    assert [value for _, value, _ in listed(hub)] == ["COMPLAINT"]
    with hub.gateway.store.read() as session:
        change: Change = queries.changes(session, 1)[0]
        assert (change.actor, change.key) == ("operator-2", COMMUNE_OFFICE)
        assert (change.after or {})["tables"]["types"] == {**TYPES, "complaint": "RECL"}


def test_an_entry_is_refused_where_it_would_change_nothing(hub: HubUnderTest, target: Listener) -> None:
    route = rest(target, a="code(envelope.documentType, 'types')")
    route["options"]["tables"] = {"types": TYPES}
    declare(hub, route)
    for words in (
        (COMMUNE_OFFICE, "typos", "complaint", "RECL"),
        (COMMUNE_OFFICE, "types", "request", "RECL"),
        (COMMUNE_OFFICE, "types", "complaint", "R\nL"),
        ("B0000009-9", "types", "complaint", "RECL"),
    ):
        with pytest.raises(Misconfigured):
            hub.gateway.registry.map_code(*words, "tests")
    with hub.gateway.store.read() as session:
        assert session.get_one(OfficeRow, COMMUNE_OFFICE).tables is None
    assert hub.gateway.registry.map_code(COMMUNE_OFFICE, "types", "complaint", "RECL", "tests")
    assert hub.gateway.registry.map_code(COMMUNE_OFFICE, "types", "complaint", "RECL", "tests") == []


def test_a_flood_of_values_fills_neither_the_list_nor_the_memory(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unmapped, "MOST", 3)
    monkeypatch.setattr(unmapped, "_MOST_WATCHED", 10)
    lane = hub.dispatch().unmapped
    for at in range(25):
        lane.note(COMMUNE_OFFICE, "ref", "types", f"{at}\n{'ط' * 500}")
    assert len(lane._seen) <= 10
    lane.keep()
    lane.note(AGENCY_OFFICE, "ref", "types", "x")
    assert lane.keep() == 1
    assert len(listed(hub)) == 3
    assert all(len(value) <= 200 and value.isprintable() for _, value, _ in listed(hub))


def test_what_cannot_be_noted_stops_no_letter(
    hub: HubUnderTest, target: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(hub, rest(target, a="code(envelope.documentType, 'types')"), {"types": {"*": "AUTRE"}})
    [one] = accept(hub, COMMUNE_OFFICE, document_type="odd")
    with hub.gateway.store.write() as session:
        session.connection().exec_driver_sql("DROP TABLE unmapped_value")
    work(hub)
    assert state(hub, one) == "HANDED_OVER"


# On both databases ---------------------------------------------------------------------------------


@pytest.fixture
def either(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1")


def test_values_are_counted_held_for_and_mapped_on_every_database(
    either: HubUnderTest, target: Listener
) -> None:
    target.usual = NUMBERED
    declare(either, rest(target, a="code(envelope.subject, 'types')"), {"types": TYPES})
    [one] = accept(either, COMMUNE_OFFICE, subject="شكاية")
    [upper] = accept(either, COMMUNE_OFFICE, subject="Ÿ")
    work(either)
    assert [state(either, each) for each in (one, upper)] == ["HELD", "HELD"]
    either.clock.forward(minutes=2)
    lane = either.dispatch().unmapped
    lane.note(COMMUNE_OFFICE, "ref", "types", "شكاية")
    assert lane.keep() == 1
    assert sorted(listed(either)) == sorted([("types", "شكاية", 2), ("types", "Ÿ", 1)])
    assert _held(either.gateway, COMMUNE_OFFICE, "types", "شكاية") == [one]
    either.gateway.registry.map_code(COMMUNE_OFFICE, "types", "شكاية", "RECL", "tests")
    assert listed(either) == [("types", "Ÿ", 1)]
    with either.gateway.store.read() as session:
        office = queries.office(session, COMMUNE_OFFICE)
    assert office is not None
    assert office.route.options["tables"]["types"] == {**TYPES, "شكاية": "RECL"}


# What goes with the letters -------------------------------------------------------------------------


def purged(hub: HubUnderTest) -> None:
    rules = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
    replace(purge(hub.gateway), retention=rules).run()


def test_a_value_goes_when_the_content_of_the_last_letter_that_had_it_goes(
    hub: HubUnderTest, target: Listener
) -> None:
    declare(hub, rest(target, titre="code(envelope.subject, 'types')"), {"types": {"*": "AUTRE"}})
    accept(hub, COMMUNE_OFFICE, subject="دعوى السيدة فلانة", document_type="request")
    accept(hub, COMMUNE_OFFICE, subject="Autre", document_type="request")
    work(hub)
    hub.clock.forward(minutes=2)
    accept(hub, COMMUNE_OFFICE, subject="Autre", document_type="complaint")
    work(hub)
    hub.clock.forward(minutes=2)
    accept(hub, COMMUNE_OFFICE, subject="Encore", document_type="complaint")
    work(hub)
    assert len(listed(hub)) == 3
    with hub.clock.moved(days=31):
        purged(hub)
    assert [value for _, value, _ in listed(hub)] == ["Autre", "Encore"]


def test_a_value_stays_while_another_letter_is_held_for_it(hub: HubUnderTest, target: Listener) -> None:
    declare(hub, rest(target, titre="code(envelope.subject, 'types')"), {"types": TYPES})
    accept(hub, COMMUNE_OFFICE, subject="Litige", document_type="complaint")
    work(hub)
    hub.clock.forward(minutes=2)
    [last] = accept(hub, COMMUNE_OFFICE, subject="Litige", document_type="request")
    work(hub)
    with hub.gateway.store.read() as session:
        [value] = unmapped_queries.values(session, COMMUNE_OFFICE)
        reference = unmapped_queries.reference_of(session, last)
    assert value.reference == reference
    with hub.gateway.store.write() as session:
        let_go(session, reference)
    with hub.gateway.store.read() as session:
        [value] = unmapped_queries.values(session, COMMUNE_OFFICE)
    assert value.reference != reference
    with hub.gateway.store.write() as session:
        for held in session.scalars(select(Attempt).where(Attempt.detail.endswith("'Litige'"))):
            held.detail = ""
        let_go(session, value.reference)
    assert listed(hub) == []


def test_a_value_that_was_counted_and_not_written_does_not_come_back_after_the_purge(
    hub: HubUnderTest, target: Listener
) -> None:
    declare(hub, rest(target, titre="envelope.subject"), {"types": {}})
    accept(hub, COMMUNE_OFFICE, document_type="request")
    work(hub)
    with hub.gateway.store.read() as session:
        reference = session.scalars(select(Message.reference)).one()
    counting = unmapped.Unmapped(hub.gateway.store, hub.gateway.ambient)
    counting.note(COMMUNE_OFFICE, str(reference), "types", "secret de famille")
    with hub.clock.moved(days=31):
        purged(hub)
        counting.keep()
    assert listed(hub) == []
