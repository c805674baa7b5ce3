"""Builds what tells people, what tells senders' systems, and what tells that workers are there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from adapters.contract import Adapter, TellsSenders
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.clients.mail import Mailer, Security, Smtp, SmtpSettings
from gateway.clients.mail import Outbox as Folder
from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.transit.notification import Pace
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.evidence.issue import Issuing
from gateway.exchange.evidence.notices import Notices
from gateway.exchange.operate.alerts import HeldAlerts, WebhookAlerts
from gateway.exchange.operate.presence import Presence
from gateway.exchange.registry.declared import Check
from gateway.exchange.transit.feed import Feed
from gateway.exchange.transit.outbox import Outbox
from gateway.exchange.transit.push import Push, Tempo, Turn
from gateway.exchange.transit.push_receipts import SenderSystems
from gateway.exchange.transit.push_repair import PushRepair
from gateway.exchange.transit.tell import Sending, Teller
from gateway.exchange.transit.tell_words import Wording
from gateway.exchange.transit.webhook_calls import WebhookCalls
from gateway.exchange.transit.webhook_ways import WebhookWays
from gateway.exchange.transit.webhooks import Webhooks
from gateway.home import read_secret
from gateway.i18n import Translator
from gateway.i18n.country import CountryPack
from gateway.settings import Settings
from gateway.store.sessions import Store
from gateway.store.transit.push_models import PushRow
from gateway.store.transit.push_queries import Row
from gateway.store.transit.webhook_models import WebhookRow
from gateway.workers.crew import Crew

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway

_ANSWER_BYTES = 64 * 1024
"""Of an answer to an event; nobody reads it."""
_CALL_S = 30.0
"""What a call may take besides its own time: waiting for the database, sealing."""

PASSWORD = "mail-password"  # noqa: S105 - its name


def pace(settings: Settings) -> Pace:
    """When people are told."""
    mail = settings.mail
    retry = RetrySchedule(mail.first_seconds, 2.0, mail.cap_seconds, 0.2, mail.lifetime_seconds)
    return Pace(timedelta(seconds=mail.gather_seconds), timedelta(seconds=mail.every_seconds), retry)


def outbox(settings: Settings, pack: CountryPack) -> Outbox:
    """What lays notifications down with what they tell."""
    return Outbox(pace(settings), settings.mail.language or pack.languages[0])


def mailer(settings: Settings) -> Mailer:
    """The mail system of the settings, or the folder that stands in for it.

    Raises:
        Misconfigured: the password is not there.
    """
    mail = settings.mail
    if mail.kind == "outbox":
        return Folder(mail.outbox)
    bundle = Path(settings.outgoing.ca_bundle) if settings.outgoing.ca_bundle else None
    return Smtp(
        SmtpSettings(
            host=mail.host,
            port=mail.port,
            security=cast("Security", mail.security),
            user=mail.user,
            password=read_secret(settings.home / "secrets", PASSWORD) if mail.user else "",
            allow=settings.outgoing.allow,
            ca_file=bundle,
            connect_s=mail.connect_seconds,
            total_s=mail.total_seconds,
        )
    )


def wording(gateway: Gateway) -> Wording:
    """The words of messages to people."""
    settings, pack = gateway.settings, gateway.pack
    return Wording(
        hub=settings.hub.name,
        address=settings.hub.public_url,
        sender=settings.mail.sender,
        speakers={language: Translator(language, pack) for language in pack.languages},
    )


def teller(gateway: Gateway, owner: str) -> Teller:
    """The job that sends what the outbox holds; events name ``owner``.

    Raises:
        Misconfigured: see `mailer`.
    """
    from gateway.bootstrap import chains, letters

    settings = gateway.settings
    return Teller(
        store=gateway.store,
        ambient=gateway.ambient,
        mailer=mailer(settings),
        wording=wording(gateway),
        pace=pace(settings),
        letters=letters(gateway),
        notices=Notices(chains(gateway), owner),
    )


def operators_teller(gateway: Gateway) -> Sending:
    """The job that sends what operators are to be told.

    Raises:
        Misconfigured: see `mailer`.
    """
    settings = gateway.settings
    return Sending(gateway.store, gateway.ambient, mailer(settings), wording(gateway), pace(settings))


def held_alerts(gateway: Gateway) -> HeldAlerts:
    """The job that finds which held deliveries operators must be told of."""
    settings = gateway.settings
    return HeldAlerts(
        store=gateway.store,
        ambient=gateway.ambient,
        outbox=outbox(settings, gateway.pack),
        addresses=settings.mail.operators,
        warn=timedelta(hours=settings.lifecycle.warn_hours),
    )


def webhook_alerts(gateway: Gateway) -> WebhookAlerts:
    """The job that finds which stopped webhooks operators must be told of."""
    settings = gateway.settings
    return WebhookAlerts(
        gateway.store, gateway.ambient, outbox(settings, gateway.pack), settings.mail.operators
    )


def presence(gateway: Gateway, owner: str) -> Presence:
    """The job by which a worker says that it is there."""
    return Presence(gateway.store, gateway.ambient, owner, gateway.ambient.now())


def telling_checks(adapters: Mapping[str, Adapter]) -> dict[str, Check]:
    """The option check of each adapter that tells senders, by the adapter's name."""
    return {name: one.check_telling for name, one in adapters.items() if isinstance(one, TellsSenders)}


def push(gateway: Gateway) -> Push[PushRow]:
    """What tells senders' systems their receipts."""
    from gateway.bootstrap import contexts

    settings, context = gateway.settings, contexts(gateway)
    return Push(
        store=gateway.store,
        ambient=gateway.ambient,
        feed=Feed(gateway.store),
        ways=SenderSystems(
            receipts=gateway.services.receipts,
            adapters=gateway.adapters,
            contexts=lambda told: context(Route(RouteKind.ADAPTER, told.adapter, told.options)),
            retry=settings.retry.schedule,
        ),
        tempo=Tempo(
            lease=timedelta(seconds=settings.outgoing.total_seconds + _CALL_S),
            rest=timedelta(seconds=settings.push.rest_seconds),
        ),
    )


def pushers(gateway: Gateway) -> Crew[Turn]:
    """The job by which a worker tells senders' systems their receipts."""
    return crew(push(gateway), gateway.settings.push.threads)


def crew(telling: Push[Row], threads: int) -> Crew[Turn]:
    """Threads that tell receivers; who is told now is known to the database."""
    return Crew(lambda _held, only_proven: telling.claim(only_proven), telling.serve, threads, "push")


def hooks(gateway: Gateway) -> Push[WebhookRow]:
    """What tells webhooks their events."""
    settings = gateway.settings.webhooks
    return Push(
        store=gateway.store,
        ambient=gateway.ambient,
        feed=Feed(gateway.store),
        ways=WebhookWays(gateway.services.webhooks.calls, settings.schedule),
        tempo=Tempo(lease=timedelta(seconds=settings.total_seconds + _CALL_S)),
    )


def hook_pushers(gateway: Gateway) -> Crew[Turn]:
    """The job by which a worker tells webhooks, with threads of its own: a dead one delays no receipt."""
    return crew(hooks(gateway), gateway.settings.webhooks.threads)


def webhooks(settings: Settings, store: Store, issuing: Issuing) -> Webhooks:
    """What parties decide about their webhooks."""
    bounds = settings.webhooks
    limits = HttpLimits(bounds.total_seconds, bounds.total_seconds, bounds.total_seconds, _ANSWER_BYTES)
    ca_file = Path(settings.outgoing.ca_bundle) if settings.outgoing.ca_bundle else None
    http = GuardedHttp(HttpSettings(settings.outgoing.allow, limits, ca_file, plain_by_list=True))
    return Webhooks(
        store=store,
        ambient=issuing.ambient,
        feed=Feed(store),
        calls=WebhookCalls(http, issuing, settings.hub.public_url),
        most=bounds.per_party,
    )


def push_repair(gateway: Gateway) -> PushRepair:
    """What an operator sees of telling senders' systems, and decides about it."""
    return PushRepair(gateway.store, gateway.ambient)
