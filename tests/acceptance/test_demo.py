"""The demonstration runs from one command, and what it leaves proves itself without it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from lxml import etree

from gateway.trust.jws import sign_jws
from gateway.trust.seal import KeySealer, sign_xml
from gateway.verifier.verify import verify_file

# one worker for all of them: each would start a demonstration of its own
DEADLINE_S = 60
IN_XML, IN_JSON = "xml", "jws"


def with_its_proof(receipt: str) -> set[str]:
    stem = receipt.rpartition(".")[0]
    return {receipt, f"{stem}.tlog-proof", f"{stem}.tsr"}


def left_of(letter: str, form: str, *receipts: str) -> set[str]:
    """Every file that an accepted letter of the story leaves."""
    files = {f"{letter}-envelope.{form}", f"{letter}-evidence.asice"}
    for receipt in receipts:
        stem = f"{letter}-receipt-{receipt}"
        files |= with_its_proof(f"{stem}.{form}") | {f"{stem}.pdf"}
    ending = {IN_XML: "xml", IN_JSON: "json"}[form]
    return files | with_its_proof(f"{letter}-receipt-acceptance-long-term.{ending}")


FILES = {
    "STORY.md",
    *left_of(
        "01-works-notice",
        IN_XML,
        "acceptance",
        "availability-agency",
        "delivery-commune",
        "registration-commune",
        "time-limit-agency",
        "time-limit-commune",
    ),
    *left_of(
        "02-permit-request",
        IN_JSON,
        "acceptance",
        "delivery-ministry",
        "registration-ministry",
        "time-limit-ministry",
    ),
    *with_its_proof("03-works-notice-repeat-receipt-acceptance.xml"),
    "04-unknown-recipient-envelope.xml",
    *with_its_proof("04-unknown-recipient-receipt-rejection.xml"),
    "04-unknown-recipient-receipt-rejection.pdf",
}
BESIDE = (".tlog-proof", ".tsr")
VERIFIABLE = sorted(
    name for name in FILES if name.endswith(".asice") or ("-receipt-" in name and not name.endswith(BESIDE))
)
XML_RECEIPT, JWS_RECEIPT = (
    "01-works-notice-receipt-acceptance.xml",
    "02-permit-request-receipt-acceptance.jws",
)
PDF_RECEIPT, BUNDLE = "01-works-notice-receipt-acceptance.pdf", "01-works-notice-evidence.asice"
TOKEN = "01-works-notice-receipt-acceptance-long-term.tsr"


def needing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


JUDGES = [
    pytest.param(0, XML_RECEIPT, id="wasl"),
    pytest.param(1, BUNDLE, id="wasl on the bundle"),
    pytest.param(2, XML_RECEIPT, id="xmlsec1", marks=needing("xmlsec1")),
    pytest.param(
        3,
        JWS_RECEIPT,
        id="jwcrypto",
        marks=pytest.mark.skipif(find_spec("jwcrypto") is None, reason="jwcrypto is not installed"),
    ),
    pytest.param(4, PDF_RECEIPT, id="pdfsig", marks=needing("pdfsig")),
    pytest.param(5, TOKEN, id="openssl ts", marks=needing("openssl")),
    pytest.param(6, BUNDLE, id="openssl cms", marks=needing("openssl")),
]
SEALS = [JUDGES[number] for number in (0, 2, 3)]
"""Judges of a seal over one receipt in XML or JSON."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass(frozen=True)
class Stage:
    """A place for one demonstration."""

    home: Path
    ports: tuple[int, ...]

    @classmethod
    def in_folder(cls, folder: Path) -> Stage:
        # a space, because people have such folders and commands are copied from the account
        return cls(folder / "a home", tuple(free_ports(3)))

    @property
    def demo(self) -> Path:
        return self.home / "demo"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        hub, soap, rest = map(str, self.ports)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WASL_")},
            "WASL_HOME": str(self.home),
            "WASL_WEB_PORT": hub,
            "WASL_WEB_PROCESSES": "1",
            "WASL_DEMO_SOAP_PORT": soap,
            "WASL_DEMO_REST_PORT": rest,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", "demo", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def left_running(self) -> list[str]:
        """Command lines of processes that belong to this demonstration."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                if f"WASL_HOME={self.home}".encode() in environment:
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # ended meanwhile
        return found

    def taken_ports(self) -> list[int]:
        return [port for port in self.ports if _is_taken(port)]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# The story, and what it leaves ---------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """What a demonstration left behind: its folder alone, and the senders' keys that were beside it."""

    stage: Stage
    status: int
    said: str
    senders: Path

    @property
    def demo(self) -> Path:
        return self.stage.demo

    def command(self, number: int) -> str:
        blocks: list[str] = re.findall(
            r"^```sh\n(.*?)\n```$", (self.demo / "STORY.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        assert len(blocks) == len(JUDGES)
        return blocks[number]

    def judge(self, number: int, receipt: str, judged: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the account on another file than the one that it names."""
        command = self.command(number)
        assert command.count(receipt) == 1
        named = str(self.demo / receipt)
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            ["bash", "-c", command.replace(named, str(judged))],
            env={"PATH": path, "LANG": "C.UTF-8"},
            cwd=judged.parent,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("demo")
    stage = Stage.in_folder(folder)
    with stage.popen() as process:
        watch = Timer(DEADLINE_S, process.kill)
        watch.start()
        said = process.communicate()[0]
        watch.cancel()
    senders = folder / "senders"
    for part in ("keys", "certificates"):
        shutil.copytree(stage.home / part, senders / part)
    for path in stage.home.iterdir():
        if path != stage.demo:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Left(stage, process.returncode, said, senders)


def test_it_ends_well_within_a_minute_and_leaves_nothing_running(left: Left) -> None:
    assert left.status == 0, left.said
    assert "FAULT" not in left.said
    assert (left.stage.left_running(), left.stage.taken_ports()) == ([], [])


def test_it_leaves_exactly_the_files_it_names(left: Left) -> None:
    files = {path.name for path in left.demo.iterdir() if path.is_file()}
    assert files == FILES
    folders = {path.name for path in left.demo.iterdir() if path.is_dir()}
    assert folders == {"trust", "logs"}
    assert {path.name for path in (left.demo / "trust").iterdir()} == {"seal", "parties", "ledger", "tsa"}
    account = (left.demo / "STORY.md").read_text("utf-8")
    assert all(f"`{name}`" in account for name in FILES - {"STORY.md"})


def test_it_says_what_became_of_every_letter(left: Left) -> None:
    for words in (
        "registered it under C-26-",
        "registered it under 20",
        "the ministry's own system was told of it",
        "available to",
        "refused: WASL-RTE-001",
    ):
        assert words in left.said
    assert "the identical receipt came back" in left.said
    first, again = (left.demo / XML_RECEIPT, left.demo / "03-works-notice-repeat-receipt-acceptance.xml")
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", VERIFIABLE)
def test_every_receipt_and_bundle_verifies_without_the_hub(left: Left, name: str) -> None:
    report = verify_file(left.demo / name, left.demo / "trust", None, datetime.now(UTC))
    assert report.exit_code == 0, report.sentence("en")


def test_no_log_tells_a_letter_or_a_secret(left: Left) -> None:
    logs = {path.name: path.read_text("utf-8") for path in (left.demo / "logs").iterdir()}
    assert set(logs) == {"hub.log", "worker.log", "ministry.log", "commune.log"}
    for told in logs.values():
        assert "Traceback" not in told
        assert "cle-de-demonstration" not in told
        assert "نلتمس" not in told
        assert "Travaux de renouvellement" not in told


@pytest.mark.parametrize(("number", "receipt"), JUDGES)
def test_every_command_of_the_account_works_with_nothing_but_the_folder(
    left: Left, number: int, receipt: str
) -> None:
    done = left.judge(number, receipt, left.demo / receipt)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "receipt"), SEALS)
@pytest.mark.parametrize("place", [0.1, 0.5])
def test_every_command_of_the_account_refuses_a_receipt_with_one_byte_changed(
    left: Left, number: int, receipt: str, place: float, tmp_path: Path
) -> None:
    octets = bytearray((left.demo / receipt).read_bytes())
    position = _signed_text(bytes(octets), place)
    octets[position] = ord("8") if octets[position] != ord("8") else ord("9")
    altered = tmp_path / receipt
    altered.write_bytes(octets)
    done = left.judge(number, receipt, altered)
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize(("number", "file"), [JUDGES[1], JUDGES[4], JUDGES[5]])
@pytest.mark.parametrize("place", [0.3, 0.6])
def test_a_changed_byte_in_any_other_file_is_refused_too(
    left: Left, number: int, file: str, place: float, tmp_path: Path
) -> None:
    octets = bytearray((left.demo / file).read_bytes())
    octets[int(len(octets) * place)] ^= 1
    altered = tmp_path / file
    altered.write_bytes(octets)
    done = left.judge(number, file, altered)
    assert done.returncode == 1, done.stdout + done.stderr


def _signed_text(octets: bytes, place: float) -> int:
    """The position of a character of signed content, so far from its start."""
    if octets.startswith(b"<"):
        digits = [found.start() for found in re.finditer(rb"[0-9](?=[^<>]*</)", octets)]
        before_signature = [one for one in digits if one < octets.index(b"SignatureValue")]
        return before_signature[int(len(before_signature) * place)]
    start, end = octets.index(b".") + 1, octets.rindex(b".")
    return start + int((end - start) * place)


@pytest.mark.parametrize(("number", "receipt"), SEALS)
def test_every_command_of_the_account_refuses_a_receipt_that_a_party_signed(
    left: Left, number: int, receipt: str, tmp_path: Path
) -> None:
    party = KeySealer.from_files(
        left.senders / "keys/demo-ministry.pem", left.senders / "certificates/demo-ministry.pem"
    )
    forged = tmp_path / receipt
    forged.write_bytes(_signed_by(party, (left.demo / receipt).read_bytes()))
    done = left.judge(number, receipt, forged)
    assert done.returncode == 1, done.stdout + done.stderr


def _signed_by(sealer: KeySealer, octets: bytes) -> bytes:
    """The same content under another signature."""
    now = datetime.now(UTC)
    if not octets.startswith(b"<"):
        payload = base64.urlsafe_b64decode(octets.split(b".")[1] + b"==")
        return sign_jws(payload, sealer, "wasl-receipt+json", now)
    root = etree.fromstring(octets)
    [signature] = root.iterfind("{http://www.w3.org/2000/09/xmldsig#}Signature")
    root.remove(signature)
    return sign_xml(root, sealer, now)


# Kept running --------------------------------------------------------------------------------------


@dataclass
class Show:
    """A demonstration that goes on until it is stopped."""

    stage: Stage
    process: subprocess.Popen[str]
    control: dict[str, str]

    def press(self, action: str, secret: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.control['secret'] if secret is None else secret}"}
        request = urllib.request.Request(f"{self.control['url']}/{action}", b"", headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    stage = Stage.in_folder(tmp_path_factory.mktemp("show"))
    with stage.popen("--keep") as process:
        watch = Timer(2 * DEADLINE_S, process.kill)
        watch.start()
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                break
        else:
            pytest.fail("it did not come so far:\n" + "".join(said))
        yield Show(stage, process, json.loads((stage.demo / "control.json").read_text("utf-8")))
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE_S)
        watch.cancel()


def test_its_page_is_there(show: Show) -> None:
    with urllib.request.urlopen(f"{show.stage.url}/demo", timeout=10) as answer:
        assert answer.status == 200


def test_only_its_own_page_may_press_its_buttons(show: Show) -> None:
    assert (show.stage.demo / "control.json").stat().st_mode & 0o077 == 0
    assert show.press("state", secret="guessed")[0] == 403
    assert show.press("state", secret="é")[0] == 403
    assert show.press("explode")[0] == 404
    status, state = show.press("state")
    assert (status, state["commune_running"]) == (200, True)
    assert [letter["number"] for letter in state["letters"]] == [1, 2, 4]


def test_a_letter_is_sent_and_repeated_at_the_press_of_a_button(show: Show) -> None:
    _, sent = show.press("send")
    assert sent["done"], sent
    assert [one["state"] for one in sent["letter"]["deliveries"]] == ["HANDED_OVER", "AVAILABLE"]
    for name in sent["letter"]["files"]:
        assert re.fullmatch(
            r"\d\d-works-notice-(envelope\.xml|evidence\.asice|receipt-[a-z-]+\.(xml|pdf|tsr|tlog-proof))",
            name,
        )
        assert (show.stage.demo / name).exists()
    _, repeated = show.press("repeat")
    assert repeated["done"], repeated
    assert repeated["letter"]["reference"] == sent["letter"]["reference"]


def test_the_commune_is_stopped_and_started_at_the_press_of_a_button(show: Show) -> None:
    assert show.press("stop")[1] == {"done": True}
    assert show.press("state")[1]["commune_running"] is False
    assert _is_taken(show.stage.ports[2]) is False
    assert show.press("start")[1] == {"done": True}
    assert show.press("state")[1]["commune_running"] is True
    assert _is_taken(show.stage.ports[2]) is True


def test_a_changed_receipt_is_found_out_at_the_press_of_a_button(show: Show) -> None:
    _, told = show.press("tamper")
    assert told["done"], told
    assert set(told["good"]) == set(told["altered"]) == {"ar", "fr", "en"}
    assert all(told["good"][language] != told["altered"][language] for language in told["good"])


def test_the_letter_that_waits_for_a_hand_is_accepted(show: Show) -> None:
    body = (show.stage.demo / "05-by-hand-envelope.xml").read_bytes()
    request = urllib.request.Request(
        f"{show.stage.url}/api/v1/envelopes", body, {"Content-Type": "application/xml"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def test_ctrl_c_stops_everything(show: Show) -> None:
    assert len(show.stage.left_running()) >= 5
    show.process.send_signal(signal.SIGINT)
    rest = show.process.communicate(timeout=DEADLINE_S)[0]
    assert show.process.returncode == 0, rest
    assert "Traceback" not in rest
    assert (show.stage.left_running(), show.stage.taken_ports()) == ([], [])
