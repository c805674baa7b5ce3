"""SOAP stacks of other makers use the hub with its description unedited: a letter goes in and is taken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from adapters.contract import Context
from adapters.soap import SoapAdapter
from gateway import assets
from gateway.clients.http import GuardedHttp, HttpSettings
from gateway.domain.errors import DeliveryError
from gateway.verifier.opening import open_receipt
from gateway.verifier.verify import verify_file
from gateway.wire.envelopes import envelope_element
from tests.support.hub import AGENCY_OFFICE, HubUnderTest
from tests.support.served import Served, served
from tests.support.systems import state
from tests.unit.adapters.doubles import letter

HERE = Path(__file__).parent
PHP, PERL, NODE, NPM, JAVA, JAVAC = map(shutil.which, ("php", "perl", "node", "npm", "java", "javac"))
JAXWS, JAXWS_TOOLS = (Path("/usr/share/java") / name for name in ("jaxws-rt.jar", "jaxws-tools.jar"))
NPM_SOAP = "soap@1.13.0"


def _works(program: str | None, *arguments: str) -> bool:
    return program is not None and subprocess.run([program, *arguments], check=False).returncode == 0


needs_php = pytest.mark.skipif(
    not _works(PHP, "-r", "exit(class_exists('SoapClient') ? 0 : 1);"),
    reason="no PHP with SoapClient here: PHP as a client of the SOAP door is not tried",
)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_perl = pytest.mark.skipif(
    not _works(PERL, "-MSOAP::Lite", "-MLWP::Protocol::https", "-e", "1"),
    reason="no SOAP::Lite here: Perl as a client of the SOAP door is not tried",
)
needs_jaxws = pytest.mark.skipif(
    JAVA is None or JAVAC is None or not (JAXWS.exists() and JAXWS_TOOLS.exists()),
    reason="no JAX-WS here: Java as a client of the SOAP door, and its MTOM, are not tried",
)


@dataclass(frozen=True)
class Town:
    """A served hub, and what every client is given."""

    served: Served
    folder: Path

    @property
    def hub(self) -> HubUnderTest:
        return self.served.hub

    @property
    def wsdl(self) -> str:
        return f"{self.served.address}/soap/v1?wsdl"

    def letter(self, name: str) -> Path:
        """A fresh letter of the ministry."""
        path = self.folder / f"{name}.xml"
        path.write_bytes(self.hub.signed(self.hub.envelope(created_at=datetime.now(UTC))).root)
        return path

    def heavy_letter(self, name: str, octets: bytes = bytes(range(256))) -> tuple[Path, tuple[str, str]]:
        """One with an attachment too large for base64 in a message; its id there, and the file."""
        file = self.folder / f"{name}.bin"
        file.write_bytes(octets * (9_200_000 // len(octets)))
        assert file.stat().st_size > self.hub.gateway.settings.soap.inline_bytes
        signed = self.hub.signed(self.hub.envelope(created_at=datetime.now(UTC)), files=(file,))
        path = self.folder / f"{name}.xml"
        path.write_bytes(signed.root)
        return path, (signed.parts[0].content_id, str(file))

    def run(self, *command: object, letter: Path, more: tuple[str, ...] = ()) -> None:
        """A client hands the letter in, and takes it out at the other end; its receipt is verified."""
        receipt = letter.with_suffix(".receipt.xml")
        client = self.served.client_pem("agency")
        words = [*command, self.wsdl, self.served.authority, client, letter, AGENCY_OFFICE, receipt, *more]
        done = subprocess.run(
            [str(word) for word in words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        status, delivery, said = done.stdout.split()
        assert (status, said) == ("ACCEPTED", "HANDED_OVER")
        assert state(self.hub, delivery) == "HANDED_OVER"
        self.verify(receipt, letter)

    def verify(self, receipt: Path, letter: Path) -> None:
        """The receipt proves what it says, by what stands in the ledger beside it."""
        digest = open_receipt(receipt.read_bytes(), "application/xml").digest
        for beside, path in ((".tlog-proof", digest), (".tsr", f"{digest}.tsr")):
            receipt.with_suffix(beside).write_bytes(self.served.fetch(f"/ledger/proof/{path}"))
        report = verify_file(receipt, self.hub.pki.trust, letter, datetime.now(UTC))
        assert report.exit_code == 0, report.sentence("en")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("soap")
    with served(folder) as running:
        yield Town(running, folder)


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_zeep_signs_its_messages(town: Town, port: str) -> None:
    script = HERE / "soap" / "letter_zeep.py"
    town.run(sys.executable, script, letter=town.letter(f"zeep-{port}"), more=(port,))


def test_suds_shows_a_client_certificate(town: Town) -> None:
    town.run(sys.executable, HERE / "soap" / "letter_suds.py", letter=town.letter("suds"))


@pytest.mark.parametrize("holder", ["agency", None])
def test_a_route_of_kind_soap_shows_a_client_certificate(town: Town, holder: str | None) -> None:
    http = GuardedHttp(HttpSettings(allow=("localhost", "127.0.0.0/8"), ca_file=town.served.authority))
    secret = town.served.client_pem("agency").read_text("ascii")
    options = {
        "wsdl_url": town.wsdl,
        "operation": "ListInbox",
        "request": {"office": f"'{AGENCY_OFFICE}'"},
        "success": "`true`",
        **({"auth": {"client_certificate": "tls"}} if holder else {}),
    }
    context = Context(http, options, {"tls": secret}.__getitem__, lambda: datetime.now(UTC))
    if holder:
        assert b"ListInboxResponse" in SoapAdapter().deliver(letter(), context).answer
    else:
        with pytest.raises(DeliveryError, match="WASL-DLV-005"):
            SoapAdapter().deliver(letter(), context)


@needs_php
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_php_signs_a_letter_and_shows_a_client_certificate(town: Town, version: str) -> None:
    module, pki = assets.testpki(), town.hub.pki
    holder = f"php-{version}"
    town.hub.issue(holder, key=module.new_key("rsa"))
    town.hub.register(holder)
    unsigned, letter = town.folder / f"{holder}.unsigned.xml", town.folder / f"{holder}.xml"
    unsigned.write_bytes(etree.tostring(envelope_element(town.hub.envelope(created_at=datetime.now(UTC)))))
    sign = [PHP, HERE / "php" / "sign_letter.php", pki.key_path(holder), pki.certificate_path(holder)]
    subprocess.run([str(word) for word in [*sign, unsigned, letter]], check=True, timeout=60)
    town.run(PHP, HERE / "soap" / "letter.php", letter=letter, more=(version,))


@needs_php
def test_php_sees_the_reason_in_a_fault(town: Town) -> None:
    command = [str(PHP), str(HERE / "soap" / "refused.php"), town.wsdl, str(town.served.authority)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["soap:Client", "WASL-SOP-011"]


@needs_curl
def test_the_steps_of_the_documentation_bring_a_receipt(town: Town) -> None:
    page = (HERE.parents[1] / "docs" / "soap.md").read_text("utf-8")
    [steps] = re.findall(r"<!-- run -->\n```sh\n(.*?)```", page, re.DOTALL)
    letter = town.letter("letter")
    given = {"WASL_HUB_PUBLIC_URL": town.served.address, "CURL_CA_BUNDLE": str(town.served.authority)}
    subprocess.run(
        ["sh", "-eu", "-c", steps], cwd=town.folder, env={**os.environ, **given}, check=True, timeout=60
    )
    town.verify(town.folder / "receipt.xml", letter)


@needs_perl
def test_perl_shows_a_client_certificate(town: Town) -> None:
    town.run(PERL, HERE / "soap" / "letter.pl", letter=town.letter("perl"))


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds the package; fetched once, where there is a registry to ask."""
    if NODE is None or NPM is None:
        pytest.skip("no Node with npm here: npm soap as a client of the SOAP door is not tried")
    folder = tmp_path_factory.mktemp("node")
    words = [NPM, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", NPM_SOAP]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip("the npm registry does not answer: npm soap as a client of the SOAP door is not tried")
    return folder


def test_npm_soap_shows_a_client_certificate(town: Town, node_modules: Path) -> None:
    script = node_modules / "letter.mjs"
    shutil.copy(HERE / "soap" / "letter.mjs", script)  # Node looks for packages beside the program
    town.run(NODE, script, letter=town.letter("node"))


def test_npm_soap_sends_and_fetches_by_mtom(town: Town, node_modules: Path) -> None:
    script = node_modules / "mtom.mjs"
    shutil.copy(HERE / "soap" / "mtom.mjs", script)
    # without CR: the package copies all that it has of a part again at each one
    letter, more = town.heavy_letter("node-mtom", bytes(range(14, 256)))
    town.run(NODE, script, letter=letter, more=more)


@pytest.fixture(scope="module")
def jaxws(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What wsimport and javac make of the hub's description, and the client that uses it."""
    folder = tmp_path_factory.mktemp("jaxws")
    (folder / "wasl.wsdl").write_bytes(town.served.fetch("/soap/v1?wsdl"))
    shutil.copy(HERE / "soap" / "beans.xml", folder)  # which names the description beside it
    wsimport = [JAVA, "-jar", JAXWS_TOOLS, "-Xnocompile", "-quiet", "-extension", "-p", "hub", "-s", folder]
    _built(*wsimport, "-b", "beans.xml", "wasl.wsdl", cwd=folder)
    sources = [HERE / "soap" / "Mtom.java", *(folder / "hub").glob("*.java")]
    _built(JAVAC, "-proc:none", "-cp", JAXWS, "-d", folder, *sources, cwd=folder)
    return folder


def _built(*command: object, cwd: Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_jaxws
@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_jaxws_sends_and_fetches_by_mtom(town: Town, jaxws: Path, port: str) -> None:
    letter, more = town.heavy_letter(f"jaxws-{port}")
    town.run(JAVA, "-cp", f"{JAXWS}:{jaxws}", "Mtom", letter=letter, more=(*more, port))
