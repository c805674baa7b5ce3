"""How fast the hub accepts letters through its real HTTP door, beside the same work without a hub.

``python bench/accept.py`` starts a hub of its own (two web processes, SQLite, durable commits) in a
temporary home, signs letters of about 5 KB by many senders beforehand, and sends them from a second
process on the same machine. It prints messages per second, latencies and CPU per message, and the
ratio to a hand-written loop of the work that nobody can avoid: parse, schema, canonical form, digest,
verify, sign, one durable row.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from byhand import Desk, cpu_each
from common import EMBEDDED, PORT, end_in_order, environment, make_home, running, wait_for
from load import SOAP, Keys, Pace, letters, quantile, submit, wrapped
from processes import cpu_s

from gateway.cli.compose import JWS, XML

_SOAP_SHARE = 0.7
"""What SOAP is to reach of the rate of REST."""


@dataclass(frozen=True)
class Figures:
    """What one run came to; times in seconds."""

    letters: int
    wall: float
    latencies: tuple[float, ...]
    cpu: float

    @property
    def rate(self) -> float:
        return self.letters / self.wall

    def line(self, name: str) -> str:
        p50, p99 = (quantile(self.latencies, share) * 1000 for share in (0.50, 0.99))
        per_message = self.cpu / self.letters * 1000
        return (
            f"{name:5} {self.letters:6} letters  {self.rate:7.1f}/s  p50 {p50:6.1f} ms  "
            f"p99 {p99:6.1f} ms  hub CPU {per_message:5.2f} ms each"
        )


def measure(made: Sequence[bytes], media_type: str, connections: int, hub: int) -> Figures:
    """Send ``made`` to the running hub from another process."""
    before = cpu_s([hub])
    told = submit(PORT, made, media_type, Pace(connections))
    latencies = tuple(taken for _, _, taken in told["sent"])
    return Figures(len(made), told["wall"], latencies, cpu_s([hub]) - before)


def run(count: int, connections: int, senders: int) -> int:
    """Measure both syntaxes and print what came out; 1 when a floor of the issue is missed."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        keys = make_home(folder, senders)
        with running(["-m", "gateway", "serve"], environment(folder, EMBEDDED)) as hub:
            wait_for(PORT, "/health/live")
            return report(folder, keys, hub, count, connections)


def report(folder: Path, keys: Keys, hub: int, count: int, connections: int) -> int:
    missed = 0
    print(f"{os.cpu_count()} cores, {connections} connections, {len(keys)} senders, load beside")
    rates: dict[str, float] = {}
    for name, media_type, floor in (("XML", XML, 150), ("JSON", JWS, 250)):
        made = letters(keys, media_type, count)
        size = statistics.mean(map(len, made))
        measure(letters(keys, media_type, 60), media_type, connections, hub)  # warm-up
        figures = measure(made, media_type, connections, hub)
        hand = cpu_each(Desk(folder, media_type).accept, made)
        print(figures.line(name) + f"  ({size:.0f} octets)")
        print(
            f"      by hand {hand * 1000:.2f} ms CPU each; the hub takes "
            f"{figures.cpu / count / hand:.1f} times that; wanted >= {floor}/s: "
            f"{'reached' if figures.rate >= floor else 'MISSED'}"
        )
        missed += figures.rate < floor
        rates[name] = figures.rate
    return 1 if missed + _report_soap(keys, hub, count, connections, rates["XML"]) else 0


def _report_soap(keys: Keys, hub: int, count: int, connections: int, rest: float) -> bool:
    """The same XML letters through the SOAP door; whether that costs too much."""
    made, warm_up = ([wrapped(one) for one in letters(keys, XML, number)] for number in (count, 60))
    measure(warm_up, SOAP, connections, hub)
    figures = measure(made, SOAP, connections, hub)
    share = figures.rate / rest
    told = "reached" if share >= _SOAP_SHARE else "MISSED"
    print(f"{figures.line('SOAP')}\n      {share:.0%} of XML by REST; wanted >= {_SOAP_SHARE:.0%}: {told}")
    return share < _SOAP_SHARE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--senders", type=int, default=50)
    options = parser.parse_args()
    end_in_order()
    sys.exit(run(options.letters, options.connections, options.senders))
