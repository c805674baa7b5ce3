"""The journey's figures in Prometheus' terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from gateway.exchange.operate.flow import Depth, Flow, age

MOST_OFFICES = 1000
"""Offices that are named; the deepest ones. A figure with a label costs whoever keeps it, for each value."""
_STATES = {"CLOSED": 0, "HALF_OPEN": 1, "OPEN": 2}
_PUSHING = {"GOING": 0, "WAITING": 1, "STOPPED": 2}


def add_flow(flow: Flow, registry: CollectorRegistry) -> None:
    """Add the figures of the journey.

    Offices are named by their directory identifiers, which are public: without them nobody could tell
    which administration's system is out. Nothing else that the labels say identifies anything.
    """

    def gauge(name: str, says: str, value: float) -> None:
        Gauge(f"wasl_{name}", says, registry=registry).set(value)

    gauge(
        "oldest_undelivered_seconds", "Age of the oldest delivery without an outcome.", _s(flow, flow.oldest)
    )
    gauge("overdue_seconds", "How long the oldest due delivery waits for a worker.", _s(flow, flow.due_since))
    gauge("workers", "Worker processes that gave a sign of life lately.", flow.workers)
    gauge("notifications_waiting", "Notifications not sent yet.", flow.untold)
    gauge("notification_lag_seconds", "How long the oldest one is due.", _s(flow, flow.untold_since))
    gauge("sequencer_lag_seconds", "How long the oldest receipt waits.", _s(flow, flow.unplaced_since))
    _depths(flow, flow.lanes, "lane", registry)
    named = _named(flow)
    _depths(flow, {key: one for key, one in flow.offices.items() if key[0] in named}, "office", registry)
    _routes(flow, named, registry)
    if flow.pushes:
        _pushes(flow, registry)
    if flow.hooks:
        _hooks(flow, registry)


def _s(flow: Flow, since: datetime | None) -> float:
    return age(flow, since).total_seconds()


def _named(flow: Flow) -> set[str]:
    depth = dict.fromkeys((route.office for route in flow.routes), 0)
    for (office, _), one in flow.offices.items():
        depth[office] = depth.get(office, 0) + one.count
    return set(sorted(depth, key=lambda office: (-depth[office], office))[:MOST_OFFICES])


def _depths(
    flow: Flow, depths: Mapping[tuple[str, str], Depth], label: str, registry: CollectorRegistry
) -> None:
    labels = [label, "state"]
    count = Gauge(f"wasl_{label}_deliveries", "Deliveries without an outcome.", labels, registry=registry)
    oldest = Gauge(f"wasl_{label}_oldest_seconds", "Age of the oldest of them.", labels, registry=registry)
    for key, one in depths.items():
        count.labels(*key).set(one.count)
        oldest.labels(*key).set(_s(flow, one.since))


def _routes(flow: Flow, named: set[str], registry: CollectorRegistry) -> None:
    breaker = Gauge("wasl_route_breaker", "0 closed, 1 half open, 2 open.", ["office"], registry=registry)
    success = Gauge(
        "wasl_route_last_success_seconds", "Since it last took a letter.", ["office"], registry=registry
    )
    paused = Gauge("wasl_route_paused", "1 while it is paused.", ["office"], registry=registry)
    for route in flow.routes:
        if route.office in named:
            paused.labels(route.office).set(route.paused)
            breaker.labels(route.office).set(_STATES.get(route.state, 2))
            if route.last_success_at is not None:
                success.labels(route.office).set(_s(flow, route.last_success_at))


def _pushes(flow: Flow, registry: CollectorRegistry) -> None:
    """Those furthest behind; parties are public as offices are."""

    def gauge(name: str, says: str) -> Gauge:
        return Gauge(f"wasl_push_{name}", says, ["party"], registry=registry)

    state = gauge("state", "0 going, 1 waiting after a failure, 2 stopped.")
    lag = gauge("lag_seconds", "Age of the oldest receipt that a sender's own system was not told.")
    failing = gauge("failing_seconds", "Since the first of its failures in a row.")
    refused = gauge("refused", "Receipts that it refused for good, or that were passed over.")
    success = gauge("last_success_seconds", "Since it last took a receipt.")
    behind = sorted(flow.pushes, key=lambda one: (-_s(flow, one.oldest), one.party))
    for one in behind[:MOST_OFFICES]:
        state.labels(one.party).set(_PUSHING.get(one.state, 2))
        lag.labels(one.party).set(_s(flow, one.oldest))
        failing.labels(one.party).set(_s(flow, one.failing_since))
        refused.labels(one.party).set(one.refused)
        if one.last_success_at is not None:
            success.labels(one.party).set(_s(flow, one.last_success_at))


def _hooks(flow: Flow, registry: CollectorRegistry) -> None:
    """Webhooks that fail, the longest first; an identifier says nothing of the address."""

    def gauge(name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"wasl_webhook{name}", says, labels, registry=registry)

    count = gauge("s", "Webhooks by how they are told.", "state")
    for state in _PUSHING:
        count.labels(state).set(sum(one.state == state for one in flow.hooks))
    lag = gauge(
        "_lag_seconds", "Age of the oldest event that a failing webhook was not told.", "party", "webhook"
    )
    failing = gauge("_failing_seconds", "Since the first of its failures in a row.", "party", "webhook")
    bad = [one for one in flow.hooks if one.failing_since is not None]
    for one in sorted(bad, key=lambda one: (-_s(flow, one.failing_since), one.webhook))[:MOST_OFFICES]:
        lag.labels(one.party, one.webhook).set(_s(flow, one.oldest))
        failing.labels(one.party, one.webhook).set(_s(flow, one.failing_since))
