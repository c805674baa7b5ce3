"""Versions of offices' routes: written, approved, made active, taken back; each step by somebody, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Misconfigured, NotFound
from gateway.domain.identifiers import is_directory_id
from gateway.domain.registry.versions import (
    LONGEST_NOTE,
    MOVES,
    OPEN,
    PAUSED,
    VERSIONED,
    Stage,
    content_of,
    is_second,
    put_in_force,
)
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.apply import Registry, named, office_table
from gateway.exchange.registry.declared import Declared
from gateway.exchange.registry.versions_anew import begin_anew
from gateway.store.registry import version_queries as queries
from gateway.store.registry.models import OfficeRow
from gateway.store.registry.version_models import RouteVersion, RouteVersionEvent
from gateway.store.sessions import Store
from gateway.store.turns import take_turn

NOT_FOUND = "WASL-REQ-005"
NOT_SO = "WASL-DLV-086"
SECOND = "WASL-DLV-087"
_PLACE = "office[0]."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Versions:
    """Makes and moves versions; every step is a transaction that has the registry's turn.

    Attributes:
        read: reads a registry file's table, as `gateway.exchange.registry.declared.read_declared`.
    """

    store: Store
    ambient: Ambient
    registry: Registry
    read: Callable[[Mapping[str, Any]], Declared]

    def draft(self, office: str, table: Mapping[str, Any], author: str, note: str = "") -> int:
        """Write a new version over the active one; its number.

        Args:
            table: the keys of an office that a version holds, or a route alone; what is not there is as in
                the active version.

        Raises:
            NotFound: no such office.
            Misconfigured: everything that is wrong with it.
            Conflict: it is what is active.
        """
        by = named(author)
        base, content = self._content(office, table)
        if len(note) > LONGEST_NOTE or "\0" in note:
            raise Misconfigured([f"note: at most {LONGEST_NOTE} characters"])

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> int:
            if live.content == content:
                raise Conflict.because(NOT_SO, found=_so(live), expected="another content")
            now = self.ambient.now()
            return queries.add(session, office, content, Stage.DRAFT, by, note, now, base).number

        return self._step(office, act)

    def approve(self, office: str, number: int, by: str) -> None:
        """Say that a tested version may become active.

        Raises:
            NotFound: no such version.
            Conflict: it is not tested; or a second person must do it, and ``by`` is the first.
        """
        by = named(by)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> None:
            version = _version(session, office, number)
            if version.state != Stage.TESTED.value:
                raise Conflict.because(NOT_SO, found=_so(version), expected=f"{number}: {Stage.TESTED.value}")
            if self.registry.second_approval:
                _check_second(version, _events(session, version), by)
            queries.move(session, version, Stage.APPROVED, self.ambient.now(), by)

        self._step(office, act)

    def activate(self, office: str, number: int, by: str) -> None:
        """Send letters by a version from now on: an approved one, or one that was active before.

        Where no second person is needed, whoever activates a tested version approves it by that.

        Raises:
            NotFound: no such version.
            Misconfigured: what is installed now does not take it.
            Conflict: it has not come so far; another version became active after it was written.
        """
        by = named(by)
        self._check(office, number)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> None:
            version = _version(session, office, number)
            self._approved(session, version, by)
            if Stage.ACTIVE not in MOVES[Stage(version.state)]:
                raise Conflict.because(
                    NOT_SO, found=_so(version), expected=f"{number}: {Stage.APPROVED.value}"
                )
            if version.state == Stage.APPROVED.value and version.base != live.number:
                expected = f"{version.base}: {Stage.ACTIVE.value}"
                raise Conflict.because(NOT_SO, found=_so(live), expected=expected)
            version.before = live.number
            self._put(session, row, live, version, by, "")

        self._step(office, act)

    def rollback(self, office: str, by: str, seen: int) -> int:
        """Send letters by the version before again; its number.

        Args:
            seen: the version that is to be left; when another one is active, somebody was quicker.

        Raises:
            NotFound: no such office.
            Misconfigured: what is installed now does not take the version before.
            Conflict: another version is active, or there is none before.
        """
        by = named(by)
        before = self._before(office, seen)
        self._check(office, before)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> int:
            if live.number != seen:
                raise Conflict.because(NOT_SO, found=_so(live), expected=f"{seen}: {Stage.ACTIVE.value}")
            back = _version(session, office, before)
            self._put(session, row, live, back, by, f"roll-back from {seen}")
            return back.number

        return self._step(office, act)

    def discard(self, office: str, number: int, by: str, why: str = "") -> None:
        """Let a version that was never active become so no more.

        Raises:
            NotFound: no such version.
            Conflict: it is or was active, or is discarded.
        """
        by = named(by)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> None:
            version = _version(session, office, number)
            if Stage(version.state) not in OPEN:
                raise Conflict.because(NOT_SO, found=_so(version), expected=f"{number}: {Stage.DRAFT.value}")
            queries.move(session, version, Stage.DISCARDED, self.ambient.now(), by, why[:LONGEST_NOTE])

        self._step(office, act)

    def keep_test(self, office: str, number: int, by: str, report: Mapping[str, Any], held: bool) -> Stage:
        """Keep what a test found; a draft of which all held is tested, one of which not is a draft again.

        Raises:
            NotFound: no such version.
            Conflict: it was discarded.
        """
        by = named(by)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> Stage:
            version, now = _version(session, office, number), self.ambient.now()
            stage, why = Stage(version.state), "test held" if held else "test did not hold"
            if stage is Stage.DISCARDED:
                raise Conflict.because(NOT_SO, found=_so(version), expected=f"{number}: {Stage.DRAFT.value}")
            if held and stage is Stage.DRAFT:
                queries.move(session, version, Stage.TESTED, now, by, why, report)
            elif not held and stage in (Stage.TESTED, Stage.APPROVED):
                queries.move(session, version, Stage.DRAFT, now, by, why, report)
            else:
                queries.remark(session, version, now, by, why, report)
            return Stage(version.state)

        return self._step(office, act)

    def keep_reading(self, office: str, number: int, by: str, letters: int) -> None:
        """Put on record that somebody is going to read letters' texts in a dry run of a version.

        Raises:
            NotFound: no such version.
        """
        by = named(by)

        def act(session: Session, row: OfficeRow, live: RouteVersion) -> None:
            version = _version(session, office, number)
            why = f"texts of at most {letters} letters shown in a dry run"
            queries.remark(session, version, self.ambient.now(), by, why)

        self._step(office, act)

    def check(self, office: str, content: Mapping[str, Any]) -> None:
        """Whether what is installed now takes what a version of an office holds.

        Raises:
            NotFound: no such office.
            Misconfigured: everything that is wrong.
        """
        with self.store.read() as session:
            row = office_row(session, office)
            present = office_table(row)
        self._checked({**present, **content}, [])

    def _step(self, office: str, act: Callable[[Session, OfficeRow, RouteVersion], Result]) -> Result:
        with self.store.write() as session:
            take_turn(session, "registry")
            row = office_row(session, office)
            return act(session, row, queries.record(session, row, self.ambient.now()))

    def _put(
        self,
        session: Session,
        row: OfficeRow,
        live: RouteVersion,
        version: RouteVersion,
        by: str,
        why: str,
    ) -> None:
        now = self.ambient.now()
        why = "; ".join(filter(None, (why, *begin_anew(session, live, version.content, now))))
        queries.move(session, live, Stage.RETIRED, now, by, why or f"{version.number} became active")
        queries.move(session, version, Stage.ACTIVE, now, by, why)
        values = put_in_force(version.content, bool(row.route.get(PAUSED)))
        self.registry.put_office(session, row.id, values, by)

    def _approved(self, session: Session, version: RouteVersion, by: str) -> None:
        """Check that whoever must has approved; without a second person, activating is approving."""
        if version.state == Stage.TESTED.value and not self.registry.second_approval:
            queries.move(session, version, Stage.APPROVED, self.ambient.now(), by)
        elif version.state == Stage.APPROVED.value and self.registry.second_approval:
            events = _events(session, version)
            at = max(at for at, event in enumerate(events) if event.now == Stage.APPROVED.value)
            _check_second(version, events[:at], events[at].by)

    def _before(self, office: str, seen: int) -> int:
        with self.store.read() as session:
            row = office_row(session, office)
            found, _ = queries.standing(session, row, self.ambient.now())
        if found.before is None or found.number != seen:
            expected = f"{seen}: {Stage.ACTIVE.value}" if found.number != seen else Stage.RETIRED.value
            raise Conflict.because(NOT_SO, found=_so(found), expected=expected)
        return found.before

    def _content(self, office: str, table: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The active version's number, and what a table makes of its content."""
        wanted = {"route": table} if "kind" in table and "route" not in table else dict(table)
        faults = [f"{key}: no part of a version" for key in sorted(wanted.keys() - set(VERSIONED))]
        if isinstance(wanted.get("route"), Mapping) and PAUSED in wanted["route"]:
            faults.append("route.paused: no part of a version; see wasl route pause")
        with self.store.read() as session:
            row = office_row(session, office)
            live, _ = queries.standing(session, row, self.ambient.now())
            present = office_table(row)
        return live.number, self._checked({**present, **live.content, **wanted}, faults)

    def _checked(self, office: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
        """What a version of an office holds, judged as a registry file is.

        Raises:
            Misconfigured: ``faults``, and everything else that is wrong.
        """
        try:
            [values] = self.read({"office": [office]}).offices
        except Misconfigured as wrong:
            faults = [*faults, *(fault.removeprefix(_PLACE) for fault in wrong.faults)]
        if faults:
            raise Misconfigured(dict.fromkeys(faults))
        return content_of(values)

    def _check(self, office: str, number: int) -> None:
        """Raises:
        NotFound: no such version.
        Misconfigured: what is installed now does not take its content.
        """
        with self.store.read() as session:
            version = _version(session, office, number)
        self.check(office, version.content)


def office_row(session: Session, office: str) -> OfficeRow:
    """Raises:
    NotFound: no such office.
    """
    row = session.get(OfficeRow, office) if is_directory_id(office) else None
    if row is None:
        raise NotFound.because(NOT_FOUND)
    return row


def _version(session: Session, office: str, number: int) -> RouteVersion:
    found = queries.version(session, office, number) if is_directory_id(office) else None
    if found is None:
        raise NotFound.because(NOT_FOUND)
    return found


def _events(session: Session, version: RouteVersion) -> list[RouteVersionEvent]:
    return [one for one in queries.events(session, version.office) if one.number == version.number]


def _check_second(version: RouteVersion, before: Sequence[RouteVersionEvent], by: str) -> None:
    """Raises:
    Conflict: whoever approves wrote the version, or tested it before.
    """
    testers = [one.by for one in before if one.report is not None]
    if not is_second(by, (version.author, *testers)):
        raise Conflict.because(SECOND, found=by)


def _so(version: RouteVersion) -> str:
    return f"{version.number}: {version.state}"
