"""A stored receipt and its renderings are compared with what the receipt's content says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.reconcile import Link
from gateway.store.evidence.reconcile_queries import StoredReceipt, StoredRendering
from gateway.store.transit.models import Message
from gateway.trust.pades import BadPdf, open_pdf
from gateway.verifier.opening import NotOpened, open_receipt

PDF = "application/pdf"
_CONTENT_DIGEST = re.compile(rb'"contentDigest":"([0-9a-f]{64})",')
"""Inside a text of the content its quotes would be escaped: this occurs once, at the top level."""


def digest_of(content: bytes) -> tuple[str, str]:
    """The digest over a stored content, and the one that it carries.

    The content is canonical (RFC 8785): without the digest's member it is the very text that was digested.
    """
    carried = _CONTENT_DIGEST.search(content)
    if carried is None:
        return sha256(content).hexdigest(), ""
    rest = content[: carried.start()] + content[carried.end() :]
    return sha256(rest).hexdigest(), carried.group(1).decode("ascii")


def read(row: StoredReceipt) -> tuple[Link, Mapping[str, Any] | None, list[Finding]]:
    """A receipt as chains need it, its content if nobody altered it, and what does not fit."""
    about = {"receipt": row.receipt_id}
    digest, carried = digest_of(row.content)
    if not digest == carried == row.content_digest:
        found = about | {"expected": row.content_digest, "found": digest, "carried": carried}
        return _link(row, {}, 1), None, [Finding("receipt.altered", found)]
    content: dict[str, Any] = json.loads(row.content)
    link = _link(row, content.get("outcome", {}), len(content.get("reasons", ())))
    wrong = [name for name, value in _said(content).items() if getattr(row, name) != value]
    return link, content, [Finding("receipt.row", about | {"column": name}) for name in wrong]


def _link(row: StoredReceipt, outcome: Mapping[str, Any], reasons: int) -> Link:
    return Link(
        receipt=row.receipt_id,
        delivery=row.delivery,
        kind=row.kind,
        event=row.event,
        time=row.event_time,
        digest=row.content_digest,
        predecessor=row.predecessor,
        ends=row.outcome,
        state=outcome.get("state"),
        successor=outcome.get("successor"),
        reasons=reasons,
    )


def _said(content: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a receipt's row as its content gives them."""
    return {
        "receipt_id": content["receiptId"],
        "kind": content["kind"],
        "event": content["event"],
        "event_time": datetime.fromisoformat(content["eventTime"]),
        "predecessor": content.get("predecessor"),
        "delivery": content.get("recipient", {}).get("delivery"),
    }


def compare_letter(message: Message, first: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether a letter's row says what its acceptance or rejection says."""
    said = {
        "reference": first.get("reference"),
        "message_id": first.get("messageId"),
        "root_digest": first.get("received", {}).get("sha256"),
        "media_type": first.get("received", {}).get("mediaType"),
        "test": first.get("test", False),
        "party": first.get("sender", {}).get("party"),
    }
    for column, value in said.items():
        if getattr(message, column) != value:
            yield Finding("letter.row", {"letter": name_of(message), "column": column})


def name_of(message: Message) -> str:
    """A letter in findings: its reference, or its row number where it has none."""
    return message.reference or f"#{message.id}"


def check_rendering(row: StoredRendering) -> Iterator[Finding]:
    """Whether a sealed rendering opens, and is one of its receipt."""
    about = {"receipt": row.receipt_id, "mediaType": row.media_type, "level": row.level}
    try:
        digest = _digest(row.octets, row.media_type)
    except NotOpened as refusal:
        yield Finding("rendering.broken", about | {"reason": refusal.step.code})
    except BadPdf as refusal:
        yield Finding("rendering.broken", about | {"reason": refusal.code})
    else:
        if digest != row.content_digest:
            yield Finding("rendering.other", about | {"expected": row.content_digest, "found": digest})


def _digest(octets: bytes, media_type: str) -> str:
    if media_type != PDF:
        return open_receipt(octets, media_type).digest
    sealed = open_pdf(octets)
    return open_receipt(sealed.embedded, sealed.embedded_media_type).digest
