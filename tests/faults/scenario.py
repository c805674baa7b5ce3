"""One scenario: letters that a sender sends until it is answered, and the evidence for the auditor."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Recipient
from gateway.store.transit.models import DeliveryRow, Message
from gateway.trust.assertion import make_assertion
from gateway.wire.mime import write_related
from tests.faults.town import PATIENCE_S, Town, until
from tests.support.hub import JWS, MINISTRY, XML, SignedLetter, token_form

AUDITOR = Path(__file__).with_name("auditor.py")
MOVING = ("QUEUED", "DELIVERING", "WAITING")
_SCOPE = "envelopes:read envelopes:cancel envelopes:submit"
NOWHERE = directory_id("B", 77)
WHY = ("--why", "a test of faults", "--by", "operator-1")


@dataclass
class Sent:
    """A letter and everything that its sender was answered."""

    message_id: str
    letter: SignedLetter
    offices: list[str]
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.letter.root).hexdigest()

    @property
    def statuses(self) -> list[int]:
        return [one["status"] for one in self.answers]


class Scenario:
    """The letters of one scenario.

    Args:
        name: of its folder.
    """

    def __init__(self, town: Town, name: str) -> None:
        self.town, self.folder = town, town.folder / "evidence" / name
        self.letters: list[Sent] = []
        self._octets: dict[str, bytes] = {}
        self._begun = {path.name: path.stat().st_size for path in town.target.folder.glob("*.jsonl")}
        self._token: str | None = None
        self._lock = threading.Lock()
        self._since = town.clock()

    # sending

    def letter(
        self, *offices: str, media_type: str = JWS, files: tuple[Path, ...] = (), **changes: Any
    ) -> Sent:
        """A signed letter, not sent yet."""
        hub = self.town.hub
        recipients = tuple(Recipient(office=office) for office in offices)
        envelope = hub.envelope(recipients=recipients, document_type=None, **changes)
        made = Sent(envelope.message_id, hub.signed(envelope, media_type, files=files), list(offices))
        with self._lock:
            self.letters.append(made)
        return made

    def send(self, *offices: str, count: int = 1, **options: Any) -> list[Sent]:
        """Letters to all these offices each, sent until accepted."""
        made = [self.letter(*offices, **options) for _ in range(count)]
        for one in made:
            self.submit(one)
            assert one.statuses[-1] in (200, 201), one.answers[-1]
        return made

    def submit(self, sent: Sent, ports: Iterable[int] = (), patience_s: float = PATIENCE_S) -> int:
        """Send a letter until it is answered for good, as a careful sender does; the last status."""
        ports = list(ports) or [self.town.port]
        end = time.monotonic() + patience_s
        for attempt in range(100_000):
            status = self.once(sent, ports[attempt % len(ports)])
            if status not in (0, 429) and status < 500:
                return status
            if time.monotonic() > end:
                pytest.fail(f"no answer: {sent.statuses[-20:]}; {self.town.last_words()}")
            time.sleep(0.05)
        return 0

    def once(self, sent: Sent, port: int | None = None) -> int:
        """Send a letter once; the status of the answer, 0 if none came."""
        letter = sent.letter
        if letter.parts:
            content_type, chunks, _ = write_related(letter.root, letter.media_type, letter.parts)
            body = b"".join(chunks)
        else:
            content_type, body = letter.media_type, letter.root
        status, media_type, octets, why = _exchange(
            port or self.town.port, "POST", "/api/v1/envelopes", body, {"Content-Type": content_type}
        )
        receipt = media_type in (XML, JWS)
        answer = {
            "messageId": sent.message_id,
            "status": status,
            "mediaType": media_type,
            "octets": self._keep(octets) if receipt else None,
            "why": why or (None if receipt else octets.decode("utf-8", "replace")[:300]),
        }
        with self._lock:
            sent.answers.append(answer)
        return status

    def _keep(self, octets: bytes) -> str:
        digest = hashlib.sha256(octets).hexdigest()
        self._octets[digest] = octets
        return digest

    # looking

    def deliveries(self, *letters: Sent) -> list[DeliveryRow]:
        """The deliveries of letters, of all by default, as the hub has them now."""
        ids = [one.message_id for one in letters or self.letters]
        found: list[DeliveryRow] = []
        with self.town.hub.gateway.store.read() as session:
            for at in range(0, len(ids), 500):
                query = (
                    select(DeliveryRow)
                    .join(Message, Message.id == DeliveryRow.message)
                    .where(Message.message_id.in_(ids[at : at + 500]))
                )
                found += session.scalars(query)
        return found

    def delivery(self, letter: Sent) -> DeliveryRow:
        """The only delivery of a letter."""
        [found] = self.deliveries(letter)
        return found

    def until(self, what: str, met: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
        """Wait, the hub at work, until something is so."""

        def met_at_last() -> Any:
            self.town.at_work()
            return met()

        until(what, met_at_last, seconds)

    def wait_for(self, state: str, *letters: Sent, seconds: float = PATIENCE_S) -> None:
        """Wait until all deliveries of letters are in a state."""

        def there() -> bool:
            self.town.at_work()
            rows = self.deliveries(*letters)
            return bool(rows) and all(row.state == state for row in rows)

        until(f"all {state}", there, seconds)

    def settle(self, seconds: float = PATIENCE_S) -> None:
        """Wait, workers at work, until nothing moves any more by itself."""

        def still() -> bool:
            self.town.at_work()
            soon = self.town.clock() + timedelta(seconds=30)
            return not any(row.state in MOVING and row.due_at < soon for row in self.deliveries())

        until(f"nothing moves any more; {self.town.last_words()}", still, seconds)

    def resolve(self, rounds: int = 20) -> None:
        """A person has every held letter sent again, possibly twice, until no letter is held any more.

        A letter may be held again for a good reason: a slow machine lets leases run out.
        """
        for _ in range(rounds):
            self.settle()
            held = [row.id for row in self.deliveries() if row.state == "HELD"]
            if not held:
                return
            for name in held:
                self.town.command("delivery", "requeue", name, "--possible-duplicate", *WHY)
        raise AssertionError(f"held again and again: {held}; {self.town.last_words()}")

    # judging

    def judge(self, *explained: dict[str, Any], settle: bool = True) -> str:
        """Gather the evidence and let the auditor judge it, in a process of its own; its table.

        Args:
            explained: what may be open at the end, as the auditor reads it.
        """
        if settle:
            self.settle()
        self._gather(list(explained))
        done = subprocess.run(
            [sys.executable, AUDITOR, self.folder], capture_output=True, text=True, timeout=600, check=False
        )
        (self.folder / "verdict.txt").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, f"{self.folder}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _gather(self, explained: list[dict[str, Any]]) -> None:
        folder, home = self.folder, self.town.hub.home
        for name in ("octets", "seal", "stores"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(home / "certificates" / "hub-seal.pem", folder / "seal")
        with ThreadPoolExecutor(4) as pool:
            fetched = list(pool.map(self._fetch, self.letters))
        _write(
            folder / "sent.jsonl",
            (
                {"messageId": one.message_id, "sha256": one.sha256, "mediaType": one.letter.media_type,
                 "offices": one.offices}
                for one in self.letters
            ),
        )  # fmt: skip
        _write(folder / "answers.jsonl", (answer for one in self.letters for answer in one.answers))
        _write(folder / "letters.jsonl", (status for status, _ in fetched if status))
        _write(folder / "receipts.jsonl", (one for _, receipts in fetched for one in receipts))
        for digest, octets in self._octets.items():
            (folder / "octets" / digest).write_bytes(octets)
        (folder / "offices.json").write_text(json.dumps(self._offices()))
        (folder / "explained.json").write_text(json.dumps(explained))
        self._gather_stores()
        left = {row.state for row in self.deliveries()} & {*MOVING, "HELD", "AVAILABLE"}
        seen = [
            self.town.command("delivery", "list", "--json", "--limit", "10000", "--state", state)
            for state in sorted(left)
        ]
        (folder / "operator.jsonl").write_text("".join(seen))

    def _gather_stores(self) -> None:
        """The stores' logs since this scenario began; a document system's own file as it is."""
        for path in self.town.target.folder.iterdir():
            goal = self.folder / "stores" / path.name
            if path.is_dir():
                if path.name not in {
                    self.town.elsewhere.get(to) for one in self.letters for to in one.offices
                }:
                    continue
                goal.mkdir(exist_ok=True)
                for file in path.glob("*.sqlite*"):
                    shutil.copy(file, goal)
            else:
                goal.write_bytes(path.read_bytes()[self._begun.get(path.name, 0) :])

    def _offices(self) -> dict[str, Any]:
        """What every office's system is, as the town built it."""
        offices = {}
        for one in self.town.hub.gateway.registry.export()["office"]:
            url = one["route"].get("options", {}).get("base_url", "")
            store = url.rpartition("/")[2] if f":{self.town.target.port}/" in url else None
            if url and store is None:
                store = self.town.elsewhere.get(one["id"])
            tells = next(
                (tells for tells in ("repeats", "finds") if (store or "").startswith(tells)), "nothing"
            )
            offices[one["id"]] = {"store": store, "tells": tells}
            if store and one["id"] not in self.town.elsewhere:
                (self.town.target.folder / f"{store}.jsonl").touch()
        return offices

    def _fetch(self, sent: Sent) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """What the hub says of a letter now, and all its receipts."""
        query = urllib.parse.urlencode({"messageId": sent.message_id})
        status, body = self._get(f"/api/v1/envelopes?{query}")
        if status == 404:
            return None, []
        [letter] = json.loads(body)["envelopes"]
        _, listed = self._get(letter["receipts"])
        receipts = []
        for one in json.loads(listed)["receipts"]:
            status, octets = self._get(one["href"], JWS)
            assert status == 200, octets
            receipts.append(self._fetched(sent, one["id"], JWS, octets))
            if sent.letter.media_type == XML:
                receipts.append(self._fetched(sent, one["id"], XML, self._get(one["href"], XML)[1]))
        return {"messageId": sent.message_id, "status": letter}, receipts

    def _fetched(self, sent: Sent, name: str, media_type: str, octets: bytes) -> dict[str, Any]:
        return {
            "messageId": sent.message_id,
            "id": name,
            "mediaType": media_type,
            "octets": self._keep(octets),
        }

    def _get(self, path: str, accept: str = "application/json") -> tuple[int, bytes]:
        """A read, repeated while the hub is out."""
        for _ in range(200):
            headers = {"Authorization": f"Bearer {self.token()}", "Accept": accept}
            status, _, octets, _ = _exchange(self.town.port, "GET", path, None, headers)
            if status in (401, 0) or status >= 500:
                self._token = None
                time.sleep(0.05)
                continue
            return status, octets
        pytest.fail(f"{path} cannot be read; {self.town.last_words()}")

    def token(self) -> str:
        with self._lock:
            if self._token is None:
                self._token = self._new_token()
            return self._token

    def _new_token(self) -> str:
        hub, address = self.town.hub, f"http://127.0.0.1:{self.town.port}/oauth2/token"

        def ask() -> str | None:
            assertion = make_assertion(
                hub.sealer("ministry").key, MINISTRY, address, os.urandom(8).hex(), hub.clock()
            )
            body = urllib.parse.urlencode(token_form(assertion, scope=_SCOPE)).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            status, _, octets, _ = _exchange(self.town.port, "POST", "/oauth2/token", body, headers)
            return str(json.loads(octets)["access_token"]) if status == 200 else None

        return str(until("a token", ask))

    def cancel(self, sent: Sent) -> int:
        """The sender takes a letter back; the status."""
        reference = self._reference(sent)
        headers = {"Authorization": f"Bearer {self.token()}"}
        status = _exchange(self.town.port, "DELETE", f"/api/v1/envelopes/{reference}", None, headers)[0]
        if status == 401:  # it ran out when the clock jumped
            self._token = None
        return status

    def upload(self, content: bytes) -> None:
        """Upload a content in two requests, going on where it is whenever no good answer came."""
        path, half = f"/api/v1/attachments/{hashlib.sha256(content).hexdigest()}", len(content) // 2

        def done() -> bool:
            token = {"Authorization": f"Bearer {self.token()}"}
            place = {"Content-Range": f"bytes 0-{half - 1}/{len(content)}"}
            if (offset := self._offset(path, token)) == len(content):
                return True  # the answer that said so was lost
            if offset:
                place = {"Content-Range": f"bytes {offset}-{len(content) - 1}/{len(content)}"}
            octets = content[offset:] if offset else content[:half]
            status = _exchange(self.town.port, "PUT", path, octets, token | place)[0]
            if status == 401:  # it ran out when the clock jumped
                self._token = None
            return status == 201

        until("it is uploaded", done)

    def _offset(self, path: str, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.town.port, timeout=60)
        try:
            connection.request("HEAD", path, headers=headers)
            return int(connection.getresponse().headers.get("Upload-Offset", "0"))
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def _reference(self, sent: Sent) -> str:
        with self.town.hub.gateway.store.read() as session:
            query = select(Message.reference).where(Message.message_id == sent.message_id)
            return str(session.scalars(query).one())


def _exchange(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, str, bytes, str | None]:
    """Status, media type and octets of an answer; 0 and the reason when none came whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        octets = answer.read()
        return answer.status, (answer.headers.get_content_type() or ""), octets, None
    except (OSError, http.client.HTTPException) as error:
        return 0, "", b"", type(error).__name__
    finally:
        connection.close()


def _write(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")


def receipt_content(octets: bytes) -> dict[str, Any]:
    """What a receipt in JSON says, its seal not looked at."""
    payload = octets.split(b".")[1]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    return content
