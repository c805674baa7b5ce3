"""Builds what operators version, test and try the configuration of routes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gateway.bootstrap.telling import telling_checks
from gateway.exchange.registry.declared import Declared, read_declared
from gateway.exchange.registry.versions import Versions
from gateway.exchange.registry.versions_checks import Checks
from gateway.exchange.registry.versions_dry_run import DryRuns
from gateway.exchange.registry.versions_look import Looks
from gateway.exchange.registry.versions_secrets import Secrets

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def versions(gateway: Gateway) -> Versions:
    """What makes and moves versions."""
    return Versions(gateway.store, gateway.ambient, gateway.registry, _reader(gateway))


def looks(gateway: Gateway) -> Looks:
    """What reads versions."""
    return Looks(gateway.store, gateway.ambient, gateway.settings.retry.schedule)


def dry_runs(gateway: Gateway) -> DryRuns:
    """What tries versions over letters."""
    from gateway.bootstrap import contexts, letters

    return DryRuns(looks(gateway), letters(gateway), gateway.adapters, contexts(gateway))


def checks(gateway: Gateway) -> Checks:
    """What tests versions."""
    return Checks(versions(gateway), dry_runs(gateway))


def secrets(gateway: Gateway) -> Secrets:
    """The secrets that routes name."""
    return Secrets(gateway.store, gateway.settings.home / "secrets")


def _reader(gateway: Gateway) -> Callable[[Mapping[str, Any]], Declared]:
    options = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    telling = telling_checks(gateway.adapters)
    home = gateway.settings.home

    def read(table: Mapping[str, Any]) -> Declared:
        return read_declared(table, home, gateway.languages, options, telling)

    return read
