"""How rules and closures lead a letter from the office addressed to the one that receives, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date as Day

from gateway.domain.errors import Refused
from gateway.domain.registry.parties import Office
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing_conditions import counts_on, meets
from gateway.domain.transit.routing_facts import Facts
from gateway.domain.transit.routing_fields import fields
from gateway.domain.transit.routing_rules import MOST_HOPS, Closing, Condition, Rule, Value
from gateway.domain.transit.routing_takes import (
    UNKNOWN_RECIPIENT,
    Directory,
    agreed,
    check_receives,
    check_takes,
)

CLOSED = "WASL-RTE-010"
CLOSED_WITH_SUCCESSOR = "WASL-RTE-011"
NOT_AGREED = "WASL-RTE-012"
LED_TOO_FAR = "WASL-RTE-013"
BY_SUCCESSOR = "WASL-RTE-102"
BY_RULE = "WASL-RTE-103"

MOST_ASKED = 3 * 100
"""Rules asked for one recipient; what would take more stays with the office addressed."""
_MOST_FOUND, _LONGEST_FOUND = 5, 80


@dataclass(frozen=True)
class Found:
    """What a condition found; the letter's own words are not repeated, whatever was decided by them.

    Attributes:
        values: of the field, the first ones.
        shown: whether ``values`` are told; otherwise there were some, in people's own words.
    """

    field: str
    good: bool
    values: tuple[Value, ...] = ()
    shown: bool = True


@dataclass(frozen=True)
class Asked:
    """One rule and its answer.

    Attributes:
        found: of a rule that fits, all its conditions; otherwise the one that was not met; none where it
            was not one of the rule's days.
        cannot: it fits, and leads nowhere that takes the letter: why, a reason's code.
    """

    rule: Rule
    fits: bool
    found: tuple[Found, ...] = ()
    cannot: str | None = None


@dataclass(frozen=True)
class Hop:
    """One office on the way, and what it decided.

    Attributes:
        asked: its rules, until one led on.
        to: the office it led to; None where the letter stays.
        closed: since when it is closed, if that is why.
    """

    office: Office
    asked: tuple[Asked, ...] = ()
    to: Office | None = None
    closed: Day | None = None

    @property
    def rule(self) -> Rule | None:
        """The rule that led on."""
        return next((one.rule for one in self.asked if one.fits and one.cannot is None), None)


@dataclass(frozen=True)
class Decision:
    """Where a letter goes and why: every office on the way, the one that receives last."""

    hops: tuple[Hop, ...]
    day: Day

    @property
    def addressed(self) -> Office:
        return self.hops[0].office

    @property
    def office(self) -> Office:
        return self.hops[-1].office

    @property
    def notices(self) -> Iterator[str]:
        """What the sender is told of it, as codes: that another office receives, and on what ground."""
        led = [hop for hop in self.hops if hop.to is not None]
        if any(hop.closed is not None for hop in led):
            yield BY_SUCCESSOR
        if any(hop.closed is None for hop in led):
            yield BY_RULE


@dataclass
class Passage:
    """Leads one letter to one recipient.

    Attributes:
        where: the recipient's place in the envelope, for refusals.
    """

    envelope: Envelope
    facts: Facts
    directory: Directory
    where: str | None
    _left: int = field(default=MOST_ASKED)

    def decide(self, office: Office) -> Decision:
        """The way from the office that was addressed.

        A rule that leads to where nobody takes the letter is passed over, and the next one asked: what an
        office configured wrongly is not its senders' business, as long as itself it can have the letter.

        Raises:
            Refused: neither the office nor who comes in its place takes it.
        """
        return Decision(self._way(office, ()), self.facts.now.day)

    def _way(self, office: Office, before: tuple[Office, ...]) -> tuple[Hop, ...]:
        if len(before) > MOST_HOPS or office.id in {one.id for one in before}:
            raise self._refusal(LED_TOO_FAR, office, expected=str(MOST_HOPS))
        closing = office.closed_on(self.facts.now.day)
        if closing is not None:
            return self._past_closed(office, closing, before)
        check_receives(office, self.directory, self.where)
        asked: list[Asked] = []
        for rule in office.rules:
            if self._left <= 0:
                break
            answer, way = self._ask(rule, office, before)
            asked.append(answer)
            if way:
                return (Hop(office, tuple(asked), way[0].office), *way)
        check_takes(self.envelope, office, self.directory, self.where)
        return (Hop(office, tuple(asked)),)

    def _past_closed(self, office: Office, closing: Closing, before: tuple[Office, ...]) -> tuple[Hop, ...]:
        since = closing.since.isoformat()
        if closing.successor is None:
            raise self._refusal(CLOSED, office, found=since)
        if not closing.forwards:
            raise self._refusal(CLOSED_WITH_SUCCESSOR, office, expected=closing.successor, found=since)
        way = self._way(self._led(office, closing.successor), (*before, office))
        return (Hop(office, (), way[0].office, closing.since), *way)

    def _ask(self, rule: Rule, office: Office, before: tuple[Office, ...]) -> tuple[Asked, tuple[Hop, ...]]:
        """A rule's answer, and the way that it leads, () when it leads nowhere."""
        self._left -= 1
        if not counts_on(rule, self.facts.now.day):
            return Asked(rule, False), ()
        found: list[Found] = []
        for condition in rule.when:
            good = meets(condition, self.facts)
            found.append(self._found(condition, good))
            if not good:
                return Asked(rule, False, (found[-1],)), ()
        try:
            way = self._way(self._led(office, rule.to), (*before, office))
        except Refused as refusal:
            return Asked(rule, True, tuple(found), refusal.faults[0].code), ()
        return Asked(rule, True, tuple(found)), way

    def _led(self, office: Office, to: str) -> Office:
        """The office that another one leads to, if it may."""
        found = self.directory.office(to)
        if found is None:
            raise Refused.because(UNKNOWN_RECIPIENT, self.where, found=to, recipient=to)
        if not agreed(office, found):
            raise self._refusal(NOT_AGREED, found, found=office.party)
        return found

    def _found(self, condition: Condition, good: bool) -> Found:
        one = fields()[condition.field]
        values = self.facts.values(one)
        if one.private and values:
            return Found(condition.field, good, (), shown=False)
        return Found(condition.field, good, tuple(map(_cut, values[:_MOST_FOUND])))

    def _refusal(
        self, code: str, office: Office, expected: str | None = None, found: str | None = None
    ) -> Refused:
        return Refused.because(code, self.where, expected=expected, found=found, recipient=office.id)


def _cut(value: Value) -> Value:
    return value[:_LONGEST_FOUND] if isinstance(value, str) else value
