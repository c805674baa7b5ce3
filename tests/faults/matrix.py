"""The faults that a hub must survive, each as a scenario for a town; the auditor has the last word in all."""

from __future__ import annotations

import fcntl
import os
import random
import resource
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from gateway.clients.broker import BrokerSettings, celery_app
from gateway.domain.identifiers import directory_id
from tests.faults import target
from tests.faults.points import HELD_IN_DOUBT, SCENES, WHY
from tests.faults.scenario import NOWHERE, Scenario, Sent
from tests.faults.town import (
    FINDS,
    LEASE_S,
    NOTHING,
    OFFICE,
    REPEATS,
    ROOT,
    STORES,
    Process,
    Town,
    free_port,
    until,
)
from tests.support.cutting import cutting
from tests.support.hub import COMMUNE_OFFICE, XML

COMMUNE = ROOT / "examples/systems/commune_rest"
OFFICES = 50


@dataclass(frozen=True)
class Size:
    """How much of everything; ``make soak`` has more."""

    letters: int = 12
    dead_letters: int = 300
    storm_letters: int = 36
    storm_deaths: int = 6
    seed: int = 1


def resolve(scenario: Scenario) -> None:
    """A person looks at every held letter and has it sent again, with the word that it may be a duplicate."""
    scenario.settle()
    for row in scenario.deliveries():
        if row.state == "HELD":
            scenario.town.command("delivery", "requeue", row.id, "--possible-duplicate", *WHY)
    scenario.settle()


# processes


def killed_in_mid_transfer(town: Town, size: Size) -> str:
    """SIGKILL while the recipient has the letter and its answer is under way."""
    town.at_work()
    scenario = Scenario(town, "mid-transfer")
    town.target.gate.clear()
    for office, store in STORES.items():
        scenario.settle()
        town.target.at_gate.clear()
        town.target.faults[store].append("gate")
        scenario.send(office)
        until("it is taken", town.target.at_gate.is_set)
        for worker in town.workers:
            worker.kill()
        town.clock.jump(LEASE_S + 1)
    town.target.gate.set()
    resolve(scenario)
    assert sum(len(_taken(town, scenario, one)) for one in scenario.letters) == 4
    return scenario.judge()


def _taken(town: Town, scenario: Scenario, sent: Sent) -> list[str]:
    """The lines of all stores about a letter's deliveries that were taken."""
    ids = [row.id for row in scenario.deliveries(sent)]
    logs = [path.read_text() for path in town.target.folder.glob("*.jsonl")]
    return [
        line
        for log in logs
        for line in log.splitlines()
        if '"took"' in line and any(one in line for one in ids)
    ]


def hub_killed_under_load(town: Town, size: Size) -> str:
    """SIGKILL for all web processes while letters come in; senders repeat what was not answered."""
    town.at_work()
    scenario = Scenario(town, "hub-killed")
    letters = [scenario.letter(REPEATS, NOTHING) for _ in range(size.letters)]
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(scenario.submit, one) for one in letters]
        until("some are in", lambda: sum(bool(one.answers) for one in letters) >= 3)
        assert town.web is not None
        town.web.kill()
        town.serve()
        assert {one.result() for one in sending} <= {200, 201}
    return scenario.judge()


def commune_cut_off(town: Town, size: Size) -> str:
    """A document system registers each letter and its answer is cut off, once for each."""
    scenario = Scenario(town, "commune")
    with _commune(town, "--cut-every", "1", "--outage-every", "2"):
        town.at_work()
        for media_type in (XML, "application/jose"):
            scenario.send(COMMUNE_OFFICE, count=2, media_type=media_type)
        town.clock.jump(5)  # it asks for some patience
        return scenario.judge()


@contextmanager
def _commune(town: Town, *flags: str) -> Iterator[None]:
    import subprocess

    port, data = free_port(), town.target.folder / "commune"
    command = [sys.executable, COMMUNE / "server.py", "--port", str(port), "--data", data, *flags]
    environment = {**os.environ, "COMMUNE_CLE": town.environment["WASL_SECRET_COMMUNE_KEY"]}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert b"ready" in process.stdout.readline()
            options = tomllib.loads((COMMUNE / "route.toml").read_text("utf-8"))
            options["base_url"] = f"http://127.0.0.1:{port}/api/v2"
            route = {"kind": "adapter", "adapter": "rest", "options": options}
            town.route({"id": COMMUNE_OFFICE, "route": route})
            town.elsewhere[COMMUNE_OFFICE] = "commune"
            yield
        finally:
            process.kill()


def rolling_restart(town: Town, size: Size) -> str:
    """SIGTERM for one web process and worker after the other under load; new ones take their places."""
    scenario, ports = Scenario(town, "rolling"), [free_port(), free_port()]
    webs = [town.serve(port) for port in ports]
    workers = [town.work(), town.work()]
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            sent = scenario.letter(REPEATS)
            assert scenario.submit(sent, random.sample(ports, len(ports))) in (200, 201)
            time.sleep(0.1)

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load) for _ in range(3)]
        try:
            for at, port in enumerate(ports):
                _replaced(webs[at])
                webs[at] = town.serve(port)
                _replaced(workers[at])
                workers[at] = town.work()
        finally:
            over.set()
        for one in loads:
            one.result()
    _nothing_was_broken_off(scenario)
    table = scenario.judge()
    for one in webs:
        one.signal(signal.SIGTERM, group=False)
    assert [one.wait() for one in webs] == [0, 0]
    assert not any(attempt for row in scenario.deliveries() for attempt in range(row.attempts - 1))
    return table


def _replaced(process: Process) -> None:
    time.sleep(0.3)  # some load for it to finish
    process.signal(signal.SIGTERM, group=False)
    assert process.wait() == 0


def _nothing_was_broken_off(scenario: Scenario) -> None:
    """Only connections that nobody took were lost, and what is sent once more is new to the hub.

    Those that wait in the system's queue when a process stops listening are reset by it.
    """
    for one in scenario.letters:
        *lost, last = one.answers
        assert {answer["why"] for answer in lost} <= {"ConnectionRefusedError", "ConnectionResetError"}, lost
        assert last["status"] == 201, one.answers


# the database


def database_stops(town: Town, size: Size) -> str:
    """The database is gone for a while, and comes back; embedded: nobody gets the turn to write."""
    town.at_work()
    scenario = Scenario(town, "database-stops")
    scenario.send(REPEATS, NOTHING, count=2)
    letters = [scenario.letter(REPEATS) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        with _database_out(town):
            sending = [pool.submit(scenario.submit, one) for one in letters]
            until("somebody is told to come back", lambda: any(503 in one.statuses for one in letters))
        assert {one.result() for one in sending} <= {200, 201}
    return scenario.judge(*HELD_IN_DOUBT)


@contextmanager
def _database_out(town: Town) -> Iterator[None]:
    if town.services is None:
        with (town.hub.home / "wasl.lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    town.services.database.stop_abruptly()
    try:
        yield
    finally:
        town.services.database.start()


def connection_lost_on_commit(town: Town, size: Size) -> str:
    """The connection breaks at COMMIT, before the server hears of it and after it committed."""
    assert town.services is not None
    scenario = Scenario(town, "lost-on-commit")
    town.at_work()
    town.rest()
    with cutting(town.environment["WASL_DATABASE_URL"]) as line:
        port = free_port()
        web = town.serve(port, WASL_DATABASE_URL=_plain(line.url))
        for side in ("before", "after"):
            sent = scenario.letter(REPEATS)
            line.cut = side
            scenario.submit(sent, [port])
            until("it was cut", lambda: line.cut is None)
            assert sent.statuses[0] == 503
            assert sent.statuses[-1] == (201 if side == "before" else 200)
        for side in ("before", "after") * 4:
            line.cut = side
            scenario.send(REPEATS, FINDS, NOTHING)
            until("it was cut", lambda: _supervised(town, _plain(line.url)) and line.cut is None)
        town.rest()
        web.kill()
        assert line.cuts >= 10
    town.clock.jump(LEASE_S + 1)
    resolve(scenario)
    return scenario.judge()


def _supervised(town: Town, url: str) -> bool:
    """As whoever runs a hub: a worker that could not begin without a database begins anew."""
    town.workers = [one for one in town.workers if one.status is None]
    if not town.workers:
        town.work(WASL_DATABASE_URL=url)
    return True


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def _master(town: Town) -> Iterator[Connection]:
    """A connection beside the hub."""
    url = town.environment["WASL_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@contextmanager
def _trigger(town: Town, body: str) -> Iterator[None]:
    """Something that happens whenever a receipt is inserted."""
    with _master(town) as master:
        master.exec_driver_sql(
            f"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body}; RETURN NEW; END'"
        )
        master.exec_driver_sql(
            "CREATE TRIGGER trouble BEFORE INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION trouble()"
        )
        master.commit()
        try:
            yield
        finally:
            master.exec_driver_sql("DROP FUNCTION trouble CASCADE")
            master.commit()


def deadlock(town: Town, size: Size) -> str:
    """A worker and somebody else wait for each other, and the worker is the one who is sent away."""
    scenario = Scenario(town, "deadlock")
    town.at_work()
    # whoever waits with a shorter patience looks for a circle first, and is sent away
    waits = "PERFORM set_config(''deadlock_timeout'', ''3s'', true), pg_advisory_xact_lock(4711)"
    ours = _trigger(town, f"IF NEW.delivery IS NOT NULL THEN {waits}; END IF")
    with ours, _master(town) as watch, _master(town) as other:
        other.execute(text("SET deadlock_timeout = '60s'"))
        other.execute(text("SELECT pg_advisory_xact_lock(4711)"))
        [sent] = scenario.send(REPEATS)
        until("the worker waits", lambda: _number(watch, _WAITING))
        delivery = {"id": scenario.delivery(sent).id}
        other.execute(text("UPDATE delivery SET ordinal = ordinal WHERE id = :id"), delivery)
        until("the server has seen it", lambda: _number(watch, _DEADLOCKS))
        other.rollback()
    town.clock.jump(LEASE_S + 1)
    return scenario.judge()


_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'wasl'"


def _number(watch: Connection, question: str) -> int:
    watch.rollback()  # each look is a new one
    return int(watch.execute(text(question)).scalar_one())


def read_only(town: Town, size: Size) -> str:
    """The server turns read-only: repeats are answered, letters are not taken, and later they are."""
    assert town.services is not None
    scenario = Scenario(town, "read-only")
    town.at_work()
    [known] = scenario.send(REPEATS)
    fresh = scenario.letter(REPEATS)
    with _read_only(town):
        assert scenario.once(fresh) == 503
        assert scenario.once(known) == 200
    assert scenario.submit(fresh) == 201
    return scenario.judge()


@contextmanager
def _read_only(town: Town) -> Iterator[None]:
    def turn(how: str) -> None:
        with _master(town) as master:
            master.exec_driver_sql("SET default_transaction_read_only = off")
            master.exec_driver_sql("SET transaction_read_only = off")
            master.exec_driver_sql(f"ALTER DATABASE wasl SET default_transaction_read_only = {how}")
            master.commit()
            master.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = 'wasl' AND pid <> pg_backend_pid()"
            )

    turn("on")
    try:
        yield
    finally:
        turn("off")


def disk_full(town: Town, size: Size) -> str:
    """Nothing more can be written: not by any process (embedded), not by database and store (scaled)."""
    scenario = Scenario(town, "disk-full")
    town.at_work()
    plan = town.folder / "plan-of-the-disk.bin"
    plan.write_bytes(b"DEMONSTRATION plan " * 9000)
    [known] = scenario.send(REPEATS, files=(plan,))
    scenario.settle()
    letters = [scenario.letter(REPEATS), scenario.letter(REPEATS, files=(plan,))]
    with _full(town):
        assert [scenario.once(one) for one in letters] == [503, 503], [one.answers for one in letters]
        assert scenario.once(known) == 200
    for one in letters:
        assert scenario.submit(one) == 201
    return scenario.judge()


@contextmanager
def _full(town: Town) -> Iterator[None]:
    if town.services is not None:
        with _trigger(town, "RAISE EXCEPTION USING ERRCODE = ''53100''"):
            town.services.objects.stop()
            try:
                yield
            finally:
                town.services.objects.start()
        return
    assert town.web is not None
    everybody = [one for root in (town.web, *town.workers) for one in (root.pid, *_children(root.pid))]
    before = resource.prlimit(everybody[0], resource.RLIMIT_FSIZE)
    for pid in everybody:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        for pid in everybody:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# the broker


def broker_fails(town: Town, size: Size) -> str:
    """The broker is killed, comes back, tells things twice and three hundred times, and loses some."""
    assert town.services is not None
    scenario, broker = Scenario(town, "broker"), town.services.broker
    town.at_work()
    town.rest()
    dreamer = town.work(WASL_WORKER_POLL_SECONDS="600")
    woken = scenario.send(REPEATS)
    scenario.wait_for("HANDED_OVER", *woken)  # by a wake-up: this worker does not look by itself
    _wake(town, 300)
    scenario.wait_for("HANDED_OVER", *scenario.send(REPEATS))
    broker.stop_abruptly()
    lost = scenario.send(REPEATS, NOTHING, count=3)
    assert {one.statuses[-1] for one in lost} == {201}
    town.work()  # this one looks
    scenario.wait_for("HANDED_OVER", *lost)
    town.workers[-1].signal(signal.SIGTERM)
    town.workers.pop().wait()
    broker.start()
    again = scenario.letter(REPEATS)

    def woken_again() -> bool:
        scenario.once(scenario.letter(REPEATS))
        return bool(scenario.once(again) == 200 and scenario.delivery(again).state == "HANDED_OVER")

    assert scenario.submit(again) == 201
    until("wake-ups come again", woken_again)
    assert dreamer.status is None
    town.rest()
    scenario.send(REPEATS, count=2)
    broker.control("purge_queue", "-p", "wasl", "wasl.wake")
    return scenario.judge()


def _wake(town: Town, times: int) -> None:
    app = celery_app(BrokerSettings(town.environment["WASL_BROKER_URL"]))
    with (
        app.connection_for_write() as connection,
        app.amqp.Producer(connection, auto_declare=False) as producer,
    ):
        for _ in range(times):
            app.send_task(
                "wasl.wake", producer=producer, queue=app.amqp.queues["wasl.wake"], ignore_result=True
            )


# time and leaders


def two_schedulers(town: Town, size: Size) -> str:
    """Two workers that both believe they lead run every job side by side."""
    town.at_work()
    town.rest()
    scenario = Scenario(town, "two-schedulers")
    for _ in range(2):
        town.work(FAULTS_ALL_LEAD="1")
    scenario.send(REPEATS, FINDS, NOTHING, count=size.letters)
    scenario.send(OFFICE, count=2)
    scenario.until("the office has its mail", lambda: _rested(scenario))
    table = scenario.judge({"state": "AVAILABLE"})
    town.rest()
    town.command("ledger", "verify")
    return table


def _rested(scenario: Scenario) -> bool:
    return all(row.state in ("HANDED_OVER", "AVAILABLE") for row in scenario.deliveries())


def clock_jumps(town: Town, size: Size) -> str:
    """Every process's clock jumps hours ahead and back while letters are on their way."""
    town.at_work()
    scenario = Scenario(town, "clock")
    for jump in (7200, -3600, 1800, -5000, 4, 5600):
        town.target.faults["finds"].append("taken-then-resets")
        town.target.faults["repeats"].append("busy")
        scenario.send(REPEATS, FINDS, NOTHING, count=2)
        town.clock.jump(jump)
    # leases that a clock which was ahead gave run out when the clock is there again
    town.clock.jump(3000)
    resolve(scenario)
    return scenario.judge()


# recipients and people


def misbehaving_systems(town: Town, size: Size) -> str:
    """Recipients' systems hang, reset, drip, answer with pages, or take a letter and say nothing."""
    town.at_work()
    scenario = Scenario(town, "systems")
    for fault in target.FAULTS:
        if fault == "gate":
            continue
        for office, store in STORES.items():
            town.target.faults[store].append(fault)
            scenario.send(office)
    scenario.settle()
    held = [row for row in scenario.deliveries() if row.state == "HELD"]
    assert {row.office for row in held} == {NOTHING}
    resolve(scenario)
    for _ in range(8):  # whoever was held may meet the next fault
        resolve(scenario)
    return scenario.judge()


def hundred_at_once(town: Town, size: Size) -> str:
    """A hundred identical submissions at the same moment: one letter, one receipt."""
    town.at_work()
    scenario = Scenario(town, "hundred")
    sent, refused, start = scenario.letter(REPEATS, NOTHING), scenario.letter(NOWHERE), threading.Barrier(100)

    def one_of_many() -> None:
        start.wait()
        scenario.submit(sent)
        scenario.submit(refused)

    with ThreadPoolExecutor(100) as pool:
        for done in [pool.submit(one_of_many) for _ in range(100)]:
            done.result()
    good = [answer for answer in sent.answers if answer["status"] in (200, 201)]
    assert (len(good), len({one["octets"] for one in good})) == (100, 1)
    assert len({one["octets"] for one in refused.answers if one["status"] == 422}) == 1
    return scenario.judge()


def two_operators(town: Town, size: Size) -> str:
    """Two operators have the same letter sent again in the same moment: one of them is told no."""
    town.at_work()
    scenario = Scenario(town, "operators")
    town.target.faults["nothing"].extend(["taken-then-resets"] * 3)
    letters = scenario.send(NOTHING, count=3)
    scenario.wait_for("HELD", *letters)
    for sent in letters:
        command = ("delivery", "requeue", scenario.delivery(sent).id, "--possible-duplicate", *WHY)
        both = [town.begin(*command)[0] for _ in range(2)]
        assert sorted(one.wait() for one in both) == [0, 1]
    return scenario.judge()


def dead_among_fifty(town: Town, size: Size) -> str:
    """One of fifty systems hangs, and the letters of all others arrive as if it were not there."""
    town.at_work()
    scenario = Scenario(town, "dead-among-fifty")
    offices = [directory_id("B", 3000 + number) for number in range(OFFICES)]
    stores = [f"repeats-{number:02}" for number in range(OFFICES)]
    town.route(
        *(
            {"id": office, "route": {"kind": "adapter", "adapter": "rest",
                                     "options": target.options(town.target.port, store)}}
            for office, store in zip(offices, stores, strict=True)
        )
    )  # fmt: skip
    town.target.always[stores[0]] = "hangs"
    dead = scenario.send(offices[0], count=max(6, size.dead_letters // OFFICES))
    with ThreadPoolExecutor(4) as pool:
        others = [
            scenario.letter(offices[1 + at % (OFFICES - 1)]) for at in range(size.dead_letters - len(dead))
        ]
        assert set(pool.map(scenario.submit, others)) <= {200, 201}
    begun = time.monotonic()
    scenario.wait_for("HANDED_OVER", *others, seconds=60 + size.dead_letters / 20)
    taken = time.monotonic() - begun
    print(f"{len(others)} letters to {OFFICES - 1} systems: {taken:.1f} s after the last was sent")
    assert not any(row.state == "HANDED_OVER" for row in scenario.deliveries(*dead))
    del town.target.always[stores[0]]
    scenario.settle(seconds=120)
    return scenario.judge()


def storm(town: Town, size: Size) -> str:
    """Letters come in, systems misbehave, and processes die at points that chance chooses."""
    chance = random.Random(size.seed)
    town.at_work()
    scenario = Scenario(town, f"storm-{size.seed}")
    fatal = [
        point
        for group in ("intake", "dispatch", "trouble")
        for scene in SCENES[group]
        for point in scene.all
        if point.partition(":")[0] in _OFTEN
    ]
    over = threading.Event()

    def load(share: int) -> None:
        own = random.Random(size.seed * 100 + share)
        for _ in range(size.storm_letters // 3):
            offices = own.sample([REPEATS, FINDS, NOTHING], own.randint(1, 3))
            assert scenario.submit(scenario.letter(*offices)) in (200, 201)

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load, share) for share in range(3)]
        deaths = 0
        while not all(one.done() for one in loads) or deaths < size.storm_deaths:
            point = chance.choice(fatal)
            town.target.faults[chance.choice(list(STORES.values()))].append(chance.choice(_FAULTS))
            town.arm(point, chance.randint(1, 3))
            deaths += _struck(town, scenario, point, all(one.done() for one in loads))
        over.set()
        for one in loads:
            one.result()
    for faults in town.target.faults.values():
        faults.clear()
    town.clock.jump(LEASE_S + 1)
    scenario.settle(seconds=60 + size.storm_letters)
    resolve(scenario)
    resolve(scenario)
    return scenario.judge()


_OFTEN = (
    "intake._commit",
    "claim.claim",
    "claim.mark_sending",
    "outcomes.hand_over",
    "adapter",
    "routes._keep",
)
_FAULTS = ("busy", "resets-midway", "html", "taken-then-resets", "taken-then-html")


def _struck(town: Town, scenario: Scenario, point: str, calm: bool) -> int:
    """Wait until somebody died at the point; where no letters come any more, send one."""
    end = time.monotonic() + 10
    while not town.struck(point):
        town.at_work()
        if calm:
            scenario.submit(scenario.letter(REPEATS))
            time.sleep(0.5)  # a few, not a load of its own
        if time.monotonic() > end:
            (town.folder / "fuses" / point).unlink(missing_ok=True)
            return 1
        time.sleep(0.05)
    (town.folder / "spent" / point).unlink(missing_ok=True)
    return 1


Scene = Callable[[Town, Size], str]
BOTH, EMBEDDED_ONLY, SCALED_ONLY = ("embedded", "scaled"), ("embedded",), ("scaled",)
MATRIX: dict[Scene, tuple[str, ...]] = {
    killed_in_mid_transfer: BOTH,
    hub_killed_under_load: BOTH,
    commune_cut_off: BOTH,
    rolling_restart: BOTH,
    database_stops: BOTH,
    connection_lost_on_commit: SCALED_ONLY,
    deadlock: SCALED_ONLY,
    read_only: SCALED_ONLY,
    disk_full: BOTH,
    broker_fails: SCALED_ONLY,
    two_schedulers: BOTH,
    clock_jumps: BOTH,
    misbehaving_systems: BOTH,
    hundred_at_once: BOTH,
    two_operators: BOTH,
    dead_among_fifty: BOTH,
    storm: BOTH,
}
"""Every scenario, and the shapes that it is played in."""


def scenes(shape: str) -> list[Any]:
    """The scenarios of a shape."""
    return [scene for scene, shapes in MATRIX.items() if shape in shapes]
