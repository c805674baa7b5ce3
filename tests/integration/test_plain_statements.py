"""Plain statements do what they do through SQLAlchemy, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store import plain
from gateway.store.engine import make_engine
from gateway.store.sessions import Store
from gateway.store.types import Moment
from tests.support.shapes import Shape

AT = datetime(2026, 3, 1, 9, 30, 15, 42, UTC)
SHELF = Table(
    "plain_shelf",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20), unique=True),
    Column("held", JSON),
    Column("since", Moment),
    Column("octets", LargeBinary),
    Column("full", Boolean, default=False, nullable=False),
    Column("many", Integer, default=7, nullable=False),
)
ADD = insert(SHELF)
BY_NAME = select(SHELF).where(SHELF.c.name == bindparam("called"))
RENAME = update(SHELF).where(SHELF.c.name == bindparam("called")).values(name=bindparam("now"), many=0)
DROP = delete(SHELF).where(SHELF.c.name == bindparam("called"))


@pytest.fixture
def store(shape: Shape, tmp_path: Path) -> Iterator[Store]:
    url = shape.environment().get("WASL_DATABASE_URL", f"sqlite:///{tmp_path}/hub.db")
    engine = make_engine(url, None if shape.scaled else tmp_path / "hub.lock")
    SHELF.metadata.create_all(engine)
    yield Store(engine)
    engine.dispose()


def row(name: str, **other: Any) -> dict[str, Any]:
    return {"name": name, "held": {"a": [1, "é"]}, "since": AT, "octets": b"\0x", **other}


def as_sqlalchemy_reads(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(one) for one in session.execute(select(SHELF).order_by(SHELF.c.id))]


def test_what_goes_in_comes_out_either_way(store: Store) -> None:
    with store.write() as session:
        assert plain.run(session, ADD, [row("one"), row("two", since=None, held=None, octets=None)]) == 2
        session.execute(ADD, row("three"))
    with store.read() as session:
        read = as_sqlalchemy_reads(session)
        plainly = [tuple(plain.found(session, BY_NAME, {"called": one[1]})[0]) for one in read]
    assert plainly == read
    assert read[0][1:] == ("one", {"a": [1, "é"]}, AT, b"\0x", False, 7)
    assert read[1][2:] == (None, None, None, False, 7)


@pytest.mark.parametrize("hours", [-5, 0, 3])
def test_moments_of_every_zone_are_the_same_moment(store: Store, hours: int) -> None:
    moment = AT.astimezone(timezone(timedelta(hours=hours)))
    with store.write() as session:
        plain.run(session, ADD, [row("one", since=moment)])
        [found] = plain.found(session, BY_NAME, {"called": "one"})
    assert (found.since, found.since.utcoffset()) == (AT, timedelta(0))


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="without a zone"), store.write() as session:
        plain.run(session, ADD, [row("one", since=AT.replace(tzinfo=None))])


def test_keys_come_back_in_the_order_of_the_rows(store: Store) -> None:
    with store.write() as session:
        [first] = plain.inserted(session, ADD, [row("first")])
        several = plain.inserted(session, ADD, [row(f"s{number}") for number in range(5)])
        names = [session.scalar(select(SHELF.c.name).where(SHELF.c.id == key)) for key in [first, *several]]
    assert names == ["first", *(f"s{number}" for number in range(5))]


def test_keys_are_told_of_a_statement_that_was_used_without(store: Store) -> None:
    with store.write() as session:
        plain.run(session, ADD, [row("one")])
        assert len(plain.inserted(session, ADD, [row("two"), row("three")])) == 2


def test_changes_say_how_many_rows_they_concern(store: Store) -> None:
    with store.write() as session:
        plain.run(session, ADD, [row("one"), row("two")])
        assert (
            plain.run(session, RENAME, [{"called": "one", "now": "1"}, {"called": "none", "now": "0"}]) == 1
        )
        assert plain.run(session, DROP, [{"called": "1"}]) == 1
        assert [(one[1], one[6]) for one in as_sqlalchemy_reads(session)] == [("two", 7)]


def test_faults_are_those_of_sqlalchemy_and_undo_the_transaction(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            plain.run(session, ADD, [row("one"), row("two")])
            plain.run(session, ADD, [row("one")])

    with pytest.raises(IntegrityError) as fault:
        fail()
    assert "plain_shelf" in str(fault.value.statement)
    with store.read() as session:
        assert as_sqlalchemy_reads(session) == []


def test_it_is_part_of_the_sessions_transaction(store: Store) -> None:
    def change_our_mind() -> None:
        with store.write() as session:
            plain.run(session, ADD, [row("one")])
            raise KeyError

    with pytest.raises(KeyError):
        change_our_mind()
    with store.read() as session:
        assert plain.found(session, BY_NAME, {"called": "one"}) == []


def test_those_who_listen_to_statements_hear_these_too(store: Store) -> None:
    heard: list[tuple[str, bool]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, _values: Any, _context: Any, many: bool) -> None:
        heard.append((statement[:6], many))

    event.listen(store.engine, "before_cursor_execute", hear)
    with store.write() as session:
        plain.run(session, ADD, [row("one"), row("two")])
        plain.run(session, DROP, [{"called": "one"}])
    event.remove(store.engine, "before_cursor_execute", hear)
    assert heard == [("INSERT", True), ("DELETE", False)]


ODD = Table("odd", MetaData(), Column("id", Integer, default=lambda: 1), Column("other", Integer))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (select(SHELF).where(SHELF.c.name.in_(bindparam("names", expanding=True))), {"names": ["a"]}),
        (BY_NAME, {}),
        (insert(ODD), {"other": 1}),
    ],
    ids=["expanding", "a value is missing", "a reckoned default"],
)
def test_statements_that_are_not_plain_are_refused(store: Store, statement: Any, values: Any) -> None:
    with store.read() as session, pytest.raises(TypeError, match=r"plain|reckoned"):
        plain.found(session, statement, values)


def test_a_row_that_lacks_what_the_first_one_has_is_no_row_of_nothing(store: Store) -> None:
    short = row("two")
    del short["octets"]
    with store.write() as session, pytest.raises(KeyError, match="octets"):
        plain.run(session, ADD, [row("one"), short])


def test_a_lost_connection_is_told_and_not_used_again(scaled: Shape) -> None:
    engine = make_engine(scaled.environment()["WASL_DATABASE_URL"], None)
    store, killed = Store(engine), select(func.pg_terminate_backend(func.pg_backend_pid()))
    SHELF.metadata.create_all(engine)
    with pytest.raises(Unavailable), store.write() as session:
        plain.found(session, killed, {})
    with store.write() as session:
        assert plain.run(session, ADD, [row("one")]) == 1
    engine.dispose()
