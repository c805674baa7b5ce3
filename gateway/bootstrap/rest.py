"""Builds what the doors have around letters: uploads, quotas, the list, the directory, callers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.domain.transit.uploading import Allowed
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.callers import Callers
from gateway.exchange.registry.directory import OfficeDirectory
from gateway.exchange.registry.signers import Signers
from gateway.exchange.registry.trust import CertificateJudge
from gateway.exchange.transit.letter_list import Listing
from gateway.exchange.transit.quotas import Quotas
from gateway.exchange.transit.upload_expiry import UploadExpiry
from gateway.exchange.transit.uploads import Uploads
from gateway.settings import Settings
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def uploads(settings: Settings, store: Store, payloads: PayloadStore, ambient: Ambient) -> Uploads:
    """What takes contents before their letters."""
    of = settings.uploads
    allowed = Allowed(
        largest=settings.limits.attachment_bytes,
        octets=of.party_bytes,
        count=of.party_count,
        kept=timedelta(hours=of.keep_hours),
        piece=of.piece_bytes,
    )
    return Uploads(store, payloads, ambient, allowed)


def quotas(settings: Settings) -> Quotas:
    """What counts the letters of each party."""
    return Quotas(settings.limits.letters_per_hour)


def listing(store: Store) -> Listing:
    """What lists a party's letters."""
    return Listing(store)


def directory(settings: Settings, store: Store, ambient: Ambient) -> OfficeDirectory:
    """What tells where letters can be sent."""
    return OfficeDirectory(store, ambient, timedelta(seconds=settings.routes.fallback_seconds))


def callers(
    settings: Settings, store: Store, signers: Signers, certificates: CertificateJudge, ambient: Ambient
) -> Callers:
    """What knows parties by certificates instead of tokens."""
    window = timedelta(seconds=settings.soap.timestamp_seconds)
    return Callers(store, signers, certificates, ambient, window)


def upload_expiry(gateway: Gateway) -> UploadExpiry:
    """The job that forgets uploads."""
    kept = timedelta(hours=gateway.settings.uploads.keep_hours)
    return UploadExpiry(gateway.store, gateway.payloads, gateway.ambient, kept)
