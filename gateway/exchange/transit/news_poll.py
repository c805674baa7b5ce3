"""Recipients' systems are asked what became of the letters that they took."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog

from adapters.contract import Adapter, Context, Handed, News, Polls
from gateway.domain.errors import Ambiguous, DeliveryError, GatewayFault, Temporary
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.domain.transit.breaker import Breaker
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.attempt import NO_ADAPTER, is_from_outside, ours, place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.memory import OUT_OF_MEMORY, TOO_MUCH, Memory, Stretch, let_go
from gateway.exchange.transit.news import LaterNews, Result, without_secrets
from gateway.exchange.transit.news_kept import KeptPolls
from gateway.exchange.transit.news_pace import Pace, Paces, Places
from gateway.exchange.transit.push_way import Way
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import news_queries as queries
from gateway.store.transit import route_queries
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.news_models import NewsRoute

_MOST_NEWS = 1000
"""Of one answer; a list that is longer goes on at the next turn, or never was one."""
_KEPT = 500

_log = structlog.get_logger()


@dataclass(frozen=True)
class Tempo:
    """When letters and routes are asked about.

    Attributes:
        letters: a letter's waits, one longer than the other while there is no news of it.
        routes: a route's waits after failures.
        every: between two turns of one route.
        turn: after this time of a turn nothing more is asked.
        batch: letters of one turn.
        age: letters that were accepted longer ago are not asked about.
    """

    letters: RetrySchedule
    routes: RetrySchedule
    every: timedelta
    turn: timedelta
    batch: int
    age: timedelta


@dataclass(frozen=True)
class Turn:
    """One office whose system is to be asked.

    Attributes:
        asks: how often each letter was asked about without news.
        proven: the system answered when it was last asked.
        places: of its route's pace; None: it has no pace.
    """

    office: Office
    adapter: Polls
    letters: tuple[Handed, ...]
    asks: Mapping[str, int]
    accepted: Mapping[str, datetime]
    proven: bool
    places: Places | None = None


@dataclass
class Polling:
    """Asks, route by route, and has what is heard taken.

    A route that is paused or left alone is not asked; how asking goes neither opens nor closes it.
    Asking takes places in the pace of its route.

    Attributes:
        adapters: every installed kind, by name.
        contexts: what an adapter may use on a route.
        memory: watches what kinds from outside take; None: nobody does.
    """

    store: Store
    ambient: Ambient
    news: LaterNews
    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]
    tempo: Tempo
    paces: Paces
    kept: KeptPolls
    memory: Memory | None = None
    _kept: tuple[int, tuple[Office, ...]] | None = None
    _idle: dict[str, datetime] = field(default_factory=dict)

    def run_once(self, limit: int = 100) -> int:
        """Ask what is due, one route after the other; how many turns."""
        for served in range(limit):
            turn = self.claim()
            if turn is None:
                return served
            self.serve(turn)
        return limit

    def claim(self, busy: Collection[str] = (), only_proven: bool = False) -> Turn | None:
        """The office that was asked longest ago among those with letters to be asked about now.

        Args:
            busy: offices that are being asked.
            only_proven: leave those alone that did not answer when they were last asked.

        Raises:
            Unavailable: the database is out for now.
        """
        now = self.ambient.now()
        offices = {one.id: one for one in self._pollable() if one.id not in busy and self._rested(one, now)}
        with self.store.read() as session:
            asked = queries.asked(session, offices)
            states = route_queries.states(session, list(offices))
        due = [name for name in offices if _is_due(asked.get(name), states.get(name), now, self._longest)]
        for name in sorted(due, key=lambda one: (_since(asked.get(one), now), one)):
            proven = name not in asked or not asked[name].failures
            if only_proven and not proven:
                continue
            turn = self._turn(offices[name], now, proven)
            if turn is None:
                self._idle[name] = now + self.tempo.every
                continue
            places = self._begin(turn, now)
            if places is None or places.calls:
                return replace(turn, places=places)
        return None

    def serve(self, turn: Turn) -> None:
        """Ask one office's system; its trouble stays its own."""
        try:
            end = self.ambient.now() + self.tempo.turn
            pace = Pace(turn.letters, turn.places, lambda: self.ambient.now() > end)
            tape = self.kept.tape()
            heard = self._ask(turn, pace, tape)
            if isinstance(heard, DeliveryError):
                self._failed(turn, heard, pace)
                self.kept.keep(turn.office.id, turn.letters, tape, heard)
                return
            told = self.news.take(turn.office.id, heard)
            self._settle(turn, {one.delivery for one in told if one.result is Result.TAKEN}, pace)
            self.kept.keep(turn.office.id, turn.letters, tape, None, len(heard))
        except GatewayFault as fault:
            _log.warning("news cannot be taken for now", office=turn.office.id, cause=str(fault))
        except Exception as fault:  # noqa: BLE001 - decides nothing: the letters are asked about again
            _log.error("news not taken", office=turn.office.id, cause=place(fault))

    @property
    def _longest(self) -> timedelta:
        longest = max(self.tempo.routes.cap, self.tempo.letters.cap)
        return timedelta(seconds=longest) + self.tempo.turn

    def _rested(self, office: Office, now: datetime) -> bool:
        until = self._idle.get(office.id)
        # a clock that was ahead must not keep an office waiting for long
        return until is None or not now < until <= now + self.tempo.every

    def _pollable(self) -> tuple[Office, ...]:
        """Offices whose systems can be asked; looked for again only after the registry changed."""
        with self.store.read() as session:
            version = registry.version(session)
            if self._kept is not None and self._kept[0] == version:
                return self._kept[1]
            routed = [one for one in registry.offices(session) if one.route.kind is RouteKind.ADAPTER]
        found = tuple(one for one in routed if one.active and self._poller(one) is not None)
        self._kept = version, found
        self._idle.clear()
        return found

    def _poller(self, office: Office) -> Polls | None:
        adapter, options = self.adapters.get(office.route.adapter), office.route.options
        if adapter is None or not isinstance(adapter, Polls):
            return None
        try:
            return adapter if adapter.can_poll(options) else None
        except Exception as error:  # noqa: BLE001 - one kind's defect keeps no other from being asked
            _log.error("adapter failed", office=office.id, adapter=office.route.adapter, cause=place(error))
            return None

    def _turn(self, office: Office, now: datetime, proven: bool) -> Turn | None:
        adapter = self._poller(office)
        with self.store.read() as session:
            rows = queries.to_ask(
                session, office.id, now, now - self.tempo.age, now + self._longest, self.tempo.batch
            )
            since = queries.handed_over(session, [row.id for row in rows])
            references = queries.references(session, [row.message for row in rows])
        if adapter is None or not rows:
            return None
        return Turn(
            office=office,
            adapter=adapter,
            letters=tuple(_handed(row, references[row.message], since.get(row.id)) for row in rows),
            asks={row.id: row.news_asks for row in rows},
            accepted={row.id: row.accepted_at for row in rows},
            proven=proven,
        )

    def _begin(self, turn: Turn, now: datetime) -> Places | None:
        """Note the turn before it begins: whoever dies in it is not asked to death again at once.

        Where its route has no place yet it does not begin.
        """
        office = turn.office
        with self.store.write() as session:
            places = self.paces.take(session, office.id, office.route, len(turn.letters), now)
            if places is None or places.calls:
                row = queries.locked(session, office.id, now)
                row.asked_at, row.due_at = now, now + self.tempo.every
        return places

    def _ask(self, turn: Turn, pace: Pace, tape: Tape) -> Sequence[News] | DeliveryError:
        context = self.contexts(turn.office.route)
        route, stretch = turn.office.route, self._stretch(turn)
        way = Way(context, pace.keep, tape, stretch)
        try:
            with nullcontext() if stretch is None else stretch:
                heard = islice(turn.adapter.poll(pace.letters, way.context), _MOST_NEWS)
                return [without_secrets(one, tape) for one in heard if isinstance(one, News)]
        except DeliveryError as error:
            return way.without_secrets(error)
        except GatewayFault as fault:
            return way.without_secrets(ours(fault, started=True))
        except OUT_OF_MEMORY as error:
            if stretch is not None:
                stretch.end()
            cause = place(error)
            let_go(error)
            _log.error(
                "adapter took too much memory", office=turn.office.id, adapter=route.adapter, cause=cause
            )
            return Ambiguous(TOO_MUCH, f"{route.adapter}: {cause}")
        except Exception as error:  # noqa: BLE001 - decides nothing: the letters are asked about again
            _log.error("adapter failed", office=turn.office.id, cause=place(error))
            return Ambiguous(NO_ADAPTER, place(error))

    def _stretch(self, turn: Turn) -> Stretch | None:
        if self.memory is None or not is_from_outside(turn.adapter):
            return None
        return self.memory.stretch(turn.office.route.adapter)

    def _failed(self, turn: Turn, error: DeliveryError, pace: Pace) -> None:
        """The system could not be asked; its letters stay due, and it is asked later."""
        now, asked = self.ambient.now(), error.retry_after if isinstance(error, Temporary) else None
        with self.store.write() as session:
            self.paces.settle(session, turn.office.id, pace, now)
            row = queries.locked(session, turn.office.id, now)
            row.failures += 1
            wait = self.tempo.routes.wait(row.failures, self.ambient.chance(), asked)
            row.due_at, row.failing_since = now + timedelta(seconds=wait), row.failing_since or now
            row.code, row.said = error.code, error.detail[:_KEPT].replace("\0", "")
            failures = row.failures
        _log.warning("route not asked", office=turn.office.id, code=error.code, failures=failures)

    def _settle(self, turn: Turn, taken: Collection[str | None], pace: Pace) -> None:
        """The system answered: each letter is asked about again, the later the longer nothing is new.

        What the turn did not come to stays due.
        """
        now, unasked = self.ambient.now(), {one.delivery_id for one in pace.unasked}
        with self.store.write() as session:
            self.paces.settle(session, turn.office.id, pace, now)
            row = queries.locked(session, turn.office.id, now)
            row.failures, row.failing_since, row.code, row.said = 0, None, None, None
            row.heard_at, row.due_at = now, now if pace.short else now + self.tempo.every
            for delivery, before in sorted(turn.asks.items()):
                if delivery in unasked:
                    continue
                asks = 1 if delivery in taken else before + 1
                wait = timedelta(seconds=self.tempo.letters.wait(asks, self.ambient.chance()))
                old = now + wait > turn.accepted[delivery] + self.tempo.age
                queries.put_off(session, delivery, queries.NEVER if old else now + wait, asks)


def _is_due(
    row: NewsRoute | None, state: tuple[Breaker, bool] | None, now: datetime, longest: timedelta
) -> bool:
    if state is not None:
        breaker, paused = state
        if paused or (breaker.until is not None and breaker.until > now):
            return False
    # what was put off beyond anything that a schedule means, a clock put off that was ahead
    return row is None or row.due_at <= now or row.due_at > now + longest


def _since(row: NewsRoute | None, now: datetime) -> datetime:
    return now - timedelta(days=36_500) if row is None or row.asked_at is None else row.asked_at


def _handed(row: DeliveryRow, reference: str, since: datetime | None) -> Handed:
    return Handed(row.id, reference, since or row.chain_time, row.target_reference, row.register_number)
