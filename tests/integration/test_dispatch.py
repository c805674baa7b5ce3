"""Accepted letters reach their recipients, and every step leaves its receipt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import update

from adapters.contract import Context, Delivered, Letter
from gateway.domain.evidence.receipt import Event, Place, ReceiptKind, TimeLimit
from gateway.store.transit.case_queries import Known
from gateway.store.transit.models import Message
from gateway.verifier.verify import verify_file
from tests.support.evidence import keep, settle
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, JWS, MINISTRY_OFFICE, XML, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import (
    TAKEN,
    Simulator,
    accept,
    acceptance_digest,
    attempts,
    fresh_hub,
    receipt_rows,
    receipts,
    route_of_commune,
    row,
    state,
    states,
)

REGISTERED = Delivered(
    b"<ok/>",
    "application/xml",
    target_reference="dossier 7",
    register_number="2026/7",
    register_date=date(2026, 11, 20),
    register_book="Arrivée",
)


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_the_system_gets_the_letter_as_it_was_signed(
    hub: HubUnderTest, system: Simulator, tmp_path: Path, media_type: str
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF-1.7 plan fictif")
    contents: list[bytes] = []

    def look(letter: Letter, _: Context) -> Delivered:
        for attachment in letter.envelope.attachments:
            with letter.open(attachment) as stream:
                contents.append(stream.read())
        return TAKEN

    system.script.append(look)
    [delivery] = accept(hub, media_type=media_type, files=(plan,))
    assert hub.dispatch().run_once() == 1
    [letter] = system.letters
    assert (letter.delivery_id, letter.office) == (delivery, COMMUNE_OFFICE)
    assert (letter.original_media_type, letter.document_type) == (media_type, "REQ")
    assert (letter.envelope.body, contents) == ("Please find our request.", [plan.read_bytes()])
    assert letter.sender_name == "DEMONSTRATION ministry (ar)"
    assert not letter.possible_duplicate


def test_a_delivered_letter_is_handed_over_with_a_receipt_chained_to_the_acceptance(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script.append(REGISTERED)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    told = row(hub, delivery)
    assert (told.state, told.processing) == ("HANDED_OVER", "REGISTERED")
    assert (told.target_reference, told.register_number) == ("dossier 7", "2026/7")
    assert (told.lease_owner, told.lease_until, told.sending_since) == (None, None, None)
    handed, registered, limit = receipts(hub, delivery)
    assert (handed.kind, handed.event) == (ReceiptKind.DELIVERY, Event.CONTENT_HANDOVER)
    assert handed.handover is not None
    assert handed.handover.answer is not None
    assert handed.handover.answer.size == len(REGISTERED.answer)
    assert handed.outcome is not None
    assert (handed.outcome.state, handed.outcome.unknown) == ("HANDED_OVER", False)
    assert (registered.kind, registered.event) == (ReceiptKind.REGISTRATION, Event.REGISTERED)
    assert registered.registered is not None
    assert (registered.registered.number, registered.registered.book) == ("2026/7", "Arrivée")
    assert (limit.kind, limit.time_limit) == (ReceiptKind.TIME_LIMIT, TimeLimit(known=False))
    rows = receipt_rows(hub, delivery)
    digests = [acceptance_digest(hub, delivery), *(one.content_digest for one in rows)]
    assert [one.predecessor for one in rows] == digests[:-1]
    assert told.chain_digest == digests[-1]
    assert [one.outcome for one in rows] == [True, False, False]


def test_a_system_that_gives_no_number_brings_no_registration_receipt(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    kinds = [one.kind for one in receipts(hub, delivery)]
    assert kinds == [ReceiptKind.DELIVERY, ReceiptKind.TIME_LIMIT]
    assert row(hub, delivery).processing == "NONE"


def test_names_that_nobody_could_store_are_cut_to_a_line_and_the_handover_is_recorded(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script = [Delivered(b"ok", target_reference="a\0b\n" + "x" * 900, register_number="n" * 300)]
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    kept = row(hub, delivery)
    assert (kept.target_reference or "").startswith("a b x")
    assert (len(kept.target_reference or ""), len(kept.register_number or "")) == (500, 120)


def test_chains_of_two_recipients_never_mix(hub: HubUnderTest, system: Simulator) -> None:
    hub.apply(_agency_with_the_same_system(hub))
    system.script += [REGISTERED, REGISTERED]
    both = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    hub.dispatch().run_once()
    for delivery, office in zip(both, (COMMUNE_OFFICE, AGENCY_OFFICE), strict=True):
        rows = receipt_rows(hub, delivery)
        before = [acceptance_digest(hub, delivery), *(one.content_digest for one in rows)]
        assert [one.predecessor for one in rows] == before[:-1]
        addressees = [receipt.recipient for receipt in receipts(hub, delivery)]
        assert all(one is not None and (one.office, one.delivery) == (office, delivery) for one in addressees)
    digests = [one.content_digest for delivery in both for one in receipt_rows(hub, delivery)]
    assert len(set(digests)) == 6


def _agency_with_the_same_system(hub: HubUnderTest) -> dict[str, list[dict[str, object]]]:
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE)
    return {"office": [{**office, "route": {"kind": "adapter", "adapter": "simulator"}}]}


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_every_receipt_of_a_delivery_verifies_offline(
    hub: HubUnderTest, system: Simulator, media_type: str
) -> None:
    system.script.append(REGISTERED)
    [delivery] = accept(hub, media_type=media_type)
    hub.dispatch().run_once()
    assert _verdicts(hub, delivery, media_type) == [0, 0, 0]


def _verdicts(hub: HubUnderTest, delivery: str, media_type: str) -> list[int]:
    """The offline verifier's answer to each receipt of a delivery."""
    settle(hub)
    verdicts = []
    for one in receipt_rows(hub, delivery):
        octets = hub.gateway.services.receipts.rendering(one.id, media_type)
        path = keep(hub, hub.home / "receipt", octets)
        verdicts.append(verify_file(path, hub.home / "trust", None, hub.clock()).exit_code)
    return verdicts


@pytest.mark.parametrize(
    ("office", "place"), [(AGENCY_OFFICE, Place.HUB_OFFICE), (MINISTRY_OFFICE, Place.INBOX)]
)
def test_a_letter_for_an_office_without_a_system_lies_ready_there(
    hub: HubUnderTest, office: str, place: Place
) -> None:
    [delivery] = accept(hub, office)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "AVAILABLE"
    receipt, limit = receipts(hub, delivery)
    assert limit.kind is ReceiptKind.TIME_LIMIT
    assert (receipt.kind, receipt.event) == (ReceiptKind.AVAILABILITY, Event.CONTENT_CONSIGNMENT)
    assert (receipt.place, receipt.outcome) == (place, None)
    assert receipt.predecessor == acceptance_digest(hub, delivery)
    assert hub.dispatch().run_once() == 0


def test_a_letter_whose_time_is_over_expires_with_a_receipt_and_is_not_sent(
    hub: HubUnderTest, system: Simulator
) -> None:
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(hours=1))
    hub.clock.forward(hours=1)
    hub.dispatch().run_once()
    assert (state(hub, delivery), system.letters) == ("EXPIRED", [])
    [receipt] = receipts(hub, delivery)
    assert (receipt.kind, receipt.event) == (ReceiptKind.OUTCOME, Event.ACCEPTANCE_REJECTION_EXPIRY)
    assert [reason.code for reason in receipt.reasons] == ["WASL-DLV-016"]
    assert receipt.outcome is not None
    assert (receipt.outcome.state, receipt.outcome.unknown) == ("EXPIRED", False)


def test_a_letter_is_not_delivered_before_its_time(hub: HubUnderTest, system: Simulator) -> None:
    [delivery] = accept(hub, not_before=hub.clock() + timedelta(days=10))
    assert hub.dispatch().run_once() == 0
    hub.clock.forward(days=10, seconds=-1)
    assert hub.dispatch().run_once() == 0
    assert system.letters == []
    hub.clock.forward(seconds=1)
    assert hub.dispatch().run_once() == 1
    assert state(hub, delivery) == "HANDED_OVER"


def test_times_of_receipts_never_go_back_with_the_clock(hub: HubUnderTest, system: Simulator) -> None:
    system.script.append(REGISTERED)
    accepted_at = hub.clock()
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    [claimed] = dispatch.claims.claim(1)
    hub.clock.forward(hours=-3)
    dispatch.work(claimed)
    assert [one.event_time for one in receipts(hub, delivery)] == [accepted_at] * 3
    assert row(hub, delivery).chain_time == accepted_at
    with hub.clock.moved(hours=3):
        assert _verdicts(hub, delivery, XML) == [0, 0, 0]


def test_no_transaction_is_open_while_the_system_is_called(hub: HubUnderTest, system: Simulator) -> None:
    other = hub.second()

    def write_meanwhile(letter: Letter, _: Context) -> Delivered:
        with other.gateway.store.write() as session:
            session.execute(update(Message).values(subject="written meanwhile"))
        return TAKEN

    system.script.append(write_meanwhile)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    with hub.gateway.store.read() as session:
        assert session.query(Message).one().subject == "written meanwhile"


def test_the_start_of_sending_is_on_record_while_the_system_is_called(
    hub: HubUnderTest, system: Simulator
) -> None:
    seen: list[object] = []

    def look(letter: Letter, _: Context) -> Delivered:
        during = row(hub, letter.delivery_id)
        seen.append((during.state, during.sending_since, during.attempts))
        return TAKEN

    system.script.append(look)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert seen == [("DELIVERING", hub.clock(), 1)]
    [attempt] = attempts(hub, delivery)
    assert (attempt.number, attempt.code, attempt.detail) == (1, None, TAKEN.answer.decode())
    assert states(hub, delivery) == ["QUEUED", "DELIVERING", "HANDED_OVER"]


def test_a_letter_is_delivered_once_however_often_the_worker_looks(
    hub: HubUnderTest, system: Simulator
) -> None:
    accept(hub)
    assert [hub.dispatch().run_once() for _ in range(3)] == [1, 0, 0]
    assert len(system.letters) == 1


def test_no_more_is_claimed_than_was_asked_for(hub: HubUnderTest) -> None:
    accept(hub)
    accept(hub)
    accept(hub)
    assert len(hub.dispatch("a").claims.claim(2)) == 2
    assert len(hub.dispatch("b").claims.claim(2)) == 1


def test_a_dead_system_delays_nobody_else(hub: HubUnderTest, system: Simulator) -> None:
    system.script.append(RuntimeError("a defect"))
    dead, agency, ministry = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE, MINISTRY_OFFICE)
    assert hub.dispatch().run_once() == 3
    assert [state(hub, one) for one in (dead, agency, ministry)] == ["HELD", "AVAILABLE", "AVAILABLE"]


def test_a_letter_that_breaks_the_hub_itself_does_not_stop_the_next_one(hub: HubUnderTest) -> None:
    poisoned, sound = *accept(hub), *accept(hub)
    dispatch = hub.dispatch()

    class Poisoned(type(dispatch.letters)):  # type: ignore[misc]
        def _case(self, session: object, known: Known) -> object:
            if known.delivery.id == poisoned:
                raise KeyError("Please find our request.")
            return super()._case(session, known)

    letters = dispatch.letters
    dispatch = replace(
        dispatch,
        letters=Poisoned(letters.store, letters.payloads, letters.xml_limits, letters.jws_limits),
    )
    with structlog.testing.capture_logs() as logs:
        assert dispatch.run_once() == 2
    assert [state(hub, one) for one in (poisoned, sound)] == ["DELIVERING", "HANDED_OVER"]
    told = [(one["event"], one.get("delivery")) for one in logs]
    assert told == [("deliveries not looked up together", None), ("delivery interrupted", poisoned)]
    assert "Please find" not in str(logs)


def test_the_schedule_of_the_settings_is_that_of_routes_that_say_nothing(
    tmp_path: Path, system: Simulator
) -> None:
    hub = fresh_hub(tmp_path, system, WASL_RETRY_LIFETIME_SECONDS="60", WASL_RETRY_FIRST_SECONDS="7")
    dispatch = hub.dispatch()
    [delivery] = accept(hub)
    [other] = accept(hub, AGENCY_OFFICE)
    office = dispatch.letters.case(delivery).office
    assert office is not None
    assert (office.route.retry.first, office.route.retry.lifetime) == (7, 60)
    route_of_commune(hub, retry={"first": 3})
    office = dispatch.letters.case(delivery).office
    assert office is not None
    assert (office.route.retry.first, office.route.retry.lifetime) == (3, 60)
    assert dispatch.letters.case(other).office != office
