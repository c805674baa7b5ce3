"""What an operator sees of webhooks, and decides: ``wasl party webhooks``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.bootstrap.telling import hooks
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE, MINISTRY, HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.systems import Simulator, accept, fresh_hub
from tests.support.webhooks import call, subscribe


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def address() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_operator_lists_webhooks_switches_them_and_finds_those_that_fail(
    shell: Shell, address: Listener, tmp_path: Path
) -> None:
    hub: HubUnderTest = fresh_hub(tmp_path / "home", Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1")
    failing = subscribe(hub, f"{address.url}/events")
    other = subscribe(hub, address.url, party=COMMUNE)
    accept(hub)
    address.usual = Reply(503, b"", "text/plain")
    hooks(hub.gateway).run_once()
    said = shell("party", "webhooks")
    assert said.status == 0
    assert f"{MINISTRY}  {failing}  WAITING  0 told  {address.url}/events" in said.out
    assert "WASL-WHK-004 HTTP 503" in said.out
    assert other in said.out
    assert failing not in shell("party", "webhooks", COMMUNE).out
    assert f"{MINISTRY} {failing}: fails since" in shell("doctor").out
    [off] = json.loads(shell("party", "webhooks", MINISTRY, "--disable", failing, "--json").out)
    assert (off["id"], off["state"], off["wanted"]["url"]) == (failing, "STOPPED", f"{address.url}/events")
    assert call(hub, "GET", f"/{failing}").json["active"] is False
    assert "GOING" in shell("party", "webhooks", MINISTRY, "--enable", failing).out
    assert shell("party", "webhooks", "--enable", "x").status == 1
    assert shell("party", "webhooks", "--enable", failing, "--disable", failing).status == 2
