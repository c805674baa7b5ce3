"""The self-check finds nothing where nothing is wrong, and names everything that is."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import home as home_of
from gateway.bootstrap import build, verbs
from gateway.bootstrap.evidence import purge, self_check, sequencer
from gateway.domain.errors import Temporary
from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.receipt_check import digest_of
from gateway.exchange.evidence.selfcheck import MOST_KEPT, SelfCheck, last_check
from gateway.wire.receipts import content_digest, read_receipt_json
from tests.support.hub import AGENCY_OFFICE, MINISTRY_OFFICE, Clock, HubUnderTest, make_settings
from tests.support.systems import COMMUNE_OFFICE, Simulator, accept, fresh_hub

RULES = Retention.of((RetentionRule("short", 1, frozenset({"report"})),), 3650)


class World:
    """A hub over a copy of a home in which much has happened."""

    def __init__(self, hub: HubUnderTest) -> None:
        self.hub = hub
        self.purged: str = self.one("SELECT reference FROM message WHERE purged_at IS NOT NULL")
        self.delivery: str = self.one(
            "SELECT delivery.id FROM delivery JOIN message ON message.id = delivery.message"
            " JOIN attachment ON attachment.message = message.id"
            " WHERE delivery.state = 'HANDED_OVER' AND purged_at IS NULL"
        )
        self.letter: str = self.one(
            "SELECT reference FROM message JOIN delivery ON message = message.id WHERE delivery.id = :id",
            id=self.delivery,
        )

    def tamper(self, *statements: str, **values: Any) -> None:
        """Change the database as no service would: no constraint holds this up."""
        with closing(sqlite3.connect(self.hub.home / "wasl.sqlite3")) as database, database:
            for statement in statements:
                database.execute(statement, {"id": self.delivery, "letter": self.letter, **values})

    def one(self, query: str, **values: Any) -> Any:
        with closing(sqlite3.connect(self.hub.home / "wasl.sqlite3")) as database:
            return database.execute(query, values).fetchone()[0]

    def findings(self, deep: bool = False) -> list[Finding]:
        return list(self_check(self.hub.gateway).find(deep))

    def codes(self, deep: bool = False) -> set[str]:
        return {finding.code for finding in self.findings(deep)}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clock]:
    """Letters handed over, lying ready, waiting, refused and purged; all of it in the ledger."""
    system = Simulator()
    hub = fresh_hub(tmp_path_factory.mktemp("origin"), system)
    plan = tmp_path_factory.mktemp("files") / "plan.txt"
    plan.write_bytes(b"DEMONSTRATION " * 6000)
    accept(hub, document_type="report", files=(plan,))
    hub.dispatch().run_once()
    hub.clock.forward(days=1)
    assert len(replace(purge(hub.gateway), retention=RULES).run().letters) == 1
    accept(hub, COMMUNE_OFFICE, MINISTRY_OFFICE, AGENCY_OFFICE, files=(plan,))
    accept(hub, media_type="application/jose")
    [passed_on] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once()
    hub.clock.forward(minutes=1)
    redirecting = verbs(hub.gateway, "office").redirecting
    redirecting.redirect(hub.dispatch().letters.case(passed_on), COMMUNE_OFFICE, "unit")
    hub.dispatch().run_once()
    system.script.append(Temporary("WASL-DLV-001", "busy"))
    accept(hub)
    hub.dispatch().run_once()
    assert hub.post(hub.signed(hub.envelope(expires_at=hub.clock() - timedelta(days=2)))).status_code == 422
    for _ in range(2):
        sequencer(hub.gateway).run()
        hub.clock.forward(minutes=2)
    hub.gateway.store.checkpoint()
    hub.gateway.store.engine.dispose()
    return hub.home, hub.clock


@pytest.fixture
def world(origin: tuple[Path, Clock], tmp_path: Path) -> Iterator[World]:
    home, clock = origin
    copytree(home, tmp_path / "home")
    own = Clock(clock())
    gateway = build(make_settings(tmp_path / "home"), Ambient(now=own))
    yield World(HubUnderTest(gateway, home_of.testpki().load(tmp_path / "home", own()), own))
    gateway.store.engine.dispose()


def test_where_all_is_well_nothing_is_found(world: World) -> None:
    assert world.findings(deep=True) == []
    states = {"HANDED_OVER", "AVAILABLE", "WAITING", "REDIRECTED"}
    for state in states:
        assert world.one("SELECT count(*) FROM delivery WHERE state = :state", state=state)
    assert world.one("SELECT count(*) FROM message WHERE state = 'REFUSED'") == 1


RECEIPT = "(SELECT max(id) FROM receipt WHERE delivery = :id)"
MESSAGE = "(SELECT id FROM message WHERE reference = :letter)"
OUTCOME = "(SELECT id FROM receipt WHERE delivery = :id AND outcome)"


@pytest.mark.parametrize(
    ("expected", "statements"),
    [
        ("receipt.no-letter", [f"DELETE FROM message WHERE id = {MESSAGE}"]),
        (
            "receipt.altered",
            [f"UPDATE receipt SET content = CAST(content || ' ' AS BLOB) WHERE id = {RECEIPT}"],
        ),
        (
            "receipt.altered",
            [
                "UPDATE receipt SET content = CAST(replace(CAST(content AS TEXT), 'C-1', 'C-2') AS BLOB)"
                f" WHERE id = {OUTCOME}"
            ],
        ),
        ("receipt.row", [f"UPDATE receipt SET event_time = '2020-01-01 00:00:00' WHERE id = {OUTCOME}"]),
        ("chain.time-back", [f"UPDATE receipt SET event_time = '2020-01-01 00:00:00' WHERE id = {OUTCOME}"]),
        ("receipt.row", [f"UPDATE receipt SET kind = 'access' WHERE id = {OUTCOME}"]),
        ("chain.broken", [f"DELETE FROM receipt WHERE id = {OUTCOME}"]),
        ("delivery.no-outcome-receipt", [f"DELETE FROM receipt WHERE id = {OUTCOME}"]),
        ("ledger.receipt-missing", [f"DELETE FROM receipt WHERE id = {OUTCOME}"]),
        ("chain.end", [f"DELETE FROM receipt WHERE id = {RECEIPT}"]),
        (
            "chain.end",
            [
                "UPDATE delivery SET chain_digest ="
                " CASE substr(chain_digest, 1, 1) WHEN 'f' THEN 'e' ELSE 'f' END"
                " || substr(chain_digest, 2) WHERE id = :id"
            ],
        ),
        ("letter.no-first-receipt", [f"DELETE FROM receipt WHERE message = {MESSAGE} AND delivery IS NULL"]),
        ("chain.broken", [f"UPDATE receipt SET predecessor = '{64 * '0'}' WHERE id = {OUTCOME}"]),
        (
            "chain.forked",
            [
                "UPDATE receipt SET predecessor ="
                f" (SELECT predecessor FROM receipt WHERE id = {OUTCOME}) WHERE id = {RECEIPT}"
            ],
        ),
        ("delivery.no-outcome-receipt", [f"UPDATE receipt SET outcome = 0 WHERE id = {OUTCOME}"]),
        (
            "delivery.two-outcomes",
            ["DROP INDEX uq_receipt_outcome", "UPDATE receipt SET outcome = 1 WHERE delivery = :id"],
        ),
        ("delivery.other-outcome", ["UPDATE delivery SET state = 'FAILED' WHERE id = :id"]),
        ("delivery.state", ["UPDATE delivery SET state = 'FAILED' WHERE id = :id"]),
        ("delivery.state", ["UPDATE delivery SET state = 'NOWHERE' WHERE id = :id"]),
        ("delivery.other-outcome", ["UPDATE delivery SET state = 'QUEUED' WHERE id = :id"]),
        ("delivery.missing", ["DELETE FROM delivery WHERE id = :id"]),
        ("receipt.no-delivery", ["DELETE FROM delivery WHERE id = :id"]),
        ("letter.no-delivery", ["DELETE FROM delivery"]),
        ("delivery.moves", ["DELETE FROM delivery_event WHERE delivery = :id AND now = 'DELIVERING'"]),
        ("delivery.forgotten", ["UPDATE delivery SET due_at = NULL WHERE state = 'WAITING'"]),
        ("delivery.stuck", ["UPDATE delivery SET due_at = '2020-01-01 00:00:00' WHERE state = 'WAITING'"]),
        ("letter.row", [f"UPDATE message SET root_digest = '{64 * '0'}' WHERE id = {MESSAGE}"]),
        ("letter.row", [f"UPDATE message SET test = 1 WHERE id = {MESSAGE}"]),
        ("receipt.no-rendering", [f"DELETE FROM rendering WHERE receipt = {OUTCOME}"]),
        ("content.no-row", [f"DELETE FROM attachment WHERE message = {MESSAGE}"]),
        ("content.no-key", ["UPDATE payload SET wrapped_key = NULL WHERE inline IS NULL"]),
        ("content.other", ["UPDATE payload SET sha256 = substr(sha256, 2) || '_' WHERE inline IS NULL"]),
        ("purge.key-there", ["UPDATE payload SET wrapped_key = x'00' WHERE wrapped_key IS NULL"]),
        ("purge.altered", ["UPDATE purge SET record = CAST(record || ' ' AS BLOB)"]),
        ("purge.no-record", ["DELETE FROM purge"]),
        ("ledger.receipt-missing", ["DELETE FROM purge"]),
        ("purge.not-marked", ["UPDATE message SET purged_at = NULL"]),
        ("purge.other", ["DELETE FROM payload WHERE wrapped_key IS NULL AND size > 60000"]),
        ("letter.unreadable", ["UPDATE delivery SET chain_time = 'yesterday' WHERE id = :id"]),
        ("letter.unreadable", [f"UPDATE receipt SET content = 'text' WHERE id = {RECEIPT}"]),
        ("ledger.unlogged", [f"DELETE FROM ledger_leaf WHERE receipt = {OUTCOME}"]),
    ],
)
def test_what_was_done_by_hand_is_named(world: World, expected: str, statements: list[str]) -> None:
    world.tamper(*statements)
    assert expected in world.codes()


def test_a_record_of_a_purge_that_was_rewritten_with_its_digest_shows_in_the_ledger(world: World) -> None:
    record = json.loads(world.one("SELECT record FROM purge"))
    record["destroyed"][0]["size"] += 1
    octets = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    digest = sha256(octets).hexdigest()
    world.tamper("UPDATE purge SET record = :octets, record_digest = :digest", octets=octets, digest=digest)
    assert {"purge.other", "ledger.entry-digest"} <= world.codes()


def test_two_renderings_that_were_swapped_are_both_named(world: World) -> None:
    world.tamper(
        "CREATE TABLE a AS SELECT receipt, octets FROM rendering WHERE media_type = 'application/xml'"
        " AND level = 'B' ORDER BY receipt LIMIT 2",
        "UPDATE rendering SET octets = (SELECT octets FROM a WHERE a.receipt <> rendering.receipt)"
        " WHERE receipt IN (SELECT receipt FROM a) AND media_type = 'application/xml' AND level = 'B'",
    )
    found = [one for one in world.findings(deep=True) if one.code == "rendering.other"]
    assert len({one.values["receipt"] for one in found}) == 2


def test_every_rendering_is_opened_in_thirty_days_even_without_being_asked(world: World) -> None:
    world.tamper("UPDATE rendering SET octets = x'3c613e'")
    days = []
    for _ in range(30):
        days.append({one.values["receipt"] for one in world.findings() if one.code == "rendering.broken"})
        world.hub.clock.forward(days=1)
    assert len(set().union(*days)) == world.one("SELECT count(*) FROM receipt")
    assert sum(map(len, days)) == world.one("SELECT count(*) FROM receipt")


def test_a_payload_file_that_is_gone_or_damaged_is_named(world: World) -> None:
    [stored] = world.hub.gateway.payloads.list_objects()
    path = world.hub.home / "payloads" / "objects" / stored.object_id[:2] / stored.object_id
    octets = path.read_bytes()
    path.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert "content.damaged" not in world.codes()
    [finding] = world.findings(deep=True)
    assert (finding.code, finding.values["object"]) == ("content.damaged", stored.object_id)
    path.unlink()
    [finding] = world.findings(deep=True)
    assert (finding.code, finding.values["letter"]) == ("content.missing", world.letter)


def test_an_envelope_in_the_database_that_was_damaged_is_named(world: World) -> None:
    world.tamper("UPDATE payload SET inline = CAST(inline || x'00' AS BLOB) WHERE inline IS NOT NULL")
    assert "content.damaged" in world.codes(deep=True)


@pytest.mark.parametrize(("age", "found"), [(timedelta(days=3), True), (timedelta(hours=25), False)])
def test_a_file_that_nobody_owns_is_named_when_the_sweep_has_had_its_turn(
    world: World, age: timedelta, found: bool
) -> None:
    stored = world.hub.gateway.payloads.write([b"left"])
    path = world.hub.home / "payloads" / "objects" / stored.object_id[:2] / stored.object_id
    moment = (world.hub.clock() - age).timestamp()
    os.utime(path, (moment, moment))
    named = [one.values["object"] for one in world.findings() if one.code == "content.orphan"]
    assert named == ([stored.object_id] if found else [])


def test_an_entry_that_nobody_sequences_is_named(world: World) -> None:
    accept(world.hub)
    assert world.codes() == set()
    world.hub.clock.forward(minutes=11)
    assert "ledger.pending-late" in world.codes()


def test_a_run_is_kept_logged_and_shown_and_the_next_one_waits(world: World) -> None:
    check = self_check(world.hub.gateway)
    health = world.hub.gateway.services.health
    assert (check.turn() is not None, health.warnings().get("evidence")) == (True, None)
    world.tamper("UPDATE delivery SET state = 'FAILED' WHERE id = :id")
    assert check.turn() is None
    world.hub.clock.forward(hours=24)
    told: list[Finding] = []
    with capture_logs() as logs:
        report = check.run(tell=told.append)
    assert (report.count, len(told)) == (len(report.findings), len(report.findings))
    assert [one["at_delivery"] for one in logs if one["log_level"] == "error"] == [world.delivery] * 2
    last = last_check(world.hub.gateway.store)
    assert last is not None
    assert (last.findings, last.ended_at) == (report.count, world.hub.clock())
    assert str(report.count) in health.warnings()["evidence"]
    assert set(health.ready().values()) == {"ok"}


def test_more_findings_than_are_kept_are_counted(world: World) -> None:
    many = MOST_KEPT + 5

    def ledger() -> Iterator[Finding]:
        yield from (Finding("ledger.gap", {"position": str(number)}) for number in range(many))

    check: SelfCheck = replace(self_check(world.hub.gateway), ledger=ledger)
    report = check.run()
    last = last_check(world.hub.gateway.store)
    assert last is not None
    assert (len(report.findings), report.count, last.findings) == (MOST_KEPT, many, many)


def test_the_digest_is_found_without_reading_the_content(world: World) -> None:
    with closing(sqlite3.connect(world.hub.home / "wasl.sqlite3")) as database:
        contents = [row[0] for row in database.execute("SELECT content FROM receipt")]
    assert len(contents) > 8
    for content in contents:
        assert digest_of(content) == (content_digest(read_receipt_json(content)),) * 2


def test_a_text_that_looks_like_the_digests_member_misleads_nobody(world: World) -> None:
    trap = '"contentDigest":"' + 64 * "0" + '",'
    accept(world.hub, subject=f"DEMONSTRATION {trap}")
    content = world.one("SELECT content FROM receipt ORDER BY id DESC")
    assert trap.replace('"', '\\"').encode() in content
    assert digest_of(content) == (content_digest(read_receipt_json(content)),) * 2
