"""Recipients' systems that keep an append-only log of what they took, and misbehave when told to.

One server stands for many systems: the first part of a path names the store. What a store can tell of a
letter that comes again is in its name:

- ``repeats…`` honours the delivery id as idempotency key: the same again gets the same answer;
- ``finds…`` takes whatever comes, and can be asked what it has;
- ``nothing…`` takes whatever comes, and can say nothing about it.

A store with ``later`` in its name gives no number when it takes a letter: it says it when it is asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections import Counter, defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_RESET = struct.pack("ii", 1, 0)
_PAGE = b"<!DOCTYPE html><html><body>Maintenance en cours</body></html>"
NEVER_S = 30.0

TOOK = ("taken-then-hangs", "taken-then-resets", "taken-then-html", "taken-then-drips", "gate")
"""Faults by which the letter lies in the store although the hub gets no good answer (of ``gate``: yet)."""
FAULTS = ("busy", "refuses", "hangs", "resets", "resets-midway", "drips", "html", *TOOK)


def options(port: int, store: str) -> dict[str, Any]:
    """A route to a store, of kind ``rest``."""
    route: dict[str, Any] = {
        "base_url": f"http://127.0.0.1:{port}/{store}",
        "create": {
            "path": "/letters",
            "body": {
                "delivery": "deliveryId",
                "duplicate": "possibleDuplicate",
                "files": "files[].content",
            },
            "success": "number",
            "reads": {"target_reference": "number", "register_number": "number"},
        },
    }
    if store.startswith("repeats"):
        route["idempotency_header"] = "Idempotency-Key"
    if "later" in store:
        route["create"]["reads"] = {"target_reference": "number"}
        reads = {"register_number": "number", "progress": "'CLOSED'"}
        route["poll"] = {"path": "/letters/{deliveryId}", "success": "number", "reads": reads}
    if store.startswith("finds"):
        route["find"] = {
            "path": "/letters/{deliveryId}",
            "success": "number",
            "found": "@",
            "reads": {"target_reference": "number", "register_number": "number"},
            "absent_status": 404,
        }
    return route


@dataclass
class Target:
    """The server and its stores' logs.

    Attributes:
        faults: of each store, what meets the next submissions; the rest goes well.
        always: what meets every submission to a store.
        gate: opened by whoever lets a submission at the fault ``gate`` go on.
        at_gate: set by the server when one stands there, its letter taken.
        look_gate: while it is closed, whoever asks for an earlier delivery waits.
    """

    folder: Path
    faults: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, str] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    gate: threading.Event = field(default_factory=threading.Event)
    at_gate: threading.Event = field(default_factory=threading.Event)
    look_gate: threading.Event = field(default_factory=threading.Event)
    at_look: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _closing: threading.Event = field(default_factory=threading.Event)

    def start(self, port: int = 0) -> None:
        target = self
        self.look_gate.set()
        self.folder.mkdir(parents=True, exist_ok=True)

        class Handler(_Handler):
            system = target

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Let go of everybody and stop listening; what was taken stays in the logs."""
        self._closing.set()
        self.gate.set()
        self.look_gate.set()
        self._server.shutdown()
        self._server.server_close()

    def log(self, store: str) -> Path:
        return self.folder / f"{store}.jsonl"

    def next_fault(self, store: str) -> str | None:
        with self._lock:
            if store in self.always:
                fault: str | None = self.always[store]
            else:
                fault = self.faults[store].popleft() if self.faults[store] else None
            self.met[fault or "well"] += 1
            return fault

    def take(self, store: str, wanted: dict[str, Any], key: str | None) -> bytes:
        """Take a letter; the answer. It lies in the log before anybody is told."""
        delivery = wanted["delivery"]
        with self._lock:
            known = self._answers.get((store, delivery))
            if known is not None and key == delivery and store.startswith("repeats"):
                return self._told(store, delivery, known)
            self._numbers[store] += 1
            answer = json.dumps({"number": f"{store}-{self._numbers[store]}"}).encode()
            digests = [hashlib.sha256(base64.b64decode(one)).hexdigest() for one in wanted["files"]]
            self._write(
                store,
                what="took",
                delivery=delivery,
                originals=digests,
                duplicate=bool(wanted["duplicate"]),
            )
            self._answers.setdefault((store, delivery), answer)
            return self._told(store, delivery, answer)

    def found(self, store: str, delivery: str) -> bytes | None:
        with self._lock:
            known = store.startswith("finds") or "later" in store
            answer = self._answers.get((store, delivery)) if known else None
            # who is asked for news hands nothing over: nobody's log is to tell of it
            return answer if answer is None or "later" in store else self._told(store, delivery, answer)

    def _told(self, store: str, delivery: str, answer: bytes) -> bytes:
        self._write(store, what="told", delivery=delivery, answer=hashlib.sha256(answer).hexdigest())
        return answer

    def _write(self, store: str, **line: Any) -> None:
        with self.log(store).open("a") as log:
            log.write(json.dumps(line) + "\n")

    def pause(self, seconds: float) -> bool:
        """Wait; whether this server is about to stop."""
        return self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: who hung up, hung up."""


class _Handler(BaseHTTPRequestHandler):
    system: Target
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.count("/") == 1:  # whether anybody is there
            self._give(200, b"{}")
            return
        _, store, _, delivery = self.path.split("/")
        self.system.at_look.set()
        self.system.look_gate.wait(NEVER_S)
        answer = self.system.found(store, delivery)
        self._give(404 if answer is None else 200, answer or b"{}")

    def do_POST(self) -> None:
        store = self.path.split("/")[1]
        fault = self.system.next_fault(store)
        if fault in ("resets", "hangs"):
            self._silent(fault)
            return
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = b'{"number": "never"}'
        if fault is None or fault in TOOK:
            answer = self.system.take(store, wanted, self.headers.get("Idempotency-Key"))
        with suppress(OSError):
            self._answer(fault, answer)

    def _answer(self, fault: str | None, answer: bytes) -> None:
        if fault == "gate":
            self.system.at_gate.set()
            self.system.gate.wait(NEVER_S)
            fault = None
        if fault is None:
            self._give(200, answer)
        elif fault == "busy":
            self._give(503, b"{}", retry_after="0")
        elif fault == "refuses":
            self._give(422, b'{"error": "no such department"}')
        elif fault.endswith("html"):
            self._give(200, _PAGE, "text/html")
        elif fault.endswith("drips"):
            self._drip(answer)
        elif fault == "resets-midway":
            self._head(200, len(answer) + 100)
            self.wfile.write(answer[:5])
            self._reset()
        else:
            self._silent(fault.rpartition("-")[2])

    def _silent(self, how: str) -> None:
        if how == "hangs":
            self._wait_for_the_end()
        self._reset()

    def _wait_for_the_end(self) -> None:
        """Until the other side hangs up."""
        self.connection.settimeout(0.05)
        for _ in range(int(NEVER_S / 0.05)):
            with suppress(TimeoutError):
                if not self.connection.recv(65_536):
                    return
            if self.system.pause(0):
                return

    def _drip(self, answer: bytes) -> None:
        self._head(200, len(answer) + 10_000)
        for octet in answer + b" " * 10_000:
            self.wfile.write(bytes([octet]))
            if self.system.pause(0.1):
                return

    def _give(
        self, status: int, answer: bytes, form: str = "application/json", retry_after: str = ""
    ) -> None:
        self._head(status, len(answer), form, retry_after)
        self.wfile.write(answer)

    def _head(self, status: int, length: int, form: str = "application/json", retry_after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Write nothing."""
