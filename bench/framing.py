"""What it costs to turn a letter into the calls of a route: mapping and framing, no network.

``python bench/framing.py`` gives a letter of 5 KB with a file of 3 KB to the kinds ``rest`` and ``soap``,
whose answers are ready beforehand. It prints milliseconds of CPU per letter, the ratio to a hand-written call
that puts the same octets into JSON, and what parts and signatures change.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import secrets
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.contract import Adapter, Context, Letter, Response
from adapters.rest import RestAdapter
from adapters.soap import SoapAdapter
from gateway.domain.transit.envelope import Attachment, Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender

SYSTEMS = Path(__file__).parents[1] / "examples/systems"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
FILE = secrets.token_bytes(3000)
ORIGINAL = secrets.token_bytes(5000)
WANTED_MS = {"rest": 1.0, "soap": 3.0}
_ENDPOINT = "http://127.0.0.1:8301/courrier"


@dataclass(frozen=True)
class Ready:
    """Takes every call, reads it to its end, and answers what was written beforehand."""

    answers: Callable[[str, str], Response]

    def request(self, method: str, url: str, *, body: Any = None, **_: Any) -> Response:
        """As the contract has it, without a network."""
        if isinstance(body, Iterator):
            for _piece in body:
                pass
        return self.answers(method, url)


def letter(number: int) -> Letter:
    """One letter, with an identifier of its own."""
    attached = Attachment("a1", "plan.pdf", "application/pdf", len(FILE), hashlib.sha256(FILE).hexdigest())
    envelope = Envelope(
        version="1.0",
        hub="BENCH-HUB",
        message_id=f"018f0000-0000-7000-8000-{number:012d}",
        purpose=Purpose.LETTER,
        created_at=NOW,
        sender=Sender(party="A0000001-S"),
        recipients=(Recipient(office="B0000001-V", unit="Service"),),
        subject="طلب معلومات في شأن رخصة بناء",
        language="ar",
        body="نص المراسلة. " * 40,
        attachments=(attached,),
    )
    return Letter(
        delivery_id=f"018f0000-0000-7000-8001-{number:012d}",
        reference="7K2M-9QXT-4RB",
        accepted_at=NOW,
        envelope=envelope,
        original=ORIGINAL,
        original_media_type="application/xml",
        sender_name="وزارة",
        office="B0000001-V",
        open=lambda _: io.BytesIO(FILE),
    )


def _json(content: object) -> Response:
    return Response(200, {"content-type": "application/json"}, json.dumps(content).encode())


def rest() -> tuple[Mapping[str, Any], Ready]:
    """A route of one call: the letter and its files in JSON, as the SOAP one has them in XML."""
    file = "files[].{nom: name, type: mediaType, contenu: content, empreinte: sha256}"
    body = {
        "identifiant": "deliveryId",
        "reference": "reference",
        "expediteur": "cut(envelope.sender.onBehalfOf.name || senderName, `250`)",
        "service": "envelope.recipients[?unit] | [0].unit",
        "nature": "default(documentType, 'DIV')",
        "objet": "envelope.subject",
        "date": "date_in(envelope.createdAt, '%Y-%m-%d', 'Africa/Casablanca')",
        "urgent": "envelope.priority == 'urgent'",
        "texte": "default(envelope.body, '')",
        "pieces": file,
    }
    create = {"path": "/letters", "body": body, "reads": {"register_number": "numero"}}
    return {"base_url": "https://dms.example", "create": create}, Ready(lambda *_: _json({"numero": "7"}))


def soap() -> tuple[Mapping[str, Any], Ready]:
    """The demonstration's ministry, its WSDL fetched once."""
    route = tomllib.loads((SYSTEMS / "courrier_soap/route.toml").read_text("utf-8"))
    wsdl = (SYSTEMS / "courrier_soap/courrier.wsdl").read_text("utf-8").replace("{adresse}", _ENDPOINT)
    said = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r>'
        "<NumeroOrdre>2026/7</NumeroOrdre><Accuse><Code>RECU</Code></Accuse></r></e:Body></e:Envelope>"
    )
    xml = {"content-type": "text/xml"}
    answers = {"GET": Response(200, xml, wsdl.encode()), "POST": Response(200, xml, said.encode())}
    return route, Ready(lambda method, _: answers[method])


def identity(key: Any) -> str:
    """Certificate and key in PEM, made now."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "BENCH")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    lock = serialization.NoEncryption()
    return certificate.public_bytes(pem).decode() + key.private_bytes(pem, shape, lock).decode()


def by_hand(one: Letter) -> bytes:
    """The least that anybody could do: the facts and the files' octets as JSON."""
    files = [FILE, one.original]
    contents = [
        {"contenu": base64.b64encode(file).decode(), "empreinte": hashlib.sha256(file).hexdigest()}
        for file in files
    ]
    facts = {"objet": one.envelope.subject, "texte": one.envelope.body, "identifiant": one.delivery_id}
    return json.dumps(facts | {"pieces": contents}, ensure_ascii=False).encode()


def cpu_ms(work: Callable[[Letter], object], letters: list[Letter]) -> float:
    """Milliseconds of this process's CPU per letter, the best of three rounds."""
    for one in letters[:20]:
        work(one)
    rounds = []
    for _ in range(3):
        before = time.process_time()
        for one in letters:
            work(one)
        rounds.append((time.process_time() - before) / len(letters) * 1000)
    return min(rounds)


def run(count: int) -> int:
    """Measure, and print what came out; 1 when a kind takes longer than is wanted."""
    letters = [letter(number) for number in range(count)]
    least = cpu_ms(by_hand, letters)
    secrets_of = {"p256": identity(ec.generate_private_key(ec.SECP256R1()))}
    secrets_of["rsa"] = identity(rsa.generate_private_key(65537, 2048))
    ways: list[tuple[str, Adapter, tuple[Mapping[str, Any], Ready], Mapping[str, Any]]] = [
        ("rest", RestAdapter(), rest(), {}),
        ("soap", SoapAdapter(), soap(), {}),
        ("soap, MTOM", SoapAdapter(), soap(), {"attachments": "mtom"}),
        ("soap, signed P-256", SoapAdapter(), soap(), {"auth": {"kind": "x509", "secret": "p256"}}),
        ("soap, signed RSA 2048", SoapAdapter(), soap(), {"auth": {"kind": "x509", "secret": "rsa"}}),
    ]
    print(f"{'by hand':22} {least:6.3f} ms")
    missed = 0
    for name, adapter, (route, http), more in ways:
        context = Context(http, {**route, **more}, secrets_of.__getitem__, lambda: NOW)
        each = cpu_ms(lambda one: adapter.deliver(one, context), letters)  # noqa: B023 - called at once
        wanted = WANTED_MS.get(name)
        short = wanted is not None and each >= wanted
        missed += short
        want = "" if wanted is None else f"  wanted < {wanted:g} ms{' MISSED' if short else ''}"
        print(f"{name:22} {each:6.3f} ms  {each / least:5.1f} times by hand{want}")
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="letters per round")
    sys.exit(run(parser.parse_args().count))
