"""Goes through the answers that an old system left: each is told of until it surely was heard."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from adapters.contract import Handed, News
from adapters.folder_answers import AnswerFiles, NoAnswerError
from adapters.folder_place import Entry, Place, PlaceFault, Shape, Trouble, closable, read_whole

MOST_NAMES = 100_000
"""Names of one folder that are looked at; more than that wait until some were moved."""

LONGEST_S = 60.0
"""Seconds after which what is not known yet waits for the next look, on a server that answers slowly."""

_MOST_KNOWN = 50_000

_Key = tuple[str, str, float, int]
"""Place, name, time of change and size: another one is another file."""


@dataclass
class _Known:
    """What was found in a file, and since when it has been told of."""

    news: tuple[News, ...]
    told: datetime | None = None


@dataclass
class Memory:
    """What a process knows of the answers that it read; it may forget: they are read again, then."""

    _known: OrderedDict[_Key, _Known] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: _Key) -> _Known | None:
        """What is known of a file."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: _Key, news: tuple[News, ...]) -> _Known:
        """Know a file; () for one that says nothing."""
        with self._lock:
            known = self._known[key] = _Known(news)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
            return known

    def forget(self, key: _Key) -> None:
        """Know it no more."""
        with self._lock:
            self._known.pop(key, None)


@dataclass(frozen=True)
class Poll:
    """One look at a route's answers.

    An answer is moved away only when the hub showed that it has what it says, or when it was first told of
    ``move_after_days`` ago: whoever asks may die before it wrote down what it heard.
    """

    address: str
    answers: AnswerFiles
    place: Place
    memory: Memory
    now: datetime

    def run(self, letters: Sequence[Handed]) -> list[News]:
        """The news of these letters.

        Raises:
            PlaceFault: the folder cannot be read.
        """
        by_name = _by_name(letters)
        end = time.monotonic() + LONGEST_S
        told: list[News] = []
        for entry in self._worth_reading():
            if time.monotonic() > end and self.memory.get(self._key(entry)) is None:
                continue
            with self._one_file_at_a_time():
                known = self._read(entry)
                concerned = [(news, letter) for news in known.news for letter in _of(news, by_name)]
                told += [news for news, _ in concerned]
                if concerned and known.told is None:
                    known.told = self.now
                if self._is_heard(known, concerned):
                    self._move(entry)
        return told

    def _worth_reading(self) -> list[Entry]:
        """Those that are known, and the newest of those that are not."""
        known: list[Entry] = []

        def unknown() -> Iterator[Entry]:
            for entry in self._entries():
                found = self.memory.get(self._key(entry))
                if found is None:
                    yield entry
                elif found.news:
                    known.append(entry)

        fresh = heapq.nlargest(self.answers.most, unknown(), key=lambda entry: (entry.modified, entry.name))
        return [*known, *reversed(fresh)]

    def _entries(self) -> Iterator[Entry]:
        with contextlib.closing(closable(self.place.entries(self.answers.folder))) as entries:
            for at, entry in enumerate(entries):
                if at >= MOST_NAMES:
                    return
                if entry.shape is Shape.FILE and self.answers.named(entry.name) and self._is_settled(entry):
                    yield entry

    def _is_settled(self, entry: Entry) -> bool:
        # The other way round too: where that system's clock is ahead, an age says nothing.
        age = abs(self.now.timestamp() - entry.modified)
        return self.answers.tells_its_end or age >= self.answers.settle_seconds

    def _read(self, entry: Entry) -> _Known:
        key = self._key(entry)
        known = self.memory.get(key)
        if known is not None:
            return known
        octets = None
        if entry.size <= self.answers.max_bytes:
            path = (*self.answers.folder, entry.name)
            octets = read_whole(self.place, path, self.answers.max_bytes)
        try:
            news = () if octets is None else self.answers.news(octets, entry.name)
        except NoAnswerError:
            news = ()
        return self.memory.put(key, news)

    def _is_heard(self, known: _Known, concerned: Sequence[tuple[News, Handed]]) -> bool:
        if known.told is None:
            return False
        if self.now - known.told >= timedelta(days=self.answers.move_after_days):
            return True
        recorded = [_is_recorded(news, letter) for news, letter in concerned]
        return len(recorded) == len(known.news) and all(recorded)

    def _move(self, entry: Entry) -> None:
        if self.answers.moved_to is None:
            return
        source = (*self.answers.folder, entry.name)
        for name in (entry.name, f"{entry.name}.{self.now:%Y%m%dT%H%M%S}"):
            try:
                self.place.rename(source, (*self.answers.moved_to, name))
            except PlaceFault as fault:
                if fault.trouble is not Trouble.EXISTS:
                    raise
            else:
                self.memory.forget(self._key(entry))
                return

    def _key(self, entry: Entry) -> _Key:
        return (self.address, entry.name, entry.modified, entry.size)

    @contextlib.contextmanager
    def _one_file_at_a_time(self) -> Iterator[None]:
        """Let a file that cannot be had or moved stop no other; a broken connection stops all."""
        try:
            yield
        except PlaceFault as fault:
            if fault.trouble is Trouble.LOST:
                raise


def _by_name(letters: Sequence[Handed]) -> Callable[[News], Iterator[Handed]]:
    tables: dict[str, dict[str, Handed]] = {
        "delivery_id": {letter.delivery_id: letter for letter in letters},
        "reference": {letter.reference: letter for letter in letters},
        "target_reference": {one.target_reference: one for one in letters if one.target_reference},
    }

    def named(news: News) -> Iterator[Handed]:
        found = {name: tables[name].get(getattr(news, name) or "") for name in tables}
        wanted = [letter for name, letter in found.items() if getattr(news, name)]
        # Two names that mean two letters mean none.
        if wanted and all(letter is not None and letter == wanted[0] for letter in wanted):
            yield from (letter for letter in wanted[:1] if letter is not None)

    return named


def _of(news: News, named: Callable[[News], Iterator[Handed]]) -> Iterator[Handed]:
    yield from named(news)


def _is_recorded(news: News, letter: Handed) -> bool:
    says_more = news.progress is not None or news.ground is not None
    return not says_more and news.register_number == letter.register_number
