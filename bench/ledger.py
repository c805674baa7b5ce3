"""How fast a large ledger proves an entry and checks itself, and how much memory that takes.

``python bench/ledger.py`` fills the tables of a hub of its own, in a temporary home, straight with ten
million receipts and their entries, tiles and signed checkpoints (about 6 GB; ``--leaves`` for fewer,
``BENCH_DIR`` for another disk). Then it times the proofs of 1,000 entries by chance, each with a
fresh cache, and the ledger's part of the self-check, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway import home
from gateway.bootstrap import build
from gateway.bootstrap.evidence import lineages, sequenced
from gateway.domain.evidence.ledger import Checkpoint
from gateway.domain.evidence.merkle import Frontier, leaf_hash, perfect_root
from gateway.exchange.evidence.ledger_check import check_ledger
from gateway.exchange.evidence.sequencer import SequencedLedger
from gateway.settings import Settings, load
from gateway.store.evidence.tiles import WIDTH
from gateway.trust.anchors import Anchors

PROOFS = 1000
SLOWEST_PROOF_MS = 10
LEAST_RATE = 50_000
MOST_MEMORY_MB = 200
_PER_CHECKPOINT = 1000
_BATCH = 100_000
_MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_RECEIPT = (
    "INSERT INTO receipt VALUES (?, ?, 1, NULL, 'acceptance', 'urn:bench', ?, x'7b7d', ?, NULL, 0, NULL)"
)


def settings_of(folder: Path) -> Settings:
    return load({"WASL_HOME": str(folder)})


def digest(number: int) -> str:
    return f"{number:064x}"


def entry(number: int) -> bytes:
    return b'{"contentDigest":"%b","letter":"%b","type":"receipt"}' % (digest(number).encode(), b"0" * 64)


class Filler:
    """Writes entries, tiles and checkpoints as the sequencer would have."""

    def __init__(self, database: sqlite3.Connection, ledger: SequencedLedger, started: datetime) -> None:
        self._database = database
        self._ledger = ledger
        self._started = started
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = [[]]
        self._numbers = [0]

    def fill(self, leaves: int) -> None:
        insert = self._database.executemany
        self._database.execute(
            "INSERT INTO ledger VALUES (1, 0, 1, ?, ?)",
            (self._ledger.lineage.origin, self._started.strftime(_MOMENT)),
        )
        for first in range(0, leaves, _BATCH):
            numbers = range(first, min(first + _BATCH, leaves))
            insert(_RECEIPT, ((one + 1, f"bench-{one}", self._moment(one), digest(one)) for one in numbers))
            insert("INSERT INTO ledger_leaf VALUES (1, ?, ?, ?, ?, NULL)", self._rows(numbers, leaves))
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._tile(level)
        self._database.commit()

    def _moment(self, number: int) -> str:
        return (self._started + timedelta(seconds=number // 10)).strftime(_MOMENT)

    def _rows(self, numbers: range, leaves: int) -> Iterator[tuple[int, bytes, bytes, int]]:
        for number in numbers:
            octets = entry(number)
            hashed = leaf_hash(octets)
            self._frontier.append(hashed)
            self._grow(0, hashed)
            if (number + 1) % _PER_CHECKPOINT == 0 or number + 1 == leaves:
                self._checkpoint(self._moment(number))
            yield number, octets, hashed, number + 1

    def _grow(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._numbers.append(0)
        self._levels[level].append(hashed)
        if len(self._levels[level]) == WIDTH:
            above = perfect_root(self._levels[level])
            self._tile(level)
            self._levels[level] = []
            self._numbers[level] += 1
            self._grow(level + 1, above)

    def _tile(self, level: int) -> None:
        row = (level, self._numbers[level], b"".join(self._levels[level]))
        self._database.execute("INSERT INTO ledger_tile VALUES (1, ?, ?, ?)", row)

    def _checkpoint(self, moment: str) -> None:
        lineage = self._ledger.lineage
        checkpoint = Checkpoint(lineage.origin, self._frontier.size, self._frontier.root())
        row = (checkpoint.size, checkpoint.root, moment, self._ledger.key.sign(checkpoint))
        self._database.execute("INSERT INTO ledger_checkpoint VALUES (1, ?, ?, ?, ?)", row)
        self.last = checkpoint


def fill(folder: Path, leaves: int) -> float:
    """Make the home and the ledger in it; seconds."""
    settings = settings_of(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings)
    started = time.perf_counter()
    database = sqlite3.connect(folder / "wasl.sqlite3")
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-200000"):
        database.execute(f"PRAGMA {pragma}")
    ledger = sequenced(settings)[0]
    filler = Filler(database, ledger, datetime(2026, 1, 1, tzinfo=UTC))
    filler.fill(leaves)
    database.execute("PRAGMA journal_mode=WAL")
    database.close()
    ledger.lineage.head.keep(filler.last)
    return time.perf_counter() - started


def proofs(folder: Path, leaves: int) -> dict[str, float]:
    """Milliseconds of proofs by chance."""
    ledger = build(settings_of(folder)).services.ledger
    chance = random.Random(20260301)
    ledger.inclusion(digest(0))
    taken = []
    cpu = time.process_time()
    for _ in range(PROOFS):
        wanted = digest(chance.randrange(leaves))
        started = time.perf_counter()
        found = ledger.inclusion(wanted)
        taken.append((time.perf_counter() - started) * 1000)
        if found is None:
            raise SystemExit("no proof")
    cpu = (time.process_time() - cpu) * 1000 / PROOFS
    consistency = time.perf_counter()
    ledger.consistency(leaves // 3, leaves)
    return {
        "p50": statistics.median(taken),
        "worst": max(taken),
        "cpu": cpu,
        "consistency": (time.perf_counter() - consistency) * 1000,
    }


def check(folder: Path, leaves: int) -> dict[str, float]:
    """Leaves a second of the whole check, and megabytes at most."""
    settings = settings_of(folder)
    store = build(settings).store
    before, cpu = most_memory(), time.process_time()
    started = time.perf_counter()
    findings = list(check_ledger(store, lineages(settings), Anchors.load(settings.trust.directory / "tsa")))
    if findings:
        raise SystemExit(f"findings in a good ledger: {findings[:3]}")
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"rate": leaves / wall, "cpu": leaves / cpu, "before": before, "after": most_memory()}


def most_memory() -> float:
    """The most megabytes that this process had; `getrusage` would count what its parent had before it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def apart(what: str, folder: Path, leaves: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--part", what, str(folder), "--leaves", str(leaves)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    return dict(json.loads(done.stdout))


def run(leaves: int) -> int:
    """Measure and print; 1 when something wanted is missed."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        seconds = fill(folder, leaves)
        size = (folder / "wasl.sqlite3").stat().st_size / 1e9
        print(f"{leaves} leaves, {size:.2f} GB, written in {seconds:.0f} s")
        proved = apart("proofs", folder, leaves)
        checked = apart("check", folder, leaves)
    print(
        f"proof        p50 {proved['p50']:.2f} ms  worst of {PROOFS} {proved['worst']:.2f} ms  "
        f"CPU {proved['cpu']:.2f} ms each  consistency {proved['consistency']:.2f} ms; "
        f"wanted p50 < {SLOWEST_PROOF_MS} ms"
    )
    print(
        f"self-check   {checked['rate']:.0f} leaves/s ({checked['cpu']:.0f} for each second of CPU), "
        f"{checked['after']:.0f} MB at most "
        f"({checked['before']:.0f} MB before); wanted >= {LEAST_RATE}/s and < {MOST_MEMORY_MB} MB"
    )
    slow = proved["p50"] >= SLOWEST_PROOF_MS or checked["rate"] < LEAST_RATE
    return 1 if slow or checked["after"] >= MOST_MEMORY_MB else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=10_000_000)
    parser.add_argument("--part", nargs=2, metavar=("WHAT", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is None:
        return run(options.leaves)
    what, folder = options.part
    measured = {"proofs": proofs, "check": check}[what](Path(folder), options.leaves)
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
