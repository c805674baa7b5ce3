"""RabbitMQ for tests: the broker that WASL_TEST_BROKER_URL names, or one started for this process alone."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from functools import cache

import pytest

from tests.support import told
from tools.services import NotStarted, RabbitMQ

VARIABLE = "WASL_TEST_BROKER_URL"


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        url: of a virtual host of it.
        own: it ends with this process; None for somebody else's, which tests neither stop nor configure.
    """

    url: str
    own: RabbitMQ | None = None

    def make_host(self) -> str:
        """The URL of a new virtual host; of somebody else's broker, that which it was named with."""
        return self.url if self.own is None else self.own.make_host()


@cache
def broker() -> Broker:
    """The broker for tests; the calling test is skipped, and says so, where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        told.tell("RabbitMQ", f"the broker that {VARIABLE} names")
        return Broker(named)
    own = own_broker()
    told.tell("RabbitMQ", own.told)
    return Broker(own.url, own)


def own_broker() -> RabbitMQ:
    """A broker that nobody else uses, for tests that stop it; close it afterwards."""
    try:
        own = RabbitMQ()
    except NotStarted as error:
        pytest.skip(f"{error}, or set {VARIABLE}")
    atexit.register(own.close)
    return own


def fresh_host() -> str:
    """The URL of a virtual host of one's own."""
    return broker().make_host()
