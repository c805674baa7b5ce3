"""Rows read and written past the session: what a session would leave behind, and only what was changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, event, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError

from gateway.store import detached, plain
from gateway.store.base import Base
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow, Payload

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, tables=[table(Payload)])
    with Session(engine) as made:
        made.add_all(Payload(object_id=f"p{n}", sha256="00", size=n, created_at=NOW) for n in range(5))
        made.commit()
        yield made


def _read(session, *names):
    wanted = detached.several(names)
    key = table(Payload).c.object_id
    query = select(*detached.columns(Payload)).where(detached.among(key, len(wanted))).order_by(key)
    return [detached.made(Payload, row) for row in plain.found(session, query, wanted)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_as_many_rows_are_found_as_are_asked_for(session, count):
    found = _read(session, *(f"p{n}" for n in range(count)))
    assert [(one.object_id, one.size) for one in found] == [(f"p{n}", n) for n in range(count)]


def test_none_are_found_of_none():
    assert detached.several(()) == {}


def test_a_moment_comes_back_as_it_was_kept(session):
    [row] = _read(session, "p1")
    assert row.created_at == NOW
    assert row.inline is None


def test_no_session_knows_of_it(session):
    [row] = _read(session, "p1")
    assert inspect(row).detached
    row.size = 77
    session.flush()
    assert _read(session, "p1")[0].size == 1


def test_what_was_changed_is_written_and_nothing_else(session):
    texts = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *seen: texts.append(seen[2]))
    rows = _read(session, "p1", "p2", "p3", "p4")
    rows[0].size, rows[1].size = 10, 20
    rows[2].sha256 = "11"
    texts.clear()
    detached.write(session, Payload, rows)
    assert sorted(text.split(" SET ")[1].split(" WHERE")[0] for text in texts) == ["sha256=?", "size=?"]
    assert [(one.size, one.sha256) for one in _read(session, "p1", "p2", "p3", "p4")] == [
        (10, "00"),
        (20, "00"),
        (3, "11"),
        (4, "00"),
    ]


def test_where_nothing_was_changed_nothing_is_written(session):
    texts = []
    rows = _read(session, "p1")
    event.listen(session.get_bind(), "before_cursor_execute", lambda *seen: texts.append(seen[2]))
    detached.write(session, Payload, rows)
    assert texts == []


def test_an_outer_join_that_found_none_makes_none():
    assert detached.made(Payload, [None] * len(detached.columns(Payload))) is None


def test_what_is_loaded_later_cannot_be_read_as_if_it_were_empty():
    row = detached.made(DeliveryRow, ["x"] * len(detached.columns(DeliveryRow)))
    with pytest.raises(DetachedInstanceError):
        _ = row.routing


def test_too_few_values_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        detached.made(Payload, ["p1"])
