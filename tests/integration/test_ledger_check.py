"""The ledger's self-check names what was done to it, whoever did it."""

from __future__ import annotations

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.evidence.ledger import purge_entry
from gateway.domain.evidence.merkle import Frontier, leaf_hash
from gateway.exchange.evidence.sequencer import Pace
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.note import sign_note
from gateway.wire.tlog import write_checkpoint
from tests.support.hub import HubUnderTest, make_hub
from tests.support.ledger import LedgerUnderTest, ledger_of

COUNT = 300
"""Entries of the ledger under test: more than one tile."""
MOMENT = "%Y-%m-%d %H:%M:%S.%f"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def good(hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory) -> LedgerUnderTest:
    """Entries in checkpoints of 100: three receipts through the door, the others copied from the last."""
    for _ in range(3):
        assert hub.post(hub.signed()).status_code == 201
    ledger = ledger_of(hub, tmp_path_factory.mktemp("head"))
    row = ledger.rows("SELECT * FROM receipt ORDER BY id DESC LIMIT 1")[0]
    names = [column[1] for column in ledger.rows("PRAGMA table_info(receipt)")]
    last = dict(zip(names, row, strict=True))
    for number in range(COUNT - 3):
        _receipt(ledger, last, number)
    ledger.sequencer(Pace(100, timedelta())).run()
    return ledger


def _receipt(ledger: LedgerUnderTest, like: dict[str, Any], number: int) -> None:
    digest = f"{number:064x}"
    new = like | {"id": None, "receipt_id": f"copy-{number}", "content_digest": digest}
    marks = ", ".join("?" * len(new))
    with ledger.store.write() as session:
        connection = session.connection()
        done = connection.exec_driver_sql(f"INSERT INTO receipt VALUES ({marks})", tuple(new.values()))
        entry = b'{"contentDigest":"%b","type":"receipt"}' % digest.encode()
        connection.exec_driver_sql(
            "INSERT INTO ledger_pending (test, octets, receipt, since) VALUES (0, ?, ?, ?)",
            (entry, done.lastrowid, new["event_time"]),
        )


@pytest.fixture
def own(good: LedgerUnderTest, tmp_path: Path) -> LedgerUnderTest:
    """A copy to be spoilt."""
    return good.copy(tmp_path / "copy")


def found(ledger: LedgerUnderTest) -> list[str]:
    """The findings, each with the values that say where, the origin left out."""
    return [
        " ".join(
            [finding.code, *(f"{name}={value}" for name, value in finding.values.items() if name != "origin")]
        )
        for finding in ledger.check()
    ]


def swap(ledger: LedgerUnderTest, one: int, other: int) -> None:
    for before, after in ((one, -1), (other, one), (-1, other)):
        ledger.spoil("UPDATE ledger_leaf SET position = ? WHERE position = ?", after, before)


def entry(ledger: LedgerUnderTest, position: int, column: str = "octets") -> Any:
    return ledger.rows(f"SELECT {column} FROM ledger_leaf WHERE position = ?", position)[0][0]


def edit(ledger: LedgerUnderTest, position: int, octets: bytes) -> None:
    statement = "UPDATE ledger_leaf SET octets = ?, hash = ? WHERE position = ?"
    ledger.spoil(statement, octets, leaf_hash(octets), position)


def retile(ledger: LedgerUnderTest) -> None:
    """Make the tiles of level 0 agree with the entries again, as a thorough intruder would."""
    hashes = [row[0] for row in ledger.rows("SELECT hash FROM ledger_leaf ORDER BY position")]
    for number in (0, 1):
        octets = b"".join(hashes[number * 256 : number * 256 + 256])
        ledger.spoil("UPDATE ledger_tile SET hashes = ? WHERE level = 0 AND number = ?", octets, number)


def test_good_ledger_has_no_findings(good: LedgerUnderTest) -> None:
    assert good.rows("SELECT count(*) FROM ledger_leaf") == [(COUNT,)]
    assert found(good) == []


def test_deleted_entry(own: LedgerUnderTest) -> None:
    name, digest = own.rows(
        "SELECT receipt_id, content_digest FROM receipt WHERE id = ?", entry(own, 150, "receipt")
    )[0]
    own.spoil("DELETE FROM ledger_leaf WHERE position = 150")
    assert found(own) == ["ledger.gap first=150 last=150", f"ledger.unlogged receipt={name} digest={digest}"]


def test_deleted_end(own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM ledger_leaf WHERE position >= 298")
    codes = found(own)
    assert codes[0] == "ledger.gap first=298 last=299"
    assert [code.split()[0] for code in codes[1:]] == ["ledger.unlogged"] * 2


def test_deleted_entry_with_the_others_moved_up(own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM ledger_leaf WHERE position = 297")
    own.spoil("UPDATE ledger_leaf SET position = 297 WHERE position = 298")
    own.spoil("UPDATE ledger_leaf SET position = 298 WHERE position = 299")
    codes = found(own)
    assert "ledger.gap first=299 last=299" in codes
    assert "ledger.reordered position=298 belongs=299" in codes
    assert "ledger.root size=300" in codes


def test_reordered_entries(own: LedgerUnderTest) -> None:
    swap(own, 20, 270)
    assert found(own) == [
        "ledger.root size=100",
        "ledger.tile level=1 number=0",
        "ledger.reordered position=20 belongs=270",
        "ledger.reordered position=270 belongs=20",
    ]


def test_reordered_entries_with_their_tiles(own: LedgerUnderTest) -> None:
    swap(own, 20, 270)
    retile(own)
    assert found(own) == ["ledger.root size=100", "ledger.tile level=1 number=0"]


def test_edited_entry(own: LedgerUnderTest) -> None:
    digest = own.rows("SELECT content_digest FROM receipt WHERE id = ?", entry(own, 120, "receipt"))[0][0]
    own.spoil("UPDATE ledger_leaf SET octets = ? WHERE position = 120", b'{"contentDigest":"00"}')
    assert found(own) == [
        "ledger.entry-changed position=120",
        f"ledger.entry-digest position=120 digest={digest}",
        "ledger.root size=200",
        "ledger.tile level=1 number=0",
    ]


def test_edited_entry_with_its_hash(own: LedgerUnderTest) -> None:
    edit(own, 120, entry(own, 120) + b" ")
    lines = found(own)
    assert [line.split()[0] for line in lines[:2]] == ["ledger.entry-digest", "ledger.root"]
    assert lines[2:] == ["ledger.tile level=1 number=0", "ledger.tile level=0 number=0"]


def test_edited_entry_with_hash_tile_and_receipt(own: LedgerUnderTest) -> None:
    digest = "f" * 64
    own.spoil("UPDATE receipt SET content_digest = ? WHERE id = ?", digest, entry(own, 120, "receipt"))
    edit(own, 120, b'{"contentDigest":"%b","type":"receipt"}' % digest.encode())
    retile(own)
    assert found(own) == ["ledger.root size=200", "ledger.tile level=1 number=0"]


def test_rewritten_ledger_is_given_away_by_its_signatures_and_its_head(own: LedgerUnderTest) -> None:
    """Entry, hash, tiles, and every root: all that lies in the database fits, but for the notes."""
    test_edited_entry_with_hash_tile_and_receipt(own)
    frontier = Frontier()
    for (octets,) in own.rows("SELECT octets FROM ledger_leaf ORDER BY position"):
        frontier.append(leaf_hash(octets))
        own.spoil("UPDATE ledger_checkpoint SET root = ? WHERE size = ?", frontier.root(), frontier.size)
    own.spoil("DELETE FROM ledger_tile WHERE level = 1")
    codes = found(own)
    assert codes[0] == "ledger.rolled-back size=300 kept=300"
    assert codes[-2:] == ["ledger.note size=200", "ledger.note size=300"]


def test_receipt_whose_digest_was_changed(own: LedgerUnderTest) -> None:
    own.spoil("UPDATE receipt SET content_digest = ? WHERE id = ?", "e" * 64, entry(own, 7, "receipt"))
    assert found(own) == [f"ledger.entry-digest position=7 digest={'e' * 64}"]


def test_receipt_that_is_gone(own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM receipt WHERE id = ?", entry(own, 7, "receipt"))
    assert found(own) == ["ledger.receipt-missing position=7"]


def test_entry_about_nothing(own: LedgerUnderTest) -> None:
    name, digest = own.rows(
        "SELECT receipt_id, content_digest FROM receipt WHERE id = ?", entry(own, 7, "receipt")
    )[0]
    own.spoil("UPDATE ledger_leaf SET receipt = NULL WHERE position = 7")
    assert found(own) == ["ledger.entry-alone position=7", f"ledger.unlogged receipt={name} digest={digest}"]


@pytest.mark.parametrize(
    ("hours", "code"), [(-72, "ledger.back-dated"), (1, "ledger.post-dated"), (-1, None), (-24, None)]
)
def test_receipt_dated_otherwise_than_its_checkpoint(
    hub: HubUnderTest, own: LedgerUnderTest, hours: float, code: str | None
) -> None:
    own.spoil("UPDATE ledger SET started_at = ?", (hub.clock() - timedelta(days=30)).strftime(MOMENT))
    at = hub.clock() + timedelta(hours=hours)
    own.spoil("UPDATE receipt SET event_time = ? WHERE id = ?", at.strftime(MOMENT), entry(own, 9, "receipt"))
    assert [line.partition(" digest")[0] for line in found(own)] == ([f"{code} position=9"] if code else [])


def test_receipts_from_before_the_ledger_come_in_at_its_start_alone(own: LedgerUnderTest) -> None:
    own.spoil("UPDATE receipt SET event_time = '2020-01-01 00:00:00.000000' WHERE id < 200")
    assert found(own) == []


def test_checkpoint_whose_root_was_changed(own: LedgerUnderTest) -> None:
    own.spoil("UPDATE ledger_checkpoint SET root = zeroblob(32) WHERE size = 200")
    assert found(own) == ["ledger.root size=200", "ledger.note size=200"]


def test_checkpoint_dated_back(own: LedgerUnderTest) -> None:
    own.spoil("UPDATE ledger_checkpoint SET made_at = '2020-01-01 00:00:00.000000' WHERE size = 200")
    assert "ledger.checkpoint-time size=200 time=2020-01-01T00:00:00+00:00" in found(own)


def test_swapped_notes(own: LedgerUnderTest) -> None:
    notes = dict(own.rows("SELECT size, note FROM ledger_checkpoint"))
    own.spoil("UPDATE ledger_checkpoint SET note = ? WHERE size = 100", notes[200])
    own.spoil("UPDATE ledger_checkpoint SET note = ? WHERE size = 200", notes[100])
    assert found(own) == ["ledger.note size=100", "ledger.note size=200"]


@pytest.mark.parametrize("octets", [b"", b"x\n\ny\n", None])
def test_note_that_is_none(own: LedgerUnderTest, octets: bytes | None) -> None:
    own.spoil("UPDATE ledger_checkpoint SET note = ? WHERE size = 100", octets)
    assert found(own) == [f"ledger.note{'-missing' if octets is None else ''} size=100"]


def test_note_signed_by_the_other_ledger(own: LedgerUnderTest) -> None:
    kept = own.lineages[0].head.read()
    assert kept is not None
    note = sign_note(write_checkpoint(kept), kept.origin, own.sequenced[1].key.key)
    own.spoil("UPDATE ledger_checkpoint SET note = ? WHERE size = 300", note)
    assert found(own) == ["ledger.note size=300"]


def test_entries_without_a_checkpoint(own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM ledger_checkpoint WHERE size = 300")
    assert found(own)[1:] == ["ledger.uncovered first=200 last=299"]


@pytest.mark.parametrize("level", [0, 1])
def test_spoilt_tile(own: LedgerUnderTest, level: int) -> None:
    own.spoil(
        "UPDATE ledger_tile SET hashes = zeroblob(length(hashes)) WHERE level = ? AND number = 0", level
    )
    assert found(own) == [f"ledger.tile level={level} number=0"]


def test_missing_tile(own: LedgerUnderTest) -> None:
    own.spoil("DELETE FROM ledger_tile WHERE number = 1")
    assert found(own) == ["ledger.tile level=0 number=1"]


def test_unlogged_receipt(own: LedgerUnderTest) -> None:
    receipt = entry(own, 299, "receipt")
    own.spoil("UPDATE receipt SET receipt_id = 'hidden' WHERE id = ?", receipt)
    own.spoil(
        "INSERT INTO purge (id, message, at, record, record_digest) VALUES (1, 1, ?, x'', 'd')", "2026-01-01"
    )
    own.spoil("UPDATE ledger_leaf SET receipt = NULL, purge = 1 WHERE position = 299")
    edit(own, 299, purge_entry("d"))
    lines = found(own)
    assert any(line.startswith("ledger.unlogged receipt=hidden") for line in lines)
    assert not any(line.startswith("ledger.entry") for line in lines), "the entry of a purge is one"


def test_unlogged_purge(own: LedgerUnderTest) -> None:
    own.spoil(
        "INSERT INTO purge (id, message, at, record, record_digest) VALUES (1, 1, ?, x'', 'd')", "2026-01-01"
    )
    assert found(own) == ["ledger.unlogged-purge digest=d"]


def test_receipt_that_waits_is_not_unlogged(own: LedgerUnderTest) -> None:
    receipt = entry(own, 299, "receipt")
    own.spoil("DELETE FROM ledger_leaf WHERE position = 299")
    own.spoil(
        "INSERT INTO ledger_pending (test, octets, receipt, since) VALUES (0, x'', ?, '2026-01-01')", receipt
    )
    assert found(own) == ["ledger.gap first=299 last=299"]


def test_later_generation_that_cites_nothing(own: LedgerUnderTest) -> None:
    origin = own.lineages[0].origin
    own.spoil("UPDATE ledger SET generation = 2, origin = ?", f"{origin}/2")
    codes = [line.split()[0] for line in found(own)]
    assert codes[:2] == ["ledger.rolled-back", "ledger.continuation"]


def test_ledger_under_a_name_that_is_not_its_own(own: LedgerUnderTest) -> None:
    own.spoil("INSERT INTO ledger (test, generation, origin, started_at) VALUES (0, 2, ?, '2026-01-01')",
              f"{own.lineages[0].origin}/2")  # fmt: skip
    own.spoil("UPDATE ledger SET origin = 'else.test/ledger' WHERE generation = 1")
    assert "ledger.origin" in own.codes()


@pytest.fixture
def stamped(hub: HubUnderTest, own: LedgerUnderTest) -> LedgerUnderTest:
    """Every checkpoint with a token of the test authority."""
    for size, note in own.rows("SELECT size, note FROM ledger_checkpoint"):
        token(own, size, note, authority(hub))
    return own


def authority(hub: HubUnderTest, name: str = "tsa", **delta: float) -> LocalAuthority:
    holder = hub.pki[name]
    moment = hub.clock() + timedelta(**delta)
    return LocalAuthority(holder.key, holder.certificate, holder.chain, lambda: moment, os.urandom)


def token(ledger: LedgerUnderTest, size: int, data: bytes, by: LocalAuthority) -> None:
    stamp = by.stamp(sha256(data).digest())
    statement = (
        "INSERT INTO ledger_token (ledger, size, stated_at, authority, octets) VALUES (1, ?, ?, '', ?)"
    )
    ledger.spoil(statement, size, stamp.token.time.strftime(MOMENT), stamp.response)


def test_good_tokens_have_no_findings(stamped: LedgerUnderTest) -> None:
    assert stamped.rows("SELECT count(*) FROM ledger_token") == [(3,)]
    assert found(stamped) == []


def test_token_over_another_checkpoint(stamped: LedgerUnderTest) -> None:
    other = stamped.rows("SELECT octets FROM ledger_token WHERE size = 200")[0][0]
    stamped.spoil("UPDATE ledger_token SET octets = ? WHERE size = 100", other)
    assert found(stamped) == ["ledger.token size=100 reason=imprint"]


def test_token_that_is_none(stamped: LedgerUnderTest) -> None:
    stamped.spoil("UPDATE ledger_token SET octets = x'3000' WHERE size = 100")
    assert found(stamped) == ["ledger.token size=100 reason=malformed"]


def test_token_of_an_authority_that_nobody_trusts(hub: HubUnderTest, stamped: LedgerUnderTest) -> None:
    note = stamped.rows("SELECT note FROM ledger_checkpoint WHERE size = 100")[0][0]
    token(stamped, 100, note, authority(hub, "ministry"))
    assert [line.partition(" reason=")[0] for line in found(stamped)] == ["ledger.token size=100"]


def test_checkpoint_dated_later_than_its_token(stamped: LedgerUnderTest, hub: HubUnderTest) -> None:
    note = stamped.rows("SELECT note FROM ledger_checkpoint WHERE size = 300")[0][0]
    token(stamped, 300, note, authority(hub, minutes=-5))
    assert found(stamped) == ["ledger.token size=300 reason=time"]
