"""A letter on which worker after worker dies is held for a person; it takes no further worker with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.hub import HubUnderTest
from tests.support.systems import Simulator, accept, events, fresh_hub, row, state


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


def die(hub: HubUnderTest, name: str) -> None:
    """A worker claims and is never heard of again."""
    hub.dispatch(name).claims.claim(1)
    hub.clock.forward(seconds=301)


def test_a_letter_that_kills_workers_is_held_with_its_reason(hub: HubUnderTest, system: Simulator) -> None:
    [delivery] = accept(hub)
    for number in range(3):
        die(hub, f"dead-{number}")
    assert hub.dispatch().run_once() == 0
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-027", False)
    assert held.held_until == held.accepted_at + timedelta(days=5)
    assert (events(hub, delivery)[-1].why, held.lease_owner, system.letters) == ("WASL-DLV-027", None, [])


def test_one_accident_holds_nothing(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    die(hub, "a")
    die(hub, "b")
    assert hub.dispatch().run_once() == 1
    assert (state(hub, delivery), row(hub, delivery).lost_leases) == ("HANDED_OVER", 0)


def test_a_lease_lost_after_the_mark_stays_a_question_of_doubt(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    die(hub, "a")
    die(hub, "b")
    third = hub.dispatch("c")
    third.claims.claim(1)
    third.claims.mark_sending(row(hub, delivery))
    hub.clock.forward(seconds=301)
    hub.dispatch().run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt, held.lost_leases) == ("HELD", "WASL-DLV-010", True, 0)


def test_how_many_is_a_setting(tmp_path: Path, system: Simulator) -> None:
    hub = fresh_hub(tmp_path, system, WASL_WORKER_LOST_LEASES="1")
    [delivery] = accept(hub)
    die(hub, "a")
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HELD"


def test_an_expired_letter_is_not_held_beyond_its_end(hub: HubUnderTest) -> None:
    end = hub.clock() + timedelta(minutes=30)
    [delivery] = accept(hub, expires_at=end)
    for number in range(3):
        die(hub, f"dead-{number}")
    hub.dispatch().run_once()
    assert row(hub, delivery).held_until == end
