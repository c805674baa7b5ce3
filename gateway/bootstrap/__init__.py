"""The only place that builds things: settings become a gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from adapters.contract import Adapter, Context
from gateway.bootstrap import codes, evidence, isolation, lifecycle, news, rest, telling, trying, waking
from gateway.bootstrap.kinds import find_adapters, signed_replies
from gateway.bootstrap.payloads import place
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.receipt import Issuer
from gateway.domain.evidence.timelimit import TimeLimits
from gateway.domain.registry.parties import Route
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.bundle import Bundles
from gateway.exchange.evidence.bundle_material import Materials
from gateway.exchange.evidence.chain import Chains
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import Issuing, Ledgers, Seals
from gateway.exchange.evidence.ledger import Ledger
from gateway.exchange.evidence.limits import Limits
from gateway.exchange.evidence.notices import Notices
from gateway.exchange.operate.flow import Watch
from gateway.exchange.operate.health import Health
from gateway.exchange.operate.reach import Reach
from gateway.exchange.registry.apply import Registry
from gateway.exchange.registry.cache import RegistryCache
from gateway.exchange.registry.revocation import Revocations
from gateway.exchange.registry.signers import Signers
from gateway.exchange.registry.tokens import Tokens
from gateway.exchange.registry.trust import CertificateJudge
from gateway.exchange.transit.check import Checking
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.fallback import Fallback
from gateway.exchange.transit.feed import Feed
from gateway.exchange.transit.intake import Intake
from gateway.exchange.transit.judge import Judge, Window
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.look import Looking
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.processing import Handling
from gateway.exchange.transit.redirecting import Redirecting
from gateway.exchange.transit.refusal import Refusals
from gateway.exchange.transit.relays import Relays
from gateway.exchange.transit.sweep import Sweep
from gateway.home import country_folders, open_engine, read_secret
from gateway.i18n import Translator
from gateway.i18n.country import CountryPack, load_country
from gateway.settings import Settings
from gateway.store.leader import Lead, make_lead
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.trust.jws import JwsLimits
from gateway.trust.seal import KeySealer
from gateway.trust.xmlgate import XmlLimits
from gateway.web.services import Services


@dataclass(frozen=True)
class Gateway:
    """A built hub: what doors and workers are given."""

    settings: Settings
    pack: CountryPack
    store: Store
    payloads: PayloadStore
    ambient: Ambient
    issuing: Issuing
    services: Services
    registry: Registry
    adapters: Mapping[str, Adapter]

    @property
    def languages(self) -> tuple[str, ...]:
        return self.pack.languages


@dataclass(frozen=True)
class Verbs:
    """Every step that a delivery's chain knows besides acceptance and dispatch."""

    outcomes: Outcomes
    handling: Handling
    redirecting: Redirecting
    relays: Relays
    notices: Notices
    limits: Limits


def build(settings: Settings, ambient: Ambient | None = None) -> Gateway:
    """Build a hub from its settings; its home must exist (`gateway.home.prepare`).

    Raises:
        Misconfigured: a key, a certificate or the country pack cannot be read.
    """
    ambient, pack = ambient or Ambient(), load_country(settings.hub.country, country_folders(settings))
    store = Store(open_engine(settings))
    secret = partial(read_secret, settings.home / "secrets")
    wake, check_broker = waking.by_broker(settings, secret)
    payloads = PayloadStore(place(settings, secret), _master_key(settings), ambient.random_bytes)
    issuing = _issuing(settings, pack, ambient)
    certificates = CertificateJudge(settings.trust.directory / "parties", settings.trust.require_revocation)
    ledger, receipts = evidence.ledger(settings, store), evidence.receipts(settings, pack, store, issuing)
    signers, adapters = Signers(RegistryCache()), find_adapters()
    judge, letters = _judge(settings, pack, certificates, signers), _letters(settings, store, payloads)
    chain = evidence.chains(pack, store, issuing, ambient)
    reading = _verbs(settings, pack, chain, letters, "inbox")
    services = Services(
        intake=Intake(
            store=store,
            payloads=payloads,
            judge=judge,
            refusals=_refusals(settings, pack, store, issuing, receipts, ambient),
            receipts=receipts,
            issuing=issuing,
            ambient=ambient,
            languages=pack.languages,
            limits=TimeLimits(pack.procedures, pack),
            quotas=rest.quotas(settings),
            wake=wake,
        ),
        checking=Checking(store, judge, ambient, pack.languages),
        looking=Looking(store),
        listing=rest.listing(store),
        directory=rest.directory(settings, store, ambient),
        uploads=rest.uploads(settings, store, payloads, ambient),
        feed=Feed(store),
        cancelling=lifecycle.cancelling(letters, chain),
        inbox=lifecycle.inbox(letters, reading, settings.lifecycle.lock_seconds),
        reporting=news.reporting(settings, ambient, letters, reading, adapters),
        webhooks=telling.webhooks(settings, store, issuing),
        receipts=receipts,
        bundles=_bundles(settings, pack, payloads, receipts, ledger, ambient),
        tokens=_tokens(settings, store, certificates, ambient),
        callers=rest.callers(settings, store, signers, certificates, ambient),
        ledger=ledger,
        health=_health(settings, store, payloads, issuing, ledger, adapters, check_broker),
    )
    return Gateway(
        settings=settings,
        pack=pack,
        store=store,
        payloads=payloads,
        ambient=ambient,
        issuing=issuing,
        services=services,
        registry=Registry(store, ambient, settings.routes.second_approval),
        adapters=adapters,
    )


def _health(
    settings: Settings,
    store: Store,
    payloads: PayloadStore,
    issuing: Issuing,
    ledger: Ledger,
    adapters: Mapping[str, Adapter],
    check_broker: Callable[[], None],
) -> Health:
    lag = evidence.timestamp_lag(settings, store, issuing.ambient)
    watch, reach = Watch(store, issuing.ambient), Reach(store, adapters)
    return Health(store, payloads, issuing, ledger, lag, watch, reach, check_broker)


def _refusals(
    settings: Settings,
    pack: CountryPack,
    store: Store,
    issuing: Issuing,
    receipts: Receipts,
    ambient: Ambient,
) -> Refusals:
    return Refusals(
        store,
        issuing,
        receipts,
        ambient,
        pack.languages,
        timedelta(hours=settings.evidence.rejection_hours),
        settings.limits.refusals_per_hour,
    )


def _tokens(settings: Settings, store: Store, certificates: CertificateJudge, ambient: Ambient) -> Tokens:
    return Tokens(
        store,
        certificates,
        ambient,
        f"{settings.hub.public_url}/oauth2/token",
        timedelta(seconds=settings.tokens.lifetime_seconds),
        timedelta(seconds=settings.tokens.assertion_seconds),
    )


def _bundles(
    settings: Settings,
    pack: CountryPack,
    payloads: PayloadStore,
    receipts: Receipts,
    ledger: Ledger,
    ambient: Ambient,
) -> Bundles:
    return Bundles(
        store=receipts.store,
        payloads=payloads,
        receipts=receipts,
        ledger=ledger,
        issuing=receipts.issuing,
        materials=Materials(
            receipts.store, settings.trust.directory, xml_limits(settings), jws_limits(settings)
        ),
        ambient=ambient,
        speakers=tuple(Translator(language, pack) for language in pack.languages),
        folder=settings.home,
    )


def dispatcher(gateway: Gateway, owner: str) -> Dispatch:
    """A dispatch whose leases name ``owner``."""
    return Dispatch(
        store=gateway.store,
        ambient=gateway.ambient,
        claims=isolation.claims(gateway, owner),
        letters=letters(gateway),
        outcomes=_outcomes(gateway, owner),
        routes=isolation.routes(gateway.settings, gateway.store, gateway.ambient),
        adapters=gateway.adapters,
        contexts=contexts(gateway),
        unmapped=codes.unmapped(gateway),
        exchanges=trying.exchanges(gateway),
        underway=trying.underway(gateway.settings),
    )


def fallback(gateway: Gateway, owner: str) -> Fallback:
    """The job for letters whose route fails for long; events name ``owner``."""
    return isolation.fallback(gateway, letters(gateway), _outcomes(gateway, owner))


def _outcomes(gateway: Gateway, owner: str) -> Outcomes:
    return Outcomes(chains(gateway), owner, telling.outbox(gateway.settings, gateway.pack).mail_waits)


def letters(gateway: Gateway) -> Letters:
    """Reads accepted letters back."""
    return _letters(gateway.settings, gateway.store, gateway.payloads)


def _letters(settings: Settings, store: Store, payloads: PayloadStore) -> Letters:
    return Letters(store, payloads, xml_limits(settings), jws_limits(settings), settings.retry.schedule)


def chains(gateway: Gateway) -> Chains:
    """Continues the receipts of deliveries."""
    return evidence.chains(gateway.pack, gateway.store, gateway.issuing, gateway.ambient)


def verbs(gateway: Gateway, owner: str) -> Verbs:
    """What parties, offices and operators may bring about; events name ``owner``."""
    return _verbs(gateway.settings, gateway.pack, chains(gateway), letters(gateway), owner)


def _verbs(settings: Settings, pack: CountryPack, chain: Chains, letters: Letters, owner: str) -> Verbs:
    return Verbs(
        outcomes=Outcomes(chain, owner, telling.outbox(settings, pack).mail_waits),
        handling=Handling(chain),
        redirecting=Redirecting(chain.store, chain, owner, pack.languages),
        relays=Relays(chain, owner),
        notices=Notices(chain, owner),
        limits=Limits(chain, letters, owner),
    )


def sweep(gateway: Gateway) -> Sweep:
    """The job that removes content nobody owns."""
    return Sweep(gateway.store, gateway.payloads, gateway.ambient)


def lead(gateway: Gateway) -> Lead:
    """The lead among this hub's workers, for the jobs that one of them runs for all."""
    return make_lead(gateway.store.engine, "wasl-jobs", gateway.settings.home)


def revocations(gateway: Gateway) -> Revocations:
    """The job that keeps revocation lists fresh."""
    trust = gateway.settings.trust
    folders = tuple(trust.directory / name for name in ("parties", "seal", "tsa"))
    return Revocations(guarded_http(gateway.settings), trust.revocation_urls, folders, gateway.ambient)


def contexts(gateway: Gateway) -> Callable[[Route], Context]:
    """Builds what an adapter may use on a route."""
    http = guarded_http(gateway.settings)
    secret = partial(read_secret, gateway.settings.home / "secrets")
    folders = tuple(map(Path, gateway.settings.adapters.folders))
    now, signed_body = gateway.ambient.now, signed_replies(gateway.settings, gateway.ambient)

    def context(route: Route) -> Context:
        return Context(http, route.options, secret, now, http.dial, folders, signed_body=signed_body)

    return context


def guarded_http(settings: Settings) -> GuardedHttp:
    """The one way out, with the operator's bounds and allow-list."""
    outgoing = settings.outgoing
    return GuardedHttp(
        HttpSettings(
            allow=outgoing.allow,
            limits=HttpLimits(
                connect_s=outgoing.connect_seconds,
                read_s=outgoing.read_seconds,
                total_s=outgoing.total_seconds,
                answer_bytes=outgoing.answer_bytes,
            ),
            ca_file=Path(outgoing.ca_bundle) if outgoing.ca_bundle else None,
        )
    )


def xml_limits(settings: Settings) -> XmlLimits:
    limits = settings.limits
    return XmlLimits(
        max_bytes=limits.envelope_bytes,
        max_depth=limits.xml_depth,
        max_attributes=limits.xml_attributes,
        max_namespaces=limits.xml_namespaces,
        max_elements=limits.xml_elements,
    )


def jws_limits(settings: Settings) -> JwsLimits:
    return JwsLimits(octets=settings.limits.envelope_bytes, depth=settings.limits.json_depth)


def _master_key(settings: Settings) -> bytes:
    try:
        return bytes.fromhex(settings.keys.payload_master_key.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise Misconfigured([f"keys.payload_master_key: {error}"]) from error


def _issuing(settings: Settings, pack: CountryPack, ambient: Ambient) -> Issuing:
    keys, hub = settings.keys, settings.hub
    return Issuing(
        issuer=Issuer(hub.code, hub.name_in(pack.languages[0]), hub.country),
        policy=settings.evidence.policy,
        zone=pack.time_zone,
        seals=Seals(
            KeySealer.from_files(keys.seal_key, keys.seal_certificate),
            KeySealer.from_files(keys.test_seal_key, keys.test_seal_certificate),
        ),
        ambient=ambient,
        ledgers=Ledgers(settings.ledger.origin, settings.ledger.test_origin),
    )


def _judge(settings: Settings, pack: CountryPack, certificates: CertificateJudge, signers: Signers) -> Judge:
    limits = settings.limits
    return Judge(
        signers=signers,
        certificates=certificates,
        almanac=pack,
        hub=settings.hub.code,
        window=Window(
            timedelta(seconds=limits.claimed_past_seconds),
            timedelta(seconds=limits.claimed_future_seconds),
        ),
        xml_limits=xml_limits(settings),
        jws_limits=jws_limits(settings),
        attachment_bytes=limits.attachment_bytes,
        inline_bytes=limits.inline_bytes,
    )
