"""All tables, imported in one place so that the metadata is complete."""

from gateway.store.base import Base
from gateway.store.evidence.models import ReceiptRow, Rendering
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
    "DeliveryEvent",
    "DeliveryRow",
    "Message",
    "OfficeRow",
    "PartyRow",
    "Payload",
    "ReceiptRow",
    "Rendering",
    "SeenAssertion",
]
