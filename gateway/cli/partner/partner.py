"""A party at a hub for programs in Python: everything that its file says, ready to be used."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.contract import Response
from gateway.cli.compose import SignedLetter
from gateway.cli.partner.party_file import read_party_file
from gateway.cli.partner.reasons import reasons_in
from gateway.cli.partner.sealed import check_acceptance, check_rejection
from gateway.cli.posting import hub_client, post_patiently
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import check
from gateway.clients.hub_sender import SenderClient
from gateway.domain.evidence.receipt import Receipt
from gateway.trust.seal import KeySealer

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
_ACCEPTED = (200, 201)
_NEEDED = frozenset({"hub", "hub_code", "party", "key", "certificate"})


class Rejected(Exception):
    """The hub refused the letter; ``reasons`` say why, a line each, ``answer`` is what came."""

    def __init__(self, reasons: Sequence[str], answer: Response) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)
        self.answer = answer


@dataclass(frozen=True)
class Partner:
    """One party at one hub.

    Attributes:
        office: whose inbox is its own; None if it has none.
        trust: the folder under which receipts must be sealed; None believes any seal.
        test: whether it sends tests.
    """

    party: str
    hub_code: str
    sealer: KeySealer
    sender: SenderClient
    inbox: InboxClient
    office: str | None = None
    trust: Path | None = None
    test: bool = False
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_file(cls, file: Path, language: str = "en") -> Partner:
        """The party that a ``party.toml`` describes.

        Raises:
            click.BadParameter: the file cannot be read, or lacks something.
            Misconfigured: key or certificate cannot be used.
        """
        of: dict[str, Any] = read_party_file(file, needed=_NEEDED)
        sealer = KeySealer.from_files(Path(of["key"]), Path(of["cert"]))
        hub = hub_client(of["url"], of["party"], sealer)
        return cls(
            party=of["party"],
            hub_code=of["hub_code"],
            sealer=sealer,
            sender=SenderClient(hub, language),
            inbox=InboxClient(hub, language),
            office=of.get("office"),
            trust=Path(of["trust"]) if "trust" in of else None,
            test=of.get("test", False),
        )

    def now(self) -> datetime:
        return datetime.now(UTC)

    def send(self, letter: SignedLetter, waits: Sequence[float] = _WAITS) -> tuple[Receipt, bytes]:
        """Send a letter until the hub has answered; its acceptance, read from its verified octets.

        Args:
            waits: seconds before each repeat of the same octets, which the hub never takes for another
                letter; it may ask for more.

        Raises:
            Rejected: the hub refused the letter.
            DeliveryError: still no answer; the same letter may be sent again, even days later.
            BadReceipt: what came is no receipt of this letter under a trusted seal.
        """
        answer = post_patiently(self.sender.hub, letter, waits, self.sleep, self.sender.language)
        digest = hashlib.sha256(letter.root).hexdigest()
        if answer.status not in _ACCEPTED:
            reasons = reasons_in(answer)
            check_rejection(answer, digest, self.trust)
            if reasons:
                raise Rejected(reasons, answer)
            check(answer, *_ACCEPTED)
        return check_acceptance(answer, None, digest, self.trust), answer.body
