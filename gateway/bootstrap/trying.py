"""Builds what operators try routes with, and what keeps exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.transit.exchange import Record
from gateway.exchange.operate.trying import Probing
from gateway.exchange.operate.trying_preview import Previewing
from gateway.exchange.transit.exchanges import Exchanges
from gateway.exchange.transit.memory import MIB, Memory
from gateway.exchange.transit.news_kept import KeptPolls
from gateway.exchange.transit.underway import Underway
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def exchanges(gateway: Gateway) -> Exchanges:
    """What keeps exchanges, as the settings want it."""
    record = Record(gateway.settings.routes.record)
    return Exchanges(gateway.store, gateway.payloads, gateway.ambient, record)


def polls(gateway: Gateway) -> KeptPolls:
    """What keeps polls, as the settings want it."""
    record = Record(gateway.settings.routes.record)
    return KeptPolls(gateway.store, gateway.payloads, gateway.ambient, record)


def underway(settings: Settings) -> Underway:
    """What knows which kinds are being called; silence counts as hanging once no request can last so long."""
    silence, worker = max(600.0, 2 * settings.outgoing.total_seconds), settings.worker
    # a quarter stays free for those who take the rest before anybody looks
    memory = Memory(worker.memory_mib * MIB * 3 // 4, worker.full_mib * MIB)
    return Underway(silence, max(silence, worker.longest_seconds), memory=memory)


def probing(gateway: Gateway) -> Probing:
    """What tests connections."""
    from gateway.bootstrap import contexts, guarded_http

    return Probing(gateway.adapters, contexts(gateway), guarded_http(gateway.settings))


def previewing(gateway: Gateway) -> Previewing:
    """What shows calls before they are made."""
    from gateway.bootstrap import contexts

    return Previewing(gateway.adapters, contexts(gateway))
