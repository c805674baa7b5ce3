"""How a hub works off what piled up: letters accepted while no worker ran, the hub killed, a worker begun.

``python bench/backlog.py`` lets the real intake accept letters in processes that are then killed, starts a
worker, and waits until every letter has its delivery receipt. It prints how long that took, how much memory
the worker needed, and looks at the document system: each letter must be there exactly once.

Exit status 1: a letter is missing there, or there twice.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from common import Shape, apart_from_ours, end_in_order, environment, make_home, running, shaped
from journey import Watch, follow, offices, route, servers, tally, target
from load import letters
from processes import cpu_s, peak

from gateway.bootstrap import build
from gateway.cli.compose import XML
from gateway.exchange.transit.submission import Submission
from gateway.settings import load

MIB = 1024 * 1024
_OFFICES = 20
_PROCESSES = 2
_DONE = "done"


def pile_up(folder: Path, shape: Shape, made: Sequence[bytes]) -> float:
    """Let processes accept letters (XML) and kill them; the seconds that they took."""
    with tempfile.TemporaryDirectory() as outbox, contextlib.ExitStack() as stack:
        for number, letter in enumerate(made):
            (Path(outbox) / f"{number % _PROCESSES}-{number:06d}").write_bytes(letter)
        started = time.perf_counter()
        programs = [_accepting(folder, shape, outbox, share) for share in range(_PROCESSES)]
        for program in programs:
            stack.callback(program.wait)
            stack.callback(program.kill)
        for program in programs:
            if program.stdout is None or program.stdout.readline().strip() != _DONE:
                raise SystemExit("the letters were not accepted")
        return time.perf_counter() - started


def _accepting(folder: Path, shape: Shape, outbox: str, share: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, "--accept", outbox, str(share)],
        env=apart_from_ours(environment(folder, shape)),
        stdout=subprocess.PIPE,
        text=True,
    )


def accept(outbox: Path, share: int) -> None:
    """Accept the share's letters, say so, and wait for the end (run as a process of its own)."""
    intake = build(load(os.environ)).services.intake
    for path in sorted(outbox.glob(f"{share}-*")):
        intake.submit(Submission(path.read_bytes(), XML, iter(()), XML))
    print(_DONE, flush=True)
    time.sleep(600)


def drain(folder: Path, shape: Shape, count: int, workers: int) -> None:
    """Start workers and print how they fared."""
    watch = Watch(folder, shape)
    with contextlib.ExitStack() as stack:
        variables, started = environment(folder, shape), time.perf_counter()
        pids = [stack.enter_context(running(["-m", "gateway", "worker"], variables)) for _ in range(workers)]
        beside = [pid for roots in servers(shape).values() for pid in roots]
        before = cpu_s(beside)
        follow(watch, max(1, count // 20))
        early = max(map(peak, pids))
        follow(watch, count)
        seconds, cpu = time.perf_counter() - started, cpu_s(pids) + cpu_s(beside) - before
        late = max(map(peak, pids))
    print(
        f"{count} letters drained in {seconds:.1f} s by {workers} worker(s), start included: "
        f"{count / seconds:.1f}/s, {cpu / count * 1000:.2f} ms CPU each (servers included); worker's peak "
        f"{early / MIB:.1f} MiB after the first twentieth, {late / MIB:.1f} MiB in the end"
    )


def once_each(count: int) -> bool:
    """Whether the document system holds so many letters and none twice; says what it holds."""
    held = tally()
    twice = sum(number > 1 for number in held["messages"].values())
    print(
        f"at the document system: {len(held['messages'])} of {count} letters, {twice} of them twice, "
        f"{held['repeats']} repeats recognised"
    )
    return len(held["messages"]) == count and not twice


def run(shape: Shape, count: int, workers: int) -> int:
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name, target():
        folder = Path(name)
        keys = make_home(folder, 50, dict.fromkeys(offices(_OFFICES), route()), shape)
        made = letters(keys, XML, count, offices(_OFFICES))
        seconds = pile_up(folder, shape, made)
        print(f"{shape.name}: {count} letters accepted in {seconds:.1f} s, hub killed", flush=True)
        drain(folder, shape, count, workers)
        return 0 if once_each(count) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=("embedded", "scaled"), default="embedded")
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--accept", nargs=2, metavar=("FOLDER", "SHARE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    end_in_order()
    if options.accept is not None:
        accept(Path(options.accept[0]), int(options.accept[1]))
        return 0
    with shaped(options.shape) as shape:
        return run(shape, options.letters, options.workers)


if __name__ == "__main__":
    sys.exit(main())
