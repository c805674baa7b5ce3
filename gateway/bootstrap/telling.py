"""Builds what tells people, and what tells that workers are there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gateway.clients.mail import Mailer, Security, Smtp, SmtpSettings
from gateway.clients.mail import Outbox as Folder
from gateway.domain.transit.notification import Pace
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.evidence.notices import Notices
from gateway.exchange.operate.presence import Presence
from gateway.exchange.transit.outbox import Outbox
from gateway.exchange.transit.tell import Teller
from gateway.exchange.transit.tell_words import Wording
from gateway.i18n import Translator
from gateway.i18n.country import CountryPack
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway

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
    from gateway.bootstrap import read_secret

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


def teller(gateway: Gateway, owner: str) -> Teller:
    """The job that sends what the outbox holds; events name ``owner``.

    Raises:
        Misconfigured: see `mailer`.
    """
    from gateway.bootstrap import chains, letters

    settings, pack = gateway.settings, gateway.pack
    return Teller(
        store=gateway.store,
        ambient=gateway.ambient,
        mailer=mailer(settings),
        wording=Wording(
            hub=settings.hub.name,
            address=settings.hub.public_url,
            sender=settings.mail.sender,
            speakers={language: Translator(language, pack) for language in pack.languages},
        ),
        pace=pace(settings),
        letters=letters(gateway),
        notices=Notices(chains(gateway), owner),
    )


def presence(gateway: Gateway, owner: str) -> Presence:
    """The job by which a worker says that it is there."""
    return Presence(gateway.store, gateway.ambient, owner, gateway.ambient.now())
