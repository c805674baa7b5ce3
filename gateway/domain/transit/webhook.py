"""What a webhook is told of a party's feed, and in which members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.errors import DeliveryError, Temporary
from gateway.domain.transit.retry import asked_to_wait

EVENT_TYP = "wasl-webhook+json"
"""The type in the header of a signed event."""
PING = "ping"
NO_SUCCESS = "WASL-WHK-004"


@dataclass(frozen=True)
class Wanted:
    """What a party wants to be told, and where.

    Attributes:
        url: where events go; https, or http where the operator's list opens the address.
        kinds: kinds of receipts; none named: all.
        offices: directory identifiers of recipients; none named: all. What concerns the whole letter (its
            acceptance, its rejection) is told whichever are named.
        test: events of test letters, and of no others; by default of real ones, and of no tests. One seal
            is on all events of a subscription.
    """

    url: str
    kinds: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    test: bool = False

    def wants(self, kind: str, office: str | None, test: bool) -> bool:
        """Whether an event is told; ``office`` is None where it concerns the whole letter."""
        if test is not self.test:
            return False
        if self.kinds and kind not in self.kinds:
            return False
        return office is None or not self.offices or office in self.offices


@dataclass(frozen=True)
class Occurrence:
    """One event as a webhook is told it; no personal data, and nothing that a receipt does not state.

    Attributes:
        id: stable over all repeats; the receipt's own identifier, or a ping's.
        kind: of the receipt, or ``ping``; ``event``: the URI in the receipt.
        cursor: the ``after`` by which the feed goes on behind this event.
        address: where the receipt can be fetched; None for a submission that was refused.
    """

    id: str
    kind: str
    time: datetime
    test: bool = False
    event: str | None = None
    cursor: str | None = None
    reference: str | None = None
    message_id: str | None = None
    delivery: str | None = None
    content_digest: str | None = None
    address: str | None = None

    def members(self, hub: str, subscription: str) -> Mapping[str, object]:
        """The payload that is signed: whose event it is, and for which subscription."""
        receipt = {"id": self.id, "href": self.address, "contentDigest": self.content_digest}
        found = {
            "id": self.id,
            "hub": hub,
            "subscription": subscription,
            "kind": self.kind,
            "event": self.event,
            "time": self.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "test": self.test,
            "cursor": self.cursor,
            "reference": self.reference,
            "messageId": self.message_id,
            "delivery": self.delivery,
            "receipt": None if self.content_digest is None else _present(receipt),
        }
        return _present(found)


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def trouble_of(status: int, wait: str, now: datetime) -> DeliveryError | None:
    """What keeps an address from having taken an event, by its answer's status; None when it has it.

    Anything but a success is told again: no answer passes an event over, and a redirect leads nowhere.

    Args:
        wait: the answer's ``Retry-After``, or nothing.
    """
    if 200 <= status < 300:
        return None
    return Temporary(NO_SUCCESS, f"HTTP {status}", asked_to_wait(wait, now))
