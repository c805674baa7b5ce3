"""The ledger is read here: checkpoints, proofs, tiles, and witnesses' words on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound, Refused
from gateway.domain.evidence.ledger import Checkpoint, NoteSignature
from gateway.domain.evidence.merkle import Node, consistency_proof, inclusion_proof
from gateway.exchange.evidence.lineage import Lineage, agreed
from gateway.store.evidence import ledger_queries as queries
from gateway.store.evidence.ledger_models import CheckpointRow, CosignatureRow, LedgerRow
from gateway.store.evidence.tiles import HASH, HEIGHT, WIDTH, Tiles
from gateway.store.sessions import Store
from gateway.trust.note import read_vkeys, verify_cosignature
from gateway.wire.tlog import MalformedTlog, Proof, read_note, write_checkpoint, write_proof

NOT_FOUND = "WASL-REQ-005"
_BAD_PARAMETER = "WASL-REQ-010"
_LONGEST_LINE = 1024


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint with the note that the ledger signed over it.

    Attributes:
        ledger: row of its generation.
        root: 32 octets.
        note: the signed note (C2SP tlog-checkpoint), exactly as it is time-stamped.
    """

    ledger: int
    origin: str
    size: int
    root: bytes
    made_at: datetime
    note: bytes


@dataclass(frozen=True)
class Inclusion:
    """That an entry is in the ledger.

    Attributes:
        proof: octets of a ``.tlog-proof`` file.
        token: an RFC 3161 response over the checkpoint's note, octets of a ``.tsr`` file.
    """

    index: int
    checkpoint: SignedCheckpoint
    proof: bytes
    token: bytes | None


@dataclass(frozen=True)
class Ledger:
    """Answers about what is signed; what is committed and not signed yet is nobody's business.

    Attributes:
        lineages: the ledger for real letters and the one for tests.
        witnesses: trust folder of the ``*.vkey`` files of those whose word is kept.
    """

    store: Store
    lineages: tuple[Lineage, ...]
    witnesses: Path

    def must_stand(self) -> None:
        """Raises:
        Damaged: the database was rolled back behind the head that is kept outside it, or that is lost.
        """
        for lineage in self.lineages:
            with self.store.read() as session:
                agreed(session, lineage)

    def checkpoint(self, test: bool = False) -> SignedCheckpoint | None:
        """The latest signed checkpoint of the present generation."""
        with self.store.read() as session:
            return _latest(session, test)

    def inclusion(self, content_digest: str) -> Inclusion | None:
        """Where a receipt or the record of a purge stands, and the proof of it.

        Of the earliest time-stamped checkpoint that covers the entry, for the independent time should be
        close to the event; of the earliest signed one, without a token, where none is time-stamped.

        Returns:
            None where there is no such entry or no signed checkpoint covers it yet.

        Raises:
            Damaged: the tree is.
        """
        with self.store.read() as session:
            place = queries.place_of(session, content_digest)
            if place is None:
                return None
            token = queries.first_token_over(session, place)
            row = (
                queries.checkpoint(session, place.ledger, token.size)
                if token is not None
                else queries.first_checkpoint_over(session, place)
            )
            checkpoint = _signed(session, row)
            if checkpoint is None:
                return None
            hashes = inclusion_proof(place.position, checkpoint.size, _node(session, place.ledger))
            proof = write_proof(Proof(place.position, tuple(hashes), checkpoint.note))
            return Inclusion(place.position, checkpoint, proof, token.octets if token is not None else None)

    def entry(self, content_digest: str) -> tuple[int, datetime] | None:
        """Position of an entry, and the time of the first signed checkpoint over it; None before that."""
        with self.store.read() as session:
            place = queries.place_of(session, content_digest)
            row = queries.first_checkpoint_over(session, place) if place is not None else None
            return (place.position, row.made_at) if place is not None and row is not None else None

    def token(self, size: int, test: bool = False) -> bytes | None:
        """The first time-stamp over the checkpoint of that size (an RFC 3161 response), if any."""
        with self.store.read() as session:
            row = queries.latest(session, test)
            found = queries.first_token(session, row.id, size) if row is not None else None
            return found.octets if found is not None else None

    def consistency(self, old: int, new: int, test: bool = False) -> list[bytes]:
        """The hashes that show that the tree of ``new`` leaves begins with that of ``old`` (RFC 6962 2.1.2).

        Raises:
            NotFound: ``WASL-REQ-005``, nothing that large is signed, or ``old`` is more than ``new``.
        """
        with self.store.read() as session:
            last = _latest(session, test)
            if last is None or not 0 <= old <= new <= last.size:
                raise NotFound.because(NOT_FOUND)
            return consistency_proof(old, new, _node(session, last.ledger))

    def tile(self, level: int, number: int, width: int, test: bool = False) -> bytes | None:
        """``width`` hashes (1 to 256) of one tile (C2SP tlog-tiles); None where that many are not signed."""
        with self.store.read() as session:
            last = _latest(session, test)
            if last is None or not _has(last.size, level, number, width):
                return None
            return Tiles(session, last.ledger).tile(level, number)[: width * HASH]

    def entries(self, number: int, width: int, test: bool = False) -> bytes | None:
        """The entries under ``width`` hashes of a tile of level 0, each after its length in two octets.

        C2SP tlog-tiles, "entry bundles"; None where that many are not signed.
        """
        with self.store.read() as session:
            last = _latest(session, test)
            if last is None or not _has(last.size, 0, number, width):
                return None
            found = queries.leaf_octets(session, last.ledger, number * WIDTH, width)
        return b"".join(len(octets).to_bytes(2, "big") + octets for octets in found)

    def cosignatures(self, size: int, test: bool = False) -> list[bytes]:
        """The witnesses' signature lines for the checkpoint of that size."""
        with self.store.read() as session:
            row = queries.latest(session, test)
            found = queries.cosignatures(session, row.id, size) if row is not None else []
            return [one.line for one in found]

    def add_cosignature(self, size: int, line: bytes, test: bool = False) -> None:
        """Keep a witness's cosignature of a signed checkpoint; the first one of each witness stays.

        Args:
            line: one signature line (C2SP signed-note) with its end.

        Raises:
            NotFound: ``WASL-REQ-005``, no signed checkpoint has that size.
            Refused: ``WASL-REQ-010``, not such a line, nobody's who is a witness here, or not good.
        """
        signature = _one_signature(line)
        with self.store.read() as session:
            row = queries.latest(session, test)
            found = queries.checkpoint(session, row.id, size) if row is not None else None
            checkpoint = _signed(session, found)
        if checkpoint is None:
            raise NotFound.because(NOT_FOUND)
        text = write_checkpoint(Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root))
        seen = [verify_cosignature(text, signature, key) for key in read_vkeys(self.witnesses)]
        seen_at = next(filter(None, seen), None)
        if seen_at is None:
            raise Refused.because(_BAD_PARAMETER, "cosignature")
        self._keep(checkpoint, signature, seen_at)

    def _keep(self, checkpoint: SignedCheckpoint, signature: NoteSignature, seen_at: datetime) -> None:
        row = CosignatureRow(
            ledger=checkpoint.ledger,
            size=checkpoint.size,
            witness=signature.name,
            line=signature.line,
            seen_at=seen_at,
        )
        try:
            with self.store.write() as session:
                before = queries.cosignatures(session, checkpoint.ledger, checkpoint.size)
                if signature.name not in [one.witness for one in before]:
                    session.add(row)
        except IntegrityError:  # quicker: where writers do not wait for each other
            return


def _latest(session: Session, test: bool) -> SignedCheckpoint | None:
    row = queries.latest(session, test)
    return (
        _signed(session, queries.last_checkpoint(session, row.id, signed=True)) if row is not None else None
    )


def _signed(session: Session, row: CheckpointRow | None) -> SignedCheckpoint | None:
    if row is None or row.note is None:
        return None
    origin = session.get_one(LedgerRow, row.ledger).origin
    return SignedCheckpoint(row.ledger, origin, row.size, row.root, row.made_at, row.note)


def _node(session: Session, ledger: int) -> Node:
    return Tiles(session, ledger).node


def _has(size: int, level: int, number: int, width: int) -> bool:
    """Whether a tree of ``size`` leaves has that many hashes in that tile."""
    if not 0 <= level < 64 // HEIGHT or number < 0 or not 1 <= width <= WIDTH:
        return False
    return number * WIDTH + width <= size >> (HEIGHT * level)


def _one_signature(line: bytes) -> NoteSignature:
    """Raises:
    Refused: not one signature line.
    """
    try:
        signatures = read_note(b"-\n\n" + line[: _LONGEST_LINE + 1]).signatures
    except MalformedTlog as error:
        raise Refused.because(_BAD_PARAMETER, "cosignature") from error
    if len(signatures) != 1 or signatures[0].line != line:
        raise Refused.because(_BAD_PARAMETER, "cosignature")
    return signatures[0]
