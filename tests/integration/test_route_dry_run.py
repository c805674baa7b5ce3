"""A dry run over letters that the office really got: what differs, what cannot be mapped, and no text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from adapters.contract import Context, Letter, Request
from gateway.bootstrap import versions as build
from gateway.bootstrap.evidence import purge
from gateway.domain.errors import Conflict, Permanent
from gateway.domain.registry.dry_run import DryRun
from gateway.domain.transit.persons import Assurance, Identification, Identifier, Person, PersonKind, Sender
from gateway.exchange.registry.versions_calls import values_of
from gateway.exchange.registry.versions_dry_run import DryRuns, OnlyFetches
from gateway.store.transit.models import DeliveryRow, Message, Payload
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, PLATFORM, HubUnderTest, with_adapters
from tests.support.listener import Listener, listening
from tests.support.systems import Simulator, accept, route_of_commune
from tests.support.versions import checked, created, draft, history, options, stages, table, town

EXAMPLES = Path(__file__).parents[2] / "examples/systems/courrier_soap"
SUBJECT, BODY = "طلب رخصة بناء رقم 45", "السيد الرئيس، ألتمس منكم رخصة.\nTel. 0612345678"
PERSON = "فاطمة الزهراء بنعلي"
TEXTS = ("رخصة", "الرئيس", "0612345678", "فاطمة", "AB123456", "plan-secret")


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> HubUnderTest:
    """A hub with three letters for the commune; nothing was sent yet."""
    hub = town(tmp_path_factory.mktemp("town"), listener)
    person = Person(
        PersonKind.CITIZEN,
        PERSON,
        Identification(Assurance.VERIFIED, PLATFORM),
        (Identifier("cin", "AB123456"),),
    )
    plan = hub.home / "plan-secret.txt"
    plan.write_text("DEMONSTRATION plan")
    accept(hub, subject=SUBJECT, body=BODY, files=(plan,))
    accept(hub, subject="Second", document_type=None)
    letter = hub.signed(
        hub.envelope(
            sender=Sender(PLATFORM, on_behalf_of=person),
            recipients=(replace(hub.envelope().recipients[0], office=COMMUNE_OFFICE),),
            subject=SUBJECT,
            body=BODY,
            document_type="unheard-of",
        ),
        by="platform",
    )
    assert hub.post(letter).status_code == 201
    return hub


def tried(hub: HubUnderTest, content: dict[str, Any], limit: int = 20, show_content: bool = False) -> DryRun:
    number = draft(hub, content)
    return build.dry_runs(hub.gateway).run(
        build.looks(hub.gateway).content(COMMUNE_OFFICE, number), limit, show_content
    )


def test_each_place_that_would_differ_is_listed_and_no_text_is(hub: HubUnderTest, listener: Listener) -> None:
    body = {"objet": "envelope.body", "nom": "envelope.sender.onBehalfOf.name", "cin":
            "envelope.sender.onBehalfOf.identifiers[0].value", "plan": "attachments[0].name"}  # fmt: skip
    found = tried(
        hub, table(listener.url, create=created("/v2", **body), headers={"X-Api-Token": "s3cr3tvalue99"})
    )
    assert found.holds
    assert (found.letters, found.same, len(found.changed), found.unmapped) == (3, 0, 3, ())
    last = {one.path: (one.was, one.now) for one in found.changed[0].differences}
    assert last["call 1 url"] == (f"{listener.url}/letters", f"{listener.url}/v2")
    assert last["call 1 header X-Api-Token"] == (None, "•••")
    assert last["call 1 body.nom"] == (None, "نصنصن صنصنصنص نصنصن")
    assert last["call 1 body.cin"] == (None, "VA000000")
    was, now = last["call 1 body.objet"]
    assert (was, now is not None and now.endswith("\nBod. 0000000000")) == ("نصن صنصن صنصن صنص 00", True)
    first = {one.path: one.now for one in found.changed[2].differences}
    assert first["call 1 body.plan"].endswith(".txt")
    said = json.dumps(asdict(found), ensure_ascii=False)
    assert [text for text in TEXTS if text in said] == []
    assert listener.heard == []
    assert found.fetched == ()


def test_texts_are_shown_to_whoever_asks(hub: HubUnderTest, listener: Listener) -> None:
    found = tried(hub, table(listener.url, create=created(objet="envelope.body")), 1, show_content=True)
    [difference] = found.changed[0].differences
    assert (difference.was, difference.now) == (SUBJECT, BODY)


NO_FIT, NO_ENTRY = "WASL-DLV-074", "WASL-DLV-075"


@pytest.mark.parametrize(
    ("body", "tables", "kind"),
    [
        ({}, {"request": "DEM"}, "UnknownCode"),
        ({"objet": "join(', ', envelope.subject)"}, {"*": "X"}, "JMESPathTypeError"),
        ({"objet": "abs(envelope.subject)", "texte": "abs(envelope.body)"}, {"*": "X"}, "JMESPathTypeError"),
        ({"objet": "date(envelope.subject, '%d')"}, {"*": "X"}, "ValueError"),
    ],
    ids=["unknown code", "wrong type", "wrong type of two", "no date"],
)  # fmt: skip
def test_a_bad_draft_is_caught_and_does_not_pass_its_test(
    hub: HubUnderTest, listener: Listener, body: dict[str, str], tables: dict[str, str], kind: str
) -> None:
    content = table(listener.url, create=created(**body), tables={"types": tables})
    found = tried(hub, content)
    number = history(hub)[-1].number
    assert not found.holds
    failed = found.unmapped[0]
    assert (failed.code, failed.type) == (NO_ENTRY if kind == "UnknownCode" else NO_FIT, kind)
    assert failed.path is not None
    assert failed.path.startswith("create.body.")
    assert failed.expression in {**created(**body)["body"]}.values()
    said = json.dumps(asdict(found), ensure_ascii=False)
    assert [text for text in TEXTS if text in said] == []
    if kind == "UnknownCode":
        assert "'unheard-of'" in failed.detail
    result = checked(hub, number)
    assert (result.holds, stages(hub)[number]) == (False, "DRAFT")
    step = history(hub)[-1].steps[-1]
    assert (step.why, step.report is not None) == ("test did not hold", True)
    kept = json.dumps(step.report, ensure_ascii=False)
    assert [text for text in TEXTS if text in kept] == []
    assert failed.path in kept
    with pytest.raises(Conflict):
        build.versions(hub.gateway).activate(COMMUNE_OFFICE, number, "operator")


def test_a_text_that_a_code_table_is_asked_for_is_not_told(hub: HubUnderTest, listener: Listener) -> None:
    content = table(
        listener.url, create=created(objet="code(envelope.subject, 'types')"), tables={"types": {"a": "b"}}
    )
    found = tried(hub, content)
    assert not found.holds
    said = json.dumps(asdict(found), ensure_ascii=False)
    assert [text for text in TEXTS if text in said] == []


def test_only_the_last_letters_are_looked_at(hub: HubUnderTest, listener: Listener) -> None:
    assert [
        tried(hub, table(listener.url, headers={"X": str(limit)}), limit).letters for limit in (0, 2)
    ] == [0, 2]


def test_what_makes_the_same_call_is_the_same(hub: HubUnderTest, listener: Listener) -> None:
    body = dict(reversed(created()["body"].items()))
    content = table(
        listener.url,
        create={**created(), "body": body},
        tables={"types": {"request": "DEM", "*": "AUTRE", "x": "y"}},
    )
    assert tried(hub, content).same == 3


def test_a_limit_that_letters_exceed_is_told(hub: HubUnderTest, listener: Listener) -> None:
    content = table(listener.url)
    content["route"]["max_bytes"] = 3
    [failed] = tried(hub, content).unmapped
    assert (failed.code, failed.expression) == ("WASL-DLV-017", None)


def test_a_route_without_calls_is_said_so(hub: HubUnderTest, listener: Listener) -> None:
    found = tried(hub, {"route": {"kind": "inbox"}})
    assert [("office's inbox" in one) for one in found.remarks] == [True]
    assert len(found.changed) == 3
    assert {difference.now for difference in found.changed[0].differences} == {None}
    other = build.dry_runs(hub.gateway).run(build.looks(hub.gateway).content(AGENCY_OFFICE), 20)
    assert any("nothing was compared" in one for one in other.remarks)


def test_a_letter_whose_content_is_gone_or_damaged_is_counted(tmp_path: Path, listener: Listener) -> None:
    hub = town(tmp_path, listener)
    [gone] = accept(hub)
    hub.dispatch().run_once(10)
    with hub.clock.moved(days=3700):
        assert purge(hub.gateway).run("archivist").letters
    plan = hub.home / "plan.txt"
    plan.write_text("DEMONSTRATION plan " * 9000)
    [damaged] = accept(hub, files=(plan,))
    for path in hub.gateway.settings.payloads.directory.rglob("*"):
        if path.is_file():
            path.unlink()
    accept(hub)
    found = tried(hub, table(listener.url, headers={"X": "1"}))
    assert (found.letters, len(found.changed), found.holds) == (3, 1, True)
    with hub.gateway.store.read() as session:
        references = [
            session.get_one(Message, session.get_one(DeliveryRow, one).message).reference
            for one in (damaged, gone)
        ]
        assert session.query(Payload).count()
    assert [(one.reference, one.code) for one in found.unread] == [
        (references[0], "WASL-DLV-015"),
        (references[1], "WASL-RET-001"),
    ]


def test_a_kind_that_shows_no_calls_is_said_so(hub: HubUnderTest) -> None:
    gateway = with_adapters(hub.gateway, {"simulator": Simulator()})
    content = build.looks(gateway).content(COMMUNE_OFFICE)
    values = {**content.values, "route": {"kind": "adapter", "adapter": "simulator"}}
    found = build.dry_runs(gateway).run(replace(content, values=values), 20)
    assert (found.letters, found.same) == (0, 0)
    assert [one.startswith("the kind simulator shows no calls") for one in found.remarks] == [True]


def test_a_letter_that_the_active_version_fails_in_the_same_way_stops_no_draft(
    tmp_path: Path, listener: Listener
) -> None:
    hub = town(tmp_path, listener)
    plan = hub.home / "plan.txt"
    plan.write_text("DEMONSTRATION plan")
    accept(hub, files=(plan,))
    route_of_commune(hub, adapter="rest", options=options(listener.url), max_bytes=3)
    content = table(listener.url, headers={"X": "1"})
    content["route"]["max_bytes"] = 3
    found = tried(hub, content)
    assert [(one.code, one.also_active) for one in found.unmapped] == [("WASL-DLV-017", True)]
    assert found.holds
    bad = {"types": {"another": "A"}}  # a mapping that fails is wrong, whoever else has it too
    route_of_commune(hub, adapter="rest", options=options(listener.url, tables=bad))
    found = tried(hub, table(listener.url, tables=bad, headers={"X": "1"}))
    assert [one.also_active for one in found.unmapped] == [True]
    assert not found.holds


def test_a_kind_that_is_not_installed_is_said_so(hub: HubUnderTest) -> None:
    content = build.looks(hub.gateway).content(COMMUNE_OFFICE)
    gone = replace(content, values={**content.values, "route": {"kind": "adapter", "adapter": "gone"}})
    found = build.dry_runs(hub.gateway).run(gone, 20)
    assert (found.letters, found.remarks) == (
        0, ("the version names the kind gone, which is not installed",),
    )  # fmt: skip
    checks = {one.name: one for one in build.checks(hub.gateway)._of_adapter(gone)}
    assert (checks["target"].held, "gone is installed" in checks["target"].said) == (False, True)


class Odd(Simulator):
    """A kind whose previews are what its route's options say."""

    def __init__(self) -> None:
        super().__init__(kind="odd")
        self.count = 0

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        self.count += 1
        how = context.options["how"]
        if how == "raises":
            raise RuntimeError(letter.envelope.body)
        if how == "sends":
            context.http.request("POST", "http://127.0.0.1:1/", body=b"x")
        if how == "nothing":
            return None  # type: ignore[return-value]
        if how == "dials":
            context.dial("127.0.0.1", 1)
        return (Request("POST", "http://x.test/", {"Nonce": str(self.count)}, how),)


def test_what_an_odd_kind_does_stays_its_own(tmp_path: Path, listener: Listener) -> None:
    hub = town(tmp_path, listener)
    hub.gateway = with_adapters(hub.gateway, {"odd": Odd()})
    route_of_commune(hub, adapter="odd", options={"how": "<a><b>1</b></a>"})
    accept(hub, body=BODY)

    def odd(how: str) -> DryRun:
        return tried(hub, {"route": {"kind": "adapter", "adapter": "odd", "options": {"how": how}}})

    raised = odd("raises").unmapped[0]
    assert (raised.code, raised.type) == ("WASL-DLV-014", "RuntimeError")
    assert "0612345678" not in json.dumps(asdict(raised), ensure_ascii=False)
    assert odd("nothing").unmapped[0].type == "TypeError"
    assert odd("sends").unmapped[0].detail == "a dry run sends nothing"
    assert odd("dials").unmapped[0].code == "WASL-DLV-001"
    [changed] = odd("<a><b>2</b><b>3</b></a>").changed
    assert changed.varying == 1  # the nonce is another each time, and no change
    assert [(one.path, one.was, one.now) for one in changed.differences] == [
        ("call 1 body/a/b", "1", "2"),
        ("call 1 body/a/b[2]", None, "3"),
    ]


class _Wsdl(BaseHTTPRequestHandler):
    methods: list[str]

    def do_GET(self) -> None:
        self.methods.append(self.command)
        address = f"http://127.0.0.1:{self.server.server_address[1]}/courrier"  # type: ignore[index]
        body = (EXAMPLES / "courrier.wsdl").read_text("utf-8").replace("{adresse}", address).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name is the base class's

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def soap() -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """The options of a route to a SOAP system that gives its WSDL, and what it was asked."""
    door = type("Door", (_Wsdl,), {"methods": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/courrier"
        route = tomllib.loads((EXAMPLES / "route.toml").read_text("utf-8"))
        yield {**route, "wsdl_url": f"{address}?wsdl"}, door.methods  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_a_soap_draft_fetches_its_wsdl_and_calls_nobody(
    tmp_path: Path, listener: Listener, soap: tuple[dict[str, Any], list[str]]
) -> None:
    hub, (route, methods) = town(tmp_path, listener), soap
    route_of_commune(hub, adapter="soap", options=route)
    accept(hub, subject=SUBJECT, body=BODY)
    request = {**route["request"], "Objet": "envelope.body"}
    found = tried(
        hub, {"route": {"kind": "adapter", "adapter": "soap", "options": {**route, "request": request}}}
    )
    assert found.holds
    [changed] = found.changed
    [difference] = changed.differences
    assert difference.path == "call 1 body/Envelope/Body/EnregistrerCourrier/Objet"
    assert difference.was == "نصن صنصن صنصن صنص 00"
    assert found.fetched == (route["wsdl_url"],)
    assert set(methods) == {"GET"}
    bad = {**route["request"], "CodeNature": "abs(envelope.subject)"}
    assert not tried(
        hub, {"route": {"kind": "adapter", "adapter": "soap", "options": {**route, "request": bad}}}
    ).holds


def test_bodies_of_every_form_are_taken_apart() -> None:
    def body(text: str) -> dict[str, Any]:
        values = values_of((Request("POST", "u", {}, text),))
        return {path.removeprefix("call 1 "): value for path, value in values.items() if "body" in path}

    assert body("") == {}
    assert body('"x"') == {"body": "x"}
    assert body("a=1\nfile=‹x›") == {"body line 1": "a=1", "body line 2": "file=‹x›"}
    assert body("<a>&</a>") == {"body line 1": "<a>&</a>"}  # no XML
    assert body("[" * 100_000) == {"body line 1": "[" * 100_000}
    assert body('<?xml version="1.0"?><a xmlns="urn:x" b="1">t<c/><!-- x --><c>u</c></a>') == {
        "body/a/@b": "1", "body/a": "t", "body/a/c": "", "body/a/c[2]": "u",
    }  # fmt: skip


def test_a_way_that_only_fetches_sends_nothing() -> None:
    way = OnlyFetches(None)  # type: ignore[arg-type]
    for method, body in (("POST", b"x"), ("PUT", None), ("DELETE", None), ("GET", b"x")):
        with pytest.raises(Permanent):
            way.request(method, "http://x.test/", body=body)
    assert way.fetched == []


def test_a_route_whose_options_are_wrong_is_a_draft_s_fault(hub: HubUnderTest, listener: Listener) -> None:
    runs: DryRuns = build.dry_runs(hub.gateway)
    content = build.looks(hub.gateway).content(COMMUNE_OFFICE)
    values = {**content.values, "route": {"kind": "adapter", "adapter": "rest", "options": {"base_url": "x"}}}
    found = runs.run(replace(content, values=values), 20)
    assert [one.code for one in found.unmapped] == ["WASL-DLV-007"] * 3
    assert not found.holds
