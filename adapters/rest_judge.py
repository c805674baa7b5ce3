"""Whether a REST system's answer is a success."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.answers import charset, media_type
from adapters.contract import Context, Response
from adapters.json_values import NoJsonError, read_json
from adapters.outcomes import (
    AlreadyThereError,
    Outcome,
    Phase,
    fault_of_status,
    in_phase,
    told,
)
from adapters.rules import Rule
from adapters.steps import Step
from adapters.xml_values import NoXmlError, read_xml, value_of
from gateway.domain.errors import Ambiguous, DeliveryError

NO_JSON = object()
_CODES = {
    Outcome.TEMPORARY: "WASL-DLV-002",
    Outcome.PERMANENT: "WASL-DLV-003",
    Outcome.AMBIGUOUS: "WASL-DLV-004",
    Outcome.DECLINED: "WASL-DLV-003",
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
    elif rule.verdict.outcome is Outcome.DUPLICATE:
        raise AlreadyThereError(response)
    elif rule.verdict.outcome is not Outcome.ACCEPTED:
        raise rule.verdict.fault(_CODES[rule.verdict.outcome], told(response), answer)
    return None if answer is NO_JSON else answer


def _check_success(step: Step, response: Response, answer: Any, context: Context) -> None:
    fault = fault_of_status(response, context.now())
    if fault is not None:
        raise fault
    if answer is NO_JSON:
        raise Ambiguous("WASL-DLV-008", f"neither JSON nor XML; {told(response)}")
    if step.success is not None:
        good = bool(step.success.over_answer(answer))
    else:
        good = not step.reads.expressions or bool(step.reads.over(answer))
    if not good:
        raise Ambiguous("WASL-DLV-008", f"not the answer of a success; {told(response)}")


def _rule(rules: tuple[Rule, ...], status: int, answer: Any) -> Rule | None:
    return next((rule for rule in rules if rule.matches(status, answer)), None)


def decoded(response: Response) -> Any:
    """The answer as JSON, or XML as `adapters.xml_values` tells it; None where it is empty.

    `NO_JSON` where it is something else: whatever calls itself JSON is not more than what it is.
    """
    if not response.body.strip():
        return None
    kind = media_type(response)
    try:
        if kind in ("application/xml", "text/xml") or (kind.endswith("+xml") and "html" not in kind):
            return value_of(read_xml(response.body))
        return read_json(response.body, charset(response))
    except (NoJsonError, NoXmlError):
        return NO_JSON


@contextmanager
def judged(phase: Phase) -> Iterator[None]:
    """Let a fault inside be judged by what the target holds when it happens."""
    try:
        yield
    except DeliveryError as fault:
        raise in_phase(fault, phase) from fault
