"""What attempts exchanged is kept as the settings want it, shown without secrets, gone with the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import select, update

from adapters.contract import Letter
from gateway.bootstrap import dispatcher, trying
from gateway.bootstrap.evidence import purge
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.domain.transit.exchange import Record
from gateway.exchange.transit.exchanges import Exchanges, KeptAttempt
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.store.payloads import PayloadStore
from gateway.store.transit import exchange_queries as queries
from gateway.store.transit.exchange_models import ExchangeRow
from gateway.store.transit.models import Attempt, DeliveryRow, Message
from tests.acceptance.test_cli import Shell
from tests.support.hub import HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, route_of_commune, state

KEY = "key-of-this-test"
BUSY = Reply(503, b"<html>maintenance, ", "text/html", echo=True)
TAKEN = Reply(201, b'{"id": "C-7"}')
PLAN = b"%PDF-1.7 a plan whose octets nobody may find again " * 900


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")


@pytest.fixture
def system(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The commune's own system, behind the kind ``rest``."""
    monkeypatch.setenv("WASL_SECRET_COMMUNE_KEY", KEY)
    with listening() as listener:
        route_of_commune(hub, adapter="rest", options=options(listener.url))
        listener.usual = TAKEN
        hub.clock.forward(hours=2)
        worked(hub, Record.NONE)  # what another test left
        listener.heard.clear()
        yield listener


def options(url: str) -> dict[str, object]:
    return {
        "base_url": url,
        "auth": {"kind": "bearer", "secret": "commune-key"},
        "idempotency_header": "Idempotency-Key",
        "create": {
            "path": "/in",
            "body": {"objet": "envelope.subject", "files": "files[].{nom: name, octets: content}"},
            "reads": {"target_reference": "id"},
        },
    }


def exchanges(hub: HubUnderTest) -> Exchanges:
    return trying.exchanges(hub.gateway)


def kept(hub: HubUnderTest, delivery: str) -> list[KeptAttempt]:
    return list(exchanges(hub).of(delivery))


def worked(hub: HubUnderTest, record: Record = Record.FAILURES) -> None:
    """Let a worker with such settings do what is due."""
    dispatch = dispatcher(hub.gateway, "worker-1")
    dispatch = replace(dispatch, exchanges=replace(dispatch.exchanges, record=record))
    dispatch.run_once()


def test_a_failed_attempt_keeps_request_and_answer_without_secrets_and_files(
    hub: HubUnderTest, system: Listener, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(PLAN)
    system.script = [BUSY]
    [delivery] = accept(hub, files=(plan,), subject="DEMONSTRATION طلب وثيقة")
    worked(hub)
    [attempt] = kept(hub, delivery)
    assert (attempt.number, attempt.code) == (1, "WASL-DLV-002")
    assert attempt.exchange is not None
    [call] = attempt.exchange.calls
    assert (call.method, call.url, call.status) == ("POST", f"{system.url}/in", 503)
    assert call.headers["Authorization"] == "‹masked›"
    assert call.headers["Idempotency-Key"] == delivery
    assert call.octets == len(system.heard[0].body) > len(PLAN)
    assert "DEMONSTRATION طلب وثيقة" in json.loads(call.body)["objet"]
    assert f"‹plan.pdf, {len(PLAN)} octets, sha256 " in call.body
    assert call.answer.startswith("<html>maintenance, ‹masked›")
    assert KEY not in repr(attempt)
    assert call.took_ms >= 0


def test_a_success_is_kept_once_a_minute_and_only_the_last_one(hub: HubUnderTest, system: Listener) -> None:
    first, second = accept(hub), accept(hub)
    dispatch = dispatcher(hub.gateway, "worker-1")
    dispatch.run_once()
    ways = [kept(hub, one)[0].exchange for one in (*first, *second)]
    assert sum(way is not None for way in ways) == 1
    hub.clock.forward(seconds=61)
    [third] = accept(hub)
    dispatch.run_once()
    assert kept(hub, third)[0].exchange is not None
    assert [kept(hub, one)[0].exchange for one in (*first, *second)] == [None, None]


@pytest.mark.parametrize("record", [Record.ALL, Record.NONE], ids=lambda record: record.value)
def test_the_settings_decide_what_is_kept(hub: HubUnderTest, system: Listener, record: Record) -> None:
    deliveries = [*accept(hub), *accept(hub)]
    worked(hub, record)
    assert [state(hub, one) for one in deliveries] == ["HANDED_OVER"] * 2
    found = [kept(hub, one)[0].exchange is not None for one in deliveries]
    assert found == [record is Record.ALL] * 2


def test_of_many_attempts_the_first_and_the_newest_stay(hub: HubUnderTest, system: Listener) -> None:
    system.usual = Reply(429, b"")
    [delivery] = accept(hub)
    dispatch = dispatcher(hub.gateway, "worker-1")
    for _ in range(13):
        dispatch.run_once()
        hub.clock.forward(hours=2)
        with hub.gateway.store.write() as session:
            session.execute(update(DeliveryRow).where(DeliveryRow.id == delivery).values(due_at=hub.clock()))
    numbers = [one.number for one in kept(hub, delivery) if one.exchange is not None]
    assert numbers == [1, *range(5, 14)]
    hub.clock.forward(days=6)


def test_an_exchange_that_cannot_be_kept_changes_nothing_about_the_delivery(
    hub: HubUnderTest, system: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    system.script = [BUSY]
    [delivery] = accept(hub)
    with monkeypatch.context() as patched:
        patched.setattr(PayloadStore, "write_small", full)
        worked(hub)
    assert state(hub, delivery) == "WAITING"
    [attempt] = kept(hub, delivery)
    assert (attempt.code, attempt.exchange) == ("WASL-DLV-002", None)


def test_what_a_system_answers_makes_no_row_of_any_size(hub: HubUnderTest, system: Listener) -> None:
    import random

    noise = "".join(chr(random.Random(n).randrange(0x4E00, 0x9FFF)) for n in range(16000)).encode()
    headers = tuple((f"x-{number}", "z" * 900) for number in range(60))
    system.script = [Reply(503, noise, "text/plain", headers)]
    [delivery] = accept(hub)
    worked(hub)
    with hub.gateway.store.read() as session:
        row = session.scalars(select(ExchangeRow).where(ExchangeRow.delivery == delivery)).one()
    assert len(row.sealed) < 64 * 1024 + 100


def test_what_was_exchanged_lies_encrypted_and_goes_when_the_letter_goes(
    hub: HubUnderTest, system: Listener
) -> None:
    system.script = [Reply(422, b'{"erreur": "SUJET REFUSE"}')]
    [delivery] = accept(hub, subject="DEMONSTRATION nobody reads me")
    worked(hub)
    with hub.gateway.store.read() as session:
        row = session.scalars(select(ExchangeRow).where(ExchangeRow.delivery == delivery)).one()
        message = session.get_one(Message, session.get_one(DeliveryRow, delivery).message)
    assert not any(word in row.sealed for word in (b"SUJET", b"nobody", b"calls"))
    assert kept(hub, delivery)[0].exchange is not None
    rules = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
    with hub.clock.moved(days=31):
        assert message.reference in replace(purge(hub.gateway), retention=rules).run().letters
    with hub.gateway.store.read() as session:
        assert session.scalars(select(ExchangeRow).where(ExchangeRow.delivery == delivery)).all() == []
    assert kept(hub, delivery)[0].exchange is None


class OncePutDown(Exchanges):
    """Notes what is on record of the attempt when its exchange is kept."""

    seen: ClassVar[list[tuple[str, bool]]] = []

    def keep(self, row: DeliveryRow, number: int, letter: Letter, tape: Tape, failed: bool) -> None:
        with self.store.read() as session:
            ended = queries.attempt(session, row.id, number)
            state = session.get_one(DeliveryRow, row.id).state
        self.seen.append((state, ended is not None and ended.ended_at is not None))
        super().keep(row, number, letter, tape, failed)


def test_what_was_exchanged_is_kept_after_the_outcome(hub: HubUnderTest, system: Listener) -> None:
    """A worker that dies in keeping it must not leave doubt about a letter that has its outcome."""
    system.script = [BUSY]
    [delivery] = accept(hub)
    dispatch = dispatcher(hub.gateway, "worker-1")
    own = dispatch.exchanges
    once = OncePutDown(own.store, own.payloads, own.ambient, own.record)
    OncePutDown.seen.clear()
    replace(dispatch, exchanges=once).run_once()
    assert OncePutDown.seen == [("WAITING", True)]
    assert kept(hub, delivery)[0].exchange is not None


def test_what_nobody_began_is_not_kept(hub: HubUnderTest, system: Listener) -> None:
    system.script = [BUSY]
    [delivery] = accept(hub)
    dispatch = dispatcher(hub.gateway, "worker-1")
    tape = dispatch.exchanges.tape()
    case = dispatch.letters.case(delivery)
    assert case.office is not None
    letter = dispatch.letters.letter(case, case.office)
    tape.dialled("sftp.example", 22)
    dispatch.exchanges.keep(case.row, 1, letter, tape, failed=True)
    with hub.gateway.store.read() as session:
        assert session.scalars(select(ExchangeRow).where(ExchangeRow.delivery == delivery)).all() == []
        assert session.scalars(select(Attempt).where(Attempt.delivery == delivery)).all() == []
    worked(hub)


def test_what_does_not_exist_is_not_found(hub: HubUnderTest) -> None:
    with pytest.raises(NotFound):
        exchanges(hub).of("7K3M-Q9XT-V2H")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: HubUnderTest) -> Shell:
    database = hub.gateway.settings.database.url
    shell = Shell(monkeypatch, capsys, hub.home)
    shell.set(WASL_DATABASE_URL=database, WASL_SECRET_COMMUNE_KEY=KEY)
    return shell


def test_the_command_shows_the_exchange_with_cause_and_next_action(
    hub: HubUnderTest, system: Listener, shell: Shell
) -> None:
    system.script = [BUSY, Reply(200, b"<html>\x1b[31mlog in", "text/html")]
    [delivery] = accept(hub)
    worked(hub)
    hub.clock.forward(seconds=31)
    worked(hub)
    with hub.gateway.store.read() as session:
        reference = session.get_one(Message, session.get_one(DeliveryRow, delivery).message).reference
    said = shell("delivery", "exchange", str(reference))
    assert said.status == 0, said.err
    assert "attempt 2" in said.out
    assert "attempt 1" not in said.out
    assert "\x1b" not in said.out
    assert "cause: What came back is no answer of this system" in said.out
    assert "next: " in said.out
    assert "> Authorization: ‹masked›" in said.out
    [first] = json.loads(shell("delivery", "exchange", delivery, "--attempt", "1", "--json").out)
    assert first["exchange"]["calls"][0]["status"] == 503
    assert shell("delivery", "exchange", delivery, "--attempt", "7").status == 1
    assert shell("delivery", "exchange", "7K3M-Q9XT-V2H").status == 1
    shown = shell("delivery", "show", delivery).out
    assert "cause: What came back" in shown
    assert KEY not in shown + said.out
