"""What the verification of one file came to, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import explain
from gateway.domain.evidence.receipt import Receipt
from gateway.verifier import texts
from gateway.verifier.sentence import limits, statement


class Status(Enum):
    """What one step came to."""

    GOOD = "good"
    NOTE = "note"  # something to know that changes no verdict
    UNDECIDED = "undecided"
    BAD = "bad"
    USAGE = "usage"  # nothing was verified, because the question was wrong


_EXIT = {Status.USAGE: 2, Status.BAD: 1, Status.UNDECIDED: 3}
MARKS: Mapping[Status, str] = {
    Status.GOOD: "✔",
    Status.NOTE: "·",
    Status.UNDECIDED: "?",
    Status.BAD: "✘",
    Status.USAGE: "!",
}
"""The sign before a step's words."""


@dataclass(frozen=True)
class Step:
    """One step; ``code`` (``step.finding``) is stable and has a text in each language."""

    code: str
    status: Status
    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """What was found, in words; a ``reason`` of the catalogue is explained as ``detail``."""
        values = dict(self.values)
        if "reason" in values:
            values["detail"] = explain(_fault(values), language)[0]
        return texts.text(self.code, language, values)


def _fault(values: Mapping[str, str]) -> Fault:
    return Fault(
        values["reason"], values.get("where"), expected=values.get("expected"), found=values.get("found")
    )


@dataclass(frozen=True)
class Report:
    """All steps taken, in order; ``receipt`` only when its integrity was good.

    Attributes:
        independent_time: when an authority other than the hub says that the receipt existed.
        parts: the reports of what lies inside a bundle; the worst verdict of all decides.
        became: sentences that a good bundle adds to its own, such as what became of each delivery.
    """

    file: str
    steps: tuple[Step, ...]
    receipt: Receipt | None = None
    content_digest: str | None = None
    independent_time: datetime | None = None
    parts: tuple[Report, ...] = ()
    became: tuple[Step, ...] = ()

    @property
    def verdict(self) -> Status:
        """The worst step decides, those of the parts too; without any the question was wrong."""
        statuses = {step.status for step in self.steps} | {part.verdict for part in self.parts}
        return next((worst for worst in _EXIT if worst in statuses), Status.GOOD)

    @property
    def exit_code(self) -> int:
        """0 good, 1 not good, 2 wrong usage, 3 cannot be decided."""
        return _EXIT.get(self.verdict, 0)

    @property
    def test(self) -> bool:
        """Whether it concerns a test, which proves nothing about real mail."""
        return any(step.code.startswith("test.") for step in self.all_steps())

    def all_steps(self) -> Iterator[Step]:
        """Its own steps, then those of the parts."""
        yield from self.steps
        for part in self.parts:
            yield from part.all_steps()

    def sentence(self, language: str) -> str:
        """What is proved and what is not, in a few sentences."""
        said = self._good(language) if self.verdict is Status.GOOD else self._otherwise(language)
        if self.test:
            said.insert(0, texts.text("verdict.test", language, {}))
        return " ".join(said)

    def _otherwise(self, language: str) -> list[str]:
        deciding = next(step for step in self.all_steps() if step.status is self.verdict)
        verdict = texts.text(f"verdict.{self.verdict.value}", language, {})
        return [verdict, deciding.text(language)]

    def _good(self, language: str) -> list[str]:
        if self.receipt is None:
            values = {"count": str(len(self.parts))}
            bundle = texts.text("verdict.bundle", language, values)
            return [bundle, *(step.text(language) for step in self.became), *self._limits(language)]
        said = [texts.text("verdict.good", language, {"statement": statement(self.receipt, language)})]
        if self.independent_time is not None:
            time = texts.moment(self.independent_time)
            said.append(texts.text("verdict.time", language, {"time": time}))
        return [*said, *self._limits(language), limits(self.receipt, language)]

    @staticmethod
    def _limits(language: str) -> list[str]:
        return [texts.text("verdict.limits", language, {})]

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """The report for programs."""
        independent = self.independent_time
        return {
            "file": self.file,
            "verdict": self.verdict.value,
            "exitCode": self.exit_code,
            "test": self.test,
            "sentence": self.sentence(language),
            "steps": [
                {
                    "code": step.code,
                    "status": step.status.value,
                    "text": step.text(language),
                    "values": dict(step.values),
                }
                for step in self.steps
            ],
            "receipt": self._receipt_as_dict(),
            "independentTime": independent.isoformat() if independent else None,
            "parts": [part.as_dict(language) for part in self.parts],
        }

    def _receipt_as_dict(self) -> dict[str, Any] | None:
        if self.receipt is None:
            return None
        return {
            "receiptId": self.receipt.receipt_id,
            "kind": self.receipt.kind.value,
            "event": self.receipt.event.value,
            "eventTime": self.receipt.event_time.isoformat(),
            "hub": self.receipt.issuer.hub,
            "reference": self.receipt.reference,
            "messageId": self.receipt.message_id,
            "test": self.receipt.test,
            "contentDigest": self.content_digest,
        }
