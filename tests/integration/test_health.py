"""The health doors: alive as long as the process answers, ready only when every promise can be kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.exchange.evidence.issue import Seals
from gateway.exchange.operate.health import Health
from gateway.store.engine import make_engine
from gateway.store.payload_files import PayloadFolder
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from tests.support.hub import HubUnderTest, make_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


class DeadSealer:
    """A sealer whose security module does not answer."""

    @property
    def key(self) -> Any:
        raise OSError("the security module does not answer")


def ready(hub: HubUnderTest, **parts: Any) -> Any:
    health: Health = replace(hub.gateway.services.health, **parts)
    with hub.using(health=health):
        return hub.client.get("/health/ready")


def test_working_hub_is_alive_and_ready_and_probing_keeps_nothing(hub: HubUnderTest) -> None:
    before = hub.kept()
    answer = ready(hub)
    assert hub.client.get("/health/live").json == {"status": "ok"}
    assert (answer.status_code, set(answer.json["checks"].values())) == (200, {"ok"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert hub.kept() == before


def test_hub_without_database_is_not_ready(hub: HubUnderTest) -> None:
    answer = ready(hub, store=Store(make_engine(f"sqlite:///{hub.home}/gone/none.sqlite3", None)))
    assert answer.status_code == 503
    assert [name for name, said in answer.json["checks"].items() if said != "ok"] == ["database"]


def test_hub_without_a_place_for_content_is_not_ready(hub: HubUnderTest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    answer = ready(
        hub,
        payloads=PayloadStore(PayloadFolder(tmp_path / "file"), bytes(32), hub.gateway.ambient.random_bytes),
    )
    assert answer.status_code == 503
    assert [name for name, said in answer.json["checks"].items() if said != "ok"] == ["payloads"]


@pytest.mark.parametrize("dead", ["real", "test"])
def test_hub_without_one_of_its_seals_is_not_ready(hub: HubUnderTest, dead: str) -> None:
    seals: Any = hub.gateway.issuing.seals
    broken: Seals = replace(seals, **{dead: DeadSealer()})
    answer = ready(hub, issuing=replace(hub.gateway.issuing, seals=broken))
    assert answer.status_code == 503
    assert [name for name, said in answer.json["checks"].items() if said != "ok"] == ["seal"]


def test_answer_tells_strangers_no_path_and_no_address(hub: HubUnderTest) -> None:
    answer = ready(hub, store=Store(make_engine(f"sqlite:///{hub.home}/gone/none.sqlite3", None)))
    assert str(hub.home) not in answer.text
    assert "sqlite" not in answer.text
