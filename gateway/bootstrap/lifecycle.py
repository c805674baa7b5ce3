"""Builds what people do with deliveries: repair, cancel, read; and what ends those whose time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.exchange.evidence.chain import Chains
from gateway.exchange.transit.cancelling import Cancelling
from gateway.exchange.transit.inbox import Inbox
from gateway.exchange.transit.lapse import Lapses
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.overview import Overview
from gateway.exchange.transit.playing import Playing
from gateway.exchange.transit.repair import Repair

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway, Verbs


def cancelling(letters: Letters, chains: Chains) -> Cancelling:
    """What a sender takes letters back with; events name the party that asks."""
    return Cancelling(letters.store, letters, Outcomes(chains, "sender"))


def repair(gateway: Gateway) -> Repair:
    """What an operator decides about deliveries with; events name who decides."""
    from gateway.bootstrap import chains, letters, verbs

    verb = verbs(gateway, "operator")
    hold_for = timedelta(days=gateway.settings.lifecycle.hold_days)
    return Repair(letters(gateway), chains(gateway), verb.outcomes, verb.redirecting, hold_for)


def overview(gateway: Gateway) -> Overview:
    """What an operator sees of deliveries."""
    return Overview(gateway.store, gateway.ambient)


def inbox(letters: Letters, verb: Verbs, lock_seconds: float) -> Inbox:
    """The inbox of every office; events name who reads."""
    return Inbox(
        letters=letters,
        chains=verb.outcomes.chains,
        outcomes=verb.outcomes,
        notices=verb.notices,
        handling=verb.handling,
        redirecting=verb.redirecting,
        lock_for=timedelta(seconds=lock_seconds),
    )


def playing(gateway: Gateway, owner: str) -> Playing:
    """The job that lets bots go on; events name ``owner``."""
    from gateway.bootstrap import verbs

    outcomes = verbs(gateway, owner).outcomes
    return Playing(gateway.store, outcomes, repair(gateway), gateway.adapters)


def lapses(gateway: Gateway, owner: str) -> Lapses:
    """The job that ends what outlived its sender's own end; events name ``owner``."""
    from gateway.bootstrap import letters, verbs

    return Lapses(letters(gateway), verbs(gateway, owner).outcomes)
