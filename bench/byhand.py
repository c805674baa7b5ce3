"""The work on one letter that nobody can avoid, done by hand: what the hub's own work is compared with.

Absolute figures depend on the machine and on who else uses it; the ratio to this, measured in the same
minute, does not.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema_rs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from gateway.assets import xsd_dir
from gateway.cli.compose import XML
from gateway.trust.seal import KeySealer

_DS = "{http://www.w3.org/2000/09/xmldsig#}"


class Desk:
    """Where letters are accepted and delivered by hand: a key, a durable table, one kept connection."""

    def __init__(self, folder: Path, media_type: str, target_port: int = 0) -> None:
        self.media_type = media_type
        self._sealer = KeySealer.from_files(
            folder / "keys/hub-seal.pem", folder / "certificates/hub-seal.pem"
        )
        self._table = _table(folder / "by-hand.sqlite3")
        self._xsd = etree.XMLSchema(etree.parse(xsd_dir() / "envelope-1.0.xsd"))
        schema = json.loads((xsd_dir() / "envelope-1.0.schema.json").read_text())
        self._json_schema = jsonschema_rs.validator_for(schema)
        self._target = http.client.HTTPConnection("127.0.0.1", target_port)

    def accept(self, letter: bytes) -> None:
        """Parse, check the schema, digest, verify, sign, keep a row: no gate, registry or receipt content."""
        covered = self._covered_xml(letter) if self.media_type == XML else self._covered_json(letter)
        self._keep(hashlib.sha256(covered).digest(), letter)

    def deliver(self, letter: bytes) -> None:
        """Parse what was kept, post it, sign for it, keep a row: no claim, route or receipt content."""
        if self.media_type == XML:
            root = etree.fromstring(letter)
            told = {child.tag.rpartition("}")[2].lower(): child.text for child in root.iter(etree.Element)}
        else:
            told = json.loads(_unpadded(letter.split(b".")[1]))
        key = hashlib.sha256(letter).hexdigest()
        body = json.dumps({"message": f"by-hand-{key}", "text": told.get("body")}).encode()
        self._target.request("POST", "/ok/letters", body, {"Idempotency-Key": key})
        self._keep(hashlib.sha256(self._target.getresponse().read()).digest(), b"")

    def _covered_xml(self, letter: bytes) -> bytes:
        root = etree.fromstring(letter)
        signature = root.find(f"{_DS}Signature")
        info = etree.tostring(signature.find(f"{_DS}SignedInfo"), method="c14n", exclusive=True)
        certificate = signature.findtext(f".//{_DS}X509Certificate")
        _verify(certificate, base64.b64decode(signature.findtext(f"{_DS}SignatureValue")), info)
        root.remove(signature)
        covered: bytes = etree.tostring(root, method="c14n", exclusive=True)
        self._xsd.assertValid(etree.fromstring(covered))
        return covered

    def _covered_json(self, letter: bytes) -> bytes:
        protected, payload, value = letter.split(b".")
        header = json.loads(_unpadded(protected))
        _verify(header["x5c"][0], _unpadded(value), protected + b"." + payload)
        content = _unpadded(payload)
        self._json_schema.validate(json.loads(content))
        return content

    def _keep(self, digest: bytes, letter: bytes) -> None:
        seal = self._sealer.key.sign(digest, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr, call-arg]
        self._put(digest, letter, seal)

    def _put(self, digest: bytes, letter: bytes, seal: bytes) -> None:
        self._table.execute("INSERT INTO letter VALUES (?, ?, ?)", (digest, letter, seal))


def cpu_each(work: Callable[[bytes], None], made: Sequence[bytes]) -> float:
    """Seconds of this process's CPU that ``work`` takes for each letter."""
    started = time.process_time()
    for letter in made:
        work(letter)
    return (time.process_time() - started) / len(made)


def _unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _verify(certificate: str, value: bytes, signed: bytes) -> None:
    half = len(value) // 2
    der = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    key.verify(der, signed, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr, call-arg]


def _table(path: Path) -> sqlite3.Connection:
    table = sqlite3.connect(path, isolation_level=None)
    table.execute("PRAGMA journal_mode=WAL")
    table.execute("PRAGMA synchronous=FULL")
    table.execute("CREATE TABLE IF NOT EXISTS letter (digest BLOB, octets BLOB, receipt BLOB)")
    return table
