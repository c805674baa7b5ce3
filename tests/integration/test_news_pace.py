"""Asking for news takes places in a route's pace, in turn with its letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.contract import Context, Delivered, Handed, Letter, News
from adapters.looking_up import look_up
from gateway.bootstrap.news import polling
from gateway.domain.errors import Temporary
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.news_pace import Pace, Places
from gateway.exchange.transit.news_poll import Polling
from gateway.store.transit import queries, route_queries
from gateway.store.transit.models import DeliveryRow
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, Wire, accept, fresh_hub, route_of_commune, row
from tests.support.world import copies

LOOK_S, MINUTES = 10, 10
"""Between two looks of those who ask; how long the tests watch."""


@dataclass
class Asked(Simulator):
    """A kind that asks about each letter by so many calls, or about all by one."""

    calls: int = 1
    at_once: bool = False
    named: list[str] = field(default_factory=list)

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        return Delivered(b"{}", "application/json", "dossier")

    def can_poll(self, options: object) -> bool:
        return True

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        def ask(letter: Handed) -> News | None:
            for _ in range(self.calls):
                context.http.request("GET", "http://system/")
            self.named.append(letter.delivery_id)
            return None

        if self.at_once:
            context.http.request("GET", "http://system/")
            return ()
        return look_up(letters, ask)


@pytest.fixture
def system() -> Asked:
    return Asked()


@pytest.fixture
def hub(tmp_path: Path, system: Asked) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def asking(hub: HubUnderTest, wire: Wire) -> Polling:
    found = polling(hub.gateway, "worker-1")
    contexts = found.contexts
    found.contexts = lambda route: replace(contexts(route), http=wire)
    return found


def handed_over(hub: HubUnderTest, many: int) -> list[str]:
    found = [accept(hub, COMMUNE_OFFICE)[0] for _ in range(many)]
    while hub.dispatch().run_once(100):
        pass
    assert {row(hub, one).state for one in found} == {"HANDED_OVER"}
    return found


def watch(hub: HubUnderTest, asks: Polling, wire: Wire) -> tuple[list[datetime], list[datetime]]:
    """When questions were asked, and letters delivered, second by second."""
    dispatch, asked, delivered = hub.dispatch(), list[datetime](), list[datetime]()
    for second in range(MINUTES * 60):
        if second % LOOK_S == 0:
            before = len(wire.requests)
            asks.run_once()
            asked += [hub.clock()] * (len(wire.requests) - before)
        for one in dispatch.claims.claim(4):
            delivered.append(hub.clock())
            with hub.gateway.store.write() as session:
                found = session.get_one(DeliveryRow, one)
                found.lease_owner = found.lease_until = None
                queries.move(session, found, Transport.HANDED_OVER, hub.clock(), "tests")
            dispatch.claims.leases.release(one)
        hub.clock.forward(seconds=1)
    return asked, delivered


def most_in_a_minute(moments: list[datetime]) -> int:
    ordered = sorted(moments)
    return max(sum(one <= other < one + timedelta(minutes=1) for other in ordered) for one in ordered)


def test_questions_alone_keep_to_the_pace_and_come_round(
    hub: HubUnderTest, system: Asked, wire: Wire
) -> None:
    letters = handed_over(hub, 12)
    route_of_commune(hub, per_minute=6)
    asked, _ = watch(hub, asking(hub, wire), wire)
    assert most_in_a_minute(asked) <= 6
    assert set(system.named) == set(letters)
    assert system.named[:12] == letters  # none twice before all were asked about


@pytest.mark.parametrize("per_minute", [6, 120])
def test_letters_without_end_and_questions_share_the_pace(
    hub: HubUnderTest, wire: Wire, per_minute: int
) -> None:
    [first, *_] = handed_over(hub, 40)
    copies(hub, first, COMMUNE_OFFICE, per_minute * MINUTES)
    route_of_commune(hub, per_minute=per_minute)
    asked, delivered = watch(hub, asking(hub, wire), wire)
    # what goes at once, and a place before and after
    assert most_in_a_minute(asked + delivered) <= per_minute + max(1, per_minute // 30)
    assert len(asked) >= min(40, per_minute * MINUTES // 3)
    assert len(delivered) >= per_minute * MINUTES // 2 - 2


def test_calls_beyond_a_letters_own_count_too(hub: HubUnderTest, system: Asked, wire: Wire) -> None:
    handed_over(hub, 12)
    system.calls = 2
    route_of_commune(hub, per_minute=6)
    asked, _ = watch(hub, asking(hub, wire), wire)
    assert len(asked) == 2 * len(system.named)
    assert 40 <= len(asked) <= 6 * MINUTES


def test_one_question_about_all_letters_takes_one_place(hub: HubUnderTest, system: Asked, wire: Wire) -> None:
    letters = handed_over(hub, 12)
    system.at_once = True
    route_of_commune(hub, per_minute=600)
    assert asking(hub, wire).run_once() == 1
    assert len(wire.requests) == 1
    assert all(row(hub, one).news_asks == 1 for one in letters)
    with hub.gateway.store.read() as session:
        state = session.get_one(route_queries.RouteState, COMMUNE_OFFICE)
        assert state.rate_until == hub.clock() + timedelta(seconds=0.1)


def test_who_calls_without_looking_at_letters_is_stopped_too() -> None:
    pace = Pace((), Places(1, 6), lambda: False)
    for _ in range(7):
        pace.keep()
    with pytest.raises(Temporary, match="pace"):
        pace.keep()
    assert (pace.calls, pace.short) == (7, True)


def test_a_letter_that_a_turn_did_not_come_to_stays_due(hub: HubUnderTest, system: Asked, wire: Wire) -> None:
    letters = handed_over(hub, 3)
    asks = asking(hub, wire)
    request = wire.request

    def slow(method: str, url: str, **more: object) -> object:
        hub.clock.forward(seconds=40)
        return request(method, url, **more)

    wire.request = slow  # type: ignore[method-assign, assignment]
    assert asks.run_once(1) == 1
    assert system.named == letters[:2]
    assert [row(hub, one).news_asks for one in letters] == [1, 1, 0]
