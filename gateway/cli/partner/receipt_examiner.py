"""Plays a hub to a sender's program: takes its letters, and has receipts of every kind for it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.cli.partner.examiner import SUBMISSIONS
from gateway.cli.partner.receipt_deck import Seen
from gateway.cli.partner.receipt_examination import Examined, OtherOctets, ReceiptExamination
from gateway.clients.hub import READ
from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.reasons import explain
from gateway.domain.evidence.receipt import LONG_TERM, Receipt
from gateway.wire.mime import RelatedLimits, RelatedReader
from gateway.wire.receipts import content_digest

SAID = "/examined"
_TOKENS, _EVENTS = "/oauth2/token", "/api/v1/events"
_XML, _JWS = "application/xml", "application/jose"
_JSON, _PROBLEM = "application/json", "application/problem+json"
_LARGEST = 64 * 1024 * 1024
_MOST = 1000
_OTHER_OCTETS = "WASL-DUP-001"
_TOKEN = {"access_token": "examined", "token_type": "Bearer", "expires_in": 600, "scope": READ}


class ReceiptDoor(BaseHTTPRequestHandler):
    """One connection; `serving_receipts` says for which examination."""

    timeout = 60
    examination: ReceiptExamination

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= _LARGEST):
            self._give(413, b"", "text/plain")
            return
        body, path = self.rfile.read(int(length)), urlsplit(self.path).path
        if path == _TOKENS:
            self._members(200, _TOKEN)
        elif path == SUBMISSIONS:
            self._submitted(body)
        elif path == SAID:
            self._say(body)
        else:
            self._members(404, {})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        parts = address.path.removeprefix(f"{SUBMISSIONS}/").split("/")
        if address.path == _EVENTS:
            self._feed(query.get("after", "0"), query.get("limit", "100"))
        elif address.path.startswith(f"{SUBMISSIONS}/") and parts[1:2] == ["receipts"] and len(parts) < 4:
            self._receipts(parts[0], parts[2] if len(parts) == 3 else None)
        else:
            self._members(404, {})

    def _submitted(self, body: bytes) -> None:
        try:
            root, media_type = _root(body, self.headers.get("Content-Type", ""))
            letter = self.examination.submit(Seen.read(root, media_type, datetime.now(UTC)))
        except Refused as refusal:
            self._refuse(422, refusal.faults[0])
        except OtherOctets:
            self._refuse(409, Fault(_OTHER_OCTETS))
        else:
            wanted = self._wanted(_XML if media_type == _XML else _JWS)
            octets = self.examination.give(letter.first.receipt_id, wanted) or b""
            where = {"Location": f"{SUBMISSIONS}/{letter.first.reference}"} if letter.accepted else {}
            self._give(201 if letter.accepted else 422, octets, wanted, where)

    def _say(self, body: bytes) -> None:
        try:
            said = json.loads(body)
            sha256, believed, kind = said["sha256"], said["believed"], said.get("kind")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._members(422, {})
            return
        if not isinstance(believed, bool) or not isinstance(kind, str | None):
            self._members(422, {})
            return
        self._members(200 if self.examination.say(str(sha256), believed, kind) else 404, {})

    def _feed(self, after: str, limit: str) -> None:
        if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in (after, limit)):
            self._members(422, {})
            return
        told = self.examination.told()
        start, most = int(after), max(1, min(int(limit), _MOST))
        page = [_event(letter, one) for letter, one in told[start : start + most]]
        end = start + len(page)
        self._members(200, {"events": page, "next": str(end), "more": end < len(told)})

    def _receipts(self, reference: str, receipt_id: str | None) -> None:
        of = [(letter, one) for letter, one in self.examination.told() if letter.first.reference == reference]
        if receipt_id is None:
            found = [_entry(one) for _, one in of]
            self._members(200 if found else 404, {"receipts": found})
        elif not any(one.receipt_id == receipt_id for _, one in of):
            self._members(404, {})
        else:
            wanted = self._wanted(_XML)
            self._give(200, self.examination.give(receipt_id, wanted) or b"", wanted)

    def _wanted(self, usual: str) -> str:
        accept = self.headers.get("Accept") or ""
        return next((one for one in (_XML, _JWS) if one in accept), usual)

    def _refuse(self, status: int, fault: Fault) -> None:
        text, remedy = explain(fault, "en")
        members = {"code": fault.code, "where": fault.where, "text": text, "remedy": remedy}
        problem = {"type": f"urn:wasl:problem:{fault.code}", "title": text, "status": status}
        body = json.dumps({**problem, "code": fault.code, "faults": [members]}).encode()
        self._give(status, body, _PROBLEM)

    def _members(self, status: int, members: dict[str, Any]) -> None:
        self._give(status, json.dumps(members).encode(), _JSON if status == 200 else _PROBLEM)

    def _give(self, status: int, body: bytes, media_type: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the scorecard tells."""


def serving_receipts(examination: ReceiptExamination, port: int) -> ThreadingHTTPServer:
    """The examination at a port of this machine."""
    door = type("ExaminingReceiptDoor", (ReceiptDoor,), {"examination": examination})
    server = ThreadingHTTPServer(("127.0.0.1", port), door)
    server.daemon_threads = True
    return server


def _root(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The signed octets of a submission, and their media type."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence != "multipart/related":
        return body, essence
    media_type, root = RelatedReader(io.BytesIO(body), content_type, RelatedLimits()).root()
    return root, media_type


def _event(letter: Examined, one: Receipt) -> dict[str, Any]:
    """A line of the feed; a refused submission has no address."""
    at = f"{SUBMISSIONS}/{letter.first.reference}" if letter.accepted else None
    return {
        **_named(one),
        "reference": one.reference,
        "messageId": one.message_id,
        "test": one.test,
        "envelope": at,
        "href": at and f"{at}/receipts/{one.receipt_id}",
    }


def _entry(one: Receipt) -> dict[str, Any]:
    """A line of a letter's receipts."""
    digest = content_digest(one)
    return {
        **_named(one),
        "mediaTypes": [_XML, _JWS],
        "longTerm": one.kind in LONG_TERM,
        "href": f"{SUBMISSIONS}/{one.reference}/receipts/{one.receipt_id}",
        "proof": f"/ledger/proof/{digest}",
        "token": f"/ledger/proof/{digest}.tsr",
    }


def _named(one: Receipt) -> dict[str, Any]:
    return {
        "id": one.receipt_id,
        "kind": one.kind.value,
        "event": one.event.value,
        "eventTime": one.event_time.isoformat(),
        "delivery": one.recipient and one.recipient.delivery,
        "contentDigest": content_digest(one),
    }
