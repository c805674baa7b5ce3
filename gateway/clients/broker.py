"""The message broker, over which web processes wake workers; no letter travels over it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError

from gateway.domain.errors import Misconfigured, Unavailable

TASK = "wasl.wake"
_TOGETHER_S = 0.1
"""Wake-ups that come within this time after one was sent are one: whoever wakes works on all that is due, and
looks again when a letter ended. Each costs web process, broker and worker about a millisecond."""
_FIRST_REST_S, _LONGEST_REST_S = 1.0, 30.0
_MOST_WAITING = 1000
_DELIVERIES = 5

_log = structlog.get_logger()


@dataclass(frozen=True)
class BrokerSettings:
    """Which broker, and how it is called.

    Attributes:
        url: ``amqp://USER@HOST:PORT/VHOST``, or ``amqps://`` for TLS.
        password: wins over one that stands in the address.
        queue: where the wake-ups of this hub lie; two hubs on one virtual host need two.
        ca_file: authorities of its TLS certificate in PEM; None for those of the operating system.
        connect_s: seconds for a connection.
        heartbeat_s: seconds after which a connection that says nothing counts as lost, about twice over.
    """

    url: str = field(repr=False)
    password: str = field(default="", repr=False)
    queue: str = "wasl.wake"
    ca_file: Path | None = None
    connect_s: float = 5.0
    heartbeat_s: float = 20.0


def celery_app(settings: BrokerSettings) -> Celery:
    """Celery as this hub uses it; nothing is connected yet.

    Raises:
        Misconfigured: the address cannot be read.
    """
    app = Celery("wasl", set_as_current=False)
    app.conf.update(
        broker_url=_address(settings),
        broker_use_ssl=_tls(settings),
        broker_connection_timeout=settings.connect_s,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=settings.heartbeat_s,
        # what is published waits for the broker's word, or it would be lost unseen
        broker_transport_options={"confirm_publish": True, "confirm_timeout": settings.connect_s},
        task_queues=(_queue(settings),),
        task_default_queue=settings.queue,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return app


def _queue(settings: BrokerSettings) -> Any:
    # Nobody needs many: one wake-up is as good as a thousand, and workers also look by themselves.
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERIES,
        "x-max-length": _MOST_WAITING,
        "x-overflow": "drop-head",
    }
    name = settings.queue
    return Queue(name, routing_key=name, durable=True, queue_arguments=arguments)  # type: ignore[no-untyped-call]


def _address(settings: BrokerSettings) -> str:
    try:
        parts = urlsplit(settings.url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured(["broker.url: cannot be read as an address"]) from error
    if parts.scheme not in ("amqp", "amqps") or not host:
        raise Misconfigured(["broker.url: must be amqp://USER@HOST/VHOST or amqps://USER@HOST/VHOST"])
    user = parts.username or "guest"
    password = quote(settings.password, safe="") or parts.password or ""
    shown = f"[{host}]" if ":" in host else host
    place = f"{user}:{password}@{shown}:{port or (5671 if parts.scheme == 'amqps' else 5672)}"
    # TLS is said by its own option, so that one set of rules holds for it
    return urlunsplit(("amqp", place, parts.path or "//", "", ""))


def _tls(settings: BrokerSettings) -> dict[str, Any] | None:
    parts = urlsplit(settings.url)
    if parts.scheme != "amqps":
        return None
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(settings.ca_file or ssl.get_default_verify_paths().cafile or ""),
        "server_hostname": parts.hostname,
    }


class Broker:
    """Sends wake-ups from a thread of its own, so that no sender ever waits for the broker.

    A wake-up that cannot be sent is dropped: workers find by themselves, a little later, what it was for.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._app = celery_app(settings)
        self._settings = settings
        self._wanted, self._closed = Event(), Event()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._ill = False

    def wake(self) -> None:
        """Let some worker look for due letters; returns at once."""
        self._wanted.set()
        if self._thread is None:
            # not before it is needed: a thread does not survive the forks of a web server
            with self._starting:
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="wake-ups", daemon=True)
                    self._thread.start()

    def check(self) -> None:
        """Ask the broker whether it takes and gives wake-ups.

        Raises:
            Unavailable: it does not answer, does not let the hub in, or has another queue of that name.
        """
        try:
            with self._connection() as connection:
                connection.connect()  # once; by itself it would try for minutes
                _queue(self._settings)(connection.default_channel).declare()
        except _troubles(self._app) as error:
            raise Unavailable(f"the broker cannot be used ({type(error).__name__})") from error

    def close(self) -> None:
        """Send what is wanted yet, and end."""
        self._closed.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(self._settings.connect_s)

    def _connection(self) -> Any:
        return self._app.connection_for_write(connect_timeout=self._settings.connect_s)

    def _run(self) -> None:
        rest = _FIRST_REST_S
        while not self._closed.is_set():
            try:
                with self._connection() as connection:
                    connection.connect()
                    self._serve(connection, self._told_well)
            except _troubles(self._app) as error:
                rest = _FIRST_REST_S if not self._ill else min(rest * 2, _LONGEST_REST_S)
                self._told_ill(error)
                self._closed.wait(rest)

    def _serve(self, connection: Any, well: Callable[[], None]) -> None:
        queue = _queue(self._settings)
        queue(connection.default_channel).declare()
        with self._app.amqp.Producer(connection, auto_declare=False) as producer:
            while not self._closed.is_set():
                if not self._wanted.wait(self._settings.heartbeat_s / 2):
                    connection.heartbeat_check()
                    continue
                self._wanted.clear()
                self._app.send_task(TASK, producer=producer, queue=queue, retry=False, ignore_result=True)
                well()
                self._closed.wait(_TOGETHER_S)

    def _told_well(self) -> None:
        if self._ill:
            _log.warning("broker back", queue=self._settings.queue)
        self._ill = False

    def _told_ill(self, error: Exception) -> None:
        if not self._ill:  # once for each outage
            _log.warning("broker out, workers look by themselves", cause=type(error).__name__)
        self._ill = True


def _troubles(app: Celery) -> tuple[type[Exception], ...]:
    """What may go wrong between here and a broker."""
    with app.connection_for_write() as unconnected:
        errors = (*unconnected.connection_errors, *unconnected.channel_errors)
    return (*errors, KombuError, OSError)
