"""What the HTTP doors call."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.exchange.evidence.bundle import Bundles
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.ledger import Ledger
from gateway.exchange.operate.health import Health
from gateway.exchange.registry.callers import Callers
from gateway.exchange.registry.directory import OfficeDirectory
from gateway.exchange.registry.tokens import Tokens
from gateway.exchange.transit.cancelling import Cancelling
from gateway.exchange.transit.check import Checking
from gateway.exchange.transit.feed import Feed
from gateway.exchange.transit.inbox import Inbox
from gateway.exchange.transit.intake import Intake
from gateway.exchange.transit.letter_list import Listing
from gateway.exchange.transit.look import Looking
from gateway.exchange.transit.news_reports import Reporting
from gateway.exchange.transit.uploads import Uploads
from gateway.exchange.transit.webhooks import Webhooks


@dataclass(frozen=True)
class Services:
    """Every service behind a door, one verb each."""

    intake: Intake
    checking: Checking
    looking: Looking
    cancelling: Cancelling
    receipts: Receipts
    bundles: Bundles
    ledger: Ledger
    tokens: Tokens
    callers: Callers
    health: Health
    feed: Feed
    inbox: Inbox
    reporting: Reporting
    uploads: Uploads
    listing: Listing
    directory: OfficeDirectory
    webhooks: Webhooks
