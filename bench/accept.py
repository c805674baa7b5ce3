"""How fast the hub accepts letters through its real HTTP door, beside the same work without a hub.

``python bench/accept.py`` starts a hub of its own (two web processes, SQLite, durable commits) in a
temporary home, signs letters of about 5 KB by many senders beforehand, and sends them from a second
process on the same machine. It prints messages per second, latencies and CPU per message, and the
ratio to a hand-written loop of the work that nobody can avoid: parse, schema, canonical form, digest,
verify, sign, one durable row.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
from common import OFFICE, PORT, children, make_home, running, wait_for
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from gateway.assets import xsd_dir
from gateway.cli.compose import JWS, XML, sign
from gateway.domain.identifiers import uuid7
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.trust.seal import KeySealer

SENTENCE = "Nous avons l'honneur de vous adresser la présente. "
SENTENCES = {XML: 3, JWS: 34}
"""How often it stands in a letter, so that with its signature and certificates it has about 5 KB."""


@dataclass(frozen=True)
class Figures:
    """What one run came to; times in seconds."""

    letters: int
    wall: float
    latencies: tuple[float, ...]
    cpu: float

    @property
    def rate(self) -> float:
        return self.letters / self.wall

    def line(self, name: str) -> str:
        p50, p99 = (quantile(self.latencies, share) * 1000 for share in (0.50, 0.99))
        per_message = self.cpu / self.letters * 1000
        return (
            f"{name:5} {self.letters:6} letters  {self.rate:7.1f}/s  p50 {p50:6.1f} ms  "
            f"p99 {p99:6.1f} ms  hub CPU {per_message:5.2f} ms each"
        )


def quantile(values: tuple[float, ...], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def letters(keys: list[tuple[str, KeySealer]], media_type: str, count: int) -> list[bytes]:
    """Signed letters, the senders in turn."""
    now = datetime.now(UTC)
    made = []
    for number in range(count):
        party, sealer = keys[number % len(keys)]
        envelope = Envelope(
            version="1.0",
            hub="DEMO-HUB",
            message_id=uuid7(os.urandom),
            purpose=Purpose.LETTER,
            created_at=now.replace(microsecond=0),
            sender=Sender(party),
            recipients=(Recipient(office=OFFICE),),
            subject=f"Courrier de mesure {number}",
            language="fr",
            document_type="request",
            body=SENTENCE * SENTENCES[media_type],
        )
        made.append(sign(envelope, sealer, media_type, now).root)
    return made


def send_all(folder: Path, media_type: str, connections: int) -> None:
    """The load: send every letter in ``folder`` and print latencies as JSON (run as a process of its own)."""
    queue = [path.read_bytes() for path in sorted(folder.iterdir())]
    shares = [queue[start::connections] for start in range(connections)]

    def work(share: list[bytes]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        taken = []
        for letter in share:
            started = time.perf_counter()
            connection.request("POST", "/api/v1/envelopes", letter, {"Content-Type": media_type})
            answer = connection.getresponse()
            body = answer.read()
            taken.append(time.perf_counter() - started)
            if answer.status != 201:
                raise SystemExit(f"not accepted: {answer.status} {body[:300]!r}")
        return taken

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        latencies = [one for share in pool.map(work, shares) for one in share]
    print(json.dumps({"wall": time.perf_counter() - started, "latencies": latencies}))


def cpu_of(pids: list[int]) -> float:
    """User and system seconds that these processes have used."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def measure(folder: Path, made: list[bytes], media_type: str, connections: int, hub: int) -> Figures:
    """Send ``made`` to the running hub from another process."""
    with tempfile.TemporaryDirectory(dir=folder) as outbox:
        for number, letter in enumerate(made):
            (Path(outbox) / f"{number:06d}").write_bytes(letter)
        pids = [hub, *children(hub)]
        before = cpu_of(pids)
        done = subprocess.run(
            [sys.executable, __file__, "--send", outbox, media_type, str(connections)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr or done.stdout)
        told = json.loads(done.stdout)
    return Figures(len(made), told["wall"], tuple(told["latencies"]), cpu_of(pids) - before)


def unavoidable_xml(made: list[bytes], folder: Path, sealer: KeySealer) -> float:
    """Seconds of CPU per letter for the same work by hand: no gate, no registry, no receipt content."""
    schema = etree.XMLSchema(etree.parse(xsd_dir() / "envelope-1.0.xsd"))
    ds = "{http://www.w3.org/2000/09/xmldsig#}"
    table = _table(folder / "xml.sqlite3")
    started = time.process_time()
    for letter in made:
        root = etree.fromstring(letter)
        signature = root.find(f"{ds}Signature")
        info = etree.tostring(signature.find(f"{ds}SignedInfo"), method="c14n", exclusive=True)
        certificate = _certificate(signature.findtext(f".//{ds}X509Certificate"))
        value = base64.b64decode(signature.findtext(f"{ds}SignatureValue"))
        half = len(value) // 2
        der = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
        certificate.public_key().verify(der, info, ec.ECDSA(hashes.SHA256()))
        root.remove(signature)
        covered = etree.tostring(root, method="c14n", exclusive=True)
        schema.assertValid(etree.fromstring(covered))
        _receipt(table, hashlib.sha256(covered).digest(), letter, sealer)
    return (time.process_time() - started) / len(made)


def unavoidable_json(made: list[bytes], folder: Path, sealer: KeySealer) -> float:
    """The same for JSON."""
    schema = json.loads((xsd_dir() / "envelope-1.0.schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    table = _table(folder / "json.sqlite3")
    started = time.process_time()
    for letter in made:
        protected, payload, value = letter.split(b".")
        header = json.loads(_unpadded(protected))
        certificate = _certificate(header["x5c"][0])
        signature = _unpadded(value)
        half = len(signature) // 2
        der = encode_dss_signature(
            int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        )
        certificate.public_key().verify(der, protected + b"." + payload, ec.ECDSA(hashes.SHA256()))
        content = _unpadded(payload)
        validator.validate(json.loads(content))
        _receipt(table, hashlib.sha256(content).digest(), letter, sealer)
    return (time.process_time() - started) / len(made)


def _unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _certificate(text: str | None) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(text or ""))


def _table(path: Path) -> sqlite3.Connection:
    table = sqlite3.connect(path, isolation_level=None)
    table.execute("PRAGMA journal_mode=WAL")
    table.execute("PRAGMA synchronous=FULL")
    table.execute("CREATE TABLE letter (digest BLOB, octets BLOB, receipt BLOB)")
    return table


def _receipt(table: sqlite3.Connection, digest: bytes, letter: bytes, sealer: KeySealer) -> None:
    seal = sealer.key.sign(digest, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr, call-arg]
    table.execute("INSERT INTO letter VALUES (?, ?, ?)", (digest, letter, seal))


def run(count: int, connections: int, senders: int) -> int:
    """Measure both syntaxes and print what came out; 1 when a floor of the issue is missed."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        keys = make_home(folder, senders)
        with running(["-m", "gateway", "serve"], {"WASL_HOME": name, "WASL_WEB_PORT": str(PORT)}) as hub:
            wait_for(PORT, "/health/live")
            return report(folder, keys, hub, count, connections)


def report(folder: Path, keys: list[tuple[str, KeySealer]], hub: int, count: int, connections: int) -> int:
    seal = KeySealer.from_files(folder / "keys/hub-seal.pem", folder / "certificates/hub-seal.pem")
    missed = 0
    print(f"{os.cpu_count()} cores, {connections} connections, {len(keys)} senders, load beside")
    for name, media_type, by_hand, floor in (
        ("XML", XML, unavoidable_xml, 150),
        ("JSON", JWS, unavoidable_json, 250),
    ):
        made = letters(keys, media_type, count)
        size = statistics.mean(map(len, made))
        measure(folder, letters(keys, media_type, 60), media_type, connections, hub)  # warm-up
        figures = measure(folder, made, media_type, connections, hub)
        hand = by_hand(made, folder, seal)
        print(figures.line(name) + f"  ({size:.0f} octets)")
        print(
            f"      by hand {hand * 1000:.2f} ms CPU each; the hub takes "
            f"{figures.cpu / count / hand:.1f} times that; wanted >= {floor}/s: "
            f"{'reached' if figures.rate >= floor else 'MISSED'}"
        )
        missed += figures.rate < floor
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        send_all(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        sys.exit(0)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--senders", type=int, default=50)
    options = parser.parse_args()
    sys.exit(run(options.letters, options.connections, options.senders))
