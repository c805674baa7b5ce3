"""What the demonstration's page may ask of the process that runs the show, over a socket on this machine."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any

from gateway.assets import examples_dir
from gateway.cli.compose import sign
from gateway.cli.demo import letters
from gateway.cli.demo.account import write_account
from gateway.cli.demo.story import Story, Told
from gateway.cli.demo.world import Program
from gateway.domain.errors import Fault, NotFound, WaslError
from gateway.trust.seal import KeySealer
from gateway.verifier.verify import verify_file

_LONGEST_BODY = 4096
_PATIENCE_S = 3.0
"""How long a button waits for its letter; one for a system that is stopped goes on by itself."""


class Control:
    """Serves the page's buttons while the block runs; ``demo/control.json`` tells the page where."""

    def __init__(self, home: Path, commune: Program, story: Story) -> None:
        self._home, self._commune, self._story = home, commune, story
        self._secret = secrets.token_urlsafe(24)
        self._one_at_a_time = Lock()
        self._server: ThreadingHTTPServer | None = None
        self._actions: dict[str, Callable[[], dict[str, Any]]] = {
            "state": self._state,
            "send": self._send,
            "repeat": self._repeat,
            "stop": self._stop,
            "start": self._start,
            "tamper": self._tamper,
        }

    def __enter__(self) -> None:
        self._letter_by_hand()
        self._server = server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        host, port = server.server_address[:2]
        path = self._home / "demo" / "control.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"url": f"http://{host!s}:{port}", "secret": self._secret}, file)
        Thread(target=server.serve_forever, daemon=True).start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, action: str) -> dict[str, Any] | None:
        """What came of an action, or None when there is no such action."""
        act = self._actions.get(action)
        if act is None:
            return None
        if action == "state":
            return act()
        with self._one_at_a_time:
            try:
                return act()
            except (WaslError, OSError) as error:
                return {"done": False, "error": str(error)}

    def _state(self) -> dict[str, Any]:
        if self._one_at_a_time.acquire(blocking=False):
            try:
                for told in self._story.told:
                    self._story.catch_up(told)
            except WaslError:
                pass  # the hub does not answer just now: the letters are shown as last heard of
            finally:
                self._one_at_a_time.release()
        return {
            "commune_running": self._commune.running,
            "letters": [_shown(told) for told in self._story.told[-20:]],
        }

    def _send(self) -> dict[str, Any]:
        number = self._next_number()
        draft = letters.works_notice(number, datetime.now(UTC), examples_dir() / "letters")
        told = self._story.tell(draft, _PATIENCE_S)
        write_account(self._story.folder, self._story.told)
        return {"done": told.status == 201, "letter": _shown(told)}

    def _repeat(self) -> dict[str, Any]:
        told = self._last_accepted()
        return {"done": self._story.repeat(told, self._next_number()), "letter": _shown(told)}

    def _stop(self) -> dict[str, Any]:
        self._commune.stop()
        return {"done": not self._commune.running}

    def _start(self) -> dict[str, Any]:
        self._commune.start()
        return {"done": self._commune.running}

    def _tamper(self) -> dict[str, Any]:
        """Change one byte of the last receipt's signed content in a copy, and verify the copy."""
        told = self._last_accepted()
        name = next(
            name for name in told.files if name.endswith(("-receipt-acceptance.xml", "-acceptance.jws"))
        )
        octets = (self._story.folder / name).read_bytes()
        position, changed = _with_one_byte_changed(octets, (told.reference or "").encode())
        copy = self._story.folder / ("altered-" + name)
        copy.write_bytes(changed)
        reports = [
            verify_file(path, self._story.folder / "trust", None, datetime.now(UTC))
            for path in (self._story.folder / name, copy)
        ]
        return {
            "done": reports[0].exit_code == 0 and reports[1].exit_code == 1,
            "good": {language: reports[0].sentence(language) for language in ("ar", "fr", "en")},
            "altered": {language: reports[1].sentence(language) for language in ("ar", "fr", "en")},
            "byte": position,
        }

    def _last_accepted(self) -> Told:
        for told in reversed(self._story.told):
            if told.reference:
                return told
        raise NotFound(Fault("WASL-REQ-005"))

    def _next_number(self) -> int:
        numbers = [int(name.partition("-")[0]) for told in self._story.told for name in told.files]
        return max([5, *numbers]) + 1  # 05 is the letter for the command line

    def _letter_by_hand(self) -> None:
        """A signed letter that waits for somebody's curl."""
        draft = letters.lost_letter(5, datetime.now(UTC))
        known = draft.envelope.recipients[:1]
        envelope = replace(draft.envelope, recipients=known, subject="DEMONSTRATION: sent by hand")
        keys = self._story.keys
        sealer = KeySealer.from_files(
            keys / "keys" / "demo-commune.pem", keys / "certificates" / "demo-commune.pem"
        )
        letter = sign(envelope, sealer, draft.media_type, datetime.now(UTC))
        (self._story.folder / "05-by-hand-envelope.xml").write_bytes(letter.root)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                offered = self.headers.get("Authorization", "")
                if not secrets.compare_digest(offered.encode(), f"Bearer {control._secret}".encode()):
                    self.send_error(403)
                    return
                self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _LONGEST_BODY))
                answer = control.answer(self.path.strip("/"))
                body = json.dumps(answer).encode()
                self.send_response(200 if answer is not None else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: the story is on this terminal."""

        return Handler


def _with_one_byte_changed(octets: bytes, reference: bytes) -> tuple[int, bytes]:
    """A receipt with another digit in its reference, and where the file differs first."""
    if octets.startswith(b"<"):
        changed = _another_digit(octets, reference)
    else:
        head, payload, signature = octets.split(b".")
        content = _another_digit(base64.urlsafe_b64decode(payload + b"=="), reference)
        changed = b".".join((head, base64.urlsafe_b64encode(content).rstrip(b"="), signature))
    position = next(at for at, pair in enumerate(zip(octets, changed, strict=True)) if pair[0] != pair[1])
    return position, changed


def _another_digit(content: bytes, reference: bytes) -> bytes:
    last = content.index(reference) + len(reference) - 1
    other = b"0" if content[last : last + 1] != b"0" else b"1"
    return content[:last] + other + content[last + 1 :]


def _shown(told: Told) -> dict[str, Any]:
    return {
        "number": told.draft.number,
        "title": told.draft.title,
        "subject": told.draft.envelope.subject,
        "language": told.draft.envelope.language,
        "format": "XML" if told.draft.media_type == "application/xml" else "JSON",
        "status": told.status,
        "reference": told.reference,
        "deliveries": [
            {key: delivery[key] for key in ("name", "state", "registerNumber", "targetReference")}
            for delivery in told.deliveries
        ],
        "problems": told.problems,
        "files": told.files,
    }
