"""Keeps what attempts exchanged with recipients' systems, and shows it to operators."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from adapters.contract import Letter
from gateway.domain.errors import Damaged, GatewayFault, NotFound
from gateway.domain.transit.envelope import Attachment
from gateway.domain.transit.exchange import Exchange, Record
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.exchanges_masking import FileContent
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.store.payloads import INLINE, PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit import exchange_queries as queries
from gateway.store.transit.exchange_models import ExchangeRow
from gateway.store.transit.models import Attempt, DeliveryRow

_SUCCESS_EVERY = timedelta(minutes=1)
_NEWEST = 9
_HEAD = 64
_NOT_FOUND = "WASL-REQ-005"

_log = structlog.get_logger()


@dataclass(frozen=True)
class KeptAttempt:
    """One attempt as it is on record; ``exchange`` is None where nothing was kept of it."""

    delivery: str
    office: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    code: str | None
    detail: str
    exchange: Exchange | None


@dataclass(frozen=True)
class Exchanges:
    """Keeps exchanges as the settings want it.

    What is kept lies encrypted under a key of its own beside its attempt, and goes when the letter's
    content goes. Failing to keep it changes nothing about a delivery.
    """

    store: Store
    payloads: PayloadStore
    ambient: Ambient
    record: Record = Record.FAILURES
    _succeeded: dict[str, datetime] = field(default_factory=dict)

    def tape(self) -> Tape:
        """What hears one attempt."""
        return Tape(hearing=self.record is not Record.NONE)

    def keep(self, row: DeliveryRow, number: int, letter: Letter, tape: Tape, failed: bool) -> None:
        """Keep what was heard of an attempt whose outcome is on record, if it is to be kept.

        Args:
            number: of the attempt.
        """
        if not tape.calls or not (letter.envelope.test or self._wanted(row.office, failed)):
            return  # a test is sent to be looked at
        try:
            self._keep(row, number, tape.exchange(contents_of(letter)), failed)
        except GatewayFault as fault:
            _log.warning("exchange not kept", delivery=row.id, cause=str(fault))
        except Exception as error:  # noqa: BLE001 - decides nothing: the attempt ends as it would have ended
            _log.error("exchange not kept", delivery=row.id, cause=type(error).__name__)

    def _wanted(self, office: str, failed: bool) -> bool:
        if failed or self.record is Record.ALL:
            return True
        now, before = self.ambient.now(), self._succeeded.get(office)
        if before is not None and now - before < _SUCCESS_EVERY:
            return False
        self._succeeded[office] = now
        return True

    def _keep(self, row: DeliveryRow, number: int, exchange: Exchange, failed: bool) -> None:
        octets = packed(exchange)
        if octets is None:
            return
        stored = self.payloads.write_small(octets)
        with self.store.write() as session:
            attempt = queries.attempt(session, row.id, number)
            if attempt is None or queries.purged(session, row.message):
                return
            if not failed and self.record is Record.FAILURES:
                queries.drop_successes(session, row.office)
            queries.drop_older(session, row.id, attempt.number, _NEWEST)
            kept = ExchangeRow(
                attempt=attempt.id,
                delivery=row.id,
                office=row.office,
                failed=failed,
                at=self.ambient.now(),
                object_id=stored.object_id,
                wrapped_key=stored.wrapped_key,
                sealed=stored.inline or b"",
            )
            queries.add(session, kept)

    def of(self, name: str) -> tuple[KeptAttempt, ...]:
        """Every attempt at a delivery, or at all of a letter's, with what was kept of it.

        Args:
            name: a letter's reference, or a delivery's identifier.

        Raises:
            NotFound: there is neither.
            Unavailable: what is kept cannot be read now.
        """
        with self.store.read() as session:
            one = session.get(DeliveryRow, name)
            deliveries = [one] if one is not None else queries.deliveries_of(session, name)
            found = [(row, *pair) for row in deliveries for pair in queries.of_delivery(session, row.id)]
        if not deliveries:
            raise NotFound.because(_NOT_FOUND)
        return tuple(self._opened(row, attempt, kept) for row, attempt, kept in found)

    def _opened(self, row: DeliveryRow, attempt: Attempt, kept: ExchangeRow | None) -> KeptAttempt:
        exchange = None
        if kept is not None:
            octets = self.payloads.read_small(kept.object_id, kept.wrapped_key, kept.sealed)
            exchange = unpacked(octets)
        return KeptAttempt(
            row.id,
            row.office,
            attempt.number,
            attempt.started_at,
            attempt.ended_at,
            attempt.code,
            attempt.detail,
            exchange,
        )


def contents_of(letter: Letter) -> tuple[FileContent, ...]:
    """By what the contents of a letter's files are known again, wherever they were sent.

    Raises:
        GatewayFault: a content cannot be read: what was exchanged cannot be shown without it.
    """
    own = letter.original
    signed = FileContent(own[:_HEAD], len(own), sha256(own).hexdigest(), "signed envelope")
    return (signed, *(_content_of(letter, one) for one in letter.envelope.attachments))


def _content_of(letter: Letter, attachment: Attachment) -> FileContent:
    with letter.open(attachment) as stream:
        head = stream.read(_HEAD)
    return FileContent(head, attachment.size, attachment.sha256, attachment.name)


def packed(exchange: Exchange) -> bytes | None:
    """The exchange in few octets, without the bodies where they cannot be made so; None where nothing helps.

    What a system answers must not make rows of any size.
    """
    bare = replace(exchange, calls=tuple(replace(one, body="", answer="") for one in exchange.calls))
    for one in (exchange, bare):
        packed = zlib.compress(json.dumps(asdict(one), ensure_ascii=False).encode("utf-8", "replace"))
        if len(packed) <= INLINE:
            return packed
    return None


def unpacked(octets: bytes) -> Exchange:
    """The exchange that was packed.

    Raises:
        Damaged: it is none.
    """
    try:
        return Exchange.read(json.loads(zlib.decompress(octets)))
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise Damaged("a recorded exchange cannot be read") from error
