"""Letters all the way: submitted to a running hub, delivered, and watched until the receipt is committed."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import PORT, Shape, environment, free_port, running, wait_for
from load import Pace, Sending, sending
from processes import cpu_s, listener, parent
from sqlalchemy import bindparam, func, make_url, select, text

from gateway.domain.identifiers import directory_id
from gateway.domain.transit.states import Transport
from gateway.home import open_engine
from gateway.settings import load as load_settings
from gateway.store import plain
from gateway.store.sessions import Store
from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message

TARGET_PORT = free_port()
_TARGET = str(Path(__file__).with_name("target.py"))
_LOOK_S, _SELDOM_S = 0.02, 0.1
"""Between two looks: where each letter's time is measured, and where letters are only counted."""
_PATIENCE_S = 60.0
_LATE = 80
"""On PostgreSQL an event's number may appear after later ones: so many are looked at again. One that came
later still would never be seen, and the benchmark would end with an error, not with a better figure."""

_HANDED_OVER = (
    select(DeliveryEvent.id, DeliveryEvent.delivery)
    .where(DeliveryEvent.id > bindparam("after"), DeliveryEvent.now == bindparam("state"))
    .order_by(DeliveryEvent.id)  # by the key: a plan for any number would read the whole table
    .limit(1000)
)

Programs = Mapping[str, Sequence[int]]
"""The first process of each of a kind, by the kind's name."""


def route(mode: str = "ok", port: int = TARGET_PORT) -> dict[str, Any]:
    """A route to the benchmark's own document system."""
    create = {
        "path": "/letters",
        "body": {
            "message": "envelope.messageId",
            "reference": "reference",
            "subject": "envelope.subject",
            "sender": "senderName",
            "text": "envelope.body",
        },
        "success": "number",
        "reads": {"target_reference": "number", "register_number": "number", "register_date": "date"},
    }
    options = {
        "base_url": f"http://127.0.0.1:{port}/{mode}",
        "idempotency_header": "Idempotency-Key",
        "create": create,
    }
    return {"kind": "adapter", "adapter": "rest", "options": options}


def offices(count: int, first: int = 10) -> list[str]:
    """Identifiers of offices."""
    return [directory_id("B", number) for number in range(first, first + count)]


@contextlib.contextmanager
def target() -> Iterator[int]:
    """The document system, by its process number."""
    with running([_TARGET, str(TARGET_PORT)], {}) as pid:
        wait_for(TARGET_PORT, "/tally")
        yield pid


def tally() -> dict[str, Any]:
    """What the document system holds."""
    connection = http.client.HTTPConnection("127.0.0.1", TARGET_PORT, timeout=30)
    connection.request("GET", "/tally")
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    return found


@contextlib.contextmanager
def hub(
    folder: Path, shape: Shape, workers: int, entry: Sequence[str] = ("-m", "gateway"), **more: str
) -> Iterator[dict[str, list[int]]]:
    """The programs of a home's hub, by kind; stopped in the end."""
    variables = {**environment(folder, shape), **more}
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(running([*entry, "serve"], variables))
        started = [stack.enter_context(running([*entry, "worker"], variables)) for _ in range(workers)]
        wait_for(PORT, "/health/live")
        yield {"web": [web], "worker": started}


def servers(shape: Shape) -> dict[str, list[int]]:
    """The servers of the scaled shape, as far as they run on this machine and may be looked at."""
    found = {}
    if shape.name == "scaled":
        broker = make_url(shape.environment["WASL_BROKER_URL"]).port or 5672
        found = {"database": _postmaster(shape), "broker": listener(broker)}
    return {kind: [pid] for kind, pid in found.items() if pid}


def _postmaster(shape: Shape) -> int | None:
    engine = open_engine(load_settings({**shape.environment, "WASL_HOME": "/nonexistent"}))
    with engine.connect() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with contextlib.suppress(OSError):
            return parent(pid)
    return None


class Watch:
    """Sees which letters' delivery receipts were committed since it was made.

    It looks so often that what a look costs is felt: it asks for nothing but the numbers.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._store = Store(open_engine(load_settings(environment(folder, shape))))
        self._margin = _LATE if shape.name == "scaled" else 0
        with self._store.read() as session:
            self._since = self._first = session.scalar(select(func.max(DeliveryEvent.id))) or 0
        self._arrived: dict[str, float] = {}

    def look(self) -> int:
        """Note what arrived, now, at most a look later than it was; how many arrived so far."""
        after = max(self._first, self._since - self._margin)
        with self._store.read() as session:
            found = plain.found(session, _HANDED_OVER, {"after": after, "state": Transport.HANDED_OVER.value})
        now = time.time()
        for event in found:
            self._since = max(self._since, event.id)
            self._arrived.setdefault(event.delivery, now)
        return len(self._arrived)

    def arrived(self) -> dict[str, float]:
        """When the letters arrived, by their references."""
        with self._store.read() as session:
            found = session.execute(
                select(DeliveryRow.id, Message.reference).join(Message, Message.id == DeliveryRow.message)
            ).all()
        return {reference or "": self._arrived[name] for name, reference in found if name in self._arrived}


@dataclass(frozen=True)
class Journey:
    """What became of letters that were sent.

    Attributes:
        wall: seconds from the first submission to the last delivery receipt.
        accept_s, arrive_s: of each letter, from submission to its answer, and to its delivery receipt.
        cpu: seconds used by each kind of process meanwhile.
    """

    letters: int
    wall: float
    accept_s: tuple[float, ...]
    arrive_s: tuple[float, ...]
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.letters / self.wall

    def cpu_each(self, *kinds: str) -> float:
        """Seconds of CPU for each letter that these kinds of processes took."""
        return sum(self.cpu.get(kind, 0.0) for kind in kinds) / self.letters


def travel(
    folder: Path, shape: Shape, programs: Programs, made: Sequence[bytes], media_type: str, pace: Pace
) -> Journey:
    """Send letters and wait until every one has its delivery receipt.

    Raises:
        SystemExit: one was not accepted, or nothing arrived for a minute.
    """
    watch = Watch(folder, shape)
    before = {kind: cpu_s(roots) for kind, roots in programs.items()}
    told = _sent(watch, made, media_type, pace, _LOOK_S if pace.rate else _SELDOM_S)
    cpu = {kind: cpu_s(roots) - before[kind] for kind, roots in programs.items()}
    first, arrived = min(left for _, left, _ in told["sent"]), watch.arrived()
    return Journey(
        len(made),
        max(arrived[reference] for reference, _, _ in told["sent"]) - first,
        tuple(taken for _, _, taken in told["sent"]),
        tuple(arrived[reference] - left for reference, left, _ in told["sent"]),
        {**cpu, "load": told["cpu"]},
    )


def _sent(watch: Watch, made: Sequence[bytes], media_type: str, pace: Pace, look_s: float) -> dict[str, Any]:
    with sending(PORT, made, media_type, pace) as sender:
        follow(watch, len(made), sender, look_s)
        return sender.told()


def follow(watch: Watch, wanted: int, sender: Sending | None = None, look_s: float = _LOOK_S) -> None:
    """Look every so many seconds until so many letters arrived, telling whoever sends them.

    Raises:
        SystemExit: nothing arrived for a minute, or the sender gave up.
    """
    last, seen = time.monotonic(), 0
    while seen < wanted or (sender is not None and sender.under_way()):
        time.sleep(look_s)
        arrived = watch.look()
        if arrived > seen:
            last, seen = time.monotonic(), arrived
            if sender is not None:
                sender.tell(seen)
        if sender is not None:
            sender.under_way()
        if time.monotonic() - last > _PATIENCE_S:
            raise SystemExit(f"{seen} of {wanted} letters arrived, and then none for {_PATIENCE_S:.0f} s")
