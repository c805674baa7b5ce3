"""Dispatch: one claimed delivery is brought as far as it can get now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.contract import Adapter, Context, Delivered, Finds, Letter
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary, Unavailable
from gateway.domain.evidence.receipt import Place
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.claim import LOST_LEASE, Claims, LeaseLost
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.outcomes import EXPIRED, OVER, Outcomes, Overtaken
from gateway.store.sessions import Store
from gateway.store.transit import queries

NO_ADAPTER = "WASL-DLV-014"
UNREADABLE = "WASL-DLV-015"
_FOR_OPERATORS = frozenset({"WASL-DLV-006", "WASL-DLV-007", NO_ADAPTER, UNREADABLE})
"""Failures that an operator of the hub can mend: the letter is held, never given up at once."""

_PLACES = {RouteKind.INBOX: Place.INBOX, RouteKind.OFFICE: Place.HUB_OFFICE}

_log = structlog.get_logger()


@dataclass(frozen=True)
class Dispatch:
    """Brings accepted letters to their recipients' systems.

    Attributes:
        adapters: every installed kind, by name.
        contexts: builds what an adapter may use on a route.
    """

    store: Store
    ambient: Ambient
    claims: Claims
    letters: Letters
    outcomes: Outcomes
    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]

    def run_once(self, limit: int = 20) -> int:
        """Claim and work on due deliveries one after the other; how many were worked on."""
        claimed = self.claims.claim(limit)
        for delivery in claimed:
            self.work(delivery)
        return len(claimed)

    def work(self, delivery: str) -> None:
        """Bring one claimed delivery as far as it can get now."""
        try:
            self._work(self.letters.case(delivery))
        except (LeaseLost, Overtaken):
            _log.info("delivery taken over", delivery=delivery)
        except Unavailable as fault:
            # our own trouble: the lease runs out by itself and somebody tries again
            _log.warning("delivery interrupted", delivery=delivery, cause=str(fault))

    def _work(self, case: Case) -> None:
        expires = case.message.expires_at
        if expires is not None and expires <= self.ambient.now():
            self.outcomes.expire(case)
        elif case.office is None:
            self._settle(case, Route(RouteKind.OFFICE), Permanent(NO_ADAPTER, "office removed"))
        elif case.office.route.kind is RouteKind.ADAPTER:
            self._deliver(case, case.office)
        else:
            self.outcomes.make_available(case, _PLACES[case.office.route.kind])

    def _deliver(self, case: Case, office: Office) -> None:
        adapter = self.adapters.get(office.route.adapter)
        if adapter is None:
            detail = f"no adapter {office.route.adapter!r}"
            self._settle(case, office.route, Permanent(NO_ADAPTER, detail))
            return
        if case.row.doubt and not _can_tell(adapter):
            self._settle(case, office.route, Ambiguous(LOST_LEASE), adapter)
            return
        letter = self.letters.letter(case, office)
        context = self.contexts(office.route)
        self.claims.mark_sending(case.row.id)
        try:
            delivered = self._call(adapter, case, letter, context)
        except DeliveryError as error:
            self._settle(case, office.route, error, adapter)
        else:
            self.outcomes.hand_over(case, delivered)

    def _call(self, adapter: Adapter, case: Case, letter: Letter, context: Context) -> Delivered:
        """Look first where an earlier attempt may have arrived, then deliver."""
        try:
            if case.row.doubt and isinstance(adapter, Finds):
                found = _find(adapter, letter, context)
                if found is not None:
                    return found
            return adapter.deliver(letter, context)
        except DeliveryError:
            raise
        except Exception as error:
            _log.exception("adapter failed", delivery=case.row.id, adapter=adapter.kind)
            raise Ambiguous(NO_ADAPTER, f"{type(error).__name__}: {error}") from error

    def _settle(self, case: Case, route: Route, error: DeliveryError, adapter: Adapter | None = None) -> None:
        """Retry, hold or give up, by the kind of failure and what the target can tell."""
        doubt = case.row.doubt or isinstance(error, Ambiguous)
        now = self.ambient.now()
        if isinstance(error, Permanent) and error.code not in _FOR_OPERATORS:
            self.outcomes.give_up(case, error, doubt=False)
        elif isinstance(error, Permanent) or (doubt and not _can_tell(adapter)):
            self.outcomes.hold(case, error, self._deadline(case, route), doubt)
        else:
            due = self._next(case, route, error, now)
            if due is None:
                self.outcomes.give_up(case, Permanent(OVER, error.detail), doubt)
            else:
                self.outcomes.wait(case, error, due, doubt)

    def _next(self, case: Case, route: Route, error: DeliveryError, now: datetime) -> datetime | None:
        asked = error.retry_after if isinstance(error, Temporary) else None
        return route.retry.next_attempt(
            now, case.row.accepted_at, case.row.failures + 1, self.ambient.chance(), asked
        )

    def _deadline(self, case: Case, route: Route) -> datetime:
        end = case.row.accepted_at + timedelta(seconds=route.retry.lifetime)
        # a person gets a day at least, however late the trouble came
        return max(end, self.ambient.now() + timedelta(days=1))

    def give_up_held(self, limit: int = 20) -> int:
        """Give up held deliveries whose deadline passed without a decision; how many."""
        now = self.ambient.now()
        with self.store.read() as session:
            over = [row.id for row in queries.held_too_long(session, now, limit)]
        for delivery in over:
            case = self.letters.case(delivery)
            code = EXPIRED if _expired(case, now) else case.row.held_code or OVER
            try:
                self.outcomes.give_up(case, Permanent(code), case.row.doubt)
            except Overtaken:
                _log.info("held delivery was decided meanwhile", delivery=delivery)
        return len(over)


def _expired(case: Case, now: datetime) -> bool:
    return case.message.expires_at is not None and case.message.expires_at <= now


def _can_tell(adapter: Adapter | None) -> bool:
    """Whether a repeat cannot make a second letter at the target."""
    return adapter is not None and (adapter.idempotent or isinstance(adapter, Finds))


def _find(adapter: Finds, letter: Letter, context: Context) -> Delivered | None:
    return adapter.find(letter.delivery_id, letter.reference, context)
