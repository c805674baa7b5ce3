"""Every adapter keeps the contract, towards real foreign systems and towards misbehaving ones."""

from __future__ import annotations

import configparser
import hashlib
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tomllib
import tracemalloc
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date as Day
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.bot import BotAdapter, Part
from adapters.contract import (
    Adapter,
    Context,
    Delivered,
    Finds,
    Letter,
    Notice,
    Previews,
    Probes,
    TellsSenders,
)
from adapters.folder import FolderAdapter
from adapters.rest import RestAdapter
from adapters.skeleton import SkeletonAdapter
from adapters.soap import SoapAdapter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import (
    Ambiguous,
    Declined,
    DeliveryError,
    Misconfigured,
    Permanent,
    Temporary,
)
from gateway.kit.rogue import HABITS, Habit, rogue, serving, url_of
from gateway.kit.run import examined
from gateway.kit.scorecard import Result
from gateway.kit.subject import Subject
from tests.support import sshd
from tests.unit.adapters.doubles import NOW, PLAN, attachment, envelope, letter

ROOT = Path(__file__).parents[2]
SYSTEMS = ROOT / "examples/systems"
KEY = "key-of-the-test"
ACCOUNT = "wasl:password-of-the-test"
HTTP = GuardedHttp(
    HttpSettings(allow=("127.0.0.0/8",), limits=HttpLimits(5, 0.5, 20, answer_bytes=1024 * 1024))
)
ADAPTERS: tuple[Adapter, ...] = (RestAdapter(), SoapAdapter(), SkeletonAdapter())
DROPS = (FolderAdapter(),)
"""Kinds that lay letters down where a system finds them."""
PLAYERS = (BotAdapter(),)
"""Kinds that call nobody."""
WSDL = (SYSTEMS / "courrier_soap/courrier.wsdl").read_text("utf-8")
WSDL = WSDL.replace("{adresse}", "http://target.example/courrier")


SECRETS = {"commune-key": KEY, "courrier-account": ACCOUNT.partition(":")[2], "wrong": "wrong"}


def context(options: dict[str, Any]) -> Context:
    return Context(HTTP, options, SECRETS.__getitem__, lambda: NOW, HTTP.dial, (Path("/"),))


# The foreign systems -------------------------------------------------------------------------------


@dataclass(frozen=True)
class System:
    """A running foreign system: a route to it, and what it holds."""

    adapter: Adapter
    url: str
    options: dict[str, Any]
    held: Callable[[], list[dict[str, Any]]]

    @property
    def context(self) -> Context:
        return context(self.options)


def fetched(url: str, headers: dict[str, str] | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
        content: bytes = answer.read()
    return content


@contextmanager
def process(name: str, folder: Path, *flags: str) -> Iterator[str]:
    """A system as its own process; its address. It must end well on SIGTERM."""
    command = [
        sys.executable,
        str(SYSTEMS / name / "server.py"),
        "--port",
        "0",
        "--data",
        str(folder),
        *flags,
    ]
    environment = {**os.environ, "COMMUNE_CLE": KEY, "COURRIER_COMPTE": ACCOUNT}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield ready_line(running).split()[-1].rstrip("/")
        finally:
            running.send_signal(signal.SIGTERM)
            ended = running.wait(10)
    assert ended == 0


def ready_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(running.stdout, selectors.EVENT_READ)
        assert selector.select(30), "the system did not become ready"
    return running.stdout.readline()


@contextmanager
def commune(folder: Path, *flags: str) -> Iterator[System]:
    options = tomllib.loads((SYSTEMS / "commune_rest/route.toml").read_text("utf-8"))
    with process("commune_rest", folder, *flags) as url:
        options["base_url"] = f"{url}/api/v2"

        def held() -> list[dict[str, Any]]:
            answer = json.loads(fetched(f"{url}/api/v2/dossiers", {"X-Api-Key": KEY}))
            return [folder for folder in answer["dossiers"] if folder["etat"] == "enregistre"]

        yield System(ADAPTERS[0], url, options, held)


@contextmanager
def ministry(folder: Path, *flags: str) -> Iterator[System]:
    options = tomllib.loads((SYSTEMS / "courrier_soap/route.toml").read_text("utf-8"))
    options["auth"] = {"kind": "basic", "username": "wasl", "secret": "courrier-account"}
    with process("courrier_soap", folder, *flags) as url:
        options["wsdl_url"] = f"{url}/courrier?wsdl"

        def held() -> list[dict[str, Any]]:
            entries: list[dict[str, Any]] = json.loads(fetched(f"{url}/registre.json"))
            return entries

        yield System(ADAPTERS[1], url, options, held)


class Plain(BaseHTTPRequestHandler):
    """What the skeleton talks to: keeps octets by key and answers a number."""

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        kept: dict[str, Any] = self.server.kept  # type: ignore[attr-defined]
        kept.setdefault(self.headers["Idempotency-Key"], {"octets": octets})
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(str(len(kept)).encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def plain(_: Path, *flags: str) -> Iterator[System]:
    assert not flags
    server = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    server.kept = {}  # type: ignore[attr-defined]
    with serving(server) as url:
        yield System(ADAPTERS[2], url, {"url": url}, lambda: list(server.kept.values()))  # type: ignore[attr-defined]


DROP: dict[str, Any] = {
    "inbox": "arrivee",
    "taken": ["traite"],
    "keeps": True,
    "manifest": {"mapping": {"objet": "envelope.subject", "livraison": "deliveryId"}},
}


@contextmanager
def drop(folder: Path, *flags: str) -> Iterator[System]:
    """A system that watches a folder, and moves every other letter out of it."""
    assert not flags
    for name in ("arrivee", "traite"):
        (folder / name).mkdir(parents=True)

    def held() -> list[dict[str, Any]]:
        letters = sorted(folder.glob("*/*/manifest.json"))
        if len(letters) % 2:
            letters[0].parent.rename(folder / "traite" / letters[0].parent.name)
        return [json.loads(found.read_text("utf-8")) for found in sorted(folder.glob("*/*/manifest.json"))]

    yield System(DROPS[0], str(folder), {**DROP, "place": str(folder)}, held)


@contextmanager
def remote_drop(folder: Path, *flags: str) -> Iterator[System]:
    """The same behind OpenSSH."""
    if not sshd.INSTALLED:
        pytest.skip("no sshd here: a folder behind an SFTP server")
    with drop(folder / "place", *flags) as local, sshd.sshd(folder / "ssh") as server:
        SECRETS["sftp-key"] = server.key
        yield replace(local, options={**DROP, **server.route(folder / "place")})


SYSTEM_OF = {
    "rest": commune,
    "soap": ministry,
    "skeleton": plain,
    "folder": drop,
    "folder over sftp": remote_drop,
}
TELLING = pytest.mark.parametrize("system", [adapter.kind for adapter in ADAPTERS], indirect=True)


@pytest.fixture(scope="module", params=list(SYSTEM_OF))
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with SYSTEM_OF[request.param](tmp_path_factory.mktemp(request.param.replace(" ", "-"))) as running:
        yield running


def numbered(number: int, **changes: Any) -> Letter:
    """A letter that no other test sends."""
    return letter(delivery_id=f"018f0000-0000-7000-8000-{number:012d}", **changes)


def deliver(system: System, one: Letter) -> Delivered:
    return system.adapter.deliver(one, system.context)


def of(entries: list[dict[str, Any]], one: Letter) -> list[dict[str, Any]]:
    return [entry for entry in entries if one.delivery_id in entry.values()]


# What every kind promises --------------------------------------------------------------------------


def test_every_kind_of_the_project_is_under_this_contract() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options.entry_points"]["wasl.adapters"].strip().splitlines()
    registered = {line.partition("=")[0].strip() for line in lines}
    assert registered <= {adapter.kind for adapter in (*ADAPTERS, *DROPS, *PLAYERS)}
    assert {name.partition(" ")[0] for name in SYSTEM_OF} == {one.kind for one in (*ADAPTERS, *DROPS)}


def test_options_are_judged_without_any_call(system: System) -> None:
    assert system.adapter.check_options(system.options) == []
    assert system.adapter.check_options({})
    assert system.adapter.check_options({**system.options, "no such key": 1})


def test_letter_is_delivered_with_the_targets_own_word_for_it(system: System) -> None:
    before = len(system.held())
    done = deliver(system, numbered(1))
    assert done.target_reference
    assert len(system.held()) == before + 1


def test_repeat_arrives_once_where_the_kind_promises_it(system: System) -> None:
    one = numbered(2)
    before = len(system.held())
    first = deliver(system, one)
    if isinstance(system.adapter, Finds):
        found = system.adapter.find(one.delivery_id, one.reference, system.context)
        assert found is not None
        assert found.register_number == first.register_number
    if system.adapter.kind != "soap":
        assert deliver(system, one).target_reference == first.target_reference
    assert len(system.held()) == before + 1


def test_find_does_not_find_what_never_came(system: System) -> None:
    if isinstance(system.adapter, Finds):
        assert system.adapter.find(numbered(3).delivery_id, "7K2M-9QXT-4RB", system.context) is None
    else:
        assert system.adapter.idempotent


def test_preview_and_probe_leave_nothing_behind(system: System) -> None:
    before = system.held()
    if isinstance(system.adapter, Previews):
        assert all(KEY not in str(shown) for shown in system.adapter.preview(numbered(4), system.context))
    if isinstance(system.adapter, Probes):
        assert system.adapter.probe(system.context)
    assert system.held() == before


def test_target_that_is_down_is_temporary(system: System) -> None:
    with closing(socket.socket()) as reserved:
        # Bound but not listening: the port refuses connections and nobody else takes it.
        reserved.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(Temporary, match="WASL-DLV-001"):
            system.adapter.deliver(numbered(5), context(pointed(system.adapter, dead)))


# Played recipients ---------------------------------------------------------------------------------


class NoWay:
    """A way out that nobody may take."""

    def request(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("a bot calls nobody")


def played(options: dict[str, Any], moment: datetime = NOW) -> Context:
    return Context(NoWay(), options, {}.__getitem__, lambda: moment)


@pytest.mark.parametrize("adapter", PLAYERS, ids=lambda adapter: adapter.kind)
@pytest.mark.parametrize("part", [Part.ACCEPT, Part.SLOW, Part.DUPLICATE], ids=lambda part: part.value)
def test_played_recipient_takes_a_test_letter_alike_however_often_it_comes(
    adapter: BotAdapter, part: Part
) -> None:
    context = played({"plays": part.value}, NOW + timedelta(minutes=1))
    one = numbered(1, envelope=envelope(test=True))
    first = adapter.deliver(one, context)
    assert first.register_number == first.target_reference == adapter.deliver(one, context).register_number
    assert adapter.honours_repeats(context.options)
    other = adapter.deliver(numbered(2, envelope=envelope(test=True)), context)
    assert other.register_number != first.register_number
    assert adapter.check_options(context.options) == []


@pytest.mark.parametrize("adapter", PLAYERS, ids=lambda adapter: adapter.kind)
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"plays": "refuse", "code": "WASL-DLV-031"}, Declined),
        ({"plays": "refuse", "code": "WASL-DLV-039", "text": "not today"}, Declined),
        ({"plays": "slow", "seconds": 90}, Temporary),
        ({"plays": "ambiguous"}, Ambiguous),
        ({"plays": "late"}, Temporary),
    ],
)
def test_played_trouble_is_one_of_the_failures_of_a_delivery(
    adapter: BotAdapter, options: dict[str, Any], kind: type[DeliveryError]
) -> None:
    assert adapter.check_options(options) == []
    with pytest.raises(DeliveryError) as caught:
        adapter.deliver(numbered(3, envelope=envelope(test=True)), played(options))
    assert type(caught.value) is kind


@pytest.mark.parametrize("adapter", PLAYERS, ids=lambda adapter: adapter.kind)
@pytest.mark.parametrize("part", list(Part), ids=lambda part: part.value)
def test_played_recipient_takes_no_real_letter_whatever_it_plays(adapter: BotAdapter, part: Part) -> None:
    options = {"plays": part.value} | ({"code": "WASL-DLV-031"} if part is Part.REFUSE else {})
    with pytest.raises(Permanent, match="WASL-DLV-018") as caught:
        adapter.deliver(numbered(4), played(options))
    assert type(caught.value) is Permanent


@pytest.mark.parametrize("adapter", PLAYERS, ids=lambda adapter: adapter.kind)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"plays": "dead"},
        {"plays": "refuse"},
        {"plays": "refuse", "code": "WASL-DLV-001"},
        {"plays": "refuse", "code": "WASL-DLV-039"},
        {"plays": "accept", "seconds": 3},
        {"plays": "slow", "seconds": -1},
        {"plays": "slow", "seconds": "soon"},
        {"plays": "accept", "no such key": 1},
    ],
)
def test_part_that_nobody_can_play_is_a_fault_of_the_route(
    adapter: BotAdapter, options: dict[str, Any]
) -> None:
    assert adapter.check_options(options)
    with pytest.raises(Misconfigured):
        adapter.deliver(numbered(5, envelope=envelope(test=True)), played(options))


# Telling senders -----------------------------------------------------------------------------------


def notice(number: int, **changes: Any) -> Notice:
    """A receipt that no other test tells."""
    plain = Notice(
        receipt_id=f"018f0000-0000-7000-9000-{number:012d}",
        kind="registration",
        event="urn:wasl:event:Registered",
        event_time=NOW,
        sealed=b"<Receipt>\xc3\xa9</Receipt>",
        media_type="application/xml",
        content_digest="ab" * 32,
        reference="7K2M-9QXT-4RB",
        message_id="018f0000-0000-7000-8000-000000000002",
        subject="<d'essai> & «été»",
        office="B0000002-4",
        office_name="مكتب الضبط",
        register_number="C-26/7",
        register_date=Day(2026, 11, 22),
    )
    return replace(plain, **changes)


def telling_options(system: System) -> dict[str, Any]:
    """What a party whose system this is declares under ``[party.receipts.options]``."""
    if system.adapter.kind == "skeleton":
        return system.options
    name = {"rest": "commune_rest", "soap": "courrier_soap"}[system.adapter.kind]
    declared = tomllib.loads((SYSTEMS / name / "receipts.toml").read_text("utf-8"))
    same = {key: system.options[key] for key in ("base_url", "wsdl_url", "auth") if key in system.options}
    return declared | same


def tell(system: System, one: Notice) -> None:
    adapter = system.adapter
    assert isinstance(adapter, TellsSenders)
    assert adapter.check_telling(telling_options(system)) == []
    assert adapter.check_telling({**telling_options(system), "no such key": 1})
    adapter.tell(one, context(telling_options(system)))


def acknowledgments(system: System) -> list[dict[str, Any]]:
    """What a foreign system was told, the newest first."""
    if system.adapter.kind == "rest":
        answer = json.loads(fetched(f"{system.url}/api/v2/accuses", {"X-Api-Key": KEY}))
        return [{**one, "identifiant": one["cle"]} for one in answer["accuses"]]
    found: list[dict[str, Any]] = json.loads(fetched(f"{system.url}/accuses.json"))
    return found


@TELLING
def test_senders_system_takes_a_receipt_once_however_often_it_is_told(system: System) -> None:
    before = system.held()
    for _ in range(2):
        tell(system, notice(1))
    if system.adapter.kind == "skeleton":
        assert len(system.held()) == len(before) + 1
        return
    assert system.held() == before
    [told] = [one for one in acknowledgments(system) if one["identifiant"] == notice(1).receipt_id]
    assert (told["reference"], told["numero"]) == ("7K2M-9QXT-4RB", "C-26/7")
    assert fetched(f"{system.url}/accuses/{told['rang']}") == notice(1).sealed


@TELLING
def test_senders_system_that_is_down_is_temporary(system: System) -> None:
    assert isinstance(system.adapter, TellsSenders)
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(Temporary, match="WASL-DLV-001"):
            system.adapter.tell(notice(2), context(telling_pointed(system.adapter, dead)))


# Misbehaving targets -------------------------------------------------------------------------------

SINGLE_CALL = {
    "rest": {
        "create": {"path": "/in", "body": {"s": "envelope.subject"}, "reads": {"target_reference": "id"}}
    },
    "soap": tomllib.loads((SYSTEMS / "courrier_soap/route.toml").read_text("utf-8")),
    "skeleton": {},
}


def pointed(adapter: Adapter, url: str) -> dict[str, Any]:
    """Options by which a single call to that address hands a letter over."""
    if adapter in DROPS:
        known = {"user": "wasl", "auth": "password", "secret": "wrong", "host_keys": ["SHA256:" + "A" * 43]}
        return {**DROP, "place": url.replace("http:", "sftp:") + "/", "sftp": known}
    key = {"rest": "base_url", "soap": "wsdl_url", "skeleton": "url"}[adapter.kind]
    return {**SINGLE_CALL[adapter.kind], key: f"{url}/courrier?wsdl" if key == "wsdl_url" else url}


def telling_pointed(adapter: Adapter, url: str) -> dict[str, Any]:
    """Options by which a call to that address tells a receipt."""
    name = {"rest": "commune_rest", "soap": "courrier_soap"}.get(adapter.kind)
    declared = tomllib.loads((SYSTEMS / name / "receipts.toml").read_text("utf-8")) if name else {}
    pointed_at = pointed(adapter, url)
    key = {"rest": "base_url", "soap": "wsdl_url", "skeleton": "url"}[adapter.kind]
    return {**declared, key: pointed_at[key]}


# who drips is cut off at the end of the whole time, which is long here
BRISK = [habit for habit in HABITS if habit.name != "drip"]
MISBEHAVING = pytest.mark.parametrize("habit", BRISK, ids=lambda habit: habit.name)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.kind)
@MISBEHAVING
def test_misbehaving_senders_system_is_judged_as_a_target_is(adapter: Adapter, habit: Habit) -> None:
    assert isinstance(adapter, TellsSenders)
    with rogue(habit.act, WSDL.encode()) as server, pytest.raises(DeliveryError) as caught:
        adapter.tell(notice(3), context(telling_pointed(adapter, url_of(server))))
    assert type(caught.value) is habit.sort, caught.value


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.kind)
def test_every_kind_keeps_what_the_kit_asks_of_an_outsiders(adapter: Adapter) -> None:
    options = pointed(adapter, "http://target.example")
    marks = list(examined(Subject(adapter, adapter.kind, options, WSDL.encode())))
    assert [mark for mark in marks if mark.result is Result.BROKEN] == []
    assert sum(mark.result is Result.KEPT for mark in marks) >= len(HABITS) + 4


# The foreign systems' own habits -------------------------------------------------------------------

# The skeleton's target has neither types, documents, credentials nor a page.
FOREIGN = pytest.mark.parametrize("system", ["rest", "soap"], indirect=True)


@pytest.fixture(params=["rest", "soap"])
def starting(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Starts a foreign system with habits of its own."""
    return lambda *flags: SYSTEM_OF[request.param](tmp_path / "data", *flags)


@FOREIGN
def test_what_arrives_is_what_was_signed(system: System) -> None:
    one = numbered(7)
    done = deliver(system, one)
    [entry] = of(system.held(), one)
    assert done.digests_confirmed
    assert done.register_number == entry["numero"]
    assert done.register_date is not None
    documents = entry["documents" if system.adapter.kind == "rest" else "pieces"]
    folder = "documents" if system.adapter.kind == "rest" else "pieces"
    assert [document["nom"] for document in documents] == ['plan "été".pdf', "enveloppe-7K2M-9QXT-4RB.xml"]
    contents = [fetched(f"{system.url}/{folder}/{document['id']}") for document in documents]
    assert contents == [PLAN, one.original]


@FOREIGN
def test_register_page_shows_the_letter_and_never_its_markup(system: System) -> None:
    done = deliver(system, numbered(8))
    page = fetched(f"{system.url}/").decode()
    assert done.register_number is not None
    assert done.register_number in page
    assert "&lt;d&#" in page
    assert "<d'essai>" not in page


@FOREIGN
def test_page_shows_what_its_system_was_told_and_never_its_markup(system: System) -> None:
    tell(system, notice(4))
    rejection = notice(
        5, kind="rejection", reference=None, register_number=None, register_date=None,
        reasons=(("WASL-RTE-001", "<b>no</b> such office"),),
    )  # fmt: skip
    tell(system, rejection)
    page = fetched(f"{system.url}/").decode()
    assert "C-26/7" in page
    assert "مكتب الضبط" in page
    assert "22/11/2026" in page
    assert "such office" in page
    assert "<b>no" not in page
    assert "<d'essai>" not in page


@pytest.mark.parametrize("system", ["soap"], indirect=True)
def test_senders_system_refuses_what_it_does_not_know_for_good(system: System) -> None:
    assert isinstance(system.adapter, TellsSenders)
    options = telling_options(system)
    options["request"] = {**options["request"], "CodeEtape": "'XXX'"}
    with pytest.raises(Permanent, match="ETAPE_INCONNUE"):
        system.adapter.tell(notice(6), context(options))


@FOREIGN
def test_unknown_type_is_refused_for_good(system: System) -> None:
    one = numbered(9, document_type="STRANGE")
    with pytest.raises(Permanent):
        deliver(system, one)
    assert of(system.held(), one) == []


@FOREIGN
def test_wrong_credentials_wait_for_an_operator(system: System) -> None:
    auth = {**system.options["auth"], "secret": "wrong"}
    with pytest.raises(Temporary, match="WASL-DLV-013"):
        system.adapter.deliver(numbered(10), context({**system.options, "auth": auth}))


@pytest.mark.parametrize(
    ("kind", "flag", "seconds"),
    [("soap", "--fault-every", 5), ("rest", "--wait-every", 2), ("rest", "--outage-every", 3)],
)
def test_passing_trouble_passes(kind: str, flag: str, seconds: float, tmp_path: Path) -> None:
    with SYSTEM_OF[kind](tmp_path, flag, "2") as system:
        deliver(system, numbered(11))
        one = numbered(12)
        with pytest.raises(Temporary) as caught:
            deliver(system, one)
        assert caught.value.retry_after == seconds
        assert of(system.held(), one) == []
        deliver(system, one)
        assert len(of(system.held(), one)) == 1


def test_letter_that_was_taken_before_the_connection_broke_is_found(starting: Callable[..., Any]) -> None:
    one = numbered(13)
    with starting("--cut-every", "1") as system:
        with pytest.raises(Ambiguous):
            deliver(system, one)
        found = system.adapter.find(one.delivery_id, one.reference, system.context)
        assert found is not None
        [entry] = of(system.held(), one)
        assert found.register_number == entry["numero"]


def test_registers_outlive_their_process(starting: Callable[..., Any]) -> None:
    one = numbered(14)
    with starting() as system:
        first = deliver(system, one)
    with starting() as system:
        assert [entry["numero"] for entry in of(system.held(), one)] == [first.register_number]
        assert deliver(system, numbered(15)).register_number != first.register_number


def test_altered_document_is_refused_by_the_ministry(tmp_path: Path) -> None:
    with ministry(tmp_path) as system:
        options = json.loads(json.dumps(system.options))
        expression = options["request"]["PiecesJointes"]["PieceJointe"]
        options["request"]["PiecesJointes"]["PieceJointe"] = expression.replace("sha256", '`"00"`')
        with pytest.raises(Permanent, match="PIECE_ALTEREE"):
            system.adapter.deliver(numbered(16), context(options))
        assert system.held() == []


def test_ministry_enters_a_repeat_twice(tmp_path: Path) -> None:
    with ministry(tmp_path) as system:
        one = numbered(17)
        deliver(system, one)
        deliver(system, one)
        assert len(of(system.held(), one)) == 2


def test_large_attachment_passes_in_constant_memory(tmp_path: Path) -> None:
    size = 48 * 1024 * 1024
    digest = hashlib.sha256(bytes(size)).hexdigest()
    large = replace(attachment(), size=size, sha256=digest)
    one = numbered(18, envelope=envelope(attachments=(large,)), open=lambda _: Zeros(size))
    # a machine that is busy needs its time for so much, and it is memory that is looked at
    limits = HttpLimits(30, 60, 300, answer_bytes=1024 * 1024)
    patient = GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=limits))
    with commune(tmp_path) as system:
        tracemalloc.start()
        try:
            done = system.adapter.deliver(one, replace(system.context, http=patient))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert done.digests_confirmed
        assert of(system.held(), one)[0]["documents"][0]["taille"] == size
    assert peak < 4 * 1024 * 1024


class Zeros(io.RawIOBase):
    """That many zeros, never all at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        taken = self._left if size < 0 else min(size, self._left)
        self._left -= taken
        return bytes(taken)
