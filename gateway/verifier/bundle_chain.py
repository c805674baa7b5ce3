"""Judges whether receipts belong together: one letter, an unbroken chain per delivery, times in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.domain.evidence.receipt import Event, Receipt, ReceiptKind
from gateway.domain.transit.states import OUTCOMES, Transport
from gateway.verifier.report import Status, Step

_BECAME = {
    Transport.HANDED_OVER.value: "bundle.handed-over",
    Transport.REFUSED.value: "bundle.refused",
    Transport.REDIRECTED.value: "bundle.redirected",
    Transport.EXPIRED.value: "bundle.expired",
    Transport.FAILED.value: "bundle.failed",
    Transport.CANCELLED.value: "bundle.cancelled",
}
_BY_KIND = {
    ReceiptKind.DELIVERY: Transport.HANDED_OVER.value,
    ReceiptKind.NON_DELIVERY: Transport.FAILED.value,
}
_LATER = {Event.LATE_HANDOVER: "bundle.late", Event.RESENT: "bundle.resent"}
"""What may follow the outcome, which stays."""
_OUTCOMES = frozenset(state.value for state in OUTCOMES)


@dataclass(frozen=True)
class Link:
    """One receipt in a bundle."""

    file: str
    digest: str
    receipt: Receipt

    @property
    def delivery(self) -> str | None:
        return self.receipt.recipient.delivery if self.receipt.recipient is not None else None

    @property
    def outcome(self) -> str | None:
        """The transport state that it reports as the end of its delivery, if it does."""
        stated = self.receipt.outcome.state if self.receipt.outcome is not None else None
        return stated if stated in _OUTCOMES else _BY_KIND.get(self.receipt.kind)


def find_acceptance(links: Sequence[Link]) -> Link | None:
    """The one acceptance; None where there is none or more than one."""
    found = [link for link in links if link.receipt.kind is ReceiptKind.ACCEPTANCE]
    return found[0] if len(found) == 1 else None


def judge_links(links: Sequence[Link], acceptance: Link) -> Iterator[Step]:
    """The steps about what the receipts have to do with one another."""
    foreign = [link for link in links if not _same_letter(link.receipt, acceptance.receipt)]
    for link in foreign:
        yield Step("bundle.foreign", Status.BAD, {"name": link.file})
    own = [link for link in links if link not in foreign]
    faults = [*_twice(own), *_chained(own, acceptance), *_addressed(own, acceptance)]
    yield from faults
    if not faults and not foreign:
        yield Step("bundle.chained", Status.GOOD, {"count": str(len(own))})


def became(links: Sequence[Link], acceptance: Link) -> Iterator[Step]:
    """What became of each delivery, as its receipts say."""
    names = {one.delivery: one.name for one in acceptance.receipt.recipients}
    names |= {link.delivery: link.receipt.recipient.name for link in links if link.receipt.recipient}
    for delivery, name in names.items():
        ends = [link for link in links if link.delivery == delivery and link.outcome is not None]
        end = min(ends, key=lambda link: link.receipt.event_time, default=None)
        if end is None:
            yield Step("bundle.open", Status.NOTE, {"recipient": name})
            continue
        values = {"recipient": name, "time": end.receipt.event_time.isoformat(timespec="seconds")}
        unknown = end.receipt.outcome is not None and end.receipt.outcome.unknown
        code = "bundle.unknown" if unknown else _BECAME[end.outcome or ""]
        yield Step(code, Status.NOTE, values)
        for later in ends:
            if later.receipt.event in _LATER:
                told = later.receipt.event_time.isoformat(timespec="seconds")
                yield Step(_LATER[later.receipt.event], Status.NOTE, {"recipient": name, "time": told})


def _same_letter(receipt: Receipt, accepted: Receipt) -> bool:
    return all(
        getattr(receipt, name) == getattr(accepted, name)
        for name in ("reference", "message_id", "test", "received", "sender")
    ) and (receipt.issuer.hub == accepted.issuer.hub)


def _twice(links: Sequence[Link]) -> Iterator[Step]:
    """A receipt under two names, and two receipts that cite the same one in one delivery."""
    seen: dict[str, str] = {}
    followed: dict[tuple[str | None, str], str] = {}
    for link in links:
        if link.digest in seen:
            yield Step("bundle.repeated", Status.BAD, {"name": link.file, "other": seen[link.digest]})
            continue
        seen[link.digest] = link.file
        place = (link.delivery, link.receipt.predecessor or "")
        if link.receipt.predecessor is not None and place in followed:
            yield Step("bundle.forked", Status.BAD, {"name": link.file, "other": followed[place]})
        followed[place] = link.file


def _chained(links: Sequence[Link], acceptance: Link) -> Iterator[Step]:
    by_digest = {link.digest: link for link in links}
    for link in links:
        if link.digest == acceptance.digest:
            continue
        before = by_digest.get(link.receipt.predecessor or "")
        if before is None:
            yield Step("bundle.gap", Status.BAD, {"name": link.file})
        elif before.digest != acceptance.digest and before.delivery != link.delivery:
            yield Step("bundle.other-chain", Status.BAD, {"name": link.file, "other": before.file})
        elif link.receipt.event_time < before.receipt.event_time:
            yield Step("bundle.backwards", Status.BAD, {"name": link.file, "other": before.file})


def _addressed(links: Sequence[Link], acceptance: Link) -> Iterator[Step]:
    """Every receipt is of a delivery that the acceptance promises, or that succeeds another."""
    promised = {one.delivery for one in acceptance.receipt.recipients}
    promised |= {link.receipt.outcome.successor for link in links if link.receipt.outcome is not None}
    for link in links:
        if link.delivery is not None and link.delivery not in promised:
            yield Step("bundle.other-delivery", Status.BAD, {"name": link.file})
