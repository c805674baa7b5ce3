"""When a letter has ended, and when the time of its content is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.evidence.retention import (
    DEFAULT_RULE,
    UNDER_WORK,
    Retention,
    RetentionRule,
    due,
    has_ended,
)
from gateway.domain.transit.states import OUTCOMES, Processing, Transport

END = datetime(2026, 11, 23, 12, tzinfo=UTC)
WIND = RetentionRule("zo.wind", 30, frozenset({"wind", "breeze"}))


def test_a_rule_counts_from_the_end_and_is_due_at_its_last_moment() -> None:
    term = END + timedelta(days=30)
    assert WIND.term(END) == term
    assert not due(WIND, END, term - timedelta(microseconds=1))
    assert due(WIND, END, term)


def test_a_type_without_a_rule_is_kept_for_the_hubs_own_days() -> None:
    retention = Retention.of((WIND,), 3650)
    assert retention.rule("breeze") is WIND
    assert (retention.rule("storm").code, retention.rule("storm").days) == (DEFAULT_RULE, 3650)
    assert retention.rule(None) == retention.default


def test_the_shortest_term_is_that_of_any_rule() -> None:
    assert Retention.of((WIND,), 3650).shortest == timedelta(days=30)
    assert Retention.of((WIND,), 7).shortest == timedelta(days=7)


@pytest.mark.parametrize("transport", Transport)
def test_only_an_outcome_ends_a_delivery(transport: Transport) -> None:
    assert has_ended(transport, Processing.NONE) is (transport in OUTCOMES)


@pytest.mark.parametrize("processing", Processing)
def test_a_letter_under_work_has_not_ended(processing: Processing) -> None:
    assert has_ended(Transport.HANDED_OVER, processing) is (processing not in UNDER_WORK)
