"""The ledger of a hub: receipts take their places, checkpoints are signed, proofs lead to them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Damaged, GatewayFault, Misconfigured, NotFound, Refused, Unavailable
from gateway.domain.evidence.ledger import Checkpoint, cited
from gateway.domain.evidence.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.evidence import sequencer as module
from gateway.exchange.evidence.ledger_key import LedgerKey
from gateway.exchange.evidence.sequencer import Pace, SequencedLedger
from gateway.trust.note import WITNESS, cosign, read_vkeys, verifier_key, verify_note
from gateway.wire.tlog import read_checkpoint, read_note, read_proof, write_checkpoint
from tests.support.hub import TEST_OFFICE, HubUnderTest, make_hub
from tests.support.ledger import LedgerUnderTest, ledger_of


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def letters(hub: HubUnderTest, count: int, **changes: Any) -> None:
    for _ in range(count):
        assert hub.post(hub.signed(hub.envelope(**changes))).status_code == 201


@pytest.fixture(scope="module")
def grown(hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory) -> LedgerUnderTest:
    """Seven real receipts in checkpoints of 3, 6 and 7, one of a test in its own ledger."""
    ledger = ledger_of(hub, tmp_path_factory.mktemp("head"))
    letters(hub, 7)
    letters(hub, 1, test=True, recipients=(Recipient(office=TEST_OFFICE),))
    ledger.sequencer(Pace(3, timedelta())).run()
    return ledger


@pytest.fixture
def own(grown: LedgerUnderTest, tmp_path: Path) -> LedgerUnderTest:
    """A copy for a test that changes it."""
    return grown.copy(tmp_path / "copy")


@pytest.fixture
def waiting(hub: HubUnderTest, grown: LedgerUnderTest, tmp_path: Path) -> LedgerUnderTest:
    """A copy in which six more receipts wait."""
    before = grown.copy(tmp_path / "copy")
    pending = (
        "INSERT INTO ledger_pending (test, octets, receipt, purge, since) SELECT 0, octets, receipt, purge, ?"
    )
    since = before.ambient.now().strftime("%Y-%m-%d %H:%M:%S.%f")
    before.spoil(f"{pending} FROM ledger_leaf WHERE ledger = 1 ORDER BY position", since)
    for table in ("leaf", "tile", "checkpoint"):
        before.spoil(f"DELETE FROM ledger_{table} WHERE ledger = 1")
    (before.head / "ledger-head").unlink()
    return before


@pytest.fixture
def started(waiting: LedgerUnderTest) -> LedgerUnderTest:
    """The same with the first entry in its place, so that there is a head to keep."""
    first = "(SELECT min(id) FROM ledger_pending)"
    waiting.spoil(f"CREATE TABLE aside AS SELECT * FROM ledger_pending WHERE id > {first}")
    waiting.spoil("DELETE FROM ledger_pending WHERE id IN (SELECT id FROM aside)")
    waiting.sequencer().run()
    waiting.spoil("INSERT INTO ledger_pending SELECT * FROM aside")
    waiting.spoil("DROP TABLE aside")
    return waiting


def digests(ledger: LedgerUnderTest) -> list[str]:
    joined = "receipt JOIN ledger_leaf ON receipt = receipt.id"
    return [row[0] for row in ledger.rows(f"SELECT content_digest FROM {joined} ORDER BY ledger, position")]


def sizes(ledger: LedgerUnderTest) -> list[int]:
    return [
        row[0] for row in ledger.rows("SELECT size FROM ledger_checkpoint WHERE ledger = 1 ORDER BY size")
    ]


def test_every_receipt_has_its_place_and_every_checkpoint_its_signature(grown: LedgerUnderTest) -> None:
    assert grown.rows("SELECT count(*) FROM ledger_pending") == [(0,)]
    assert grown.rows("SELECT ledger, position FROM ledger_leaf ORDER BY 1, 2") == [
        *((1, position) for position in range(7)),
        (2, 0),
    ]
    assert sizes(grown) == [3, 6, 7]
    assert grown.rows("SELECT count(*) FROM ledger_checkpoint WHERE note IS NULL") == [(0,)]
    assert grown.check() == []


def test_checkpoints_verify_under_the_published_keys_of_their_ledger_alone(grown: LedgerUnderTest) -> None:
    for test, folder, other in ((False, "ledger", "ledger/test"), (True, "ledger/test", "ledger")):
        latest = grown.ledger.checkpoint(test)
        assert latest is not None
        note = read_note(latest.note)
        assert read_checkpoint(note.text) == Checkpoint(latest.origin, latest.size, latest.root)
        assert verify_note(note, read_vkeys(grown.trust / folder), latest.origin)
        assert not verify_note(note, read_vkeys(grown.trust / other), latest.origin)


def test_every_receipt_is_proved_by_the_first_checkpoint_over_it(grown: LedgerUnderTest) -> None:
    octets = [row[0] for row in grown.rows("SELECT octets FROM ledger_leaf ORDER BY ledger, position")]
    found = [grown.ledger.inclusion(digest) for digest in digests(grown)]
    assert [one and one.checkpoint.size for one in found] == [3, 3, 3, 6, 6, 6, 7, 1]
    for one, entry in zip(found, octets, strict=True):
        assert one is not None
        assert one.token is None
        proof = read_proof(one.proof)
        assert proof.note == one.checkpoint.note
        size, root = one.checkpoint.size, one.checkpoint.root
        assert verify_inclusion(leaf_hash(entry), proof.index, size, proof.hashes, root)


def test_place_and_time_of_an_entry(grown: LedgerUnderTest) -> None:
    assert grown.ledger.entry(digests(grown)[4]) == (4, grown.ambient.now())
    assert grown.ledger.entry("0" * 64) is None
    assert grown.ledger.inclusion("0" * 64) is None


def test_the_earliest_time_stamped_checkpoint_is_chosen(own: LedgerUnderTest) -> None:
    at = own.ambient.now().strftime("%Y-%m-%d %H:%M:%S.%f")
    insert = "INSERT INTO ledger_token (ledger, size, stated_at, authority, octets) VALUES (1, ?, ?, 'a', ?)"
    own.spoil(insert, 7, at, b"last")
    own.spoil(insert, 6, at, b"first")
    chosen = own.ledger.inclusion(digests(own)[0])
    assert chosen is not None
    assert (chosen.checkpoint.size, chosen.token) == (6, b"first")
    assert own.ledger.token(7) == b"last"
    assert own.ledger.token(3) is None


def test_consistency_is_proved_between_all_sizes(grown: LedgerUnderTest) -> None:
    roots = dict(grown.rows("SELECT size, root FROM ledger_checkpoint WHERE ledger = 1"))
    for old, old_root in roots.items():
        for new, new_root in roots.items():
            if old <= new:
                hashes = grown.ledger.consistency(old, new)
                assert verify_consistency(old, old_root, new, new_root, hashes)


@pytest.mark.parametrize(("old", "new"), [(3, 8), (4, 3), (-1, 3)])
def test_consistency_with_what_is_not_signed_is_refused(grown: LedgerUnderTest, old: int, new: int) -> None:
    with pytest.raises(NotFound):
        grown.ledger.consistency(old, new)


def test_tiles_and_entries_are_those_of_the_tree(grown: LedgerUnderTest) -> None:
    rows = grown.rows("SELECT octets, hash FROM ledger_leaf WHERE ledger = 1 ORDER BY position")
    assert grown.ledger.tile(0, 0, 7) == b"".join(digest for _, digest in rows)
    assert grown.ledger.tile(0, 0, 3) == b"".join(digest for _, digest in rows[:3])
    bundle = grown.ledger.entries(0, 7)
    assert bundle == b"".join(len(octets).to_bytes(2, "big") + octets for octets, _ in rows)


@pytest.mark.parametrize(
    ("level", "number", "width"), [(0, 0, 8), (0, 0, 0), (0, 1, 1), (1, 0, 1), (8, 0, 1)]
)
def test_tiles_that_are_not_signed_are_not_there(
    grown: LedgerUnderTest, level: int, number: int, width: int
) -> None:
    assert grown.ledger.tile(level, number, width) is None
    if level == 0:
        assert grown.ledger.entries(number, width) is None


def test_ledger_without_entries_has_nothing_to_show(hub: HubUnderTest, waiting: LedgerUnderTest) -> None:
    waiting.spoil("DELETE FROM ledger_pending")
    waiting.sequencer().run()
    assert waiting.ledger.checkpoint() is None
    assert waiting.ledger.tile(0, 0, 1) is None
    assert waiting.ledger.cosignatures(1) == []
    assert not (waiting.head / "ledger-head").exists()


def test_entries_wait_until_a_checkpoint_is_due(hub: HubUnderTest, waiting: LedgerUnderTest) -> None:
    slow = waiting.sequencer(Pace(8, timedelta(seconds=60)))
    slow.run()
    assert sizes(waiting) == []
    with hub.clock.moved(seconds=60):
        slow.run()
    assert sizes(waiting) == [7]


def test_enough_entries_make_a_checkpoint_due(waiting: LedgerUnderTest) -> None:
    waiting.sequencer(Pace(3, timedelta(days=1))).run()
    assert sizes(waiting) == [3, 6]


def test_clock_that_was_set_back_keeps_no_entry_waiting(hub: HubUnderTest, own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM ledger_leaf WHERE ledger = 1 AND position = 6")
    own.spoil("DELETE FROM ledger_checkpoint WHERE ledger = 1 AND size = 7")
    tile = own.rows("SELECT hashes FROM ledger_tile WHERE ledger = 1")[0][0]
    own.spoil("UPDATE ledger_tile SET hashes = ? WHERE ledger = 1", tile[: 6 * 32])
    receipt, octets = own.rows(
        "SELECT receipt.id, 'x' FROM receipt WHERE id NOT IN (SELECT receipt FROM ledger_leaf)"
    )[0]
    since = own.ambient.now().strftime("%Y-%m-%d %H:%M:%S.%f")
    statement = "INSERT INTO ledger_pending (test, octets, receipt, since) VALUES (0, ?, ?, ?)"
    own.spoil(statement, octets.encode(), receipt, since)
    (own.head / "ledger-head").write_bytes(_head(own, 6))
    with hub.clock.moved(hours=-2):
        own.sequencer(Pace(8, timedelta(seconds=60))).run()
    made = own.rows("SELECT made_at FROM ledger_checkpoint WHERE ledger = 1 ORDER BY size")
    assert len(made) == 3
    assert made == sorted(made), "checkpoints never go back in time"


def _head(ledger: LedgerUnderTest, size: int) -> bytes:
    root = ledger.rows("SELECT root FROM ledger_checkpoint WHERE ledger = 1 AND size = ?", size)[0][0]
    return write_checkpoint(Checkpoint(ledger.lineages[0].origin, size, root))


class DeadKey:
    """A key whose security module does not answer until it is mended."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.real, self.dead = key, True

    def public_key(self) -> Any:
        return self.real.public_key()

    def sign(self, data: bytes) -> bytes:
        if self.dead:
            raise OSError("the security module does not answer")
        return self.real.sign(data)


def test_entries_are_committed_while_the_signature_is_out_and_signed_later(waiting: LedgerUnderTest) -> None:
    real, test = waiting.sequenced
    dead: Any = DeadKey(real.key.key)
    waiting.sequenced = (replace(real, key=replace(real.key, key=dead)), test)
    with pytest.raises(Unavailable):
        waiting.sequencer(Pace(3, timedelta())).run()
    with pytest.raises(Unavailable):
        waiting.sequencer().run()
    assert sizes(waiting) == [3, 6, 7]
    assert waiting.ledger.checkpoint() is None, "what is not signed is not shown"
    assert waiting.ledger.entry(digests(waiting)[0]) is None
    dead.dead = False
    waiting.sequencer().run()
    assert waiting.check() == []
    assert len(waiting.rows("SELECT 1 FROM ledger_checkpoint WHERE note IS NOT NULL")) == 4


class Crash(Exception):
    """The process died here."""


@pytest.mark.parametrize("step", ["_keep_head", "_sign"])
def test_crash_between_the_steps_heals(
    waiting: LedgerUnderTest, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer = waiting.sequencer(Pace(3, timedelta()))
    with monkeypatch.context() as patch:

        def crash(*_: Any) -> None:
            raise Crash

        patch.setattr(type(sequencer), step, crash)
        with pytest.raises(Crash):
            sequencer.run()
    sequencer.run()
    assert sizes(waiting) == [3, 6, 7]
    assert waiting.check() == []
    assert (waiting.head / "ledger-head").read_bytes() == _head(waiting, 7)


def test_turn_is_skipped_while_another_leads(waiting: LedgerUnderTest, tmp_path: Path) -> None:
    with waiting.lineages[0].head.lead() as leading:
        assert leading
        other = waiting.sequencer()
        thread = Thread(target=other.run)
        thread.start()
        thread.join()
    assert sizes(waiting) == []
    waiting.sequencer().run()
    assert sizes(waiting) == [7]


def _sequence(ledger: LedgerUnderTest) -> None:
    ledger.sequencer(Pace(1, timedelta())).run()


def test_two_sequencers_in_threads_make_one_ledger(started: LedgerUnderTest, tmp_path: Path) -> None:
    """The second one keeps its heads elsewhere, so that no lock of files holds it back."""
    other = started.elsewhere(tmp_path / "other-head")
    together = Barrier(2)

    def run(ledger: LedgerUnderTest) -> None:
        together.wait()
        _sequence(ledger)

    threads = [Thread(target=run, args=(one,)) for one in (started, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started.sequencer().run()
    assert sizes(started) == list(range(1, 8))
    assert started.check() == []


def test_two_sequencers_in_processes_make_one_ledger(started: LedgerUnderTest, tmp_path: Path) -> None:
    other = started.elsewhere(tmp_path / "other-head")
    for one in (started, other):
        one.store.engine.dispose()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_sequence, args=(one,)) for one in (started, other, started)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sizes(started) == list(range(1, 8))
    started.sequencer().run()
    assert started.check() == []


def test_stale_leader_cannot_fork(started: LedgerUnderTest, tmp_path: Path) -> None:
    """One that read its batch before another committed loses by the unique places."""
    stale, current = started.sequencer(), started.elsewhere(tmp_path / "other-head")
    with started.store.read() as session:
        stands = module.agreed(session, started.lineages[0])
        entries = module.queries.pending(session, False, 10)
    current.sequencer().run()
    before = started.rows("SELECT * FROM ledger_leaf ORDER BY ledger, position")
    with started.store.write() as session, pytest.raises(IntegrityError):
        module.append(session, started.lineages[0], stands, entries[::-1], started.ambient.now())
    assert started.rows("SELECT * FROM ledger_leaf ORDER BY ledger, position") == before
    stale.run()
    assert started.check() == []


@pytest.fixture
def rolled_back(hub: HubUnderTest, waiting: LedgerUnderTest, tmp_path: Path) -> LedgerUnderTest:
    """The database of three entries restored after the ledger had seven."""
    waiting.sequencer(Pace(3, timedelta(days=1))).run()
    saved = waiting.saved(tmp_path / "yesterday")
    waiting.sequencer().run()
    assert sizes(waiting) == [3, 6, 7]
    waiting.restore(saved)
    return waiting


def test_restored_database_is_refused_and_found(rolled_back: LedgerUnderTest) -> None:
    before = rolled_back.rows("SELECT count(*) FROM ledger_leaf")
    with pytest.raises(Damaged, match="rolled back"):
        rolled_back.sequencer().run()
    assert rolled_back.rows("SELECT count(*) FROM ledger_leaf") == before
    with pytest.raises(Damaged, match="rolled back"):
        rolled_back.ledger.must_stand()
    assert rolled_back.codes() == ["ledger.rolled-back"]


def test_test_ledger_goes_on_while_the_real_one_is_refused(rolled_back: LedgerUnderTest) -> None:
    rolled_back.spoil("UPDATE ledger_pending SET test = 1")
    with pytest.raises(Damaged):
        rolled_back.sequencer().run()
    assert rolled_back.rows("SELECT count(*) FROM ledger_pending") == [(0,)]


def test_forked_database_of_the_same_size_is_refused(own: LedgerUnderTest) -> None:
    own.spoil("UPDATE ledger_checkpoint SET root = zeroblob(32) WHERE ledger = 1 AND size = 7")
    with pytest.raises(Damaged, match="rolled back"):
        own.sequencer().run()


def test_lost_database_is_refused(own: LedgerUnderTest) -> None:
    for table in ("leaf", "tile", "checkpoint"):
        own.spoil(f"DELETE FROM ledger_{table}")
    own.spoil("DELETE FROM ledger")
    with pytest.raises(Damaged, match="rolled back"):
        own.sequencer().run()


def test_continuation_cites_the_lost_head_and_goes_on_under_a_new_name(rolled_back: LedgerUnderTest) -> None:
    real = rolled_back.sequenced[0]
    lost = real.lineage.head.read()
    done = rolled_back.continuation.run(real)
    assert done is not None
    assert lost is not None
    assert done.before == lost
    assert done.after.origin == f"{lost.origin}/2"
    assert done.vkey.read_text() == done.key.line + "\n"
    rolled_back.sequencer().run()
    latest = rolled_back.ledger.checkpoint()
    assert latest is not None
    assert (latest.origin, latest.size) == (done.after.origin, 2)
    assert verify_note(read_note(latest.note), read_vkeys(real.lineage.keys), latest.origin)
    bundle = rolled_back.ledger.entries(0, 1)
    assert bundle is not None
    assert cited(bundle[2:]) == lost
    assert rolled_back.check() == []
    old = rolled_back.ledger.inclusion(digests(rolled_back)[0])
    assert old is not None
    assert old.checkpoint.origin == lost.origin, "what was proved stays proved"


def test_entries_that_no_signature_covered_wait_again_when_continued(rolled_back: LedgerUnderTest) -> None:
    rolled_back.spoil("UPDATE ledger_checkpoint SET note = NULL WHERE ledger = 1 AND size > 3")
    done = rolled_back.continuation.run(rolled_back.sequenced[0])
    assert done is not None
    assert done.again == 3
    rolled_back.sequencer().run()
    assert rolled_back.check() == []
    found = [rolled_back.ledger.inclusion(digest) for digest in digests(rolled_back)]
    assert sorted(one.checkpoint.origin[-2:] for one in found if one is not None) == ["/2"] * 4 + [
        "er"
    ] * 3 + ["st"]


def test_crash_after_the_continuation_was_committed_heals(
    rolled_back: LedgerUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rolled_back.sequenced[0]

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(type(real.lineage.head), "keep", crash)
        with pytest.raises(Crash):
            rolled_back.continuation.run(real)
    rolled_back.sequencer().run()
    assert rolled_back.check() == []


def test_second_rollback_never_takes_a_name_twice(rolled_back: LedgerUnderTest, tmp_path: Path) -> None:
    saved = rolled_back.saved(tmp_path / "again")
    real = rolled_back.sequenced[0]
    rolled_back.continuation.run(real)
    rolled_back.sequencer().run()
    rolled_back.restore(saved)
    assert rolled_back.codes() == ["ledger.rolled-back"]
    done = rolled_back.continuation.run(real)
    assert done is not None
    assert done.after.origin.endswith("/3")
    rolled_back.sequencer().run()
    assert rolled_back.check() == []


def test_nothing_is_continued_when_nothing_is_wrong(own: LedgerUnderTest) -> None:
    assert own.continuation.run(own.sequenced[0]) is None
    assert own.continuation.keep_head(own.sequenced[0]) is None


@pytest.mark.parametrize(("octets", "code"), [(None, "ledger.head-lost"), (b"x", "ledger.head-unreadable")])
def test_lost_head_is_kept_anew_only_when_a_person_says_so(
    own: LedgerUnderTest, octets: bytes | None, code: str
) -> None:
    path = own.head / "ledger-head"
    before = path.read_bytes()
    path.unlink() if octets is None else path.write_bytes(octets)
    with pytest.raises(Damaged):
        own.sequencer().run()
    assert own.codes() == [code]
    assert own.continuation.run(own.sequenced[0]) is None, "a lost head can be cited by nobody"
    assert own.continuation.keep_head(own.sequenced[0]) is not None
    assert path.read_bytes() == before
    own.sequencer().run()
    assert own.check() == []


def test_head_is_not_kept_anew_from_a_checkpoint_that_nobody_signed(own: LedgerUnderTest) -> None:
    (own.head / "ledger-head").unlink()
    own.spoil("UPDATE ledger_checkpoint SET root = zeroblob(32) WHERE ledger = 1 AND size = 7")
    with pytest.raises(Damaged):
        own.continuation.keep_head(own.sequenced[0])


def test_head_never_goes_back(own: LedgerUnderTest) -> None:
    head = own.lineages[0].head
    before = head.read()
    assert before is not None
    for lower in (replace(before, size=before.size - 1), replace(before, root=bytes(32))):
        with pytest.raises(Damaged):
            head.keep(lower)
    assert head.read() == before


def test_head_that_cannot_be_kept_stops_the_signature(waiting: LedgerUnderTest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    elsewhere = [
        SequencedLedger(
            replace(one.lineage, head=type(one.lineage.head)(tmp_path / "file" / "head")), one.key
        )
        for one in waiting.sequenced
    ]
    waiting.sequenced = tuple(elsewhere)
    with pytest.raises(GatewayFault):
        waiting.sequencer().run()
    assert waiting.rows("SELECT 1 FROM ledger_checkpoint WHERE ledger = 1") == []


def test_broken_tree_is_not_built_upon(waiting: LedgerUnderTest) -> None:
    waiting.sequencer(Pace(3, timedelta(days=1))).run()
    waiting.spoil("UPDATE ledger_tile SET hashes = zeroblob(192) WHERE ledger = 1")
    with pytest.raises(Damaged):
        waiting.sequencer().run()
    assert sizes(waiting) == [3, 6]


def test_key_that_nobody_could_verify_signs_nothing(waiting: LedgerUnderTest) -> None:
    real, test = waiting.sequenced
    waiting.sequenced = (replace(real, key=LedgerKey(Ed25519PrivateKey.generate(), real.key.keys)), test)
    with pytest.raises(Misconfigured, match="vkey"):
        waiting.sequencer().run()
    assert waiting.ledger.checkpoint() is None


def test_database_of_another_ledger_is_refused(own: LedgerUnderTest) -> None:
    own.sequenced = tuple(
        replace(one, lineage=replace(one.lineage, origin="other.test/ledger")) for one in own.sequenced
    )
    with pytest.raises(Misconfigured, match=r"ledger\.origin"):
        own.sequencer().run()


@pytest.fixture
def witness(own: LedgerUnderTest) -> Iterator[Ed25519PrivateKey]:
    key = Ed25519PrivateKey.generate()
    folder = own.trust / "witnesses"
    folder.mkdir(exist_ok=True)
    (folder / "one.vkey").write_text(verifier_key("witness.test", key, WITNESS).line + "\n")
    return key


def _line(ledger: LedgerUnderTest, key: Any, size: int = 7, name: str = "witness.test") -> bytes:
    text = _head(ledger, size)
    return cosign(text, name, key, ledger.ambient.now()).line


def test_cosignature_of_a_witness_is_kept_once(own: LedgerUnderTest, witness: Any) -> None:
    line = _line(own, witness)
    for _ in range(2):
        own.ledger.add_cosignature(7, line)
    assert own.ledger.cosignatures(7) == [line]
    assert own.ledger.cosignatures(6) == []


def test_cosignatures_that_prove_nothing_are_refused(own: LedgerUnderTest, witness: Any) -> None:
    good = _line(own, witness)
    for bad in (
        _line(own, Ed25519PrivateKey.generate()),
        _line(own, witness, name="other.test"),
        _line(own, witness, size=6),
        good + good,
        good[:-1],
        b"",
        b"\xff" * 10_000,
    ):
        with pytest.raises(Refused):
            own.ledger.add_cosignature(7, bad)
    for size in (8, 5):
        with pytest.raises(NotFound):
            own.ledger.add_cosignature(size, good)
    assert own.ledger.cosignatures(7) == []


def test_health_says_that_the_ledger_was_rolled_back(hub: HubUnderTest, rolled_back: LedgerUnderTest) -> None:
    health = replace(hub.gateway.services.health, ledger=rolled_back.ledger)
    said = health.ready()["ledger"]
    assert "rolled back" in said
    assert str(rolled_back.head) not in said


def test_waiting_entries_do_not_make_the_hub_unready(hub: HubUnderTest, waiting: LedgerUnderTest) -> None:
    health = replace(hub.gateway.services.health, ledger=waiting.ledger)
    assert health.ready()["ledger"] == "ok"
