"""Contents are uploaded by digest before the letters that list them, and go on where they were cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from gateway.domain.errors import Damaged, Fault, NotFound, Refused, TooLarge, TooMany
from gateway.domain.transit.uploading import (
    Allowed,
    Progress,
    Span,
    check_offset,
    other_offset,
    wrong_size,
)
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.received import WRONG_DIGEST
from gateway.exchange.transit.upload_expiry import delete
from gateway.store.payloads import PayloadStore, PayloadWriter, StoredPayload
from gateway.store.sessions import Store
from gateway.store.transit import upload_queries as queries
from gateway.store.transit.upload_models import UploadPiece, UploadRow
from gateway.store.turns import take_turn

NOT_FOUND = "WASL-REQ-005"
TOO_LARGE = "WASL-REQ-002"
CUT_OFF = "WASL-REQ-004"
TOO_MUCH = "WASL-ATT-008"

_MOST_PIECES = 1000
"""Of one content: whoever sends a few octets at a time sends all of it anew some day."""
_READ = 256 * 1024


@dataclass(frozen=True)
class _Place:
    """Where a request goes on: behind ``head``, the object of the piece before."""

    party: str
    digest: str
    size: int
    position: int
    head: str | None


@dataclass(frozen=True)
class Uploads:
    """Takes contents; what is complete can be listed by the same party's letters."""

    store: Store
    payloads: PayloadStore
    ambient: Ambient
    allowed: Allowed

    def progress(self, party: str, digest: str) -> Progress:
        """How far the party's content with this digest has come.

        Raises:
            NotFound: the party has none.
        """
        with self.store.read() as session:
            row = queries.upload(session, party, digest)
        if row is None:
            raise NotFound.because(NOT_FOUND)
        return Progress(row.received, row.size, row.payload is not None)

    def put(self, party: str, digest: str, span: Span, chunks: Iterator[bytes]) -> Progress:
        """Take what a request brings; what came before a cut stays.

        Args:
            digest: SHA-256 of the whole content, in lower-case hexadecimal.
            chunks: read once, to its end or to the first fault.

        Raises:
            TooLarge: over the limit of one content.
            TooMany: the party keeps too much already.
            Conflict: the content goes on at another position.
            Refused: more or less came than was announced; the content has another digest, and nothing
                of it is kept.
            Unavailable: the store cannot take it.
        """
        if span.size > self.allowed.largest:
            raise TooLarge.because(TOO_LARGE, expected=str(self.allowed.largest))
        place = self._begin(party, digest, span)
        if place is None:
            return Progress(span.size, span.size, complete=True)
        left = span.length
        while True:
            with self.payloads.create() as writer:
                ended = self._fill(writer, chunks, left)
                left -= writer.size
                if place.position + writer.size == span.size:
                    return self._complete(place, writer)
                if writer.size:
                    place = self._keep(place, writer.commit())
            if ended:
                break
        if left:
            raise Refused.because(CUT_OFF)
        return Progress(place.position, span.size, complete=False)

    def _fill(self, writer: PayloadWriter, chunks: Iterator[bytes], most: int) -> bool:
        """Write one piece; whether nothing follows it.

        Raises:
            Refused: more than ``most`` octets came.
        """
        while writer.size < min(self.allowed.piece, most):
            chunk = next(chunks, b"")
            if not chunk:
                return True
            if writer.size + len(chunk) > most:
                raise wrong_size(most, f"> {most}")
            writer.write(chunk)
        if writer.size == most and next(chunks, b""):
            raise wrong_size(most, f"> {most}")
        return writer.size == most

    def _begin(self, party: str, digest: str, span: Span) -> _Place | None:
        """Where the request's octets go; None when the content is complete already.

        Raises:
            Conflict, TooMany: see `put`.
        """
        gone: list[str] = []
        with self.store.write() as session:
            take_turn(session, "uploads", party)
            row = queries.locked(session, party, digest)
            now = self.ambient.now()
            if row is not None and row.payload is not None:
                row.touched_at = now
                return None
            if row is not None and span.start is not None:
                check_offset(row.received, row.size, span)
                self._check_pieces(session, row)
            if row is None:
                if span.start:
                    raise other_offset(0, span.start)
                row = UploadRow(party=party, sha256=digest, size=0, received=0)
                self._check_room(session, party, span.size, more=1)
            elif span.start is None:
                self._check_room(session, party, span.size - row.size, more=0)
                gone = queries.drop_pieces(session, row)
            row.size, row.touched_at = span.size, now
            session.add(row)
            place = _Place(party, digest, span.size, row.received, row.head)
        delete(self.payloads, gone)
        return place

    def _check_room(self, session: Session, party: str, octets: int, more: int) -> None:
        count, held = queries.held(session, party)
        if count + more > self.allowed.count or held + octets > self.allowed.octets:
            raise self._too_much(f"{self.allowed.count} / {self.allowed.octets}")

    def _check_pieces(self, session: Session, row: UploadRow) -> None:
        if queries.count_pieces(session, row.id) >= _MOST_PIECES:
            raise self._too_much(str(_MOST_PIECES))

    def _too_much(self, limit: str) -> TooMany:
        wait = int(self.allowed.kept.total_seconds())
        return TooMany(Fault(TOO_MUCH, expected=limit), retry_after=wait)

    def _keep(self, place: _Place, piece: StoredPayload) -> _Place:
        """Add a piece behind the one that was the last when it began.

        Raises:
            Conflict: another request was quicker.
        """
        with self.store.write() as session:
            row = queries.locked(session, place.party, place.digest)
            kept = row is not None and _is_at(row, place)
            if row is not None and kept:
                queries.keep_payload(session, piece, self.ambient.now())
                position = UploadPiece(upload=row.id, position=place.position, payload=piece.object_id)
                session.add(position)
                row.received, row.head = place.position + piece.size, piece.object_id
                row.touched_at = self.ambient.now()
        if not kept:
            delete(self.payloads, [piece.object_id])
            raise other_offset(row.received if row is not None else 0, place.position)
        return replace(place, position=place.position + piece.size, head=piece.object_id)

    def _complete(self, place: _Place, last: PayloadWriter) -> Progress:
        """The whole content as one object, verified.

        Raises:
            Refused: it has another digest.
        """
        whole = last
        if place.position:
            stored = last.commit()  # read back with the others: its writer has no way to another object
            try:
                with self.payloads.create() as whole:
                    self._join(place, stored, whole)
                    return self._judged(place, whole)
            finally:
                delete(self.payloads, [stored.object_id])
        return self._judged(place, whole)

    def _join(self, place: _Place, last: StoredPayload, whole: PayloadWriter) -> None:
        pieces = self._pieces(place)
        try:
            for piece in (*pieces, queries.Piece(last.object_id, last.wrapped_key)):
                with self.payloads.open(piece.object_id, piece.wrapped_key) as stream:
                    while octets := stream.read(_READ):
                        whole.write(octets)
        except Damaged:
            self._pieces(place)  # another request may have begun anew meanwhile: then that is what is told
            raise

    def _pieces(self, place: _Place) -> list[queries.Piece]:
        """What is here of a content.

        Raises:
            Conflict: it does not end where it did.
        """
        with self.store.read() as session:
            row = queries.upload(session, place.party, place.digest)
            if row is None or not _is_at(row, place):
                raise other_offset(row.received if row is not None else 0, place.position)
            return queries.pieces(session, row.id)

    def _judged(self, place: _Place, whole: PayloadWriter) -> Progress:
        if whole.sha256 != place.digest:
            self._forget(place)
            raise Refused.because(WRONG_DIGEST, found=whole.sha256, name=place.digest)
        self._finish(place, whole.commit())
        return Progress(place.size, place.size, complete=True)

    def _finish(self, place: _Place, content: StoredPayload) -> None:
        """Keep the verified content, unless another request was quicker: both have the same octets.

        Raises:
            Conflict: the upload was forgotten meanwhile.
        """
        with self.store.write() as session:
            row = queries.locked(session, place.party, place.digest)
            gone = [content.object_id]
            if row is not None and row.payload is None:
                gone = queries.drop_pieces(session, row)
                queries.keep_payload(session, content, self.ambient.now())
                row.payload, row.size, row.received = content.object_id, content.size, content.size
                row.touched_at = self.ambient.now()
        delete(self.payloads, gone)
        if row is None:
            raise other_offset(0, place.position)

    def _forget(self, place: _Place) -> None:
        """Keep nothing of a content that is not what was announced; another request's pieces stay."""
        gone: list[str] = []
        with self.store.write() as session:
            row = queries.locked(session, place.party, place.digest)
            if row is not None and row.payload is None and _is_at(row, place):
                gone = queries.drop(session, row)
        delete(self.payloads, gone)


def _is_at(row: UploadRow, place: _Place) -> bool:
    return (row.received, row.head, row.size) == (place.position, place.head, place.size)
