"""Faults of the broker: it is killed, tells too much, and loses what it should tell."""

from __future__ import annotations

import signal

from gateway.clients.broker import BrokerSettings, celery_app
from tests.faults.scenario import Scenario
from tests.faults.size import Size
from tests.faults.town import NOTHING, REPEATS, Town, until


def broker_fails(town: Town, size: Size) -> str:
    """The broker is killed, comes back, tells things twice and three hundred times, and loses some."""
    assert town.services is not None
    scenario, broker = Scenario(town, "broker"), town.services.broker
    town.at_work()
    town.rest()
    dreamer = town.work(WASL_WORKER_POLL_SECONDS="600")
    woken = scenario.send(REPEATS)
    scenario.wait_for("HANDED_OVER", *woken)  # by a wake-up: this worker does not look by itself
    _wake(town, 300)
    scenario.wait_for("HANDED_OVER", *scenario.send(REPEATS))
    broker.stop_abruptly()
    lost = scenario.send(REPEATS, NOTHING, count=3)
    assert {one.statuses[-1] for one in lost} == {201}
    town.work()  # this one looks
    scenario.wait_for("HANDED_OVER", *lost)
    town.workers[-1].signal(signal.SIGTERM)
    town.workers.pop().wait()
    broker.start()
    again = scenario.letter(REPEATS)

    def woken_again() -> bool:
        scenario.once(scenario.letter(REPEATS))
        return bool(scenario.once(again) == 200 and scenario.delivery(again).state == "HANDED_OVER")

    assert scenario.submit(again) == 201
    until("wake-ups come again", woken_again)
    assert dreamer.status is None
    town.rest()
    scenario.send(REPEATS, count=2)
    broker.control("purge_queue", "-p", "wasl", "wasl.wake")
    return scenario.judge()


def _wake(town: Town, times: int) -> None:
    app = celery_app(BrokerSettings(town.environment["WASL_BROKER_URL"]))
    with (
        app.connection_for_write() as connection,
        app.amqp.Producer(connection, auto_declare=False) as producer,
    ):
        for _ in range(times):
            app.send_task(
                "wasl.wake", producer=producer, queue=app.amqp.queues["wasl.wake"], ignore_result=True
            )
