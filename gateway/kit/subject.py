"""What is checked: a kind with a route's options, and the letters that are tried on it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from adapters.contract import Adapter, Context, Letter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.transit.envelope import (
    Attachment,
    AttachmentRole,
    Envelope,
    Purpose,
    Recipient,
)
from gateway.domain.transit.persons import Sender
from gateway.exchange.transit.replies import SignedReplies
from gateway.wire.envelopes import write_envelope_xml

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "contract-Secret-4711"  # noqa: S105 - every reference of a secret resolves to it
_PLAN = b"%PDF-1.7\n% TEST\n%%EOF\n"
_LIMITS = HttpLimits(connect_s=2, read_s=0.4, total_s=1.2, answer_bytes=1024 * 1024)


@dataclass(frozen=True)
class Subject:
    """A kind under the contract.

    Attributes:
        kind: the name under which it is installed.
        options: a good route's.
        description: what the target tells of itself on GET, such as a WSDL.
        draft: the first call leaves only a draft at the target, so that trouble in it is temporary.
        secret: resolves a reference; what it does not know becomes a secret of the kit's own.
        folders: below which the kind may read and write.
    """

    adapter: Adapter
    kind: str
    options: Mapping[str, Any]
    description: bytes | None = None
    draft: bool = False
    secret: Callable[[str], str | None] = lambda _: None
    folders: tuple[Path, ...] = ()

    def context(self, url: str | None = None, limits: HttpLimits = _LIMITS) -> Context:
        """What the kind may use: a real way out that leads to loopback only."""
        options = self.options if url is None else pointed(self.options, url)
        http = _way_out(limits)
        secret = partial(_resolved, self.secret)
        replies = SignedReplies(lambda: NOW, timedelta(minutes=5))
        return Context(http, options, secret, lambda: NOW, http.dial, self.folders, signed_body=replies)

    @property
    def calls(self) -> bool:
        """Whether the options name an address, so that somebody is called."""
        return bool(pointed(self.options, "http://127.0.0.1:9") != self.options)


def _resolved(secret: Callable[[str], str | None], name: str) -> str:
    return secret(name) or SECRET


@cache
def _way_out(limits: HttpLimits) -> GuardedHttp:
    """The hub's own way out, that leads to loopback only."""
    return GuardedHttp(HttpSettings(allow=("127.0.0.0/8", "::1"), limits=limits))


def pointed(options: Any, url: str) -> Any:
    """The same options, every address in them at another host."""
    if isinstance(options, str) and options.startswith(("http://", "https://")):
        to, parts = urlsplit(url), urlsplit(options)
        return urlunsplit((to.scheme, to.netloc, parts.path, parts.query, parts.fragment))
    if isinstance(options, Mapping):
        return {key: pointed(value, url) for key, value in options.items()}
    return [pointed(one, url) for one in options] if isinstance(options, list) else options


def letter(number: int, size: int | None = None, opened: Callable[[str], object] = len) -> Letter:
    """A letter that no other number has; names and texts in more than one script, with markup in them.

    Args:
        size: octets of its one attachment, zeros; a small document otherwise.
        opened: told the name of an attachment whenever its content is asked for.
    """
    octets = _PLAN if size is None else b""
    digest = hashlib.sha256(octets).hexdigest() if size is None else _digest_of_zeros(size)
    plan = Attachment(
        "a1", 'plan "été" — خطة.pdf', "application/pdf",
        len(octets) if size is None else size, digest, AttachmentRole.MAIN,
    )  # fmt: skip
    envelope = Envelope(
        version="1.0",
        hub="TEST-HUB",
        message_id=f"018f0000-0000-7000-9000-{number:012d}",
        purpose=Purpose.LETTER,
        created_at=NOW,
        sender=Sender("A0000001-S"),
        recipients=(Recipient(office="B0000001-V"),),
        subject='TEST <d\'essai> & "été" طلب تجريبي',
        language="fr",
        test=True,
        body="TEST.\nنص تجريبي.",
        attachments=(plan,),
    )

    def open_it(attachment: Attachment) -> BinaryIO:
        opened(attachment.name)
        return io.BytesIO(octets) if size is None else _zeros(size)

    return Letter(
        delivery_id=f"018f0000-0000-7000-8000-{number:012d}",
        reference="7K2M-9QXT-4RB",
        accepted_at=NOW,
        envelope=envelope,
        original=write_envelope_xml(envelope),
        original_media_type="application/xml",
        sender_name="TEST Ministère fictif — وزارة",
        office="B0000001-V",
        open=open_it,
    )


def _digest_of_zeros(size: int) -> str:
    digest, piece = hashlib.sha256(), bytes(1 << 20)
    for _ in range(size >> 20):
        digest.update(piece)
    digest.update(bytes(size & ((1 << 20) - 1)))
    return digest.hexdigest()


class _Zeros(io.RawIOBase):
    """So many zeros, never all at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        taken = min(len(buffer), self._left)
        buffer[:taken] = bytes(taken)
        self._left -= taken
        return taken


def _zeros(size: int) -> BinaryIO:
    return io.BufferedReader(_Zeros(size), 64 * 1024)
