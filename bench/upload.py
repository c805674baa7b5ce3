"""How fast contents are uploaded by digest through the real HTTP door, by CPU of the hub.

``python bench/upload.py`` starts a hub of its own (web processes, SQLite, payloads as encrypted files) in a
temporary home and uploads contents from the same machine, one after the other: each whole in one request,
and each in two requests, which costs the second reading that joins and verifies them. It prints MB (10^6
octets) a second of wall time and of CPU of the hub: what one core takes. Exit status 1: whole contents cost
more than wanted.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from common import EMBEDDED, PORT, end_in_order, environment, make_home, running, wait_for
from processes import cpu_s
from tokens import bearer

MIB = 1024 * 1024
WANTED = 200.0
"""MB a second of one core."""


@dataclass(frozen=True)
class Figures:
    """One run; times in seconds."""

    octets: int
    wall: float
    cpu: float

    @property
    def per_core(self) -> float:
        return self.octets / self.cpu / 1e6

    def line(self, name: str) -> str:
        return f"{name:16} {self.octets / self.wall / 1e6:7.1f} MB/s  {self.per_core:7.1f} MB/s of one core"


def measure(contents: Sequence[bytes], cuts: int, headers: Mapping[str, str], hub: int) -> Figures:
    """Upload every content in so many requests."""
    digests = [sha256(content).hexdigest() for content in contents]
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)
    before, began = cpu_s([hub]), time.perf_counter()
    for content, digest in zip(contents, digests, strict=True):
        for number, (octets, place) in enumerate(pieces(content, cuts), 1):
            connection.request("PUT", f"/api/v1/attachments/{digest}", octets, {**headers, **place})
            answer = connection.getresponse()
            answer.read()
            if answer.status != (201 if number == cuts else 202):
                raise SystemExit(f"an upload was answered with {answer.status}")
    wall = time.perf_counter() - began
    connection.close()
    return Figures(sum(map(len, contents)), wall, cpu_s([hub]) - before)


def pieces(content: bytes, cuts: int) -> Iterator[tuple[memoryview, dict[str, str]]]:
    """The octets of each request, and where they stand."""
    if cuts == 1:
        yield memoryview(content), {}
        return
    step = -(-len(content) // cuts)
    for start in range(0, len(content), step):
        end = min(start + step, len(content))
        yield memoryview(content)[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}


def run(count: int, mib: int) -> int:
    """Measure both ways and print what came out."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        [(party, sealer)] = make_home(folder, 1)
        with running(["-m", "gateway", "serve"], environment(folder, EMBEDDED)) as hub:
            wait_for(PORT, "/health/live")
            headers = bearer(party, sealer, "envelopes:submit")
            measure([os.urandom(MIB) for _ in range(4)], 1, headers, hub)  # warm-up
            figures = [
                measure([os.urandom(mib * MIB) for _ in range(count)], cuts, headers, hub) for cuts in (1, 2)
            ]
    print(f"{os.cpu_count()} cores, {count} contents of {mib} MiB, load beside")
    print(figures[0].line("in one request") + f"  (wanted {WANTED:.0f} of one core)")
    print(figures[1].line("in two requests"))
    return int(figures[0].per_core < WANTED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contents", type=int, default=6)
    parser.add_argument("--mib", type=int, default=100)
    options = parser.parse_args()
    end_in_order()
    sys.exit(run(options.contents, options.mib))
