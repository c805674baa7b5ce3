"""Whether what all offices together declare about passing letters on can be carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.domain.errors import Misconfigured
from gateway.domain.registry.parties import Office
from gateway.domain.transit.routing_checks import too_far
from gateway.domain.transit.routing_rules import MOST_HOPS
from gateway.domain.transit.routing_takes import agreed


def check_leads(offices: Sequence[Office]) -> None:
    """Check where rules and closures lead, over the whole registry.

    Raises:
        Misconfigured: to no office, to another body's that does not serve this one, round, or too far.
    """
    by_id = {one.id: one for one in offices}
    leads = {one.id: tuple(to for _, to in _led(one)) for one in offices}
    wrong = [fault for one in offices for fault in _faults(one, by_id)]
    wrong += [
        f"office {one}: its rules and closure lead letters round, or on more than {MOST_HOPS} times"
        for one in too_far({office: to for office, to in leads.items() if to})
    ]
    if wrong:
        raise Misconfigured(wrong)


def _led(office: Office) -> Iterator[tuple[str, str]]:
    """What leads on, and to which office."""
    if office.closing is not None and office.closing.successor is not None:
        yield "successor", office.closing.successor
    yield from ((f"rule {rule.id}", rule.to) for rule in office.rules)


def _faults(office: Office, by_id: Mapping[str, Office]) -> Iterator[str]:
    for what, to in _led(office):
        found = by_id.get(to)
        if found is None:
            yield f"office {office.id}: {what}: there is no office {to}"
        elif not agreed(office, found):
            unserved = f"office {to} is of another body, and does not serve {office.party}"
            yield f"office {office.id}: {what}: {unserved}"
