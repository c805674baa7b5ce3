"""Content that no letter owns goes; content of letters stays."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import sweep
from gateway.domain.errors import Unavailable
from gateway.exchange.transit.sweep import Sweep
from tests.support.hub import HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, state

DAY = timedelta(days=1)


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator())


def age(hub: HubUnderTest, by: timedelta) -> None:
    """Let every payload file, begun ones too, be older than it is."""
    moment = (hub.clock() - by).timestamp()
    for path in hub.gateway.settings.payloads.directory.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def objects(hub: HubUnderTest) -> set[str]:
    return {one.object_id for one in hub.gateway.payloads.list_objects()}


def test_old_content_without_a_letter_is_removed(hub: HubUnderTest) -> None:
    hub.gateway.payloads.write([b"left by a crash"])
    age(hub, DAY + timedelta(seconds=1))
    assert (sweep(hub.gateway).run(), objects(hub)) == (1, set())
    assert sweep(hub.gateway).run() == 0


def test_young_content_may_belong_to_a_letter_that_is_being_accepted(hub: HubUnderTest) -> None:
    stored = hub.gateway.payloads.write([b"under way"])
    age(hub, DAY - timedelta(seconds=1))
    assert (sweep(hub.gateway).run(), objects(hub)) == (0, {stored.object_id})


def test_the_content_of_a_letter_stays_however_old(hub: HubUnderTest, tmp_path: Path) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF-1.7" * 20_000)
    [delivery] = accept(hub, files=(plan,))
    before = objects(hub)
    assert len(before) == 1
    age(hub, DAY * 400)
    assert (sweep(hub.gateway).run(), objects(hub)) == (0, before)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"


def test_what_a_killed_process_left_unfinished_is_removed(hub: HubUnderTest) -> None:
    folder = hub.gateway.settings.payloads.directory / "temporary"
    folder.mkdir(exist_ok=True)
    (folder / "0123.part").write_bytes(b"half")
    age(hub, DAY + timedelta(seconds=1))
    sweep(hub.gateway).run()
    assert list(folder.iterdir()) == []


def test_nothing_is_removed_while_the_database_cannot_be_asked(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = hub.gateway.payloads.write([b"perhaps somebody's"])
    age(hub, DAY * 2)

    def out() -> None:
        raise Unavailable("database out of service")

    monkeypatch.setattr(hub.gateway.store, "read", out)
    with pytest.raises(Unavailable):
        sweep(hub.gateway).run()
    assert objects(hub) == {stored.object_id}


def test_the_grace_is_a_matter_of_the_caller(hub: HubUnderTest) -> None:
    hub.gateway.payloads.write([b"left by a crash"])
    moment: datetime = hub.clock() + timedelta(minutes=10)
    hub.clock.moment = moment
    job = Sweep(hub.gateway.store, hub.gateway.payloads, hub.gateway.ambient, timedelta(minutes=5))
    assert job.run() == 1
