"""Stands between a recipient's program and a hub for tests, and does to each letter what its trial says."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from adapters.contract import Response
from gateway.cli.partner.inbox_examination import InboxExamination
from gateway.cli.partner.inbox_trials import TAKING, InboxCourse, InboxTrial
from gateway.cli.partner.trials import RETRY_S
from gateway.clients.hub import INBOX, HubClient
from gateway.domain.errors import DeliveryError

_INBOX, _TOKENS = "/api/v1/inbox", "/oauth2/token"
_LARGEST = 64 * 1024
_PROBLEM, _JSON = "application/problem+json", "application/json"
_ELSEWHERE = b"only an office's inbox is examined here\n"
_HANDED_ON = ("link", "content-disposition")
_TOKEN = {"access_token": "examined", "token_type": "Bearer", "expires_in": 600, "scope": INBOX}


class InboxDoor(BaseHTTPRequestHandler):
    """One connection; `serving` says for which examination and before which hub."""

    timeout = 60
    examination: InboxExamination
    hub: HubClient

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not (length.isascii() and length.isdecimal() and int(length) <= _LARGEST):
            self._give(413, b"", "text/plain")
            return
        body = self.rfile.read(int(length))
        if urlsplit(self.path).path == _TOKENS:  # the hub is called in the party's name by the examiner
            self._give(200, json.dumps(_TOKEN).encode(), _JSON)
        else:
            self._route(body)

    def do_GET(self) -> None:
        self._route(b"")

    def do_DELETE(self) -> None:
        self._route(b"")

    def _route(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        parts = path.removeprefix(_INBOX).strip("/").split("/")
        if path == _INBOX and self.command == "GET":
            self._list()
        elif not path.startswith(f"{_INBOX}/") or len(parts) not in (2, 3):
            self._give(404, _ELSEWHERE, "text/plain")
        else:
            members = _members(body)
            verb = "attachment" if len(parts) == 3 else parts[1]
            number = members.get("registerNumber") if members else None
            course = self.examination.meet(parts[0], verb, number if isinstance(number, str) else None)
            self._examine(parts[0], verb, members, course)

    def _list(self) -> None:
        answer = self._forwarded(None)
        if answer.status == 200 and "after=" not in self.path:
            told = json.loads(answer.body)
            told["letters"] = self.examination.listed(told["letters"])
            answer = Response(200, answer.headers, json.dumps(told, ensure_ascii=False).encode())
        self._hand_on(answer)

    def _examine(self, delivery: str, verb: str, members: dict[str, Any] | None, course: InboxCourse) -> None:
        trial, taking = course.trial, verb in TAKING and course.first(*TAKING)
        if trial is InboxTrial.LOCKED and len(course.calls) == 1:
            self._give(409, _locked(), _PROBLEM)
            return
        if trial is InboxTrial.TROUBLE and taking:
            self._give(503, b"{}", _PROBLEM, {"Retry-After": f"{RETRY_S:g}"})
            return
        answer = self._forwarded(members)
        if trial is InboxTrial.CONTENT_CUT and verb == "content" and course.first("content"):
            self._cut(answer)
            return
        self.examination.note(delivery, verb, answer.status)
        lost = trial is InboxTrial.ANSWER_LOST and taking
        if lost or (trial is InboxTrial.PROGRESS_LOST and course.first("progress")):
            self.close_connection = True
            return
        self._hand_on(answer)

    def _forwarded(self, members: dict[str, Any] | None) -> Response:
        try:
            return self.hub.call(
                self.command,
                self.path,
                INBOX,
                members=members,
                accept=self.headers.get("Accept") or "*/*",
                language=self.headers.get("Accept-Language") or "en",
            )
        except (DeliveryError, PermissionError):
            return Response(503, {"content-type": _PROBLEM}, b"{}")

    def _cut(self, answer: Response) -> None:
        """Half of an answer that promises all of it."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("content-type", _PROBLEM))
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2])
        self.close_connection = True

    def _hand_on(self, answer: Response) -> None:
        more = {name.title(): answer.headers[name] for name in _HANDED_ON if name in answer.headers}
        self._give(answer.status, answer.body, answer.headers.get("content-type", ""), more)

    def _give(self, status: int, body: bytes, media_type: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the scorecard tells."""


def serving_inbox(examination: InboxExamination, hub: HubClient, port: int) -> ThreadingHTTPServer:
    """The examination at a port of this machine."""
    door = type("ExaminingInboxDoor", (InboxDoor,), {"examination": examination, "hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", port), door)
    server.daemon_threads = True
    return server


def _members(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a call; what is none is for the hub to refuse."""
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return {"unreadable": True}
    return found if isinstance(found, dict) or found is None else {"unreadable": True}


def _locked() -> bytes:
    text = "Another reader has locked this letter for a moment."
    fault = {"code": "WASL-DLV-054", "text": text}
    problem = {"type": "urn:wasl:problem:WASL-DLV-054", "title": text, "status": 409}
    return json.dumps({**problem, "code": fault["code"], "faults": [fault]}).encode()
