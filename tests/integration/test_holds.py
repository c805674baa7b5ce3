"""A legal hold wins over every rule; a purge that came first is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.bootstrap.evidence import holds, purge
from gateway.cli import wasl
from gateway.domain.errors import Conflict, Gone, NotFound
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.exchange.evidence.holds import Holds
from gateway.exchange.evidence.purge import Purge
from gateway.store.transit.models import DeliveryRow, Message
from tests.support.hub import HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub

RULES = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
WHY = "DEMONSTRATION: order of a court"


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.fixture
def reference(hub: HubUnderTest) -> str:
    """A letter that ended now."""
    return ended(hub)


def ended(hub: HubUnderTest) -> str:
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, session.get_one(DeliveryRow, delivery).message)
        return message.reference or ""


def holding(hub: HubUnderTest) -> Holds:
    return holds(hub.gateway)


def purging(hub: HubUnderTest) -> Purge:
    return replace(purge(hub.gateway), retention=RULES)


def test_a_hold_keeps_content_beyond_its_term_until_it_is_released(hub: HubUnderTest, reference: str) -> None:
    placed = holding(hub).place(reference.lower(), "archivist", WHY)
    assert (placed.reference, placed.placed_at, placed.why) == (reference, hub.clock(), WHY)
    with hub.clock.moved(days=4000):
        assert reference not in purging(hub).run().letters
        released = holding(hub).release(reference, "judge", "the matter is closed")
        assert (released.released_by, released.released_why) == ("judge", "the matter is closed")
        assert reference in purging(hub).run().letters


def test_a_hold_after_the_purge_is_refused_saying_so(hub: HubUnderTest, reference: str) -> None:
    with hub.clock.moved(days=31):
        purging(hub).run()
        with pytest.raises(Gone) as refused:
            holding(hub).place(reference, "archivist", WHY)
        (fault,) = refused.value.faults
        assert (fault.code, fault.values["time"]) == ("WASL-RET-001", hub.clock().isoformat())


def test_one_hold_at_a_time_and_none_to_release_are_conflicts(hub: HubUnderTest, reference: str) -> None:
    with pytest.raises(Conflict, match="WASL-RET-003"):
        holding(hub).release(reference, "archivist", WHY)
    holding(hub).place(reference, "archivist", WHY)
    with pytest.raises(Conflict, match="WASL-RET-002"):
        holding(hub).place(reference, "another", WHY)
    holding(hub).release(reference, "archivist", WHY)
    holding(hub).place(reference, "another", WHY)
    mine = [one for one in holding(hub).all(every=True) if one.reference == reference]
    assert [one.released_at is None for one in mine] == [False, True]
    assert [one.placed_by for one in holding(hub).all() if one.reference == reference] == ["another"]


@pytest.mark.parametrize("reference", ["", "0000-0000-000", "7K3M-Q9XT-V2H", "../etc"])
def test_a_letter_that_nobody_knows_is_not_found(hub: HubUnderTest, reference: str) -> None:
    for act in (holding(hub).place, holding(hub).release):
        with pytest.raises(NotFound):
            act(reference, "archivist", WHY)


@pytest.mark.parametrize(("who", "why"), [("", WHY), (" ", WHY), ("archivist", ""), ("x" * 121, WHY)])
def test_a_hold_needs_a_name_and_a_reason(hub: HubUnderTest, reference: str, who: str, why: str) -> None:
    with pytest.raises(ValueError, match="is needed"):
        holding(hub).place(reference, who, why)


@pytest.mark.parametrize("_", range(6))
def test_purge_and_hold_at_the_same_moment_are_decided_by_the_transaction(hub: HubUnderTest, _: int) -> None:
    reference = ended(hub)
    with hub.clock.moved(days=31):
        gate, said = Barrier(2), dict[str, Any]()

        def act(name: str, what: Callable[[], object]) -> None:
            gate.wait()
            try:
                said[name] = what()
            except Gone:
                said[name] = "gone"

        threads = [
            Thread(target=act, args=("purge", lambda: purging(hub).run().letters)),
            Thread(target=act, args=("hold", lambda: holding(hub).place(reference, "judge", WHY))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        purged, held = reference in said["purge"], said["hold"] != "gone"
        assert purged is not held
        with hub.gateway.store.read() as session:
            message = session.query(Message).filter_by(reference=reference).one()
            assert (message.purged_at is not None) is purged


def variables(hub: HubUnderTest) -> dict[str, str]:
    return {
        "WASL_HOME": str(hub.home),
        "WASL_DATABASE_URL": hub.gateway.settings.database.url,
        "WASL_RETENTION_DEFAULT_DAYS": "1",
    }


def run(hub: HubUnderTest, *arguments: str) -> Result:
    return CliRunner().invoke(wasl, ["purge", *arguments], env=variables(hub))


def refused(hub: HubUnderTest, *arguments: str) -> str:
    """What a command that is refused says to people."""
    command = [sys.executable, "-m", "gateway", "purge", *arguments]
    said = subprocess.run(
        command, env={**os.environ, **variables(hub)}, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 1
    return said.stderr


def test_the_command_holds_lists_and_releases(hub: HubUnderTest, reference: str) -> None:
    placed = run(hub, "hold", reference, "--why", WHY, "--by", "archivist", "--json")
    assert placed.exit_code == 0, placed.output
    assert json.loads(placed.output)["placed_by"] == "archivist"
    assert reference in run(hub, "holds").output
    assert refused(hub, "hold", reference, "--why", WHY).startswith("wasl: WASL-RET-")
    released = run(hub, "release", reference, "--why", "closed", "--by", "archivist")
    assert (released.exit_code, "released" in released.output) == (0, True)
    assert reference not in run(hub, "holds").output
    assert reference in run(hub, "holds", "--all").output
    assert "wasl: WASL-RET-003 No legal hold" in refused(hub, "release", reference, "--why", "closed")
    assert run(hub, "hold", reference, "--why", " ").exit_code == 2


def test_the_command_lists_what_is_due_and_purges_it(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    hub.clock.forward(days=-4)
    reference = _ended_of_no_type(hub)
    [line] = run(hub, "--dry-run", "--json").output.splitlines()
    assert {"reference": reference, "rule": "default", "days": 1}.items() <= json.loads(line).items()
    assert json.loads(run(hub, "--json", "--by", "archivist").stdout) == {"purged": [reference], "failed": 0}
    assert run(hub).stdout == "0 purged\n"


def _ended_of_no_type(hub: HubUnderTest) -> str:
    [delivery] = accept(hub, document_type=None)
    hub.dispatch().run_once()
    with hub.gateway.store.read() as session:
        return session.get_one(Message, session.get_one(DeliveryRow, delivery).message).reference or ""
