"""Of polls the last ones are kept as attempts are: without secrets, bounded, and gone with the letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.bootstrap import trying
from gateway.bootstrap.evidence import purge
from gateway.bootstrap.news import polling
from gateway.domain.errors import Unavailable
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.domain.transit.exchange import Record
from gateway.exchange.transit.news_kept import KeptPoll
from gateway.store.payloads import PayloadStore
from gateway.store.transit import news_queries
from gateway.store.transit.models import DeliveryRow, Message
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, route_of_commune, row

KEY = "key-of-this-test"
NUMBERED = Reply(200, b'{"numero": "C-26-17", "objet": "Mme Amina", "par": "%s"}' % KEY.encode())
BUSY = Reply(503, b"maintenance, ", "text/html", echo=True)


@pytest.fixture
def hub(shape: Shape, tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")


@pytest.fixture
def system(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The commune's own system, behind the kind ``rest``, which has one letter."""
    monkeypatch.setenv("WASL_SECRET_COMMUNE_KEY", KEY)
    with listening() as listener:
        route_of_commune(hub, adapter="rest", options=options(listener.url))
        listener.usual = Reply(201, b'{"id": "C-7"}')
        accept(hub, COMMUNE_OFFICE)
        hub.dispatch().run_once(10)
        listener.usual = NUMBERED
        yield listener


def options(url: str) -> dict[str, object]:
    return {
        "base_url": url,
        "auth": {"kind": "bearer", "secret": "commune-key"},
        "create": {"path": "/in", "body": {"objet": "envelope.subject"}, "reads": {"target_reference": "id"}},
        "poll": {
            "path": "/in/{handle}",
            "success": "numero",
            "reads": {"register_number": "numero", "progress": "etat"},
        },
    }


def asked(hub: HubUnderTest, times: int = 1, record: Record = Record.FAILURES) -> list[KeptPoll]:
    """Let the system be asked so many times; what is kept of it."""
    asking = polling(hub.gateway, "worker-1")
    asking.kept = replace(asking.kept, record=record)
    for _ in range(times):
        assert asking.run_once() == 1
        hub.clock.forward(days=1)
    return list(trying.polls(hub.gateway).of(COMMUNE_OFFICE))


def test_a_poll_keeps_what_was_asked_and_answered_without_secrets(
    hub: HubUnderTest, system: Listener
) -> None:
    [poll] = asked(hub)
    assert (poll.code, poll.letters, poll.heard) == (None, 1, 1)
    [call] = poll.exchange.calls
    assert (call.method, call.url, call.status) == ("GET", f"{system.url}/in/C-7", 200)
    assert call.headers["Authorization"] == "‹masked›"
    assert '"numero": "C-26-17"' in call.answer
    assert "‹masked›" in call.answer  # the system repeats what it was sent
    assert KEY not in repr(poll)
    with hub.gateway.store.read() as session:
        [kept] = news_queries.polls(session, COMMUNE_OFFICE)
    assert b"C-26-17" not in kept.sealed


def test_a_poll_that_failed_is_kept_with_why_beside_the_last_one_that_did_not(
    hub: HubUnderTest, system: Listener
) -> None:
    asked(hub, 2)
    system.usual = BUSY
    found = asked(hub, 5)
    assert [one.code for one in found] == ["WASL-DLV-002"] * 3 + [None]
    assert found[0].at > found[1].at
    [call] = found[0].exchange.calls
    assert (call.status, call.answer) == (503, "maintenance, ‹masked›")
    assert KEY not in (found[0].said or "")


def test_the_settings_decide_what_is_kept_of_polls(hub: HubUnderTest, system: Listener) -> None:
    assert asked(hub, 1, Record.NONE) == []
    assert len(asked(hub, 5, Record.ALL)) == 3


def test_a_poll_that_cannot_be_kept_is_a_poll_all_the_same(
    hub: HubUnderTest, system: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(PayloadStore, "write_small", full)
        assert asked(hub) == []
    with hub.gateway.store.read() as session:
        [found] = session.query(DeliveryRow).all()
    assert found.register_number == "C-26-17"


def test_polls_go_with_the_content_of_any_letter_to_their_office(hub: HubUnderTest, system: Listener) -> None:
    [other] = accept(hub, COMMUNE_OFFICE)
    system.usual = Reply(201, b'{"id": "C-8"}')
    hub.dispatch().run_once(10)
    system.usual = NUMBERED
    assert len(asked(hub)) == 1
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, row(hub, other).message)
    rules = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
    with hub.clock.moved(days=31):
        assert message.reference in replace(purge(hub.gateway), retention=rules).run().letters
    assert trying.polls(hub.gateway).of(COMMUNE_OFFICE) == ()


def test_the_command_shows_the_last_poll_with_cause_and_next_action(
    hub: HubUnderTest,
    system: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = Shell(monkeypatch, capsys, hub.home)
    shell.set(WASL_DATABASE_URL=hub.gateway.settings.database.url, WASL_SECRET_COMMUNE_KEY=KEY)
    assert shell("route", "polls", COMMUNE_OFFICE).status == 1
    asked(hub)
    system.usual = Reply(503, b"\x1b[31mlog in", "text/html")
    asked(hub)
    said = shell("route", "polls", COMMUNE_OFFICE)
    assert said.status == 0, said.err
    assert f"poll of {COMMUNE_OFFICE}" in said.out
    assert "WASL-DLV-002" in said.out
    assert "cause: " in said.out
    assert "HTTP 503" in said.out
    assert "\x1b" not in said.out
    both = json.loads(shell("route", "polls", COMMUNE_OFFICE, "--all", "--json").out)
    assert [one["heard"] for one in both] == [0, 1]
    assert both[1]["exchange"]["calls"][0]["status"] == 200
