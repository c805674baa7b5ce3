"""Keeps the last polls of each route, and shows them to operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from adapters.contract import Handed
from gateway.domain.errors import DeliveryError, GatewayFault
from gateway.domain.transit.exchange import Exchange, Record
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.exchanges import packed, unpacked
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit import exchange_queries, news_queries
from gateway.store.transit.news_models import NewsPoll

_FAILED, _WELL = 3, 1
"""Polls of a route that are kept; where all are to be recorded, as many that went well as failed ones."""
_SUCCESS_EVERY = timedelta(minutes=1)
_LONGEST = 500

_log = structlog.get_logger()


@dataclass(frozen=True)
class KeptPoll:
    """A poll as it is on record.

    Attributes:
        code, said: why the system could not be asked; None where it was.
        letters: how many were asked about; ``heard``: of how many something was said.
    """

    office: str
    at: datetime
    code: str | None
    said: str | None
    letters: int
    heard: int
    exchange: Exchange


@dataclass(frozen=True)
class KeptPolls:
    """Keeps what was asked and answered as the settings want it, sealed and bounded like attempts' exchanges.

    It goes with the content of any letter to the same office, since an answer may tell of each. Failing to
    keep it changes nothing about a poll.
    """

    store: Store
    payloads: PayloadStore
    ambient: Ambient
    record: Record = Record.FAILURES
    _succeeded: dict[str, datetime] = field(default_factory=dict)

    def tape(self) -> Tape:
        """What hears one poll."""
        return Tape(hearing=self.record is not Record.NONE)

    def keep(
        self, office: str, letters: Sequence[Handed], tape: Tape, error: DeliveryError | None, heard: int = 0
    ) -> None:
        """Keep what was heard of a poll, if it is to be kept.

        Args:
            letters: those that were to be asked about.
            heard: how many pieces of news there were.
        """
        if not self._wanted(office, error is not None):
            return
        try:
            self._keep(office, letters, tape.exchange(()), error, heard)
        except GatewayFault as fault:
            _log.warning("poll not kept", office=office, cause=str(fault))
        except Exception as fault:  # noqa: BLE001 - decides nothing: the poll ends as it would have ended
            _log.error("poll not kept", office=office, cause=type(fault).__name__)

    def _wanted(self, office: str, failed: bool) -> bool:
        if failed or self.record is not Record.FAILURES:
            return self.record is not Record.NONE
        now, before = self.ambient.now(), self._succeeded.get(office)
        if before is not None and timedelta(0) <= now - before < _SUCCESS_EVERY:
            return False
        self._succeeded[office] = now
        return True

    def _keep(
        self,
        office: str,
        letters: Sequence[Handed],
        exchange: Exchange,
        error: DeliveryError | None,
        heard: int,
    ) -> None:
        octets = packed(exchange) or packed(Exchange(()))
        if octets is None:
            return
        stored = self.payloads.write_small(octets)
        newest = _FAILED if error is not None or self.record is Record.ALL else _WELL
        with self.store.write() as session:
            if exchange_queries.any_purged(session, [one.delivery_id for one in letters]):
                return
            row = NewsPoll(
                office=office,
                at=self.ambient.now(),
                failed=error is not None,
                code=None if error is None else error.code,
                said=None if error is None else error.detail[:_LONGEST].replace("\0", ""),
                letters=len(letters),
                heard=heard,
                object_id=stored.object_id,
                wrapped_key=stored.wrapped_key,
                sealed=stored.inline or b"",
            )
            news_queries.add_poll(session, row, newest)

    def of(self, office: str) -> tuple[KeptPoll, ...]:
        """What is kept of an office's polls, the latest first.

        Raises:
            Unavailable: what is kept cannot be read now.
        """
        with self.store.read() as session:
            rows = news_queries.polls(session, office)
        return tuple(self._opened(row) for row in rows)

    def _opened(self, row: NewsPoll) -> KeptPoll:
        octets = self.payloads.read_small(row.object_id, row.wrapped_key, row.sealed)
        return KeptPoll(row.office, row.at, row.code, row.said, row.letters, row.heard, unpacked(octets))
