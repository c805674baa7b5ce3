"""Puts everything about one letter into one sealed container (ASiC-E, EN 319 162-1)."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from gateway.domain.errors import NotFound
from gateway.domain.evidence.receipt import AttachmentDigest, Receipt
from gateway.domain.identifiers import read_reference
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.bundle_material import Material, Materials
from gateway.exchange.evidence.fetch import NOT_FOUND, PDF, TIME_STAMPED, Receipts
from gateway.exchange.evidence.issue import JWS, XML, Issuing
from gateway.exchange.evidence.ledger import Ledger
from gateway.i18n import Translator
from gateway.store.evidence import queries
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.store.transit.models import Message, Payload
from gateway.trust.cades import seal_detached
from gateway.trust.jws import FLATTENED
from gateway.wire.asic import Writer
from gateway.wire.bundle_summary import ListedReceipt, Summary, write_summary
from gateway.wire.receipts import read_kept_receipt
from gateway.wire.zip_names import safe_segment, same

_CHUNK = 256 * 1024
_SUFFIXES = {XML: "xml", JWS: "jws", FLATTENED: "json", PDF: "pdf"}
_LONG_TERM = "-long-term"
_PROOF_TYPE, _TOKEN_TYPE = "text/plain", "application/timestamp-reply"


@dataclass(frozen=True)
class _Letter:
    """What the database says of a letter, read at one moment."""

    message: Message
    acceptance: Receipt
    root: Payload | None
    contents: dict[str, Payload]
    receipts: tuple[int, ...]
    """Rows, in the order they were made."""
    deliveries: dict[str, int]
    """Number of each delivery, from 1."""


@dataclass
class _Bundle:
    """A container that is being written, and what its summary will list."""

    writer: Writer
    letter: _Letter
    original: bytes | None = None
    attachments: list[tuple[AttachmentDigest, str | None]] = field(default_factory=list)
    receipts: list[ListedReceipt] = field(default_factory=list)

    def add(self, name: str, media_type: str, octets: bytes) -> None:
        self.writer.add(name, media_type, [octets], len(octets))


@dataclass(frozen=True)
class Bundles:
    """Makes bundles for those who may have them.

    Attributes:
        speakers: the country's languages, the main one first.
        folder: where bundles lie, without a name, while they are made and handed out.
    """

    store: Store
    payloads: PayloadStore
    receipts: Receipts
    ledger: Ledger
    issuing: Issuing
    materials: Materials
    ambient: Ambient
    speakers: tuple[Translator, ...]
    folder: Path

    def make(self, reference: str, party: str | None) -> BinaryIO:
        """The bundle as a file without a name, at its start; the caller closes it.

        Raises:
            NotFound, Unavailable: as `write`.
        """
        target = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - handed to the caller
        try:
            self.write(reference, party, target)
            target.seek(0)
        except BaseException:
            target.close()
            raise
        return target

    def write(self, reference: str, party: str | None, target: BinaryIO) -> None:
        """Write the bundle of the letter ``reference``; no transaction is open while contents pass.

        Args:
            party: who asks; only the sender's own letters. None for the hub's operator.
            target: seekable, empty.

        Raises:
            NotFound: ``WASL-REQ-005``, no such letter for that party.
            Unavailable: contents, seal or database are out for now.
            Misconfigured: the trust folder cannot be read.
        """
        letter = self._letter(reference, party)
        bundle = _Bundle(Writer(target), letter)
        self._add_letter(bundle)
        self._add_attachments(bundle)
        for number, row in enumerate(letter.receipts, 1):
            self._add_receipt(bundle, number, row)
        for material in self._materials(bundle):
            bundle.add(f"certificates/{material.name}", material.media_type, material.octets)
        now = max(self.ambient.now(), *(one.at for one in bundle.receipts))
        bundle.add("summary.html", "text/html", self._summary(bundle, now))
        sealer = self.issuing.seals.choose(letter.message.test)
        bundle.writer.close(lambda manifest: seal_detached(manifest, sealer, now))

    def _letter(self, reference: str, party: str | None) -> _Letter:
        with self.store.read() as session:
            message = transit.accepted_by_reference(session, read_reference(reference) or "")
            if message is None or party not in (None, message.party):
                raise NotFound.because(NOT_FOUND)
            return _Letter(
                message=message,
                acceptance=read_kept_receipt(queries.first_receipt(session, message.id).content),
                root=session.get(Payload, message.envelope) if message.envelope else None,
                contents=transit.attachments(session, message.id),
                receipts=tuple(row.id for row in queries.receipts(session, message.id)),
                deliveries={
                    row.id: number for number, row in enumerate(transit.deliveries(session, message.id), 1)
                },
            )

    def _add_letter(self, bundle: _Bundle) -> None:
        root, media_type = bundle.letter.root, bundle.letter.message.media_type
        if root is None or root.wrapped_key is None:
            return
        bundle.original = self.payloads.read_small(root.object_id, root.wrapped_key, root.inline)
        bundle.add(_letter_name(media_type), media_type, bundle.original)

    def _add_attachments(self, bundle: _Bundle) -> None:
        for stated in bundle.letter.acceptance.attachments:
            payload = bundle.letter.contents.get(stated.id)
            if payload is None or payload.wrapped_key is None:
                bundle.attachments.append((stated, None))
                continue
            name = f"attachments/{_folder(bundle, stated)}/{safe_segment(stated.name, 'attachment')}"
            with self.payloads.open(payload.object_id, payload.wrapped_key) as content:
                chunks = iter(partial(content.read, _CHUNK), b"")
                bundle.writer.add(name, stated.media_type, chunks, stated.size)
            bundle.attachments.append((stated, name))

    def _add_receipt(self, bundle: _Bundle, number: int, row: int) -> None:
        if number == 1:
            with contextlib.suppress(NotFound):  # a hub that makes no PDFs makes bundles all the same
                self.receipts.rendering(row, PDF)
        with self.store.read() as session:
            first = queries.first_rendering(session, row)
            others = queries.renderings(session, row)
            content = session.get_one(ReceiptRow, row)
            receipt, digest = read_kept_receipt(content.content), content.content_digest
        stem = _stem(number, receipt, bundle.letter.deliveries)
        name = f"{stem}.{_SUFFIXES[first.media_type]}"
        bundle.add(name, first.media_type, first.octets)
        recorded = self._add_proof(bundle, name, digest)
        for other in others:
            if other.level == TIME_STAMPED or other.media_type == PDF:
                bundle.add(_other_name(stem, other), other.media_type, other.octets)
        recipient = receipt.recipient.name if receipt.recipient is not None else None
        bundle.receipts.append(
            ListedReceipt(receipt.kind, receipt.event, receipt.event_time, recipient, digest, name, recorded)
        )

    def _add_proof(self, bundle: _Bundle, name: str, digest: str) -> bool:
        found = self.ledger.inclusion(digest)
        if found is None:
            return False
        bundle.add(f"{name}.tlog-proof", _PROOF_TYPE, found.proof)
        if found.token is not None:
            bundle.add(f"{name}.tsr", _TOKEN_TYPE, found.token)
        return found.token is not None

    def _materials(self, bundle: _Bundle) -> Iterator[Material]:
        message, signer = bundle.letter.message, bundle.letter.acceptance.signer
        yield from self.materials.of_hub(self.issuing.seals.choose(message.test), message.test)
        digest = signer.certificate_digest if signer is not None else None
        yield from self.materials.of_signer(bundle.original, message.media_type, digest)

    def _summary(self, bundle: _Bundle, now: datetime) -> bytes:
        message = bundle.letter.message
        summary = Summary(
            acceptance=bundle.letter.acceptance,
            made_at=now,
            letter=_letter_name(message.media_type) if bundle.original is not None else None,
            attachments=bundle.attachments,
            receipts=bundle.receipts,
            purged_at=message.purged_at,
        )
        return write_summary(summary, self.speakers)


def _letter_name(media_type: str) -> str:
    return f"letter.{_SUFFIXES[media_type]}"


def _folder(bundle: _Bundle, stated: AttachmentDigest) -> str:
    """The attachment's identifier, with a number before it where two would be one on some system."""
    taken = {same(file.split("/")[1]) for _, file in bundle.attachments if file is not None}
    own = safe_segment(stated.id, "attachment")
    return own if same(own) not in taken else f"{len(bundle.attachments) + 1:02}-{own}"


def _stem(number: int, receipt: Receipt, deliveries: dict[str, int]) -> str:
    """``receipts/NN-kind``, and of which delivery where there is more than one."""
    kind = receipt.kind.value.replace(" ", "-")
    delivery = receipt.recipient.delivery if receipt.recipient is not None else None
    of = f"-{deliveries[delivery]}" if delivery in deliveries and len(deliveries) > 1 else ""
    return f"receipts/{number:02}-{kind}{of}"


def _other_name(stem: str, rendering: Rendering) -> str:
    level = _LONG_TERM if rendering.level == TIME_STAMPED else ""
    return f"{stem}{level}.{_SUFFIXES[rendering.media_type]}"
