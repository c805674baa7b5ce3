"""Every call over SOAP that needs to know who calls: which service it asks, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.errors import NotFound, Refused
from gateway.exchange.evidence.fetch import BASELINE
from gateway.exchange.transit.feed import MOST
from gateway.exchange.transit.inbox import NOT_FOUND, Inbox, Reader
from gateway.exchange.transit.inbox_content import Content as Letter
from gateway.exchange.transit.inbox_list import LONGEST_PAGE
from gateway.web import views
from gateway.web.bodies import Members
from gateway.web.inbox_terms import ground_of, processing_of, reader_of, refusal_of, registered
from gateway.web.paging import size_of
from gateway.web.reading import BAD_PARAMETER, NOT_ACCEPTABLE, RENDERINGS
from gateway.web.services import Services
from gateway.web.views import View
from gateway.wire.asic import MEDIA_TYPE as BUNDLE
from gateway.wire.soap_answer import Content

_USUAL_EVENTS, _USUAL_LETTERS = 100, 50


@dataclass(frozen=True)
class Asked:
    """An authenticated call: who asks, what is said, and the language for people."""

    party: str
    said: Members
    language: str

    def needed(self, name: str) -> str:
        """A text that must be there."""
        return self.said.needed(name, 400)


@dataclass(frozen=True)
class Operation:
    """One call.

    Attributes:
        changes: it changes something or leaves a receipt behind, and a signed message counts once.
        large: its octets may be parts of their own.
    """

    act: Callable[[Asked], View]
    changes: bool = False
    large: bool = False


def operations(services: Services) -> Mapping[str, Operation]:
    """The calls by name; those that carry a letter are not among them."""
    return _of_letters(services) | _of_receipts(services) | _of_inbox(services.inbox)


def _of_letters(services: Services) -> dict[str, Operation]:
    def get(asked: Asked) -> View:
        return {"envelope": views.letter(services.looking.letter(asked.needed("reference"), asked.party))}

    def find(asked: Asked) -> View:
        found = services.looking.by_message_id(asked.needed("messageId"), asked.party)
        return {"envelope": views.letter(found)}

    def cancel(asked: Asked) -> View:
        reference, delivery = asked.needed("reference"), asked.said.line("delivery")
        done = services.cancelling.cancel(reference, asked.party, delivery)
        return {"deliveries": [views.cancellation(one, asked.language) for one in done]}

    def events(asked: Asked) -> View:
        most = size_of(asked.said.line("limit"), _USUAL_EVENTS, MOST)
        page = services.feed.events(asked.party, asked.said.line("after"), most)
        return {"events": [views.event(one) for one in page.events], "next": page.next, "more": page.more}

    return {
        "GetEnvelope": Operation(get),
        "FindEnvelope": Operation(find),
        "CancelEnvelope": Operation(cancel, changes=True),
        "ListEvents": Operation(events),
    }


def _of_receipts(services: Services) -> dict[str, Operation]:
    def receipts(asked: Asked) -> View:
        found = services.receipts.all_of(asked.needed("reference"), asked.party)
        return {"receipts": [views.receipt(one) for one in found]}

    def receipt(asked: Asked) -> View:
        level = asked.said.line("level") or BASELINE
        if level not in RENDERINGS:
            raise Refused.because(BAD_PARAMETER, "level")
        media_type = asked.said.line("mediaType") or RENDERINGS[level][0]
        if media_type not in RENDERINGS[level]:
            raise Refused.because(NOT_ACCEPTABLE, "mediaType", expected=", ".join(RENDERINGS[level]))
        reference, wanted = asked.needed("reference"), asked.needed("receipt")
        octets = services.receipts.one(reference, wanted, media_type, asked.party, level)
        return {"mediaType": media_type, "octets": Content.of(octets, media_type)}

    def evidence(asked: Asked) -> View:
        file = services.bundles.make(asked.needed("reference"), asked.party)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return {"mediaType": BUNDLE, "octets": Content(size, file, BUNDLE)}

    return {
        "ListReceipts": Operation(receipts),
        "GetReceipt": Operation(receipt),
        "GetEvidence": Operation(evidence, large=True),
    }


def _of_inbox(inbox: Inbox) -> dict[str, Operation]:
    def listed(asked: Asked) -> View:
        most = size_of(asked.said.line("limit"), _USUAL_LETTERS, LONGEST_PAGE)
        by = Reader(asked.party, asked.party, asked.party)
        found = inbox.peek(by, asked.needed("office"), asked.said.line("after"), most)
        after = found[-1].delivery if len(found) == most else None
        return {"letters": [views.entry(one) for one in found], "next": after}

    def lock(asked: Asked) -> View:
        delivery, by = _reading(inbox, asked)
        return {"lockedUntil": inbox.lock(delivery, by).isoformat()}

    def unlock(asked: Asked) -> View:
        inbox.unlock(*_reading(inbox, asked))
        return {}

    return {
        "ListInbox": Operation(listed),
        "LockDelivery": Operation(lock, changes=True),
        "UnlockDelivery": Operation(unlock, changes=True),
        **_of_contents(inbox),
        **_of_outcomes(inbox),
    }


def _of_contents(inbox: Inbox) -> dict[str, Operation]:
    def content(asked: Asked) -> View:
        found = inbox.content(*_reading(inbox, asked))
        return {
            "reference": found.reference,
            "mediaType": found.media_type,
            "octets": Content.of(found.envelope, found.media_type),
            "attachments": [
                {
                    "id": one.id,
                    "name": one.name,
                    "mediaType": one.media_type,
                    "size": one.size,
                    "sha256": one.sha256,
                }
                for one in found.attachments
            ],
        }

    def attachment(asked: Asked) -> View:
        found = inbox.content(*_reading(inbox, asked))
        return _attachment(found, asked.needed("attachment"))

    return {
        "GetContent": Operation(content, changes=True, large=True),
        "GetAttachment": Operation(attachment, changes=True, large=True),
    }


def _attachment(letter: Letter, wanted: str) -> View:
    for one in letter.attachments:
        if one.id == wanted:
            content = Content(one.size, letter.open(one.id), one.media_type)
            return {"name": one.name, "mediaType": one.media_type, "octets": content}
    raise NotFound.because(NOT_FOUND)


def _of_outcomes(inbox: Inbox) -> dict[str, Operation]:
    def acknowledge(asked: Asked) -> View:
        delivery, by = _reading(inbox, asked)
        inbox.acknowledge(delivery, by, registered(asked.said))
        return _place(inbox, asked)

    def progress(asked: Asked) -> View:
        delivery, by = _reading(inbox, asked)
        inbox.progress(delivery, by, processing_of(asked.said), asked.said.moment("at"))
        return _place(inbox, asked)

    def refuse(asked: Asked) -> View:
        delivery, by = _reading(inbox, asked)
        inbox.refuse(delivery, by, refusal_of(asked.said))
        return _place(inbox, asked)

    def redirect(asked: Asked) -> View:
        delivery, by = _reading(inbox, asked)
        office, ground = asked.said.needed("office", 10), ground_of(asked.said)
        successor = inbox.redirect(delivery, by, office, ground)
        return _place(inbox, asked) | {"successor": successor}

    return {
        "Acknowledge": Operation(acknowledge, changes=True),
        "ReportProgress": Operation(progress, changes=True),
        "RefuseDelivery": Operation(refuse, changes=True),
        "RedirectDelivery": Operation(redirect, changes=True),
    }


def _reading(inbox: Inbox, asked: Asked) -> tuple[str, Reader]:
    delivery = asked.needed("delivery")
    inbox.whereabouts(delivery, asked.party)  # whose it is comes before what is missing
    return delivery, reader_of(asked.party, asked.said)


def _place(inbox: Inbox, asked: Asked) -> View:
    return views.place(inbox.whereabouts(asked.needed("delivery"), asked.party))
