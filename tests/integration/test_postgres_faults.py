"""PostgreSQL in trouble: nothing accepted is lost, nothing is accepted twice, and the caller is told."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from gateway.domain.errors import Unavailable
from gateway.store.engine import Patience, make_engine
from gateway.store.sessions import BUSY, OUT, Store
from tests.support import postgres
from tests.support.cutting import Cutting, cutting
from tests.support.hub import HubUnderTest, make_hub
from tests.support.shapes import Shape


@pytest.fixture(scope="module")
def hub(scaled: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def open_store(hub: HubUnderTest) -> Iterator[Callable[..., Store]]:
    """Opens a store of the test's own over the hub's database."""
    with ExitStack() as stack:

        def open_store(url: str | None = None, **options: Any) -> Store:
            engine = make_engine(url or hub.gateway.settings.database.url, None, **options)
            stack.callback(engine.dispose)
            return Store(engine)

        yield open_store


@contextmanager
def intake_over(hub: HubUnderTest, store: Store) -> Iterator[None]:
    service = hub.gateway.services.intake
    receipts = replace(service.receipts, store=store)
    refusals = replace(service.refusals, store=store, receipts=receipts)
    with hub.using(intake=replace(service, store=store, receipts=receipts, refusals=refusals)):
        yield


@contextmanager
def way(hub: HubUnderTest, open_store: Callable[..., Store]) -> Iterator[tuple[Cutting, Store]]:
    with cutting(hub.gateway.settings.database.url) as found:
        yield found, open_store(found.url)


def pid(session: Any) -> int:
    return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def terminate(*backends: int) -> None:
    with postgres.server().maintenance() as connection:
        for one in backends:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": one})


def make_book(store: Store) -> None:
    with store.write() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS book (number INTEGER PRIMARY KEY, entry TEXT)"))
        session.execute(text("DELETE FROM book"))
        session.execute(text("INSERT INTO book VALUES (1, 'first'), (2, 'second')"))


def entries(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(text("SELECT entry FROM book ORDER BY number")))


def rewrite(session: Any, number: int, entry: str) -> None:
    session.execute(text("UPDATE book SET entry = :e WHERE number = :n"), {"n": number, "e": entry})


def test_an_answer_lost_after_the_commit_is_found_by_the_repeat(
    hub: HubUnderTest, open_store: Callable[..., Store]
) -> None:
    letter, before = hub.signed(), hub.kept()
    with way(hub, open_store) as (line, store), intake_over(hub, store):
        line.cut = "after"
        lost = hub.post(letter)
        assert (lost.status_code, line.cuts) == (503, 1)
        assert int(lost.headers["Retry-After"]) > 0
        again, once_more = hub.post(letter), hub.post(letter)
    assert (again.status_code, once_more.status_code) == (200, 200)
    assert again.data == once_more.data == hub.post(letter).data
    after = hub.kept()
    assert (after["message"], after["receipt"], after["rendering"]) == (
        before["message"] + 1, before["receipt"] + 1, before["rendering"] + 1,
    )  # fmt: skip


def test_a_connection_lost_before_the_commit_leaves_nothing_and_the_repeat_is_accepted(
    hub: HubUnderTest, open_store: Callable[..., Store]
) -> None:
    letter, before = hub.signed(), hub.kept()
    with way(hub, open_store) as (line, store), intake_over(hub, store):
        line.cut = "before"
        assert (hub.post(letter).status_code, line.cuts) == (503, 1)
        kept = hub.kept()
        assert {name: kept[name] for name in kept if name != "files"} == {
            name: before[name] for name in before if name != "files"
        }
        assert hub.post(letter).status_code == 201
    assert hub.kept()["message"] == before["message"] + 1


def test_a_backend_ended_on_commit_leaves_nothing_and_the_repeat_is_accepted(hub: HubUnderTest) -> None:
    ends = """
        CREATE FUNCTION end_at_commit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER end_at_commit AFTER INSERT ON receipt
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_at_commit();
    """
    letter, before = hub.signed(), hub.kept()
    engine = hub.gateway.store.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(ends)
    try:
        assert hub.post(letter).status_code == 503
        assert hub.kept()["message"] == before["message"]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP FUNCTION end_at_commit CASCADE")
    assert hub.post(letter).status_code == 201


def test_a_backend_ended_in_a_transaction_undoes_it_and_the_next_gets_another(
    open_store: Callable[..., Store],
) -> None:
    store = open_store()
    make_book(store)

    def lose_the_backend() -> None:
        with store.write() as session:
            rewrite(session, 1, "half")
            terminate(pid(session))
            rewrite(session, 2, "half")

    with pytest.raises(Unavailable, match=OUT):
        lose_the_backend()
    assert entries(store) == ["first", "second"]


def test_connections_that_died_while_they_rested_are_replaced_unseen(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.engine._RESTED_S", 0.0)
    store = hub.gateway.store
    with store.read() as one, store.read() as other:
        backends = pid(one), pid(other)
    terminate(*backends)
    assert hub.post(hub.signed()).status_code == 201


def test_connections_that_died_at_work_fail_one_caller_and_are_all_replaced(hub: HubUnderTest) -> None:
    store, letter = hub.gateway.store, hub.signed()
    store.engine.dispose()  # an earlier test may have left a dead one that rests for too short a time
    with store.read() as one, store.read() as other:
        backends = pid(one), pid(other)
    terminate(*backends)
    assert [hub.post(letter).status_code for _ in range(2)] == [503, 201]


def test_one_of_two_that_wait_for_each_other_is_told_to_come_back(open_store: Callable[..., Store]) -> None:
    store, both = open_store(), Barrier(2, timeout=20)
    make_book(store)
    said: list[str] = []

    def write(first: int, second: int) -> None:
        try:
            with store.write() as session:
                session.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                rewrite(session, first, f"by {first}")
                both.wait()
                rewrite(session, second, f"by {first}")
        except Unavailable as fault:
            said.append(str(fault))
        else:
            said.append("done")

    threads = [Thread(target=write, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [BUSY, "done"]
    assert len(set(entries(store))) == 1


def test_a_server_made_read_only_accepts_nothing_and_still_answers_repeats(
    hub: HubUnderTest, open_store: Callable[..., Store]
) -> None:
    known, fresh = hub.signed(), hub.signed()
    first = hub.post(known)
    url = make_url(hub.gateway.settings.database.url)
    read_only = url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    before = hub.kept()
    with intake_over(hub, open_store(read_only.render_as_string(hide_password=False))):
        assert hub.post(fresh).status_code == 503
        again = hub.post(known)
    assert (again.status_code, again.data) == (200, first.data)
    assert hub.kept() == before
    assert hub.post(fresh).status_code == 201


def test_a_used_up_pool_makes_the_database_busy(hub: HubUnderTest, open_store: Callable[..., Store]) -> None:
    store = open_store(busy_s=0.05, pool_size=1)
    with store.read(), store.read(), intake_over(hub, store):
        assert hub.post(hub.signed()).status_code == 503
    with intake_over(hub, store):
        assert hub.post(hub.signed()).status_code == 201


def test_a_server_that_takes_no_more_connections_is_busy(hub: HubUnderTest) -> None:
    role = f"wasl_test_{os.getpid()}_{secrets.token_hex(4)}"
    url = make_url(hub.gateway.settings.database.url).set(username=role, password="x")
    with postgres.server().maintenance() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0"))
        engine = make_engine(url.render_as_string(hide_password=False), None)
        try:
            with pytest.raises(Unavailable), Store(engine).read():
                pytest.fail("a connection more than the server takes")
        finally:
            engine.dispose()
            connection.execute(text(f"DROP ROLE {role}"))


def test_a_server_that_is_not_there_is_out_of_service(hub: HubUnderTest) -> None:
    engine = make_engine(f"postgresql+psycopg://wasl@/wasl?host={hub.home}/nowhere", None, busy_s=0.1)
    with pytest.raises(Unavailable, match=OUT), Store(engine).read():
        pytest.fail("no server")
    engine.dispose()


@pytest.mark.parametrize(
    ("state", "told"),
    [("40001", BUSY), ("40P01", BUSY), ("55P03", BUSY), ("57014", BUSY), ("53300", BUSY),
     ("53100", OUT), ("53200", OUT), ("58030", OUT), ("25006", OUT), ("XX000", OUT), ("XX001", OUT),
     ("42P01", OUT), ("42501", OUT), ("0A000", OUT)],
)  # fmt: skip
def test_what_the_server_says_is_our_trouble(open_store: Callable[..., Store], state: str, told: str) -> None:
    store = open_store()
    with pytest.raises(Unavailable, match=told), store.write() as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"))


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("INSERT INTO book VALUES (1, 'again')", IntegrityError),
        ("SELECT 1 / 0", DataError),
        ("SELEC 1", ProgrammingError),
    ],
)
def test_a_fault_of_the_statement_is_not_called_trouble_of_the_database(
    open_store: Callable[..., Store], statement: str, fault: type[Exception]
) -> None:
    store = open_store()
    make_book(store)
    with pytest.raises(fault), store.write() as session:
        session.execute(text(statement))


def test_a_lock_that_does_not_come_makes_the_database_busy(open_store: Callable[..., Store]) -> None:
    store, hasty = open_store(), open_store(busy_s=0.05)
    make_book(store)
    with store.write() as holder:
        rewrite(holder, 1, "held")
        with pytest.raises(Unavailable, match=BUSY), hasty.write() as session:
            rewrite(session, 1, "late")
    assert entries(store) == ["held", "second"]


def test_a_statement_that_takes_too_long_is_given_up(open_store: Callable[..., Store]) -> None:
    store = open_store(patience=Patience(statement_s=0.05))
    with pytest.raises(Unavailable, match=BUSY), store.read() as session:
        session.execute(text("SELECT pg_sleep(20)"))


def test_what_a_process_that_hangs_has_locked_is_free_again(open_store: Callable[..., Store]) -> None:
    hanging, store = open_store(patience=Patience(idle_s=0.05)), open_store()
    make_book(store)

    def hang() -> None:
        with hanging.write() as session:
            rewrite(session, 1, "hangs")
            with store.write() as other:  # waits until the server has ended the one that hangs
                rewrite(other, 1, "goes on")
            rewrite(session, 2, "too late")

    with pytest.raises(Unavailable, match=OUT):
        hang()
    assert entries(store) == ["goes on", "second"]
