"""What threads ask for at once is done in one transaction, and nobody's trouble is another's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store import together
from gateway.store.sessions import Store
from gateway.store.together import Together, _Ask


class Refused(Exception):
    """Said of one item."""


class Book:
    """Writes numbers; what is written at once is noted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs: list[list[int]] = []
        self.trouble: BaseException | None = None
        self.together = Together(store, self._run)

    def _run(self, session: Session, items: Sequence[int]) -> list[Exception | None]:
        self.runs.append(list(items))
        if self.trouble is not None and len(items) > 1:
            raise self.trouble
        rows = [{"number": item} for item in items if item >= 0]
        if rows:
            session.execute(text("INSERT INTO book VALUES (:number, 'entry')"), rows)
        return [None if item >= 0 else Refused(item) for item in items]

    def numbers(self) -> list[int]:
        with self.store.read() as session:
            return [row[0] for row in session.execute(text("SELECT number FROM book ORDER BY number"))]


@pytest.fixture
def book(engine: Engine) -> Book:
    return Book(Store(engine))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def at_once(book: Book, pool: ThreadPoolExecutor, items: Sequence[int]) -> list[Future[None]]:
    """Let everybody ask while another writes: the first leads, the rest wait behind it."""
    asked = []
    with book.store.write():
        for number, item in enumerate(items):
            asked.append(pool.submit(book.together.do, item))
            deadline = time.monotonic() + 10
            while len(book.together._waiting) < number or not book.together._led:
                assert time.monotonic() < deadline
                time.sleep(0.001)
    return asked


def ends(asked: Sequence[Future[None]]) -> list[str]:
    return [type(one.exception(10)).__name__ for one in asked]


def test_one_transaction_for_all_that_ask_meanwhile(
    book: Book, pool: ThreadPoolExecutor, engine: Engine
) -> None:
    commits: list[object] = []
    asked = at_once(book, pool, range(1, 9))
    event.listen(engine, "commit", commits.append)
    assert ends(asked) == ["NoneType"] * 8
    assert book.runs == [[1, 2, 3, 4, 5, 6, 7, 8]]
    assert book.numbers() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(commits) <= 1


def test_more_than_fit_are_done_by_the_next(book: Book, pool: ThreadPoolExecutor) -> None:
    asked = at_once(book, pool, range(1, 21))
    assert ends(asked) == ["NoneType"] * 20
    assert [len(run) for run in book.runs] == [16, 4]
    assert book.numbers() == list(range(1, 21))


def test_what_is_refused_is_its_own_matter(book: Book, pool: ThreadPoolExecutor) -> None:
    asked = at_once(book, pool, [1, -2, 3])
    assert ends(asked) == ["NoneType", "Refused", "NoneType"]
    assert str(asked[1].exception()) == "-2"
    assert book.runs == [[1, -2, 3]]
    assert book.numbers() == [1, 3]


@pytest.mark.parametrize("wrong", [0, 1, 3], ids=["the first", "one", "the last"])
def test_what_makes_the_transaction_fail_fails_alone(
    book: Book, pool: ThreadPoolExecutor, wrong: int
) -> None:
    book.together.do(7)
    items = [1, 2, 3]
    items.insert(wrong, 7)  # is there already
    asked = at_once(book, pool, items)
    wanted = ["NoneType"] * 3
    wanted.insert(wrong, "IntegrityError")
    assert ends(asked) == wanted
    assert book.numbers() == [1, 2, 3, 7]
    assert sorted(map(len, book.runs)) == [1, 1, 1, 1, 1, 4]
    with pytest.raises(IntegrityError):
        book.together.do(7)


def test_trouble_of_the_database_is_told_to_all_and_nothing_is_done_twice(
    book: Book, pool: ThreadPoolExecutor
) -> None:
    book.trouble = Unavailable("no more room", retry_after=7)
    asked = at_once(book, pool, [1, 2, 3])
    assert ends(asked) == ["Unavailable"] * 3
    found = [one.exception() for one in asked]
    assert [one.retry_after for one in found if isinstance(one, Unavailable)] == [7, 7, 7]
    assert len(set(map(id, found))) == 3  # each thread raises its own
    assert book.runs == [[1, 2, 3]]
    book.trouble = None
    book.together.do(4)
    assert book.numbers() == [4]


def test_who_is_told_to_stop_leaves_the_others_their_turn(book: Book, pool: ThreadPoolExecutor) -> None:
    book.trouble = SystemExit(3)
    asked = at_once(book, pool, [1, 2, 3])
    assert ends(asked) == ["SystemExit", "NoneType", "NoneType"]
    assert book.numbers() == [2, 3]


class Stopped(threading.Event):
    """Told to stop instead of waiting."""

    def wait(self, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    with monkeypatch.context() as patch:
        patch.setattr(together, "_Ask", lambda item: _Ask(item, called=Stopped()))
        yield patch


def test_who_is_stopped_while_waiting_is_waited_for_by_nobody(
    book: Book, pool: ThreadPoolExecutor, stopped: pytest.MonkeyPatch
) -> None:
    book.together._led = True  # by somebody who is not there yet
    assert ends([pool.submit(book.together.do, 1)]) == ["KeyboardInterrupt"]
    stopped.undo()
    waiting = pool.submit(book.together.do, 2)
    while not book.together._waiting:
        time.sleep(0.001)
    book.together._hand_on(())
    assert ends([waiting]) == ["NoneType"]
    assert book.numbers() == [2]


def test_who_is_stopped_when_its_turn_came_hands_it_on(
    book: Book, pool: ThreadPoolExecutor, stopped: pytest.MonkeyPatch
) -> None:
    assert ends([pool.submit(book.together.do, 1)]) == ["KeyboardInterrupt"]
    stopped.undo()
    assert ends([pool.submit(book.together.do, 2)]) == ["NoneType"]
    assert book.numbers() == [2]
