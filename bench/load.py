"""Signed letters, and the process beside the hub that submits them over several connections.

``python bench/load.py PORT FOLDER MEDIA_TYPE CONNECTIONS WINDOW RATE`` sends every file of the folder and
prints what came of it as JSON. With a window, no more letters are under way at once than that: how many
have arrived is read from standard input. With a rate, letters leave at so many a second, whatever the
hub does.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from common import OFFICE

from gateway.cli.compose import JWS, XML, sign
from gateway.domain.identifiers import uuid7
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.trust.seal import KeySealer

SOAP = "text/xml"
"""What `wrapped` letters are, and how SOAP 1.1 names them."""
_REFERENCE = re.compile(rb"reference>([^<]+)<")

SENTENCE = "Nous avons l'honneur de vous adresser la présente. "
SENTENCES = {XML: 3, JWS: 34}
"""How often it stands in a letter, so that with its signature and certificates it has about 5 KB."""

_KEPT_S = 1.0
"""A connection that was not used for so long is made anew."""

Keys = Sequence[tuple[str, KeySealer]]


@dataclass(frozen=True)
class Pace:
    """How letters are sent: over how many connections; at most how many under way; how many a second.

    0 for a window or a rate means none.
    """

    connections: int = 6
    window: int = 0
    rate: float = 0.0


def letters(keys: Keys, media_type: str, count: int, offices: Sequence[str] = (OFFICE,)) -> list[bytes]:
    """Signed letters, senders and offices in turn."""
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
            recipients=(Recipient(office=offices[number % len(offices)]),),
            subject=f"Courrier de mesure {number}",
            language="fr",
            document_type="request",
            body=SENTENCE * SENTENCES[media_type],
        )
        made.append(sign(envelope, sealer, media_type, now).root)
    return made


def wrapped(letter: bytes) -> bytes:
    """An XML letter in a SOAP message, as a client without MTOM writes it."""
    octets = base64.b64encode(letter)
    call = b"<octets>%b</octets><mediaType>application/xml</mediaType>" % octets
    body = b'<SubmitEnvelope xmlns="urn:wasl:soap:1.0">%b</SubmitEnvelope>' % call
    soap = b"http://schemas.xmlsoap.org/soap/envelope/"
    return b'<s:Envelope xmlns:s="%b"><s:Body>%b</s:Body></s:Envelope>' % (soap, body)


@contextlib.contextmanager
def sending(port: int, made: Sequence[bytes], media_type: str, pace: Pace) -> Iterator[Sending]:
    """A process that sends letters to a hub; stopped in the end."""
    with tempfile.TemporaryDirectory() as outbox, tempfile.TemporaryFile("w+") as said:
        for number, letter in enumerate(made):
            (Path(outbox) / f"{number:06d}").write_bytes(letter)
        rest = (port, outbox, media_type, pace.connections, pace.window, pace.rate)
        program = subprocess.Popen(
            [sys.executable, __file__, *map(str, rest)], stdin=subprocess.PIPE, stdout=said, text=True
        )
        try:
            yield Sending(program, said)
        finally:
            program.kill()
            program.wait()


@dataclass(frozen=True)
class Sending:
    """The process that sends, seen from outside."""

    program: subprocess.Popen[str]
    said: IO[str]

    def under_way(self) -> bool:
        """Whether it still sends.

        Raises:
            SystemExit: it gave up.
        """
        if self.program.poll() not in (None, 0):
            raise SystemExit("the letters could not be sent")
        return self.program.poll() is None

    def tell(self, arrived: int) -> None:
        """Tell it how many letters arrived."""
        if self.program.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.program.stdin.write(f"{arrived}\n")
                self.program.stdin.flush()

    def told(self) -> dict[str, Any]:
        """What it printed when it had sent all."""
        self.said.seek(0)
        found: dict[str, Any] = json.loads(self.said.read())
        return found


def submit(port: int, made: Sequence[bytes], media_type: str, pace: Pace) -> dict[str, Any]:
    """Send letters and wait for the hub's answers alone.

    Raises:
        SystemExit: one was not accepted.
    """
    with sending(port, made, media_type, pace) as sender:
        sender.program.wait()
        sender.under_way()
        return sender.told()


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share (0 to 1) of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Gate:
    """Lets letters out at their pace."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._out = self._arrived = 0
        self._started = time.monotonic()
        self._changed = threading.Condition()

    def follow(self) -> None:
        """Read from standard input how many letters arrived."""
        for line in sys.stdin:
            with self._changed:
                self._arrived = int(line)
                self._changed.notify_all()

    def pass_one(self) -> None:
        """Return when the next letter may leave."""
        with self._changed:
            while self._pace.window and self._out - self._arrived >= self._pace.window:
                self._changed.wait()
            self._out += 1
            number = self._out
        if self._pace.rate:
            time.sleep(max(0.0, self._started + number / self._pace.rate - time.monotonic()))


def send(port: int, share: Sequence[bytes], media_type: str, gate: Gate) -> list[tuple[str, float, float]]:
    """Submit letters over one connection: each one's reference, when it left, and the seconds it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent, used = [], time.monotonic()
    for letter in share:
        gate.pass_one()
        if time.monotonic() - used > _KEPT_S:
            connection.close()  # the hub is about to
        left, started = time.time(), time.perf_counter()
        path = "/soap/v1" if media_type == SOAP else "/api/v1/envelopes"
        connection.request("POST", path, letter, {"Content-Type": media_type})
        answer = connection.getresponse()
        body = answer.read()
        taken, used = time.perf_counter() - started, time.monotonic()
        sent.append((_reference(answer, body, media_type), left, taken))
    return sent


def _reference(answer: http.client.HTTPResponse, body: bytes, media_type: str) -> str:
    """What the hub calls a letter that it accepted."""
    if media_type == SOAP:
        found = _REFERENCE.search(body)
        if answer.status == 200 and found is not None and b"status>ACCEPTED<" in body:
            return found.group(1).decode()
    elif answer.status == 201:
        return answer.headers["Location"].rpartition("/")[2]
    raise SystemExit(f"not accepted: {answer.status} {body[:300]!r}")


def main(port: int, folder: Path, media_type: str, pace: Pace) -> None:
    queue = [path.read_bytes() for path in sorted(folder.iterdir())]
    shares = [queue[start :: pace.connections] for start in range(pace.connections)]
    gate = Gate(pace)
    threading.Thread(target=gate.follow, daemon=True).start()
    before, started = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(pace.connections) as pool:
        sent = [
            one
            for share in pool.map(lambda share: send(port, share, media_type, gate), shares)
            for one in share
        ]
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    print(json.dumps({"wall": wall, "cpu": cpu, "sent": sent}), flush=True)
    os._exit(0)  # the thread that reads standard input would keep the interpreter from ending


if __name__ == "__main__":
    port, folder, media_type, connections, window, rate = sys.argv[1:]
    main(int(port), Path(folder), media_type, Pace(int(connections), int(window), float(rate)))
