"""Receipts that must stand alone for years get a time-stamp over their seal, in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.domain.evidence.receipt import LONG_TERM
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import JWS, XML
from gateway.store.evidence import queries
from gateway.store.evidence import time_queries as missing
from gateway.store.evidence.models import Rendering
from gateway.store.sessions import Store
from gateway.trust.jws import FLATTENED
from gateway.trust.timestamp import BadToken

_MOST, _BATCH = 600, 50
_SETTLED = timedelta(hours=1)
"""After which no transaction is still open that could add a receipt with an earlier number."""

_KINDS = tuple(kind.value for kind in LONG_TERM)
_FORMS = {XML: XML, JWS: FLATTENED}

_log = structlog.get_logger()


def _never() -> bool:
    return False


@dataclass
class LongTerm:
    """Makes the long-term form of receipts in the format in which they were first sealed.

    It remembers up to which receipt none is missing, so that only the newest ones are looked at.

    Attributes:
        busy: whether letters are being worked on beside it; then a turn is one batch, for they go first.
    """

    store: Store
    receipts: Receipts
    now: Callable[[], datetime]
    _complete: int = 0
    busy: Callable[[], bool] = _never

    def run(self) -> int:
        """One turn, the newest first; how many were looked at.

        Raises:
            Unavailable: nobody can stamp now; what is missing stays so until a later turn.
        """
        self._advance()
        made, before = 0, None
        while made < _MOST and (batch := self._missing(before)):
            self._make(batch)
            made, before = made + len(batch), batch[-1]
            if self.busy():
                break
        return made

    def _missing(self, before: int | None) -> list[int]:
        with self.store.read() as session:
            return missing.without_long_term(session, _KINDS, self._complete, before, _BATCH)

    def _make(self, receipts: Sequence[int]) -> None:
        """The forms of a batch, kept together; also when nobody can stamp any more in its midst."""
        with self.store.read() as session:
            first = queries.first_renderings(session, receipts)
        made: list[Rendering] = []
        try:
            for receipt in receipts:
                if (form := self._stamped(first[receipt])) is not None:
                    made.append(form)
        finally:
            if made:
                self.receipts.keep(made)

    def _stamped(self, first: Rendering) -> Rendering | None:
        try:
            return self.receipts.stamped(first, _FORMS[first.media_type])
        except BadToken as error:  # damaged: the next ones must not wait for it
            _log.error("receipt cannot be time-stamped", receipt=first.receipt, cause=str(error))
            return None

    def _advance(self) -> None:
        with self.store.read() as session:
            settled = missing.last_receipt(session, self.now() - _SETTLED)
            first = missing.first_without_long_term(session, _KINDS, self._complete)
        self._complete = max(self._complete, settled if first is None else min(settled, first - 1))
