"""The story: letters are sent through the hub's door, followed, and everything they left is verified."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.contract import Response
from gateway.cli.compose import JWS, XML, SignedLetter, sign
from gateway.cli.demo.judges import judge
from gateway.cli.demo.letters import OFFICE_NAMES, Draft
from gateway.cli.demo.proofs import LONG_TERM, PDF, Proofs
from gateway.cli.posting import hub_client, post
from gateway.clients.hub import HubClient
from gateway.trust.seal import KeySealer
from gateway.verifier.verify import verify_file

SUFFIX = {XML: ".xml", JWS: ".jws"}
RESTING = frozenset(
    {"HANDED_OVER", "AVAILABLE", "HELD", "REFUSED", "REDIRECTED", "EXPIRED", "FAILED", "CANCELLED"}
)
ARRIVED = frozenset({"HANDED_OVER", "AVAILABLE"})
_PATIENCE_S = 30.0

Say = Callable[[str], None]


@dataclass
class Told:
    """One letter of the story and what became of it."""

    draft: Draft
    status: int = 0
    reference: str | None = None
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Story:
    """Tells the letters' way as it happens.

    Attributes:
        folder: where envelopes, receipts and the trust folder are left.
        keys: the home that holds the senders' keys and certificates.
        say: one line to whoever watches.
    """

    url: str
    folder: Path
    keys: Path
    say: Say
    told: list[Told] = field(default_factory=list)
    sent: dict[int, SignedLetter] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def tell(self, draft: Draft, patience: float | None = None) -> Told:
        """Sign, send and follow one letter, and verify every receipt it brings.

        Args:
            patience: seconds after which a letter may go on by itself; None where it must come to rest.
        """
        told = Told(draft)
        self.told.append(told)
        self.say(f"{draft.number:02d} {draft.title}")
        sealer = self._sealer(draft.signer)
        letter = sign(draft.envelope, sealer, draft.media_type, datetime.now(UTC), draft.files)
        self.sent[draft.number] = letter
        self._keep(told, f"{self._stem(draft)}-envelope{SUFFIX[draft.media_type]}", letter.root)
        client = hub_client(self.url, draft.party, sealer)
        answer = post(client, letter)
        told.status = answer.status
        if answer.status == 201:
            self._accepted(told, client, answer, patience)
        else:
            self._refused(told, client, answer)
        return told

    def repeat(self, told: Told, number: int) -> bool:
        """Send the same octets again; whether the receipt is the same, byte for byte."""
        draft = told.draft
        self.say(f"{number:02d} the same letter once more, as after a lost answer")
        client = hub_client(self.url, draft.party, self._sealer(draft.signer))
        answer = post(client, self.sent[draft.number])
        first = self.folder / f"{self._stem(draft)}-receipt-acceptance{SUFFIX[draft.media_type]}"
        same = answer.status == 200 and first.exists() and answer.body == first.read_bytes()
        name = f"{number:02d}-{draft.name}-repeat-receipt-acceptance{SUFFIX[draft.media_type]}"
        self._keep(told, name, answer.body)
        if same:
            self._prove(told, client, name)
        self._check(told, name)
        self.say("   the identical receipt came back" if same else "   ANOTHER RECEIPT CAME BACK")
        if not same:
            self.faults.append("a repeat brought another receipt")
        return same

    def catch_up(self, told: Told) -> None:
        """See what became of a letter that went on by itself, and fetch the receipts it has brought."""
        if told.reference is None or _at_rest(told.deliveries):
            return
        client = hub_client(self.url, told.draft.party, self._sealer(told.draft.signer))
        told.deliveries = self._follow(client, told.reference, 0)
        if _at_rest(told.deliveries):
            self._receipts(told, client)

    def _accepted(self, told: Told, client: HubClient, answer: Response, patience: float | None) -> None:
        told.reference = answer.headers["location"].rpartition("/")[2]
        self.say(f"   accepted under {told.reference}")
        told.deliveries = self._follow(client, told.reference, patience)
        for delivery in told.deliveries:
            self.say("   " + sentence(delivery))
            if patience is None and delivery["state"] not in ARRIVED:
                self.faults.append(f"{told.reference} did not reach {delivery['name']}")
        self._receipts(told, client)

    def _refused(self, told: Told, client: HubClient, answer: Response) -> None:
        name = f"{self._stem(told.draft)}-receipt-rejection{SUFFIX[told.draft.media_type]}"
        self._keep(told, name, answer.body)
        self._prove(told, client, name)
        report = self._check(told, name)
        if report.receipt is not None:
            self._refused_on_paper(told, client, name)
        reasons = report.receipt.reasons if report.receipt is not None else ()
        for reason in reasons:
            told.problems.append(f"{reason.code}: {reason.text}")
            self.say(f"   refused: {reason.code} {reason.text} ({reason.where})")
        if not reasons:
            self.faults.append(f"letter {told.draft.number} was neither accepted nor refused with a receipt")

    def _refused_on_paper(self, told: Told, client: HubClient, name: str) -> None:
        """The same refusal as PDF: sent again, the same octets bring the form that is asked for."""
        answer = post(client, self.sent[told.draft.number], accept=PDF)
        if answer.headers.get("content-type") == PDF:
            self._keep(told, f"{name.rpartition('.')[0]}.pdf", answer.body)
            self._check(told, told.files[-1])

    def _follow(self, client: HubClient, reference: str, patience: float | None) -> list[dict[str, Any]]:
        """The deliveries once each has come to rest, or as they are when patience ends."""
        deadline = time.monotonic() + (_PATIENCE_S if patience is None else patience)
        while True:
            deliveries: list[dict[str, Any]] = json.loads(client.letter(reference).body)["deliveries"]
            if _at_rest(deliveries):
                return deliveries
            if time.monotonic() > deadline:
                if patience is None:
                    self.faults.append(f"{reference} did not come to rest")
                return deliveries
            time.sleep(0.2)

    def _receipts(self, told: Told, client: HubClient) -> None:
        offices = {delivery["id"]: delivery["office"] for delivery in told.deliveries}
        for receipt in client.receipts(told.reference or ""):
            kind = receipt["kind"].replace(" ", "-")
            office = OFFICE_NAMES.get(offices.get(receipt["delivery"], ""), "")
            stem = f"{self._stem(told.draft)}-receipt-{kind}" + (f"-{office}" if office else "")
            if f"{stem}{SUFFIX[told.draft.media_type]}" not in told.files:
                self._receipt(told, client, receipt, stem)
        if _at_rest(told.deliveries):
            name = f"{self._stem(told.draft)}-evidence.asice"
            self._keep(told, name, Proofs(client).bundle(told.reference or ""))
            self._check(told, name)

    def _receipt(self, told: Told, client: HubClient, receipt: dict[str, Any], stem: str) -> None:
        """One receipt in the letter's own syntax, as PDF, and in its long-term form, with its proofs."""
        own, href, proofs = told.draft.media_type, receipt["href"], Proofs(client)
        names = [f"{stem}{SUFFIX[own]}", f"{stem}.pdf"]
        self._keep(told, names[0], proofs.rendering(href, own))
        self._keep(told, names[1], proofs.rendering(href, PDF))
        if receipt["kind"] == "acceptance":
            media_type, ending = LONG_TERM[own]
            names.append(stem + ending)
            self._keep(told, names[2], proofs.rendering(f"{href}?level=T", media_type))
        for name in (names[0], *names[2:]):
            self._prove(told, client, name)
        for name in names:
            self._check(told, name)

    def _prove(self, told: Told, client: HubClient, name: str) -> None:
        """Fetch what shows the receipt's place in the ledger, and when it had it."""
        report = verify_file(self.folder / name, self.folder / "trust", None, datetime.now(UTC))
        if report.content_digest is not None:  # else it is no receipt, and told as that
            proof, token = Proofs(client).beside(report.content_digest, self.folder / name)
            told.files += [proof.name, token.name]

    def _check(self, told: Told, name: str) -> Any:
        """Verify a file here and by independent tools, and say what they found."""
        path, trust = self.folder / name, self.folder / "trust"
        report = verify_file(path, trust, None, datetime.now(UTC))
        words = {None: "is not installed", True: "agrees", False: "DISAGREES"}
        opinions = judge(path, trust)
        said = ", ".join(f"{tool} {words[agrees]}" for tool, agrees in opinions)
        self.say(f"   {name}: {'good' if report.exit_code == 0 else 'NOT GOOD'}; {said}")
        if report.exit_code != 0:
            self.say(f"   {report.sentence('en')}")
        if report.exit_code != 0 or any(agrees is False for _, agrees in opinions):
            self.faults.append(f"{name} does not verify")
        return report

    def _keep(self, told: Told, name: str, octets: bytes) -> None:
        (self.folder / name).write_bytes(octets)
        told.files.append(name)

    def _stem(self, draft: Draft) -> str:
        return f"{draft.number:02d}-{draft.name}"

    def _sealer(self, name: str) -> KeySealer:
        return KeySealer.from_files(
            self.keys / "keys" / f"{name}.pem", self.keys / "certificates" / f"{name}.pem"
        )


def _at_rest(deliveries: list[dict[str, Any]]) -> bool:
    return all(delivery["state"] in RESTING for delivery in deliveries)


def sentence(delivery: dict[str, Any]) -> str:
    """What became of one delivery, in words."""
    role, state = OFFICE_NAMES.get(delivery["office"]), delivery["state"]
    name = f"the {role}" if role else delivery["name"]
    if state == "HANDED_OVER":
        number = delivery["registerNumber"] or delivery["targetReference"]
        return f"handed over to {name}, which registered it under {number}"
    if state == "AVAILABLE":
        return f"available to {name} in the hub's own order office"
    return f"{name}: {state}"
