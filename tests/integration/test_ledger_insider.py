"""An insider with every key of the hub rewrites its ledger: what gives that away, and what does not.

He changes an entry, its receipt, the tiles and all roots, and signs every checkpoint anew. Then he also
rewrites the head that is kept outside the database; then he throws the time-stamps away; then he has the
authority stamp again. Each step silences one watcher, until only people and witnesses are left.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.evidence.ledger import Checkpoint, receipt_entry
from gateway.domain.evidence.merkle import Frontier, leaf_hash
from gateway.exchange.evidence.witness import Contradiction, contradiction
from gateway.trust.note import sign_note
from gateway.trust.seal import KeySealer, sign_xml
from gateway.verifier.beside import Beside
from gateway.verifier.opening import XML, open_receipt
from gateway.verifier.report import Report
from gateway.verifier.seal import Trust
from gateway.verifier.verify import verify_octets
from gateway.wire.receipts import content_digest, receipt_element
from gateway.wire.tlog import read_checkpoint, read_note, read_proof, write_checkpoint
from tests.support.evidence import beside_of, settle, stamp
from tests.support.hub import HubUnderTest, make_hub
from tests.support.ledger import LedgerUnderTest, ledger_of

MOMENT = "%Y-%m-%d %H:%M:%S.%f"


@dataclass(frozen=True)
class World:
    """A hub with a stamped ledger, and what a sender took home before anything was rewritten."""

    hub: HubUnderTest
    ledger: LedgerUnderTest
    receipt: bytes
    beside: Beside
    forged: bytes

    @property
    def at_home(self) -> Checkpoint:
        """The checkpoint in the proof that the sender keeps."""
        assert self.beside.proof is not None
        return read_checkpoint(read_note(read_proof(self.beside.proof).note).text)

    def judge(self, octets: bytes, beside: Beside, later: timedelta = timedelta()) -> Report:
        trust = Trust.load(self.hub.home / "trust")
        now = self.hub.clock() + later
        return verify_octets("r", octets, trust, None, now, beside.proof, beside.token)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    hub = make_hub(tmp_path_factory.mktemp("hub"))
    receipts = []
    for _ in range(3):
        receipts.append(bytes(hub.post(hub.signed()).data))
        settle(hub)
        hub.clock.forward(seconds=60)
    head = tmp_path_factory.mktemp("head")
    shutil.copy(hub.home / "ledger-head", head)
    opened = open_receipt(receipts[0], XML)
    seal = KeySealer.from_files(hub.pki.key_path("hub-seal"), hub.pki.certificate_path("hub-seal"))
    other = replace(opened.receipt, subject="Un autre objet, fictif", nonce="77" * 16)
    assert opened.signed.claimed_time is not None
    forged = sign_xml(receipt_element(other), seal, opened.signed.claimed_time)
    return World(hub, ledger_of(hub, head), receipts[0], beside_of(hub, opened.digest), forged)


@pytest.fixture
def own(world: World, tmp_path: Path) -> LedgerUnderTest:
    """A copy to be rewritten."""
    return world.ledger.copy(tmp_path / "copy")


def rewrite(world: World, ledger: LedgerUnderTest) -> None:
    """Put the forged receipt in the place of the real one, and sign everything anew."""
    real, forged = (open_receipt(octets, XML) for octets in (world.receipt, world.forged))
    entry = receipt_entry(forged.receipt, content_digest(forged.receipt))
    ((row, position),) = ledger.rows(
        "SELECT receipt.id, position FROM receipt JOIN ledger_leaf ON ledger_leaf.receipt = receipt.id "
        "WHERE content_digest = ?",
        real.digest,
    )
    ledger.spoil("UPDATE receipt SET content_digest = ? WHERE id = ?", forged.digest, row)
    statement = "UPDATE ledger_leaf SET octets = ?, hash = ? WHERE position = ?"
    ledger.spoil(statement, entry, leaf_hash(entry), position)
    leaves = [row[0] for row in ledger.rows("SELECT hash FROM ledger_leaf ORDER BY position")]
    ledger.spoil("UPDATE ledger_tile SET hashes = ? WHERE level = 0", b"".join(leaves))
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
        _sign(world, ledger, Checkpoint(ledger.lineages[0].origin, frontier.size, frontier.root()))


def _sign(world: World, ledger: LedgerUnderTest, checkpoint: Checkpoint) -> None:
    key: Any = world.hub.pki["ledger"].key
    note = sign_note(write_checkpoint(checkpoint), checkpoint.origin, key)
    statement = "UPDATE ledger_checkpoint SET root = ?, note = ? WHERE size = ?"
    ledger.spoil(statement, checkpoint.root, note, checkpoint.size)


def rewrite_head(world: World, ledger: LedgerUnderTest) -> None:
    rewrite(world, ledger)
    found = ledger.ledger.checkpoint()
    assert found is not None
    text = write_checkpoint(Checkpoint(found.origin, found.size, found.root))
    (ledger.head / "ledger-head").write_bytes(text)


def drop_tokens(world: World, ledger: LedgerUnderTest) -> None:
    rewrite_head(world, ledger)
    ledger.spoil("DELETE FROM ledger_token")


def stamp_again(
    world: World, ledger: LedgerUnderTest, later: timedelta = timedelta(), at: datetime | None = None
) -> None:
    """Ask the authority for new time-stamps; it tells the time at which it was asked."""
    drop_tokens(world, ledger)
    moment = at or world.hub.clock() + later
    for size, note in ledger.rows("SELECT size, note FROM ledger_checkpoint"):
        octets = stamp(world.hub.pki, note, moment)
        statement = (
            "INSERT INTO ledger_token (ledger, size, stated_at, authority, octets) VALUES (1, ?, ?, '', ?)"
        )
        ledger.spoil(statement, size, moment.strftime(MOMENT), octets)


def shown(ledger: LedgerUnderTest, octets: bytes) -> Beside:
    """What the rewritten ledger gives for a receipt."""
    found = ledger.ledger.inclusion(open_receipt(octets, XML).digest)
    assert found is not None
    return Beside(found.proof, found.token)


def seen(world: World, ledger: LedgerUnderTest) -> Contradiction | None:
    """What anybody finds who kept a checkpoint and asks the ledger to show that it goes on from there."""
    now = ledger.ledger.checkpoint()
    assert now is not None
    proof = ledger.ledger.consistency(world.at_home.size, now.size)
    return contradiction(world.at_home, Checkpoint(now.origin, now.size, now.root), proof)


def same_size(world: World, ledger: LedgerUnderTest) -> Contradiction | None:
    """The same for a checkpoint of the same size, such as that in the proof of the forged receipt."""
    proof = shown(ledger, world.forged).proof
    assert proof is not None
    return contradiction(world.at_home, read_checkpoint(read_note(read_proof(proof).note).text))


def codes(report: Report) -> set[str]:
    return {step.code for step in report.steps}


def own_findings(ledger: LedgerUnderTest) -> Sequence[str]:
    return sorted({finding.code for finding in ledger.check()})


def test_nothing_is_found_before(world: World, own: LedgerUnderTest) -> None:
    assert own_findings(own) == []
    assert seen(world, own) is None
    assert world.judge(world.receipt, world.beside).exit_code == 0


def test_kept_head_and_time_stamps_give_away_what_was_signed_anew(world: World, own: LedgerUnderTest) -> None:
    rewrite(world, own)
    assert own_findings(own) == ["ledger.rolled-back", "ledger.token"]


def test_time_stamps_give_away_a_rewritten_head(world: World, own: LedgerUnderTest) -> None:
    rewrite_head(world, own)
    assert own_findings(own) == ["ledger.token"]
    report = world.judge(world.forged, shown(own, world.forged))
    assert (report.exit_code, "token.imprint" in codes(report)) == (1, True)


def test_a_forged_receipt_without_time_stamps_proves_nothing(world: World, own: LedgerUnderTest) -> None:
    drop_tokens(world, own)
    report = world.judge(world.forged, shown(own, world.forged))
    assert (report.exit_code, "token.none" in codes(report)) == (3, True)


def test_new_time_stamps_come_too_late_for_a_forged_receipt(world: World, own: LedgerUnderTest) -> None:
    later = timedelta(days=2)
    stamp_again(world, own, later)
    report = world.judge(world.forged, shown(own, world.forged), later)
    assert (report.exit_code, "time.late" in codes(report)) == (3, True)


def test_within_a_day_only_people_and_witnesses_are_left(world: World, own: LedgerUnderTest) -> None:
    """Told as it is: neither the hub's own check nor one receipt alone can find this."""
    stamp_again(world, own)
    assert own_findings(own) == []
    assert world.judge(world.forged, shown(own, world.forged)).exit_code == 0
    assert seen(world, own) is Contradiction.INCONSISTENT
    assert same_size(world, own) is Contradiction.OTHER_ROOT


@pytest.mark.parametrize("rewriting", [rewrite, rewrite_head, drop_tokens, stamp_again])
def test_whoever_kept_a_checkpoint_finds_every_rewriting(
    world: World, own: LedgerUnderTest, rewriting: Any
) -> None:
    rewriting(world, own)
    assert seen(world, own) is Contradiction.INCONSISTENT


def test_receipts_in_peoples_hands_stay_good_whatever_the_hub_says_now(
    world: World, own: LedgerUnderTest
) -> None:
    stamp_again(world, own)
    digest = open_receipt(world.receipt, XML).digest
    assert own.ledger.inclusion(digest) is None
    report = world.judge(world.receipt, world.beside)
    assert report.exit_code == 0
    assert {"ledger.included", "token.good"} <= codes(report)


def test_a_stand_in_for_the_authority_is_told(world: World, own: LedgerUnderTest) -> None:
    """An insider who is his own authority can date back at will: the verifier says that nobody vouches."""
    event = open_receipt(world.receipt, XML).receipt.event_time
    stamp_again(world, own, at=event.replace(microsecond=0) + timedelta(seconds=30))
    report = world.judge(world.forged, shown(own, world.forged))
    assert "token.stand-in" in codes(report)
    assert seen(world, own) is Contradiction.INCONSISTENT
