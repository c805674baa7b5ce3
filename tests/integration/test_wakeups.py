"""A broker wakes workers and decides nothing: what it loses, doubles or refuses moves only the moment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import structlog
from kombu import Connection

from gateway.bootstrap import sweep
from gateway.bootstrap.waking import check_broker, wakeups
from gateway.clients.broker import TASK, Broker, BrokerSettings, celery_app
from gateway.domain.errors import Misconfigured, Unavailable
from gateway.workers.places import Places
from gateway.workers.wakeups import WakeupListener
from gateway.workers.worker import Worker
from tests.support import rabbitmq
from tests.support.hub import HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, state

PATIENCE_S = 30
NEVER_S = 3600.0
"""A worker that looks so seldom is moved by wake-ups alone."""
NOBODY = "amqp://wasl@127.0.0.1:1/none"


class Bench:
    """Places that count how often they are woken."""

    def __init__(self, free: bool = True) -> None:
        self.free, self.woken, self.count = Event(), Event(), 0
        if free:
            self.free.set()

    def wait_for_one(self, seconds: float) -> bool:
        return self.free.wait(PATIENCE_S)

    def wake(self) -> None:
        self.count += 1
        self.woken.set()


@pytest.fixture
def settings() -> BrokerSettings:
    return BrokerSettings(rabbitmq.broker().url, queue=fresh_queue())


def fresh_queue() -> str:
    # a queue of one's own is made at once, a virtual host takes the broker's own command ten seconds
    return f"wasl.test.{secrets.token_hex(8)}"


@contextmanager
def listening(settings: BrokerSettings, places: Any) -> Iterator[WakeupListener]:
    with WakeupListener(settings, places) as listener:
        yield listener
    assert not listener._thread.is_alive()


def until(met: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


def waiting(settings: BrokerSettings) -> int:
    """How many wake-ups lie in the queue, ready to be taken."""
    with Connection(settings.url) as connection:
        queue = connection.default_channel.queue_declare(settings.queue, passive=True)
    return int(queue.message_count)


def test_a_wake_up_reaches_a_listening_worker(settings: BrokerSettings) -> None:
    broker, places = Broker(settings), Bench()
    with listening(settings, places):
        broker.wake()
        assert places.woken.wait(PATIENCE_S)
    broker.close()


def test_wake_ups_wait_for_the_first_worker_and_many_are_few(settings: BrokerSettings) -> None:
    broker = Broker(settings)
    broker.wake()
    until(lambda: waiting_or_none(settings))
    for _ in range(500):
        broker.wake()
    broker.close()
    assert 1 <= waiting(settings) < 50
    places = Bench()
    with listening(settings, places):
        assert places.woken.wait(PATIENCE_S)


def waiting_or_none(settings: BrokerSettings) -> int:
    try:
        return waiting(settings)
    except Exception:  # the queue is not there yet
        return 0


def test_a_worker_without_a_free_place_leaves_wake_ups_to_others(settings: BrokerSettings) -> None:
    broker, busy, idle = Broker(settings), Bench(free=False), Bench()
    with listening(settings, busy):
        broker.wake()
        until(lambda: waiting_or_none(settings) == 0)
        with listening_in_its_own_way(settings, idle):
            until(lambda: broker.wake() or idle.count > 2)
        assert busy.count == 0
        busy.free.set()
        assert busy.woken.wait(PATIENCE_S)
    broker.close()


@contextmanager
def listening_in_its_own_way(settings: BrokerSettings, places: Bench) -> Iterator[None]:
    """Another worker: Celery knows one per process, so this one takes its turn by hand, with its prefetch."""
    ended = Event()

    def consume() -> None:
        with Connection(settings.url) as connection:
            channel = connection.default_channel
            channel.basic_qos(0, 1, False)

            def take(message: Any) -> None:
                places.wake()
                message.channel.basic_ack(message.delivery_tag)

            channel.basic_consume(settings.queue, callback=take)
            while not ended.is_set():
                try:
                    connection.drain_events(timeout=0.1)
                except TimeoutError:
                    continue

    thread = Thread(target=consume, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE_S)


def test_the_queue_is_a_quorum_queue_and_the_only_one() -> None:
    own = rabbitmq.broker().own
    if own is None:
        pytest.skip("somebody else's broker is not looked into")
    host = own.make_host()
    settings = BrokerSettings(host)
    with listening(settings, Bench()):
        Broker(settings).check()
        listed = own.control(
            "list_queues", "-p", host.rpartition("/")[2], "name", "type", "--quiet", "--no-table-headers"
        )
    assert listed.split() == ["wasl.wake", "quorum"]


def test_a_message_that_is_no_wake_up_is_dropped_and_the_next_one_counts(settings: BrokerSettings) -> None:
    broker, places = Broker(settings), Bench()
    broker.check()
    app = celery_app(settings)
    with Connection(settings.url) as connection:
        producer = connection.Producer()
        for body, content_type in (
            (b"\x80\x04cos\nsystem\n.", "application/x-python-serialize"),
            (b"not json", "application/json"),
            (b"", "text/plain"),
        ):
            producer.publish(
                body,
                routing_key=settings.queue,
                content_type=content_type,
                content_encoding="binary",
                headers={"task": TASK, "id": "1"},
            )
        app.send_task("os.system", args=["true"], queue=settings.queue, connection=connection)
    with listening(settings, places):
        broker.wake()
        assert places.woken.wait(PATIENCE_S)
        until(lambda: waiting(settings) == 0)
    assert places.count == 1
    broker.close()


def test_nobody_waits_for_a_broker_that_does_not_answer() -> None:
    broker = Broker(BrokerSettings(NOBODY))
    with structlog.testing.capture_logs() as told:
        before = time.monotonic()
        for _ in range(1000):
            broker.wake()
        assert time.monotonic() - before < 1
        until(lambda: told)
    assert [one["event"] for one in told] == ["broker out, workers look by themselves"]
    assert "wasl@" not in str(told)
    with pytest.raises(Unavailable, match="broker"):
        broker.check()
    broker.close()


def test_a_listener_whose_broker_does_not_answer_ends_when_it_is_told() -> None:
    places = Bench()
    with listening(BrokerSettings(NOBODY, connect_s=0.5), places):
        assert not places.woken.wait(1)


@pytest.mark.parametrize(
    "url", ["http://broker.test/", "amqp:///wasl", "amqp://broker.test:port/wasl", "amqp://[::1/wasl"]
)
def test_an_address_that_is_none_is_named_by_its_key_and_not_shown(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"broker\.url") as refused:
        Broker(BrokerSettings(url))
    assert url not in str(refused.value)


def test_the_secret_wins_over_a_password_in_the_address() -> None:
    settings = BrokerSettings("amqp://wasl:old@broker.test/wasl", "a/b:c@d")
    url = celery_app(settings).conf.broker_url
    with Connection(url) as connection:
        assert (connection.userid, connection.password, connection.hostname, connection.virtual_host) == (
            "wasl",
            "a/b:c@d",
            "broker.test",
            "wasl",
        )
    assert "old" not in repr(settings)


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    url = rabbitmq.broker().url
    return fresh_hub(tmp_path, system, WASL_BROKER_URL=url, WASL_BROKER_QUEUE=fresh_queue())


def test_an_accepted_letter_wakes_a_worker_that_looks_by_itself_once_an_hour(
    hub: HubUnderTest, system: Simulator
) -> None:
    check_broker(hub.gateway)
    dispatch = hub.dispatch()
    worker = Worker(dispatch, sweep(hub.gateway), 2, NEVER_S, wakeups=wakeups(hub.gateway))
    thread = Thread(target=worker.run)
    thread.start()
    try:
        first = [one for _ in range(3) for one in accept(hub)]
        until(lambda: {state(hub, one) for one in first} == {"HANDED_OVER"})
        [later] = accept(hub)
        until(lambda: state(hub, later) == "HANDED_OVER")
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert len(system.letters) == 4


def test_letters_travel_while_the_broker_is_out(tmp_path: Path, system: Simulator) -> None:
    hub = fresh_hub(tmp_path, system, WASL_BROKER_URL=NOBODY)
    worker = Worker(hub.dispatch(), sweep(hub.gateway), 2, 0.05, wakeups=wakeups(hub.gateway))
    thread = Thread(target=worker.run)
    thread.start()
    try:
        every = [one for _ in range(3) for one in accept(hub)]
        until(lambda: {state(hub, one) for one in every} == {"HANDED_OVER"})
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    assert len(system.letters) == 3


def test_places_wake_for_news_that_came_while_they_looked(hub: HubUnderTest, system: Simulator) -> None:
    dispatch = hub.dispatch()
    with Places(dispatch, 1, NEVER_S) as places:
        assert places.wait_for_one(PATIENCE_S)
        [delivery] = accept(hub)
        places.wake()
        until(lambda: state(hub, delivery) == "HANDED_OVER")
