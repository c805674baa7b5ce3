"""What a registry file says of a known office's route becomes a version of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.errors import Misconfigured
from gateway.domain.registry.parties import RouteKind
from gateway.domain.registry.versions import OPEN, PAUSED, Stage, content_of, person, put_in_force
from gateway.exchange.registry.versions_anew import begin_anew
from gateway.store.registry import version_queries as queries
from gateway.store.registry.models import OfficeRow
from gateway.store.registry.version_models import RouteVersion

DECLARED = "declared in a registry file"


def settle(
    session: Session, values: Mapping[str, Any], actor: str, now: datetime, second_approval: bool
) -> tuple[Mapping[str, Any], list[str]]:
    """What of an office's declared values is written, and a line for each version that came of it.

    A new office has what was declared: nothing is there that it could change. Of a known one a changed route
    is the new active version, with which the hub begins anew as with one that a person activates, or where a
    second person must approve it, a draft, and the rest is written.

    Raises:
        Misconfigured: ``actor`` is no name that can stand with a version.
    """
    row = session.get(OfficeRow, values["id"])
    if row is None or content_of(values) == content_of(queries.values_of(row)):
        return values, []
    try:
        author = person(actor)
    except ValueError as error:
        raise Misconfigured([f"office {row.id}: {error} for who changes its route"]) from error
    live = queries.record(session, row, now)
    if second_approval:
        return {**values, **_as_it_is(live, values)}, [_draft(session, row.id, values, live, author, now)]
    content = content_of(values)
    begun = list(begin_anew(session, live, content, now))
    why = "; ".join((DECLARED, *begun))
    queries.move(session, live, Stage.RETIRED, now, author, why)
    made = queries.add(session, row.id, content, Stage.ACTIVE, author, DECLARED, now, live.number)
    return values, [
        f"version {made.number} of office {row.id} is active",
        *(f"office {row.id} begins anew: {what}" for what in begun),
    ]


def _as_it_is(live: RouteVersion, values: Mapping[str, Any]) -> dict[str, Any]:
    """The active version, paused if the file says so."""
    route = values["route"]
    paused = bool(route.get(PAUSED)) and route["kind"] == RouteKind.ADAPTER.value
    return put_in_force(live.content, paused)


def _draft(
    session: Session,
    office: str,
    values: Mapping[str, Any],
    live: RouteVersion,
    author: str,
    now: datetime,
) -> str:
    content = content_of(values)
    for one in queries.versions(session, office):
        if Stage(one.state) in OPEN and one.content == content:
            return f"version {one.number} of office {office} waits, {one.state}: nothing of its route changed"
    made = queries.add(session, office, content, Stage.DRAFT, author, DECLARED, now, live.number)
    return f"version {made.number} of office {office} is a draft: test it, have it approved, activate it"
