"""Operators are told when a letter is held and before its deadline; its sender gets the outcome."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.bootstrap import lifecycle
from gateway.bootstrap.telling import held_alerts, operators_teller
from gateway.domain.errors import Ambiguous, Misconfigured
from gateway.domain.evidence.receipt import Event
from gateway.domain.transit.repairs import Decision
from gateway.exchange.operate.flow import Watch
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.notice_models import NotificationRow, OperatorNoticeRow
from tests.support.deliveries import bring
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest, make_settings
from tests.support.post import Post, post_office
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, receipts, route_of_commune, row, state

OPERATORS = ["first@hub.test", "second@hub.test"]
CUT = Ambiguous("WASL-DLV-004", "the connection broke")
HOW = Decision("operator-1", "their system was mended")
HELD, ENDS = "Letters are held for a decision", "Held letters are about to be given up"


def hub_of(folder: Path, port: int = 25, **environment: str) -> HubUnderTest:
    """A hub whose operators have addresses."""
    mail = {
        "WASL_MAIL_KIND": "smtp",
        "WASL_MAIL_HOST": "localhost",
        "WASL_MAIL_PORT": str(port),
        "WASL_MAIL_SECURITY": "none",
        "WASL_MAIL_LANGUAGE": "en",
        "WASL_MAIL_OPERATORS": ",".join(OPERATORS),
    }
    return fresh_hub(folder, Simulator([CUT] * 99), **{**mail, **environment})


@pytest.fixture
def hub(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return hub_of(tmp_path)


def held(hub: HubUnderTest, **changes: Any) -> str:
    """A letter that may have arrived where nobody can ask."""
    [delivery] = accept(hub, **changes)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HELD"
    return delivery


def messages(hub: HubUnderTest) -> list[tuple[str, str]]:
    """Every message laid down for operators: what it says, to whom."""
    with hub.gateway.store.read() as session:
        found = session.scalars(select(OperatorNoticeRow).order_by(OperatorNoticeRow.id))
        return [(one.template, one.address) for one in found]


def both(template: str) -> list[tuple[str, str]]:
    return [(template, address) for address in OPERATORS]


def deadline(hub: HubUnderTest, delivery: str) -> datetime:
    until = row(hub, delivery).held_until
    assert until is not None
    return until


def test_operators_are_told_once_when_it_is_held_and_once_before_its_deadline(hub: HubUnderTest) -> None:
    delivery = held(hub)
    assert held_alerts(hub.gateway).run() == 1
    assert held_alerts(hub.gateway).run() == 0
    assert messages(hub) == both("held")
    until = deadline(hub, delivery)
    hub.clock.moment = until - timedelta(hours=12, seconds=1)
    assert held_alerts(hub.gateway).run() == 0
    hub.clock.forward(seconds=1)
    assert held_alerts(hub.gateway).run() == 1
    hub.clock.forward(hours=11)
    assert held_alerts(hub.gateway).run() == 0
    assert messages(hub) == both("held") + both("held-ends")
    hub.clock.moment = until
    assert hub.dispatch().give_up_held() == 1
    assert held_alerts(hub.gateway).run() == 0
    [outcome] = receipts(hub, delivery)
    assert outcome.event is Event.CONTENT_HANDOVER_FAILURE
    assert outcome.outcome is not None
    assert (outcome.outcome.state, outcome.outcome.unknown) == ("FAILED", True)


def test_its_sender_s_own_end_is_told_as_the_deadline_and_ends_it(hub: HubUnderTest) -> None:
    delivery = held(hub, expires_at=hub.clock() + timedelta(hours=2))
    assert held_alerts(hub.gateway).run() == 2  # it is held, and its end is near at once
    assert messages(hub) == both("held") + both("held-ends")
    hub.clock.forward(hours=2)
    assert hub.dispatch().give_up_held() == 1
    [outcome] = receipts(hub, delivery)
    assert (state(hub, delivery), outcome.event) == ("EXPIRED", Event.ACCEPTANCE_REJECTION_EXPIRY)


def test_many_letters_of_one_office_are_one_message(hub: HubUnderTest) -> None:
    route_of_commune(hub, per_minute=0)
    for _ in range(3):
        bring(hub, accept(hub)[0], "HELD")
    assert held_alerts(hub.gateway).run() == 6  # their deadline is near as well
    assert messages(hub) == both("held") + both("held-ends")


def test_a_letter_that_is_held_again_or_gets_another_deadline_is_told_again(hub: HubUnderTest) -> None:
    delivery = held(hub)
    held_alerts(hub.gateway).run()
    hub.clock.forward(hours=2)
    lifecycle.repair(hub.gateway).requeue(delivery, HOW, possible_duplicate=True)
    assert held_alerts(hub.gateway).run() == 0
    hub.dispatch().run_once()
    assert held_alerts(hub.gateway).run() == 1
    assert messages(hub) == both("held") * 2
    hub.clock.moment = deadline(hub, delivery) - timedelta(hours=1)
    assert held_alerts(hub.gateway).run() == 1
    lifecycle.repair(hub.gateway).hold(delivery, HOW, hub.clock() + timedelta(days=2))
    assert held_alerts(hub.gateway).run() == 0
    hub.clock.forward(hours=37)
    assert held_alerts(hub.gateway).run() == 1
    assert messages(hub) == both("held") * 2 + both("held-ends") * 2


def test_what_was_held_before_an_address_was_given_is_told_then(tmp_path: Path) -> None:
    hub = hub_of(tmp_path, WASL_MAIL_OPERATORS="")
    held(hub)
    assert (held_alerts(hub.gateway).run(), messages(hub)) == (0, [])
    alerts = held_alerts(hub.gateway)
    assert replace(alerts, addresses=("first@hub.test",)).run() == 1


def test_letters_for_tests_and_those_that_end_by_themselves_wake_nobody(hub: HubUnderTest) -> None:
    route_of_commune(hub, accepts_test=True)
    held(hub, test=True)
    delivery = bring(hub, accept(hub)[0], "HELD")
    with hub.gateway.store.write() as session:  # as what is not needed any more
        session.get_one(DeliveryRow, delivery).held_code = "WASL-DLV-055"
    assert (held_alerts(hub.gateway).run(), messages(hub)) == (0, [])


def test_readers_and_senders_are_told_nothing_of_it(hub: HubUnderTest) -> None:
    delivery = held(hub)
    held_alerts(hub.gateway).run()
    with hub.gateway.store.read() as session:
        assert session.scalar(select(func.count()).select_from(NotificationRow)) == 0
    assert receipts(hub, delivery) == []


def test_messages_that_wait_are_counted_with_the_others(hub: HubUnderTest) -> None:
    held(hub)
    held_alerts(hub.gateway).run()
    hub.clock.forward(minutes=62)
    flow = Watch(hub.gateway.store, hub.gateway.ambient).flow()
    assert (flow.untold, flow.untold_since) == (2, hub.clock() - timedelta(minutes=61))


@pytest.mark.parametrize(
    ("language", "subjects"),
    [
        ("en", (HELD, ENDS)),
        ("fr", ("Des courriers attendent une décision", "Des courriers en attente de décision vont être")),
        ("ar", ("مراسلات موقوفة في انتظار قرار", "مراسلات موقوفة يوشك")),
    ],
)
def test_messages_name_the_office_and_the_command_in_the_language_chosen(
    tmp_path: Path, language: str, subjects: tuple[str, str]
) -> None:
    post = Post()
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, WASL_MAIL_LANGUAGE=language)
        delivery = held(hub, expires_at=hub.clock() + timedelta(hours=2), subject="DEMONSTRATION: secret")
        held_alerts(hub.gateway).run()
        hub.clock.forward(seconds=61)
        assert operators_teller(hub.gateway).run() == 4
        assert operators_teller(hub.gateway).run() == 0
    assert sorted(one.rcpt_tos[0] for one in post.taken) == sorted(OPERATORS * 2)
    found = [email.message_from_bytes(one.content, policy=policy.default) for one in post.taken]
    for said in subjects:
        assert sum(one["Subject"].startswith(said) for one in found) == 2
    for one in found:
        plain, html = (part.get_content() for part in one.iter_parts())  # type: ignore[union-attr]
        command = f"wasl delivery list --state HELD --office {COMMUNE_OFFICE}"
        assert command in plain
        assert command in html
        assert delivery not in plain + html
        assert "secret" not in plain + html + one["Subject"]


def test_operators_without_an_address_are_a_fault_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="operators"):
        make_settings(tmp_path, WASL_MAIL_OPERATORS="nobody")
    with pytest.raises(Misconfigured, match=r"mail\.operators"):
        make_settings(tmp_path, WASL_MAIL_OPERATORS="a@b.test>")
