"""The hub begins anew with a route that leads elsewhere from now on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.store.registry.version_models import RouteVersion
from gateway.store.transit import news_queries, route_queries


def begin_anew(
    session: Session, live: RouteVersion, content: Mapping[str, Any], now: datetime
) -> Iterator[str]:
    """Forget what is known of the active version's route, and let what waits for it go at once.

    Nothing is forgotten where it calls as before. What was done, for people.

    Args:
        content: of the version that becomes active.
    """
    if _calls(content) == _calls(live.content):
        return
    was = route_queries.forget(session, live.office)
    news_queries.forget_failures(session, live.office, now)
    if was.failures:
        yield f"breaker was {was.state.value} after {was.failures} failures"
    if waited := route_queries.make_due(session, live.office, now):
        yield f"{waited} waiting letters due at once"


def _calls(content: Mapping[str, Any]) -> tuple[Any, ...]:
    """What decides whom letters reach, and how."""
    return tuple(content["route"].get(key) for key in ("kind", "adapter", "options"))
