"""The command ``doctor``: everything that a hub needs, looked at once."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import click

from gateway.bootstrap import Gateway, build, revocations, routing
from gateway.bootstrap.evidence import lineages, time_source
from gateway.cli.process import settings_from_environment
from gateway.domain.errors import Misconfigured, WaslError
from gateway.exchange.operate import doctor as finding
from gateway.exchange.operate.closures import closed_offices
from gateway.exchange.operate.doctor import Check, Finding, Mark, examine
from gateway.exchange.operate.fullness import full_workers
from gateway.exchange.operate.news import later_news
from gateway.home import TEST_PKI_MARK
from gateway.settings import Settings, StandInWarning
from gateway.store import migrate
from gateway.store.registry import queries as registry

_SIGNS = {Mark.GOOD: "good", Mark.LOOK: "LOOK", Mark.BAD: "BAD "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """Examine the hub: settings, keys, database, contents, disk, clock, ledger, routes, workers, ports.

    Nothing is changed but for one content that is written and deleted again. Exit status: 0 nothing is
    bad, 1 something is, 3 something could not be checked.

    Example: wasl doctor --json
    """
    found: list[Finding] = []
    for one in findings():
        found.append(one)
        if not as_json:
            click.echo(f"{_SIGNS[one.mark]}  {one.check}: {one.said}")
    if as_json:
        click.echo(json.dumps({"checks": [_members(one) for one in found]}, ensure_ascii=False))
    sys.exit(_status(found))


def findings() -> Iterator[Finding]:
    """Every finding; what cannot be built ends the examination."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StandInWarning)
            gateway = build(settings_from_environment())
    except WaslError as fault:
        faults = fault.faults if isinstance(fault, Misconfigured) else (str(fault),)
        yield from (Finding("settings", Mark.BAD, str(one)) for one in faults)
        return
    yield Finding("settings", Mark.GOOD, f"home {gateway.settings.home}")
    yield from examine(_checks(gateway))


def _checks(gateway: Gateway) -> Mapping[str, Check]:
    settings, health, now = gateway.settings, gateway.services.health, gateway.ambient.now
    keys, web = settings.keys, settings.web
    return {
        "stand-ins": lambda: _stand_ins(settings),
        "revision": lambda: finding.revision(
            migrate.current(gateway.store.engine), migrate.head(), migrate.floor(gateway.store.engine)
        ),
        "resources": lambda: finding.resources(health.ready(), health.warnings()),
        "ledger heads": lambda: _heads(settings),
        "seal certificate": lambda: finding.certificate("seal certificate", keys.seal_certificate, now()),
        "test seal certificate": lambda: finding.certificate(
            "test seal certificate", keys.test_seal_certificate, now()
        ),
        "party certificates": lambda: _parties(gateway),
        "revocation lists": lambda: finding.revocation_lists(revocations(gateway).stale()),
        "clock": lambda: finding.clock(
            time_source(settings, gateway.ambient), now, bool(settings.timestamps.authorities)
        ),
        "authorities": lambda: _authorities(gateway),
        "disk": lambda: finding.space(settings.home),
        "closed offices": lambda: closed_offices(routing.clearing(gateway)),
        "later news": lambda: later_news(gateway.store, now()),
        "memory": lambda: full_workers(gateway.store, now()),
        "journey": lambda: finding.journey(health.watch.flow()),
        "web port": lambda: finding.port("web port", web.host, web.port),
        "operations port": lambda: finding.port("operations port", web.operations_host, web.operations_port),
    }


def _stand_ins(settings: Settings) -> Iterator[Finding]:
    if (settings.home / TEST_PKI_MARK).exists():
        yield Finding("stand-ins", Mark.LOOK, "keys and certificates are test ones")
    if settings.mail.kind == "outbox":
        yield Finding("stand-ins", Mark.LOOK, "mail for people is laid in a folder: mail.kind")
    if not settings.mail.operators:
        yield Finding("operators", Mark.LOOK, "nobody is told of deliveries that are held: mail.operators")
    if not settings.timestamps.authorities:
        yield Finding("stand-ins", Mark.LOOK, "time-stamps come from a key of the hub's own")


def _heads(settings: Settings) -> Iterator[Finding]:
    for lineage in lineages(settings):
        head = lineage.head.read()
        said = "none yet" if head is None else f"{head.origin} at {head.size}"
        yield Finding("ledger heads", Mark.GOOD, said)


def _parties(gateway: Gateway) -> Iterator[Finding]:
    with gateway.store.read() as session:
        rows = registry.certificates(session)
    yield from finding.registered(rows, gateway.ambient.now())


def _authorities(gateway: Gateway) -> Iterator[Finding]:
    """The anchors by which seals and time-stamps are verified."""
    for name in ("seal", "tsa"):
        paths = sorted((gateway.settings.trust.directory / name).glob("*.pem"))
        if not paths:
            yield Finding("authorities", Mark.BAD, f"{name}/ of the trust folder holds no certificate")
        for path in paths:
            yield from finding.certificate(f"{name}/{path.name}", path, gateway.ambient.now())


def _members(one: Finding) -> dict[str, Any]:
    return {"check": one.check, "outcome": one.mark.value, "said": one.said, "decided": one.decided}


def _status(found: list[Finding]) -> int:
    if any(one.mark is Mark.BAD for one in found):
        return 1
    return 0 if all(one.decided for one in found) else 3
