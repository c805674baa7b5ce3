"""What dead routes cost the others: 50 routes of which 10 are dead, beside the same load on 40 alone.

``python bench/isolation.py`` has two hubs of its own. In one, ten more offices have letters piled up
whose systems refuse connections, answer 500, or take the letter and never answer. The same letters for
the same forty healthy offices are sent to the one and the other in turn, and throughput, latency and CPU
are compared within each pair: absolute figures swing with whoever else uses the machine.

``--minutes`` watches instead which share of the workers' places the hanging routes hold over time, and how
many letters at once find out whether a route works again.

Exit status 1: the dead routes cost the others 5 % of their throughput or more.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backlog import pile_up
from common import Shape, end_in_order, environment, free_port, make_home, shaped
from journey import Journey, hub, offices, route, servers, target, travel
from load import Keys, Pace, letters, quantile
from sqlalchemy import func, select

from gateway.cli.compose import XML
from gateway.domain.transit.breaker import BreakerState
from gateway.domain.transit.states import Transport
from gateway.home import open_engine
from gateway.settings import load
from gateway.store.sessions import Store
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.route_models import RouteState

MOST = 0.05
"""Wanted: what the dead routes cost the others, as a share of their throughput."""
_HEALTHY = offices(40)
_REFUSING, _FAILING, _HANGING = offices(4, 60), offices(3, 70), offices(3, 80)
_DEAD = [*_REFUSING, *_FAILING, *_HANGING]
_PLACES = 4
_SAMPLE_S = 0.5


@dataclass(frozen=True)
class Home:
    """A hub's home and what is sent to it."""

    folder: Path
    keys: Keys

    def journey(self, shape: Shape, workers: int, count: int) -> Journey:
        """Start the hub, send so many letters to the healthy offices, and stop it."""
        with hub(self.folder, shape, workers) as programs:
            every = {**programs, **servers(shape)}
            self._send(shape, every, len(_HEALTHY))  # warm-up: each route answers once
            return self._send(shape, every, count)

    def _send(self, shape: Shape, programs: Mapping[str, Sequence[int]], count: int) -> Journey:
        made = letters(self.keys, XML, count, _HEALTHY)
        return travel(self.folder, shape, programs, made, XML, Pace(window=64))


def dead_routes() -> dict[str, dict[str, Any]]:
    """Routes of each kind of dead system, by office."""
    return {
        **dict.fromkeys(_REFUSING, route("ok", free_port())),
        **dict.fromkeys(_FAILING, route("fail")),
        **dict.fromkeys(_HANGING, route("hang")),
    }


def make(folder: Path, shape: Shape, dead: int) -> Home:
    """A home with the healthy routes, and so many letters piled up for each dead one if any."""
    folder.mkdir()
    routes = dict.fromkeys(_HEALTHY, route()) | (dead_routes() if dead else {})
    home = Home(folder, make_home(folder, 20, routes, shape))
    if dead:
        pile_up(folder, shape, letters(home.keys, XML, dead * len(_DEAD), _DEAD))
    return home


def compare(shape: str, rounds: int, count: int, dead: int, workers: int) -> int:
    """Both hubs in turn; 1 when the dead routes cost too much."""
    pairs = []
    with (
        tempfile.TemporaryDirectory(prefix="wasl-bench-") as name,
        target(),
        shaped(shape) as alone_shape,
        shaped(shape) as beside_shape,
    ):
        alone = make(Path(name) / "alone", alone_shape, 0)
        beside = make(Path(name) / "beside", beside_shape, dead)
        for number in range(1, rounds + 1):
            first = alone.journey(alone_shape, workers, count)
            second = beside.journey(beside_shape, workers, count)
            pairs.append((first, second))
            print(f"round {number}  40 alone: {line(first)}  beside 10 dead: {line(second)}", flush=True)
    return verdict(pairs)


def line(journey: Journey) -> str:
    """One run for people."""
    p99, cpu = quantile(journey.arrive_s, 0.99) * 1000, journey.cpu_each("web", "worker") * 1000
    return f"{journey.rate:6.1f}/s p99 {p99:5.0f} ms CPU {cpu:5.2f} ms"


def verdict(pairs: Sequence[tuple[Journey, Journey]]) -> int:
    """What the dead routes cost, as the median over the pairs."""
    cost = 1 - statistics.median(beside.rate / alone.rate for alone, beside in pairs)
    cpu = statistics.median(
        beside.cpu_each("web", "worker") / alone.cpu_each("web", "worker") for alone, beside in pairs
    )
    p99 = statistics.median(
        quantile(beside.arrive_s, 0.99) / quantile(alone.arrive_s, 0.99) for alone, beside in pairs
    )
    print(
        f"10 dead routes of 50 cost the others {cost:.1%} of their throughput (must be < {MOST:.0%}): "
        f"{'reached' if cost < MOST else 'MISSED'}; CPU for each letter x {cpu:.2f}, p99 x {p99:.2f}"
    )
    return 0 if cost < MOST else 1


@dataclass
class Sampling:
    """What the workers' places are used for, looked at twice a second by a thread of its own."""

    store: Store
    held: list[Counter[str]] = field(default_factory=list)
    probes: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Look for the length of the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            thread.join()

    def _run(self) -> None:
        counted = (
            select(DeliveryRow.office, func.count())
            .where(DeliveryRow.state == Transport.DELIVERING.value)
            .group_by(DeliveryRow.office)
        )
        half_open = select(RouteState.office).where(RouteState.state == BreakerState.HALF_OPEN.value)
        while not self.ended.wait(_SAMPLE_S):
            with self.store.read() as session:
                held = Counter({row[0]: row[1] for row in session.execute(counted)})
                finding_out = session.scalars(half_open).all()
            self.held.append(held)
            self.probes = max(self.probes, *(held[office] for office in finding_out), 0)

    def share(self, places: int) -> float:
        """The mean share of places that hanging routes held since this was last asked."""
        held = [sum(one[office] for office in _HANGING) for one in self.held]
        self.held.clear()
        return statistics.mean(held) / places if held else 0.0


def watch(shape_name: str, minutes: int, dead: int, workers: int, rate: float) -> int:
    """Print minute by minute how many places the hanging routes hold, while the others get letters."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name, target(), shaped(shape_name) as shape:
        home = make(Path(name) / "beside", shape, dead)
        sampling = Sampling(Store(open_engine(load(environment(home.folder, shape)))))
        with hub(home.folder, shape, workers) as programs, sampling.going_on():
            for minute in range(1, minutes + 1):
                started = time.monotonic()
                made = letters(home.keys, XML, int(rate * 55), _HEALTHY)
                healthy = travel(home.folder, shape, programs, made, XML, Pace(rate=rate))
                time.sleep(max(0.0, started + 60 - time.monotonic()))
                held = sampling.share(workers * _PLACES)
                print(
                    f"minute {minute}: hanging routes hold {held:.0%} of the places, "
                    f"at most {sampling.probes} letter(s) at once find out; {line(healthy)}",
                    flush=True,
                )
    return 0 if sampling.probes <= 1 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=("embedded", "scaled"), default="embedded")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--letters", type=int, default=800, help="for the healthy offices, each time")
    parser.add_argument("--dead", type=int, default=50, help="letters piled up for each dead office")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=0, help="watch so long instead")
    parser.add_argument("--rate", type=float, default=20.0, help="letters a second while watching")
    options = parser.parse_args()
    end_in_order()
    if options.minutes:
        return watch(options.shape, options.minutes, options.dead, options.workers, options.rate)
    return compare(options.shape, options.rounds, options.letters, options.dead, options.workers)


if __name__ == "__main__":
    sys.exit(main())
