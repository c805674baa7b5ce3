"""What is wrong with rules that can be known without a letter: those that never fit, those that go round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.domain.folding import folded
from gateway.domain.transit.routing_fields import Form, fields
from gateway.domain.transit.routing_rules import MOST_HOPS, Condition, Rule, Value


def never_asked(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Rules that no letter reaches, each with an earlier one that fits whatever it fits.

    Only where that is plain: each condition of the earlier one follows from a condition of the later one.
    """
    for index, later in enumerate(rules):
        earlier = next((one for one in rules[:index] if _covers(one, later)), None)
        if earlier is not None:
            yield later, earlier


def never_met(condition: Condition) -> bool:
    """Whether no letter can meet it, for its bounds leave nothing between them."""
    least, most = condition.at_least, condition.at_most
    return not condition.negated and least is not None and most is not None and _less(most, least)


def _covers(wide: Rule, narrow: Rule) -> bool:
    begins = wide.first is None or (narrow.first is not None and wide.first <= narrow.first)
    ends = wide.last is None or (narrow.last is not None and narrow.last <= wide.last)
    return begins and ends and all(any(_follows(a, b) for b in narrow.when) for a in wide.when)


def _follows(wide: Condition, narrow: Condition) -> bool:
    """Whether a letter that meets ``narrow`` meets ``wide``."""
    if wide.field != narrow.field or wide.negated is not narrow.negated:
        return False
    if wide.negated:  # the opposites, so the other way round
        wide, narrow = narrow, wide
    if wide.present is not None or narrow.present is not None:
        asks_presence = wide.present is True and narrow.present is not False
        return asks_presence or wide.present == narrow.present
    same = _alike(wide.field)
    return (
        _subset(wide.equals, narrow.equals, same)
        and _subset(wide.contains, narrow.contains, same)
        and _subset(wide.starts, narrow.starts, same)
        and _subset(wide.ends, narrow.ends, same)
        and _bound(wide.at_least, narrow.at_least, lambda a, b: not _less(b, a))
        and _bound(wide.at_most, narrow.at_most, lambda a, b: not _less(a, b))
    )


def _alike(field: str) -> Callable[[Value], Value]:
    """The form in which two values of a field are the same."""
    in_words = fields()[field].form is Form.TEXT
    return lambda value: folded(value) if in_words and isinstance(value, str) else value


def _subset(wide: Sequence[Value], narrow: Sequence[Value], same: Callable[[Value], Value]) -> bool:
    return not wide or (bool(narrow) and {same(one) for one in narrow} <= {same(one) for one in wide})


def _bound(wide: Value | None, narrow: Value | None, within: Callable[[Value, Value], bool]) -> bool:
    return wide is None or (narrow is not None and within(wide, narrow))


def _less(one: Value, other: Value) -> bool:
    return one < other  # type: ignore[operator]  # both of one field, so of one type


def too_far(leads: Mapping[str, Sequence[str]]) -> list[str]:
    """The offices from which mail could go round, or on more than `MOST_HOPS` times.

    Args:
        leads: for each office, those that its rules and its closure lead to.
    """
    reached = dict.fromkeys(leads, 0)
    for _ in range(MOST_HOPS + 1):  # the longest way of so many steps; one that goes round has no end
        reached = {
            office: max((1 + reached.get(one, 0) for one in to), default=0) for office, to in leads.items()
        }
    return sorted(office for office, steps in reached.items() if steps > MOST_HOPS)
