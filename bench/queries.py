"""What looking costs when much waits: every look-up of workers, jobs, people and monitoring, by depth.

``python bench/queries.py`` lays 1,000, 10,000 and 100,000 deliveries without an outcome before 50 offices,
in a hub of its own in a temporary home, and times each look-up. ``--database postgresql+psycopg://…`` names a
server on which a database is made for the length of the run; without it SQLite alone is measured. What looks
for the next thing to do must cost the same however much waits; what counts must stay below a bound.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from accept import letters
from common import make_home
from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from gateway import home
from gateway.bootstrap import Gateway, build
from gateway.cli.compose import XML
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.sharing import Queue
from gateway.domain.transit.states import Transport
from gateway.exchange.registry.declared import read_declared
from gateway.exchange.transit.inbox_list import entries
from gateway.exchange.transit.submission import Submission
from gateway.settings import load
from gateway.store.evidence.models import ReceiptRow
from gateway.store.rows import table
from gateway.store.transit import (
    claim_queries,
    delivery_queries,
    flow_queries,
    notice_queries,
    queries,
    route_queries,
)
from gateway.store.transit.delivery_queries import Wanted
from gateway.store.transit.models import DeliveryRow, Message

SIZES = (1_000, 10_000, 100_000)
OFFICES = [directory_id("B", 5_000 + number) for number in range(50)]
PARTY = directory_id("A", 1)
FLAT, FLOOR_MS, COUNTED_MS = 3.0, 3.0, 400.0
"""Wanted of the largest: that many times the smallest at most, or below the floor; counts: below that."""
_RUNS, _CHUNK = 7, 5_000

Look = Callable[[Session, datetime], object]


@dataclass(frozen=True)
class Figure:
    """One look-up.

    Attributes:
        counts: its work grows with what waits, or with what waits for one office, by nature.
        locks: it locks what it finds, as for writing.
    """

    name: str
    look: Look
    counts: bool = False
    locks: bool = False


_QUEUE = Queue(OFFICES[0], Lane.SINGLE, datetime(2020, 1, 1, tzinfo=UTC), None)
_LIVED = timedelta(days=5)


def _old(session: Session, now: datetime) -> object:
    return route_queries.ended(session, OFFICES[0], now - _LIVED, 100)


def _stranded(session: Session, now: datetime) -> object:
    return route_queries.stranded(session, OFFICES[0], now - _LIVED, 100)


FIGURES = (
    Figure("worker: a lost lease?", lambda s, now: claim_queries.any_lost(s, now, ())),
    Figure("worker: whose turn", lambda s, now: claim_queries.queues(s, now)),
    Figure(
        "worker: a route's next letter",
        lambda s, now: claim_queries.oldest_due(s, _QUEUE, now),
        locks=True,
    ),
    Figure("worker: what is in hand", lambda s, now: claim_queries.in_hand(s, ())),
    Figure("job: over their sender's end", lambda s, now: delivery_queries.outlived(s, now, 100)),
    Figure("job: held too long", lambda s, now: queries.held_too_long(s, now, 20), locks=True),
    Figure(
        "job: tried long enough",
        lambda s, now: route_queries.ended(s, OFFICES[0], now - _LIVED, 100),
        counts=True,
    ),
    Figure(
        "job: to fall back",
        lambda s, now: route_queries.stranded(s, OFFICES[0], now - _LIVED, 100),
        counts=True,
    ),
    Figure("job: people to tell", lambda s, now: notice_queries.due(s, now, 1), locks=True),
    Figure("job: told, not attested", lambda s, now: notice_queries.unattested(s, 100)),
    Figure("office: a page of its inbox", lambda s, now: entries(s, OFFICES[0], PARTY, None, 2, now)),
    Figure(
        "operator: what is held",
        lambda s, now: delivery_queries.listed(s, Wanted(Transport.HELD), 100),
        counts=True,
    ),
    Figure("operator: the oldest", lambda s, now: delivery_queries.listed(s, Wanted(), 100)),
    Figure("health: since when due", lambda s, now: flow_queries.oldest_due(s, now)),
    Figure("health: routes", lambda s, now: flow_queries.routes(s)),
    Figure("metrics: depth", lambda s, now: flow_queries.undelivered(s), counts=True),
    Figure("page: depth by state", lambda s, now: queries.depth(s), counts=True),
)


def fill(gateway: Gateway, like: str, count: int) -> None:
    """Add deliveries without an outcome until there are ``count``, and as many that have ended."""
    with gateway.store.read() as session:
        have = len(list(session.scalars(select(DeliveryRow.id).where(DeliveryRow.state != "HANDED_OVER"))))
    for first in range(have, count, _CHUNK):
        _add(gateway, like, range(first, min(first + _CHUNK, count)))
    with gateway.store.write() as session:
        session.execute(text("ANALYZE"))


def _add(gateway: Gateway, like: str, numbers: range) -> None:
    messages, deliveries, receipts = table(Message), table(DeliveryRow), table(ReceiptRow)
    with gateway.store.write() as session:
        delivery = _one(session, select(deliveries).where(deliveries.c.id == like))
        message = _one(session, select(messages).where(messages.c.id == delivery["message"]))
        of_letter = receipts.c.message == delivery["message"]
        receipt = _one(session, select(receipts).where(of_letter, receipts.c.delivery.is_(None)))
        rows: dict[Any, list[dict[str, Any]]] = {messages: [], deliveries: [], receipts: []}
        for number in range(2 * numbers.start, 2 * numbers.stop):
            fresh = 1_000_000 + number
            reference, key = f"{number:013d}", secrets.token_hex(32)
            rows[messages].append(
                {**message, "id": fresh, "reference": reference, "message_id": None, "root_digest": key}
            )
            row = {**delivery, "id": uuid7(os.urandom), "message": fresh, **_kind(number, delivery)}
            rows[deliveries].append(row)
            if row["state"] == "AVAILABLE":
                rows[receipts].append(
                    {
                        **receipt,
                        "id": fresh,
                        "receipt_id": uuid7(os.urandom),
                        "message": fresh,
                        "content_digest": key,
                    }
                )
        for into, values in rows.items():
            if values:
                session.execute(insert(into), values)


def _one(session: Session, query: Any) -> Mapping[str, Any]:
    return dict(session.execute(query).mappings().first() or {})


def _kind(number: int, like: Mapping[str, Any]) -> dict[str, Any]:
    """Every second one has ended; of the others 85 of 100 wait, 10 lie ready, 4 try again, 1 is held."""
    accepted = like["accepted_at"] - timedelta(seconds=number % 100_000)
    kind = {
        "office": OFFICES[(number // 2) % len(OFFICES)],
        "accepted_at": accepted,
        "due_at": accepted,
        "party": PARTY,
        "lane": "bulk" if number % 10 < 2 else "single",
        "own_end": True,
        "expires_at": like["accepted_at"] + timedelta(days=9) if number % 3 == 0 else None,
    }
    if number % 2:
        return {**kind, "state": "HANDED_OVER"}
    place = (number // 100) % 100
    if place < 85:
        return {**kind, "state": "QUEUED"}
    if place < 95:
        return {**kind, "state": "AVAILABLE", "held_until": like["accepted_at"] + timedelta(days=9)}
    if place < 99:
        return {**kind, "state": "WAITING", "failures": 2}
    return {**kind, "state": "HELD", "held_until": like["accepted_at"] + timedelta(days=2)}


def taken_ms(gateway: Gateway, figure: Figure) -> float:
    """The best of some times, in milliseconds: what else the machine does is not what is measured."""
    taken = []
    # SQLite works in this process: its CPU time, whatever else the machine does
    clock = time.process_time if gateway.store.engine.dialect.name == "sqlite" else time.perf_counter
    for _ in range(_RUNS + 1):
        with (gateway.store.write if figure.locks else gateway.store.read)() as session:
            session.connection()  # the transaction's own beginning is nobody's figure
            started = clock()
            figure.look(session, datetime.now(UTC))
            taken.append((clock() - started) * 1000)
    return min(taken[1:])


def measure(name: str, gateway: Gateway, sizes: Sequence[int]) -> int:
    """Print the figures of one database; how many missed what is wanted."""
    with gateway.store.read() as session:
        like = session.scalars(select(DeliveryRow.id).limit(1)).one()
    found: dict[int, list[float]] = {}
    for size in sizes:
        fill(gateway, like, size)
        found[size] = [taken_ms(gateway, one) for one in FIGURES]
    print(f"\n{name}: milliseconds with so many deliveries without an outcome, before {len(OFFICES)} offices")
    print(f"{'':38}" + "".join(f"{size:>10,}" for size in sizes) + "   times")
    return sum(_tell(index, [found[size][index] for size in sizes]) for index in range(len(FIGURES)))


def _tell(index: int, taken: Sequence[float]) -> bool:
    figure, times = FIGURES[index], taken[-1] / taken[0]
    missed = taken[-1] > COUNTED_MS if figure.counts else times > FLAT and taken[-1] > FLOOR_MS
    verdict = "  MISSED" if missed else "  (counts)" if figure.counts else ""
    print(f"{figure.name:38}" + "".join(f"{one:10.2f}" for one in taken) + f"{times:8.1f}{verdict}")
    return missed


def run(sizes: Sequence[int], database: str | None) -> int:
    """Measure SQLite, and the server that is named; 1 when something was missed."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        folder = Path(name)
        [letter] = letters(make_home(folder, 1), XML, 1)
        embedded = build(load({"WASL_HOME": name}))
        missed = _with_letter("SQLite", embedded, letter, sizes)
        if database is not None:
            with made_database(database) as url:
                missed += _with_letter("PostgreSQL", _scaled(embedded, name, url), letter, sizes)
        else:
            print("\nPostgreSQL was not measured: --database names no server")
    print(f"\nwanted: {FLAT:.0f} times or {FLOOR_MS:.0f} ms at most; what counts below {COUNTED_MS:.0f} ms")
    return 1 if missed else 0


def _with_letter(name: str, gateway: Gateway, letter: bytes, sizes: Sequence[int]) -> int:
    gateway.services.intake.submit(Submission(letter, XML, iter(()), XML))
    try:
        return measure(name, gateway, sizes)
    finally:
        gateway.store.engine.dispose()


def _scaled(embedded: Gateway, folder: str, url: str) -> Gateway:
    """The same hub with its registry in another database."""
    settings = load({"WASL_HOME": folder, "WASL_DATABASE_URL": url})
    home.prepare(settings)
    gateway = build(settings)
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    table = embedded.registry.export()
    gateway.registry.apply(read_declared(table, Path(folder), gateway.languages, checks), "bench")
    return gateway


@contextmanager
def made_database(server: str) -> Iterator[str]:
    """A database on a server, for the length of the block."""
    name = f"wasl_bench_{os.getpid()}"
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def main() -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--database", default=os.environ.get("WASL_BENCH_DATABASE_URL"))
    chosen = parser.parse_args()
    return run(sorted(chosen.sizes), chosen.database)


if __name__ == "__main__":
    sys.exit(main())
