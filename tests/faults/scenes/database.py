"""Faults of the database: gone, full, read-only, or of another mind than its clients."""

from __future__ import annotations

import fcntl
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from tests.faults.points import HELD_IN_DOUBT
from tests.faults.scenario import Scenario
from tests.faults.size import Size
from tests.faults.town import FINDS, LEASE_S, NOTHING, REPEATS, Town, free_port, until
from tests.support.cutting import cutting


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
        _forget_connections(town)


def _forget_connections(town: Town) -> None:
    """The judge's own connections: the first use of one that just died fails, also for whoever judges."""
    town.hub.gateway.store.engine.dispose()


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
    scenario.resolve()
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
        # each process may still meet a connection that was ended when the server turned
        until("the repeat is answered", lambda: scenario.once(known) == 200)
        assert scenario.once(fresh) == 503
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
        _forget_connections(town)


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
