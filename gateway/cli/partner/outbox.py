"""Letters that an old system lays into ``out/`` are taken, signed once, and sent until the hub answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from adapters.contract import Response
from gateway.cli.compose import XML, SignedLetter, attach, sign
from gateway.cli.partner import durable
from gateway.cli.partner.each import each
from gateway.cli.partner.manifest import Writer, read_manifest
from gateway.cli.partner.opened import open_letter
from gateway.cli.partner.reasons import line, reasons_in
from gateway.cli.partner.sealed import BadReceipt, check_acceptance, check_rejection
from gateway.cli.partner.watching import Watch
from gateway.cli.posting import post
from gateway.clients.hub import HubClient
from gateway.clients.hub_refused import IN_TROUBLE, UNREADABLE, retry_after
from gateway.domain.errors import Fault, Refused, Temporary
from gateway.domain.evidence.reasons import explain
from gateway.domain.identifiers import RandomBytes, uuid7
from gateway.domain.lines import printable
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.rules import faults_of
from gateway.i18n import mark
from gateway.trust.seal import Sealer
from gateway.wire.json_codec import to_json
from gateway.wire.mime import OutgoingPart
from gateway.wire.models import ENVELOPE
from gateway.wire.schema import faults_of_json

ENVELOPE_FILE, RECEIPT_FILE, REASON_FILE = "wasl-envelope.xml", "wasl-receipt.xml", "wasl-reason.txt"
REFERENCE_FILE = "wasl-reference.txt"
READY = "ready"
NO_DOCUMENT = "WASL-REQ-013"
_OURS = "wasl-"
_MOST_NAMED = 100
_ACCEPTED = (200, 201)


@dataclass(frozen=True)
class Outbox:
    """The way out of one folder.

    A letter is a folder in ``out/``. One rename takes it to ``work/`` and gives it its message id, which
    its name carries from then on; there its envelope is signed once and written down before it is sent.
    So whatever dies in between, the same octets are sent again, and the hub answers with the same
    receipt.

    Attributes:
        trust: the folder under which receipts must be sealed; None believes any seal.
        watch: whoever watches is told what is done.
    """

    folder: Path
    writer: Writer
    sealer: Sealer
    hub: HubClient
    now: Callable[[], datetime]
    random_bytes: RandomBytes
    watch: Watch
    trust: Path | None = None

    def run(self) -> None:
        """Take what is ready, and bring everything begun as far as it goes.

        Raises:
            DeliveryError: the hub does not answer, or is in trouble; another run goes on.
        """
        for path in self._ready():
            durable.move(path, self._work / f"{_name(path)}.{uuid7(self.random_bytes)}")
        each(sorted(self._work.iterdir()), self._bring)

    @property
    def _work(self) -> Path:
        return self.folder / "work"

    def _ready(self) -> Iterator[Path]:
        """Folders whose name says that they are whole, or in which a file says so."""
        for path in sorted((self.folder / "out").iterdir()):
            visible = path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
            if visible and (path.suffix == f".{READY}" or (path / READY).is_file()):
                yield path

    def _bring(self, job: Path) -> None:
        durable.sweep(job)
        if (job / RECEIPT_FILE).exists():
            self._through(job, "sent")
        elif (job / REASON_FILE).exists():
            self._through(job, "refused")
        else:
            try:
                self._send(job, self._signed(job))
            except Refused as refusal:
                self._refuse(job, refusal.faults)

    def _signed(self, job: Path) -> bytes:
        """The envelope's octets: those written down, or, the first time, signed and written down now."""
        file = job / ENVELOPE_FILE
        if file.exists():
            return file.read_bytes()
        strange = sorted(path.name for path in job.iterdir() if not _goes_along(path))
        if strange:
            raise Refused(Fault(NO_DOCUMENT, name[:200]) for name in strange[:_MOST_NAMED])
        message_id = job.name.rpartition(".")[2]
        draft = read_manifest(job, self.writer, message_id, self.now())
        attachments, _ = attach(draft.files)
        envelope = replace(draft.envelope, attachments=attachments)
        self._check(envelope)
        letter = sign(envelope, self.sealer, XML, self.now())
        durable.write(file, letter.root)
        return letter.root

    def _check(self, envelope: Envelope) -> None:
        """Raises:
        Refused: everything that the hub would refuse the envelope for by itself.
        """
        faults = faults_of_json(ENVELOPE, to_json(envelope))
        faults = faults or faults_of(envelope, self.writer.hub_code, self.now())
        if faults:
            raise Refused(faults)

    def _send(self, job: Path, octets: bytes) -> None:
        envelope = open_letter(octets, XML, None, self.now()).envelope
        answer = post(
            self.hub,
            SignedLetter(octets, XML, _parts(job, envelope)),
            self.writer.language,
            through=lambda chunks, total: self.watch.through(job.name, chunks, total),
        )
        if answer.status in _ACCEPTED:
            self._accepted(job, octets, envelope, answer)
            return
        try:
            check_rejection(answer, hashlib.sha256(octets).hexdigest(), self.trust)
        except BadReceipt as error:
            raise Temporary(UNREADABLE, f"{job.name}: {error}") from error
        reasons = reasons_in(answer)
        if not reasons:  # whatever stands before the hub says nothing about the letter
            raise Temporary(IN_TROUBLE, f"HTTP {answer.status} for {job.name}", retry_after(answer))
        kept = ".xml" if answer.headers.get("content-type", "").startswith(XML) else ".json"
        durable.write(job / f"{_OURS}refusal{kept}", answer.body)
        self._say_why(job, reasons)

    def _accepted(self, job: Path, octets: bytes, envelope: Envelope, answer: Response) -> None:
        digest = hashlib.sha256(octets).hexdigest()
        try:
            receipt = check_acceptance(answer, envelope.message_id, digest, self.trust)
        except BadReceipt as error:
            raise Temporary(UNREADABLE, f"{job.name}: {error}") from error
        durable.write(job / REFERENCE_FILE, f"{receipt.reference}\n".encode())
        durable.write(job / RECEIPT_FILE, answer.body)  # last: it says that all is done
        said = mark("{name}: accepted under {reference}")
        self.watch.say(said, name=job.name, reference=receipt.reference)
        self._through(job, "sent")

    def _refuse(self, job: Path, faults: tuple[Fault, ...]) -> None:
        self._say_why(job, [_told(fault, self.writer.language) for fault in faults])

    def _say_why(self, job: Path, reasons: list[str]) -> None:
        # names of files may be in any character set, and have line breaks
        lines = [printable(reason) for reason in reasons]
        durable.write(job / REASON_FILE, ("\n".join(lines) + "\n").encode())
        self.watch.say(mark("{name}: refused: {why}"), name=job.name, why=lines[0])
        self._through(job, "refused")

    def _through(self, job: Path, where: str) -> None:
        durable.move(job, self.folder / where / job.name)


def _name(path: Path) -> str:
    return path.name.removesuffix(f".{READY}")


def _goes_along(path: Path) -> bool:
    """Whether a letter can have it in its folder: nothing that was laid there is left out unseen."""
    return path.is_file() and not path.is_symlink() and not path.name.startswith(_OURS)


def _told(fault: Fault, language: str) -> str:
    """What is wrong, what to do, and where, if the words do not say it already."""
    words = " ".join(explain(fault, language))
    where = fault.where if fault.where and fault.where not in words else None
    return " ".join(filter(None, (line(fault.code, words, where), fault.found)))


def _parts(job: Path, envelope: Envelope) -> tuple[OutgoingPart, ...]:
    """The contents beside the envelope, which names their files."""
    _, parts = attach([job / one.name for one in envelope.attachments])
    return parts
