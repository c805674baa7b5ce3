"""A mail server in trouble: messages are tried again or given up, none is lost, no letter waits for it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import select

from gateway.bootstrap import sweep
from gateway.bootstrap.telling import teller
from gateway.clients.mail import Mail
from gateway.domain.errors import Ambiguous
from gateway.domain.evidence.receipt import Event as Attests
from gateway.exchange.transit.tell import Teller
from gateway.store.transit.notice_models import NotificationRow
from gateway.workers.worker import Job, Worker
from tests.support.hub import AGENCY_OFFICE, HubUnderTest
from tests.support.post import DROP, TAKE_AND_DROP, Post, post_office
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, receipts, state
from tests.support.tls import make_tls

READER = {"order-office-1": "first@agency.test"}
BOTH = {**READER, "order-office-2": "second@agency.test"}
TOTAL_S = 1.0
PATIENCE_S = 20.0
HANG_S = 4.0


def hub_of(folder: Path, port: int, addresses: dict[str, str], **environment: str) -> HubUnderTest:
    """A hub whose mail goes to this port, and whose agency has readers."""
    mail = {
        "WASL_MAIL_KIND": "smtp",
        "WASL_MAIL_HOST": "localhost",
        "WASL_MAIL_PORT": str(port),
        "WASL_MAIL_SECURITY": "none",
        "WASL_MAIL_CONNECT_SECONDS": str(TOTAL_S),
        "WASL_MAIL_TOTAL_SECONDS": str(TOTAL_S),
    }
    hub = fresh_hub(folder, Simulator(), **{**mail, **environment})
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE)
    hub.apply({"office": [{**office, "reader_addresses": addresses}]})
    return hub


def lay(hub: HubUnderTest) -> str:
    """A letter lies in the agency's office, and its readers' messages are due."""
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once()
    hub.clock.forward(seconds=61)
    return delivery


def rows(hub: HubUnderTest) -> list[tuple[str, str | None, int]]:
    with hub.gateway.store.read() as session:
        found = session.scalars(select(NotificationRow).order_by(NotificationRow.id))
        return [(one.state, one.code, one.attempts) for one in found]


def attested(hub: HubUnderTest, delivery: str) -> list[Attests]:
    told = (Attests.CONSIGNMENT_NOTIFICATION, Attests.CONSIGNMENT_NOTIFICATION_FAILURE)
    return [one.event for one in receipts(hub, delivery) if one.event in told]


TROUBLE: dict[str, tuple[dict[str, Any], str]] = {
    "slow beyond its time": ({"pauses": [TOTAL_S * 3]}, "WASL-DLV-004"),
    "busy": ({"answers": ["451 later"]}, "WASL-DLV-002"),
    "busy for the recipient": ({"at_recipient": ["450 greylisted"]}, "WASL-DLV-002"),
    "shutting down": ({"at_recipient": ["421 shutting down"]}, "WASL-DLV-002"),
    "connection dropped before the message": ({"at_recipient": [DROP]}, "WASL-DLV-001"),
    "connection dropped after the message": ({"answers": [DROP]}, "WASL-DLV-004"),
    "message taken and connection dropped": ({"answers": [TAKE_AND_DROP]}, "WASL-DLV-004"),
}
"""What a server does with the first message, and the code that is kept of it."""


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_that_passes_is_tried_again_and_attested_once(tmp_path: Path, name: str) -> None:
    behaviour, code = TROUBLE[name]
    post = Post(**behaviour)
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, READER)
        delivery = lay(hub)
        assert teller(hub.gateway, "w").run() == 0
        assert rows(hub) == [("WAITING", code, 1)]
        assert attested(hub, delivery) == []
        hub.clock.forward(seconds=59)
        assert teller(hub.gateway, "w").run() == 0
        hub.clock.forward(seconds=2)
        assert teller(hub.gateway, "w").run() == 1
    assert rows(hub) == [("SENT", None, 2)]
    assert attested(hub, delivery) == [Attests.CONSIGNMENT_NOTIFICATION]
    assert len(post.taken) >= 1
    assert len(names(post)) == 1  # a copy that came twice shows as one


def names(post: Post) -> set[bytes]:
    """The names of the messages that a server took."""
    lines = (line for one in post.taken for line in one.content.splitlines())
    return {line for line in lines if line.lower().startswith(b"message-id:")}


def test_message_of_which_nobody_knows_is_sent_twice_rather_than_never(tmp_path: Path) -> None:
    post = Post(answers=[TAKE_AND_DROP])
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, READER)
        lay(hub)
        teller(hub.gateway, "w").run()
        hub.clock.forward(seconds=61)
        teller(hub.gateway, "w").run()
    assert (len(post.taken), len(names(post))) == (2, 1)


def test_server_that_is_slow_within_its_time_gets_the_message_once(tmp_path: Path) -> None:
    post = Post(pauses=[TOTAL_S / 4])
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, READER)
        lay(hub)
        assert teller(hub.gateway, "w").run() == 1
    assert (rows(hub), len(post.taken)) == ([("SENT", None, 1)], 1)


@pytest.mark.parametrize("where", ["answers", "at_recipient"])
def test_refusal_for_good_is_given_up_at_once_and_attested(tmp_path: Path, where: str) -> None:
    post = Post(**{where: ["550 no such mailbox"]})
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, READER)
        delivery = lay(hub)
        assert teller(hub.gateway, "w").run() == 0
        hub.clock.forward(days=2)
        assert teller(hub.gateway, "w").run() == 0
    assert rows(hub) == [("FAILED", "WASL-DLV-003", 1)]
    assert attested(hub, delivery) == [Attests.CONSIGNMENT_NOTIFICATION_FAILURE]
    assert (state(hub, delivery), post.taken) == ("AVAILABLE", [])


def test_trouble_that_lasts_is_given_up_with_its_last_code_when_its_time_is_over(tmp_path: Path) -> None:
    post = Post(answers=["451 later"] * 99)
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, READER)
        delivery = lay(hub)
        for _ in range(30):
            teller(hub.gateway, "w").run()
            hub.clock.forward(hours=1)
    [(now, code, attempts)] = rows(hub)
    assert (now, code, attempts == post.seen) == ("FAILED", "WASL-DLV-002", True)
    assert attested(hub, delivery) == [Attests.CONSIGNMENT_NOTIFICATION_FAILURE]


def test_one_reader_s_trouble_is_not_the_other_s(tmp_path: Path) -> None:
    post = Post(answers=["550 no such mailbox"])
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, BOTH)
        delivery = lay(hub)
        assert teller(hub.gateway, "w").run() == 1
    assert sorted(rows(hub)) == [("FAILED", "WASL-DLV-003", 1), ("SENT", None, 1)]
    assert attested(hub, delivery) == [Attests.CONSIGNMENT_NOTIFICATION]


def test_server_with_a_certificate_of_another_name_is_told_nothing_and_tried_again(tmp_path: Path) -> None:
    files = make_tls(tmp_path / "tls", "mail.elsewhere.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    post = Post()
    with post_office(post, tls_context=context) as port:
        trusted = {"WASL_MAIL_SECURITY": "starttls", "WASL_OUTGOING_CA_BUNDLE": str(files.authority)}
        hub = hub_of(tmp_path / "hub", port, READER, **trusted)
        delivery = lay(hub)
        assert teller(hub.gateway, "w").run() == 0
    assert rows(hub) == [("WAITING", "WASL-DLV-001", 1)]
    assert (post.seen, attested(hub, delivery)) == (0, [])


# Beside deliveries ----------------------------------------------------------------------------------


@contextmanager
def working(hub: HubUnderTest, telling: Teller) -> Iterator[None]:
    """A worker with one place for letters, which also tells people."""
    worker = Worker(hub.dispatch(), sweep(hub.gateway), 1, 0.02, (Job(telling.run, 0.1),))
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def within(seconds: float, done: Callable[[], bool]) -> float:
    """How long it took until something was so; at most ``seconds``."""
    began = monotonic()
    while not done():
        assert monotonic() - began < seconds
        Event().wait(0.02)
    return monotonic() - began


def test_letters_arrive_in_their_usual_time_while_the_mail_server_hangs(tmp_path: Path, shape: Shape) -> None:
    post = Post(pauses=[HANG_S] * 2)
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, BOTH, WASL_MAIL_TOTAL_SECONDS="30")
        lay(hub)
        with working(hub, teller(hub.gateway, "w")):
            within(PATIENCE_S, lambda: post.seen == 1)
            laid = [accept(hub)[0] for _ in range(5)]
            within(HANG_S, lambda: {state(hub, one) for one in laid} == {"HANDED_OVER"})
            assert (post.seen, post.taken, rows(hub)[0][0]) == (1, [], "SENDING")  # it hangs all the time
            within(PATIENCE_S, lambda: len(post.taken) == 2)
    assert rows(hub) == [("SENT", None, 1)] * 2


def test_run_against_a_server_that_hangs_ends_after_a_while_and_leaves_the_others_due(tmp_path: Path) -> None:
    hub = hub_of(tmp_path, 1, BOTH)
    lay(hub)

    class Slow:
        asked = 0

        def send(self, mail: Mail, at: datetime) -> None:
            self.asked += 1
            hub.clock.moment += timedelta(seconds=61)
            raise Ambiguous("WASL-DLV-004")

    slow = Slow()
    telling = replace(teller(hub.gateway, "w"), mailer=slow)
    telling.run()
    assert slow.asked == 1
    telling.run()
    assert slow.asked == 2
    assert sorted(rows(hub)) == [("WAITING", "WASL-DLV-004", 1)] * 2
