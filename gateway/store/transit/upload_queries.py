"""Look-ups of uploaded contents, and how their objects change owners."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from gateway.store.payloads import StoredPayload
from gateway.store.rows import table
from gateway.store.transit.models import Payload
from gateway.store.transit.upload_models import UploadPiece, UploadRow

_PAYLOAD = table(Payload)
_SHARE = (
    update(_PAYLOAD)
    .where(_PAYLOAD.c.object_id == bindparam("shared"), _PAYLOAD.c.wrapped_key.is_not(None))
    .values(owners=_PAYLOAD.c.owners + 1)
)


@dataclass(frozen=True)
class Piece:
    """Where one piece of a content lies."""

    object_id: str
    wrapped_key: bytes


@dataclass(frozen=True)
class Uploaded:
    """A complete content, and where it lies."""

    sha256: str
    size: int
    object_id: str


def upload(session: Session, party: str, digest: str) -> UploadRow | None:
    """What a party uploaded under a digest."""
    query = select(UploadRow).where(UploadRow.party == party, UploadRow.sha256 == digest)
    return session.scalars(query).first()


def locked(session: Session, party: str, digest: str) -> UploadRow | None:
    """The same, for this transaction alone."""
    query = select(UploadRow).where(UploadRow.party == party, UploadRow.sha256 == digest)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()


def held(session: Session, party: str) -> tuple[int, int]:
    """How many contents a party has here, and how many octets they have or will have."""
    query = select(func.count(), func.coalesce(func.sum(UploadRow.size), 0)).where(UploadRow.party == party)
    count, octets = session.execute(query).one()
    return int(count), int(octets)


def complete(session: Session, party: str, digests: Collection[str]) -> dict[str, Uploaded]:
    """Those of ``digests`` under which the party has a complete content."""
    if not digests:
        return {}
    query = select(UploadRow.sha256, UploadRow.size, UploadRow.payload).where(
        UploadRow.party == party, UploadRow.sha256.in_(list(digests)), UploadRow.payload.is_not(None)
    )
    return {row[0]: Uploaded(row[0], row[1], row[2] or "") for row in session.execute(query)}


def share(session: Session, object_ids: Collection[str]) -> list[str]:
    """Become an owner of objects that others own; those that are not there any more."""
    gone = []
    for object_id in sorted(set(object_ids)):  # in one order: two letters with the same contents do not meet
        done = cast("CursorResult[object]", session.execute(_SHARE, {"shared": object_id}))
        if not done.rowcount:
            gone.append(object_id)
    return gone


def pieces(session: Session, upload_id: int) -> list[Piece]:
    """The pieces of a content, in order."""
    query = (
        select(Payload.object_id, Payload.wrapped_key)
        .join(UploadPiece, UploadPiece.payload == Payload.object_id)
        .where(UploadPiece.upload == upload_id)
        .order_by(UploadPiece.position)
    )
    return [Piece(row[0], row[1] or b"") for row in session.execute(query)]


def count_pieces(session: Session, upload_id: int) -> int:
    """How many pieces a content has."""
    query = select(func.count()).select_from(UploadPiece).where(UploadPiece.upload == upload_id)
    return session.scalar(query) or 0


def keep_payload(session: Session, payload: StoredPayload, at: datetime) -> None:
    """Add an object that the upload owns."""
    session.add(
        Payload(
            object_id=payload.object_id,
            wrapped_key=payload.wrapped_key,
            sha256=payload.sha256,
            size=payload.size,
            owners=1,
            created_at=at,
        )
    )
    session.flush()


def drop_pieces(session: Session, row: UploadRow) -> list[str]:
    """Forget an upload's pieces and their keys; the objects that may go after the commit."""
    found = list(session.scalars(select(UploadPiece.payload).where(UploadPiece.upload == row.id)))
    session.execute(delete(UploadPiece).where(UploadPiece.upload == row.id))
    session.execute(delete(Payload).where(Payload.object_id.in_(found)))
    row.received, row.head = 0, None
    return found


def drop(session: Session, row: UploadRow) -> list[str]:
    """Forget an upload with all it owns; the objects that may go after the commit.

    What a letter took stays the letter's.
    """
    gone, payload = drop_pieces(session, row), row.payload
    session.delete(row)
    session.flush()
    if payload is None:
        return gone
    content = session.get_one(Payload, payload, with_for_update=True, populate_existing=True)
    content.owners -= 1
    if content.owners > 0:
        return gone
    session.delete(content)
    return [*gone, payload]


def untouched(session: Session, since: datetime, limit: int) -> list[tuple[str, str]]:
    """Party and digest of uploads that nobody used since then."""
    query = select(UploadRow.party, UploadRow.sha256).where(UploadRow.touched_at <= since)
    rows = session.execute(query.order_by(UploadRow.touched_at).limit(limit))
    return [(party, digest) for party, digest in rows]
