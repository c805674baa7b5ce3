"""The two content models that travel, with their namespaces and schema files."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields

from gateway.domain.content import Kind, item
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.transit.envelope import Envelope

DRAFT = "1.0-draft"
"""Status of both schemas until the first release freezes them."""


@dataclass(frozen=True)
class CarriedReceipt(Receipt):
    """What a receipt says, and the digest that names it in chains and in the ledger."""

    _: KW_ONLY
    content_digest: str = item(
        "SHA-256 of the RFC 8785 form of the JSON rendering without this member.", kind=Kind.DIGEST
    )

    def content(self) -> Receipt:
        """The receipt alone, as the digest covers it."""
        return Receipt(**{field.name: getattr(self, field.name) for field in fields(Receipt)})


@dataclass(frozen=True)
class Model:
    """One content model on the wire.

    Attributes:
        root: the class of its values.
        name: local name of the XML root element.
        stem: file name of its schemas, without the suffix.
    """

    root: type
    name: str
    namespace: str
    stem: str


ENVELOPE = Model(Envelope, "Envelope", "urn:wasl:envelope:1.0", "envelope-1.0")
RECEIPT = Model(CarriedReceipt, "Receipt", "urn:wasl:receipt:1.0", "receipt-1.0")
