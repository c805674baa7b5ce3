"""Why the hub refused a letter, line by line, from its sealed rejection or its problem document."""

from __future__ import annotations

import json
from typing import Any

from adapters.contract import Response
from gateway.cli.partner.sealed import SEALED
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.verifier.opening import NotOpened, open_receipt

_PROBLEM = "application/problem+json"
_TOO_OFTEN = 429
_LARGEST_LIST = 100


def reasons_in(answer: Response) -> list[str]:
    """The reasons of a refusal; none where the answer is not the hub's refusal of this letter."""
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    if not 400 <= answer.status < 500 or answer.status == _TOO_OFTEN:
        return []
    if media_type in SEALED:
        return _of_rejection(answer.body, media_type)
    return _of_problem(answer.body) if media_type == _PROBLEM else []


def _of_rejection(octets: bytes, media_type: str) -> list[str]:
    try:
        receipt = open_receipt(octets, media_type).receipt
    except NotOpened:
        return []
    if receipt.kind is not ReceiptKind.REJECTION:
        return []
    return [line(one.code, one.text, one.where) for one in receipt.reasons]


def _of_problem(octets: bytes) -> list[str]:
    try:
        problem: Any = json.loads(octets)
        faults = problem["faults"][:_LARGEST_LIST]
        return [
            line(str(one["code"]), f"{one.get('text')} {one.get('remedy')}", one.get("where"))
            for one in faults
            if str(one["code"]).startswith("WASL-")
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def line(code: str, text: str | None, where: object) -> str:
    """A reason in one line."""
    return " ".join(filter(None, (code, text, f"({where})" if where else None)))
