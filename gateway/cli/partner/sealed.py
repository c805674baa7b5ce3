"""An acceptance counts only for the letter it names, and only under the seal of a hub that one trusts."""

from __future__ import annotations

from pathlib import Path

from adapters.contract import Response
from gateway.domain.evidence.receipt import Receipt, ReceiptKind
from gateway.verifier.opening import NotOpened, Opened, open_receipt
from gateway.verifier.report import Status
from gateway.verifier.seal import Trust, judge_seal


class BadReceipt(Exception):
    """What came is no promise of the hub about this letter."""


def check_acceptance(answer: Response, message_id: str | None, sha256: str, trust: Path | None) -> Receipt:
    """The acceptance in an answer, once it is shown to be one for exactly these octets.

    Args:
        message_id: of the letter; None where the digest says enough.
        sha256: of the envelope as sent.
        trust: the folder whose ``seal/`` must have made it; None believes any seal.

    Raises:
        BadReceipt: it is not that.
        Misconfigured: the trust folder cannot be read.
    """
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    try:
        opened = open_receipt(answer.body, media_type)
    except NotOpened as error:
        raise BadReceipt(error.step.text("en")) from error
    receipt = opened.receipt
    if receipt.kind is not ReceiptKind.ACCEPTANCE or message_id not in (None, receipt.message_id):
        raise BadReceipt("a receipt of something else")
    if receipt.received is None or receipt.received.sha256 != sha256:
        raise BadReceipt("a receipt of other octets")
    if trust is not None:
        _check_seal(opened, trust)
    return receipt


def _check_seal(opened: Opened, trust: Path) -> None:
    sealed_at = opened.signed.claimed_time or opened.receipt.event_time
    steps = judge_seal(opened.signed, opened.receipt.test, Trust.load(trust), sealed_at)
    bad = next((step for step in steps if step.status is Status.BAD), None)
    if bad is not None:
        raise BadReceipt(bad.text("en"))
