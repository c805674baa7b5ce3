"""A document system behind PHP's SoapServer: letters go in, their numbers come back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.contract import Context, Letter
from adapters.soap import SoapAdapter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, Temporary
from gateway.exchange.transit.replies import SignedReplies
from tests.support.hub import COMMUNE_OFFICE, Clock, HubUnderTest, make_hub
from tests.support.live import free_port
from tests.support.systems import accept, receipts, row, state
from tests.unit.adapters.credentials import certificate_of, key_of, pem_of
from tests.unit.adapters.doubles import PLAN, attachment, envelope, letter

ROOT = Path(__file__).parents[2]
PHP = shutil.which("php")
_USABLE = "exit(class_exists('SoapServer') && class_exists('DOMDocument') ? 0 : 1);"
pytestmark = pytest.mark.skipif(
    PHP is None or subprocess.run([PHP, "-r", _USABLE], check=False).returncode != 0,
    reason="no PHP with SoapServer and DOM here: PHP as a document system is not tried",
)
PASSWORD = "كلمة سر été"
HTTP = GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=HttpLimits(5, 10, 20)))
FAULTS = [
    {"text": "ACCES_REFUSE", "outcome": "temporary"},
    {"text": "DEJA_DEPOSE", "outcome": "duplicate"},
]


@dataclass(frozen=True)
class Bureau:
    """The running system, and the secrets that it knows."""

    url: str
    folder: Path
    secrets: dict[str, str]

    @property
    def register(self) -> dict[str, Any]:
        """What it registered, by identifier."""
        file = self.folder / "registre.json"
        found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return found

    def options(self, **changes: Any) -> dict[str, Any]:
        """A route to it."""
        return {
            "wsdl_url": f"{self.url}/bureau?wsdl",
            "operation": "Deposer",
            "request": {
                "identifiant": "deliveryId",
                "expediteur": "senderName",
                "objet": "envelope.subject",
                "piece": "files[].{nom: name, type: mediaType, contenu: content}",
            },
            "reads": {"register_number": "numero", "register_date": "date", "digests": "empreinte"},
            "find": {
                "operation": "Chercher",
                "request": {"identifiant": "deliveryId"},
                "success": "trouve",
                "found": "trouve == 'true' && @ || `null`",
                "reads": {"register_number": "numero"},
            },
            "faults": FAULTS,
            **changes,
        }

    def context(self, **changes: Any) -> Context:
        def now() -> datetime:
            return datetime.now(UTC)

        replies = SignedReplies(now, timedelta(minutes=5))
        return Context(HTTP, self.options(**changes), self.secrets.__getitem__, now, signed_body=replies)


@contextmanager
def bureau(folder: Path, **more: str) -> Iterator[Bureau]:
    assert PHP is not None
    folder.mkdir(parents=True, exist_ok=True)
    port, key, other = free_port(), key_of("p256"), key_of("rsa")
    now = datetime.now(UTC) - timedelta(hours=1)
    certificate, stranger = certificate_of(key, now), certificate_of(other, now)
    environment = {
        **os.environ,
        **more,
        "BUREAU_DATA": str(folder),
        "BUREAU_PASSWORD": PASSWORD,
        "BUREAU_CERTIFICATE": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    }
    secrets = {
        "password": PASSWORD,
        "wrong": "wrong",
        "identity": pem_of(certificate, key),
        "stranger": pem_of(stranger, other),
    }
    command = [PHP, "-d", "post_max_size=0", "-d", "memory_limit=512M"]
    command += ["-S", f"127.0.0.1:{port}", str(ROOT / "examples/systems/bureau_php/bureau.php")]
    with (
        (folder / "php.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running,
    ):
        try:
            made = Bureau(f"http://127.0.0.1:{port}", folder, secrets)
            _await(made, running)
            yield made
        finally:
            running.terminate()
            running.wait(10)


def _await(made: Bureau, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{made.url}/bureau?wsdl", timeout=5):
                return
        except urllib.error.URLError:
            said = (made.folder / "php.log").read_text()
            assert running.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with bureau(tmp_path_factory.mktemp("bureau") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bureau, str]]:
    """One that signs its replies, and the certificate by which."""
    folder = tmp_path_factory.mktemp("signing")
    key = key_of("rsa")
    certificate = certificate_of(key, datetime.now(UTC) - timedelta(hours=1))
    (folder / "identity.pem").write_text(pem_of(certificate, key), "ascii")
    with bureau(folder / "data", BUREAU_IDENTITY=str(folder / "identity.pem")) as running:
        yield running, pem_of(certificate)


USERNAME = {"kind": "wsse", "username": "wasl", "secret": "password"}
DIGEST = {**USERNAME, "password": "digest", "timestamp": True}
SIGNED = {"kind": "x509", "secret": "identity"}


def numbered(number: int, **changes: Any) -> Letter:
    return letter(delivery_id=f"018f0000-0000-7000-8000-{number:012d}", **changes)


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
@pytest.mark.parametrize("attachments", ["base64", "mtom"])
@pytest.mark.parametrize("auth", [USERNAME, DIGEST, SIGNED], ids=["text", "digest", "signed"])
def test_letter_goes_in_and_its_number_comes_back(
    php: Bureau, auth: dict[str, Any], attachments: str, port: str
) -> None:
    one = numbered(len(php.register) + 1)
    used = php.context(auth=auth, attachments=attachments, port=port)
    done = SoapAdapter().deliver(one, used)
    entry = php.register[one.delivery_id]
    assert done.register_number == entry["numero"]
    assert done.register_date is not None
    assert done.digests_confirmed
    assert entry["objet"] == "Demande fictive <d'essai> & طلب تجريبي"
    assert entry["empreintes"] == [hashlib.sha256(octets).hexdigest() for octets in (PLAN, one.original)]
    assert entry["pieces"][0] == ['plan "été".pdf', "application/pdf"]
    found = SoapAdapter().find(one.delivery_id, one.reference, used)
    assert found is not None
    assert found.register_number == done.register_number
    assert SoapAdapter().find("nothing", one.reference, used) is None
    # A repeat is recognised, and answered with the number of the first.
    before = len(php.register)
    assert SoapAdapter().deliver(one, used).register_number == done.register_number
    assert len(php.register) == before


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_replies_that_the_system_signs_are_taken_by_its_certificate(
    signing: tuple[Bureau, str], port: str
) -> None:
    office, pem = signing
    used = office.context(auth=SIGNED, port=port, reply_signers=pem)
    one = numbered(len(office.register) + 1)
    done = SoapAdapter().deliver(one, used)
    assert done.register_number == office.register[one.delivery_id]["numero"]
    assert b"SignatureValue" in done.answer
    assert SoapAdapter().find("nothing", one.reference, used) is None
    # a fault is signed as well: the repeat is recognised by one
    assert SoapAdapter().deliver(one, used).register_number == done.register_number


def test_reply_by_another_certificate_or_none_leaves_the_letter_in_doubt(
    signing: tuple[Bureau, str], php: Bureau
) -> None:
    office, pem = signing
    stranger = pem_of(certificate_of(key_of("rsa"), datetime.now(UTC) - timedelta(hours=1)))
    one = numbered(500)
    for system, signers in ((office, stranger), (php, pem)):
        with pytest.raises(Ambiguous, match="WASL-DLV-095"):
            SoapAdapter().deliver(one, system.context(auth=SIGNED, reply_signers=signers))
        assert one.delivery_id in system.register  # it arrived, which nobody proved
    found = SoapAdapter().find(one.delivery_id, one.reference, office.context(auth=SIGNED, reply_signers=pem))
    assert found is not None
    assert found.register_number == office.register[one.delivery_id]["numero"]


@pytest.mark.parametrize(
    "auth",
    [
        {**USERNAME, "secret": "wrong"},
        {**DIGEST, "secret": "wrong"},
        {**SIGNED, "secret": "stranger"},
        {"kind": "none"},
    ],
    ids=["text", "digest", "stranger", "nobody"],
)
def test_stranger_is_not_let_in_and_the_letter_waits(php: Bureau, auth: dict[str, Any]) -> None:
    before = php.register
    with pytest.raises(Temporary, match="ACCES_REFUSE"):
        SoapAdapter().deliver(numbered(999), php.context(auth=auth))
    assert php.register == before


def test_signed_message_from_another_time_is_not_taken(php: Bureau) -> None:
    past = replace(php.context(auth=SIGNED), now=lambda: datetime.now(UTC) - timedelta(minutes=30))
    with pytest.raises(Temporary, match="ACCES_REFUSE"):
        SoapAdapter().deliver(numbered(998), past)


def test_larger_file_arrives_whole_by_parts(php: Bureau) -> None:
    octets = os.urandom(3 * 1024 * 1024 + 1)
    one = numbered(
        997, envelope=envelope(attachments=(attachment(octets),)), open=lambda _: io.BytesIO(octets)
    )
    for kind, number in (("mtom", 996), ("base64", 995)):
        sent = replace(one, delivery_id=f"{number}")
        done = SoapAdapter().deliver(sent, php.context(auth=SIGNED, attachments=kind))
        assert done.digests_confirmed
        assert php.register[f"{number}"]["empreintes"][0] == hashlib.sha256(octets).hexdigest()


def hub_over(tmp_path: Path, office: Bureau, **options: Any) -> HubUnderTest:
    route = {"kind": "adapter", "adapter": "soap", "options": office.options(auth=SIGNED, **options)}
    hub = make_hub(
        tmp_path,
        {COMMUNE_OFFICE: route},
        clock=Clock(datetime.now(UTC)),
        WASL_OUTGOING_ALLOW="127.0.0.0/8",
    )
    (tmp_path / "secrets").mkdir(mode=0o700, exist_ok=True)
    (tmp_path / "secrets/identity").write_text(office.secrets["identity"], "ascii")
    return hub


def test_hub_takes_a_signed_reply_for_a_success_and_an_unsigned_one_for_none(
    signing: tuple[Bureau, str], php: Bureau, tmp_path: Path
) -> None:
    office, pem = signing
    outcomes = []
    for system in (office, php):
        hub = hub_over(tmp_path / str(system is office), system, reply_signers=pem)
        [delivery] = accept(hub)
        hub.dispatch().run_once()
        outcomes.append((state(hub, delivery), row(hub, delivery).doubt))
        assert delivery in system.register
    assert outcomes == [("HANDED_OVER", False), ("WAITING", True)]  # it can be looked up, if it can answer


def test_hub_registers_the_number_that_php_gave(php: Bureau, tmp_path: Path) -> None:
    hub = hub_over(tmp_path, php, attachments="mtom")
    plan = tmp_path / "خطة.pdf"
    plan.write_bytes(PLAN)
    [delivery] = accept(hub, subject="طلب رخصة بناء", files=(plan,))
    assert hub.dispatch().run_once() == 1
    assert state(hub, delivery) == "HANDED_OVER"
    entry = php.register[delivery]
    assert entry["objet"] == "طلب رخصة بناء"
    assert entry["pieces"][0][0] == "خطة.pdf"
    numbers = [one.registered.number for one in receipts(hub, delivery) if one.registered is not None]
    assert numbers == [entry["numero"]]
