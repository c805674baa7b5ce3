"""Receipts that must stand alone for years get a time-stamp over their seal, in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.domain.evidence.receipt import LONG_TERM
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import JWS, XML
from gateway.store.evidence import queries
from gateway.store.evidence import time_queries as missing
from gateway.store.sessions import Store
from gateway.trust.jws import FLATTENED
from gateway.trust.timestamp import BadToken

_MOST, _BATCH = 600, 50
_SETTLED = timedelta(hours=1)
"""After which no transaction is still open that could add a receipt with an earlier number."""

_KINDS = tuple(kind.value for kind in LONG_TERM)
_FORMS = {XML: XML, JWS: FLATTENED}

_log = structlog.get_logger()


@dataclass
class LongTerm:
    """Makes the long-term form of receipts in the format in which they were first sealed.

    It remembers up to which receipt none is missing, so that only the newest ones are looked at.
    """

    store: Store
    receipts: Receipts
    now: Callable[[], datetime]
    _complete: int = 0

    def run(self) -> int:
        """One turn, the newest first; how many were made.

        Raises:
            Unavailable: nobody can stamp now; what is missing stays so until a later turn.
        """
        self._advance()
        made, before = 0, None
        while made < _MOST and (batch := self._missing(before)):
            for receipt in batch:
                self._make(receipt)
            made, before = made + len(batch), batch[-1]
        return made

    def _missing(self, before: int | None) -> list[int]:
        with self.store.read() as session:
            return missing.without_long_term(session, _KINDS, self._complete, before, _BATCH)

    def _make(self, receipt: int) -> None:
        with self.store.read() as session:
            first = queries.first_rendering(session, receipt)
        try:
            self.receipts.long_term(receipt, _FORMS[first.media_type])
        except BadToken as error:  # damaged: the next ones must not wait for it
            _log.error("receipt cannot be time-stamped", receipt=receipt, cause=str(error))

    def _advance(self) -> None:
        with self.store.read() as session:
            settled = missing.last_receipt(session, self.now() - _SETTLED)
            first = missing.first_without_long_term(session, _KINDS, self._complete)
        self._complete = max(self._complete, settled if first is None else min(settled, first - 1))
