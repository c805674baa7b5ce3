"""The facts of a receipt and the anchors it was believed for, as lists for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.evidence.receipt import Receipt
from gateway.verifier import texts
from gateway.verifier.report import Report
from gateway.verifier.sentence import event_code, recipients, sender


@dataclass(frozen=True)
class Fact:
    """A label in the reader's language and what stands behind it; ``code`` is for machines, left to right."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Anchor:
    """What of the trust folder was relied on; the fingerprint is SHA-256 in lower-case hexadecimal."""

    name: str
    fingerprint: str


def facts(report: Report, language: str) -> tuple[Fact, ...]:
    """What the receipt states and the digests by which everything is known; nothing without a receipt."""
    if report.receipt is None:
        return ()
    found = ((code, value) for code, value in _facts(report, report.receipt, language) if value)
    return tuple(Fact(texts.text(code, language, {}), value, code in _CODES) for code, value in found)


_CODES = frozenset(
    {
        "label.reference",
        "label.message",
        "label.receipt",
        "label.time",
        "label.independent",
        "label.received",
        "label.digest",
        "label.predecessor",
        "label.ledger",
    }
)


def _facts(report: Report, receipt: Receipt, language: str) -> Iterator[tuple[str, str | None]]:
    independent = report.independent_time
    yield "label.event", texts.text(event_code(receipt.event), language, {})
    yield "label.reference", receipt.reference
    yield "label.time", texts.moment(receipt.event_time)
    yield "label.independent", texts.moment(independent) if independent else None
    yield "label.hub", f"{texts.isolated(receipt.issuer.name)} ({receipt.issuer.hub})"
    yield "label.sender", sender(receipt)
    yield "label.recipient", recipients(receipt, language)
    yield "label.subject", receipt.subject
    yield "label.message", receipt.message_id
    yield "label.receipt", receipt.receipt_id
    yield "label.received", receipt.received.sha256 if receipt.received else None
    for attachment in receipt.attachments:
        yield "label.attachment", f"{texts.isolated(attachment.name, always=True)} ({attachment.sha256})"
    yield "label.predecessor", receipt.predecessor
    yield "label.ledger", receipt.ledger_origin
    yield "label.digest", report.content_digest


def anchors(report: Report) -> tuple[Anchor, ...]:
    """Every anchor that a step relied on, once, in the order of the steps."""
    found = {
        Anchor(step.values["anchor"], step.values["fingerprint"]): None
        for step in report.all_steps()
        if "fingerprint" in step.values
    }
    return tuple(found)
