"""Chooses who wakes workers: a message broker, or nobody but their own looking."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.domain.errors import Misconfigured
from gateway.exchange.transit.intake import nobody_is_woken
from gateway.settings import Settings
from gateway.workers.worker import Wakeups, nobody_wakes

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway
    from gateway.clients.broker import Broker, BrokerSettings

PASSWORD = "broker-password"  # noqa: S105 - its name


def waker(settings: Settings, secret: Callable[[str], str]) -> Callable[[], None]:
    """What lets a worker look for due letters at once; nothing is connected before it is called.

    Args:
        secret: reads a secret of that name.

    Raises:
        Misconfigured: the broker's library is missing, or its address cannot be read.
    """
    return broker(settings, secret).wake if settings.broker.url else nobody_is_woken


def wakeups(gateway: Gateway) -> Wakeups:
    """What lets a worker's places be woken.

    Raises:
        Misconfigured: see `waker`.
    """
    if not gateway.settings.broker.url:
        return nobody_wakes
    found = _settings(gateway.settings, _secret(gateway))
    from gateway.workers.wakeups import WakeupListener

    return partial(WakeupListener, found)


def check_broker(gateway: Gateway) -> None:
    """Ask the broker, if there is one, whether it can be used.

    Raises:
        Unavailable: it cannot.
        Misconfigured: see `waker`.
    """
    if gateway.settings.broker.url:
        broker(gateway.settings, _secret(gateway)).check()


def broker(settings: Settings, secret: Callable[[str], str]) -> Broker:
    """The broker of the settings.

    Raises:
        Misconfigured: see `waker`.
    """
    found = _settings(settings, secret)
    from gateway.clients.broker import Broker

    return Broker(found)


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


def _secret(gateway: Gateway) -> Callable[[str], str]:
    from gateway.bootstrap import read_secret

    return partial(read_secret, gateway.settings.home / "secrets")
