"""Letters to try a route with: a made-up one, one from a file, or one that the hub has."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO

from adapters.contract import Letter
from gateway.domain.errors import NotFound
from gateway.domain.identifiers import uuid7
from gateway.domain.registry.parties import Office
from gateway.domain.transit.envelope import (
    Attachment,
    AttachmentRole,
    Envelope,
    Purpose,
    Recipient,
)
from gateway.domain.transit.persons import Sender
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.letters import Letters
from gateway.store.transit import exchange_queries as queries
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml, write_envelope_xml

SUBJECT = "TEST — essai de raccordement — تجربة ربط"
BODY = "TEST. Ce courrier ne demande rien : il éprouve la voie.\nهذه المراسلة للتجربة فقط ولا تطلب شيئا."
_NOT_FOUND = "WASL-REQ-005"
PLAN = b"%PDF-1.7\n% TEST\n%%EOF\n"
_JSON = b"{"


def sample_envelope(hub: str, party: str, office: str, ambient: Ambient, test: bool = True) -> Envelope:
    """A letter that says of itself that it is a test, in the scripts that real ones are written in."""
    now = ambient.now()
    plan = Attachment(
        "a1", "plan d’essai — تجربة.pdf", "application/pdf", len(PLAN),
        hashlib.sha256(PLAN).hexdigest(), AttachmentRole.MAIN,
    )  # fmt: skip
    return Envelope(
        version="1.0",
        hub=hub,
        message_id=uuid7(ambient.random_bytes),
        purpose=Purpose.LETTER,
        created_at=now,
        sender=Sender(party),
        recipients=(Recipient(office=office),),
        subject=SUBJECT,
        language="fr",
        test=test,
        body=BODY,
        attachments=(plan,),
    )


def read_envelope(octets: bytes) -> Envelope:
    """The envelope in a file, XML or JSON; nobody's signature is asked for, since nothing is sent.

    Raises:
        Refused: it is none.
    """
    return read_envelope_json(octets) if octets.lstrip()[:1] == _JSON else read_envelope_xml(octets)


@dataclass(frozen=True)
class TryingLetters:
    """Puts letters together as an adapter would get them.

    Attributes:
        hub: the hub's code.
    """

    letters: Letters
    ambient: Ambient
    hub: str

    def made_up(self, office: Office) -> Letter:
        """A test letter to an office."""
        return self.of(sample_envelope(self.hub, office.party, office.id, self.ambient), office)

    def of(self, envelope: Envelope, office: Office, original: bytes | None = None) -> Letter:
        """An envelope as a letter to an office; zeros stand for the contents of its files.

        Args:
            original: its octets as they came, if they did.
        """
        now = self.ambient.now()
        return Letter(
            delivery_id=uuid7(self.ambient.random_bytes),
            reference="0000-0000-000",
            accepted_at=now,
            envelope=envelope,
            original=write_envelope_xml(envelope) if original is None else original,
            original_media_type=_media_type(original),
            sender_name="TEST",
            office=office.id,
            open=_opened,
            document_type=office.document_types.get(envelope.document_type or ""),
        )

    def accepted(self, reference: str, office: Office) -> Letter:
        """A letter that the hub accepted, as this office would get it.

        Raises:
            NotFound: there is none.
            Gone: its content was purged.
            Unavailable: its content cannot be read now.
        """
        with self.letters.store.read() as session:
            found = queries.deliveries_of(session, reference)
        if not found:
            raise NotFound.because(_NOT_FOUND)
        own = next((row for row in found if row.office == office.id), found[0])
        return self.letters.letter(self.letters.case(own.id), office)


def _media_type(original: bytes | None) -> str:
    return "application/jose+json" if (original or b"").lstrip()[:1] == _JSON else "application/xml"


def _opened(attachment: Attachment) -> BinaryIO:
    if attachment.sha256 == hashlib.sha256(PLAN).hexdigest():
        return io.BytesIO(PLAN)
    return io.BufferedReader(_Zeros(attachment.size))


class _Zeros(io.RawIOBase):
    """So many zeros, never all at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        taken = min(len(buffer), self._left)
        buffer[:taken] = bytes(taken)
        self._left -= taken
        return taken
