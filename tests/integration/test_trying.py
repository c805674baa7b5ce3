"""Operators try a route: the connection step by step, the exact calls, a test letter, and nothing else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from adapters.rest import RestAdapter
from adapters.skeleton import SkeletonAdapter
from gateway.bootstrap import dispatcher
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.transit.probing import Step, StepName, StepState
from gateway.exchange.operate.trying import Probing
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, route_of_commune
from tests.support.tls import listener, make_tls

KEY = "key-of-this-test"
FAST = HttpLimits(connect_s=0.7, read_s=2, total_s=4)


class System(BaseHTTPRequestHandler):
    """A document system: it shows its state to who has the key, and takes letters."""

    def do_GET(self) -> None:
        let_in = self.headers.get("X-Api-Key") == KEY
        self._answer(200 if let_in else 401, b'{"etat": "en service"}' if let_in else b'{"erreur": "cle"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(body)  # type: ignore[attr-defined]
        self._answer(201, b'{"numero": "C-2026/7"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def system() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), System) as server:
        server.taken = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(system: Any) -> str:
    return f"http://127.0.0.1:{system.server_address[1]}"


def options(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "base_url": url,
        "auth": {"kind": "header", "header": "X-Api-Key", "secret": "commune-key"},
        "idempotency_header": "X-Cle",
        "create": {
            "path": "/in",
            "body": {"objet": "envelope.subject", "texte": "envelope.body"},
            "reads": {"target_reference": "numero", "register_number": "numero"},
        },
        "probe": {"path": "/etat", "success": "etat == 'en service'"},
        **changes,
    }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: HubUnderTest) -> Shell:
    shell = Shell(monkeypatch, capsys, hub.home)
    shell.set(WASL_SECRET_COMMUNE_KEY=KEY, WASL_OUTGOING_ALLOW="127.0.0.0/8")
    return shell


def probed(
    url: str, way: GuardedHttp | None = None, kind: Any = None, secret: str = KEY, **changes: Any
) -> dict[str, Step]:
    """The steps of a probe, by name."""
    from adapters.contract import Context

    way = way or GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=FAST))
    kind = kind or RestAdapter()

    def context(route: Route) -> Context:
        return Context(way, route.options, lambda _: secret, lambda: None, way.dial)  # type: ignore[arg-type,return-value]

    found = options(url, **changes) if kind.kind == "rest" else {"url": url}
    route = Route(RouteKind.ADAPTER, kind.kind, found)
    steps = Probing({kind.kind: kind}, context, way).probe(route)
    assert [one.name for one in steps] == list(StepName)[: len(steps)]
    return {one.name.value: one for one in steps}


def states(steps: dict[str, Step]) -> list[str]:
    return [one.state.value for one in steps.values()]


OK, FAILED, NOT, NEEDLESS = (one.value for one in StepState)

# The connection -------------------------------------------------------------------------------------


def test_a_connection_that_works_is_told_step_by_step(system: Any) -> None:
    steps = probed(url_of(system))
    assert states(steps) == [OK, OK, OK, NEEDLESS, OK, OK]
    assert steps["name"].found == "127.0.0.1"
    assert f"port {system.server_address[1]}" in steps["connection"].found
    assert "as expected" in steps["capability"].found


def test_what_nobody_listens_at_fails_there_and_the_rest_is_not_tried() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        steps = probed(f"http://127.0.0.1:{reserved.getsockname()[1]}")
    assert states(steps) == [OK, OK, FAILED, NOT, NOT, NOT]
    assert (steps["connection"].code, "nobody listens" in steps["connection"].found) == ("WASL-DLV-001", True)


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("http://10.1.2.3/api", "WASL-DLV-006", "no address that the hub may call"),
        ("http://169.254.169.254/", "WASL-DLV-006", "no address that the hub may call"),
        ("https://nowhere.invalid/", "WASL-DLV-001", "no address found"),
    ],
)
def test_a_name_that_leads_nowhere_or_inward_fails_at_the_name(url: str, code: str, told: str) -> None:
    steps = probed(url)
    assert states(steps) == [OK, FAILED, NOT, NOT, NOT, NOT]
    assert (steps["name"].code, told in steps["name"].found) == (code, True)


def resolving_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1", "10.9.9.9"]


def way_with(ca: Path | None) -> GuardedHttp:
    return GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=FAST, ca_file=ca), resolving_here)


def test_tls_tells_version_name_issuer_and_days_left(tmp_path: Path) -> None:
    tls = make_tls(tmp_path / "pki", "archive.example")
    with listener(tls) as found:
        url = f"https://archive.example:{found.port}"
        [name, connection, secured] = way_with(tls.authority).examine(url)
    assert name.found == "127.0.0.1; not allowed: 10.9.9.9"
    assert connection.state is StepState.OK
    for word in ("TLSv1.3", "archive.example", "TEST authority pki", "valid 1 more days", "renew it soon"):
        assert word in secured.found
    assert not found.heard


@pytest.mark.parametrize("wrong", ["name", "authority", "none"])
def test_tls_that_is_not_believed_says_why_and_what_was_shown(tmp_path: Path, wrong: str) -> None:
    tls = make_tls(tmp_path / "pki", "other.example" if wrong == "name" else "archive.example")
    ca = make_tls(tmp_path / "another").authority if wrong == "authority" else tls.authority
    with listener(None if wrong == "none" else tls) as found:
        steps = probed(f"https://archive.example:{found.port}", way_with(ca))
    assert states(steps) == [OK, OK, OK, FAILED, NOT, NOT]
    assert steps["tls"].code == "WASL-DLV-001"
    told = {"name": "other.example", "authority": "TEST authority pki", "none": ""}[wrong]
    assert told in steps["tls"].found
    assert ("issuer" if wrong == "authority" else "mismatch" if wrong == "name" else "") in steps["tls"].found


def test_credentials_that_are_refused_fail_at_the_authentication(system: Any) -> None:
    steps = probed(url_of(system), secret="another")
    assert states(steps) == [OK, OK, OK, NEEDLESS, FAILED, NOT]
    assert steps["authentication"].code == "WASL-DLV-013"
    assert "another" not in repr(steps)


def test_a_kind_that_speaks_no_http_is_examined_where_it_dials(system: Any) -> None:
    class Dialling(RestAdapter):
        def probe(self, context: Any) -> str:
            context.dial("127.0.0.1", system.server_address[1]).close()
            return "a folder with 3 files"

    steps = _steps_of(Dialling(), url_of(system))
    assert [one.state.value for one in steps] == [OK, OK, OK, NEEDLESS, OK, OK]
    assert steps[5].found == "a folder with 3 files"


def test_a_missing_secret_fails_at_the_authentication_and_the_way_there_is_told(system: Any) -> None:
    from gateway.domain.errors import Misconfigured

    class Lacking(RestAdapter):
        def probe(self, context: Any) -> str:
            raise Misconfigured(["secret commune-key: neither here nor there"])

    steps = _steps_of(Lacking(), url_of(system))
    assert [one.state.value for one in steps] == [OK, OK, OK, NEEDLESS, FAILED, NOT]
    assert (steps[4].code, "commune-key" in steps[4].found) == ("WASL-DLV-018", True)


def test_a_system_that_answers_otherwise_fails_at_the_capability(system: Any) -> None:
    steps = probed(url_of(system), probe={"path": "/etat", "success": "etat == 'ouvert'"})
    assert states(steps)[-2:] == [OK, FAILED]
    assert steps["capability"].code


def test_options_that_are_wrong_fail_first_and_nobody_is_called() -> None:
    steps = probed("http://127.0.0.1:1", colour="blue")
    assert states(steps) == [FAILED, NOT, NOT, NOT, NOT, NOT]
    assert "colour" in steps["options"].found


def test_a_kind_that_cannot_be_asked_is_reached_as_far_as_one_can(system: Any) -> None:
    steps = probed(url_of(system), kind=SkeletonAdapter())
    assert states(steps) == [OK, OK, OK, NEEDLESS, NOT, NOT]


@pytest.mark.parametrize("error", [KeyError("hunter2"), SystemExit("hunter2"), RecursionError("hunter2")])
def test_a_kind_that_raises_is_named_without_its_words(system: Any, error: BaseException) -> None:
    class Broken(RestAdapter):
        def probe(self, context: Any) -> str:
            raise error

    steps = {one.name.value: one for one in _steps_of(Broken(), url_of(system))}
    assert steps["capability"].code == "WASL-DLV-014"
    assert type(error).__name__ in steps["capability"].found
    assert "hunter2" not in repr(steps)


def _steps_of(kind: Any, url: str) -> tuple[Step, ...]:
    from adapters.contract import Context

    way = GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=FAST))
    route = Route(RouteKind.ADAPTER, kind.kind, options(url))

    def context(route: Route) -> Context:
        return Context(way, route.options, lambda _: KEY, lambda: None, way.dial)  # type: ignore[arg-type,return-value]

    return Probing({kind.kind: kind}, context, way).probe(route)


# The commands ---------------------------------------------------------------------------------------


def test_the_command_probes_an_office_and_a_file(
    hub: HubUnderTest, shell: Shell, system: Any, tmp_path: Path
) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)))
    said = shell("route", "probe", COMMUNE_OFFICE)
    assert said.status == 0, said.err
    assert [line.split()[0] for line in said.out.splitlines()] == [one.value for one in StepName]
    file = tmp_path / "route.toml"
    file.write_text(tomli_w.dumps(options("http://127.0.0.1:1")), "utf-8")
    assert shell("route", "probe", "--file", file).status == 2
    said = shell("route", "probe", "--file", file, "--adapter", "rest")
    assert said.status == 1
    assert "FAILED" in said.out
    assert "cause: No connection" in said.out
    assert "next: " in said.out
    told = json.loads(shell("route", "probe", "--file", file, "--adapter", "rest", "--json").out)
    assert [one["state"] for one in told] == [OK, OK, FAILED, NOT, NOT, NOT]
    assert told[2]["code"] == "WASL-DLV-001"
    assert told[2]["next"]
    file.write_text(tomli_w.dumps({"adapter": "telex", "options": {}}), "utf-8")
    assert "WASL-DLV-061" in shell("route", "probe", "--file", file).out
    assert shell("route", "probe").status == 2
    assert shell("route", "probe", "B0000999-I").status == 2


def test_the_command_shows_the_exact_call_and_sends_none(
    hub: HubUnderTest, shell: Shell, system: Any, tmp_path: Path
) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)))
    before = len(system.taken)
    said = shell("route", "preview", COMMUNE_OFFICE)
    assert said.status == 0, said.err
    assert f"POST {url_of(system)}/in" in said.out
    assert KEY not in said.out
    [call] = json.loads(shell("route", "preview", COMMUNE_OFFICE, "--json").out)
    assert "تجربة" in json.loads(call["body"])["objet"]
    signed = hub.signed(hub.envelope(subject="DEMONSTRATION رسالة"))
    envelope = tmp_path / "envelope.xml"
    envelope.write_bytes(signed.root)
    assert "DEMONSTRATION رسالة" in shell("route", "preview", COMMUNE_OFFICE, "--envelope", envelope).out
    [delivery] = accept(hub, subject="DEMONSTRATION accepted")
    reference = json.loads(shell("delivery", "show", delivery, "--json").out)["line"]["reference"]
    assert "DEMONSTRATION accepted" in shell("route", "preview", COMMUNE_OFFICE, "--reference", reference).out
    assert len(system.taken) == before


def test_a_preview_says_what_is_wrong_with_a_mapping(
    hub: HubUnderTest, shell: Shell, system: Any, tmp_path: Path
) -> None:
    broken = options(url_of(system))
    broken["create"]["body"] = {"objet": "join('', envelope.body)"}
    file = tmp_path / "route.toml"
    file.write_text(tomli_w.dumps({"adapter": "rest", "options": broken}), "utf-8")
    said = shell("route", "preview", "--file", file)
    assert said.status == 1
    assert "WASL-DLV-074" in said.err
    assert "objet" in said.err
    assert "next: " in said.err
    told = json.loads(shell("route", "preview", "--file", file, "--json").out)
    assert (told["code"], bool(told["action"])) == ("WASL-DLV-074", True)
    nonsense = tmp_path / "no-envelope.xml"
    nonsense.write_bytes(b"<a>\x00")
    assert shell("route", "preview", COMMUNE_OFFICE, "--envelope", nonsense).status == 1
    assert shell("route", "preview", COMMUNE_OFFICE, "--reference", "7K3M-Q9XT-V2H").status == 1


def test_a_test_letter_goes_the_real_way_and_is_shown(hub: HubUnderTest, shell: Shell, system: Any) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)), accepts_test=True)
    hub.clock.forward(hours=1)  # the command accepts by the real clock; this worker must not be behind it
    ended = threading.Event()

    def work() -> None:
        dispatch = dispatcher(hub.gateway, "worker-1")
        dispatch = replace(dispatch, contexts=_with_secret(dispatch.contexts))
        while not ended.wait(0.05):
            dispatch.run_once()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        said = shell("route", "try", COMMUNE_OFFICE, "--as", "operator-1", "--json", "--wait", "20")
        again = shell("route", "try", COMMUNE_OFFICE, "--as", "operator-1")
    finally:
        ended.set()
        worker.join()
    assert said.status == again.status == 0, said.err + again.err
    told = json.loads(said.out)
    assert (told["state"], told["registerNumber"]) == ("HANDED_OVER", "C-2026/7")
    [call] = told["attempts"][0]["exchange"]["calls"]
    assert call["headers"]["X-Api-Key"] == "‹masked›"
    assert {one["kind"] for one in told["receipts"]} >= {"delivery", "registration"}
    assert "HANDED_OVER" in again.out
    letter = json.loads(system.taken[-1])
    assert "TEST" in letter["objet"]
    assert "operator-1" in letter["texte"]


def _with_secret(contexts: Any) -> Any:
    return lambda route: replace(contexts(route), secret=lambda _: KEY)


def test_a_route_that_takes_no_tests_gets_none(hub: HubUnderTest, shell: Shell, system: Any) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)))
    before = len(system.taken)
    said = shell("route", "try", COMMUNE_OFFICE)
    assert said.status == 1
    assert "accepts_test" in said.err
    assert shell("route", "try", COMMUNE_OFFICE, "--really").status == 2
    assert len(system.taken) == before


def test_without_a_worker_the_command_says_so(hub: HubUnderTest, shell: Shell, system: Any) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)), accepts_test=True)
    said = shell("route", "try", COMMUNE_OFFICE, "--wait", "1")
    assert said.status == 3
    assert "is a worker running?" in said.err


def test_a_test_letter_that_fails_before_it_is_sent_says_why(
    hub: HubUnderTest, shell: Shell, system: Any
) -> None:
    route_of_commune(hub, adapter="rest", options=options(url_of(system)), accepts_test=True)
    hub.clock.forward(hours=1)
    without = replace(hub.gateway, adapters={})
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            dispatcher(without, "worker-1").run_once()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        said = shell("route", "try", COMMUNE_OFFICE, "--wait", "20")
    finally:
        ended.set()
        worker.join()
    assert said.status == 1
    assert "WAITING" in said.out
    assert "WASL-DLV-061: The hub has no adapter of the kind" in said.out
    assert "next: wasl adapter list shows" in said.out
