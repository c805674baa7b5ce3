"""Chooses who wakes workers: a message broker, or without one a doorbell on the same machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clients.doorbell import Doorbell
from gateway.domain.errors import Misconfigured
from gateway.exchange.operate.health import no_broker
from gateway.home import read_secret
from gateway.settings import Settings
from gateway.workers.bell import BellListener
from gateway.workers.worker import Wakeups

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway
    from gateway.clients.broker import BrokerSettings

_BELL = "doorbell"
PASSWORD = "broker-password"  # noqa: S105 - its name


def wakeups(gateway: Gateway) -> Wakeups:
    """What lets a worker's places be woken.

    Raises:
        Misconfigured: see `by_broker`.
    """
    if not gateway.settings.broker.url:
        return partial(BellListener, gateway.settings.home / _BELL)
    found = _settings(gateway.settings, partial(read_secret, gateway.settings.home / "secrets"))
    from gateway.workers.wakeups import WakeupListener

    return partial(WakeupListener, found)


def by_broker(
    settings: Settings, secret: Callable[[str], str]
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What wakes workers, and what asks whether it can be used; nothing is connected before either is called.

    Args:
        secret: reads a secret of that name.

    Raises:
        Misconfigured: the broker's library is missing, or its address cannot be read.
    """
    if not settings.broker.url:
        return Doorbell(settings.home / _BELL).ring, no_broker
    found = _settings(settings, secret)
    from gateway.clients.broker import Broker

    broker = Broker(found)
    return broker.wake, broker.check


def _settings(settings: Settings, secret: Callable[[str], str]) -> BrokerSettings:
    if find_spec("celery") is None:
        raise Misconfigured(["broker.url: a broker needs Celery; install the extra [scale]"])
    # Only a hub that uses it needs it installed.
    from gateway.clients.broker import BrokerSettings

    own, bundle = settings.broker, settings.outgoing.ca_bundle
    return BrokerSettings(
        url=own.url,
        password=_password(secret),
        queue=own.queue,
        ca_file=Path(bundle) if bundle else None,
        connect_s=own.connect_seconds,
        heartbeat_s=own.heartbeat_seconds,
    )


def _password(secret: Callable[[str], str]) -> str:
    """The secret; empty where there is none and the address says all."""
    try:
        return secret(PASSWORD)
    except Misconfigured:
        return ""
