"""A recipient's calls: what lies ready for its office is listed, fetched, and taken or sent back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from adapters.contract import Response
from gateway.clients.http import Sink
from gateway.clients.hub import INBOX, HubClient
from gateway.clients.hub_answers import Lying, Page, Standing, read
from gateway.clients.hub_refused import check

_INBOX = "/api/v1/inbox"
_LINK = re.compile(r'<([^<>"]+)>; rel="item"')
_LONGEST_ATTACHMENT = 5 * 1024**3


class Writes(Protocol):
    """Takes octets, as an open file does."""

    def write(self, octets: bytes, /) -> object: ...


@dataclass(frozen=True)
class Fetched:
    """An envelope exactly as it was sent, and where its attachments are, in the envelope's order."""

    octets: bytes
    media_type: str
    attachments: tuple[str, ...]


@dataclass(frozen=True)
class _Locked:
    locked_until: datetime


@dataclass(frozen=True)
class InboxClient:
    """One party's inboxes at one hub.

    Every call raises `Declined` where the hub says no, a `DeliveryError` where no answer came or the
    hub is in trouble, and PermissionError where it gives no token. A call may be repeated: it changes
    nothing a second time.

    Attributes:
        unit: who acts, as receipts name it; by default the office.
        reader: whose locks these are; by default the party.
    """

    hub: HubClient
    language: str = "en"
    unit: str | None = None
    reader: str | None = None

    @property
    def _who(self) -> dict[str, str]:
        named = {"unit": self.unit, "reader": self.reader}
        return {name: value for name, value in named.items() if value is not None}

    def letters(self, office: str) -> Iterator[Lying]:
        """Everything that lies ready for an office, page by page."""
        path: str | None = f"{_INBOX}?{urlencode({'office': office})}"
        while path is not None:
            page = read(Page, check(self._call("GET", path), 200).body)
            yield from page.letters
            path = page.next

    def lock(self, delivery: str) -> datetime:
        """Keep other readers off; until when."""
        answer = self._call("POST", f"{_place(delivery)}/lock", self._who)
        return read(_Locked, check(answer, 200).body).locked_until

    def unlock(self, delivery: str) -> None:
        """Give the letter free for other readers."""
        check(self._call("DELETE", f"{_place(delivery)}/lock{self._query()}"), 204)

    def content(self, delivery: str) -> Fetched:
        """The letter's envelope; a unit's first look is attested by a receipt."""
        answer = check(self._call("GET", f"{_place(delivery)}/content{self._query()}", accept="*/*"), 200)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        return Fetched(answer.body, media_type, tuple(_LINK.findall(answer.headers.get("link", ""))))

    def attachment(self, href: str, into: Writes) -> None:
        """Write an attachment into an open file, by the address that `content` gave."""
        sink = Sink(into.write, _LONGEST_ATTACHMENT)
        check(self._call("GET", href + self._query(), accept="*/*", into=sink), 200)

    def acknowledge(
        self, delivery: str, number: str | None = None, day: date | None = None, book: str | None = None
    ) -> Standing:
        """Take the letter, registered under ``number`` if there is one already."""
        entry = {"registerNumber": number, "registerDate": day and day.isoformat(), "registerBook": book}
        return self._tell(delivery, "acknowledge", entry)

    def progress(self, delivery: str, state: str, at: datetime | None = None) -> Standing:
        """Tell how far the office is: ``IN_PROGRESS``, ``AWAITING_SENDER`` or ``CLOSED``, and since when."""
        return self._tell(delivery, "progress", {"state": state, "at": at and at.isoformat()})

    def refuse(self, delivery: str, code: str, text: str | None = None) -> Standing:
        """Do not take the letter, or decline it after it was taken, on a ground of the catalogue."""
        return self._tell(delivery, "refuse", {"code": code, "text": text})

    def redirect(
        self, delivery: str, office: str, code: str | None = None, text: str | None = None
    ) -> Standing:
        """Pass the letter on to another office."""
        return self._tell(delivery, "redirect", {"office": office, "code": code, "text": text})

    def _tell(self, delivery: str, verb: str, members: dict[str, Any]) -> Standing:
        said = {name: value for name, value in members.items() if value is not None}
        answer = self._call("POST", f"{_place(delivery)}/{verb}", said | self._who)
        return read(Standing, check(answer, 200).body)

    def _call(self, method: str, path: str, members: dict[str, Any] | None = None, **how: Any) -> Response:
        return self.hub.call(method, path, INBOX, members=members, language=self.language, **how)

    def _query(self) -> str:
        return f"?{urlencode(self._who)}" if self._who else ""


def _place(delivery: str) -> str:
    return f"{_INBOX}/{quote(delivery, safe='')}"
