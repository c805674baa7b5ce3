"""Stands between a sender's program and a hub for tests, and does to each letter what its trial says."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adapters.contract import Response
from gateway.cli.partner.examination import Examination
from gateway.cli.partner.trials import RETRY_S, Trial
from gateway.clients.hub import HubClient
from gateway.domain.errors import DeliveryError

SUBMISSIONS = "/api/v1/envelopes"
_LARGEST = 64 * 1024 * 1024
_PROBLEM = "application/problem+json"
_ELSEWHERE = b"only submissions are examined here\n"
_TROUBLE = {Trial.TROUBLE: 503, Trial.TOO_OFTEN: 429}


class Door(BaseHTTPRequestHandler):
    """One connection; `serving` says for which examination and before which hub."""

    timeout = 60
    examination: Examination
    hub: HubClient

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path.partition("?")[0] != SUBMISSIONS:
            self._give(404, _ELSEWHERE, "text/plain")
        elif not (length.isascii() and length.isdecimal() and int(length) <= _LARGEST):
            self._give(413, b"", "text/plain")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):  # else the sender itself broke off
                self._examine(body)

    def do_GET(self) -> None:
        self._give(404, _ELSEWHERE, "text/plain")

    def _examine(self, body: bytes) -> None:
        key, course = self.examination.meet(body, self.headers.get("Content-Type", ""))
        meets = course.trial if len(course.sendings) == 1 else None  # a repeat is let through
        if course.trial is Trial.REFUSED:
            self._give(422, _refusal(), _PROBLEM)
        elif meets in _TROUBLE:
            self._give(_TROUBLE[meets], b"{}", _PROBLEM, RETRY_S)
        elif meets is Trial.NOT_ARRIVED:
            self.close_connection = True
        else:
            answer = self._forwarded(key, body)
            if meets is Trial.ANSWER_LOST:
                self.close_connection = True
                return
            content = changed(answer.body) if meets is Trial.FORGED else answer.body
            self._give(answer.status, content, answer.headers.get("content-type", ""))

    def _forwarded(self, key: str, body: bytes) -> Response:
        names = ("Accept", "Accept-Language")
        wanted = {name: self.headers[name] for name in names if self.headers[name]}
        try:
            answer = self.hub.submit(body, self.headers.get("Content-Type", ""), None, wanted)
        except DeliveryError:
            answer = Response(503, {"content-type": _PROBLEM}, b"{}")
        self.examination.note(key, answer.status)
        return answer

    def _give(self, status: int, body: bytes, media_type: str, retry_after: float | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", f"{retry_after:g}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the scorecard tells."""


def serving(examination: Examination, hub: HubClient, port: int) -> ThreadingHTTPServer:
    """The examination at a port of this machine."""
    door = type("ExaminingDoor", (Door,), {"examination": examination, "hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", port), door)
    server.daemon_threads = True
    return server


def _refusal() -> bytes:
    fault = {"code": "WASL-RTE-001", "where": "/recipients/0", "text": "The recipient is not known."}
    problem = {"type": "urn:wasl:problem:WASL-RTE-001", "title": fault["text"], "status": 422}
    return json.dumps({**problem, "code": fault["code"], "faults": [fault]}).encode()


def changed(receipt: bytes) -> bytes:
    """The receipt with one more letter in a name, or another octet in its payload, under the same seal."""
    if receipt.startswith(b"<"):
        return receipt.replace(b"<Name>", b"<Name>x", 1)
    middle = len(receipt) // 2
    other = b"A" if receipt[middle : middle + 1] != b"A" else b"B"
    return receipt[:middle] + other + receipt[middle + 1 :]
