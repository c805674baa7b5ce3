"""A receipt counts only for the letter it names, and only under the seal of a hub that one trusts."""

from __future__ import annotations

from pathlib import Path

from adapters.contract import Response
from gateway.clients.hub_answers import Happened
from gateway.domain.evidence.receipt import Receipt, ReceiptKind
from gateway.verifier.opening import NotOpened, Opened, open_receipt
from gateway.verifier.report import Status
from gateway.verifier.seal import Trust, judge_seal
from gateway.wire.receipts import content_digest

SEALED = ("application/xml", "application/jose")


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
    receipt = _opened(answer.body, _media_type(answer), trust)
    if receipt.kind is not ReceiptKind.ACCEPTANCE or message_id not in (None, receipt.message_id):
        raise BadReceipt("a receipt of something else")
    _check_octets(receipt, sha256)
    return receipt


def check_rejection(answer: Response, sha256: str, trust: Path | None) -> None:
    """Check that a rejection, if the answer is a sealed one, is of exactly these octets.

    Raises:
        BadReceipt: it is not that: the hub has not answered.
        Misconfigured: the trust folder cannot be read.
    """
    if _media_type(answer) in SEALED:
        receipt = _opened(answer.body, _media_type(answer), trust)
        if receipt.kind is not ReceiptKind.REJECTION:
            raise BadReceipt("a receipt of something else")
        _check_octets(receipt, sha256)


def check_told(octets: bytes, media_type: str, event: Happened, trust: Path | None) -> Receipt:
    """The receipt that the feed announced, once it is shown to be that one.

    Raises:
        BadReceipt: it is not that.
        Misconfigured: the trust folder cannot be read.
    """
    receipt = _opened(octets, media_type, trust)
    stated = (receipt.receipt_id, receipt.message_id, content_digest(receipt))
    if stated != (event.id, event.message_id, event.content_digest):
        raise BadReceipt("a receipt of something else")
    return receipt


def _media_type(answer: Response) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip()


def _opened(octets: bytes, media_type: str, trust: Path | None) -> Receipt:
    try:
        opened = open_receipt(octets, media_type)
    except NotOpened as error:
        raise BadReceipt(error.step.text("en")) from error
    if trust is not None:
        _check_seal(opened, trust)
    return opened.receipt


def _check_octets(receipt: Receipt, sha256: str) -> None:
    if receipt.received is None or receipt.received.sha256 != sha256:
        raise BadReceipt("a receipt of other octets")


def _check_seal(opened: Opened, trust: Path) -> None:
    sealed_at = opened.signed.claimed_time or opened.receipt.event_time
    steps = judge_seal(opened.signed, opened.receipt.test, Trust.load(trust), sealed_at)
    bad = next((step for step in steps if step.status is Status.BAD), None)
    if bad is not None:
        raise BadReceipt(bad.text("en"))
