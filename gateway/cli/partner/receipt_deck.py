"""Receipts of every kind about a letter that somebody sent, sealed by authorities made for the occasion."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from zoneinfo import ZoneInfo

from gateway.assets import testpki
from gateway.cli.partner.opened import open_letter
from gateway.domain.errors import Fault
from gateway.domain.evidence import receipt as content
from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.domain.evidence.verdict import Indication, SubIndication
from gateway.domain.identifiers import directory_id, new_reference, uuid7
from gateway.domain.transit.envelope import Envelope
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.issue import Issuing, Ledgers, Seals, stated
from gateway.trust.certificates import certificate_digest
from gateway.trust.seal import KeySealer
from gateway.trust.signed import Signed
from gateway.wire.receipts import content_digest

_POLICY, _LEDGER = "urn:wasl:policy:evidence:1.0", "examined.test/ledger"
_OFFICE, _PARTY = directory_id("B", 9_999_998), directory_id("A", 9_999_998)
_UNREACHED, _REFUSED_AS = "WASL-DLV-001", "WASL-RTE-001"
_LIMIT_DAYS = 30


@dataclass(frozen=True)
class Seen:
    """A letter as it came, of which nothing but the signature was verified."""

    envelope: Envelope
    signed: Signed
    root: bytes
    media_type: str

    @classmethod
    def read(cls, root: bytes, media_type: str, now: datetime) -> Seen:
        """Raises:
        Refused: nobody signed it, or it is no envelope.
        """
        opened = open_letter(root, media_type, None, now)
        return cls(opened.envelope, opened.signed, root, media_type)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.root).hexdigest()


@dataclass(frozen=True)
class Deck:
    """Makes receipts, and seals them well or with a party's certificate.

    Attributes:
        good: seals as a hub does, under the trust folder that was written.
        party: seals with a certificate of the same folder that is a party's.
    """

    good: Issuing
    party: Issuing
    _sealed: dict[tuple[str, str, bool], bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, trust: Path, ambient: Ambient) -> Deck:
        """Make authorities, write what one trusts of them into ``trust``, and keep their keys nowhere."""
        with tempfile.TemporaryDirectory() as folder:
            pki = testpki().build(Path(folder), ambient.now())
            copytree(pki.trust, trust)
            real, test, party = (
                KeySealer.from_files(pki.key_path(name), pki.certificate_path(name))
                for name in ("hub-seal", "test-seal", "ministry")
            )
        issuer = content.Issuer("EXAMINED", "Hub of an examination", "zz")
        ledgers = Ledgers(_LEDGER, f"{_LEDGER}/test")
        good = Issuing(issuer, _POLICY, ZoneInfo("UTC"), Seals(real, test), ambient, ledgers)
        return cls(good, dataclasses.replace(good, seals=Seals(party, party)))

    def octets(self, receipt: content.Receipt, media_type: str, wrong: bool = False) -> bytes:
        """One rendering, the same octets each time."""
        key = (receipt.receipt_id, media_type, wrong)
        if key not in self._sealed:
            self._sealed[key] = (self.party if wrong else self.good).seal(receipt, media_type).octets
        return self._sealed[key]

    def copy(self, receipt: content.Receipt, media_type: str) -> bytes:
        """A good rendering with octets of its own."""
        return self.good.seal(receipt, media_type).octets

    def rejection(self, seen: Seen) -> content.Receipt:
        """That the letter is refused, as one for an office that nobody knows."""
        now = self.good.ambient.now()
        facts = {"reasons": stated((Fault(_REFUSED_AS, "/recipients/0"),)), **_about(seen, now)}
        return self.good.make(ReceiptKind.REJECTION, Event.SUBMISSION_REJECTION, now, **facts)

    def chain(self, seen: Seen) -> tuple[content.Receipt, ...]:
        """The acceptance, and one receipt of every kind that may follow it.

        An office takes the letter from its inbox, registers it, begins, and passes it on; the one after it
        is served by another hub, by mail, and in vain.
        """
        random, now = self.good.ambient.random_bytes, self.good.ambient.now()
        office = seen.envelope.recipients[0].office or _OFFICE
        first, second = (
            content.Addressee(office, _PARTY, "Office of an examination", uuid7(random)) for _ in range(2)
        )
        about = _about(seen, now) | {"reference": new_reference(random)}
        to_first: dict[str, Any] = {"recipients": (first,), **about}
        accepted = self.good.make(ReceiptKind.ACCEPTANCE, Event.SUBMISSION_ACCEPTANCE, now, **to_first)
        made = [accepted]
        for to, steps in ((first, _handed_over(first, second, now)), (second, _in_vain())):
            last = content_digest(accepted)
            for kind, event, facts in steps:
                one = self.good.make(kind, event, now, recipient=to, predecessor=last, **facts, **about)
                last = content_digest(one)
                made.append(one)
        return tuple(made)


_Step = tuple[ReceiptKind, Event, dict[str, Any]]


def _handed_over(to: content.Addressee, successor: content.Addressee, now: datetime) -> tuple[_Step, ...]:
    end = (now + timedelta(days=_LIMIT_DAYS)).date()
    limit = content.TimeLimit(
        True, "examined", now, _LIMIT_DAYS, content.DayKind.CALENDAR, end=end, silence=content.Silence.NOTHING
    )
    claimed = {"stated_by": to.name, "stated_time": now}
    registered = content.Registered("2026/4712", now.astimezone(UTC).date())
    return (
        (ReceiptKind.AVAILABILITY, Event.CONTENT_CONSIGNMENT, {"place": content.Place.INBOX}),
        (
            ReceiptKind.NOTIFICATION,
            Event.CONSIGNMENT_NOTIFICATION,
            {"notified": content.Notified("email")},
        ),
        (ReceiptKind.ACCESS, Event.CONTENT_ACCESS_TRACKING, {"accessed_by": to.name}),
        (
            ReceiptKind.DELIVERY,
            Event.CONTENT_HANDOVER,
            {
                "handover": content.Handover(acknowledged_by=to.name),
                "outcome": content.Outcome("HANDED_OVER"),
            },
        ),
        (ReceiptKind.REGISTRATION, Event.REGISTERED, {"registered": registered, **claimed}),
        (ReceiptKind.TIME_LIMIT, Event.TIME_LIMIT, {"time_limit": limit}),
        (ReceiptKind.PROGRESS, Event.PROGRESS, {"progress": "IN_PROGRESS", **claimed}),
        (
            ReceiptKind.OUTCOME,
            Event.REDIRECTED,
            {"outcome": content.Outcome("REDIRECTED", to.name, successor.delivery), **claimed},
        ),
    )


def _in_vain() -> tuple[_Step, ...]:
    relay = content.Relay("OTHER-HUB", "4711")
    return (
        (ReceiptKind.RELAY, Event.RELAY_ACCEPTANCE, {"relay": relay, "stated_by": relay.hub}),
        (ReceiptKind.MAILED, Event.RELAY_TO_NON_ERDS, {"notified": content.Notified("email")}),
        (
            ReceiptKind.NON_DELIVERY,
            Event.CONTENT_HANDOVER_FAILURE,
            {"outcome": content.Outcome("FAILED"), "reasons": stated((Fault(_UNREACHED),))},
        ),
    )


def _about(seen: Seen, now: datetime) -> dict[str, Any]:
    """What every receipt states of the letter; its signer was not judged here."""
    envelope, signed = seen.envelope, seen.signed
    fingerprint = certificate_digest(signed.certificate)
    untried = (Indication.INDETERMINATE, SubIndication.NO_CERTIFICATE_CHAIN_FOUND)
    return {
        "test": envelope.test,
        "message_id": envelope.message_id,
        "subject": envelope.subject,
        "authenticated_by": content.Authentication.OWN_SIGNATURE,
        "submitted_at": now,
        "sender": content.Submitter(envelope.sender.party, "Sender of an examination"),
        "signer": signed.level and content.Signer(fingerprint, signed.level, *untried, signed.claimed_time),
        "received": content.Octets(seen.sha256, seen.media_type, len(seen.root)),
        "attachments": tuple(
            content.AttachmentDigest(one.id, one.name, one.media_type, one.size, one.sha256)
            for one in envelope.attachments
        ),
    }
