"""How far a connection to a document system comes, told step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class StepName(Enum):
    """A step, in the order in which each needs the ones before it."""

    OPTIONS = "options"  # what the route says is understood
    NAME = "name"  # the host's name leads to addresses, and the hub may call one
    CONNECTION = "connection"  # somebody listens there
    TLS = "tls"  # it shows a certificate of that name, from a known authority, in its time
    AUTHENTICATION = "authentication"  # the system lets the hub in
    CAPABILITY = "capability"  # what the route wants is there: an operation, a folder, an answer


class StepState(Enum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        where: the host and port that it concerns; empty where it concerns the whole route.
        found: what was found, safe to show.
        code: why it failed, a reason of the catalogue.
    """

    name: StepName
    state: StepState
    found: str = ""
    code: str | None = None
    where: str = ""


OF_AN_ADDRESS = (StepName.NAME, StepName.CONNECTION, StepName.TLS)


def ok(name: StepName, found: str, where: str = "") -> Step:
    """A step that was taken well."""
    return Step(name, StepState.OK, found, None, where)


def stopped(name: StepName, code: str, found: str, where: str, steps: Sequence[StepName]) -> tuple[Step, ...]:
    """A step that failed, and those of ``steps`` that were not tried for it."""
    after = steps[list(steps).index(name) + 1 :]
    failed = Step(name, StepState.FAILED, found, code, where)
    return (failed, *(Step(one, StepState.NOT_TRIED, where=where) for one in after))
