"""Whether a REST system's answer is a success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.contract import Context, Response
from adapters.outcomes import (
    AlreadyThereError,
    Outcome,
    Phase,
    fault_for,
    fault_of_status,
    in_phase,
    told,
)
from adapters.recipe import Rule, Step
from gateway.domain.errors import Ambiguous, DeliveryError

NO_JSON = object()
_CODES = {
    Outcome.TEMPORARY: "WASL-DLV-002",
    Outcome.PERMANENT: "WASL-DLV-003",
    Outcome.AMBIGUOUS: "WASL-DLV-004",
}


def judge(step: Step, response: Response, context: Context) -> Any:
    """What a target answered to one call, if it is a success.

    Raises:
        AlreadyThereError: a rule calls it a duplicate.
        DeliveryError: it is none; judged as if this call alone made the letter count.
    """
    answer = decoded(response)
    rule = _rule(step.rules, response.status, None if answer is NO_JSON else answer)
    if rule is None:
        _check_success(step, response, answer, context)
    elif rule.outcome is Outcome.DUPLICATE:
        raise AlreadyThereError(response)
    elif rule.outcome is not Outcome.ACCEPTED:
        raise fault_for(rule.outcome, _CODES[rule.outcome], told(response), rule.retry_after or None)
    return None if answer is NO_JSON else answer


def _check_success(step: Step, response: Response, answer: Any, context: Context) -> None:
    fault = fault_of_status(response, context.now())
    if fault is not None:
        raise fault
    if answer is NO_JSON:
        raise Ambiguous("WASL-DLV-008", f"no JSON; {told(response)}")
    if step.success is not None:
        good = bool(step.success.over_answer(answer))
    else:
        good = not step.reads.expressions or bool(step.reads.over(answer))
    if not good:
        raise Ambiguous("WASL-DLV-008", f"not the answer of a success; {told(response)}")


def _rule(rules: tuple[Rule, ...], status: int, answer: Any) -> Rule | None:
    return next((rule for rule in rules if rule.matches(status, answer)), None)


def decoded(response: Response) -> Any:
    """The answer as JSON, None where it is empty, `NO_JSON` where it is something else."""
    if not response.body.strip():
        return None
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return NO_JSON


@contextmanager
def judged(phase: Phase) -> Iterator[None]:
    """Let a fault inside be judged by what the target holds when it happens."""
    try:
        yield
    except DeliveryError as fault:
        raise in_phase(fault, phase) from fault
