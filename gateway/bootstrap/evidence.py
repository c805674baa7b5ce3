"""Builds what keeps evidence: ledgers, time, retention, checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.clients.tsa import LARGEST_REPLY
from gateway.domain.evidence.retention import Retention
from gateway.domain.evidence.timelimit import TimeLimits
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.chain import Chains, take
from gateway.exchange.evidence.content_check import ContentCheck
from gateway.exchange.evidence.continuation import Continuation
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.head import HeadFile
from gateway.exchange.evidence.holds import Holds
from gateway.exchange.evidence.issue import Issuing
from gateway.exchange.evidence.ledger import Ledger
from gateway.exchange.evidence.ledger_check import check_ledger
from gateway.exchange.evidence.ledger_key import LedgerKey
from gateway.exchange.evidence.lineage import Lineage
from gateway.exchange.evidence.longterm import LongTerm
from gateway.exchange.evidence.pdf import PdfReceipts
from gateway.exchange.evidence.purge import Purge
from gateway.exchange.evidence.reconcile import Reconcile
from gateway.exchange.evidence.selfcheck import SelfCheck
from gateway.exchange.evidence.sequencer import Pace, SequencedLedger, Sequencer
from gateway.exchange.evidence.stamping import Stamping, TimestampLag, Unstamped
from gateway.exchange.evidence.time_source import HttpAuthorities, Resting
from gateway.exchange.operate.figures import Counting
from gateway.i18n import CountryPack, Translator
from gateway.settings import Settings
from gateway.store.sessions import Store
from gateway.store.together import Together
from gateway.trust.anchors import Anchors
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.note import read_note_key
from gateway.trust.seal import KeySealer
from gateway.trust.timestamp import TimeSource
from gateway.wire.receipt_pdf import Look

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway

_WAITS, _PATIENCE = 10, timedelta(minutes=10)
"""So many checkpoint intervals, and so long at least, an entry may wait before the self-check names it."""

_TIMESTAMP_SECONDS = 15.0
"""Longest time for one authority's answer, whatever other systems are allowed: the next one waits."""


def lineages(settings: Settings) -> tuple[Lineage, Lineage]:
    """The ledger for real letters and the one for tests."""
    place, keys = settings.ledger, settings.trust.directory / "ledger"
    test_head = place.head_file.with_name(place.head_file.name + ".test")
    return (
        Lineage(False, place.origin, HeadFile(place.head_file), keys),
        Lineage(True, place.test_origin, HeadFile(test_head), keys / "test"),
    )


def chains(pack: CountryPack, store: Store, issuing: Issuing, ambient: Ambient) -> Chains:
    """Continues the receipts of deliveries."""
    limits = TimeLimits(pack.procedures, pack)
    return Chains(store, issuing, ambient, limits, together=Together(store, take))


def ledger(settings: Settings, store: Store) -> Ledger:
    """What answers about the ledgers; it needs no key of theirs."""
    return Ledger(store, lineages(settings), settings.trust.directory / "witnesses")


def sequenced(settings: Settings) -> tuple[SequencedLedger, ...]:
    """The ledgers with their keys.

    Raises:
        Misconfigured: a key cannot be read, is no Ed25519 key, or is not the one that others verify with.
    """
    files = (settings.keys.ledger_key, settings.keys.test_ledger_key)
    found = []
    for lineage, path in zip(lineages(settings), files, strict=True):
        key = LedgerKey(read_note_key(path), lineage.keys)
        key.must_be_known(lineage.origin)
        found.append(SequencedLedger(lineage, key))
    return tuple(found)


def sequencer(gateway: Gateway) -> Sequencer:
    """The job that gives receipts their places in the ledger.

    Raises:
        Misconfigured: a ledger's key is not usable.
    """
    settings = gateway.settings
    pace = Pace(settings.ledger.checkpoint_leaves, timedelta(seconds=settings.ledger.checkpoint_seconds))
    return Sequencer(gateway.store, gateway.ambient, sequenced(settings), pace)


def continuation(gateway: Gateway) -> Continuation:
    """What a person does about a ledger that was rolled back."""
    return Continuation(gateway.store, gateway.ambient)


def purge(gateway: Gateway) -> Purge:
    """The job that destroys content whose time is over."""
    retention = Retention.of(gateway.pack.retention, gateway.settings.retention.default_days)
    return Purge(gateway.store, gateway.payloads, retention, gateway.issuing.ledgers, gateway.ambient)


def self_check(gateway: Gateway) -> SelfCheck:
    """The job that checks the whole evidence."""
    settings, store = gateway.settings, gateway.store
    tsa = settings.trust.directory / "tsa"
    return SelfCheck(
        store=store,
        ledger=lambda: check_ledger(store, lineages(settings), Anchors.load(tsa)),
        reconcile=Reconcile(
            store,
            ContentCheck(store, gateway.payloads),
            gateway.ambient,
            settings.retry.schedule,
            longest_wait=max(_WAITS * timedelta(seconds=settings.ledger.checkpoint_seconds), _PATIENCE),
        ),
        ambient=gateway.ambient,
        every=timedelta(hours=settings.ledger.self_check_hours),
    )


def counting(gateway: Gateway) -> Counting:
    """What the operations port tells."""
    return Counting(gateway.store, purge(gateway), gateway.ambient)


def holds(gateway: Gateway) -> Holds:
    """Legal holds."""
    return Holds(gateway.store, gateway.ambient)


def time_source(settings: Settings, ambient: Ambient) -> TimeSource:
    """The time-stamp authorities of the settings, or a local one that stands in for them.

    Raises:
        Misconfigured: the stand-in's key or certificate cannot be used.
    """
    urls, keys = settings.timestamps.authorities, settings.keys
    if urls:
        folder = settings.trust.directory / "tsa"
        return HttpAuthorities(urls, _authorities_http(settings), folder, ambient.random_bytes)
    own = KeySealer.from_files(keys.local_tsa_key, keys.local_tsa_certificate)
    return LocalAuthority(own.key, own.certificate, own.chain, ambient.now, ambient.random_bytes)


def resting_time_source(settings: Settings, ambient: Ambient) -> TimeSource:
    """The same for doors: after a failure nobody waits for it again at once."""
    pause = timedelta(seconds=settings.timestamps.retry_seconds)
    return Resting(time_source(settings, ambient), ambient.now, pause)


def _authorities_http(settings: Settings) -> GuardedHttp:
    outgoing = settings.outgoing
    limits = HttpLimits(
        connect_s=min(outgoing.connect_seconds, _TIMESTAMP_SECONDS),
        read_s=min(outgoing.read_seconds, _TIMESTAMP_SECONDS),
        total_s=min(outgoing.total_seconds, _TIMESTAMP_SECONDS),
        answer_bytes=LARGEST_REPLY,
    )
    bundle = Path(outgoing.ca_bundle) if outgoing.ca_bundle else None
    return GuardedHttp(HttpSettings(allow=outgoing.allow, limits=limits, ca_file=bundle))


def pdf_receipts(settings: Settings, pack: CountryPack, issuing: Issuing) -> PdfReceipts:
    """What makes receipts as PDF files, in all languages of the country."""
    look = Look(
        translators=tuple(Translator(language, pack) for language in pack.languages),
        names=settings.hub.name,
        public_url=settings.hub.public_url,
        emblem=pack.emblem,
    )
    return PdfReceipts(issuing, look)


def receipts(settings: Settings, pack: CountryPack, store: Store, issuing: Issuing) -> Receipts:
    """What hands receipts out, at doors where people wait.

    Raises:
        Misconfigured: see `time_source`.
    """
    source = resting_time_source(settings, issuing.ambient)
    return Receipts(store, issuing, source, pdf_receipts(settings, pack, issuing))


def timestamp_lag(settings: Settings, store: Store, ambient: Ambient) -> TimestampLag:
    """What health says about independent time."""
    largest = timedelta(hours=settings.timestamps.largest_lag_hours)
    return TimestampLag(Unstamped(store), ambient.now, largest)


def stamping(gateway: Gateway) -> Stamping:
    """The job that gives checkpoints their time-stamps.

    Raises:
        Misconfigured: see `time_source`.
    """
    source = time_source(gateway.settings, gateway.ambient)
    again = timedelta(days=gateway.settings.ledger.restamp_days)
    return Stamping(gateway.store, source, gateway.ambient.now, again)


def long_term(gateway: Gateway, busy: Callable[[], bool] = lambda: False) -> LongTerm:
    """The job that gives receipts their long-term form.

    Args:
        busy: whether letters are being worked on beside it.

    Raises:
        Misconfigured: see `time_source`.
    """
    source = time_source(gateway.settings, gateway.ambient)
    receipts = replace(gateway.services.receipts, source=source)
    return LongTerm(gateway.store, receipts, gateway.ambient.now, busy=busy)
