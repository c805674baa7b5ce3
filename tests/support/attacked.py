"""A real hub that attacks are sent to over its HTTP door, with the parties that the cases speak for."""

from __future__ import annotations

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import delete

from gateway import home
from gateway.bootstrap import build
from gateway.domain.evidence.receipt import Receipt
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.declared import Declared, DeclaredCertificate
from gateway.settings import load
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message, Payload
from gateway.trust.jws import open_jws
from gateway.web.app import create_app
from gateway.wire.receipts import read_receipt_json, read_receipt_xml
from gateway.wire.strict_xml import parse_xml
from tests.assets import letters
from tests.assets.bench import Bench

ACCEPTED = "accepted"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


class AttackedHub:
    """Answers each submission as a client of the hub sees it.

    Attributes:
        level: signature profile that the last acceptance states.
    """

    level = ""

    def __init__(self, bench: Bench, now: datetime) -> None:
        folder: Path = bench.pki.directory
        settings = load({"WASL_HOME": str(folder), "WASL_LIMITS_REFUSALS_PER_HOUR": "1000000"})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            home.prepare(settings)
        self.gateway = build(settings, Ambient(now=lambda: now))
        self.gateway.registry.apply(_declared(bench), "attacks")
        app = create_app(
            self.gateway.settings, self.gateway.services, self.gateway.languages, self.gateway.pack
        )
        self.client: FlaskClient = app.test_client()

    def judge_submission(self, raw: bytes, media_type: str) -> str:
        """The code of the first reason for refusing, or "accepted"; what was accepted is forgotten."""
        answer = self.client.post("/api/v1/envelopes", data=raw, content_type=media_type)
        if answer.status_code in (200, 201):
            self._forget()
            self.level = _level(answer.data, answer.mimetype)
            return ACCEPTED
        if answer.mimetype == "application/problem+json":
            return str(answer.json["code"])
        return _first_reason(answer.data, answer.mimetype)

    def _forget(self) -> None:
        # cases share message ids, and each must be judged as if it came first
        with self.gateway.store.write() as session:
            for table in (PendingEntry, Rendering, ReceiptRow, DeliveryEvent, DeliveryRow, Message, Payload):
                session.execute(delete(table))


def _first_reason(receipt: bytes, media_type: str) -> str:
    return _read(receipt, media_type).reasons[0].code


def _level(receipt: bytes, media_type: str) -> str:
    signer = _read(receipt, media_type).signer
    return signer.level.value if signer is not None else ""


def _read(receipt: bytes, media_type: str) -> Receipt:
    if media_type == "application/xml":
        root = parse_xml(receipt)
        root.remove(root.find(_SIGNATURE))
        return read_receipt_xml(etree.tostring(root))
    return read_receipt_json(open_jws(receipt, media_type, typ="wasl-receipt+json").payload)


def _declared(bench: Bench) -> Declared:
    names = dict.fromkeys(("ar", "fr", "en"), "DEMONSTRATION")
    parties: list[dict[str, Any]] = [
        {
            "id": party,
            "kind": "administration",
            "names": names,
            "active": True,
            "may_represent": False,
            "test": False,
            "aliases": [],
        }
        for party in (letters.MINISTRY, letters.COMMUNE)
    ]
    office = {
        "id": letters.OFFICE,
        "party": letters.COMMUNE,
        "names": names,
        "active": True,
        "default": True,
        "route": {"kind": "office"},
        "document_types": {},
        "readers": ["one", "two"],
    }
    certificates = [
        (party, DeclaredCertificate(bench.pki[name].certificate, exact=exact))
        for registered, exact in ((bench.registered, True), (bench.by_subject, False))
        for name, party in registered.items()
    ]
    return Declared(tuple(parties), (office,), tuple(certificates))
