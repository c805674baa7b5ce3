"""What a rule of a route makes of an answer that it fits: the fault table, for every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.mapping import Expression
from adapters.options import Options
from adapters.outcomes import Outcome, fault_for
from gateway.domain.errors import Declined, DeliveryError, Permanent
from gateway.domain.lines import printable
from gateway.domain.transit.grounds import GROUNDS, OTHER_GROUND

_LONGEST_WORDS = 500


@dataclass(frozen=True)
class Verdict:
    """Options of a rule beside what it fits.

    ``outcome`` • (``accepted duplicate temporary permanent ambiguous declined``); ``retry_after``, the
    seconds to wait after ``temporary``; for ``declined`` the ``ground`` •, a code of
    `gateway.domain.transit.grounds`, and ``words``, an expression over the answer for the recipient's own
    words, which the sender is told; the ground that is none of the list needs them.
    """

    outcome: Outcome
    retry_after: int = 0
    ground: str = ""
    words: Expression | None = None

    @classmethod
    def read(cls, options: Options, usual: str | None = None) -> Verdict:
        """The verdict that the options describe; faults are noted there.

        Args:
            usual: the outcome where the options name none.
        """
        word = options.choice("outcome", [outcome.value for outcome in Outcome], usual)
        outcome = Outcome(word) if word in {one.value for one in Outcome} else Outcome.AMBIGUOUS
        declines = outcome is Outcome.DECLINED
        verdict = cls(
            outcome,
            options.number("retry_after", 0),
            options.choice("ground", sorted(GROUNDS)) if declines else "",
            options.expression("words") if declines else None,
        )
        if verdict.ground == OTHER_GROUND and verdict.words is None:
            options.fault("words", f"is required for {OTHER_GROUND}")
        return verdict

    def fault(self, code: str, detail: str, answer: Any) -> DeliveryError:
        """The fault that it means, unless it is ``accepted`` or ``duplicate``.

        Args:
            code: the reason where the verdict is the target's, not the recipient's.
            answer: over which ``words`` look.
        """
        if self.outcome is not Outcome.DECLINED:
            return fault_for(self.outcome, code, detail, self.retry_after or None)
        words = self._words(answer)
        if self.ground == OTHER_GROUND and words is None:
            return Permanent(code, detail)  # a refusal it is; on what ground nobody said
        return Declined(self.ground, detail, words)

    def _words(self, answer: Any) -> str | None:
        said = None if self.words is None else self.words.over_answer(answer)
        if not isinstance(said, str):
            return None
        plain = " ".join(printable(said).split())
        return (plain if len(plain) <= _LONGEST_WORDS else plain[: _LONGEST_WORDS - 1] + "…") or None
