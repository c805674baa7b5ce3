"""A sender takes a letter back, as far as it has not arrived, and gets a receipt for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import verbs
from gateway.domain.evidence.receipt import Event
from gateway.exchange.transit.inbox import Reader
from gateway.store.transit.models import DeliveryRow, Message
from gateway.trust.assertion import make_assertion
from gateway.verifier.opening import open_receipt
from gateway.web.problems import PROBLEM
from tests.support.deliveries import bring, case_of, claimed
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    MINISTRY,
    MINISTRY_OFFICE,
    NAMES,
    HubUnderTest,
    token_form,
)
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, events, fresh_hub, receipts, row, state, states

BOTH = "envelopes:read envelopes:cancel"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


def token(hub: HubUnderTest, party: str = MINISTRY, scope: str = BOTH) -> str:
    address = "http://127.0.0.1:8080/oauth2/token"
    key = hub.sealer(NAMES[party]).key
    assertion = make_assertion(key, party, address, hub.gateway.ambient.random_bytes(8).hex(), hub.clock())
    answer = hub.client.post("/oauth2/token", data=token_form(assertion, scope=scope))
    assert answer.status_code == 200, answer.text
    assert answer.json["scope"] == scope
    return str(answer.json["access_token"])


def reference_of(hub: HubUnderTest, delivery: str) -> str:
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, session.get_one(DeliveryRow, delivery).message)
        return message.reference or ""


def cancel(hub: HubUnderTest, of: str, *, delivery: str = "", **how: Any) -> Any:
    """Ask to cancel the letter that the delivery ``of`` belongs to."""
    headers = {"Authorization": f"Bearer {token(hub, **how)}"}
    query = {"delivery": delivery} if delivery else {}
    path = f"/api/v1/envelopes/{reference_of(hub, of)}"
    return hub.client.delete(path, headers=headers, query_string=query)


def test_a_letter_not_yet_sent_is_taken_back_with_a_receipt_for_each_delivery(hub: HubUnderTest) -> None:
    tomorrow = hub.clock() + timedelta(days=1)
    deliveries = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE, not_before=tomorrow)
    answer = cancel(hub, deliveries[0])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    found = answer.json["deliveries"]
    assert [(one["id"], one["state"]) for one in found] == [(one, "CANCELLED") for one in deliveries]
    for one in found:
        given = hub.get(one["receipt"])
        assert given.status_code == 200
        receipt = open_receipt(given.data, given.mimetype).receipt
        assert receipt.event is Event.CANCELLED
        assert receipt.recipient is not None
        assert receipt.recipient.delivery == one["id"]
        assert receipt.outcome is not None
        assert receipt.outcome.decided_by == receipt.sender.name  # type: ignore[union-attr]
        assert events(hub, one["id"])[-1].by == MINISTRY
    with hub.clock.moved(days=2):
        hub.dispatch().run_once(100)
    assert [state(hub, one) for one in deliveries] == ["CANCELLED", "CANCELLED"]


def test_a_repeat_gets_the_same_answer_and_makes_no_second_receipt(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    first = cancel(hub, delivery)
    before = hub.kept()
    again = cancel(hub, delivery)
    assert (again.status_code, again.json) == (200, first.json)
    assert hub.kept() == before


def test_what_arrived_stays_and_the_rest_is_taken_back(hub: HubUnderTest) -> None:
    arrived, waiting = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    assert (state(hub, arrived), state(hub, waiting)) == ("HANDED_OVER", "AVAILABLE")
    answer = cancel(hub, arrived)
    first, second = answer.json["deliveries"]
    assert (answer.status_code, first["state"], second["state"]) == (200, "HANDED_OVER", "CANCELLED")
    assert (first["refusal"]["code"], "receipt" in first) == ("WASL-DLV-019", False)
    assert "HANDED_OVER" in first["refusal"]["text"]
    assert "refusal" not in second


def test_when_none_can_be_taken_back_the_answer_is_a_conflict(hub: HubUnderTest) -> None:
    arrived, opened = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    case = case_of(hub, opened)
    verbs(hub.gateway, "tests").notices.opened(case, "Front desk")
    before = [len(receipts(hub, one)) for one in (arrived, opened)]
    answer = cancel(hub, arrived)
    assert (answer.status_code, answer.mimetype) == (409, PROBLEM)
    assert [one["code"] for one in answer.json["faults"]] == ["WASL-DLV-019", "WASL-DLV-020"]
    assert [len(receipts(hub, one)) for one in (arrived, opened)] == before


def test_one_delivery_alone_can_be_taken_back(hub: HubUnderTest) -> None:
    kept, given_back = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    answer = cancel(hub, kept, delivery=given_back)
    assert [one["id"] for one in answer.json["deliveries"]] == [given_back]
    assert (state(hub, kept), state(hub, given_back)) == ("QUEUED", "CANCELLED")
    [stranger] = accept(hub)
    assert cancel(hub, kept, delivery=stranger).status_code == 404
    assert state(hub, stranger) == "QUEUED"
    assert cancel(hub, kept, delivery="x" * 5000).status_code == 404


def test_after_an_ambiguous_attempt_nothing_is_taken_back(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    bring(hub, delivery, "WAITING", doubt=True)
    answer = cancel(hub, delivery)
    assert (answer.status_code, answer.json["code"]) == (409, "WASL-DLV-020")


def test_a_letter_is_taken_back_from_a_worker_that_has_not_begun_to_send(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    claimed(hub, delivery)
    assert cancel(hub, delivery).status_code == 200
    dispatch.work(delivery)
    assert states(hub, delivery)[-1] == "CANCELLED"


def test_a_letter_that_is_being_sent_is_not_taken_back(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    hub.dispatch().claims.mark_sending(case_of(hub, claimed(hub, delivery)).row)
    answer = cancel(hub, delivery)
    assert (answer.status_code, answer.json["code"]) == (409, "WASL-DLV-020")
    assert state(hub, delivery) == "DELIVERING"


def test_a_lock_alone_keeps_no_letter_from_being_taken_back(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    inbox, reader = hub.gateway.services.inbox, Reader(AGENCY, "Front desk", "client-1")
    inbox.lock(delivery, reader)
    assert cancel(hub, delivery).status_code == 200
    assert (state(hub, delivery), row(hub, delivery).lock_owner) == ("CANCELLED", None)


@pytest.mark.parametrize("party", [COMMUNE, AGENCY])
def test_others_letters_do_not_exist(hub: HubUnderTest, party: str) -> None:
    [delivery] = accept(hub)
    answer = cancel(hub, delivery, party=party)
    assert (answer.status_code, answer.json["code"]) == (404, "WASL-REQ-005")
    assert state(hub, delivery) == "QUEUED"


def test_a_token_for_reading_takes_nothing_back(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    answer = cancel(hub, delivery, scope="envelopes:read")
    assert (answer.status_code, answer.json["code"]) == (403, "WASL-AUT-005")
    assert state(hub, delivery) == "QUEUED"
    assert hub.get(f"/api/v1/envelopes/{reference_of(hub, delivery)}").status_code == 200


def test_refusals_are_told_in_the_language_asked_for(hub: HubUnderTest) -> None:
    arrived, _ = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    headers = {"Authorization": f"Bearer {token(hub)}", "Accept-Language": "fr"}
    answer = hub.client.delete(f"/api/v1/envelopes/{reference_of(hub, arrived)}", headers=headers)
    assert answer.headers["Content-Language"] == "fr"
    assert answer.json["deliveries"][0]["refusal"]["text"].startswith("Le courrier est dans")


def test_many_wishes_at_once_make_one_receipt(shape: Shape, tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    [delivery] = accept(hub, MINISTRY_OFFICE)
    cancelling, reference = hub.gateway.services.cancelling, reference_of(hub, delivery)
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(cancelling.cancel, reference, MINISTRY) for _ in range(8)]
        answers = {one.result() for one in done}
    assert len(answers) == 1
    assert [one.event for one in receipts(hub, delivery)] == [Event.CANCELLED]


def test_a_wish_and_a_worker_at_once_make_one_outcome(hub: HubUnderTest) -> None:
    for _ in range(5):
        [delivery] = accept(hub)
        with ThreadPoolExecutor(2) as pool:
            worked = pool.submit(hub.dispatch().run_once, 100)
            answer = pool.submit(cancel, hub, delivery).result()
            worked.result()
        hub.dispatch().run_once(100)
        ended = "CANCELLED" if answer.status_code == 200 else "HANDED_OVER"
        assert state(hub, delivery) == ended
        assert sum(one.outcome is not None for one in receipts(hub, delivery)) == 1
