"""Content goes at its term, provably and for good; its evidence stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import home
from gateway.bootstrap import sweep, verbs
from gateway.bootstrap.evidence import purge
from gateway.domain.errors import Gone, Unavailable
from gateway.domain.evidence.ledger import purge_entry, salted
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.domain.transit.states import Processing
from gateway.exchange.evidence.purge import Purge
from gateway.settings import StandInWarning
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.transit import queries
from gateway.store.transit.models import AttachmentRow, Attempt, DeliveryRow, Message, Payload
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    MINISTRY_OFFICE,
    TEST_OFFICE,
    HubUnderTest,
    make_settings,
)
from tests.support.shapes import EMBEDDED, Shape, chosen
from tests.support.systems import COMMUNE_OFFICE, Simulator, accept, fresh_hub, row

RULES = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
ASSETS = Path(__file__).parents[1] / "assets"
MARK = b"A TEXT THAT MUST NOT SURVIVE ITS TERM"


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """An attachment too long for the database."""
    path = tmp_path / "plan.txt"
    path.write_bytes(MARK * 3000)
    return path


def purging(hub: HubUnderTest) -> Purge:
    return replace(purge(hub.gateway), retention=RULES)


def message_of(hub: HubUnderTest, delivery: str) -> Message:
    with hub.gateway.store.read() as session:
        return session.get_one(Message, session.get_one(DeliveryRow, delivery).message)


def payloads_of(hub: HubUnderTest, message: Message) -> list[Payload]:
    with hub.gateway.store.read() as session:
        attached = queries.attachments(session, message.id).values()
        return [session.get_one(Payload, message.envelope), *attached]


def files(hub: HubUnderTest) -> set[str]:
    return {one.object_id for one in hub.gateway.payloads.list_objects()}


def ended(hub: HubUnderTest, **letter: Any) -> Message:
    """A letter that the commune's system took."""
    [delivery] = accept(hub, **letter)
    hub.dispatch().run_once()
    return message_of(hub, delivery)


@pytest.fixture
def later(hub: HubUnderTest) -> Iterator[None]:
    """Thirty days after now, for the length of the test."""
    with hub.clock.moved(days=31):
        yield


def test_content_goes_at_its_term_and_not_a_moment_earlier(hub: HubUnderTest, plan: Path) -> None:
    message = ended(hub, files=(plan,))
    with hub.clock.moved(days=30, microseconds=-1):
        assert purging(hub).run().letters == ()
    with hub.clock.moved(days=30):
        assert purging(hub).run("archivist").letters == (message.reference,)
        assert purging(hub).run().letters == ()
    for payload in payloads_of(hub, message):
        assert (payload.wrapped_key, payload.inline, payload.owners) == (None, None, 0)
        assert payload.object_id not in files(hub)
        assert payload.size > 0


def test_the_record_says_what_was_destroyed_and_waits_for_its_place_in_the_ledger(
    hub: HubUnderTest, plan: Path
) -> None:
    message = ended(hub, files=(plan,))
    with hub.clock.moved(days=31):
        purging(hub).run("archivist")
    with hub.gateway.store.read() as session:
        found = session.scalars(select(PurgeRow).where(PurgeRow.message == message.id)).one()
        entry = session.scalars(select(PendingEntry).where(PendingEntry.purge == found.id)).one()
    record = json.loads(found.record)
    destroyed = {(one["sha256"], one["size"]) for one in record["destroyed"]}
    assert destroyed == {(one.sha256, one.size) for one in payloads_of(hub, message)}
    assert (sha256(plan.read_bytes()).hexdigest(), plan.stat().st_size) in destroyed
    assert (record["rule"], record["days"], record["by"]) == ("short", 30, "archivist")
    assert record["letter"] == salted(record["nonce"], message.reference or "")
    assert found.record_digest == sha256(found.record).hexdigest()
    assert (entry.octets, entry.test) == (purge_entry(found.record_digest), False)
    assert (message.reference or "").encode() not in found.record + entry.octets


def test_receipts_repeats_and_conflicts_are_as_before(hub: HubUnderTest) -> None:
    envelope = hub.envelope(recipients=hub.envelope().recipients)
    letter = hub.signed(envelope)
    first = hub.post(letter)
    delivery = _only_delivery(hub, first)
    _close(hub, delivery)
    before = _evidence(hub)
    with hub.clock.moved(days=31):
        assert len(purging(hub).run().letters) == 1
        again = hub.post(letter)
        assert (again.status_code, again.data) == (200, first.data)
    assert hub.get(first.headers["Location"]).status_code == 200
    other = hub.post(hub.signed(replace(envelope, subject="DEMONSTRATION: something else")))
    assert (other.status_code, other.json["code"]) == (409, "WASL-DUP-001")
    assert _evidence(hub) == before


def test_reading_purged_content_says_that_it_was_purged(hub: HubUnderTest) -> None:
    message = ended(hub)
    with hub.gateway.store.read() as session:
        delivery = queries.deliveries(session, message.id)[0].id
    with hub.clock.moved(days=31):
        purging(hub).run()
    letters = hub.dispatch().letters
    case = letters.case(delivery)
    assert case.office is not None
    with pytest.raises(Gone) as gone:
        letters.letter(case, case.office)
    assert gone.value.faults[0].code == "WASL-RET-001"


def test_a_purged_letter_cannot_be_passed_on(hub: HubUnderTest) -> None:
    message = ended(hub)
    with hub.clock.moved(days=31):
        purging(hub).run()
        letters, redirecting = hub.dispatch().letters, verbs(hub.gateway, "office").redirecting
        before = hub.kept()
        with pytest.raises(Gone):
            redirecting.redirect(letters.case(_delivery(hub, message)), AGENCY_OFFICE, "unit")
    assert hub.kept() == before


def test_a_letter_ends_with_its_last_delivery(hub: HubUnderTest) -> None:
    first, second = accept(hub, COMMUNE_OFFICE, MINISTRY_OFFICE)
    hub.dispatch().run_once()
    assert (row(hub, first).state, row(hub, second).state) == ("HANDED_OVER", "AVAILABLE")
    with hub.clock.moved(days=400):
        assert purging(hub).run().letters == ()
        _close(hub, second)
        assert purging(hub).run().letters == ()
        hub.clock.forward(days=30)
        assert purging(hub).run().letters == (message_of(hub, first).reference,)


def test_a_letter_under_work_stays_and_every_word_prolongs_its_term(hub: HubUnderTest) -> None:
    message = ended(hub)
    with hub.clock.moved(days=29):
        _process(hub, message, Processing.IN_PROGRESS)
        hub.clock.forward(days=500)
        assert purging(hub).run().letters == ()
        _process(hub, message, Processing.CLOSED)
        hub.clock.forward(days=29)
        assert purging(hub).run().letters == ()
        hub.clock.forward(days=1)
        assert purging(hub).run().letters == (message.reference,)


def test_a_type_without_a_rule_follows_the_hubs_default(hub: HubUnderTest) -> None:
    message = ended(hub, document_type="storm")
    with hub.clock.moved(days=3649):
        assert message.reference not in purging(hub).run().letters
    with hub.clock.moved(days=3650):
        assert message.reference in purging(hub).run().letters


def test_a_test_letter_is_purged_into_the_ledger_for_tests(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, TEST_OFFICE, test=True)
    hub.dispatch().run_once()
    _close(hub, delivery)
    with hub.clock.moved(days=31):
        purging(hub).run()
    with hub.gateway.store.read() as session:
        query = select(PendingEntry.test).join(PurgeRow).join(Message, Message.id == PurgeRow.message)
        assert session.scalars(query.where(Message.id == message_of(hub, delivery).id)).all() == [True]


def test_content_that_another_letter_keeps_stays(hub: HubUnderTest, plan: Path) -> None:
    message = ended(hub, files=(plan,))
    root, attached = payloads_of(hub, message)
    with hub.gateway.store.write() as session:
        session.get_one(Payload, attached.object_id).owners = 2
    with hub.clock.moved(days=31):
        purging(hub).run()
    with hub.gateway.store.read() as session:
        kept = session.get_one(Payload, attached.object_id)
        assert (kept.owners, kept.wrapped_key) == (1, attached.wrapped_key)
        assert session.get_one(Payload, root.object_id).wrapped_key is None
        assert session.get(AttachmentRow, (message.id, "att1")) is None
    assert attached.object_id in files(hub)


def test_what_the_recipients_system_said_goes_too(hub: HubUnderTest) -> None:
    message = ended(hub)
    attempts = select(Attempt.detail).join(DeliveryRow).where(DeliveryRow.message == message.id)
    with hub.gateway.store.read() as session:
        assert session.scalars(attempts).all() == ['{"numero": "C-1"}']
    with hub.clock.moved(days=31):
        purging(hub).run()
    with hub.gateway.store.read() as session:
        assert session.scalars(attempts).all() == [""]


def test_neither_database_nor_log_holds_the_keys_any_more(tmp_path: Path, plan: Path) -> None:
    with chosen(EMBEDDED):
        hub = fresh_hub(tmp_path, Simulator())
    message = ended(hub, files=(plan,), body=MARK.decode())
    secrets = [one.wrapped_key for one in payloads_of(hub, message)]
    secrets += [one.inline for one in payloads_of(hub, message)]
    remains = [secret[:60] for secret in secrets if secret]
    assert len(remains) == 3
    assert all(any(part in octets for octets in _on_disk(hub)) for part in remains)
    with hub.clock.moved(days=31):
        purging(hub).run()
    assert not any(part in octets for octets in _on_disk(hub) for part in remains)
    hub.gateway.store.engine.dispose()


def test_files_that_a_crash_left_go_with_the_next_sweep(
    tmp_path: Path, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    message = ended(hub, files=(plan,))

    class Killed(BaseException):
        """The process ends here."""

    def die(_: str) -> None:
        raise Killed

    with hub.clock.moved(days=31):
        with monkeypatch.context() as patch:
            patch.setattr(hub.gateway.payloads, "delete", die)
            with pytest.raises(Killed):
                purging(hub).run()
        after = hub.second()
        assert len(files(after)) == 1
        assert message_of(after, _delivery(after, message)).purged_at is not None
        assert purging(after).run().letters == ()
        assert (sweep(after.gateway).run(), files(after)) == (1, set())


def test_a_letter_that_cannot_be_purged_now_keeps_none_of_the_others(
    hub: HubUnderTest, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [ended(hub), ended(hub)]
    real = hub.gateway.store.write
    calls = iter(range(100))

    def out_at_first() -> Any:
        if next(calls) == 0:
            raise Unavailable("database busy")
        return real()

    with hub.clock.moved(days=31):
        monkeypatch.setattr(hub.gateway.store, "write", out_at_first)
        done = purging(hub).run()
        assert (done.letters, done.failed) == ((letters[1].reference,), 1)
        assert purging(hub).run().letters == (letters[0].reference,)


def test_nothing_of_a_refused_letter_is_kept_but_its_refusal(hub: HubUnderTest, plan: Path) -> None:
    before = hub.kept()
    answer = hub.post(hub.signed(hub.envelope(expires_at=hub.clock() - timedelta(days=1)), files=(plan,)))
    assert answer.status_code == 422
    changed = {name for name, count in hub.kept().items() if count != before[name]}
    assert changed == {"message", "receipt", "rendering", "ledger_pending"}


def test_the_master_key_stays_as_it_is(hub: HubUnderTest) -> None:
    path = hub.gateway.settings.keys.payload_master_key
    before = path.read_bytes(), path.stat().st_mtime_ns
    ended(hub)
    with hub.clock.moved(days=31):
        assert purging(hub).run().letters
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def _only_delivery(hub: HubUnderTest, answer: Any) -> str:
    reference = answer.headers["Location"].rpartition("/")[2]
    with hub.gateway.store.read() as session:
        message = queries.accepted_by_reference(session, reference)
        assert message is not None
        return queries.deliveries(session, message.id)[0].id


def _delivery(hub: HubUnderTest, message: Message) -> str:
    with hub.gateway.store.read() as session:
        return queries.deliveries(session, message.id)[0].id


def _close(hub: HubUnderTest, delivery: str) -> None:
    """Give a delivery that lies ready its end, as its sender's own limit does."""
    hub.dispatch().run_once()
    dispatch = hub.dispatch()
    case = dispatch.letters.case(delivery)
    dispatch.outcomes.expire(case)


def _process(hub: HubUnderTest, message: Message, to: Processing) -> None:
    with hub.gateway.store.write() as session:
        found = queries.deliveries(session, message.id)[0]
        queries.process(session, found, to, hub.clock(), COMMUNE)


def _evidence(hub: HubUnderTest) -> list[tuple[Any, ...]]:
    query = select(ReceiptRow.content, Rendering.media_type, Rendering.octets).join(Rendering)
    with hub.gateway.store.read() as session:
        return [tuple(one) for one in session.execute(query.order_by(ReceiptRow.id))]


def _on_disk(hub: HubUnderTest) -> list[bytes]:
    return [path.read_bytes() for path in hub.home.glob("wasl.sqlite3*")]


def test_rules_that_no_archivist_confirmed_are_a_stand_in(tmp_path: Path) -> None:
    pack = tmp_path / "countries" / "zo"
    shutil.copytree(ASSETS / "countries" / "zo", pack)
    rules = pack / "retention.toml"
    rules.write_text(rules.read_text("utf-8").replace("confirmed = true", "confirmed = false", 1), "utf-8")
    with pytest.warns(StandInWarning) as told:
        home.prepare(make_settings(tmp_path, WASL_HUB_COUNTRY="zo"))
    assert any("no archivist" in str(one.message) for one in told)
