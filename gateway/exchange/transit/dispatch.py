"""Dispatch: one claimed delivery is brought as far as it can get now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import structlog

from adapters.contract import Adapter, Context, Letter, Plays
from gateway.domain.errors import (
    Ambiguous,
    Declined,
    DeliveryError,
    Fault,
    GatewayFault,
    Permanent,
    Temporary,
)
from gateway.domain.evidence.receipt import Place
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.domain.transit.breaker import Result
from gateway.domain.transit.grounds import is_ground
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.attempt import (
    NO_ADAPTER,
    NOT_INSTALLED,
    NOT_SET,
    OF_THE_ROUTE,
    OPERATORS_MEND,
    Means,
    Trouble,
    attempt,
    can,
    is_from_outside,
    ours,
    place,
)
from gateway.exchange.transit.claim import LOST_LEASE, Claims, Draining, LeaseLost
from gateway.exchange.transit.exchanges import Exchanges
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.outcomes import OVER, Outcomes, Overtaken
from gateway.exchange.transit.routes import INTERNAL, Routes, Seen, told_by
from gateway.exchange.transit.sound import Sound
from gateway.exchange.transit.underway import HANGS, Underway
from gateway.exchange.transit.unmapped import Unmapped
from gateway.store.sessions import Store
from gateway.store.transit import queries

_PLACES = {RouteKind.INBOX: Place.INBOX, RouteKind.OFFICE: Place.HUB_OFFICE}

NO_TESTS_HERE = "WASL-DLV-062"

_log = structlog.get_logger()


def _nothing() -> None:
    """Nothing was exchanged."""


@dataclass(frozen=True)
class _Tried:
    """How an attempt ended, and what keeps on record what was exchanged in it."""

    result: Sound | Trouble
    keep: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Dispatch:
    """Brings accepted letters to their recipients' systems.

    Attributes:
        adapters: every installed kind, by name.
        contexts: builds what an adapter may use on a route.
        unmapped: keeps what code tables have no entry for.
        exchanges: keeps what attempts exchanged.
        underway: which routes are being called here; one that hangs is called no more.
    """

    store: Store
    ambient: Ambient
    claims: Claims
    letters: Letters
    outcomes: Outcomes
    routes: Routes
    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]
    unmapped: Unmapped
    exchanges: Exchanges
    underway: Underway = field(default_factory=Underway)

    def run_once(self, limit: int = 20) -> int:
        """Claim and work on due deliveries one after the other, at most ``limit``; how many."""
        worked = 0
        while worked < limit and (claimed := self.claim(1)):
            for delivery, case in claimed:
                self.work(delivery, case)
            worked += len(claimed)
        return worked

    def claim(self, limit: int) -> list[tuple[str, Case | None]]:
        """Deliveries that are now this worker's, at most ``limit``, each with what is known of it.

        None: that could not be found out for all of them together, and is looked up for each alone.
        """
        claimed = self.claims.claim(limit)
        if not claimed:
            return []
        cases: Mapping[str, Case] = {}
        try:
            cases = self.letters.cases(claimed)
        except Exception as fault:  # noqa: BLE001 - decides nothing: whose trouble it is shows when each is worked on
            _log.info("deliveries not looked up together", cause=_cause(fault))
        return [(delivery, cases.get(delivery)) for delivery in claimed]

    def work(self, delivery: str, case: Case | None = None) -> None:
        """Bring one claimed delivery as far as it can get now; its trouble stays its own.

        Args:
            case: what was found out about it under its lease; None: it is looked up.
        """
        try:
            self.claims.go_on()
            found = case or self.letters.case(delivery)
            structlog.contextvars.bind_contextvars(**found.message.called)
            self._work(found)
        except Draining:
            self.give_back(delivery)
        except (LeaseLost, Overtaken):
            _log.info("delivery taken over", delivery=delivery)
        except Exception as fault:  # noqa: BLE001 - decides nothing: the lease runs out, somebody tries again
            _log.warning("delivery interrupted", delivery=delivery, cause=_cause(fault))
        finally:
            structlog.contextvars.unbind_contextvars("request", "trace")
            self.claims.leases.release(delivery)

    def give_back(self, delivery: str) -> None:
        """Leave a claimed delivery whose sending has not begun to any worker."""
        try:
            self.routes.heard(self.claims.give_back(delivery), Result.NOTHING)
        except (LeaseLost, GatewayFault) as fault:
            _log.info("delivery not given back, its lease runs out", delivery=delivery, cause=_cause(fault))

    def _work(self, case: Case) -> None:
        if _expired(case, self.ambient.now()):
            self.outcomes.expire(case)
        elif case.office is None:
            nowhere = Route(RouteKind.OFFICE, retry=self.letters.retry)
            self._settle(case, nowhere, Permanent(NO_ADAPTER, "office removed"))
        elif not _fits(case, case.office.route):
            self._astray(case, case.office.route)
        elif case.office.route.kind is RouteKind.ADAPTER:
            self._deliver(case, case.office)
            return
        elif case.row.doubt and not case.released:
            # the route was changed meanwhile; what the earlier system holds, nobody can look up any more
            self._settle(case, case.office.route, Ambiguous(LOST_LEASE))
        else:
            seen = Seen(case.breaker, self.ambient.now())
            self.outcomes.make_available(case, _PLACES[case.office.route.kind])
            self.routes.heard(case.office.id, Result.ANSWERED, seen=seen)

    def _deliver(self, case: Case, office: Office) -> None:
        means, tried = self._means(office.route), None
        seen = Seen(case.breaker, self.ambient.now())
        try:
            tried = self._attempted(case, office, means)
            if tried is not None:
                self._end(case, office.route, means, tried.result)
        finally:
            result = None
            if tried is not None:
                result = tried.result
                tried.keep()  # a worker that dies in it leaves no doubt about the letter any more
            if means is None or not can(type(means.adapter), Plays):  # what is played says nothing
                self.routes.heard(office.id, *told_by(result), seen=seen)
            self.unmapped.keep()

    def _astray(self, case: Case, route: Route) -> None:
        """The route was changed meanwhile: a test ends here, a real letter lies where people find it."""
        if case.row.doubt:
            self._settle(case, route, Ambiguous(LOST_LEASE))
        elif case.message.test:
            self.outcomes.give_up(case, Permanent(NO_TESTS_HERE), doubt=False)
        else:
            self.outcomes.make_available(case, Place.HUB_OFFICE, Fault(NOT_SET))

    def _attempted(self, case: Case, office: Office, means: Means | None) -> _Tried | None:
        """Bring a letter to the office's system; None when it was settled without trying."""

        def untried(error: DeliveryError) -> _Tried:
            return _Tried(Trouble(error, case.row.doubt))

        if means is None:
            return untried(Temporary(NOT_INSTALLED, f"no adapter {office.route.adapter!r}"))
        if case.row.doubt and not means.can_tell and not case.released:
            self._settle(case, office.route, Ambiguous(LOST_LEASE))
            return None
        if not self.underway.may_call(means.adapter.kind, office.id):
            return untried(Temporary(HANGS, f"{means.adapter.kind} does not come back"))
        try:
            letter, context = self._prepared(case, office)
        except DeliveryError as error:
            return untried(error)
        keep = self.claims.mark_sending(case.row)
        tape = self.exchanges.tape()
        kind, outside = means.adapter.kind, is_from_outside(means.adapter)
        with self.underway.call(kind, office.id, outside) as sign:
            result = attempt(means, letter, context, case.row.doubt, keep, case.earlier, case.key, tape, sign)
        failed = isinstance(result, Trouble)
        return _Tried(result, partial(self.exchanges.keep, case.row, keep.attempt, letter, tape, failed))

    def _means(self, route: Route) -> Means | None:
        adapter = self.adapters.get(route.adapter)
        return None if adapter is None else Means(adapter, route.options)

    def _prepared(self, case: Case, office: Office) -> tuple[Letter, Context]:
        """What the adapter is given; nothing was sent when this fails.

        Raises:
            DeliveryError: the hub has not what it needs.
        """
        try:
            letter = self.letters.letter(case, office)
            note = partial(self.unmapped.note, office.id, letter.reference)
            return letter, replace(self.contexts(office.route), unmapped=note)
        except GatewayFault as fault:
            raise ours(fault, started=False) from fault
        except Exception as fault:
            _log.error("letter cannot be prepared", delivery=case.row.id, cause=place(fault))
            raise Temporary(INTERNAL, place(fault)) from fault

    def _end(self, case: Case, route: Route, means: Means | None, result: Sound | Trouble) -> None:
        if isinstance(result, Trouble):
            self._settle(case, route, result.error, means, result.doubt)
        else:
            self.outcomes.hand_over(case, result, result.said)

    def _settle(
        self,
        case: Case,
        route: Route,
        error: DeliveryError,
        means: Means | None = None,
        doubt: bool | None = None,
    ) -> None:
        """Retry, hold or give up, by the kind of failure and what the target can tell.

        ``doubt``: whether the target may have the letter; None when this attempt changed nothing about that.
        """
        doubt = case.row.doubt if doubt is None else doubt
        if isinstance(error, Declined) and is_ground(ground := Fault(error.code, found=error.words)):
            self.outcomes.decline(case, ground)
        elif isinstance(error, Permanent) and error.code not in OPERATORS_MEND:
            self.outcomes.give_up(case, error, doubt)
        elif _for_a_person(error, means, doubt):
            self.outcomes.hold(case, error, self._deadline(case, route), doubt)
        else:
            self._wait(case, route, error, doubt)

    def _wait(self, case: Case, route: Route, error: DeliveryError, doubt: bool) -> None:
        due = self._next(case, route, error)
        if due is None:
            self.outcomes.give_up(case, Permanent(OVER, error.detail), doubt)
        else:
            self.outcomes.wait(case, error, due, doubt)

    def _next(self, case: Case, route: Route, error: DeliveryError) -> datetime | None:
        asked = error.retry_after if isinstance(error, Temporary) else None
        due = route.retry.next_attempt(
            self.ambient.now(), _start(case), case.row.failures + 1, self.ambient.chance(), asked
        )
        return due and _until_expiry(case, due)

    def _deadline(self, case: Case, route: Route) -> datetime:
        return route.retry.hold_until(self.ambient.now(), _start(case), case.expires_at)

    def give_up_held(self, limit: int = 20) -> int:
        """Give up held deliveries whose deadline passed without a decision; how many."""
        now = self.ambient.now()
        with self.store.read() as session:
            over = [row.id for row in queries.held_too_long(session, now, limit)]
        return sum(self._given_up(delivery, now) for delivery in over)

    def _given_up(self, delivery: str, now: datetime) -> bool:
        try:
            case = self.letters.case(delivery)
            if _expired(case, now):
                self.outcomes.expire(case)
            else:
                self.outcomes.give_up(case, Permanent(case.row.held_code or OVER), case.row.doubt)
        except Overtaken:
            _log.info("held delivery was decided meanwhile", delivery=delivery)
        except Exception as fault:  # noqa: BLE001 - decides nothing: it stays held and is looked at again
            _log.warning("held delivery cannot be given up", delivery=delivery, cause=_cause(fault))
        else:
            return True
        return False


def _fits(case: Case, route: Route) -> bool:
    """Whether a route takes this letter still: no test on one for real letters, nor the other way round."""
    return route.accepts_test if case.message.test else not route.test_only


def _for_a_person(error: DeliveryError, means: Means | None, doubt: bool) -> bool:
    """Whether somebody must decide about this letter, not only mend its route.

    What the route lacks fails every letter of it alike: they wait, and fall back to the hub's own office,
    as on a route that fails in any other way (decision 0022).
    """
    if error.code == NOT_INSTALLED:  # whoever has the kind again can tell what to do about doubt
        return False
    if isinstance(error, Permanent) and error.code not in OF_THE_ROUTE:
        return True
    return doubt and not (means and means.can_tell)


def _cause(fault: Exception) -> str:
    """Our own faults speak for themselves; other words may quote a letter."""
    return str(fault) if isinstance(fault, GatewayFault) else place(fault)


def _start(case: Case) -> datetime:
    """When the time for delivering began: not before the sender wants it delivered."""
    return max(case.row.accepted_at, case.message.not_before or case.row.accepted_at)


def _until_expiry(case: Case, moment: datetime) -> datetime:
    return min(moment, case.expires_at or moment)


def _expired(case: Case, now: datetime) -> bool:
    return case.expires_at is not None and case.expires_at <= now
