from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store.engine import ACCESS, READ, WRITE, make_engine
from gateway.store.filelock import LockBroken, LockTimeout
from gateway.store.registry.models import AccessToken
from gateway.store.sessions import Store, access_options


def add(session: Session, entry: str, number: int | None = None) -> None:
    session.execute(text("INSERT INTO book VALUES (:number, :entry)"), {"number": number, "entry": entry})


def count(session: Session) -> int:
    found: int = session.execute(text("SELECT count(*) FROM book")).scalar_one()
    return found


def pragma(store: Store, name: str) -> Any:
    with store.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar_one()


def write_many(pipe: Any, folder: Path, name: str, times: int) -> None:
    engine = make_engine(f"sqlite:///{folder}/hub.db", folder / "hub.lock", busy_s=30)
    worst = 0.0
    pipe.send("ready")
    pipe.recv()
    for number in range(times):
        started = time.monotonic()
        with Store(engine).write() as session:
            before = count(session)
            add(session, f"{name} {number}")
            assert count(session) == before + 1
        worst = max(worst, time.monotonic() - started)
    engine.dispose()
    pipe.send(worst)


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1),
     ("busy_timeout", 300), ("trusted_schema", 0)],
)  # fmt: skip
def test_sqlite_is_tuned_for_durability(store: Store, name: str, value: object) -> None:
    assert pragma(store, name) == value


def test_a_block_that_ends_is_committed(store: Store) -> None:
    with store.write() as session:
        add(session, "letter")
    with store.read() as session:
        assert count(session) == 1


def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    def change_and_fail() -> None:
        with store.write() as session:
            add(session, "letter")
            session.execute(text("CREATE TABLE other (x)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    with store.read() as session:
        assert count(session) == 0
        assert session.execute(text("SELECT name FROM sqlite_schema WHERE name = 'other'")).all() == []


def test_the_lock_is_free_after_a_block_that_raised(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write():
        raise ZeroDivisionError
    with store.write() as session:
        add(session, "letter")


def test_a_reader_sees_one_state(store: Store) -> None:
    with store.read() as reader:
        assert count(reader) == 0
        with store.write() as writer:
            add(writer, "letter")
        assert count(reader) == 0
    with store.read() as reader:
        assert count(reader) == 1


def test_a_reader_cannot_write_and_its_connection_can_again_later(store: Store) -> None:
    with pytest.raises(Unavailable, match="out of service"), store.read() as session:
        add(session, "letter")
    with store.write() as session:
        add(session, "letter")
    with store.read() as session:
        assert count(session) == 1


def test_a_reader_that_never_asks_for_rows_begins_nothing_of_its_own(store: Store) -> None:
    with store.read() as session:
        cursor = session.connection().exec_driver_sql("SELECT 1")
        assert (cursor.scalar_one(), session.in_transaction()) == (1, False)


def test_what_a_reader_was_given_stays_readable_and_is_let_go(store: Store) -> None:
    with store.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE access_token (digest, party, scope, expires_at)")
        session.connection().exec_driver_sql("INSERT INTO access_token VALUES ('d', 'p', 's', NULL)")
    with store.read() as session:
        row = session.get_one(AccessToken, "d")
        assert row in session
    assert (row in session, row.scope) == (False, "s")


def test_a_broken_constraint_reaches_the_caller(store: Store) -> None:
    with store.write() as session:
        add(session, "first", 1)
    with pytest.raises(IntegrityError), store.write() as session:
        add(session, "second", 1)


def test_a_fault_of_the_statement_is_not_called_trouble_of_the_database(store: Store) -> None:
    with pytest.raises(ProgrammingError), store.read() as session:
        session.connection().exec_driver_sql("SELECT ?, ?", (1,))


def test_a_lock_held_elsewhere_makes_the_database_busy(store: Store, tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    with pytest.raises(Unavailable, match="database busy") as caught, store.write():
        pytest.fail("two writers")
    assert isinstance(caught.value.__cause__, LockTimeout)
    leave.set()
    holder.join()


def test_a_stranger_who_writes_without_our_lock_makes_the_database_busy(store: Store, tmp_path: Path) -> None:
    stranger = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="database busy"), store.write() as session:
        add(session, "letter")
    stranger.close()


def test_a_write_inside_a_write_is_a_mistake_and_not_a_wait(store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError, match="held by this thread"), store.write():
        pytest.fail("two writers")


def test_a_used_up_pool_makes_the_database_busy(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", None, busy_s=0.05, pool_size=1)
    store = Store(engine)
    with (
        store.read(),
        store.read(),
        pytest.raises(Unavailable, match="database busy") as caught,
        store.read(),
    ):
        pytest.fail("more connections than the pool has")
    assert isinstance(caught.value.__cause__, PoolTimeout)
    engine.dispose()


def test_a_full_database_is_our_trouble_and_keeps_what_it_had(store: Store, engine: Engine) -> None:
    with store.write() as session:
        add(session, "letter")

    def fill() -> None:
        with store.write() as session:
            session.execute(text("PRAGMA max_page_count=1"))
            for _ in range(64):
                add(session, "x" * 4096)

    with pytest.raises(Unavailable, match="out of service") as caught:
        fill()
    assert "full" in str(caught.value.__cause__)
    with store.read() as session:
        assert count(session) == 1


def test_a_full_disk_at_commit_is_our_trouble(store: Store, other_process: Any) -> None:
    _, pipe = other_process(write_beyond_the_disk, store)
    assert pipe.recv() == "Unavailable"
    with store.read() as session:
        assert count(session) == 0


def write_beyond_the_disk(pipe: Any, store: Store) -> None:
    import resource

    store.engine.dispose(close=False)  # connections do not survive a fork
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
    try:
        with store.write() as session:
            add(session, "x" * 1024 * 1024)
    except Unavailable as error:
        pipe.send(type(error).__name__)


def test_a_read_only_database_is_our_trouble(store: Store, tmp_path: Path) -> None:
    url = f"sqlite:///file:{tmp_path}/hub.db?mode=ro&uri=true"
    engine = make_engine(url, tmp_path / "hub.lock")
    with pytest.raises(Unavailable, match="out of service"), Store(engine).write() as session:
        add(session, "letter")
    engine.dispose()


def test_a_damaged_file_is_our_trouble(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"no database at all, only words " * 200)
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "hub.lock")
    with pytest.raises(Unavailable, match="out of service"), Store(engine).read() as session:
        count(session)
    engine.dispose()


def test_a_missing_folder_is_our_trouble(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/missing/hub.db", tmp_path / "missing" / "hub.lock")
    with pytest.raises(Unavailable, match="out of service"), Store(engine).write():
        pytest.fail("no database")


def test_a_lock_file_that_vanished_with_its_folder_is_our_trouble(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "missing" / "hub.lock")
    with pytest.raises(Unavailable, match="out of service") as caught, Store(engine).write():
        pytest.fail("no lock")
    assert isinstance(caught.value.__cause__, LockBroken)
    engine.dispose()


def test_a_database_in_memory_works_without_a_lock() -> None:
    engine = make_engine("sqlite://", None)
    with Store(engine).write() as session:
        session.execute(text("CREATE TABLE book (number INTEGER PRIMARY KEY, entry TEXT)"))
        add(session, "letter")
    with Store(engine).read() as session:
        assert count(session) == 1
    engine.dispose()


def test_a_file_without_a_lock_file_works(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", None)
    with Store(engine).write() as session:
        session.execute(text("CREATE TABLE book (number INTEGER PRIMARY KEY, entry TEXT)"))
        add(session, "letter")
    assert pragma(Store(engine), "journal_mode") == "wal"
    engine.dispose()


def test_processes_queue_to_write_and_nobody_is_turned_away(
    store: Store, tmp_path: Path, other_process: Any
) -> None:
    pipes = [other_process(write_many, tmp_path, f"process {number}", 25)[1] for number in range(6)]
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:
        pipe.send("go")
    waits = [pipe.recv() for pipe in pipes]
    with store.read() as session:
        assert count(session) == 150
    assert max(waits) < 5


def test_new_processes_switch_a_new_database_to_its_log_together(tmp_path: Path, other_process: Any) -> None:
    def make(pipe: Any) -> None:
        pipe.recv()
        engine = make_engine(f"sqlite:///{tmp_path}/new.db", tmp_path / "new.lock", busy_s=20)
        with Store(engine).write() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS book (entry TEXT)"))
        pipe.send(pragma(Store(engine), "journal_mode"))

    pipes = [other_process(make)[1] for _ in range(6)]
    for pipe in pipes:
        pipe.send("go")
    assert [pipe.recv() for pipe in pipes] == ["wal"] * 6


def test_deleted_content_is_nowhere_in_the_files_after_a_checkpoint(store: Store, tmp_path: Path) -> None:
    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("hub.db*"))

    with store.write() as session:
        add(session, "confidential " * 100)
    assert b"confidential" in on_disk()
    with store.write() as session:
        session.execute(text("DELETE FROM book"))
    assert store.checkpoint()
    assert b"confidential" not in on_disk()


def test_a_checkpoint_says_when_a_reader_stands_in_its_way(store: Store) -> None:
    with store.read() as reader:
        count(reader)
        with store.write() as session:
            add(session, "letter")
        assert not store.checkpoint()
    assert store.checkpoint()


def test_a_checkpoint_that_the_disk_refuses_is_our_trouble(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_engine: Engine) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Engine, "connect", refuse)
    with pytest.raises(Unavailable, match="out of service"):
        store.checkpoint()


def test_a_database_of_another_kind_reads_one_state_too() -> None:
    assert access_options("postgresql", READ) == {
        ACCESS: READ,
        "isolation_level": "REPEATABLE READ",
        "postgresql_readonly": True,
    }
    assert access_options("postgresql", WRITE) == {
        ACCESS: WRITE,
        "isolation_level": "READ COMMITTED",
        "postgresql_readonly": None,
    }
