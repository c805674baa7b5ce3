"""How much memory a large attachment costs the hub, on its way in and on its way to a document system.

``python bench/memory.py`` starts a hub of its own (web processes and a worker) beside the REST document
system of the examples, and sends two signed letters with one large attachment each through
``multipart/related``: one to an office that the hub keeps itself, one that the worker hands on. Every
process's peak (VmHWM) is compared with the same run with 1 MiB. ``--soak`` goes on sending for some
minutes, so that memory that creeps shows too. ``--shape scaled`` needs the servers whose addresses
``python -m tools.services -- …`` sets; they are no processes of the hub and not looked at: the object store
of the tests keeps all it has in memory. Exit status 1: some process needed 64 MiB more or above.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import (
    OFFICE,
    PORT,
    URL,
    Shape,
    end_in_order,
    environment,
    free_port,
    make_home,
    running,
    shaped,
    wait_for,
)
from processes import children, peak

from gateway.assets import config_dir, examples_dir
from gateway.cli.compose import XML, SignedLetter, sign
from gateway.cli.posting import hub_client, post
from gateway.clients.hub import HubClient
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Attachment, AttachmentRole, Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.domain.transit.states import Transport
from gateway.trust.seal import KeySealer
from gateway.wire.mime import OutgoingPart

MIB = 1024 * 1024
SMALL = MIB
MOST_EXTRA = 64 * MIB
SYSTEM_PORT = free_port()
SYSTEM_OFFICE = directory_id("B", 2)
_KEY = "bench-key"
_PATIENCE_S, _LONGEST_S = 1800.0, 1500
"""A large letter may take long on a busy machine: time is not what is judged here."""
_BLOCK = random.Random(300).randbytes(MIB)


class Filler(io.RawIOBase):
    """As many octets as wanted that no compression makes smaller, made while they are read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        start = self._position % MIB
        length = min(len(buffer), self._size - self._position, MIB - start)
        buffer[:length] = _BLOCK[start : start + length]
        self._position += length
        return length


@dataclass(frozen=True)
class Hub:
    """A running hub: who sends, where, and the processes looked at by their names."""

    client: HubClient
    party: str
    sealer: KeySealer
    processes: dict[str, int]

    def peaks(self) -> dict[str, int]:
        """The most memory that each process ever had resident, in octets."""
        return {name: peak(pid) for name, pid in self.processes.items()}


@dataclass(frozen=True)
class Figures:
    """One run: seconds that two letters took to be accepted, and the second to be handed on."""

    size: int
    peaks: dict[str, int]
    accepted_s: float
    delivered_s: float

    def line(self) -> str:
        mib = self.size / MIB
        peaks = "  ".join(f"{name} {peak / MIB:.1f}" for name, peak in self.peaks.items())
        return (
            f"{mib:6.0f} MiB  accepted at {2 * mib / self.accepted_s:6.1f} MiB/s  "
            f"handed on at {mib / self.delivered_s:6.1f} MiB/s  peaks in MiB: {peaks}"
        )


def rest_route() -> dict[str, Any]:
    """The demonstration's route to the REST system, at this benchmark's port."""
    registry = tomllib.loads((config_dir() / "demo" / "registry.toml").read_text("utf-8"))
    route: dict[str, Any] = next(
        office["route"] for office in registry["office"] if office.get("route", {}).get("adapter") == "rest"
    )
    options = {**route["options"], "base_url": f"http://127.0.0.1:{SYSTEM_PORT}/api/v2"}
    return {**route, "options": options}


_SWEPT_S = 4.0


@contextlib.contextmanager
def hub(folder: Path, shape: Shape, party: str, sealer: KeySealer) -> Iterator[Hub]:
    """The hub of a home and the document system, started anew and stopped in the end."""
    variables = {
        **environment(folder, shape),
        "WASL_WEB_REQUEST_SECONDS": str(_LONGEST_S),
        "WASL_OUTGOING_TOTAL_SECONDS": str(_LONGEST_S),
        "WASL_WORKER_LEASE_SECONDS": str(_LONGEST_S + 300),
        "WASL_SECRET_COMMUNE_KEY": _KEY,
        "COMMUNE_CLE": _KEY,
    }
    system = examples_dir() / "systems" / "commune_rest" / "server.py"
    beside = [str(system), "--port", str(SYSTEM_PORT), "--data", str(folder / "commune")]
    with (
        running(beside, variables),
        running(["-m", "gateway", "serve"], variables) as web,
        running(["-m", "gateway", "worker"], variables) as worker,
    ):
        wait_for(SYSTEM_PORT, "/")
        wait_for(PORT, "/health/live")
        # A worker begins with a sweep, and the stand-in says of every upload that it began in 2010: one that
        # begins now would be swept.
        time.sleep(_SWEPT_S)
        processes = {"web": web, "worker": worker}
        processes |= {f"web-{number}": pid for number, pid in enumerate(sorted(children(web)), 1)}
        yield Hub(hub_client(URL, party, sealer), party, sealer, processes)


def letter(sender: Hub, office: str, size: int) -> SignedLetter:
    """A signed letter with one attachment of ``size`` octets."""
    with Filler(size) as content:
        digest = _digest(content)
    attachment = Attachment(
        id="large",
        name="large.bin",
        media_type="application/octet-stream",
        size=size,
        sha256=digest,
        role=AttachmentRole.MAIN,
        content_id="large@bench",
    )
    now = datetime.now(UTC)
    envelope = Envelope(
        version="1.0",
        hub="DEMO-HUB",
        message_id=uuid7(os.urandom),
        purpose=Purpose.LETTER,
        created_at=now.replace(microsecond=0),
        sender=Sender(sender.party),
        recipients=(Recipient(office=office),),
        subject="Grande pièce jointe",
        language="fr",
        document_type="request",
        attachments=(attachment,),
    )
    part = OutgoingPart("large@bench", attachment.media_type, size, lambda: io.BufferedReader(Filler(size)))
    return replace(sign(envelope, sender.sealer, XML, now), parts=(part,))


def _digest(content: Filler) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(MIB):
        digest.update(chunk)
    return digest.hexdigest()


def send(sender: Hub, office: str, size: int) -> tuple[str, float]:
    """Submit a letter; its reference, and the seconds until the receipt was there."""
    ready = letter(sender, office, size)
    started = time.perf_counter()
    answer = post(sender.client, ready)
    taken = time.perf_counter() - started
    if answer.status != 201:
        raise SystemExit(f"not accepted: {answer.status} {answer.body[:500]!r}")
    return answer.headers["location"].rpartition("/")[2], taken


def wait_until(sender: Hub, reference: str, wanted: Transport) -> float:
    """The seconds until the letter's delivery came to its wanted state."""
    started = time.perf_counter()
    while time.perf_counter() - started < _PATIENCE_S:
        answer = json.loads(sender.client.letter(reference).body)
        state = answer["deliveries"][0]["state"]
        if state == wanted.value:
            return time.perf_counter() - started
        if state in (Transport.FAILED.value, Transport.HELD.value):
            break
        time.sleep(0.05)
    raise SystemExit(f"not {wanted.value}: {answer}")


def one_round(sender: Hub, size: int) -> Figures:
    """Two letters, all the way."""
    kept, first_s = send(sender, OFFICE, size)
    wait_until(sender, kept, Transport.AVAILABLE)
    handed, second_s = send(sender, SYSTEM_OFFICE, size)
    delivered_s = wait_until(sender, handed, Transport.HANDED_OVER)
    return Figures(size, sender.peaks(), first_s + second_s, delivered_s)


def soak(sender: Hub, size: int, minutes: float, folder: Path) -> Figures:
    """Rounds for some minutes; contents are thrown away after each, or the disk would fill up."""
    end = time.monotonic() + minutes * 60
    rounds = 0
    while True:
        figures = one_round(sender, size)
        rounds += 1
        print(f"round {rounds}: {figures.line()}", flush=True)
        if time.monotonic() >= end:
            return figures
        for content in (*folder.glob("payloads/objects/*/*"), *folder.glob("commune/documents/*")):
            content.unlink()


def run(shape: Shape, size: int, minutes: float) -> int:
    """Measure a small and a large attachment; 1 when the large one costs too much memory."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        (party, sealer), *_ = make_home(folder, 1, {SYSTEM_OFFICE: rest_route()}, shape)
        with hub(folder, shape, party, sealer) as sender:
            small = one_round(sender, SMALL)
        print(f"{shape.name}: {small.line()}", flush=True)
        with hub(folder, shape, party, sealer) as sender:
            large = soak(sender, size, minutes, folder)
    return report(small, large)


def report(small: Figures, large: Figures) -> int:
    """Print what the large attachment cost beyond the small one."""
    # either web process may have taken either letter: the kind is compared, not the process
    kinds = ("web", "worker")
    extra = {kind: _peak(large, kind) - _peak(small, kind) for kind in kinds}
    for kind, octets in extra.items():
        verdict = "fine" if octets < MOST_EXTRA else "TOO MUCH"
        print(
            f"{kind}: {octets / MIB:+.1f} MiB for {large.size / MIB:.0f} MiB instead of "
            f"{small.size / MIB:.0f} (must stay below {MOST_EXTRA / MIB:.0f}): {verdict}"
        )
    return 1 if max(extra.values()) >= MOST_EXTRA else 0


def _peak(figures: Figures, kind: str) -> int:
    return max(peak for name, peak in figures.peaks.items() if name.split("-")[0] == kind)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=300, help="size of the large attachment")
    parser.add_argument(
        "--soak", type=float, nargs="?", const=5.0, default=0.0, metavar="MINUTES", help="go on sending (5)"
    )
    parser.add_argument("--shape", choices=("embedded", "scaled"), default="embedded")
    options = parser.parse_args()
    end_in_order()
    with shaped(options.shape) as shape:
        sys.exit(run(shape, options.mib * MIB, options.soak))
