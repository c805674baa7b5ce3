"""How many letters a second an office's system fetches from its inbox and acknowledges over HTTP.

``python bench/inbox.py`` starts a hub of its own (two web processes, SQLite, durable commits) in a temporary
home, sends letters of about 5 KB to an office with an inbox, lets a worker lay them ready, and then fetches
and acknowledges every one over several connections, as the office's system would: the envelope, then its
register number. It prints letters a second, latencies of both calls together, and CPU of the hub per letter.
Exit status 1: fewer than wanted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

from common import EMBEDDED, PORT, end_in_order, environment, make_home, running, wait_for
from load import Pace, letters, quantile, submit
from processes import cpu_s
from tokens import bearer

from gateway.cli.compose import JWS
from gateway.domain.identifiers import directory_id

OFFICE = directory_id("B", 2)
WANTED = 300.0
_PATIENCE_S = 600.0


class Desk:
    """The office's system: one connection for each thread."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {**headers, "Content-Type": "application/json"}
        self._own = local()

    def call(self, method: str, path: str, body: str | None = None) -> bytes:
        """What the hub answers.

        Raises:
            SystemExit: anything but success.
        """
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self._own.connection.request(method, path, body, self._headers)
        answer = self._own.connection.getresponse()
        octets: bytes = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {octets.decode('utf-8', 'replace')[:200]}")
        return octets

    def lying(self) -> list[str]:
        """Every delivery that lies ready, page after page."""
        found: list[str] = []
        address: str | None = f"/api/v1/inbox?office={OFFICE}&limit=100"
        while address:
            page = json.loads(self.call("GET", address))
            found += [one["delivery"] for one in page["letters"]]
            address = page["next"]
        return found

    def take(self, delivery: str, number: int) -> float:
        """Fetch a letter and acknowledge it; how many seconds it took."""
        began = time.perf_counter()
        self.call("GET", f"/api/v1/inbox/{delivery}/content")
        said = json.dumps({"registerNumber": f"2026/{number}"})
        self.call("POST", f"/api/v1/inbox/{delivery}/acknowledge", said)
        return time.perf_counter() - began


def lay_ready(folder: Path, desk: Desk, made: Sequence[bytes]) -> list[str]:
    """Let the hub take letters in and a worker lay them ready; their deliveries."""
    submit(PORT, made, JWS, Pace(6))
    end = time.monotonic() + _PATIENCE_S
    with running(["-m", "gateway", "worker"], environment(folder, EMBEDDED)):
        while len(found := desk.lying()) < len(made):
            if time.monotonic() > end:
                raise SystemExit(f"only {len(found)} of {len(made)} letters lie ready")
            time.sleep(0.5)
    return found


def run(count: int, connections: int, senders: int) -> int:
    """Measure and print what came out."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        keys = make_home(folder, senders, {OFFICE: {"kind": "inbox"}})
        with running(["-m", "gateway", "serve"], environment(folder, EMBEDDED)) as hub:
            wait_for(PORT, "/health/live")
            party, sealer = keys[0]
            desk = Desk(bearer(party, sealer, "inbox"))
            found = lay_ready(folder, desk, letters(keys, JWS, count, (OFFICE,)))
            before, began = cpu_s([hub]), time.perf_counter()
            with ThreadPoolExecutor(connections) as pool:
                taken = list(pool.map(desk.take, found, range(count)))
            wall, cpu = time.perf_counter() - began, cpu_s([hub]) - before
    rate = count / wall
    p50, p99 = (quantile(taken, share) * 1000 for share in (0.50, 0.99))
    print(f"{os.cpu_count()} cores, {connections} connections, load beside")
    print(
        f"{count} letters  {rate:7.1f}/s fetched and acknowledged (wanted {WANTED:.0f})  "
        f"p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  hub CPU {cpu / count * 1000:5.2f} ms each"
    )
    return int(rate < WANTED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--senders", type=int, default=10)
    options = parser.parse_args()
    end_in_order()
    sys.exit(run(options.letters, options.connections, options.senders))
