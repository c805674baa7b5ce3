"""Reads the hub's settings once, at start, and tells everything that is wrong with them together.

Lowest to highest: the defaults of `gateway.settings_model` (told in prose in ``config/gateway.toml``),
the file that ``WASL_CONFIG`` names or else ``gateway.toml`` in ``WASL_HOME``, the overlay of the
profile in that file, the environment (``WASL_<SECTION>_<KEY>``).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.domain.errors import Misconfigured
from gateway.domain.registry.addresses import is_mail_address
from gateway.settings_model import (
    SECTIONS,
    Database,
    Evidence,
    Hub,
    Keys,
    Ledger,
    Limits,
    Log,
    Outgoing,
    Payloads,
    Retry,
    Settings,
    Tokens,
    Trust,
    Worker,
)
from gateway.settings_sources import PROFILES, Found, Key, gather, options, variable
from gateway.settings_values import default_of, read, rule_of
from gateway.settings_web import Web

__all__ = [
    "Database",
    "Evidence",
    "Hub",
    "Keys",
    "Limits",
    "Log",
    "Outgoing",
    "Payloads",
    "Retry",
    "Settings",
    "StandInWarning",
    "Tokens",
    "Trust",
    "Web",
    "Worker",
    "load",
    "options",
    "stand_in",
    "variable",
]


class StandInWarning(UserWarning):
    """Something only fit for tests and demonstrations stands where the real thing belongs."""


def stand_in(what: str, production: bool) -> None:
    """Say that ``what`` is a stand-in: a warning, or in production mode the end of the start.

    Raises:
        Misconfigured: in production mode.
    """
    if production:
        raise Misconfigured([f"hub.production: {what} is a stand-in and not allowed in production"])
    warnings.warn(what, StandInWarning, stacklevel=2)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings that ``environ`` and the file it leads to make.

    Raises:
        Misconfigured: one sentence for each wrong or unknown option, naming its key.
    """
    home = Path(environ.get("WASL_HOME") or "var").expanduser().absolute()
    profile = environ.get("WASL_PROFILE") or "embedded"
    found = gather(environ, home, profile)
    if profile not in PROFILES:
        found.faults.insert(0, f"WASL_PROFILE: must be one of {', '.join(PROFILES)}, not {profile!r}")
    sections = {name: _section(name, home, found) for name in SECTIONS}
    settings = _completed(Settings(home, profile, **sections))
    faults = [*found.faults, *_contradictions(settings)]
    if faults:
        raise Misconfigured(faults)
    return settings


def _section(name: str, home: Path, found: Found) -> Any:
    model = SECTIONS[name]
    return model(
        **{entry.name: _value((name, entry.name), entry, home, found) for entry in dataclasses.fields(model)}
    )


def _value(key: Key, entry: dataclasses.Field[Any], home: Path, found: Found) -> object:
    default, rule = default_of(entry, home), rule_of(entry)
    if key not in found.values:
        return default
    value, source = found.values[key]
    try:
        return read(options()[key], rule, value, home)
    except ValueError as error:
        shown = "what it is" if rule.secret else _shown(value)
        found.faults.append(f"{'.'.join(key)}: must be {error}, not {shown} (from {source})")
        return default


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _completed(settings: Settings) -> Settings:
    if settings.database.url:
        return settings
    url = f"sqlite:///{settings.home / 'wasl.sqlite3'}"
    return dataclasses.replace(settings, database=dataclasses.replace(settings.database, url=url))


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.retry.cap_seconds < settings.retry.first_seconds:
        yield "retry.cap_seconds: must not be shorter than retry.first_seconds"
    if settings.outgoing.total_seconds < settings.outgoing.connect_seconds:
        yield "outgoing.total_seconds: must not be shorter than outgoing.connect_seconds"
    yield from _contradictions_of_tls(settings.web)
    if settings.worker.lease_seconds <= settings.outgoing.total_seconds:
        # Otherwise a second worker takes a delivery over while the first is still sending it.
        yield "worker.lease_seconds: must be longer than outgoing.total_seconds"
    yield from _contradictions_of_places(settings)
    yield from _contradictions_of_mail(settings)
    if settings.hub.production:
        yield from _unfit_for_production(settings)


def _contradictions_of_tls(web: Web) -> Iterator[str]:
    if bool(web.tls_certificate) is not bool(web.tls_key):
        yield "web.tls_key: must be given where web.tls_certificate is, and only there"
    if web.tls_clients and not web.tls_certificate:
        yield "web.tls_clients: must be false without web.tls_certificate"
    if web.client_certificate_header and not web.trusted_proxies:
        yield "web.trusted_proxies: must name the proxy whose web.client_certificate_header counts"
    for one in web.trusted_proxies:
        try:
            ip_network(one)
        except ValueError:
            yield f"web.trusted_proxies: must be addresses or nets, not {one!r}"


def _contradictions_of_places(settings: Settings) -> Iterator[str]:
    if settings.profile == "scaled":
        yield from _unfit_for_many_machines(settings)
    if settings.payloads.kind == "s3":
        for key in ("s3_endpoint", "s3_bucket"):
            if not getattr(settings.payloads, key):
                yield f"payloads.{key}: must be given when payloads.kind is s3"


def _unfit_for_many_machines(settings: Settings) -> Iterator[str]:
    """What only one machine could use; a profile that says otherwise must not start with it unseen."""
    if not settings.database.url.startswith("postgresql"):
        yield "database.url: must be a PostgreSQL database in the profile scaled"
    if not settings.broker.url:
        yield "broker.url: must name a message broker in the profile scaled"
    if settings.payloads.kind != "s3":
        yield "payloads.kind: must be s3 in the profile scaled"


def _contradictions_of_mail(settings: Settings) -> Iterator[str]:
    mail = settings.mail
    if mail.kind == "smtp" and not mail.host:
        yield "mail.host: must name a mail server where mail.kind is smtp"
    if mail.user and mail.security == "none":
        yield "mail.user: must be empty where mail.security is none, or the password would be sent in clear"
    if not is_mail_address(mail.sender):
        yield "mail.sender: must be a plain e-mail address"
    if not all(is_mail_address(one) for one in mail.operators):
        yield "mail.operators: must be plain e-mail addresses"
    if mail.cap_seconds < mail.first_seconds:
        yield "mail.cap_seconds: must not be shorter than mail.first_seconds"
    if mail.total_seconds < mail.connect_seconds:
        yield "mail.total_seconds: must not be shorter than mail.connect_seconds"


def _unfit_for_production(settings: Settings) -> Iterator[str]:
    if settings.hub.demonstration:
        yield "hub.demonstration: must be false in production"
    if not settings.trust.require_revocation:
        yield "trust.require_revocation: must be true in production"
    address = urlsplit(settings.hub.public_url)
    if address.scheme != "https" or _is_loopback(address.hostname or ""):
        yield "hub.public_url: must be a public https:// address in production"
    if settings.hub.code == Hub().code:
        yield "hub.code: must be this hub's own code in production"
    if settings.ledger.origin == Ledger().origin:
        yield "ledger.origin: must be this hub's own name in production"
    broker = urlsplit(settings.broker.url)
    if broker.scheme == "amqp" and broker.hostname not in settings.outgoing.allow:
        yield "broker.url: must begin with amqps:// in production, or its host must stand in outgoing.allow"
    if not settings.timestamps.authorities:
        yield "timestamps.authorities: must name an independent authority in production"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
