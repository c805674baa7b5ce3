"""The tables of states: every state is reachable, every delivery can end, no end is ever left."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.transit.states import (
    OUTCOMES,
    PROCESSING_MOVES,
    TRANSPORT_MOVES,
    ForbiddenMove,
    Processing,
    Transport,
    advance,
)

State = TypeVar("State", bound=Enum)


def reachable(moves: Mapping[State, frozenset[State]], start: State) -> set[State]:
    seen, due = {start}, [start]
    while due:
        for to in moves[due.pop()] - seen:
            seen.add(to)
            due.append(to)
    return seen


def test_every_state_of_a_delivery_is_reachable() -> None:
    assert reachable(TRANSPORT_MOVES, Transport.QUEUED) == set(Transport)
    assert set(TRANSPORT_MOVES) == set(Transport)


def test_every_state_of_the_processing_is_reachable() -> None:
    assert reachable(PROCESSING_MOVES, Processing.NONE) == set(Processing)
    assert set(PROCESSING_MOVES) == set(Processing)


def test_no_outcome_is_ever_left_and_nothing_else_ends() -> None:
    assert {state for state in Transport if not TRANSPORT_MOVES[state]} == OUTCOMES
    assert {state for state in Processing if not PROCESSING_MOVES[state]} == {Processing.CLOSED}


@pytest.mark.parametrize("state", sorted(set(Transport) - OUTCOMES, key=str))
def test_every_living_delivery_can_expire_fail_or_be_passed_on(state: Transport) -> None:
    assert {Transport.EXPIRED, Transport.FAILED, Transport.REDIRECTED} <= TRANSPORT_MOVES[state]


def test_a_letter_is_handed_over_only_by_an_attempt_a_person_or_its_reader() -> None:
    before = {state for state in Transport if Transport.HANDED_OVER in TRANSPORT_MOVES[state]}
    assert before == {Transport.DELIVERING, Transport.HELD, Transport.AVAILABLE}


def test_no_held_letter_is_sent_without_going_back_to_the_queue() -> None:
    assert Transport.DELIVERING not in TRANSPORT_MOVES[Transport.HELD]


@pytest.mark.parametrize("moves", [TRANSPORT_MOVES, PROCESSING_MOVES])
def test_a_move_changes_the_state(moves: Mapping[Enum, frozenset[Enum]]) -> None:
    assert all(state not in targets for state, targets in moves.items())


@given(st.lists(st.sampled_from(Transport), max_size=30))
def test_any_walk_meets_at_most_one_outcome(wishes: list[Transport]) -> None:
    now, outcomes = Transport.QUEUED, 0
    for wish in wishes:
        if wish in TRANSPORT_MOVES[now]:
            now = advance(TRANSPORT_MOVES, now, wish)
            outcomes += now in OUTCOMES
        else:
            with pytest.raises(ForbiddenMove):
                advance(TRANSPORT_MOVES, now, wish)
    assert outcomes == (now in OUTCOMES)


def test_a_closed_letter_stays_closed() -> None:
    for state in Processing:
        with pytest.raises(ForbiddenMove, match=f"CLOSED -> {state.value}"):
            advance(PROCESSING_MOVES, Processing.CLOSED, state)


def test_processing_goes_to_and_fro_with_the_sender() -> None:
    waiting = advance(PROCESSING_MOVES, Processing.IN_PROGRESS, Processing.AWAITING_SENDER)
    assert advance(PROCESSING_MOVES, waiting, Processing.IN_PROGRESS) is Processing.IN_PROGRESS
