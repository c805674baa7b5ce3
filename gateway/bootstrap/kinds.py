"""Finds the kinds of adapters that are installed, and makes what they are given."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

import structlog

from adapters.contract import Adapter
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.replies import SignedReplies
from gateway.settings import Settings

ADAPTER_GROUP = "wasl.adapters"

_log = structlog.get_logger()


def find_adapters() -> Mapping[str, Adapter]:
    """Every installed kind of adapter, by the name of its entry point.

    One that cannot be loaded is as absent as one that is not installed: its routes fail, all others go on.
    """
    made = ((entry.name, _made(entry)) for entry in installed())
    return {name: adapter for name, adapter in made if adapter is not None}


def installed() -> tuple[EntryPoint, ...]:
    """The entry points of all kinds, whether they can be loaded or not."""
    return _installed_on(tuple(sys.path))


@lru_cache(maxsize=1)
def _installed_on(_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    # every package's metadata is read for this, and a process's packages stay what they are
    return tuple(entry_points(group=ADAPTER_GROUP))


def signed_replies(settings: Settings, ambient: Ambient) -> SignedReplies:
    """What verifies replies that recipients' services sign."""
    return SignedReplies(ambient.now, timedelta(seconds=settings.soap.timestamp_seconds))


def _made(entry: EntryPoint) -> Adapter | None:
    try:
        adapter: Adapter = entry.load()()
    except Exception:  # noqa: BLE001 - what others wrote may fail in any way
        _log.exception("adapter cannot be loaded", adapter=entry.name, module=entry.value)
        return None
    return adapter
