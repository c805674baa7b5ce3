"""The receipts that follow an acceptance are laid beside the letter, as the party's feed tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.compose import XML
from gateway.cli.partner import durable
from gateway.cli.partner.each import each
from gateway.cli.partner.sealed import BadReceipt, check_told
from gateway.cli.partner.watching import Watch
from gateway.clients.hub_answers import Feed, Happened
from gateway.clients.hub_refused import UNREADABLE, Declined
from gateway.clients.hub_sender import SenderClient
from gateway.domain.errors import Temporary
from gateway.i18n import mark

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCEPTANCE = "acceptance"


@dataclass(frozen=True)
class Told:
    """Follows the feed from where it was read last.

    Attributes:
        trust: the folder under which receipts must be sealed; None believes any seal.
        watch: whoever watches is told what comes.
    """

    folder: Path
    sender: SenderClient
    watch: Watch
    trust: Path | None = None

    def run(self) -> None:
        """Read the feed to its present end; what was read before it was written down is read again.

        Raises:
            DeliveryError: the hub does not answer, or is in trouble, or gives what is not the receipt that
                it announced: that page is read again.
        """
        more = True
        while more:
            page = self._page()
            self._lay_all(page)
            if page.next is not None:
                durable.write(self._cursor, page.next.encode())
            more = page.more and bool(page.events)

    @property
    def _cursor(self) -> Path:
        return self.folder / "state" / "feed"

    def _page(self) -> Feed:
        after = self._cursor.read_text("utf-8") if self._cursor.exists() else None
        try:
            return self.sender.events(after)
        except Declined:
            if after is None:
                raise
            return self.sender.events()  # a hub restored from an older copy: everything is told anew

    def _letters(self) -> dict[str, Path]:
        """What was sent from here, by message id; a letter whose answer was lost is still at work."""
        places = (self.folder / "work", self.folder / "sent")
        return {path.name.rpartition(".")[2]: path for place in places for path in place.iterdir()}

    def _lay_all(self, page: Feed) -> None:
        letters = self._letters() if page.events else {}
        each(page.events, lambda event: self._lay(event, letters.get(event.message_id or "")))

    def _lay(self, event: Happened, letter: Path | None) -> None:
        if letter is None or event.href is None or event.kind == _ACCEPTANCE:
            return
        kind = re.sub(r"[^a-z]+", "-", event.kind)
        file = letter / f"wasl-receipt-{event.id}-{kind}.xml"
        if _UUID.fullmatch(event.id) and not file.exists():
            octets = self.sender.receipt(event.href, XML)
            try:
                receipt = check_told(octets, XML, event, self.trust)
            except BadReceipt as error:
                raise Temporary(UNREADABLE, f"{letter.name}: {event.kind}: {error}") from error
            durable.write(file, octets)
            kind = self.watch.translator.term(receipt.kind)
            self.watch.say(mark("{name}: receipt, {kind}"), name=letter.name, kind=kind)
