"""A system that repeats a secret of its route gets it into nothing that is kept or shown."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from adapters.contract import Context, Letter, Report, Request
from adapters.rest import RestAdapter
from gateway.bootstrap import dispatcher, letters, trying
from gateway.bootstrap import versions as build
from gateway.bootstrap.news import polling
from gateway.domain.errors import Permanent
from gateway.domain.registry.parties import Office, Route
from gateway.domain.transit.exchange import Record
from gateway.exchange.operate.trying_letters import TryingLetters
from gateway.exchange.transit.exchanges_known import Known
from gateway.exchange.transit.exchanges_masking import MASK, without
from gateway.exchange.transit.news import Told
from gateway.store.registry import queries as registry
from gateway.store.transit import news_queries
from gateway.store.transit.news_models import NewsRoute
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, accept, attempts, fresh_hub, receipts, route_of_commune, row
from tests.support.versions import draft

SECRET, TOKEN, HMAC_KEY = 'Zx9/"&é§ q-Wert+77', "tok.EN-4711_abcdefgh", "hmac-key-of-the-commune-0815"

AUTHS: dict[str, dict[str, Any]] = {
    "bearer": {"kind": "bearer", "secret": "commune-key"},
    "header": {"kind": "header", "header": "X-Api-Key", "secret": "commune-key"},
    "basic": {"kind": "basic", "username": "hub", "secret": "commune-key"},
    "oauth2": {"kind": "oauth2", "client_id": "hub", "secret": "commune-key"},
}


def escaped(text: str, way: Callable[[str], str]) -> str:
    return "".join(way(sign) for sign in text)


def inside(before: str, text: str) -> str:
    return base64.b64encode(f"{before}{text}".encode()).decode()


WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "json with slashes": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "every sign escaped": lambda text: escaped(text, lambda sign: f"\\u{ord(sign):04X}"),
    "every other sign escaped": lambda text: escaped(
        text, lambda sign: sign if ord(sign) % 2 and sign not in '"\\' else f"\\u{ord(sign):04x}"
    ),
    "xml": lambda text: escaped(text, lambda sign: f"&#x{ord(sign):X};"),
    "xml decimal": lambda text: escaped(text, lambda sign: f"&#{ord(sign)};"),
    "url": lambda text: quote(text, safe=""),
    "url in small letters": lambda text: re.sub("%..", lambda one: one[0].lower(), quote(text, safe="")),
    "form": quote_plus,
    "every octet in percent": lambda text: "".join(f"%{one:02X}" for one in text.encode()),
    "json in xml": lambda text: json.dumps(text)[1:-1].replace("&", "&amp;").replace('"', "&quot;"),
    "form in json": lambda text: json.dumps(quote_plus(text))[1:-1],
    "base64": lambda text: inside("", text),
    "base64 behind a name": lambda text: inside("hub:", text),
    "base64 behind another name": lambda text: inside("nobody:", text),
    "base64 in json": lambda text: inside("hu:", text).replace("/", r"\/").replace("=", r"\u003d"),
    "base64 in a url": lambda text: quote(inside("h:", text), safe=""),
    "base64url": lambda text: inside("hub:", text).replace("+", "-").replace("/", "_"),
    "hex": lambda text: text.encode().hex(),
    "folded": lambda text: "\r\n ".join((text[:9], text[9:])).replace("\r\n ", "\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_known_secret_is_found_however_it_is_written(way: Callable[[str], str]) -> None:
    known = Known([SECRET])
    told = f'{{"a": "{way(SECRET)}", "b": 1}}'
    assert without(known, told) == f'{{"a": "{MASK}", "b": 1}}'
    # where a text was cut in the midst of it
    cut = f"HTTP 401: no, not {way(SECRET)}"[:-4] + "…"
    assert without(known, cut).startswith(f"HTTP 401: no, not {MASK}")
    assert len(without(known, cut)) <= len(f"HTTP 401: no, not {MASK}") + len("\\u00…")


def test_what_is_no_secret_stays_as_it_is() -> None:
    told = '{"objet": "\\u0637\\u0644\\u0628 &amp; %C3%A9\\r\\n Zx8 q-Wart", "b": "Zx9"}\r\n<a>&#233;</a>'
    assert without(Known([SECRET, HMAC_KEY]), told) == told
    assert without(Known(["", "  ", "\n"]), told) == told


def test_each_line_of_a_key_is_a_secret() -> None:
    lines = ["MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", "7mLbZ3bq0c6hGQ0yq3vX9m2kqB1o"]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    assert without(Known([pem]), f"no {lines[1]} here, -----BEGIN PRIVATE KEY----- is") == (
        f"no {MASK} here, -----BEGIN PRIVATE KEY----- is"
    )


@dataclass
class System:
    """What the commune's system says, and the secrets of the route to it."""

    status: int = 201
    says: str = ""
    secrets: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, System]]:
    system = System()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/token":
                self._answer(200, json.dumps({"access_token": TOKEN, "token_type": "Bearer"}))
            else:
                self._answer(system.status, system.says)

        def do_GET(self) -> None:
            self._answer(200 if system.status == 201 else system.status, system.says)

        def _answer(self, status: int, body: str) -> None:
            octets = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", system
        server.shutdown()
        thread.join()


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")


@pytest.fixture(params=sorted(AUTHS))
def system(
    request: pytest.FixtureRequest,
    hub: HubUnderTest,
    address: tuple[str, System],
    monkeypatch: pytest.MonkeyPatch,
) -> System:
    """The system, behind a route that proves who calls in each way in turn."""
    monkeypatch.setenv("WASL_SECRET_COMMUNE_KEY", SECRET.replace("é§", "xy"))
    monkeypatch.setenv("WASL_SECRET_COMMUNE_REPORT", HMAC_KEY)
    route_of_commune(hub, adapter="rest", options=options(address[0], request.param))
    own = address[1]
    own.status, own.says = 201, "{}"
    own.secrets = (KEY, HMAC_KEY) + ((TOKEN,) if request.param == "oauth2" else ())
    return own


KEY = SECRET.replace("é§", "xy")
"""The same as no header would carry the other."""


def options(url: str, auth: str) -> dict[str, Any]:
    return {
        "base_url": url,
        "auth": {**AUTHS[auth], **({"token_url": f"{url}/token"} if auth == "oauth2" else {})},
        "idempotency_header": "X-Cle",
        "create": {
            "path": "/in",
            "body": {"objet": "envelope.subject"},
            "reads": {"target_reference": "id", "register_number": "numero", "register_book": "registre"},
        },
        "probe": {"path": "/etat", "success": "ok"},
        "poll": {
            "path": "/in/{handle}",
            "success": "dossier",
            "found": "dossier",
            "reads": {"register_number": "numero", "register_book": "registre"},
        },
        "report": {
            "auth": {
                "kind": "hmac",
                "header": "X-Sig",
                "timestamp_header": "X-At",
                "secret": "commune-report",
            },
            "reads": {
                "delivery_id": "id",
                "register_number": "numero",
                "register_book": "registre",
                "progress": "etat",
            },
        },
    }


def echo(system: System) -> str:
    """Each secret of the route, in every way that JSON can hold, and in the members that are read."""
    forms = [
        way(one)
        for one in system.secrets
        for name, way in WAYS.items()
        if name not in ("plain", "folded", "json in xml")
    ]
    members = ", ".join(f'"x{at}": "{form}"' for at, form in enumerate(forms))
    names = json.dumps({"registre": KEY, "id": f"ref {HMAC_KEY}", "numero": f"N {KEY} 2"})[1:-1]
    return f"{{{names}, {members}}}"


def tells_none(shown: Any) -> bool:
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)
    plain = text.replace("\\\\", "\\")
    return not any(
        form in plain for one in (KEY, TOKEN, HMAC_KEY) for form in (way(one) for way in WAYS.values())
    )


def office_of(hub: HubUnderTest) -> Office:
    with hub.gateway.store.read() as session:
        office = registry.office(session, COMMUNE_OFFICE, hub.gateway.settings.retry.schedule)
    assert office is not None
    return office


def route_of(hub: HubUnderTest) -> Route:
    return office_of(hub).route


def drafted(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"route": {"kind": "adapter", "adapter": "rest", "options": dict(options)}}


def worked(hub: HubUnderTest, record: Record) -> None:
    dispatch = dispatcher(hub.gateway, "worker-1")
    replace(dispatch, exchanges=replace(dispatch.exchanges, record=record)).run_once()


@pytest.mark.parametrize("record", [Record.ALL, Record.NONE], ids=lambda one: one.value)
def test_a_successful_answer(
    hub: HubUnderTest, system: System, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    system.says = echo(system)
    [delivery] = accept(hub)
    worked(hub, record)
    [attempt] = attempts(hub, delivery)
    found = row(hub, delivery)
    assert (found.state, attempt.code) == ("HANDED_OVER", None)
    assert MASK in attempt.detail
    assert tells_none(attempt.detail)
    assert found.register_number == f"N {MASK} 2"
    assert found.target_reference == f"ref {MASK}"
    assert all(tells_none(repr(one)) for one in receipts(hub, delivery))
    kept = trying.exchanges(hub.gateway).of(delivery)
    assert (kept[0].exchange is not None) == (record is Record.ALL)
    assert tells_none([asdict(one) for one in kept])
    assert tells_none("".join(capsys.readouterr()))


def test_the_digest_is_of_the_answer_as_it_came(hub: HubUnderTest, system: System) -> None:
    system.says = echo(system)
    [delivery] = accept(hub)
    worked(hub, Record.FAILURES)
    [handover] = [one.handover for one in receipts(hub, delivery) if one.handover is not None]
    assert handover.answer is not None
    assert handover.answer.sha256 == sha256(system.says.encode()).hexdigest()


@pytest.mark.parametrize("status", [401, 422, 500, 503])
def test_a_failure(
    hub: HubUnderTest, system: System, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    system.status, system.says = status, json.dumps({"vous": system.secrets}).replace("/", r"\/")
    [delivery] = accept(hub)
    worked(hub, Record.FAILURES)
    [attempt] = attempts(hub, delivery)
    assert attempt.code is not None
    assert attempt.detail.count(MASK) == len(system.secrets)
    assert tells_none(attempt.detail)
    assert tells_none([asdict(one) for one in trying.exchanges(hub.gateway).of(delivery)])
    assert tells_none("".join(capsys.readouterr()))


def test_a_probe_and_the_report_of_a_test(hub: HubUnderTest, system: System) -> None:
    for secret in system.secrets:
        system.status, system.says = 422, f'{{"vous": "{WAYS["json"](secret)}"}}'
        steps = trying.probing(hub.gateway).probe(route_of(hub))
        assert MASK in repr(steps)
        assert tells_none([asdict(one) for one in steps])
        number = draft(hub, drafted({**route_of(hub).options, "headers": {"X-N": str(len(secret))}}))
        content = build.looks(hub.gateway).content(COMMUNE_OFFICE, number)
        checked = build.checks(hub.gateway).run(content, "tester", 1)
        assert any(one.name == "target" and MASK in one.said for one in checked.checks)
        assert tells_none([asdict(one) for one in checked.checks])


def test_a_poll(hub: HubUnderTest, system: System, capsys: pytest.CaptureFixture[str]) -> None:
    system.says = '{"id": "C-7"}'
    [delivery] = accept(hub)
    worked(hub, Record.NONE)
    assert row(hub, delivery).state == "HANDED_OVER"
    for secret in system.secrets:
        hub.clock.forward(hours=2)
        system.status, system.says = 503, f'{{"vous": "{WAYS["json"](secret)}"}}'
        assert polling(hub.gateway, "worker-1").run_once() == 1
        with hub.gateway.store.read() as session:
            said = session.get_one(NewsRoute, COMMUNE_OFFICE).said
        assert said
        assert MASK in said
        assert tells_none(said)
    hub.clock.forward(days=1)
    system.status = 201
    system.says = json.dumps({"dossier": {"numero": f"N {KEY}", "registre": HMAC_KEY}})
    assert polling(hub.gateway, "worker-1").run_once() == 1
    assert row(hub, delivery).register_number == f"N {MASK}"
    assert all(tells_none(repr(one)) for one in receipts(hub, delivery))
    assert tells_none("".join(capsys.readouterr()))


def called(hub: HubUnderTest, **said: str) -> tuple[Told, ...]:
    """The system calls by itself, and proves who it is."""
    body, moment = json.dumps(said).encode(), str(round(hub.clock().timestamp()))
    proof = hmac.new(HMAC_KEY.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    headers = {"content-type": "application/json", "x-sig": proof, "x-at": moment}
    return hub.gateway.services.reporting.take(COMMUNE_OFFICE, Report(headers, body))


def test_a_call_of_the_system_itself(
    hub: HubUnderTest, system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    system.says = '{"id": "C-7"}'
    [delivery] = accept(hub)
    worked(hub, Record.NONE)
    [wrong] = called(hub, id=delivery, numero="N 1", etat=f"recu {HMAC_KEY}")
    assert wrong.fault is not None
    [right] = called(hub, id=delivery, numero=f"N {KEY}", registre=HMAC_KEY)
    assert right.fault is None
    assert row(hub, delivery).register_number == f"N {MASK}"
    assert all(tells_none(repr(one)) for one in receipts(hub, delivery))
    [other] = called(hub, id=delivery, numero=f"M {KEY}")
    assert other.fault is not None
    with hub.gateway.store.read() as session:
        trouble = news_queries.trouble_of(session, COMMUNE_OFFICE, delivery)
    assert trouble is not None
    assert f"said M {MASK}" in trouble.said
    assert tells_none(trouble.said)
    assert tells_none("".join(capsys.readouterr()))


class Careless(RestAdapter):
    """A kind that shows its calls as they go, and quotes its secret in its failures."""

    fails = False

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        key, path = context.secret("commune-key"), context.options["create"]["path"]
        if self.fails:
            raise Permanent("WASL-DLV-074", f"no {key} at {path}")
        body = json.dumps({"objet": letter.envelope.subject, "cle": f"{key}{path}", "n": f"{HMAC_KEY}{path}"})
        headers = {"X-Api-Key": key, "X-N": f"{HMAC_KEY}{path}"}
        return (Request("POST", f"https://x.example{path}?c={quote(key, safe='')}", headers, body),)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("show_content", [False, True])
def test_a_preview_and_a_dry_run(
    hub: HubUnderTest, system: System, address: tuple[str, System], fails: bool, show_content: bool
) -> None:
    careless = Careless()
    careless.fails = fails
    accept(hub)
    kinds, gateway, route = {"rest": careless}, hub.gateway, route_of(hub)
    letter = TryingLetters(letters(gateway), gateway.ambient, "MA").made_up(office_of(hub))
    previewing = replace(trying.previewing(gateway), adapters=kinds)
    if fails:
        with pytest.raises(Permanent) as caught:
            previewing.preview(route, letter)
        shown: Any = str(caught.value)
    else:
        shown = [asdict(one) for one in previewing.preview(route, letter)]
    assert MASK in str(shown)
    assert tells_none(shown)
    create = {**route.options["create"], "path": "/other"}
    number = draft(hub, drafted({**route.options, "create": create}))
    runs = replace(build.dry_runs(gateway), adapters=kinds)
    found = runs.run(build.looks(gateway).content(COMMUNE_OFFICE, number), 1, show_content)
    [one] = found.unmapped if fails else found.changed
    assert MASK in repr(one)
    assert tells_none(asdict(found))
