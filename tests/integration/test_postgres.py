"""The hub's records in PostgreSQL: the same tables, types and turns, and one leader among all machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event, func, select, text

from gateway import home
from gateway.bootstrap import lead
from gateway.bootstrap.evidence import sequenced
from gateway.domain.errors import Damaged, Misconfigured, Unavailable
from gateway.exchange.evidence.head import HeadFile
from gateway.exchange.evidence.sequencer import Pace, SequencedLedger, Sequencer
from gateway.home import DATABASE_PASSWORD
from gateway.settings import Settings
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.evidence.ledger_models import CheckpointRow, LeafRow, PendingEntry
from gateway.store.leader import DatabaseLead
from gateway.store.sessions import Store
from gateway.store.transit.models import DeliveryRow, Message
from gateway.store.turns import left_by_others, take_turn
from tests.support import postgres
from tests.support.hub import HubUnderTest, make_hub, make_settings
from tests.support.shapes import Shape

OFFSET = timezone(timedelta(hours=-9, minutes=-30))


@pytest.fixture(scope="module")
def hub(scaled: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def open_engine(scaled: Shape) -> Iterator[Callable[[str], Any]]:
    with ExitStack() as stack:

        def open_engine(url: str) -> Any:
            engine = make_engine(url, None, busy_s=20)
            stack.callback(engine.dispose)
            return engine

        yield open_engine


def together(*jobs: Callable[[], object]) -> list[object]:
    """What each returned, or the trouble it had, when all began at once."""
    start, results = Barrier(len(jobs), timeout=20), [None] * len(jobs)

    def run(number: int, job: Callable[[], object]) -> None:
        start.wait()
        try:
            results[number] = job()  # type: ignore[call-overload]
        except (Unavailable, Damaged) as fault:
            results[number] = fault  # type: ignore[call-overload]

    threads = [Thread(target=run, args=one) for one in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(results)


def end_connections(engine: Any) -> None:
    query = text("SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = :name")
    with postgres.server().maintenance() as connection:
        connection.execute(query, {"name": engine.url.database})


def test_the_steps_lead_to_the_models(open_engine: Callable[[str], Any]) -> None:
    engine = open_engine(postgres.empty_database())
    assert migrate.current(engine) is None
    assert migrate.upgrade(engine) == migrate.head()
    assert migrate.differences(engine) == []


def test_processes_that_start_together_upgrade_one_after_the_other(
    open_engine: Callable[[str], Any],
) -> None:
    url = postgres.empty_database()
    engines = [open_engine(url) for _ in range(4)]
    done = together(*(lambda one=one: migrate.upgrade(one) for one in engines))  # type: ignore[misc]
    assert done == [migrate.head()] * 4


def test_a_database_of_a_later_version_is_not_touched(open_engine: Callable[[str], Any]) -> None:
    engine = open_engine(postgres.fresh_database())
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE schema_floor SET revision = '9998'"))
    with pytest.raises(Misconfigured, match="9999 belongs to a later version"):
        migrate.upgrade(engine)


def test_a_database_of_a_later_version_that_only_added_is_worked_with(
    open_engine: Callable[[str], Any],
) -> None:
    engine = open_engine(postgres.fresh_database())
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert migrate.upgrade(engine) == "9999"


def test_moments_come_back_in_utc_to_the_microsecond(hub: HubUnderTest) -> None:
    moment = datetime(2027, 3, 28, 1, 30, 59, 123457, OFFSET)
    with hub.gateway.store.write() as session:
        session.execute(text("SET LOCAL timezone = 'Asia/Kathmandu'"))
        session.add(PendingEntry(test=True, octets=bytes(range(256)) * 1024, since=moment))
        session.flush()
        row = session.scalars(select(PendingEntry).execution_options(populate_existing=True)).one()
        assert (row.since, row.since.tzinfo) == (moment, UTC)
        assert row.octets == bytes(range(256)) * 1024
        session.delete(row)


def test_row_numbers_go_beyond_32_bits(hub: HubUnderTest) -> None:
    far = 2**31 + 5
    with hub.gateway.store.write() as session:
        for table in ("message", "receipt", "delivery_event", "ledger_pending"):
            session.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :far)"),
                {"table": table, "far": far},
            )
    assert hub.post(hub.signed()).status_code == 201
    with hub.gateway.store.read() as session:
        assert (session.scalar(select(func.max(Message.id))) or 0) > far


def test_a_reader_sees_one_state_and_cannot_write(hub: HubUnderTest) -> None:
    store = hub.gateway.store
    with store.read() as reader:
        before = reader.scalar(select(func.count(Message.id)))
        hub.post(hub.signed())
        assert reader.scalar(select(func.count(Message.id))) == before
        with pytest.raises(Unavailable), store.read() as other:
            other.execute(text("DELETE FROM ledger_pending"))
    with store.read() as reader:
        assert reader.scalar(select(func.count(Message.id))) == (before or 0) + 1


def test_the_server_keeps_what_readers_had_it_prepare(hub: HubUnderTest) -> None:
    store, prepared = (
        hub.gateway.store,
        text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like"),
    )
    for _ in range(
        10
    ):  # each look a transaction of its own, and a statement is prepared once it was often asked
        with store.read() as session:
            session.execute(text("SELECT 4711"))
    with store.read() as session:
        assert session.execute(prepared, {"like": "SELECT 4711"}).scalar_one() == 1


def test_two_that_claim_pass_over_each_others_rows(hub: HubUnderTest) -> None:
    for _ in range(2):
        hub.post(hub.signed())
    query = select(DeliveryRow).order_by(DeliveryRow.id).limit(1)
    store = hub.gateway.store
    with store.write() as one, store.write() as other:
        [mine] = one.scalars(left_by_others(one, query))
        [theirs] = other.scalars(left_by_others(other, query))
        assert mine.id != theirs.id
        with store.read() as looking:  # who only looks locks nothing and passes over nothing
            assert [row.id for row in looking.scalars(left_by_others(looking, query))] == [mine.id]


def test_workers_that_claim_at_once_never_get_the_same_letter(
    scaled: Shape, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("claims"))
    for _ in range(24):
        hub.post(hub.signed())
    claims = [hub.second().dispatch(f"worker-{number}").claims for number in range(4)]
    taken: list[str] = []
    for _ in range(24):
        rounds = together(*(lambda one=one: one.claim(3) for one in claims))  # type: ignore[misc]
        got = [delivery for found in rounds for delivery in found]  # type: ignore[attr-defined]
        taken += got
        if not got:
            break
    assert len(taken) == len(set(taken)) == 24


def test_a_turn_lets_the_next_one_see_what_the_one_before_committed(hub: HubUnderTest) -> None:
    store = hub.gateway.store

    def add_unless_there() -> bool:
        with store.write() as session:
            take_turn(session, "test", "once")
            there = session.scalar(select(PendingEntry.id).where(PendingEntry.octets == b"once"))
            if there is None:
                session.add(PendingEntry(test=True, octets=b"once", since=hub.clock()))
            return there is None

    assert sorted(map(bool, together(*[add_unless_there] * 8))) == [False] * 7 + [True]
    with store.write() as session:
        session.execute(text("DELETE FROM ledger_pending WHERE octets = 'once'"))


def test_one_process_of_all_leads_until_it_resigns(hub: HubUnderTest) -> None:
    mine, other = lead(hub.gateway), lead(hub.second().gateway)
    assert (mine.leads(), other.leads(), mine.leads()) == (True, False, True)
    mine.resign()
    assert (other.leads(), mine.leads()) == (True, False)
    other.resign()


def test_a_lost_connection_is_noticed_before_the_next_job(hub: HubUnderTest) -> None:
    engine, other = hub.gateway.store.engine, hub.second().gateway.store.engine
    mine, next_one = DatabaseLead(engine, "jobs"), DatabaseLead(other, "jobs")
    assert mine.leads()
    end_connections(engine)
    assert (next_one.leads(), mine.leads()) == (True, False)
    end_connections(engine)
    assert (mine.leads(), next_one.leads()) == (True, False)
    mine.resign()


def test_a_server_that_cannot_be_asked_leaves_no_leader(hub: HubUnderTest) -> None:
    engine = make_engine(f"postgresql+psycopg://wasl@/wasl?host={hub.home}/nowhere", None, busy_s=0.1)
    with pytest.raises(Unavailable):
        DatabaseLead(engine, "jobs").leads()
    engine.dispose()


class OnFileServer(HeadFile):
    """A head on a file server whose locks are worth nothing between machines."""

    @contextmanager
    def lead(self, wait_s: float = 0.0) -> Iterator[bool]:
        yield True


def on_another_machine(hub: HubUnderTest) -> Sequencer:
    there = hub.second().gateway
    moved = [
        SequencedLedger(replace(one.lineage, head=OnFileServer(one.lineage.head.path)), one.key)
        for one in sequenced(there.settings)
    ]
    return Sequencer(there.store, there.ambient, tuple(moved), Pace(3, timedelta()))


def places(store: Store) -> tuple[list[int], list[int], int]:
    """Positions and checkpoint sizes of the real ledger, and how many entries wait."""
    with store.read() as session:
        first = select(func.min(LeafRow.ledger)).scalar_subquery()
        leaves = select(LeafRow.position).where(LeafRow.ledger == first).order_by(LeafRow.position)
        sizes = select(CheckpointRow.size).where(CheckpointRow.ledger == first).order_by(CheckpointRow.size)
        waiting = session.scalar(select(func.count(PendingEntry.id))) or 0
        return list(session.scalars(leaves)), list(session.scalars(sizes)), waiting


def test_sequencers_of_two_machines_give_each_receipt_one_place(
    scaled: Shape, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("ledger"))
    for _ in range(10):
        hub.post(hub.signed())
    here, there = on_another_machine(hub), on_another_machine(hub)
    assert together(here.run, there.run) == [None, None]
    positions, sizes, waiting = places(hub.gateway.store)
    assert (positions, waiting) == (list(range(10)), 0)
    assert sizes[-1] == 10


def test_a_sequencer_that_lost_the_lead_unaware_spoils_nothing(
    scaled: Shape, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def everybody(_store: Store, _name: str) -> Iterator[bool]:
        yield True

    monkeypatch.setattr(Store, "sole", everybody)
    hub = make_hub(tmp_path_factory.mktemp("ledger"))
    for _ in range(10):
        hub.post(hub.signed())
    here, there = on_another_machine(hub), on_another_machine(hub)
    together(here.run, there.run)  # one of them may be told that the other was first
    here.run()
    positions, sizes, waiting = places(hub.gateway.store)
    assert (positions, waiting, sizes[-1]) == (list(range(10)), 0, 10)
    with hub.gateway.store.read() as session:
        assert session.scalar(select(func.count()).where(CheckpointRow.note.is_(None))) == 0


def test_the_overlay_of_the_profile_needs_nothing_but_addresses(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[scaled.database]\nurl = "postgresql://wasl@db.example/wasl"\n'
        '[scaled.broker]\nurl = "amqps://wasl@broker.example/wasl"\n'
        '[scaled.payloads]\nkind = "s3"\ns3_endpoint = "https://store.example"\ns3_bucket = "wasl"\n'
    )
    scaled: Settings = make_settings(tmp_path, WASL_PROFILE="scaled")
    assert scaled.database.url == "postgresql://wasl@db.example/wasl"
    assert make_settings(tmp_path).database.url.startswith("sqlite:///")


@pytest.mark.parametrize(
    ("said", "shown"), [("", "kept in a file"), (":kept in the address", "kept in the address")]
)
def test_the_password_comes_from_the_secrets_unless_the_address_has_one(
    hub: HubUnderTest, tmp_path: Path, said: str, shown: str
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / DATABASE_PASSWORD).write_text("kept in a file\n", "utf-8")
    # no server is asked: one that a test is given may well want its own password
    url = f"postgresql://wasl{quote(said, safe=':')}@db.example/wasl"
    settings = replace(
        hub.gateway.settings, home=tmp_path, database=replace(hub.gateway.settings.database, url=url)
    )
    engine = home.open_engine(settings)
    given: dict[str, str] = {}

    @event.listens_for(engine, "do_connect")
    def hear(_dialect: object, _record: object, _args: object, named: dict[str, str]) -> None:
        given.update(named)
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        engine.connect()
    assert (given["user"], given["password"], given["host"]) == ("wasl", shown, "db.example")
