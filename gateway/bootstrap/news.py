"""Builds what takes later news of letters: from systems that are asked, and from those that call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from adapters.contract import Adapter, Context
from gateway.bootstrap import trying
from gateway.domain.registry.parties import Route
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.memory import Memory
from gateway.exchange.transit.news import LaterNews
from gateway.exchange.transit.news_pace import Paces
from gateway.exchange.transit.news_poll import Polling, Tempo, Turn
from gateway.exchange.transit.news_reports import Reporting
from gateway.home import read_secret
from gateway.settings import Settings
from gateway.workers.crew import Crew

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway, Verbs


def reporting(
    settings: Settings, ambient: Ambient, letters: Letters, verb: Verbs, adapters: Mapping[str, Adapter]
) -> Reporting:
    """What takes the calls of recipients' systems."""
    from gateway.bootstrap import guarded_http

    http, secret = guarded_http(settings), partial(read_secret, settings.home / "secrets")

    def context(route: Route) -> Context:
        return Context(http, route.options, secret, ambient.now, http.dial)

    news = LaterNews(letters, verb.handling, verb.outcomes)
    return Reporting(letters.store, news, adapters, context)


def polling(gateway: Gateway, owner: str, memory: Memory | None = None) -> Polling:
    """What asks recipients' systems; events name ``owner``, ``memory`` watches kinds from outside."""
    from gateway.bootstrap import contexts, letters, verbs

    verb, wanted = verbs(gateway, owner), gateway.settings.news
    return Polling(
        store=gateway.store,
        ambient=gateway.ambient,
        news=LaterNews(letters(gateway), verb.handling, verb.outcomes),
        adapters=gateway.adapters,
        contexts=contexts(gateway),
        tempo=Tempo(
            letters=wanted.letters,
            routes=wanted.routes,
            every=timedelta(seconds=wanted.every_seconds),
            turn=timedelta(seconds=wanted.turn_seconds),
            batch=wanted.batch,
            age=timedelta(days=wanted.days),
        ),
        paces=Paces(gateway.settings.routes.per_minute),
        kept=trying.polls(gateway),
        memory=memory,
    )


def pollers(gateway: Gateway, owner: str, memory: Memory | None) -> Crew[Turn]:
    """The job by which the worker that leads asks recipients' systems."""
    return crew(polling(gateway, owner, memory), gateway.settings.news.threads)


def crew(asking: Polling, threads: int) -> Crew[Turn]:
    """Threads that ask; a system that is being asked is not asked a second time."""

    def claim(held: Sequence[Turn], only_proven: bool) -> Turn | None:
        return asking.claim({turn.office.id for turn in held}, only_proven)

    return Crew(claim, asking.serve, threads, "news")
