"""What an examination of a hub finds, check by check."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from pathlib import Path

from cryptography import x509

from gateway.domain.errors import GatewayFault, Misconfigured
from gateway.domain.transit.pushing import Pushing
from gateway.exchange.operate.flow import Flow, age
from gateway.store.registry.models import CertificateRow
from gateway.trust.timestamp import TimeSource

SOON = timedelta(days=30)
"""A certificate that ends within this time is worth a look."""
_CLOCK_LOOK, _CLOCK_BAD = timedelta(seconds=5), timedelta(seconds=60)
_MEBI = 1024**2
_SPACE_LOOK, _SPACE_BAD = 2048 * _MEBI, 200 * _MEBI
_CONNECT_S = 2.0
_STATES = {
    Pushing.GOING.value: "is told its receipts",
    Pushing.WAITING.value: "could not be told, and is tried again",
    Pushing.STOPPED.value: "could not be told for so long that it is hardly tried any more",
}


class Mark(Enum):
    """How a check ended."""

    GOOD = "good"
    LOOK = "look"  # a person should; the hub keeps its promises meanwhile
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        decided: False when the check itself could not be done.
    """

    check: str
    mark: Mark
    said: str
    decided: bool = True


Check = Callable[[], Iterable[Finding]]


def examine(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Do every check; one that fails is told and keeps no other from being done."""
    for name, check in checks.items():
        try:
            yield from check()
        except Misconfigured as fault:
            yield from (Finding(name, Mark.BAD, one) for one in fault.faults)
        except GatewayFault as fault:
            yield Finding(name, Mark.BAD, str(fault))
        except Exception as error:  # noqa: BLE001 - a defect of a check says nothing about the hub
            yield Finding(name, Mark.LOOK, f"could not be checked: {type(error).__name__}", decided=False)


def resources(ready: Mapping[str, str], warnings: Mapping[str, str]) -> Iterator[Finding]:
    """What the hub says of itself."""
    for name, said in ready.items():
        yield Finding(name, Mark.GOOD if said == "ok" else Mark.BAD, "works" if said == "ok" else said)
    for name, said in warnings.items():
        yield Finding(name, Mark.LOOK, said)


def revision(found: str | None, known: str, floor: str | None = None) -> Iterator[Finding]:
    """Whether the database has the present form.

    Args:
        floor: the oldest version that still works with it, as the database tells.
    """
    if found == known:
        yield Finding("revision", Mark.GOOD, f"the database is at revision {known}")
    elif found is not None and floor is not None and floor <= known < found:
        said = f"the database is at {found} already, which leaves this version, {known}, its place"
        yield Finding("revision", Mark.LOOK, said)
    else:
        yield Finding("revision", Mark.BAD, f"the database is at {found or 'none'}, not {known}: wasl init")


def certificate(name: str, path: Path, now: datetime) -> Iterator[Finding]:
    """Whether a certificate of the hub's own is valid, and how long still."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError) as error:
        yield Finding(name, Mark.BAD, f"{path}: {error}")
        return
    if now < found.not_valid_before_utc:
        yield Finding(name, Mark.BAD, f"valid from {found.not_valid_before_utc:%Y-%m-%d} on only")
    else:
        yield Finding(name, _ending(found.not_valid_after_utc, now), _until(found.not_valid_after_utc, now))


def registered(rows: Iterable[CertificateRow], now: datetime) -> Iterator[Finding]:
    """Certificates of parties that end soon or have ended; the hub itself goes on without them."""
    active = [row for row in rows if row.active]
    ending = [row for row in active if row.not_after <= now + SOON]
    for row in ending:
        said = f"{row.party} {row.digest[:16]}: {_until(row.not_after, now)}"
        yield Finding("party certificates", Mark.LOOK, said)
    if not ending:
        yield Finding("party certificates", Mark.GOOD, f"{len(active)} registered, none ends soon")


def revocation_lists(stale: list[str]) -> Iterator[Finding]:
    """Whether revocation lists are fresh."""
    for issuer in stale:
        yield Finding("revocation lists", Mark.LOOK, f"{issuer}: ends within a day or has ended")
    if not stale:
        yield Finding("revocation lists", Mark.GOOD, "none ends within a day")


def space(folder: Path) -> Iterator[Finding]:
    """Whether there is room on a folder's disk."""
    free = shutil.disk_usage(folder).free
    mark = Mark.BAD if free < _SPACE_BAD else Mark.LOOK if free < _SPACE_LOOK else Mark.GOOD
    yield Finding("disk", mark, f"{free // _MEBI} MiB free at {folder}")


def clock(source: TimeSource, now: Callable[[], datetime], independent: bool) -> Iterator[Finding]:
    """Whether the machine's clock agrees with independent time."""
    if not independent:
        yield Finding("clock", Mark.LOOK, "no independent time to compare with: timestamps.authorities")
        return
    before = now()
    try:
        stated = source.stamp(sha256(b"wasl doctor").digest()).token.time
    except GatewayFault as fault:
        yield Finding("clock", Mark.LOOK, str(fault))
        return
    # the token was made at some moment of the call
    off = max(before - stated, stated - now(), timedelta())
    mark = Mark.BAD if off > _CLOCK_BAD else Mark.LOOK if off > _CLOCK_LOOK else Mark.GOOD
    yield Finding("clock", mark, f"off by {off.total_seconds():.0f} s")


def journey(flow: Flow) -> Iterator[Finding]:
    """Whether workers are there, and which routes are left alone."""
    if flow.workers:
        yield Finding("workers", Mark.GOOD, f"{flow.workers} alive")
    else:
        yield Finding("workers", Mark.LOOK, "none has given a sign of life: wasl worker")
    yield from _routes(flow)
    yield from _depth(flow)
    yield from _senders(flow)
    yield from _webhooks(flow)


_MOST_NAMED = 20
"""Lines of one kind; of thousands of offices a person wants the worst, and the number of the others."""


def _routes(flow: Flow) -> Iterator[Finding]:
    shut = [route for route in flow.routes if route.state != "CLOSED"]
    for route in sorted(shut, key=lambda one: one.failing_since or flow.at)[:_MOST_NAMED]:
        said = f"{route.office}: fails since {_moment(route.failing_since)} and is left alone for now"
        yield Finding("routes", Mark.LOOK, f"{said}; last answer {_moment(route.last_success_at)}")
    if len(shut) > _MOST_NAMED:
        yield Finding("routes", Mark.LOOK, f"and {len(shut) - _MOST_NAMED} more that fail")
    paused = [route.office for route in flow.routes if route.paused]
    if paused:
        named = ", ".join(paused[:_MOST_NAMED]) + (" …" if len(paused) > _MOST_NAMED else "")
        yield Finding("routes", Mark.LOOK, f"{len(paused)} paused: {named}")
    if not shut and not paused:
        yield Finding("routes", Mark.GOOD, "none is left alone or paused")


def _depth(flow: Flow) -> Iterator[Finding]:
    """How much waits in each lane, since when, and where most of it does."""
    for (lane, state), one in sorted(flow.lanes.items()):
        said = f"{lane} {state}: {one.count}, the oldest accepted {_moment(one.since)}"
        yield Finding("deliveries", Mark.LOOK if state == "HELD" else Mark.GOOD, said)
    if not flow.lanes:
        yield Finding("deliveries", Mark.GOOD, "none without an outcome")
    deepest = sorted(flow.offices.items(), key=lambda item: (-item[1].count, item[0]))[:5]
    for (office, state), one in deepest:
        said = f"{office} {state}: {one.count}, the oldest accepted {_moment(one.since)}"
        yield Finding("deepest offices", Mark.GOOD, said)


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else moment.isoformat(timespec="seconds")


def _senders(flow: Flow) -> Iterator[Finding]:
    """How far senders' own systems were told their receipts."""
    for one in flow.pushes:
        late = (
            f", the oldest receipt waits {age(flow, one.oldest).total_seconds():.0f} s" if one.oldest else ""
        )
        refused = f", {one.refused} receipts not taken" if one.refused else ""
        well = one.state == Pushing.GOING.value
        mark = Mark.GOOD if well and not one.refused else Mark.LOOK
        remedy = "" if well else ": wasl party receipts"
        yield Finding("senders", mark, f"{one.party} {_STATES[one.state]}{late}{refused}{remedy}")


def _webhooks(flow: Flow) -> Iterator[Finding]:
    """Which webhooks fail or were switched off, the longest first; of the others only how many there are."""
    failing = [one for one in flow.hooks if one.failing_since is not None]
    for one in sorted(failing, key=lambda one: one.failing_since or flow.at)[:_MOST_NAMED]:
        off = " and is switched off" if one.state == Pushing.STOPPED.value else ""
        said = (
            f"{one.party} {one.webhook}: fails since {_moment(one.failing_since)}{off}: wasl party webhooks"
        )
        yield Finding("webhooks", Mark.LOOK, said)
    if len(failing) > _MOST_NAMED:
        yield Finding("webhooks", Mark.LOOK, f"and {len(failing) - _MOST_NAMED} more that fail")
    if flow.hooks and not failing:
        yield Finding("webhooks", Mark.GOOD, f"{len(flow.hooks)}, none fails")


def port(name: str, host: str, number: int) -> Iterator[Finding]:
    """Whether somebody answers at a port where the hub should."""
    if not number:
        yield Finding(name, Mark.LOOK, "switched off, or any free one")
        return
    try:
        socket.create_connection((host, number), _CONNECT_S).close()
    except OSError:
        yield Finding(name, Mark.LOOK, f"nobody answers at {host}:{number}")
    else:
        yield Finding(name, Mark.GOOD, f"{host}:{number} answers")


def _ending(end: datetime, now: datetime) -> Mark:
    return Mark.BAD if end <= now else Mark.LOOK if end <= now + SOON else Mark.GOOD


def _until(end: datetime, now: datetime) -> str:
    return f"{'ended' if end <= now else 'valid until'} {end:%Y-%m-%d}"
