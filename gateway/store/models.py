"""All tables, imported in one place so that the metadata is complete."""

from gateway.store.base import Base
from gateway.store.evidence.ledger_models import (
    CheckpointRow,
    CosignatureRow,
    LeafRow,
    LedgerRow,
    PendingEntry,
    TileRow,
    TokenRow,
)
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.evidence.retention_models import LegalHold, PurgeRow, SelfCheckRow
from gateway.store.registry.models import (
    AccessToken,
    CertificateRow,
    Change,
    OfficeRow,
    PartyRow,
    SeenAssertion,
)
from gateway.store.transit.models import (
    AttachmentRow,
    Attempt,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)

__all__ = [
    "AccessToken",
    "AttachmentRow",
    "Attempt",
    "Base",
    "CertificateRow",
    "Change",
    "CheckpointRow",
    "CosignatureRow",
    "DeliveryEvent",
    "DeliveryRow",
    "LeafRow",
    "LedgerRow",
    "LegalHold",
    "Message",
    "OfficeRow",
    "PartyRow",
    "Payload",
    "PendingEntry",
    "PurgeRow",
    "ReceiptRow",
    "Rendering",
    "SeenAssertion",
    "SelfCheckRow",
    "TileRow",
    "TokenRow",
]
