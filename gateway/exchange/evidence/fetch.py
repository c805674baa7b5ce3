"""Receipts are found here, in the rendering asked for; a rendering not yet made is made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind
from gateway.domain.identifiers import read_reference
from gateway.exchange.evidence.issue import JWS, XML, Issuing
from gateway.exchange.evidence.pdf import PdfReceipts
from gateway.store.evidence import queries
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.store.transit.models import Message
from gateway.trust.jws import FLATTENED
from gateway.trust.jwstimestamp import add_jws_timestamp
from gateway.trust.pades import stamp_pdf
from gateway.trust.timestamp import TimeSource
from gateway.trust.xmltimestamp import add_xml_timestamp
from gateway.wire.receipts import read_kept_receipt

PDF = "application/pdf"
BASELINE, TIME_STAMPED = "B", "T"
"""Levels of a rendering: sealed, and with a time-stamp over the seal (ETSI EN 319 132-1 6, 142-1 6)."""

NOT_FOUND = "WASL-REQ-005"
NOT_YET = "WASL-REQ-011"
NO_LONG_TERM = "WASL-REQ-012"

_STAMPED_FROM = {XML: (XML, add_xml_timestamp), FLATTENED: (JWS, add_jws_timestamp), PDF: (PDF, stamp_pdf)}
"""Which sealed rendering each time-stamped one is made of, and by what."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class ReceiptSummary:
    """A receipt as lists show it."""

    receipt_id: str
    kind: str
    event: str
    event_time: datetime
    delivery: str | None
    content_digest: str


@dataclass(frozen=True)
class Receipts:
    """Finds receipts for those who may see them.

    Attributes:
        source: stamps the renderings of level T; doors and workers have each their own patience.
    """

    store: Store
    issuing: Issuing
    source: TimeSource
    pdf: PdfReceipts

    def all_of(self, reference: str, party: str) -> list[ReceiptSummary]:
        """Every receipt of a letter that ``party`` sent.

        Raises:
            NotFound: no such letter of that party.
        """
        with self.store.read() as session:
            message = _letter(session, reference, party)
            return [_summary(row) for row in queries.receipts(session, message.id)]

    def one(
        self, reference: str, receipt_id: str, media_type: str, party: str, level: str = BASELINE
    ) -> bytes:
        """One receipt of a letter that ``party`` sent, in the rendering asked for.

        Args:
            media_type: ``application/xml``, ``application/jose`` (level B only),
                ``application/jose+json`` (level T only) or ``application/pdf``.
            level: ``B``, sealed; ``T``, with a time-stamp over the seal.

        Raises:
            NotFound: ``WASL-REQ-005`` no such receipt for that party, or no such rendering;
                ``WASL-REQ-011`` the time-stamp cannot be had yet; ``WASL-REQ-012`` a kind that has no
                long-term form.
            Unavailable: the rendering must still be made and the seal is out.
        """
        with self.store.read() as session:
            message = _letter(session, reference, party)
            row = queries.receipt(session, receipt_id)
            if row is None or row.message != message.id:
                raise NotFound.because(NOT_FOUND)
            receipt = row.id
        return self.rendering(receipt, media_type, level)

    def by_digest(self, content_digest: str, media_type: str) -> bytes:
        """The rendering of the receipt with this content digest; made, sealed and stored if need be.

        Raises:
            Unavailable: it must still be made and the seal is out.
        """
        with self.store.read() as session:
            receipt = queries.receipt_by_digest(session, content_digest).id
        return self.rendering(receipt, media_type)

    def rendering(self, receipt: int, media_type: str, level: str = BASELINE) -> bytes:
        """The stored rendering; made, sealed and stored first if it does not exist yet.

        Raises:
            NotFound, Unavailable: as `one`.
        """
        if level == BASELINE:
            return self._sealed(receipt, media_type)
        self._check_kind(receipt)
        if media_type not in _STAMPED_FROM:
            raise NotFound.because(NOT_FOUND)
        # A seal that is out is our own trouble; without a time-stamp only this form has to wait.
        self._sealed(receipt, _STAMPED_FROM[media_type][0])
        try:
            return self.long_term(receipt, media_type)
        except Unavailable as error:
            raise NotFound.because(NOT_YET) from error

    def long_term(self, receipt: int, media_type: str) -> bytes:
        """The rendering with a time-stamp over its seal; made and stored first if it does not exist yet.

        Raises:
            Unavailable: it must still be made, and nobody can stamp, or seal, now.
            BadToken: the sealed rendering cannot be read.
        """
        found = self._stored(receipt, media_type, TIME_STAMPED)
        if found is not None:
            return found
        source, add = _STAMPED_FROM[media_type]
        return self._keep(receipt, media_type, TIME_STAMPED, add(self._sealed(receipt, source), self.source))

    def stamped(self, sealed: Rendering, media_type: str) -> Rendering:
        """A rendering with a time-stamp over its seal, not stored yet.

        Args:
            sealed: a stored one of which ``media_type`` can be made.

        Raises:
            Unavailable: nobody can stamp now.
            BadToken: it cannot be read.
        """
        source, add = _STAMPED_FROM[media_type]
        if sealed.media_type != source:
            raise ValueError(f"{media_type} is not made of {sealed.media_type}")
        octets = add(sealed.octets, self.source)
        return Rendering(receipt=sealed.receipt, media_type=media_type, level=TIME_STAMPED, octets=octets)

    def keep(self, made: Sequence[Rendering]) -> None:
        """Store time-stamped renderings together, but for those that somebody else stored first.

        Where one is stored in this very moment, none is kept, and whoever made them finds them missing.
        """
        try:
            with self.store.write() as session:
                there = queries.long_term_of(session, [one.receipt for one in made])
                session.add_all(one for one in made if (one.receipt, one.media_type) not in there)
        except IntegrityError:
            _log.info("time-stamped renderings were stored by others meanwhile", renderings=len(made))

    def _check_kind(self, receipt: int) -> None:
        with self.store.read() as session:
            kind = session.get_one(ReceiptRow, receipt).kind
        if ReceiptKind(kind) not in LONG_TERM:
            raise NotFound.because(NO_LONG_TERM)

    def _sealed(self, receipt: int, media_type: str) -> bytes:
        found = self._stored(receipt, media_type, BASELINE)
        if found is not None:
            return found
        if media_type not in (XML, JWS, PDF):
            raise NotFound.because(NOT_FOUND)
        with self.store.read() as session:
            content = read_kept_receipt(session.get_one(ReceiptRow, receipt).content)
            first = queries.first_rendering(session, receipt)
        made = (
            self.pdf.make(content, first.octets, first.media_type)
            if media_type == PDF
            else self.issuing.seal(content, media_type).octets
        )
        return self._keep(receipt, media_type, BASELINE, made)

    def _stored(self, receipt: int, media_type: str, level: str) -> bytes | None:
        with self.store.read() as session:
            found = queries.rendering(session, receipt, media_type, level)
            return None if found is None else found.octets

    def _keep(self, receipt: int, media_type: str, level: str, octets: bytes) -> bytes:
        """Store a rendering, unless somebody was quicker: the first stored one wins."""
        try:
            with self.store.write() as session:
                first = queries.rendering(session, receipt, media_type, level)
                if first is not None:
                    return first.octets
                made = Rendering(receipt=receipt, media_type=media_type, level=level, octets=octets)
                session.add(made)
        except IntegrityError:  # quicker still, where writers do not wait for each other
            return self._stored(receipt, media_type, level) or octets
        return octets


def _letter(session: Session, reference: str, party: str) -> Message:
    """The accepted letter of ``party``, its reference written as people write it.

    Raises:
        NotFound: there is none that this party may see.
    """
    message = transit.accepted_by_reference(session, read_reference(reference) or "")
    if message is None or message.party != party:
        raise NotFound.because(NOT_FOUND)
    return message


def _summary(row: ReceiptRow) -> ReceiptSummary:
    return ReceiptSummary(
        row.receipt_id, row.kind, row.event, row.event_time, row.delivery, row.content_digest
    )
