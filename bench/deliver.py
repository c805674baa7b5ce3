"""How fast letters go all the way: accepted over HTTP, delivered by REST, until the receipt is committed.

``python bench/deliver.py`` starts a hub of its own (web and worker processes) and a lean document system
beside it, signs letters of about 5 KB by many senders beforehand, and sends them from another process,
no more under way at once than a window allows: so the rate is what the hub accepts *and* delivers at the
same time. Latencies are measured apart, at half of that rate. ``--shape scaled`` needs the servers whose
addresses ``python -m tools.services -- …`` sets. Statements are counted in a run of their own.

Exit status 1: the wanted rate was missed with one worker or with more.
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
from common import Shape, end_in_order, make_home, shaped
from counted import Counts, read_counts
from journey import TARGET_PORT, Journey, Programs, hub, offices, route, servers, target, travel
from load import Keys, Pace, letters, quantile

from gateway.cli.compose import JWS, XML

WANTED = {"embedded": 150.0, "scaled": 250.0}
_SYNTAXES = {"XML": XML, "JSON": JWS}
_OFFICES = 20
_WINDOW = 64
_COUNTED = 100


@dataclass(frozen=True)
class Bench:
    """What every run of one benchmark has in common."""

    folder: Path
    shape: Shape
    keys: Keys
    letters: int
    connections: int

    def made(self, media_type: str, count: int) -> list[bytes]:
        return letters(self.keys, media_type, count, offices(_OFFICES))

    def send(self, programs: Programs, media_type: str, count: int, rate: float = 0.0) -> Journey:
        pace = Pace(self.connections, 0 if rate else _WINDOW, rate)
        return travel(self.folder, self.shape, programs, self.made(media_type, count), media_type, pace)


def measure(bench: Bench, syntaxes: Sequence[str], workers: int, beside: Programs) -> dict[str, Journey]:
    """One hub with so many workers; what each syntax came to at full speed."""
    found = {}
    with hub(bench.folder, bench.shape, workers) as programs:
        every = {**programs, **beside}
        for name in syntaxes:
            media_type = _SYNTAXES[name]
            bench.send(every, media_type, 60)  # warm-up
            full = bench.send(every, media_type, bench.letters)
            calm = bench.send(every, media_type, bench.letters // 3, full.rate / 2)
            print(line(name, workers, full, calm), flush=True)
            found[name] = full
    return found


def line(name: str, workers: int, full: Journey, calm: Journey) -> str:
    """One run for people."""
    p50, p99 = (quantile(calm.arrive_s, share) * 1000 for share in (0.50, 0.99))
    each = "  ".join(f"{kind} {full.cpu_each(kind) * 1000:.2f}" for kind in full.cpu)
    return (
        f"{name:5} {workers} worker(s) {full.letters:6} letters {full.rate:7.1f}/s; "
        f"at {calm.rate:.0f}/s from submission to delivery receipt p50 {p50:.0f} ms p99 {p99:.0f} ms\n"
        f"      CPU ms each: {each}"
    )


def by_hand(bench: Bench, name: str, full: Journey) -> str:
    """What the hub takes beside the same work by hand."""
    media_type = _SYNTAXES[name]
    desk, made = Desk(bench.folder, media_type, TARGET_PORT), bench.made(media_type, 300)
    accepting, delivering = cpu_each(desk.accept, made), cpu_each(desk.deliver, made)
    parts = (
        ("accept", full.cpu_each("web"), accepting),
        ("deliver", full.cpu_each("worker"), delivering),
        (
            "all, servers included",
            full.cpu_each("web", "worker", "database", "broker"),
            accepting + delivering,
        ),
    )
    told = "; ".join(
        f"{what} {hand * 1000:.2f} ms by hand, the hub {taken / hand:.1f} times that"
        for what, taken, hand in parts
    )
    return f"{name:5} {statistics.mean(map(len, made)):.0f} octets; {told}"


def count(bench: Bench, name: str) -> list[str]:
    """Statements and transactions for each letter, counted in the processes themselves."""
    with tempfile.TemporaryDirectory() as counts:
        entry = [str(Path(__file__).with_name("counted.py")), counts]
        with hub(bench.folder, bench.shape, 1, entry) as programs:
            bench.send(programs, _SYNTAXES[name], 30)  # warm-up
            before = read_counts(Path(counts))
            bench.send(programs, _SYNTAXES[name], _COUNTED)
            after = read_counts(Path(counts))
    return [_counted(name, kind, after[kind].less(before[kind])) for kind in ("serve", "worker")]


def _counted(name: str, kind: str, counts: Counts) -> str:
    return (
        f"{name:5} {kind}: {counts.statements / _COUNTED:.1f} statements, "
        f"{counts.writing / _COUNTED:.1f} writing and {counts.reading / _COUNTED:.1f} reading transactions "
        f"for each letter (looks for work and other jobs included)"
    )


def run(bench: Bench, syntaxes: Sequence[str], workers: Sequence[int]) -> int:
    """Measure and print everything; 1 when the wanted rate is missed."""
    missed = 0
    with target() as pid:
        beside = {"target": [pid], **servers(bench.shape)}
        runs = [measure(bench, syntaxes, number, beside) for number in workers]
        for name in syntaxes:
            print(by_hand(bench, name, runs[0][name]), flush=True)
            for told in count(bench, name):
                print(told, flush=True)
            best = max(found[name].rate for found in runs)
            wanted = WANTED[bench.shape.name]
            print(
                f"{name:5} wanted >= {wanted:.0f}/s: {'reached' if best >= wanted else 'MISSED'}", flush=True
            )
            missed += best < wanted
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=sorted(WANTED), default="embedded")
    parser.add_argument("--letters", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--senders", type=int, default=50)
    parser.add_argument("--syntax", choices=_SYNTAXES, action="append")
    parser.add_argument("--workers", default="1", help="numbers of worker processes, with commas")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name, shaped(options.shape) as shape:
        folder = Path(name)
        keys = make_home(folder, options.senders, dict.fromkeys(offices(_OFFICES), route()), shape)
        bench = Bench(folder, shape, keys, options.letters, options.connections)
        print(f"{shape.name}, {os.cpu_count()} cores, {options.connections} connections, load beside")
        workers = [int(number) for number in options.workers.split(",")]
        return run(bench, options.syntax or list(_SYNTAXES), workers)


if __name__ == "__main__":
    sys.exit(main())
