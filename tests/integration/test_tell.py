"""Readers are told once that mail waits; senders get the receipt that says so, or that it failed."""

from __future__ import annotations

import email
from dataclasses import fields, replace
from datetime import datetime
from email import policy
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from gateway.bootstrap.telling import outbox, teller
from gateway.clients.mail import Mail
from gateway.domain.errors import DeliveryError, Misconfigured, Permanent, Temporary
from gateway.domain.evidence.receipt import Event
from gateway.exchange.transit.tell import Teller
from gateway.store.transit.notice_models import NotificationRow, NotifiedDelivery
from tests.support.hub import AGENCY_OFFICE, TEST_OFFICE, HubUnderTest
from tests.support.post import Post, post_office
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, events, fresh_hub, receipts, state

ADDRESSES = {"order-office-1": "first@agency.test", "order-office-2": "second@agency.test"}
TOLD, NOT_TOLD = Event.CONSIGNMENT_NOTIFICATION, Event.CONSIGNMENT_NOTIFICATION_FAILURE


class Letterbox:
    """A mail system that follows a script; afterwards it takes everything."""

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.taken: list[Mail] = []

    def send(self, mail: Mail, at: datetime) -> None:
        step = self.script.pop(0) if self.script else None
        if step is not None:
            raise step
        self.taken.append(mail)


@pytest.fixture
def hub(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return reached(fresh_hub(tmp_path, Simulator()))


def reached(hub: HubUnderTest, addresses: dict[str, str] = ADDRESSES) -> HubUnderTest:
    """Give the agency's readers addresses."""
    offices = hub.gateway.registry.export()["office"]
    hub.apply(
        {
            "office": [
                {**one, "reader_addresses": addresses}
                for one in offices
                if one["id"] in (AGENCY_OFFICE, TEST_OFFICE)
            ]
        }
    )
    return hub


def lay(hub: HubUnderTest, count: int = 1) -> list[str]:
    """Let letters lie in the agency's office."""
    laid = [accept(hub, AGENCY_OFFICE)[0] for _ in range(count)]
    hub.dispatch().run_once()
    assert {state(hub, one) for one in laid} == {"AVAILABLE"}
    return laid


def telling(hub: HubUnderTest, box: Letterbox | None = None) -> Teller:
    made = teller(hub.gateway, "worker-1")
    return made if box is None else replace(made, mailer=box)


def rows(hub: HubUnderTest) -> list[NotificationRow]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(NotificationRow).order_by(NotificationRow.id)))


def attested(hub: HubUnderTest, delivery: str) -> list[tuple[Event, int]]:
    found = [one for one in receipts(hub, delivery) if one.event in (TOLD, NOT_TOLD)]
    return [(one.event, one.notified.times) for one in found if one.notified is not None]


def test_both_readers_are_told_once_for_many_letters(hub: HubUnderTest) -> None:
    box = Letterbox()
    teller = telling(hub, box)
    laid = lay(hub, 3)
    assert teller.run() == 0  # it gathers first
    hub.clock.forward(seconds=61)
    assert teller.run() == 2
    assert {mail.recipient for mail in box.taken} == set(ADDRESSES.values())
    assert [attested(hub, one) for one in laid] == [[(TOLD, 1)]] * 3
    assert teller.run() == 0
    assert [attested(hub, one) for one in laid] == [[(TOLD, 1)]] * 3


def test_letters_of_the_same_hour_are_told_in_the_next(hub: HubUnderTest) -> None:
    box = Letterbox()
    start = hub.clock.moment.replace(minute=5, second=0)
    hub.clock.moment = start
    lay(hub)
    hub.clock.forward(minutes=2)
    telling(hub, box).run()
    [late] = lay(hub)
    hub.clock.forward(minutes=50)
    assert telling(hub, box).run() == 0
    assert attested(hub, late) == []
    hub.clock.forward(minutes=10)
    assert telling(hub, box).run() == 2
    assert attested(hub, late) == [(TOLD, 1)]
    assert len({mail.key for mail in box.taken}) == 4


def test_message_names_the_office_and_nothing_of_the_letter(hub: HubUnderTest) -> None:
    box = Letterbox()
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub, box).run()
    mail = box.taken[0]
    assert AGENCY_OFFICE in mail.text
    assert AGENCY_OFFICE in mail.html
    assert (mail.language, 'dir="rtl"' in mail.html) == ("ar", True)
    said = (mail.subject + mail.text + mail.html).lower()
    for secret in ("request for a document", "ministry", delivery, "find our request"):
        assert secret not in said


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_message_is_told_in_the_language_chosen(tmp_path: Path, language: str) -> None:
    hub = reached(fresh_hub(tmp_path, Simulator(), WASL_MAIL_LANGUAGE=language))
    box = Letterbox()
    lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub, box).run()
    first = {"ar": "توجد", "fr": "Du courrier", "en": "Mail"}[language]
    assert box.taken[0].subject.startswith(first)
    assert f'lang="{language}"' in box.taken[0].html


def test_name_with_markup_stays_text(hub: HubUnderTest) -> None:
    [office] = [one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE]
    hostile = "<script>alert(1)</script> {reference} Bcc: x@y.test"
    hub.apply({"office": [{**office, "names": dict.fromkeys(("ar", "fr", "en"), hostile)}]})
    box = Letterbox()
    lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub, box).run()
    assert "<script>" not in box.taken[0].html
    assert "&lt;script&gt;" in box.taken[0].html
    assert hostile in box.taken[0].text


def test_trouble_is_tried_again_and_the_receipt_counts_the_tries(hub: HubUnderTest) -> None:
    box = Letterbox(*[Temporary("WASL-DLV-001")] * 2)
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    teller = telling(hub, box)
    assert teller.run() == 0
    assert attested(hub, delivery) == []
    hub.clock.forward(seconds=59)
    assert teller.run() == 0
    hub.clock.forward(seconds=2)
    assert teller.run() == 2
    assert attested(hub, delivery) == [(TOLD, 2)]


def test_one_reader_told_is_enough_for_the_sender(hub: HubUnderTest) -> None:
    box = Letterbox(Permanent("WASL-DLV-003"))
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub, box).run()
    assert sorted(one.state for one in rows(hub)) == ["FAILED", "SENT"]
    assert attested(hub, delivery) == [(TOLD, 1)]


def test_nobody_told_is_attested_once_the_last_try_failed(hub: HubUnderTest) -> None:
    box = Letterbox(Permanent("WASL-DLV-003"), *[Temporary("WASL-DLV-001")] * 99)
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    teller = telling(hub, box)
    teller.run()
    assert attested(hub, delivery) == []  # the other reader may still be told
    for _ in range(30):
        hub.clock.forward(hours=1)
        teller.run()
    assert {one.state for one in rows(hub)} == {"FAILED"}
    [(event, times)] = attested(hub, delivery)
    assert (event, times > 20) == (NOT_TOLD, True)
    assert [one.now for one in events(hub, delivery) if one.track == "notice"] == ["NOT_NOTIFIED"]
    assert state(hub, delivery) == "AVAILABLE"


def test_worker_lost_while_sending_lets_another_send_again_under_the_same_name(hub: HubUnderTest) -> None:
    class Killed(BaseException):
        pass

    class Dying(Letterbox):
        def send(self, mail: Mail, at: datetime) -> None:
            super().send(mail, at)
            raise Killed

    dying, box = Dying(), Letterbox()
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    with pytest.raises(Killed):
        telling(hub, dying).run()
    assert telling(hub, box).run() == 1  # the other reader's
    hub.clock.forward(minutes=11)
    assert telling(hub, box).run() == 1
    assert dying.taken[0].key in {mail.key for mail in box.taken}
    assert attested(hub, delivery) == [(TOLD, 1)]


def test_receipt_owed_before_a_crash_is_made_afterwards_and_only_once(hub: HubUnderTest) -> None:
    class Crashed(Teller):
        def attest(self) -> int:
            return 0

    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    whole = telling(hub, Letterbox())
    crashed = Crashed(**{name: getattr(whole, name) for name in (one.name for one in fields(Teller))})
    crashed.run()
    assert attested(hub, delivery) == []
    whole.run()
    with hub.gateway.store.write() as session:  # the mark is lost with the crash, the receipt is not
        for link in session.scalars(select(NotifiedDelivery)):
            link.attested = False
    whole.run()
    assert attested(hub, delivery) == [(TOLD, 1)]


def test_late_result_of_a_lost_lease_is_void(hub: HubUnderTest) -> None:
    lay(hub)
    hub.clock.forward(seconds=61)
    slow, box = telling(hub, Letterbox()), Letterbox()
    late = slow._claim()
    assert late is not None
    hub.clock.forward(minutes=11)
    telling(hub, box).run()
    slow._settle(late, Permanent("WASL-DLV-003"))
    assert {one.state for one in rows(hub)} == {"SENT"}


def test_defect_of_the_mail_system_s_client_is_trouble_for_now(hub: HubUnderTest) -> None:
    [delivery] = lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub, Letterbox(ValueError("Bcc: x"), ValueError("y"))).run()
    assert {(one.state, one.code) for one in rows(hub)} == {("WAITING", "WASL-HUB-001")}
    assert attested(hub, delivery) == []


def test_what_is_laid_is_gone_when_the_letter_s_move_is_undone(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE)
    dispatch = hub.dispatch()
    laying = outbox(hub.gateway.settings, hub.gateway.pack)

    def tell(session: Any, case: Any, now: datetime) -> None:
        laying.mail_waits(session, case, now)
        session.flush()
        raise DeliveryError("WASL-HUB-001")

    replace(dispatch, outcomes=replace(dispatch.outcomes, tell=tell)).run_once()
    assert (rows(hub), state(hub, delivery)) == ([], "DELIVERING")


def test_letters_for_tests_wake_nobody(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, TEST_OFFICE, test=True)
    hub.dispatch().run_once()
    assert (state(hub, delivery), rows(hub)) == ("AVAILABLE", [])


def test_mail_in_an_office_s_own_inbox_is_its_own_system_s_to_tell(hub: HubUnderTest) -> None:
    [office] = [one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE]
    hub.apply({"office": [{**office, "route": {"kind": "inbox"}}]})
    lay(hub)
    assert rows(hub) == []


def test_nobody_is_told_without_an_address(hub: HubUnderTest) -> None:
    reached(hub, {})
    lay(hub)
    assert rows(hub) == []


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ({"somebody": "a@b.test"}, "reader_addresses.somebody: one of the readers"),
        ({"order-office-1": "a@b.test\nBcc: c@d.test"}, "reader_addresses.order-office-1: an e-mail address"),
        ({"order-office-1": 7}, "reader_addresses: a table of e-mail addresses"),
    ],
)
def test_addresses_that_are_none_are_not_registered(hub: HubUnderTest, addresses: Any, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        reached(hub, addresses)


def test_addresses_are_exported_and_taken_back_without_a_change(hub: HubUnderTest) -> None:
    exported = hub.gateway.registry.export()
    assert ADDRESSES in [one.get("reader_addresses") for one in exported["office"]]
    assert hub.apply({"office": exported["office"]}) == []


def test_message_reaches_a_real_server(tmp_path: Path) -> None:
    post = Post(answers=["451 later"])
    with post_office(post) as port:
        hub = reached(
            fresh_hub(
                tmp_path,
                Simulator(),
                WASL_MAIL_KIND="smtp",
                WASL_MAIL_HOST="127.0.0.1",
                WASL_MAIL_PORT=str(port),
                WASL_MAIL_SECURITY="none",
            )
        )
        [delivery] = lay(hub)
        hub.clock.forward(seconds=61)
        assert telling(hub).run() == 1
        hub.clock.forward(seconds=61)
        assert telling(hub).run() == 1
    assert sorted(one.rcpt_tos[0] for one in post.taken) == sorted(ADDRESSES.values())
    assert len(attested(hub, delivery)) == 1


def test_outbox_of_the_home_holds_the_messages(hub: HubUnderTest) -> None:
    lay(hub)
    hub.clock.forward(seconds=61)
    telling(hub).run()
    files = sorted((hub.home / "outbox").iterdir())
    assert [path.suffix for path in files] == [".eml", ".eml"]
    message = email.message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert message["To"] in ADDRESSES.values()


def test_two_workers_that_lay_mail_at_once_tell_each_reader_once(tmp_path: Path, scaled: Shape) -> None:
    hub = reached(fresh_hub(tmp_path, Simulator()))
    laying, letters = outbox(hub.gateway.settings, hub.gateway.pack), hub.dispatch().letters
    first, second = (letters.case(accept(hub, AGENCY_OFFICE)[0]) for _ in range(2))

    def lay_second() -> None:
        with hub.gateway.store.write() as session:
            laying.mail_waits(session, second, hub.clock())

    other = Thread(target=lay_second)
    with hub.gateway.store.write() as session:
        laying.mail_waits(session, first, hub.clock())
        session.flush()
        other.start()  # finds none, adds its own, and waits for this transaction to decide
        other.join(0.3)
        assert other.is_alive()
    other.join(20)
    assert sorted(one.role for one in rows(hub)) == sorted(ADDRESSES)
    with hub.gateway.store.read() as session:
        assert len(list(session.scalars(select(NotifiedDelivery)))) == 4
