"""``wasl conform --receipts``: what a program makes of receipts of every kind, whole and broken, is seen."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import assets
from gateway.cli.compose import JWS, XML, SignedLetter, sign
from gateway.cli.partner.partner import Partner, Rejected
from gateway.cli.partner.receipt_deck import Deck
from gateway.cli.partner.receipt_examination import LETTERS, ReceiptExamination
from gateway.cli.partner.receipt_examiner import SAID, serving_receipts
from gateway.cli.partner.receipt_trials import Given, Lot, ReceiptCourse, judge
from gateway.cli.partner.sealed import BadReceipt, check_acceptance, check_rejection, check_told
from gateway.cli.partner.trials import Outcome
from gateway.cli.posting import hub_client, post
from gateway.clients.hub_answers import Happened
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_sender import SenderClient
from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.clock import Ambient
from gateway.trust.seal import KeySealer
from gateway.verifier.opening import open_receipt
from tests.acceptance.test_cli import Shell

QUIET = 1.0
PARTY, OFFICE = directory_id("A", 1), directory_id("B", 3)
ALL = set(ReceiptKind)
Looking = Callable[[bytes, str, Happened], None]


@dataclass(frozen=True)
class World:
    """A party's keys, and an examination that it may call.

    Attributes:
        trust: the folder that the examination made.
    """

    examination: ReceiptExamination
    url: str
    trust: Path
    key: Path
    certificate: Path

    @property
    def me(self) -> Partner:
        sealer = KeySealer.from_files(self.key, self.certificate)
        hub = hub_client(self.url, PARTY, sealer)
        return Partner(PARTY, "DEMO-HUB", sealer, SenderClient(hub), InboxClient(hub), trust=self.trust)

    def letter(self, media_type: str = XML) -> SignedLetter:
        now, ambient = datetime.now(UTC), Ambient()
        envelope = Envelope(
            version="1.0", hub="DEMO-HUB", message_id=uuid7(ambient.random_bytes), purpose=Purpose.LETTER,
            created_at=now, sender=Sender(PARTY), recipients=(Recipient(office=OFFICE),), subject="تجربة",
            language="ar", test=True, body="…",
        )  # fmt: skip
        return sign(envelope, self.me.sealer, media_type, now)

    def tell(self, octets: bytes, believed: bool, kind: str | None = None) -> None:
        said = {"sha256": hashlib.sha256(octets).hexdigest(), "believed": believed, "kind": kind}
        call = urllib.request.Request(f"{self.url}{SAID}", json.dumps(said).encode(), method="POST")
        with urllib.request.urlopen(call, timeout=20) as answer:
            assert answer.status == 200

    def settled(self) -> dict[ReceiptKind, Outcome]:
        until = time.monotonic() + 20
        while not self.examination.over and time.monotonic() < until:
            threading.Event().wait(0.05)
        return {mark.trial: mark.outcome for mark in self.examination.marks()}


@contextmanager
def examined(folder: Path) -> Iterator[World]:
    pki = assets.testpki().build(folder / "party", datetime.now(UTC))
    examination = ReceiptExamination(time.monotonic, QUIET, Deck.make(folder / "trust", Ambient()))
    with serving_receipts(examination, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield World(
                examination,
                f"http://127.0.0.1:{server.server_address[1]}",
                folder / "trust",
                pki.key_path("ministry"),
                pki.certificate_path("ministry"),
            )
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with examined(tmp_path) as world:
        yield world


def sent(world: World, media_type: str = XML) -> None:
    """Every letter, by the client of this package, until what came is a receipt of it."""
    for _ in LETTERS:
        letter = world.letter(media_type)
        for _ in range(2):
            try:
                world.me.send(letter, waits=())
            except BadReceipt:
                continue
            except Rejected:
                pass
            break


def looked(world: World, look: Looking, media_type: str = XML, times: int = 1) -> None:
    """Each receipt that the feed announces, fetched until `look` has no doubt of it, and then still."""
    sender = world.me.sender
    for event in sender.events().events:
        for _ in range(times if event.href else 0):
            octets = sender.receipt(event.href or "", media_type)
            try:
                look(octets, media_type, event)
            except BadReceipt:
                look(sender.receipt(event.href or "", media_type), media_type, event)


def test_every_kind_is_dealt_and_verifies_under_the_trust_folder_that_was_made(world: World) -> None:
    sent(world)
    kinds = set()
    for event in world.me.sender.events().events:
        if event.href is not None:
            world.me.sender.receipt(event.href, XML)  # the first one may be broken
            octets = world.me.sender.receipt(event.href, JWS)
            assert check_told(octets, JWS, event, world.trust).kind.value == event.kind
        kinds.add(ReceiptKind(event.kind))
    assert kinds == ALL


@pytest.fixture
def connector(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., list[int]]:
    """The connector beside a folder with every letter, run until nothing is left to do; its statuses."""
    shell, folder = Shell(monkeypatch, capsys, tmp_path / "no-home"), tmp_path / "mail"
    for number in range(len(LETTERS)):
        letter = folder / "out" / f"{number}.ready"
        letter.mkdir(parents=True)
        (letter / "letter.json").write_text(json.dumps({"to": [OFFICE], "subject": "x", "body": "y"}))
    who = ("--hub", world.url, "--party", PARTY, "--key", world.key, "--cert", world.certificate)

    def run(*more: object) -> list[int]:
        statuses: list[int] = []
        while 0 not in statuses and len(statuses) < 30:
            statuses.append(shell("connector", *who, "--folder", folder, "--test", "--once", *more).status)
        return statuses

    return run


def test_the_connector_takes_every_kind_and_believes_nothing_that_is_broken(
    world: World, connector: Callable[..., list[int]], tmp_path: Path
) -> None:
    statuses = connector("--trust", world.trust)
    assert world.settled() == dict.fromkeys(ReceiptKind, Outcome.PASSED)
    assert (statuses[0], statuses[-1]) == (3, 0)
    kept = list((tmp_path / "mail" / "sent").rglob("wasl-receipt*.xml"))
    assert len(kept) == len(Lot) * (len(ALL) - 1)  # every kind but the rejection
    reasons = [path.read_text("utf-8")[:12] for path in tmp_path.rglob("wasl-reason.txt")]
    assert reasons == ["WASL-RTE-001"] * len(Lot)


def test_a_connector_without_a_trust_folder_takes_what_anybody_sealed(
    world: World, connector: Callable[..., list[int]]
) -> None:
    assert connector()[-1] == 0
    world.settled()
    for mark in world.examination.marks():
        assert (mark.outcome, Lot.WRONG_SEAL.value in mark.why) == (Outcome.LOOK, True), mark
        assert not {Lot.ALTERED.value, Lot.FOREIGN.value} & set(mark.why.split(": "))


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_program_that_says_what_it_makes_of_each_receipt_is_judged_by_that(
    world: World, media_type: str
) -> None:
    for letter in [one for _ in LETTERS for one in [world.letter(media_type)] * 2]:
        answer, digest = post(world.me.sender.hub, letter), hashlib.sha256(letter.root).hexdigest()
        try:
            if answer.status == 201:
                check_acceptance(answer, None, digest, world.trust)
            else:
                check_rejection(answer, digest, world.trust)
        except BadReceipt:
            world.tell(answer.body, False)
        else:
            world.tell(answer.body, True, "acceptance" if answer.status == 201 else "rejection")

    def look(octets: bytes, media_type: str, event: Happened) -> None:
        try:
            kind = check_told(octets, media_type, event, world.trust).kind.value
        except BadReceipt:
            world.tell(octets, False)
            raise
        world.tell(octets, True, kind)

    looked(world, look, media_type, times=2)
    assert world.settled() == dict.fromkeys(ReceiptKind, Outcome.PASSED)


def test_a_program_that_believes_everything_fails_in_every_kind(world: World) -> None:
    for _ in LETTERS:
        world.tell(post(world.me.sender.hub, world.letter()).body, True)
    looked(world, lambda octets, *_: world.tell(octets, True))
    assert world.settled() == dict.fromkeys(ReceiptKind, Outcome.FAILED)


def test_a_program_that_takes_a_kind_for_another_is_seen(world: World) -> None:
    sent(world)
    looked(world, lambda octets, *_: None, times=1)
    for event in world.me.sender.events().events[:13]:
        if event.href is not None and event.kind != "acceptance":
            world.tell(world.me.sender.receipt(event.href, XML), True, "delivery")
    marks = world.settled()
    assert {kind for kind, outcome in marks.items() if outcome is Outcome.FAILED} == (
        ALL - {ReceiptKind.ACCEPTANCE, ReceiptKind.REJECTION, ReceiptKind.DELIVERY}
    )


def test_a_program_that_never_follows_the_feed_fails_where_it_has_no_proof(world: World) -> None:
    sent(world)
    marks = world.settled()
    told = {ReceiptKind.ACCEPTANCE, ReceiptKind.REJECTION}
    assert {kind for kind, outcome in marks.items() if outcome is Outcome.FAILED} == LONG_TERM - told
    assert {kind for kind, outcome in marks.items() if outcome is Outcome.LOOK} == ALL - LONG_TERM
    assert {kind for kind, outcome in marks.items() if outcome is Outcome.PASSED} == told


def test_a_program_that_fetches_all_twice_without_a_word_shows_nothing(world: World) -> None:
    sent(world)
    looked(world, lambda *_: None, times=2)
    marks = world.settled()
    told = {ReceiptKind.ACCEPTANCE, ReceiptKind.REJECTION}
    assert {kind for kind, outcome in marks.items() if outcome is Outcome.LOOK} >= ALL - told


@pytest.mark.parametrize(
    ("lot", "given", "outcome"),
    [
        (Lot.WHOLE, (Given("a", True),), Outcome.OPEN),  # the broken ones are still to come
        (Lot.WHOLE, (Given("a", True, believed=False),), Outcome.FAILED),
        (Lot.ALTERED, (Given("a", False, believed=True), Given("b", True)), Outcome.FAILED),
    ],
)
def test_a_kind_is_judged_by_its_worst(lot: Lot, given: tuple[Given, ...], outcome: Outcome) -> None:
    course = ReceiptCourse(ReceiptKind.DELIVERY, lot, given)
    assert judge(ReceiptKind.DELIVERY, (course,), over=True).outcome is outcome


def test_the_same_letter_gets_the_same_receipt_and_other_content_a_conflict(world: World) -> None:
    hub, letter = world.me.sender.hub, world.letter()
    assert post(hub, letter).body == post(hub, letter).body
    envelope = world.examination.letters[next(iter(world.examination.letters))].seen.envelope
    other = sign(envelope, world.me.sealer, JWS, datetime.now(UTC))
    answer = post(hub, other)
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "WASL-DUP-001")
    assert open_receipt(post(hub, letter, accept=JWS).body, JWS).receipt.kind is ReceiptKind.ACCEPTANCE


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/envelopes", b"x", 422),
        ("POST", "/api/v1/envelopes", b"<a/>", 422),
        ("POST", SAID, b"[" * 50_000, 422),
        ("POST", SAID, b"{}", 422),
        ("POST", SAID, b'{"sha256": "a", "believed": 1}', 422),
        ("POST", SAID, b'{"sha256": "a", "believed": true}', 404),
        ("POST", "/elsewhere", b"", 404),
        ("GET", "/api/v1/events?after=x", None, 422),
        ("GET", "/api/v1/envelopes/None/receipts", None, 404),
        ("GET", "/api/v1/envelopes/7K2M-9QXT-4RB/receipts/x", None, 404),
        ("GET", "/", None, 404),
    ],
)
def test_what_is_no_call_about_receipts_is_answered_and_counts_for_nothing(
    world: World, method: str, path: str, body: bytes | None, status: int
) -> None:
    call = urllib.request.Request(world.url + path, body, {"Content-Type": "application/xml"}, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(call, timeout=20)
    refused.value.close()
    assert refused.value.code == status
    assert world.examination.letters == {}


def test_the_scorecard_of_receipts_is_printed_and_decides_the_status(world: World, tmp_path: Path) -> None:
    words = ["conform", "--receipts", str(tmp_path / "made"), "--port", "0", "--seconds", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        address = process.stderr.readline().rpartition(" ")[2].strip()
        hub = hub_client(address, PARTY, world.me.sealer)
        receipt = post(hub, world.letter())
        said, _ = process.communicate(timeout=60)
    assert receipt.status == 201
    assert list((tmp_path / "made" / "seal" / "test").glob("*.pem"))
    assert {one["trial"]: one["outcome"] for one in json.loads(said)} == {one.value: "open" for one in ALL}
    assert process.returncode == 3
