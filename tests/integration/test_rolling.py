"""The hub is renewed with letters in flight: tables change under processes that go on; every letter ends."""

from __future__ import annotations

import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, column, insert, inspect, make_url, select, text
from sqlalchemy import table as lightweight

from gateway import home
from gateway.bootstrap import build, fallback, lifecycle
from gateway.domain.errors import Misconfigured, Temporary, Unavailable
from gateway.exchange.clock import Ambient
from gateway.settings import StandInWarning
from gateway.store import migrate
from gateway.store.base import Base
from gateway.store.transit.models import DeliveryRow
from tests.support import postgres
from tests.support.deliveries import in_state
from tests.support.hub import AGENCY_OFFICE, HubUnderTest, make_settings
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, receipt_rows, row, state

OLD = "0005"
"""The last revision before steps only add."""
LATER = '''"""What a later version adds while this one goes on."""
import sqlalchemy as sa
from alembic import op

revision = "0900"
down_revision = "{head}"
branch_labels = None
depends_on = None
{floor}

def upgrade():
    op.add_column("delivery", sa.Column("colour", sa.String(9), server_default="blue", nullable=False))
    op.add_column("message", sa.Column("weight", sa.Integer(), nullable=True))
    op.create_table("parcel", sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id"))
    op.create_index("ix_delivery_colour", "delivery", ["colour"])
'''


def steps(folder: Path, until: str = "9999", *, later: bool = False, floor: str = "") -> Path:
    """A copy of the steps up to one of them, or with one more."""
    place = folder / f"steps-{until}-{later}-{bool(floor)}"
    shutil.copytree(migrate._FOLDER, place, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (place / "versions").glob("[0-9]*.py"):
        if path.name[:4] > until:
            path.unlink()
    if later:
        (place / "versions" / "0900_later.py").write_text(LATER.format(head=migrate.head(), floor=floor))
    return place


@pytest.fixture
def system() -> Simulator:
    return Simulator(idempotent=True)


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path / "hub", system)


def old_database(hub: HubUnderTest, tmp_path: Path) -> HubUnderTest:
    """The same hub over tables of the old revision, with the rows that these can hold."""
    if hub.gateway.settings.database.url.startswith("sqlite"):
        url = f"sqlite:///{hub.home}/old.sqlite3"
    else:
        name = make_url(postgres.server().make_database()).database
        url = make_url(hub.gateway.settings.database.url).set(database=name)
        url = url.render_as_string(hide_password=False)
    settings = make_settings(hub.home, WASL_DATABASE_URL=str(url))
    engine = home.open_engine(settings)
    assert migrate.upgrade(engine, steps(tmp_path, OLD)) == OLD
    copy_rows(hub.gateway.store.engine, engine)
    engine.dispose()
    gateway = build(settings, Ambient(now=hub.clock, chance=lambda: 0.0))
    return HubUnderTest(replace(gateway, adapters=hub.gateway.adapters), hub.pki, hub.clock)


def copy_rows(new: Engine, old: Engine) -> None:
    """What an old hub would have written: every row, without the columns that it does not know."""
    with new.connect() as source, old.begin() as target:
        known = inspect(target)
        for table in Base.metadata.sorted_tables:
            if not known.has_table(table.name):
                continue
            names = [one["name"] for one in known.get_columns(table.name)]
            columns = [table.c[name] for name in names]
            rows = [dict(one) for one in source.execute(select(*columns)).mappings()]
            if rows:  # without the models, whose defaults would speak of columns that are not there
                bare = lightweight(table.name, *(column(name, table.c[name].type) for name in names))
                target.execute(insert(bare), rows)
            if old.dialect.name == "postgresql" and rows and isinstance(rows[0].get("id"), int):
                target.execute(
                    text(
                        f"SELECT setval(s::regclass, (SELECT max(id) FROM {table.name}))"
                        f" FROM pg_get_serial_sequence('{table.name}', 'id') s"
                        f" WHERE s IS NOT NULL AND EXISTS (SELECT 1 FROM {table.name})"
                    )
                )


ENDS = {
    "QUEUED": "HANDED_OVER",
    "WAITING": "HANDED_OVER",
    "DELIVERING": "HANDED_OVER",
    "HELD": "FAILED",
    "AVAILABLE": "AVAILABLE",
}


def test_letters_of_the_version_before_end_rightly_after_the_upgrade(
    hub: HubUnderTest, tmp_path: Path, system: Simulator
) -> None:
    started = {at: in_state(hub, at) for at in ENDS}
    end = hub.clock() + timedelta(hours=2)
    [expiring] = accept(hub, expires_at=end)
    [lying] = accept(hub, AGENCY_OFFICE, expires_at=end)
    with hub.gateway.store.write() as session:
        session.get_one(DeliveryRow, expiring).due_at = end + timedelta(days=1)  # nobody claims it
    old = old_database(hub, tmp_path)
    before = {one: [kept.content_digest for kept in receipt_rows(hub, one)] for one in started.values()}
    prepare(old)
    assert migrate.current(old.gateway.store.engine) == migrate.head()
    assert not row(old, expiring).own_end
    old.clock.forward(hours=1, minutes=30)
    dispatch = old.dispatch("new-worker")
    dispatch.run_once(100)
    dispatch.give_up_held()
    assert {at: state(old, one) for at, one in started.items()} == ENDS
    old.clock.forward(hours=1)
    assert lifecycle.lapses(old.gateway, "new-worker").run() == 1
    assert dispatch.give_up_held() == 1
    assert (state(old, expiring), state(old, lying)) == ("EXPIRED", "EXPIRED")
    for one, digests in before.items():
        assert [kept.content_digest for kept in receipt_rows(old, one)][: len(digests)] == digests
    assert fallback(old.gateway, "new-worker").run() == 0


@contextmanager
def beside(act: object) -> Iterator[list[BaseException]]:
    """Do something again and again in a thread of its own while the block runs; what went wrong."""
    wrong: list[BaseException] = []
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                act()  # type: ignore[operator]
            except BaseException as error:
                wrong.append(error)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield wrong
    finally:
        over.set()
        thread.join(60)
    assert not thread.is_alive()


def test_processes_go_on_while_a_later_version_changes_the_tables(
    hub: HubUnderTest, tmp_path: Path, system: Simulator
) -> None:
    system.script = [Temporary("WASL-DLV-002", "HTTP 503")] * 3
    sent: list[str] = []
    held = in_state(hub, "HELD")
    folder = steps(tmp_path, later=True)

    def web() -> None:
        try:
            with suppress(Unavailable):  # the test's own look-up of what it sent
                sent.extend(accept(hub))
        except AssertionError as answer:  # a table was not free: the sender is told to come again
            if "503" not in str(answer):
                raise

    def work() -> None:
        with suppress(Unavailable):  # likewise; a worker looks again
            hub.dispatch("old-worker").run_once(3)

    with beside(web) as refused, beside(work) as broken:
        until(lambda: len(sent) > 3)
        engine = home.open_engine(hub.gateway.settings)
        upgraded = until(lambda: upgrade(engine, folder))
        assert upgraded == "0900"
        engine.dispose()
        count = len(sent)
        until(lambda: len(sent) > count + 3 or refused or broken)
    assert (refused, broken) == ([], [])
    # a process of this version restarts, or is brought back, beside the later one
    prepare(hub)
    again = hub.second()
    again.gateway = replace(again.gateway, adapters=hub.gateway.adapters)
    hub.clock.forward(minutes=30)
    again.dispatch("restarted").run_once(10_000)
    lifecycle.repair(again.gateway)
    assert {state(again, one) for one in sent} == {"HANDED_OVER"}
    assert all(sum(kept.outcome for kept in receipt_rows(again, one)) == 1 for one in sent)
    assert state(again, held) == "HELD"
    assert migrate.current(again.gateway.store.engine) == "0900"


def test_a_version_that_has_no_place_any_more_does_not_start(hub: HubUnderTest, tmp_path: Path) -> None:
    folder = steps(tmp_path, later=True, floor='floor = "0899"')
    assert upgrade(hub.gateway.store.engine, folder) == "0900"
    assert migrate.floor(hub.gateway.store.engine) == "0899"
    with pytest.raises(Misconfigured, match="later version"):
        prepare(hub)


def prepare(hub: HubUnderTest) -> None:
    """What a process of the hub does when it starts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StandInWarning)
        home.prepare(hub.gateway.settings)


def upgrade(engine: Engine, folder: Path) -> str | None:
    """The revision; None when a table was not free for that long, and nothing was changed."""
    try:
        return migrate.upgrade(engine, folder)
    except Unavailable:
        return None


def until(met: object) -> object:
    """What is given once it is true, within a bounded time."""
    over = threading.Event()
    for _ in range(1200):
        found = met()  # type: ignore[operator]
        if found:
            return found
        over.wait(0.05)
    raise AssertionError("waited too long")
