"""Options of how people, senders' systems and webhooks are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.domain.transit.retry import RetrySchedule
from gateway.settings_values import option

_DAY = 86_400


@dataclass(frozen=True)
class Mail:
    """How people are told that something waits for them."""

    kind: str = option("outbox", choices=("outbox", "smtp"))
    outbox: Path = option(Path("outbox"))
    host: str = option("", pattern=r"[^\s/@]*", expected="empty, a host name or an address")
    port: int = option(587, least=1, most=65_535)
    security: str = option("starttls", choices=("starttls", "tls", "none"))
    user: str = option("")
    sender: str = option(
        "gateway@demo-hub.test", pattern=r"[^\s@]+@[^\s@]+", expected="an e-mail address of the hub"
    )
    language: str = option("", pattern=r"[A-Za-z-]{0,35}", expected="empty or a language tag")
    operators: tuple[str, ...] = option((), pattern=r"[^\s@]+@[^\s@]+", expected="e-mail addresses")
    connect_seconds: float = option(5.0, least=0.01, most=300)
    total_seconds: float = option(30.0, least=0.01, most=300)
    gather_seconds: float = option(60.0, least=0, most=3600)
    every_seconds: float = option(3600.0, least=60, most=7 * _DAY)
    poll_seconds: float = option(5.0, least=0.05, most=3600)
    first_seconds: float = option(60.0, least=0.01, most=_DAY)
    cap_seconds: float = option(3600.0, least=0.01, most=_DAY)
    lifetime_seconds: float = option(1.0 * _DAY, least=1, most=30 * _DAY)


@dataclass(frozen=True)
class Push:
    """How senders' own systems are told their receipts."""

    threads: int = option(4, least=1, most=256)
    poll_seconds: float = option(2.0, least=0.05, most=3600)
    rest_seconds: float = option(6 * 3600.0, least=1, most=7 * _DAY)


@dataclass(frozen=True)
class Webhooks:
    """How parties' webhooks are told their events."""

    threads: int = option(4, least=1, most=256)
    poll_seconds: float = option(2.0, least=0.05, most=3600)
    per_party: int = option(20, least=0, most=1000)
    total_seconds: float = option(10.0, least=0.1, most=300)
    first_seconds: float = option(10.0, least=0.01, most=_DAY)
    cap_seconds: float = option(3600.0, least=0.01, most=_DAY)
    lifetime_seconds: float = option(3.0 * _DAY, least=1, most=30 * _DAY)
    pings_per_minute: int = option(6, least=1, most=1_000_000)

    @property
    def schedule(self) -> RetrySchedule:
        """When a failed call is repeated."""
        return RetrySchedule(self.first_seconds, 2.0, self.cap_seconds, 0.2, self.lifetime_seconds)


@dataclass(frozen=True)
class News:
    """How recipients' systems are asked what became of the letters that they took."""

    threads: int = option(4, least=1, most=256)
    poll_seconds: float = option(10.0, least=0.05, most=3600)
    every_seconds: float = option(60.0, least=0.01, most=_DAY)
    batch: int = option(50, least=1, most=1000)
    turn_seconds: float = option(60.0, least=0.1, most=3600)
    first_seconds: float = option(300.0, least=0.01, most=_DAY)
    cap_seconds: float = option(1.0 * _DAY, least=0.01, most=7 * _DAY)
    days: float = option(60.0, least=0.01, most=3660)

    @property
    def letters(self) -> RetrySchedule:
        """How long a letter waits until it is asked about again."""
        return RetrySchedule(self.first_seconds, 2.0, self.cap_seconds, 0.2, self.days * _DAY)

    @property
    def routes(self) -> RetrySchedule:
        """How long a route waits that could not be asked."""
        return RetrySchedule(self.every_seconds, 2.0, self.cap_seconds, 0.2, self.days * _DAY)
