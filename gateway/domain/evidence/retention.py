"""How long the content of a letter is kept after its end, and when the hub must let go of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.content import Kind, item
from gateway.domain.registry.parties import Names
from gateway.domain.transit.states import OUTCOMES, Processing, Transport

DEFAULT_RULE = "default"
"""The name, in purge records, of the rule for letters that no rule of the country names."""

UNDER_WORK = frozenset({Processing.IN_PROGRESS, Processing.AWAITING_SENDER})
"""Somebody said that the letter is being worked on: it has not ended, whatever became of its transport."""


@dataclass(frozen=True)
class RetentionRule:
    """One rule of a country.

    Attributes:
        days: of 24 hours, from the letter's end.
        document_types: the codes of the documents that it is about.
        confirmed: whether an archivist and a lawyer confirmed it for real use.
    """

    code: str
    days: int
    document_types: frozenset[str] = frozenset()
    names: Names = field(default_factory=dict)
    confirmed: bool = False

    def term(self, ended_at: datetime) -> datetime:
        """Until when content is kept of a letter that ended at this moment."""
        return ended_at + timedelta(days=self.days)


@dataclass(frozen=True)
class Retention:
    """Every rule of a hub: the country's by document type, and the hub's own for all others."""

    by_type: Mapping[str, RetentionRule]
    default: RetentionRule

    @classmethod
    def of(cls, rules: Iterable[RetentionRule], default_days: int) -> Retention:
        """The rules of a country pack with the hub's default."""
        by_type = {code: rule for rule in rules for code in rule.document_types}
        return cls(by_type, RetentionRule(DEFAULT_RULE, default_days))

    def rule(self, document_type: str | None) -> RetentionRule:
        """The rule for a letter of this type."""
        return self.by_type.get(document_type or "", self.default)

    @property
    def shortest(self) -> timedelta:
        """No letter's content is due sooner than this after its end."""
        return timedelta(days=min(rule.days for rule in (self.default, *self.by_type.values())))


def has_ended(transport: Transport, processing: Processing) -> bool:
    """Whether a delivery has ended: its transport has an outcome and nobody says it is under work.

    A system that cannot tell stays at what was last heard of it, so a registered letter counts as ended;
    its term runs from the last event of either track, so each further word prolongs it.
    """
    return transport in OUTCOMES and processing not in UNDER_WORK


def due(rule: RetentionRule, ended_at: datetime, now: datetime) -> bool:
    """Whether the content of a letter that ended at ``ended_at`` must go now."""
    return rule.term(ended_at) <= now


@dataclass(frozen=True)
class Destroyed:
    """One content that can never be read again."""

    sha256: str = item("Digest of what was destroyed.", kind=Kind.DIGEST)
    size: int = item("Its size in octets.", minimum=0)


@dataclass(frozen=True)
class PurgeRecord:
    """What the hub states about one purge; only its digest is public, in the ledger.

    The letter's reference is salted with the nonce, as in the ledger's entries of receipts: whoever holds
    the record and a receipt can tell that they belong together.
    """

    version: str = item("Version of this content model.", kind=Kind.VERSION)
    nonce: str = item("Random, so that the digest reveals nothing.", kind=Kind.NONCE)
    at: datetime = item("When, by the hub's clock, in UTC.")
    letter: str = item("The letter's reference, salted with the nonce.", kind=Kind.DIGEST)
    rule: str = item("Rule applied.", kind=Kind.CODE)
    days: int = item("Days that it keeps content after the letter's end.", minimum=1)
    ended_at: datetime = item("The letter's end.")
    by: str = item("Who purged.", kind=Kind.LINE, maximum=120)
    ledger_origin: str = item("Ledger that records it.", kind=Kind.LINE)
    test: bool = item("A test letter.", default=False)
    destroyed: tuple[Destroyed, ...] = item("Contents destroyed.", each="Content", maximum=66, default=())
