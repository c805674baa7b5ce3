"""A party's feed tells every receipt of its letters once, in order, whatever is committed in which order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gateway.domain.errors import Refused
from gateway.exchange.transit.feed import Feed, Page
from gateway.store.engine import make_engine
from gateway.store.evidence.models import ReceiptRow
from gateway.store.sessions import Store
from gateway.store.transit.models import Message
from tests.support.hub import AGENCY_OFFICE, COMMUNE, MINISTRY, HubUnderTest, receipt_of
from tests.support.postgres import fresh_database
from tests.support.systems import Simulator, accept, fresh_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    hub = fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())
    for _ in range(3):
        accept(hub, AGENCY_OFFICE)
        accept(hub)
    hub.dispatch().run_once()
    return hub


def read_on(
    feed: Feed, party: str, after: str | None = None, limit: int = 100
) -> tuple[list[str], str | None]:
    """Everything after a cursor, and the cursor at the end."""
    found: list[str] = []
    for _ in range(1000):
        page = feed.events(party, after, limit)
        found += [one.receipt_id for one in page.events]
        after = page.next
        if not page.more:
            return found, after
    raise AssertionError("the feed never ends")


def stored(hub: HubUnderTest) -> list[str]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(ReceiptRow.receipt_id).order_by(ReceiptRow.id)))


@pytest.mark.parametrize("limit", [1, 2, 7, 500])
def test_every_receipt_is_told_once_in_order(hub: HubUnderTest, limit: int) -> None:
    found, cursor = read_on(hub.gateway.services.feed, MINISTRY, None, limit)
    assert found == stored(hub)
    assert len(found) >= 12
    assert read_on(hub.gateway.services.feed, MINISTRY, cursor, limit) == ([], cursor)


def test_what_comes_later_is_told_later(hub: HubUnderTest) -> None:
    feed = hub.gateway.services.feed
    before, cursor = read_on(feed, MINISTRY)
    accept(hub)
    later, _ = read_on(feed, MINISTRY, cursor)
    assert len(later) == 1
    assert before + later == stored(hub)


def test_another_party_is_told_nothing_and_its_cursor_is_not_taken(hub: HubUnderTest) -> None:
    feed = hub.gateway.services.feed
    found, theirs = read_on(feed, COMMUNE)
    assert found == []
    with pytest.raises(Refused, match="WASL-REQ-010"):
        feed.events(MINISTRY, theirs)


def test_cursor_of_a_party_without_letters_goes_on_with_the_others(hub: HubUnderTest) -> None:
    """So that its next look does not begin with all that others ever sent."""
    page = hub.gateway.services.feed.events(COMMUNE)
    assert page.next is not None
    assert page == Page((), page.next, False)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "A" * 32,
        "A" * 31,
        "A" * 33,
        "-" * 32,
        "_" * 32,
        "A" * 31 + "\n",
        "é" * 32,
        "AAAAAAAAAAE" + "A" * 21,
    ],
)
def test_cursors_that_nobody_was_given_are_refused(hub: HubUnderTest, cursor: str) -> None:
    answer = hub.client.get(
        "/api/v1/events",
        query_string={"after": cursor},
        headers={"Authorization": f"Bearer {hub.token()}"},
    )
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=²", "limit=1&limit=2"]
)
def test_wrong_limits_are_refused(hub: HubUnderTest, query: str) -> None:
    answer = hub.get(f"/api/v1/events?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")


def test_feed_needs_a_token(hub: HubUnderTest) -> None:
    assert hub.client.get("/api/v1/events").status_code == 401


def test_lost_receipt_can_always_be_fetched_again(hub: HubUnderTest) -> None:
    letter = hub.signed()
    lost = hub.post(letter).data  # the sender never saw this answer
    events: list[dict[str, Any]] = []
    after = ""
    while True:
        answer = hub.get(f"/api/v1/events?limit=4{after}")
        assert answer.headers["Cache-Control"] == "no-store"
        events += answer.json["events"]
        if not answer.json["more"]:
            break
        after = f"&after={answer.json['next']}"
    kept = {one["id"]: hub.get(one["href"], Accept="application/xml") for one in events}
    assert all(answer.status_code == 200 for answer in kept.values())
    assert lost in [answer.data for answer in kept.values()]
    for name, answer in kept.items():
        receipt = receipt_of(answer)
        told = next(one for one in events if one["id"] == name)
        assert (receipt.receipt_id, receipt.kind.value) == (name, told["kind"])
        assert receipt.reference == told["reference"]


def test_refusals_are_told_without_an_address(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    refused = hub.post(hub.signed(hub.envelope(hub="OTHER-HUB")))
    assert refused.status_code == 422
    [event] = hub.get("/api/v1/events").json["events"]
    assert (event["kind"], event["reference"], event["href"]) == ("rejection", None, None)


def test_long_history_is_looked_through_step_by_step(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.exchange.transit.feed._WINDOW", 2)
    monkeypatch.setattr("gateway.exchange.transit.feed._WINDOWS", 3)
    feed = hub.gateway.services.feed
    assert read_on(feed, MINISTRY)[0] == stored(hub)
    first = feed.events(COMMUNE)
    assert (first.events, first.more) == ((), True)
    assert read_on(feed, COMMUNE)[0] == []


@pytest.fixture
def store() -> Iterator[Store]:
    """A PostgreSQL database with the present tables."""
    engine = make_engine(fresh_database(), None)
    yield Store(engine)
    engine.dispose()


def add(session: Session, hub: HubUnderTest) -> str:
    """A refused letter of the ministry with its receipt, as somebody commits it; the receipt's identifier."""
    now, name = hub.clock(), str(uuid4())
    message = Message(
        state="REFUSED",
        party=MINISTRY,
        root_digest="0" * 64,
        content_digest="0" * 64,
        media_type="application/xml",
        received_at=now,
    )
    session.add(message)
    session.flush()
    session.add(
        ReceiptRow(
            receipt_id=name,
            message=message.id,
            kind="rejection",
            event="x",
            event_time=now,
            content=b"",
            content_digest=name.replace("-", "") * 2,
        )
    )
    session.flush()
    return name


def test_receipt_committed_late_is_not_passed_over(hub: HubUnderTest, store: Store) -> None:
    pauses: list[float] = []
    feed = Feed(store, pauses.append)
    with store.write() as session:
        first = add(session, hub)
    found, cursor = read_on(feed, MINISTRY)
    assert found == [first]
    with store.write() as slow:
        late = add(slow, hub)  # has the lower number
        with store.write() as session:
            quick = add(session, hub)
        assert read_on(feed, MINISTRY, cursor) == ([], cursor)
        assert pauses
    assert read_on(feed, MINISTRY, cursor)[0] == [late, quick]
    assert read_on(Feed(store), MINISTRY)[0] == [first, late, quick]


def test_whoever_begins_to_write_afterwards_keeps_nobody_waiting(hub: HubUnderTest, store: Store) -> None:
    with store.write() as session:
        first = add(session, hub)
    writing = store.write()

    def pause(seconds: float) -> None:
        """Somebody else begins to write while the first writer ends."""
        if not started:
            started.append(writing.__enter__())
            add(started[0], hub)
            slow.__exit__(None, None, None)

    started: list[Session] = []
    slow = store.write()
    second = add(slow.__enter__(), hub)
    feed = Feed(store, pause)
    try:
        # seen while the second one is under way: only what was there before may be told
        assert read_on(feed, MINISTRY)[0] == [first]
        assert started
    finally:
        writing.__exit__(None, None, None)
    assert read_on(feed, MINISTRY)[0][:2] == [first, second]


def test_undone_and_reading_transactions_keep_nobody_waiting(hub: HubUnderTest, store: Store) -> None:
    undone = store.write()
    add(undone.__enter__(), hub)
    undone.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    with store.write() as session:
        name = add(session, hub)
    with store.read() as reader, store.write() as other:
        reader.execute(text("SELECT count(*) FROM receipt"))
        other.execute(text("UPDATE message SET subject = 'x'"))
        assert read_on(Feed(store, _no_pause), MINISTRY)[0] == [name]


def _no_pause(seconds: float) -> None:
    raise AssertionError("nobody writes receipts")


def test_cursor_of_a_database_replaced_by_an_older_copy_is_refused(hub: HubUnderTest, store: Store) -> None:
    with store.write() as session:
        add(session, hub)
    _, cursor = read_on(Feed(store), MINISTRY)
    with store.write() as session:
        session.execute(text("DELETE FROM receipt"))
    with pytest.raises(Refused, match="WASL-REQ-010"):
        Feed(store).events(MINISTRY, cursor)
    with store.write() as session:
        session.execute(text("ALTER SEQUENCE receipt_id_seq RESTART"))
        again = add(session, hub)
    with pytest.raises(Refused, match="WASL-REQ-010"):
        Feed(store).events(MINISTRY, cursor)
    assert read_on(Feed(store), MINISTRY)[0] == [again]
