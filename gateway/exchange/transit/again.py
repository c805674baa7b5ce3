"""A step is taken from where the delivery is; where it moved meanwhile, somebody looks again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.domain.errors import Conflict
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.claim import LeaseLost

OVERTAKEN = "WASL-DLV-053"
LOOKS = 5

Result = TypeVar("Result")


def look_again(step: Callable[[], Result], looks: int = LOOKS) -> Result:
    """Take a step that looks where the delivery is before it acts.

    Args:
        looks: how often it may be taken; 1 for a decision that is about what somebody saw.

    Raises:
        Conflict: each time the delivery had moved before the step was done.
    """
    for _ in range(looks):
        try:
            return step()
        except (Overtaken, LeaseLost):
            continue
    raise Conflict.because(OVERTAKEN)
