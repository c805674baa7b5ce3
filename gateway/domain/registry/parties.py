"""Parties, offices and routes as the rules see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Day
from enum import Enum
from typing import Any

from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.registry.tables import Tables
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.routing_rules import Closing, Rule

Names = Mapping[str, str]
"""A name in each language: language tag to text."""


class PartyKind(Enum):
    """What a party may do."""

    ADMINISTRATION = "administration"  # sends for itself, receives through its offices
    PLATFORM = "platform"  # sends on behalf of identified persons
    AGENT = "agent"  # the hub's own portal or polling agent


class RouteKind(Enum):
    """How an office receives; ADAPTER routes are served by an adapter, the others from the store."""

    ADAPTER = "adapter"
    INBOX = "inbox"
    OFFICE = "office"


@dataclass(frozen=True)
class ReceiptRoute:
    """How the receipts of a party's letters reach its own system.

    Attributes:
        adapter: an entry point of the group ``wasl.adapters`` that tells senders; ``options`` is its own
            business.
        kinds: which receipts are told; the others are in the feed alone.
        retry: its lifetime counts from the first failure in a row.
        accepts_test: receipts of tests are told too.
    """

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    kinds: frozenset[ReceiptKind] = frozenset(ReceiptKind)
    retry: RetrySchedule = RetrySchedule()
    accepts_test: bool = False

    def wants(self, kind: str, test: bool) -> bool:
        """Whether a receipt of this kind is told."""
        return ReceiptKind(kind) in self.kinds and (self.accepts_test or not test)


@dataclass(frozen=True)
class Party:
    """A registered body or platform."""

    id: str
    kind: PartyKind
    names: Names
    active: bool = True
    may_represent: bool = False
    """May send on behalf of persons it identified."""
    test: bool = False
    aliases: tuple[str, ...] = ()
    """Outside identifiers as ``scheme:value``."""
    receipts: ReceiptRoute | None = None
    """Where the receipts of its letters go by themselves; None: they are in its feed."""
    letters_per_hour: int | None = None
    """Most letters in an hour; None: as the settings say, 0: no limit."""


@dataclass(frozen=True)
class Route:
    """How an office's mail leaves the hub.

    ``adapter`` names an entry point of the group ``wasl.adapters``; ``options`` is its own business.
    """

    kind: RouteKind
    adapter: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    retry: RetrySchedule = RetrySchedule()
    max_bytes: int | None = None
    """Largest letter (attachments together, octets) that this route takes: its own limit, or the one among
    its options if that is smaller."""
    accepts_test: bool = False
    test_only: bool = False
    """Takes nothing but test letters: a bot, or a system that is a test system."""
    concurrency: int | None = None
    """Most letters at once in all workers together; None: as the settings say, and so below."""
    per_minute: int | None = None
    """Most letters a minute, on average; 0: no limit."""
    fallback_seconds: float | None = None
    """How long it may fail, or a letter wait while it is paused, before that is laid ready in the hub's own
    office; 0: never."""
    paused: bool = False
    """Nothing is sent on it until the operator lets it go on."""


@dataclass(frozen=True)
class Office:
    """An order office: the addressable place where a party's mail arrives."""

    id: str
    party: str
    names: Names
    route: Route
    active: bool = True
    default: bool = False
    """Receives what is addressed to the party without naming an office."""
    document_types: Mapping[str, str] = field(default_factory=dict)
    """Document types the office knows, to its own codes; anything else is flagged, never refused."""
    readers: tuple[str, ...] = ()
    """Roles that are told when mail starts to lie in the hub's office."""
    reader_addresses: Mapping[str, str] = field(default_factory=dict)
    """Where they are told: an e-mail address for each role that has one."""
    rules: tuple[Rule, ...] = ()
    """Asked in order before a letter is accepted; the first that fits leads it to another office."""
    closing: Closing | None = None
    serves: tuple[str, ...] = ()
    """Other bodies whose offices' rules and closures may lead mail here; ``*``: all."""

    def closed_on(self, day: Day) -> Closing | None:
        """Its closure, where it takes nothing more itself on ``day``."""
        return self.closing if self.closing is not None and self.closing.since <= day else None

    tables: Tables = field(default_factory=dict)
    """Code tables of its systems; the route's options hold them already, beside the route's own."""
