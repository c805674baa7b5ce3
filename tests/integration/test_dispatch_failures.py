"""What cannot be delivered now waits, is held for a person, or is given up: never lost, never silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from adapters.contract import Context, Delivered, Letter
from gateway.domain.errors import Ambiguous, Misconfigured, Permanent, Temporary, Unavailable
from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.domain.registry.parties import Route
from gateway.domain.transit.envelope import Recipient
from gateway.store.registry.models import OfficeRow
from gateway.store.transit.models import DeliveryRow, Payload
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, XML, HubUnderTest
from tests.support.systems import (
    TAKEN,
    Simulator,
    accept,
    acceptance_digest,
    attempts,
    events,
    fresh_hub,
    receipts,
    route_of_commune,
    row,
    state,
    states,
)

PLAN = b"%PDF-1.7 plan fictif" * 5000
BUSY = Temporary("WASL-DLV-002", "HTTP 503: maintenance")


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.pdf"
    path.write_bytes(PLAN)
    return path


# Trouble that passes -------------------------------------------------------------------------------


def test_a_busy_system_gets_the_letter_again_on_schedule(hub: HubUnderTest, system: Simulator) -> None:
    system.script += [BUSY, BUSY]
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.failures, waiting.doubt) == ("WAITING", 1, False)
    assert waiting.due_at == hub.clock() + timedelta(seconds=30)
    assert (waiting.lease_owner, receipts(hub, delivery)) == (None, [])
    hub.clock.forward(seconds=29)
    assert hub.dispatch().run_once() == 0
    hub.clock.forward(seconds=1)
    assert hub.dispatch().run_once() == 1
    assert row(hub, delivery).due_at == hub.clock() + timedelta(seconds=60)
    hub.clock.forward(seconds=60)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    assert len({letter.delivery_id for letter in system.letters}) == 1
    told = [(one.number, one.code, one.detail) for one in attempts(hub, delivery)]
    assert told == [
        (1, "WASL-DLV-002", BUSY.detail),
        (2, "WASL-DLV-002", BUSY.detail),
        (3, None, TAKEN.answer.decode()),
    ]
    assert "WASL-DLV-002" in {event.why for event in events(hub, delivery)}


@pytest.mark.parametrize(("asked", "seconds"), [(600.0, 600), (5.0, 30), (86400.0, 3600)])
def test_a_system_that_asks_to_wait_is_given_the_time_within_the_cap(
    hub: HubUnderTest, system: Simulator, asked: float, seconds: int
) -> None:
    system.script.append(Temporary("WASL-DLV-012", "HTTP 429", retry_after=asked))
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert row(hub, delivery).due_at == hub.clock() + timedelta(seconds=seconds)


def test_a_letter_is_given_up_with_a_receipt_when_its_time_for_trying_is_over(
    hub: HubUnderTest, system: Simulator
) -> None:
    route_of_commune(hub, retry={"first": 60, "lifetime": 100})
    system.script += [BUSY, BUSY]
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    hub.clock.forward(seconds=60)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "FAILED"
    [receipt] = receipts(hub, delivery)
    assert (receipt.kind, receipt.event) == (ReceiptKind.NON_DELIVERY, Event.CONTENT_HANDOVER_FAILURE)
    assert [reason.code for reason in receipt.reasons] == ["WASL-DLV-011"]
    assert receipt.predecessor == acceptance_digest(hub, delivery)
    assert receipt.outcome is not None
    assert (receipt.outcome.state, receipt.outcome.unknown) == ("FAILED", False)
    hub.clock.forward(days=10)
    assert hub.dispatch().run_once() == 0


def test_the_time_for_trying_begins_when_the_letter_may_be_delivered(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script.append(BUSY)
    [delivery] = accept(hub, not_before=hub.clock() + timedelta(days=30))
    hub.clock.forward(days=30)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "WAITING"


def test_a_waiting_letter_expires_when_its_sender_said_and_not_at_its_next_try(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script.append(Temporary("WASL-DLV-012", "HTTP 429", retry_after=3600))
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(minutes=5))
    hub.dispatch().run_once()
    hub.clock.forward(minutes=5)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "EXPIRED"
    assert len(system.letters) == 1


# Trouble that stays --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["WASL-DLV-003", "WASL-DLV-005", "WASL-DLV-017"])
def test_a_letter_that_the_system_refuses_has_failed(hub: HubUnderTest, system: Simulator, code: str) -> None:
    system.script.append(Permanent(code, "HTTP 422: rubrique inconnue"))
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "FAILED"
    [receipt] = receipts(hub, delivery)
    assert [reason.code for reason in receipt.reasons] == [code]
    assert receipt.outcome is not None
    assert (receipt.outcome.decided_by, receipt.outcome.unknown) == ("بوابة وصل", False)
    assert "rubrique inconnue" not in str(receipt)
    [attempt] = attempts(hub, delivery)
    assert (attempt.code, attempt.detail) == (code, "HTTP 422: rubrique inconnue")


def test_an_address_that_is_not_allowed_fails_the_route_and_holds_no_letter(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script.append(Permanent("WASL-DLV-006", "not allowed"))
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.held_code, waiting.doubt) == ("WAITING", None, False)
    assert receipts(hub, delivery) == []
    hub.clock.forward(days=1)
    assert dispatch.run_once() == 1  # mended meanwhile: it goes out by itself
    assert state(hub, delivery) == "HANDED_OVER"


def test_what_an_operator_can_mend_is_held_and_given_up_only_after_the_deadline(
    hub: HubUnderTest, system: Simulator
) -> None:
    code = "WASL-DLV-007"
    system.script.append(Permanent(code, "the mapping lacks a title"))
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", code, False)
    assert held.held_until == hub.clock() + timedelta(days=5)
    assert receipts(hub, delivery) == []
    hub.clock.forward(days=5, seconds=-1)
    assert (dispatch.run_once(), dispatch.give_up_held()) == (0, 0)
    hub.clock.forward(seconds=1)
    assert (dispatch.give_up_held(), dispatch.give_up_held()) == (1, 0)
    assert state(hub, delivery) == "FAILED"
    [receipt] = receipts(hub, delivery)
    assert [reason.code for reason in receipt.reasons] == [code]
    assert receipt.outcome is not None
    assert not receipt.outcome.unknown


def test_a_person_gets_a_day_however_late_the_trouble_comes(hub: HubUnderTest, system: Simulator) -> None:
    system.script.append(Permanent("WASL-DLV-007", "no title"))
    [delivery] = accept(hub)
    hub.clock.forward(days=6)
    hub.dispatch().run_once()
    assert row(hub, delivery).held_until == hub.clock() + timedelta(days=1)


def test_a_held_letter_expires_when_its_sender_said(hub: HubUnderTest, system: Simulator) -> None:
    system.script.append(Permanent("WASL-DLV-007", "no title"))
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(hours=2))
    dispatch = hub.dispatch()
    dispatch.run_once()
    hub.clock.forward(hours=2)
    assert dispatch.give_up_held() == 1
    assert state(hub, delivery) == "EXPIRED"
    [receipt] = receipts(hub, delivery)
    assert receipt.event is Event.ACCEPTANCE_REJECTION_EXPIRY


def test_a_letter_that_nobody_collects_expires_when_its_sender_said(hub: HubUnderTest) -> None:
    recipients = (Recipient(office=AGENCY_OFFICE),)
    letter = hub.envelope(recipients=recipients, expires_at=hub.clock() + timedelta(hours=2))
    assert hub.post(hub.signed(letter)).status_code == 201
    dispatch = hub.dispatch()
    dispatch.run_once()
    assert dispatch.give_up_held() == 0
    hub.clock.forward(hours=2)
    assert (dispatch.give_up_held(), dispatch.give_up_held()) == (1, 0)
    with hub.gateway.store.read() as session:
        states = session.scalars(select(DeliveryRow.state).where(DeliveryRow.office == AGENCY_OFFICE)).all()
    assert states == ["EXPIRED"]


def test_an_office_that_was_removed_holds_the_letter(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    with hub.gateway.store.write() as session:
        session.delete(session.get_one(OfficeRow, COMMUNE_OFFICE))
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).held_code) == ("HELD", "WASL-DLV-014")


# The hub's own trouble -----------------------------------------------------------------------------


def test_a_missing_secret_lets_the_letter_wait_and_is_named(hub: HubUnderTest, system: Simulator) -> None:
    system.script.append(lambda _, context: Delivered(context.secret("commune-key").encode()))
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.failures, waiting.doubt) == ("WAITING", 1, False)
    [attempt] = attempts(hub, delivery)
    assert (attempt.code, "commune-key" in attempt.detail) == ("WASL-DLV-018", True)


def test_a_route_for_which_nothing_can_be_built_lets_the_letter_wait(hub: HubUnderTest) -> None:
    def broken(_: Route) -> Context:
        raise Misconfigured(["outgoing.ca_bundle: cannot be read"])

    [delivery] = accept(hub)
    replace(hub.dispatch(), contexts=broken).run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.attempts) == ("WAITING", 0)
    assert events(hub, delivery)[-1].why == "WASL-DLV-018"


def _payload_file(hub: HubUnderTest) -> Path:
    [path] = [one for one in hub.gateway.settings.payloads.directory.rglob("objects/*/*") if one.is_file()]
    return path


def test_an_attachment_that_is_gone_holds_the_letter_unsent(
    hub: HubUnderTest, system: Simulator, plan: Path
) -> None:
    [delivery] = accept(hub, files=(plan,))
    _payload_file(hub).unlink()
    hub.dispatch().run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-015", False)
    assert (system.letters, attempts(hub, delivery)) == ([], [])


def test_an_attachment_that_was_purged_holds_the_letter_unsent(
    hub: HubUnderTest, system: Simulator, plan: Path
) -> None:
    [delivery] = accept(hub, files=(plan,))
    with hub.gateway.store.write() as session:
        session.query(Payload).filter(Payload.inline.is_(None)).update({"wrapped_key": None})
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).held_code) == ("HELD", "WASL-DLV-015")
    assert system.letters == []


@pytest.mark.parametrize("damage", ["tampered", "purged", "no letter within the limits"])
def test_an_envelope_that_cannot_be_read_holds_the_letter_unsent(
    hub: HubUnderTest, system: Simulator, damage: str
) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    with hub.gateway.store.write() as session:
        payload = session.query(Payload).one()
        if damage == "tampered":
            assert payload.inline is not None
            payload.inline = payload.inline[:-1] + bytes([payload.inline[-1] ^ 1])
        elif damage == "purged":
            payload.wrapped_key = None
    if damage == "no letter within the limits":
        tight = replace(dispatch.letters.xml_limits, max_bytes=1024)
        dispatch = replace(dispatch, letters=replace(dispatch.letters, xml_limits=tight))
    dispatch.run_once()
    assert (state(hub, delivery), row(hub, delivery).held_code) == ("HELD", "WASL-DLV-015")
    assert system.letters == []


def test_a_damage_that_shows_while_reading_holds_the_letter(
    hub: HubUnderTest, system: Simulator, tmp_path: Path
) -> None:
    long = tmp_path / "long.pdf"
    long.write_bytes(PLAN * 10)

    def read(letter: Letter, _: Context) -> Delivered:
        with letter.open(letter.envelope.attachments[0]) as stream:
            stream.read()
        return TAKEN

    system.script.append(read)
    [delivery] = accept(hub, files=(long,))
    path = _payload_file(hub)
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)
    hub.dispatch().run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-015", False)


@pytest.mark.parametrize("trouble", [Unavailable("disk failing"), OSError("no words of ours")])
def test_content_that_cannot_be_read_for_now_is_tried_again(
    hub: HubUnderTest, system: Simulator, plan: Path, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = accept(hub, files=(plan,))

    def failing(*_: object) -> None:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(hub.gateway.payloads, "open", failing)
        hub.dispatch().run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.doubt, waiting.attempts) == ("WAITING", False, 0)
    hub.clock.forward(seconds=30)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"


def test_a_database_out_of_service_leaves_the_letter_to_the_next_worker(
    hub: HubUnderTest, system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    [claimed] = dispatch.claims.claim(1)

    def out(*_: object) -> None:
        raise Unavailable("database out of service")

    with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
        patched.setattr(hub.gateway.store, "write", out)
        dispatch.work(claimed)
    assert [(one["event"], one["cause"]) for one in logs] == [
        ("delivery interrupted", "database out of service")
    ]
    assert system.letters == []
    hub.clock.forward(seconds=300)
    hub.dispatch("worker-2").run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    assert not row(hub, delivery).doubt


# What nobody may read ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["unknown", "temporary", "secret"])
def test_neither_logs_nor_attempts_tell_a_letter_or_a_secret(
    hub: HubUnderTest, system: Simulator, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_SECRET_COMMUNE_KEY", "the very secret")

    def fail(letter: Letter, context: Context) -> Delivered:
        if fault == "temporary":
            raise Temporary("WASL-DLV-002", "HTTP 503: the target's answer") from ValueError(letter.original)
        words = context.secret("commune-key") if fault == "secret" else letter.envelope.body
        raise ValueError(f"cannot send {words}")

    system.script.append(fail)
    [delivery] = accept(hub, media_type=XML, body="A confidence between two bodies.")
    with structlog.testing.capture_logs() as logs:
        hub.dispatch().run_once()
    [attempt] = attempts(hub, delivery)
    for told in (str(logs), attempt.detail, str(events(hub, delivery))):
        assert "confidence" not in told
        assert "the very secret" not in told
    where = (
        "HTTP 503: the target's answer" if fault == "temporary" else "ValueError in test_dispatch_failures"
    )
    assert attempt.detail.startswith(where)


def test_a_letter_held_by_mistake_of_one_office_is_no_trouble_of_another(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script.append(Ambiguous("WASL-DLV-004", "cut"))
    held, lying = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    hub.dispatch().run_once()
    assert states(hub, held)[-1] == "HELD"
    assert states(hub, lying)[-1] == "AVAILABLE"
