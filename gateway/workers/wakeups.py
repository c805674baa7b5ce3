"""The Celery shell: a consumer of wake-ups that lets a worker's places look for due letters."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery
from celery.worker import WorkController
from celery.worker import state as celery_state
from celery.worker.consumer import Consumer

from gateway.clients.broker import TASK, BrokerSettings, celery_app
from gateway.workers.places import Places

_WAIT_FOR_A_PLACE_S = 30.0
_REST_S = 5.0
_STOP_S = 10.0
_LOOK_UP_S = 0.5

_log = structlog.get_logger()


class _Consumer(Consumer):  # type: ignore[misc]
    """Celery's consumer without what a wake-up has no use for: nothing is delayed, nobody gossips."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        default_steps = (
            "celery.worker.consumer.connection:Connection",
            "celery.worker.consumer.mingle:Mingle",
            "celery.worker.consumer.tasks:Tasks",
            "celery.worker.consumer.consumer:Evloop",
        )

    def register_with_event_loop(self, hub: Any) -> None:
        super().register_with_event_loop(hub)
        # its loop sees the wish to end only when something happens
        hub.timer.call_repeatedly(_LOOK_UP_S, _nothing)


class WakeupListener:
    """Listens to the broker in a thread for the length of a block, and begins anew when Celery gives up.

    A wake-up is taken by a worker that has a free place; it is acknowledged once the places were told, so
    that none is held back by a long transfer. Letters do not depend on it: places also look by themselves.
    """

    def __init__(self, settings: BrokerSettings, places: Places) -> None:
        self._app = celery_app(settings)
        self._places = places
        self._ending = Event()
        self._thread = Thread(target=self._run, name="wake-ups", daemon=True)
        _define_task(self._app, self._woken)

    def __enter__(self) -> WakeupListener:
        # Celery's threads look for tasks in the process's default application
        self._app.set_default()
        celery_state.should_stop = None
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        celery_state.should_stop = 0  # the one way to end its loop from another thread
        self._thread.join(_STOP_S)

    def _woken(self) -> None:
        # one that finds no place in time is spent: the places look anyway when one is free
        self._places.wait_for_one(_WAIT_FOR_A_PLACE_S)
        self._places.wake()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._controller().start()
            except Exception as error:  # noqa: BLE001 - decides nothing: letters are found by looking
                _log.warning("wake-ups interrupted", cause=type(error).__name__)
            self._ending.wait(_REST_S)

    def _controller(self) -> Any:
        return WorkController(
            app=self._app,
            pool_cls="threads",
            concurrency=1,
            consumer_cls=_Consumer,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )


def _nothing() -> None:
    """Wake the loop up."""


def _define_task(app: Celery, woken: Any) -> None:
    @app.task(name=TASK, ignore_result=True, shared=False)  # type: ignore[untyped-decorator]
    def wake() -> None:
        woken()
