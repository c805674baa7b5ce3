"""The versions of an office's route are looked at: which there are, what differs, what each one holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, NotFound
from gateway.domain.registry.differences import Difference, compared
from gateway.domain.registry.parties import Office
from gateway.domain.registry.versions import OPEN, Stage
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.versions import NOT_FOUND, NOT_SO, office_row
from gateway.store.registry import version_queries as queries
from gateway.store.registry.models import OfficeRow
from gateway.store.registry.queries import office_of
from gateway.store.registry.version_models import RouteVersion
from gateway.store.sessions import Store


@dataclass(frozen=True)
class Step:
    """One step with a version: what moved, or was put on record, by whom and why.

    Attributes:
        report: what a test found.
    """

    was: str
    now: str
    at: datetime
    by: str
    why: str
    report: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class VersionLine:
    """A version and how it came so far.

    Attributes:
        base: the version that it was written over; ``before``: where a roll-back from it leads.
    """

    number: int
    state: str
    author: str
    created_at: datetime
    note: str
    base: int | None
    before: int | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Content:
    """What one version of an office's route holds."""

    office: str
    number: int
    state: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Looks:
    """Reads versions; what stands in the registry and is none yet is shown as the one that it will be.

    Attributes:
        retry: the schedule of routes, but for what each says itself.
    """

    store: Store
    ambient: Ambient
    retry: RetrySchedule

    def history(self, office: str) -> list[VersionLine]:
        """Every version of an office, in order.

        Raises:
            NotFound: no such office.
        """
        with self.store.read() as session:
            found, live = self._all(session, office)
            steps: dict[int, list[Step]] = {}
            for event in queries.events(session, office):
                step = Step(event.was, event.now, event.at, event.by, event.why, event.report)
                steps.setdefault(event.number, []).append(step)
        return [_line(one, live.number, tuple(steps.get(one.number, ()))) for one in found]

    def active(self, office: str) -> int:
        """The number of the active version.

        Raises:
            NotFound: no such office.
        """
        with self.store.read() as session:
            return self._all(session, office)[1].number

    def content(self, office: str, number: int | None = None) -> Content:
        """What a version holds; without a number, the active one.

        Raises:
            NotFound: no such version.
        """
        with self.store.read() as session:
            found, live = self._all(session, office)
        wanted = live.number if number is None else number
        for one in found:
            if one.number == wanted:
                state = one.state if one is live or one.state != Stage.ACTIVE.value else Stage.RETIRED.value
                return Content(office, one.number, state, one.content)
        raise NotFound.because(NOT_FOUND)

    def open(self, office: str) -> int:
        """The number of the latest version that may still become active for the first time.

        Raises:
            NotFound: no such office.
            Conflict: there is none.
        """
        with self.store.read() as session:
            found, live = self._all(session, office)
        for one in reversed(found):
            if Stage(one.state) in OPEN:
                return one.number
        raise Conflict.because(NOT_SO, found=f"{live.number}: {live.state}", expected=Stage.DRAFT.value)

    def diff(self, office: str, one: int, other: int, secrets: frozenset[str]) -> list[Difference]:
        """Where two versions differ, by the path of keys; what looks like a secret is masked.

        Raises:
            NotFound: no such version.
        """
        was, now = self.content(office, one), self.content(office, other)
        return compared(was.values, now.values, secrets)

    def office(self, content: Content) -> Office:
        """The office as it is when a version is active.

        Raises:
            NotFound: no such office.
        """
        with self.store.read() as session:
            row = office_row(session, content.office)
            values = {**queries.values_of(row), **content.values}
            return office_of(OfficeRow(**values), self.retry)

    def _all(self, session: Session, office: str) -> tuple[list[RouteVersion], RouteVersion]:
        """Every version, and the one that is active."""
        row = office_row(session, office)
        found = queries.versions(session, office)
        live, recorded = queries.standing(session, row, self.ambient.now())
        return (found if recorded else [*found, live]), live


def _line(version: RouteVersion, live: int, steps: tuple[Step, ...]) -> VersionLine:
    over = version.state == Stage.ACTIVE.value and version.number != live
    return VersionLine(
        number=version.number,
        state=Stage.RETIRED.value if over else version.state,
        author=version.author,
        created_at=version.created_at,
        note=version.note,
        base=version.base,
        before=version.before,
        steps=steps,
    )
