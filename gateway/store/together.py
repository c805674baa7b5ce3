"""What several threads of a process ask for at once is done in one transaction, in one statement for all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store.sessions import Store

Item = TypeVar("Item")

_MOST = 16


@dataclass(eq=False)
class _Ask(Generic[Item]):
    """One thread's wish.

    Attributes:
        called: it is over, or it is this thread's turn to do it for all that wait.
        over: what came of it is known.
        again: it went wrong for all of them, be it by one alone: each is done by itself.
    """

    item: Item
    called: Event = field(default_factory=Event)
    over: bool = False
    again: bool = False
    fault: Exception | None = None


class Together(Generic[Item]):
    """Lets the first thread that asks do it for those that ask while it waits for its turn to write.

    Nobody returns before the transaction is committed. Where one item makes the transaction fail, each is
    done again by itself, so that its trouble stays its own.

    Args:
        run: does items in the open transaction; for each, what it is refused for, in which case nothing of
            it was written. An error that it raises undoes them all.
    """

    def __init__(
        self, store: Store, run: Callable[[Session, Sequence[Item]], Sequence[Exception | None]]
    ) -> None:
        self._store, self._run = store, run
        self._lock = Lock()
        self._waiting: deque[_Ask[Item]] = deque()
        self._led = False

    def do(self, item: Item) -> None:
        """Do it, together with what others ask for at the same time.

        Raises:
            Exception: what ``run`` says, or raises, of this item.
            Unavailable: the database is out for now; from the commit, it may have been done.
        """
        ask = _Ask(item)
        with self._lock:
            if self._led:
                self._waiting.append(ask)
            else:
                self._led = True
                ask.called.set()
        try:
            ask.called.wait()
        except BaseException:  # told to stop: whoever stands behind must not wait for this one
            self._out_of_line(ask)
            raise
        if not ask.over:
            self._lead(ask)
        if ask.again:
            ask.fault = self._alone(item)
        if ask.fault is not None:
            raise ask.fault

    def _lead(self, mine: _Ask[Item]) -> None:
        taken = [mine]
        try:
            with self._store.write() as session:
                taken += self._those_that_wait()
                faults = self._run(session, [ask.item for ask in taken])
        except Unavailable as error:
            # also from the commit, after which nobody knows: for all of them as for one
            for ask in taken[1:]:
                ask.fault = copy(error)
            raise
        except BaseException as error:
            for ask in taken[1:]:
                ask.again = True
            if len(taken) == 1 or not isinstance(error, Exception):
                raise
            mine.again = True
        else:
            for ask, fault in zip(taken, faults, strict=True):
                ask.fault = fault
        finally:
            self._hand_on(taken[1:])

    def _those_that_wait(self) -> list[_Ask[Item]]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(_MOST - 1, len(self._waiting)))]

    def _hand_on(self, done: Sequence[_Ask[Item]]) -> None:
        """Let those go whose wish was dealt with, and the next one lead."""
        for ask in done:
            ask.over = True
            ask.called.set()
        with self._lock:
            if self._waiting:
                self._waiting.popleft().called.set()
            else:
                self._led = False

    def _out_of_line(self, ask: _Ask[Item]) -> None:
        with self._lock:
            if ask in self._waiting:
                self._waiting.remove(ask)
                return
        if not ask.over:
            self._hand_on(())

    def _alone(self, item: Item) -> Exception | None:
        with self._store.write() as session:
            [fault] = self._run(session, [item])
        return fault
