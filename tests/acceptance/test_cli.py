"""The command line: what it says, what it leaves behind, and by which status it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import tomli_w
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.cli import main
from gateway.exchange.registry.apply import Registry
from tests.support.commands import load_all
from tests.support.evidence import settled
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    MINISTRY,
    MINISTRY_OFFICE,
    NAMES,
    HubUnderTest,
    registry_table,
)
from tests.support.systems import Simulator, fresh_hub

NOBODY = "B0000999-I"


@dataclass(frozen=True)
class Said:
    """What a command said and by which status it ended."""

    status: int
    out: str
    err: str


class Shell:
    """Runs commands in this process, as the installed command would."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], home: Path) -> None:
        self._patch, self._capture = patch, capture
        for name in [name for name in os.environ if name.startswith("WASL_")]:
            patch.delenv(name)
        self.set(WASL_HOME=str(home))

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._patch.setenv(name, value)

    def __call__(self, *arguments: object) -> Said:
        self._patch.setattr(sys, "argv", ["wasl", *map(str, arguments)])
        self._capture.readouterr()  # what the hub of the test has logged so far is not the command's word
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = self._capture.readouterr()
        return Said(status, said.out, said.err)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# Help ----------------------------------------------------------------------------------------------


Way = tuple[str, ...]


def commands(found: Mapping[str, click.Command], *way: str) -> Iterator[tuple[Way, click.Command]]:
    for name, command in found.items():
        yield (*way, name), command
        if isinstance(command, click.Group):
            yield from commands(command.commands, *way, name)


EVERY = dict(commands(load_all()))


@pytest.mark.parametrize("way", [(), *EVERY], ids=" ".join)
def test_every_command_explains_itself_with_an_example(shell: Shell, way: tuple[str, ...]) -> None:
    said = shell(*way, "--help")
    assert said.status == 0
    assert f"Example: {'WASL_' if 'Example: WASL_' in said.out else 'wasl'}" in said.out
    assert " ".join(["wasl", *way]) in said.out.partition("Example:")[2].replace("\n", " ") or not way


@pytest.mark.parametrize("way", EVERY, ids=" ".join)
def test_every_option_is_explained(way: tuple[str, ...]) -> None:
    options = [one for one in EVERY[way].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("verify",), ("send", "--to", AGENCY_OFFICE), ("cert", "add")]
)
def test_wrong_usage_ends_with_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    said = shell(*arguments)
    assert (said.status, said.out) == (2, "")
    assert "Error" in said.err


def test_a_defect_is_no_answer(shell: Shell, hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Registry) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(Registry, "export", broken)
    said = shell("export")
    assert said.status == 3
    assert "KeyError" in said.err


def test_the_version_is_told(shell: Shell) -> None:
    said = shell("--version")
    assert (said.status, said.out.startswith("wasl, version ")) == (0, True)


# Home and settings ---------------------------------------------------------------------------------


def test_a_home_is_made_once_and_its_keys_stay(shell: Shell, tmp_path: Path) -> None:
    first = shell("init")
    assert first.status == 0
    assert "test keys and certificates" in first.out
    assert f"home ready: {tmp_path / 'home'}\n" in first.out
    assert first.out.endswith("fingerprints to publish: http://127.0.0.1:8080/pki/\n")
    assert "warning" in first.err
    keys = {path: path.read_bytes() for path in (tmp_path / "home/keys").iterdir()}
    assert keys
    second = shell("init")
    assert second.status == 0
    assert "test keys and certificates" not in second.out
    assert {path: path.read_bytes() for path in (tmp_path / "home/keys").iterdir()} == keys


def test_everything_that_is_wrong_with_the_settings_is_told_at_once(shell: Shell) -> None:
    shell.set(WASL_WEB_PORT="many", WASL_LIMITS_XML_DEPTH="2", WASL_WEB_PROT="8080")
    said = shell("check-config")
    assert (said.status, said.out) == (2, "")
    for word in ("web.port: ", "limits.xml_depth: ", "WASL_WEB_PROT: no such option"):
        assert word in said.err
    assert said.err.count("wasl: ") == 3


def test_good_settings_are_said_to_be_good(shell: Shell, hub: HubUnderTest) -> None:
    said = shell("check-config")
    assert said.status == 0
    assert str(hub.home) in said.out
    assert "rest, soap" in said.out


def test_a_home_without_keys_is_no_good_setting(shell: Shell) -> None:
    said = shell("check-config")
    assert (said.status, "keys" in said.err) == (2, True)


def test_stand_ins_end_the_start_in_production(shell: Shell) -> None:
    shell.set(
        WASL_HUB_PRODUCTION="true",
        WASL_HUB_CODE="REAL",
        WASL_HUB_PUBLIC_URL="https://hub.example",
        WASL_LEDGER_ORIGIN="hub.example/ledger",
        WASL_TIMESTAMPS_AUTHORITIES="https://tsa.example/",
    )
    said = shell("init")
    assert said.status == 2
    assert "stand-in" in said.err


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("command", "variable", "key", "status"),
    [("serve", "WASL_WEB_PORT", "web.port", 2), ("demo", "WASL_DEMO_REST_PORT", "demo.rest_port", 1)],
)
def test_a_taken_port_is_said_plainly(
    tmp_path: Path, command: str, variable: str, key: str, status: int
) -> None:
    with taken_port() as port:
        environment = {
            **os.environ,
            "WASL_HOME": str(tmp_path),
            "WASL_WEB_PORT": str(free_port()),
            "WASL_DEMO_SOAP_PORT": str(free_port()),
            "WASL_DEMO_REST_PORT": str(free_port()),
            variable: str(port),
        }
        done = subprocess.run(
            [sys.executable, "-m", "gateway", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == status
    assert f"wasl: {key}: port {port} on 127.0.0.1 is taken" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# Registry ------------------------------------------------------------------------------------------


@pytest.fixture
def declared(hub: HubUnderTest) -> Path:
    path = hub.home / "registry.toml"
    path.write_text(tomli_w.dumps(registry_table(hub.pki, {MINISTRY_OFFICE: {"kind": "inbox"}})), "utf-8")
    return path


def test_a_registry_file_is_applied_once(shell: Shell, declared: Path) -> None:
    first = shell("apply", declared, "--as", "operator")
    assert first.status == 0
    assert not first.out.endswith("\n0 changes\n")
    assert shell("apply", declared).out == "0 changes\n"


def test_what_is_exported_can_be_applied(shell: Shell, declared: Path, tmp_path: Path) -> None:
    shell("apply", declared)
    exported = shell("export")
    assert exported.status == 0
    assert {party["id"] for party in tomllib.loads(exported.out)["party"]} == set(NAMES)
    file = tmp_path / "exported.toml"
    file.write_text(exported.out, "utf-8")
    assert shell("apply", file).out == "0 changes\n"


def test_a_registry_file_with_faults_changes_nothing_and_names_them_all(
    shell: Shell, declared: Path, hub: HubUnderTest
) -> None:
    before = shell("export").out
    table = tomllib.loads(declared.read_text("utf-8"))
    table["party"][0]["kind"] = "kingdom"
    table["office"][1]["route"] = {"kind": "pigeon"}
    declared.write_text(tomli_w.dumps(table), "utf-8")
    said = shell("apply", declared)
    assert said.status == 2
    assert "party[0].kind" in said.err
    assert "office[1].route.kind" in said.err
    assert shell("export").out == before


@pytest.mark.parametrize("content", [b"[[party", b"\xff\xfe"])
def test_a_file_that_is_no_registry_is_wrong_usage(
    shell: Shell, hub: HubUnderTest, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "registry.toml"
    file.write_bytes(content)
    said = shell("apply", file)
    assert said.status == 2
    assert "registry.toml" in said.err


@pytest.mark.parametrize(
    ("command", "key", "word"),
    [
        ("party", "id", MINISTRY),
        ("office", "id", MINISTRY_OFFICE),
        ("route", "office", MINISTRY_OFFICE),
        ("cert list", "party", MINISTRY),
    ],
)
def test_what_is_registered_is_listed_for_people_and_for_programs(
    shell: Shell, hub: HubUnderTest, command: str, key: str, word: str
) -> None:
    told = shell(*command.split())
    rows = json.loads(shell(*command.split(), "--json").out)
    assert told.status == 0
    assert len(told.out.splitlines()) == len(rows) >= 4
    assert word in {row[key] for row in rows}
    assert all(str(row[key]) in line for row, line in zip(rows, told.out.splitlines(), strict=True))


def test_a_certificate_is_registered_and_withdrawn(shell: Shell, hub: HubUnderTest) -> None:
    module = __import__("gateway.home", fromlist=["testpki"]).testpki()
    module.issue_party(hub.pki, "newcomer", organization="DEMONSTRATION newcomer")
    file = hub.pki.certificate_path("newcomer")

    def registered() -> dict[str, str]:
        rows = json.loads(shell("cert", "list", "--json").out)
        return {row["digest"]: row["state"] for row in rows if row["party"] == COMMUNE}

    before = registered()
    assert shell("cert", "add", COMMUNE, file, "--as", "operator").status == 0
    [new] = registered().keys() - before.keys()
    assert registered()[new] == "active"
    assert shell("cert", "withdraw", new).status == 0
    assert registered() == {**before, new: "withdrawn"}


def test_only_certificates_of_registered_parties_can_be_registered(
    shell: Shell, hub: HubUnderTest, tmp_path: Path
) -> None:
    file = hub.pki.certificate_path("ministry")
    said = shell("cert", "add", "A0000999-J", file)
    assert (said.status, "A0000999-J is not registered" in said.err) == (2, True)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    said = shell("cert", "add", MINISTRY, nothing)
    assert (said.status, "no certificate in PEM" in said.err) == (2, True)
    said = shell("cert", "withdraw", "0" * 64)
    assert (said.status, "is not registered" in said.err) == (2, True)


# Sending -------------------------------------------------------------------------------------------


class _Silent(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Live:
    """A hub that listens, and a sender's arguments for it."""

    hub: HubUnderTest
    url: str

    def sender(self, party: str = MINISTRY, key: str | None = None) -> tuple[object, ...]:
        name, pki = NAMES[party], self.hub.pki
        signing = (pki.key_path(key or name), pki.certificate_path(key or name))
        return ("--hub", self.url, "--party", party, "--key", signing[0], "--cert", signing[1])


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    hub = fresh_hub(tmp_path / "home", Simulator(), WASL_HUB_PUBLIC_URL=url)
    server = make_server("127.0.0.1", port, hub.app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Live(hub, url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("form", "suffix"), [("xml", ".xml"), ("json", ".jws")])
def test_a_letter_is_sent_followed_and_its_receipt_verified(
    shell: Shell, live: Live, tmp_path: Path, form: str, suffix: str
) -> None:
    plan, note = tmp_path / "plan.pdf", tmp_path / "note.unheard"
    plan.write_bytes(b"%PDF-1.7 plan fictif")
    note.write_bytes(b"note")
    out = tmp_path / "kept"
    said = shell(
        *("send", *live.sender(), "--to", AGENCY_OFFICE, "--to", COMMUNE, "--subject", "DEMONSTRATION"),
        *("--body", "Text", "--attach", plan, "--attach", note, "--format", form, "--out", out, "--json"),
    )
    told = json.loads(said.out)
    assert (said.status, told["status"], told["problem"]) == (0, 201, None)
    receipt = Path(told["receipt"])
    envelope = out / f"{told['messageId']}-envelope{suffix}"
    assert {path.name for path in out.iterdir()} == {receipt.name, envelope.name}
    assert receipt.name == f"{told['messageId']}-receipt-acceptance{suffix}"

    trust = live.hub.home / "trust"
    settled(live.hub, receipt, receipt.read_bytes())
    for original in (envelope, plan, note):
        verified = shell("verify", receipt, "--trust", trust, "--original", original)
        assert verified.status == 0, verified.out

    live.hub.dispatch().run_once()
    status = json.loads(shell("status", *live.sender(), told["reference"], "--json").out)
    assert [one["state"] for one in status["deliveries"]] == ["AVAILABLE", "HANDED_OVER"]
    lines = shell("status", *live.sender(), told["reference"]).out.splitlines()
    assert lines[0] == f"{told['reference']}  DEMONSTRATION"
    assert lines[2].endswith(": HANDED_OVER")


def test_people_are_told_the_reference(shell: Shell, live: Live, tmp_path: Path) -> None:
    letter = ("--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION", "--body", "Text")
    said = shell("send", *live.sender(), *letter, "--out", tmp_path / "kept")
    assert said.status == 0, said.out
    assert said.out.startswith("accepted under ")


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_refusal_leaves_its_receipt_and_gives_its_reasons(
    shell: Shell, live: Live, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "kept"
    letter = ("--to", NOBODY, "--subject", "DEMONSTRATION", "--body", "Text", "--format", form, "--out", out)
    said = shell("send", *live.sender(), *letter)
    assert said.status == 1
    [receipt] = out.glob("*-receipt-rejection.*")
    first, reason, advice = said.out.splitlines()
    assert first == f"not accepted (422): {receipt}"
    assert "WASL-RTE-001" in reason
    assert NOBODY in reason
    page = advice.removeprefix("  what to do: ")
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert "WASL-RTE-001" in answer.read().decode()
    settled(live.hub, receipt, receipt.read_bytes())
    assert shell("verify", receipt, "--trust", live.hub.home / "trust").status == 0
    told = json.loads(shell("send", *live.sender(), *letter, "--json").out)
    assert [one["code"] for one in told["reasons"]] == ["WASL-RTE-001"]


def test_a_problem_without_a_receipt_is_shown(shell: Shell, live: Live, tmp_path: Path) -> None:
    module = __import__("gateway.home", fromlist=["testpki"]).testpki()
    module.issue_party(live.hub.pki, "stranger", organization="DEMONSTRATION stranger")
    said = shell(
        *("send", *live.sender(key="stranger"), "--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION"),
        *("--out", tmp_path / "kept", "--json"),
    )
    told = json.loads(said.out)
    assert (said.status, told["status"], told["receipt"]) == (1, 422, None)
    assert json.loads(told["problem"])["code"].startswith("WASL-")
    said = shell(
        *("send", *live.sender(key="stranger"), "--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION"),
        *("--out", tmp_path / "kept"),
    )
    problem = json.loads(told["problem"])
    assert said.out == f"not accepted (422)\n  {problem['code']} {problem['title']} {problem['remedy']}\n"


def test_a_file_name_in_another_character_set_is_told_in_words(
    shell: Shell, live: Live, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode("résumé.pdf".encode("latin-1"))
    odd.write_bytes(b"%PDF-1.7")
    letter = ("--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION", "--attach", odd)
    said = shell("send", *live.sender(), *letter, "--out", tmp_path / "kept")
    assert said.status == 1
    assert said.err.startswith("wasl: WASL-ENV-105 The file name of attachment r\N{REPLACEMENT CHARACTER}sum")


def test_a_hub_that_does_not_answer_leaves_it_undecided(shell: Shell, live: Live, tmp_path: Path) -> None:
    away = ("--hub", f"http://127.0.0.1:{free_port()}", *live.sender()[2:])
    out = tmp_path / "kept"
    said = shell("send", *away, "--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION", "--out", out)
    assert said.status == 3
    assert "a repeat is safe" in said.err
    assert len(list(out.glob("*-envelope.xml"))) == 1
    said = shell("status", *away, "ABCD-EFGH-JK0")
    assert (said.status, said.err.startswith("no answer")) == (3, True)


def test_letters_of_others_are_not_told(shell: Shell, live: Live, tmp_path: Path) -> None:
    sent = shell(
        *("send", *live.sender(), "--to", AGENCY_OFFICE, "--subject", "DEMONSTRATION"),
        *("--out", tmp_path / "kept", "--json"),
    )
    reference = json.loads(sent.out)["reference"]
    said = shell("status", *live.sender(COMMUNE), reference)
    assert (said.status, "DEMONSTRATION" in said.out + said.err) == (1, False)
    assert said.err.startswith("wasl: WASL-REQ-005 There is nothing here that you may see. ")
    said = shell("status", *live.sender(COMMUNE, key="ministry"), reference)
    assert (said.status, said.err.startswith("not allowed")) == (1, True)


def test_a_key_that_is_not_the_certificates_is_told(shell: Shell, hub: HubUnderTest) -> None:
    pki = hub.pki
    said = shell(
        *("send", "--party", MINISTRY, "--key", pki.key_path("commune"), "--to", AGENCY_OFFICE),
        *("--cert", pki.certificate_path("ministry"), "--subject", "DEMONSTRATION"),
    )
    assert (said.status, "not the certificate of" in said.err) == (2, True)


# Verifying -----------------------------------------------------------------------------------------


@pytest.fixture
def receipt(hub: HubUnderTest, tmp_path: Path) -> Path:
    answer = hub.post(hub.signed())
    return settled(hub, tmp_path / "receipt.xml", answer.data)


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_a_good_receipt_ends_with_0(shell: Shell, hub: HubUnderTest, receipt: Path, language: str) -> None:
    said = shell("verify", receipt, "--trust", hub.home / "trust", "--language", language)
    assert (said.status, said.err) == (0, "")
    assert len(said.out.splitlines()) > 3


def test_a_changed_receipt_ends_with_1(shell: Shell, hub: HubUnderTest, receipt: Path) -> None:
    receipt.write_bytes(receipt.read_bytes().replace(b"SubmissionAcceptance", b"SubmissionAccEptance"))
    said = shell("verify", receipt, "--trust", hub.home / "trust", "--json")
    assert said.status == 1
    assert "bad" in {step["status"] for step in json.loads(said.out)["steps"]}


def test_another_original_ends_with_1(shell: Shell, hub: HubUnderTest, receipt: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"another letter")
    assert shell("verify", receipt, "--trust", hub.home / "trust", "--original", other).status == 1


@pytest.mark.parametrize("missing", ["receipt", "original"])
def test_a_file_that_is_not_there_is_wrong_usage(
    shell: Shell, hub: HubUnderTest, receipt: Path, tmp_path: Path, missing: str
) -> None:
    nowhere = tmp_path / "nowhere"
    arguments = (nowhere,) if missing == "receipt" else (receipt, "--original", nowhere)
    said = shell("verify", *arguments, "--trust", hub.home / "trust")
    assert (said.status, "Traceback" in said.err) == (2, False)


def test_a_seal_of_unknown_revocation_is_undecided(shell: Shell, hub: HubUnderTest, receipt: Path) -> None:
    for path in (hub.home / "trust" / "seal").glob("*.crl"):
        path.unlink()
    said = shell("verify", receipt, "--trust", hub.home / "trust", "--json")
    assert said.status == 3
    assert "revocation.unknown" in {step["code"] for step in json.loads(said.out)["steps"]}


def test_a_receipt_without_its_proof_is_undecided(shell: Shell, hub: HubUnderTest, receipt: Path) -> None:
    proof, token = receipt.with_name("receipt.xml.tlog-proof"), receipt.with_name("receipt.xml.tsr")
    proof, token = proof.rename(receipt.with_name("proof")), token.rename(receipt.with_name("token"))
    trust = ("--trust", hub.home / "trust")
    assert shell("verify", receipt, *trust).status == 3
    assert shell("verify", receipt, *trust, "--proof", proof).status == 3
    assert shell("verify", receipt, *trust, "--proof", proof, "--token", token).status == 0


def test_the_answer_is_written_as_a_page_too(
    shell: Shell, hub: HubUnderTest, receipt: Path, tmp_path: Path
) -> None:
    page, trust = tmp_path / "report.html", hub.home / "trust"
    said = shell("verify", receipt, "--trust", trust, "--report", page, "--language", "fr")
    assert said.status == 0
    assert "Rapport de vérification" in page.read_text("utf-8")
    assert shell("verify", receipt, "--trust", trust, "--report", tmp_path / "no" / "x").status == 2
