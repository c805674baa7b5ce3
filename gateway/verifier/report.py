"""What the verification of one file came to, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import explain
from gateway.domain.evidence.receipt import ETSI_EVENT, OWN_EVENT, Event, Receipt
from gateway.verifier import texts


class Status(Enum):
    """What one step came to."""

    GOOD = "good"
    NOTE = "note"  # something to know that changes no verdict
    UNDECIDED = "undecided"
    BAD = "bad"
    USAGE = "usage"  # nothing was verified, because the question was wrong


_EXIT = {Status.USAGE: 2, Status.BAD: 1, Status.UNDECIDED: 3}


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
    """All steps taken, in order; ``receipt`` only when its integrity was good."""

    file: str
    steps: tuple[Step, ...]
    receipt: Receipt | None = None
    content_digest: str | None = None

    @property
    def verdict(self) -> Status:
        """The worst step decides; without any the question was wrong."""
        statuses = {step.status for step in self.steps}
        return next((worst for worst in _EXIT if worst in statuses), Status.GOOD)

    @property
    def exit_code(self) -> int:
        """0 good, 1 not good, 2 wrong usage, 3 cannot be decided."""
        return _EXIT.get(self.verdict, 0)

    @property
    def test(self) -> bool:
        """Whether it concerns a test, which proves nothing about real mail."""
        return any(step.code.startswith("test.") for step in self.steps)

    def sentence(self, language: str) -> str:
        """What is proved and what is not, in one or two sentences."""
        parts = [texts.text(f"verdict.{self.verdict.value}", language, self._values(language))]
        deciding = [step for step in self.steps if step.status is self.verdict]
        if self.verdict is not Status.GOOD:
            parts.extend(step.text(language) for step in deciding[:1])
        else:
            parts.append(texts.text("verdict.limits", language, {}))
        if self.test:
            parts.insert(0, texts.text("verdict.test", language, {}))
        return " ".join(parts)

    def _values(self, language: str) -> Mapping[str, str]:
        if self.receipt is None:
            return {}
        return {
            "hub": self.receipt.issuer.name,
            "event": texts.text(event_code(self.receipt.event), language, {}),
            "time": self.receipt.event_time.isoformat(),
            "reference": self.receipt.reference or "—",
        }

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """The report for programs."""
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


def event_code(event: Event) -> str:
    """The code under which the words for an event are kept."""
    return "event." + event.value.removeprefix(ETSI_EVENT).removeprefix(OWN_EVENT)
