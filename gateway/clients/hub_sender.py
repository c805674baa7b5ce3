"""A sender's calls: where its letters are, their receipts, its feed, and taking a letter back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, urlencode

from gateway.clients.http import Sink
from gateway.clients.hub import CANCEL, HubClient
from gateway.clients.hub_answers import (
    Checked,
    Feed,
    ReceiptEntry,
    SentLetter,
    TakenBack,
    read,
)
from gateway.clients.hub_refused import check
from gateway.domain.errors import Temporary

_LETTERS = "/api/v1/envelopes"
_LONGEST_BUNDLE = 400 * 1024**3
"""64 attachments of 5 GiB, and what belongs to them."""


@dataclass(frozen=True)
class _Found:
    envelopes: tuple[SentLetter, ...]


@dataclass(frozen=True)
class _Receipts:
    receipts: tuple[ReceiptEntry, ...]


@dataclass(frozen=True)
class _Deliveries:
    deliveries: tuple[TakenBack, ...]


@dataclass(frozen=True)
class SenderClient:
    """One party's letters at one hub.

    Every call raises `Declined` where the hub says no, a `DeliveryError` where no answer came or the
    hub is in trouble, and PermissionError where it gives no token.
    """

    hub: HubClient
    language: str = "en"

    def check(
        self, body: bytes | Iterator[bytes], content_type: str, content_length: int | None = None
    ) -> Checked:
        """What intake would say to a signed envelope, with its recipients' limits; nothing is stored."""
        headers = {"Accept-Language": self.language}
        answer = self.hub.submit(body, content_type, content_length, headers, f"{_LETTERS}/check")
        return read(Checked, check(answer, 200).body)

    def follow(self, reference: str) -> SentLetter:
        """Where the deliveries of a letter are."""
        return read(SentLetter, self._get(_letter(reference)))

    def find(self, message_id: str) -> SentLetter:
        """The letter that was sent under this message id."""
        found = read(_Found, self._get(f"{_LETTERS}?{urlencode({'messageId': message_id})}"))
        if len(found.envelopes) != 1:
            raise Temporary("WASL-DLV-008", "not one letter in the answer")
        return found.envelopes[0]

    def receipts(self, reference: str) -> tuple[ReceiptEntry, ...]:
        """Every receipt of a letter so far, in order."""
        return read(_Receipts, self._get(f"{_letter(reference)}/receipts")).receipts

    def receipt(self, href: str, media_type: str, long_term: bool = False) -> bytes:
        """One receipt, by the address that a list or the feed gives.

        Args:
            media_type: the form wanted.
            long_term: with an RFC 3161 time-stamp over its seal.
        """
        return self._get(f"{href}?level=T" if long_term else href, media_type)

    def events(self, after: str | None = None, limit: int = 100) -> Feed:
        """A page of the party's own feed: every receipt of its letters, in order."""
        query = {"limit": str(limit)} | ({} if after is None else {"after": after})
        return read(Feed, self._get(f"/api/v1/events?{urlencode(query)}"))

    def cancel(self, reference: str, delivery: str | None = None) -> tuple[TakenBack, ...]:
        """Take a letter back where that is still possible, or one delivery of it."""
        query = "" if delivery is None else f"?{urlencode({'delivery': delivery})}"
        answer = self.hub.call("DELETE", _letter(reference) + query, CANCEL, language=self.language)
        return read(_Deliveries, check(answer, 200).body).deliveries

    def evidence(self, reference: str, into: BinaryIO) -> None:
        """Write everything about a letter, one sealed file, into an open file."""
        sink = Sink(into.write, _LONGEST_BUNDLE)
        answer = self.hub.call("GET", f"{_letter(reference)}/evidence", accept="*/*", into=sink)
        check(answer, 200)

    def _get(self, path: str, accept: str = "application/json") -> bytes:
        return check(self.hub.call("GET", path, accept=accept, language=self.language), 200).body


def _letter(reference: str) -> str:
    return f"{_LETTERS}/{quote(reference, safe='')}"
