"""A route's own word on answers: a rule of the fault table of kind ``rest``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.mapping import Expression
from adapters.options import Options
from adapters.verdicts import Verdict


@dataclass(frozen=True)
class Rule:
    """What an answer means, by its status, by an expression over it, or by both."""

    status: int
    when: Expression | None
    verdict: Verdict

    @classmethod
    def read(cls, options: Options) -> Rule:
        """The rule that the options describe; faults are noted there."""
        rule = cls(options.number("status", 0), options.expression("when"), Verdict.read(options))
        if not rule.status and rule.when is None:
            options.fault("when", "is required where there is no status")
        options.end()
        return rule

    def matches(self, status: int, answer: Any) -> bool:
        """Whether this rule speaks of that answer."""
        right_status = not self.status or self.status == status
        return right_status and (self.when is None or bool(self.when.over_answer(answer)))
