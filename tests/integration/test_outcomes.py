"""A delivery has one outcome; whoever comes second changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Permanent, Temporary
from gateway.domain.transit.states import ForbiddenMove
from gateway.exchange.evidence.issue import Sealed
from gateway.exchange.evidence.owed import Owed, store
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.outcomes import Overtaken
from gateway.store.evidence.models import ReceiptRow
from gateway.wire.receipts import read_receipt_json
from tests.support.hub import HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import (
    TAKEN,
    Simulator,
    accept,
    attempts,
    fresh_hub,
    receipt_rows,
    receipts,
    row,
    state,
)

HELD = Permanent("WASL-DLV-007", "no title")


@pytest.fixture
def hub(shape: Shape, tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator())


def held(hub: HubUnderTest) -> str:
    """A delivery that waits for a person."""
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    case = dispatch.letters.case(delivery)
    dispatch.outcomes.hold(case, HELD, hub.clock(), doubt=False)
    return delivery


def test_the_database_refuses_a_second_outcome(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    first, limit = receipt_rows(hub, delivery)
    assert (first.outcome, limit.outcome) == (True, False)
    again = Sealed(
        replace(read_receipt_json(first.content), receipt_id="01a00000-0000-7000-8000-000000000000"),
        digest="0" * 64,
        content=first.content,
        media_type="application/xml",
        octets=b"<x/>",
    )
    with pytest.raises(IntegrityError), hub.gateway.store.write() as session:
        store(session, [Owed(again, first.message, delivery, outcome=True)])
    assert len(receipt_rows(hub, delivery)) == 2


def test_an_outcome_is_never_left_again(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.run_once()
    with pytest.raises(ForbiddenMove):
        dispatch.outcomes.give_up(dispatch.letters.case(delivery), HELD, doubt=False)
    assert (state(hub, delivery), len(receipts(hub, delivery))) == ("HANDED_OVER", 2)


def test_what_was_decided_meanwhile_stays(hub: HubUnderTest) -> None:
    delivery = held(hub)
    dispatch = hub.dispatch()
    seen = dispatch.letters.case(delivery)
    dispatch.outcomes.hand_over(dispatch.letters.case(delivery), TAKEN)
    with pytest.raises(Overtaken):
        dispatch.outcomes.give_up(seen, HELD, doubt=False)
    assert state(hub, delivery) == "HANDED_OVER"


def test_a_person_who_decides_at_the_last_moment_wins_over_the_deadline(hub: HubUnderTest) -> None:
    delivery = held(hub)
    dispatch, faster = hub.dispatch(), hub.dispatch("faster")

    class Stale(Letters):
        def case(self, name: str) -> Case:
            """The delivery as it was just before somebody else decided."""
            case = super().case(name)
            faster.outcomes.hand_over(faster.letters.case(name), TAKEN)
            return case

    letters = dispatch.letters
    stale = Stale(letters.store, letters.payloads, letters.xml_limits, letters.jws_limits, letters.retry)
    assert replace(dispatch, letters=stale).give_up_held() == 0
    assert state(hub, delivery) == "HANDED_OVER"


def test_one_held_letter_that_cannot_be_read_does_not_keep_the_others(hub: HubUnderTest) -> None:
    broken, sound = held(hub), held(hub)
    with hub.gateway.store.write() as session:
        acceptance = (
            session.query(ReceiptRow)
            .filter(ReceiptRow.message == row(hub, broken).message)
            .order_by(ReceiptRow.id)
        )
        acceptance[0].content = b"not JSON"
    with structlog.testing.capture_logs() as logs:
        assert hub.dispatch().give_up_held() == 1
    assert (state(hub, broken), state(hub, sound)) == ("HELD", "FAILED")
    assert [one["delivery"] for one in logs] == [broken]


def test_trouble_of_the_seal_leaves_the_delivery_as_it_was(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    case = dispatch.letters.case(delivery)

    def broken(*_: object) -> None:
        raise RuntimeError("the seal is out")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.exchange.evidence.issue.sign_xml", broken)
        with pytest.raises(RuntimeError):
            dispatch.outcomes.hand_over(case, TAKEN)
    assert (state(hub, delivery), receipts(hub, delivery)) == ("DELIVERING", [])


def test_a_long_answer_is_kept_short_and_readable(tmp_path: Path) -> None:
    system = Simulator([replace(TAKEN, answer=b"\xff\0" + b"x" * 100_000)])
    other = fresh_hub(tmp_path, system)
    [delivery] = accept(other)
    other.dispatch().run_once()
    [attempt] = attempts(other, delivery)
    assert len(attempt.detail) <= 4000
    assert attempt.detail.startswith("�x")


def test_what_a_system_says_with_a_zero_in_it_loses_no_outcome(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    dispatch.outcomes.give_up(dispatch.letters.case(delivery), Permanent("WASL-DLV-003", "no\0 way"), False)
    assert state(hub, delivery) == "FAILED"


def test_a_failed_attempt_counts_once_though_the_worker_saw_it_twice(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    case = dispatch.letters.case(delivery)
    busy = Temporary("WASL-DLV-002", "HTTP 503")
    dispatch.outcomes.wait(case, busy, hub.clock(), doubt=False)
    with pytest.raises(LeaseLost):
        dispatch.outcomes.wait(case, busy, hub.clock(), doubt=False)
    assert row(hub, delivery).failures == 1
