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
from gateway.store.registry.version_models import RouteVersion, RouteVersionEvent
from gateway.store.schema_models import SchemaFloor
from gateway.store.transit.exchange_models import ExchangeRow
from gateway.store.transit.models import (
    AttachmentRow,
    Attempt,
    DecisionRow,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)
from gateway.store.transit.news_models import NewsPoll, NewsRoute, NewsTrouble
from gateway.store.transit.notice_models import (
    HeldTold,
    NotificationRow,
    NotifiedDelivery,
    OperatorNoticeRow,
    WorkerFull,
    WorkerSeen,
)
from gateway.store.transit.push_models import PushRefusal, PushRow
from gateway.store.transit.route_models import RouteState
from gateway.store.transit.unmapped_models import UnmappedValue
from gateway.store.transit.upload_models import UploadPiece, UploadRow
from gateway.store.transit.webhook_models import WebhookRow

__all__ = [
    "AccessToken",
    "AttachmentRow",
    "Attempt",
    "Base",
    "CertificateRow",
    "Change",
    "CheckpointRow",
    "CosignatureRow",
    "DecisionRow",
    "DeliveryEvent",
    "DeliveryRow",
    "ExchangeRow",
    "HeldTold",
    "LeafRow",
    "LedgerRow",
    "LegalHold",
    "Message",
    "NewsPoll",
    "NewsRoute",
    "NewsTrouble",
    "NotificationRow",
    "NotifiedDelivery",
    "OfficeRow",
    "OperatorNoticeRow",
    "PartyRow",
    "Payload",
    "PendingEntry",
    "PurgeRow",
    "PushRefusal",
    "PushRow",
    "ReceiptRow",
    "Rendering",
    "RouteState",
    "RouteVersion",
    "RouteVersionEvent",
    "SchemaFloor",
    "SeenAssertion",
    "SelfCheckRow",
    "TileRow",
    "TokenRow",
    "UnmappedValue",
    "UploadPiece",
    "UploadRow",
    "WebhookRow",
    "WorkerFull",
    "WorkerSeen",
]
