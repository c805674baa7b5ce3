"""Writers that wait for each other share one commit, and nobody's failure is another's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store import group_commit
from gateway.store.sessions import Store

Step = Callable[[Session], Any]


def add(session: Session, number: int) -> None:
    session.execute(text("INSERT INTO book VALUES (:number, 'entry')"), {"number": number})


def numbers(store: Store) -> list[int]:
    with store.read() as session:
        return [row[0] for row in session.execute(text("SELECT number FROM book ORDER BY number"))]


class Commits:
    """Counts commits, and may spoil one."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        self.spoil: Exception | None = None
        event.listen(engine, "commit", self._seen)

    def _seen(self, _: Connection) -> None:
        self.count += 1
        if self.spoil is not None:
            raise self.spoil


@pytest.fixture(autouse=True)
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, nobody is sent away for it."""
    monkeypatch.setattr(group_commit, "_LONGEST_S", 60.0)


@pytest.fixture
def commits(engine: Engine) -> Commits:
    return Commits(engine)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def waiting(store: Store) -> int:
    group = store._group
    assert group is not None
    return len(group._queue)


def until_waiting(store: Store, count: int) -> None:
    deadline = time.monotonic() + 10
    while waiting(store) < count:
        assert time.monotonic() < deadline


def together(store: Store, pool: ThreadPoolExecutor, *steps: Step) -> list[Future[None]]:
    """All steps as parts of one transaction: the first holds the turn until the others wait for it."""
    inside, go = threading.Event(), threading.Event()

    def write(step: Step, first: bool) -> None:
        with store.write() as session:
            if first:
                inside.set()
                assert go.wait(10)
            step(session)

    futures = [pool.submit(write, steps[0], True)]
    assert inside.wait(10)
    for at, step in enumerate(steps[1:], start=1):
        futures.append(pool.submit(write, step, False))
        until_waiting(store, at)
    go.set()
    return futures


def test_writers_that_wait_share_one_commit(store: Store, pool: ThreadPoolExecutor, commits: Commits) -> None:
    steps = [lambda session, number=number: add(session, number) for number in range(5)]
    for done in together(store, pool, *steps):
        done.result()
    assert numbers(store) == list(range(5))
    assert commits.count == 1


def test_each_part_sees_what_the_ones_before_wrote(store: Store, pool: ThreadPoolExecutor) -> None:
    seen: list[int] = []

    def count_and_add(session: Session) -> None:
        seen.append(session.execute(text("SELECT count(*) FROM book")).scalar_one())
        add(session, len(seen))

    for done in together(store, pool, *[count_and_add] * 4):
        done.result()
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_who_fails_undoes_its_own_part_alone(store: Store, pool: ThreadPoolExecutor, at: int) -> None:
    def fail(session: Session) -> None:
        add(session, 100)
        raise ZeroDivisionError

    steps: list[Step] = [lambda session, number=number: add(session, number) for number in range(3)]
    steps[at] = fail
    futures = together(store, pool, *steps)
    for number, done in enumerate(futures):
        if number == at:
            with pytest.raises(ZeroDivisionError):
                done.result()
        else:
            done.result()
    assert numbers(store) == [number for number in range(3) if number != at]


def test_a_broken_constraint_is_its_callers_alone(store: Store, pool: ThreadPoolExecutor) -> None:
    good, bad = together(store, pool, lambda session: add(session, 7), lambda session: add(session, 7))
    good.result()
    with pytest.raises(IntegrityError):
        bad.result()
    assert numbers(store) == [7]


def test_who_fails_by_an_earlier_part_finds_it_committed(store: Store, pool: ThreadPoolExecutor) -> None:
    seen: list[list[int]] = []

    def add_and_look(number: int) -> None:
        try:
            with store.write() as session:
                add(session, number)
        except IntegrityError:
            seen.append(numbers(store))

    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write() as session:
            inside.set()
            assert go.wait(10)
            add(session, 7)

    futures = [pool.submit(hold)]
    assert inside.wait(10)
    for at, number in enumerate((7, 8), start=1):
        futures.append(pool.submit(add_and_look, number))
        until_waiting(store, at)
    go.set()
    for done in futures:
        done.result()
    assert seen == [[7, 8]]


def test_nobody_returns_before_the_commit(store: Store, pool: ThreadPoolExecutor) -> None:
    finish = threading.Event()

    def last(session: Session) -> None:
        assert finish.wait(10)

    first, second, slow = together(
        store, pool, lambda session: add(session, 1), lambda session: add(session, 2), last
    )
    with pytest.raises(TimeoutError):
        second.result(0.01)
    assert not first.done()
    assert numbers(store) == []
    finish.set()
    for done in (first, second, slow):
        done.result()
    assert numbers(store) == [1, 2]


def test_a_commit_that_fails_is_told_to_everybody_whose_part_it_held(
    store: Store, pool: ThreadPoolExecutor, commits: Commits
) -> None:
    commits.spoil = OperationalError("COMMIT", None, Exception("disk I/O error"))
    for done in together(store, pool, lambda session: add(session, 1), lambda session: add(session, 2)):
        with pytest.raises(Unavailable, match="out of service"):
            done.result()
    commits.spoil = None
    assert numbers(store) == []
    with store.write() as session:
        add(session, 3)
    assert numbers(store) == [3]


def test_a_transaction_that_the_database_ended_takes_all_its_parts_along(
    store: Store, pool: ThreadPoolExecutor
) -> None:
    def end_it(session: Session) -> None:
        # as SQLite does by itself when the disk is full
        driver: Any = session.connection().connection.driver_connection
        driver.execute("ROLLBACK")
        raise OperationalError("INSERT", None, Exception("database or disk is full"))

    good, bad, later = together(store, pool, lambda s: add(s, 1), end_it, lambda s: add(s, 3))
    for lost in (good, bad):
        with pytest.raises(Unavailable, match="out of service"):
            lost.result()
    later.result()
    assert numbers(store) == [3]


def test_a_transaction_takes_no_more_parts_than_others_can_wait_for(
    store: Store, pool: ThreadPoolExecutor, commits: Commits
) -> None:
    steps = [lambda session, number=number: add(session, number) for number in range(36)]
    for done in together(store, pool, *steps):
        done.result()
    assert numbers(store) == list(range(36))
    assert commits.count >= 3


def test_who_waits_too_long_gives_up_and_the_queue_goes_on(store: Store, pool: ThreadPoolExecutor) -> None:
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write():
            inside.set()
            assert go.wait(10)

    def write() -> None:
        with store.write() as session:
            add(session, 1)

    holding = pool.submit(hold)
    assert inside.wait(10)
    with pytest.raises(Unavailable, match="database busy"):
        pool.submit(write).result()
    assert waiting(store) == 0
    go.set()
    holding.result()
    write()
    assert numbers(store) == [1]


def test_a_transaction_is_committed_when_the_one_that_was_to_go_on_gives_up(
    store: Store, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = store._group
    assert group is not None
    real = group_commit._takes_more

    def gives_up_in_this_moment(one: Any) -> bool:
        waiter = group._queue[0]
        assert group._out_of_line(waiter)
        return real(one)

    monkeypatch.setattr(group_commit, "_takes_more", gives_up_in_this_moment)
    first, second = together(store, pool, lambda session: add(session, 1), lambda session: add(session, 2))
    first.result(10)
    assert numbers(store) == [1]
    monkeypatch.undo()
    with pytest.raises(ValueError, match="deque"):  # it left already, as nobody but this test makes it
        second.result(10)
    with store.write() as session:
        add(session, 3)
    assert numbers(store) == [1, 3]


def test_a_reader_beside_sees_nothing_of_a_transaction_under_way(
    store: Store, pool: ThreadPoolExecutor
) -> None:
    seen: list[list[int]] = []
    futures = together(
        store, pool, lambda session: add(session, 1), lambda session: seen.append(numbers(store))
    )
    for done in futures:
        done.result()
    assert seen == [[]]
