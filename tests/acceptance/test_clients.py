"""The example clients, each in its language, on a real hub: submit, verify, fetch, acknowledge."""

from __future__ import annotations

import atexit
import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway import assets
from gateway.assets import examples_dir
from gateway.cli.partner.examination import Examination
from gateway.cli.partner.examiner import serving
from gateway.cli.partner.party_file import read_party_file
from gateway.cli.partner.trials import Course, Outcome, Trial
from gateway.clients.http import GuardedHttp, HttpSettings
from gateway.clients.hub import HubClient
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.verifier.opening import kind_of, open_receipt
from tests.support.compiled import has_header
from tests.support.served import Operated, operated

CLIENTS = {
    "curl": ["sh", "curl/exchange.sh"],
    "php": ["php", "php/exchange.php"],
    "perl": ["perl", "perl/exchange.pl"],
    "java": ["java", "java/Exchange.java"],
    "c": ["", "c/exchange.c"],
    "node": ["node", "node/exchange.mjs"],
    "jose": ["node", "node-packages/jose.mjs"],
    "xml-crypto": ["node", "node-packages/xml-crypto.mjs"],
}
WITH_PACKAGES = ("jose", "xml-crypto")
"""Those that bring packages of npm, which a test fetches as their package.json says."""
READERS = ("php", "node")
"""Those that read revocation lists with code of their own, for their language has none for it."""
NEEDS = {
    "curl": ("curl", "openssl", "xmlsec1"),
    "php": ("php",),
    "perl": ("perl", "openssl"),
    "java": ("java", "javac"),
    "c": ("gcc",),
    "node": ("node",),
    "jose": ("node", "npm"),
    "xml-crypto": ("node", "npm"),
}
PACKAGES = {
    "curl": "curl openssl xmlsec1",
    "php": "php-cli php-xml",
    "perl": "perl openssl",
    "java": "default-jdk-headless",
    "c": "gcc libc6-dev libcurl4-openssl-dev libssl-dev",
    "node": "nodejs",
    "jose": "nodejs npm",
    "xml-crypto": "nodejs npm",
}
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED = 99
"""How a program ends that reached beyond its memory or kept it, which no other program does."""
DONE = re.compile(
    r"accepted (?P<reference>[0-9A-Z-]{13}), receipt verified\n"
    r"fetched (?P=reference): Letter by \S+\n"
    r"acknowledged (?P=reference): HANDED_OVER\n"
)


def missing(name: str) -> bool:
    if any(shutil.which(program) is None for program in NEEDS[name]):
        return True
    if name == "c":
        return not all(map(has_header, ("stdio.h", "curl/curl.h", "openssl/evp.h")))
    dom = ["php", "-r", "exit(class_exists('DOMDocument') ? 0 : 1);"]
    return name == "php" and subprocess.run(dom, check=False, timeout=30).returncode != 0


EACH = [
    pytest.param(
        name,
        id=name,
        marks=pytest.mark.skipif(missing(name), reason=f"needs {PACKAGES[name]}"),
    )
    for name in CLIENTS
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    with operated(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def party(hub: Operated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parties") / "archive"
    hub.party(folder)
    return folder


@cache
def packaged() -> Path | None:
    """The clients with their packages beside them, fetched once; None where no registry answers."""
    folder = Path(mkdtemp(prefix="wasl-node-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for part in ("node", "node-packages"):
        shutil.copytree(examples_dir() / "clients" / part, folder / part)
    words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    done = subprocess.run(
        words, cwd=folder / "node-packages", capture_output=True, text=True, timeout=180, check=False
    )
    return None if done.returncode else folder


def place_of(name: str) -> Path:
    """The folder from which a client is run."""
    if name not in WITH_PACKAGES:
        return examples_dir() / "clients"
    found = packaged()
    if found is None:
        pytest.skip(f"the npm registry does not answer: the client with {name} is not tried")
    return found


@cache
def compiled(*sanitizers: str) -> Path | None:
    """The client in C, with gcc's checks of memory while it runs; None where they are not installed."""
    folder = Path(mkdtemp(prefix="wasl-c-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source, program = place_of("c") / CLIENTS["c"][1], folder / "exchange"
    words = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", *sanitizers]
    done = subprocess.run(
        [*words, "-o", program, source, "-lcurl", "-lcrypto"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert sanitizers or done.returncode == 0, done.stderr
    return program if done.returncode == 0 else None


def command(name: str) -> list[str]:
    program, script = CLIENTS[name]
    if name == "c":
        return [str(compiled(*SANITIZERS) or compiled())]
    return [program, str(place_of(name) / script)]


def run(name: str, settings: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "ASAN_OPTIONS": f"exitcode={SANITIZED}",
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",  # the machine that tests has other things to do
    }
    return subprocess.run(
        [*command(name), str(settings)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", EACH)
def test_a_client_does_a_whole_exchange(name: str, hub: Operated, party: Path, tmp_path: Path) -> None:
    done = run(name, party / "party.toml", tmp_path)
    found = DONE.fullmatch(done.stdout)
    assert (done.returncode, found is not None) == (0, True), done.stdout + done.stderr
    assert found is not None
    reference = found["reference"]
    told = hub.wasl("status", reference, "--settings", party / "party.toml")
    assert f"HANDED_OVER  under {name}/1" in told
    [receipt] = tmp_path.glob(f"receipt-{reference}.*")
    opened = open_receipt(receipt.read_bytes(), kind_of(receipt.read_bytes())).receipt
    assert (opened.reference, opened.kind, opened.test) == (reference, ReceiptKind.ACCEPTANCE, True)
    assert [path.stem for path in tmp_path.glob("letter-*")] == [f"letter-{reference}"]


@pytest.mark.parametrize("kind", ["p256"])
@pytest.mark.parametrize("name", [one for one in EACH if one.id in ("node", "jose")])
def test_a_client_signs_with_another_kind_of_key(name: str, kind: str, hub: Operated, tmp_path: Path) -> None:
    hub.party(tmp_path / "curve", "--keys", kind)
    done = run(name, tmp_path / "curve" / "party.toml", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EACH)
def test_a_client_believes_no_seal_but_the_hubs(name: str, party: Path, tmp_path: Path) -> None:
    """The trust folder has another authority where the seal's should be."""
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    for seal in (copy / "trust" / "seal").rglob("*.pem"):
        shutil.copy(copy / "trust" / "tsa" / "tsa-ca.pem", seal)
    done = run(name, copy / "party.toml", tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr


@pytest.mark.parametrize("name", EACH)
def test_a_client_believes_no_seal_where_there_is_none_to_believe(
    name: str, party: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    shutil.rmtree(copy / "trust" / "seal")
    (copy / "trust" / "seal" / "test").mkdir(parents=True)
    done = run(name, copy / "party.toml", tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr


Listing = Callable[[Any, datetime], bytes | None]


def revoking(pki: Any, now: datetime) -> bytes:
    """The list of a month in which the seal of tests was revoked an hour ago."""
    assets.testpki().revoke(pki, "test-seal", now - timedelta(hours=1))
    return listed(pki, now - timedelta(minutes=1))


def listed(pki: Any, at: datetime, days: float = 30, authority: str = "test-seal-ca") -> bytes:
    crl: x509.CertificateRevocationList = assets.testpki().make_crl(pki, authority, at, days)
    return crl.public_bytes(Encoding.PEM)


def partial(pki: Any, now: datetime) -> bytes:
    """A list that says by a critical extension that it is one of authorities only."""
    holder = pki["test-seal-ca"]
    scope = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    builder = x509.CertificateRevocationListBuilder(holder.certificate.subject, now, now + timedelta(days=1))
    return builder.add_extension(scope, True).sign(holder.key, SHA256()).public_bytes(Encoding.PEM)


def with_list(hub: Operated, party: Path, folder: Path, listing: Listing) -> Path:
    """The settings of a party whose trust folder has this list of the authority of tests' seals, or none."""
    copy = folder / "archive"
    shutil.copytree(party, copy)
    now = datetime.now(UTC).replace(microsecond=0)
    pki = assets.testpki().load(hub.home, now)
    [path] = (copy / "trust" / "seal" / "test").glob("*.crl")
    octets = listing(pki, now)
    path.unlink() if octets is None else path.write_bytes(octets)
    return copy / "party.toml"


@pytest.mark.parametrize("listing", [revoking, lambda *_: None], ids=["revoked", "no list"])
@pytest.mark.parametrize("name", EACH)
def test_a_client_believes_no_seal_that_is_revoked_or_may_be(
    name: str, listing: Listing, hub: Operated, party: Path, tmp_path: Path
) -> None:
    done = run(name, with_list(hub, party, tmp_path, listing), tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert re.search("is revoked|has been revoked|revocation status", done.stderr)


UNFIT = {
    "out of date": lambda pki, now: listed(pki, now - timedelta(days=3), days=2),
    "of the future": lambda pki, now: listed(pki, now + timedelta(days=1)),
    "of another authority": lambda pki, now: listed(pki, now, authority="seal-ca"),
    "of some certificates only": partial,
    "broken": lambda pki, now: der(listed(pki, now))[:-40],
    "forged": lambda pki, now: der(listed(pki, now))[:-1] + b"\0",
}


def der(octets: bytes) -> bytes:
    """A list as binary."""
    return x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)


@pytest.mark.parametrize("listing", UNFIT.values(), ids=UNFIT.keys())
@pytest.mark.parametrize("name", [one for one in EACH if one.id in READERS])
def test_a_client_that_reads_lists_itself_relies_on_none_that_does_not_say(
    name: str, listing: Listing, hub: Operated, party: Path, tmp_path: Path
) -> None:
    done = run(name, with_list(hub, party, tmp_path, listing), tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "revocation list" in done.stderr


@pytest.mark.parametrize("name", [one for one in EACH if one.id in READERS])
def test_a_client_that_reads_lists_itself_reads_der(
    name: str, hub: Operated, party: Path, tmp_path: Path
) -> None:
    """As some authorities publish them; another certificate stands in it."""

    def another(pki: Any, now: datetime) -> bytes:
        pki.revoked["test-seal-ca"] = {4711: now - timedelta(days=1)}
        return der(listed(pki, now))

    done = run(name, with_list(hub, party, tmp_path, another), tmp_path)
    assert done.returncode == 0, done.stderr


@contextmanager
def altering(hub: Operated) -> Iterator[str]:
    """Somebody in between who writes another word into receipts; its address."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if self.headers[name]}
            with urlopen(Request(hub.url + self.path, body, headers)) as answer:
                octets = forged(answer.read())
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Door) as url:
        yield url


@contextmanager
def listening(door: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def forged(receipt: bytes) -> bytes:
    """The receipt with another name in it, under the seal of the true one."""
    if receipt.startswith(b"<"):
        changed = receipt.replace(b"TEST archive", b"TEST ministry")
    else:
        head, payload, signature = receipt.split(b".")
        content = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        content = content.replace(b"TEST archive", b"TEST ministry")
        changed = b".".join((head, base64.urlsafe_b64encode(content).rstrip(b"="), signature))
    assert changed != receipt
    return changed


@pytest.mark.parametrize("name", EACH)
def test_a_client_believes_no_receipt_that_was_changed(
    name: str, hub: Operated, party: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    with altering(hub) as url:
        settings = copy / "party.toml"
        assert read_party_file(settings)["url"] == hub.url
        settings.write_text(settings.read_text("utf-8").replace(hub.url, url), "utf-8")
        done = run(name, settings, tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr


def sealed(header: bytes, payload: bytes = b"{}", signature: bytes = b"AAAA") -> bytes:
    return b".".join(base64.urlsafe_b64encode(one).rstrip(b"=") for one in (header, payload, signature))


HOSTILE = {
    "nothing": b"",
    "a nought": b"\0",
    "dots": b"...",
    "no base64": b"!.?.*",
    "one letter of base64": b"A.A.A",
    "cut JSON": sealed(b'{"typ":"wasl-receipt+json","x5c":["'),
    "JSON that ends in an escape": sealed(b'{"typ":"\\'),
    "deep JSON": sealed(b"[" * 100_000),
    "no members": sealed(b"{}"),
    "another kind of value": sealed(b'{"typ":1,"x5c":{}}'),
    "no certificate": sealed(b'{"typ":"wasl-receipt+json","alg":"ES256","x5c":[]}'),
    "cut certificate": sealed(b'{"typ":"wasl-receipt+json","alg":"ES256","x5c":["MIIC"]}'),
}


@contextmanager
def saying(octets: bytes) -> Iterator[str]:
    """A hub that answers everything with these octets."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Door) as url:
        yield url


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", [one for one in EACH if one.id == "c"])
def test_a_client_that_reads_octets_itself_survives_any(
    name: str, octets: bytes, party: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    settings = copy / "party.toml"
    with saying(octets) as url:
        settings.write_text(settings.read_text("utf-8").replace(str(read_party_file(settings)["url"]), url))
        done = run(name, settings, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "not a receipt\n")


@pytest.mark.parametrize("name", [one for one in EACH if one.id == "c"])
def test_the_client_in_c_is_watched_while_it_runs(name: str) -> None:
    if compiled(*SANITIZERS) is None:
        pytest.skip("gcc has no sanitizers here: the memory of the client in C is not watched")


@pytest.mark.parametrize("name", EACH)
def test_a_client_says_why_the_hub_refused(name: str, party: Path, tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    settings = copy / "party.toml"
    office = read_party_file(settings)["office"]
    settings.write_text(settings.read_text("utf-8").replace(office, "B0000999-I"), "utf-8")
    done = run(name, settings, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "422" in done.stderr


@pytest.mark.parametrize("name", EACH)
def test_a_client_repeats_the_same_octets_and_not_too_soon(
    name: str, hub: Operated, party: Path, tmp_path: Path
) -> None:
    """Its first letter's answer is lost, for its second the hub asks for patience."""
    copy = tmp_path / "archive"
    shutil.copytree(party, copy)
    met = {trial.value: Course(trial) for trial in Trial if trial not in (Trial.ANSWER_LOST, Trial.TROUBLE)}
    examination = Examination(time.monotonic, quiet=30.0, courses=met)
    client = HubClient(GuardedHttp(HttpSettings(allow=("127.0.0.1",))), hub.url)
    with serving(examination, client, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            settings = copy / "party.toml"
            url = f"http://127.0.0.1:{server.server_address[1]}"
            settings.write_text(settings.read_text("utf-8").replace(hub.url, url), "utf-8")
            said = [run(name, settings, tmp_path) for _ in range(2)]
        finally:
            server.shutdown()
            thread.join()
    assert all("receipt verified" in one.stdout for one in said), said
    marks = {mark.trial: mark.outcome for mark in examination.marks()}
    assert (marks[Trial.ANSWER_LOST], marks[Trial.TROUBLE]) == (Outcome.PASSED, Outcome.PASSED)


def test_every_folder_of_examples_is_tried() -> None:
    folders = {path.name for path in (examples_dir() / "clients").iterdir() if path.is_dir()}
    assert folders == {script.partition("/")[0] for _, script in CLIENTS.values()}
