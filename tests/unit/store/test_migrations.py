from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.sessions import Store

STEP = '''"""A step."""
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}


def upgrade():
{body}
'''
TABLES = """
    op.create_table("office", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(5)))
    op.create_table(
        "entry",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("office", sa.Integer, sa.ForeignKey("office.id", ondelete="CASCADE")),
    )
    op.execute("INSERT INTO office VALUES (1, 'first')")
    op.execute("INSERT INTO entry VALUES (7, 1)")
"""

Add = Callable[..., None]


@pytest.fixture
def empty(tmp_path: Path) -> Any:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "hub.lock", busy_s=20)
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of steps with a percent sign in its name, which an ini file would stumble over."""
    place = tmp_path / "steps 100%"
    shutil.copytree(migrate._FOLDER, place, ignore=shutil.ignore_patterns("[0-9]*_*.py", "__pycache__"))
    return place


@pytest.fixture
def add(folder: Path) -> Add:
    def add(revision: str, body: str, down: str | None = None) -> None:
        step = STEP.format(revision=revision, down=down, body=body)
        (folder / "versions" / f"{revision}_step.py").write_text(step)

    return add


def rows(engine: Engine, query: str) -> list[Any]:
    with Store(engine).read() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_the_steps_lead_to_the_models(empty: Engine) -> None:
    assert migrate.upgrade(empty) == migrate.head()
    assert migrate.differences(empty) == []


def test_an_upgraded_database_stays_as_it_is(empty: Engine) -> None:
    first = migrate.upgrade(empty)
    assert migrate.upgrade(empty) == first
    assert migrate.current(empty) == first


def test_a_database_with_the_newest_tables_needs_no_step_loaded(
    empty: Engine, folder: Path, add: Add
) -> None:
    add("0001", TABLES)
    migrate.upgrade(empty, folder)
    (folder / "versions" / "0001_step.py").write_text("a step that cannot be loaded")
    assert migrate.upgrade(empty, folder) == "0001"


def test_a_step_is_named_by_its_revision() -> None:
    assert migrate._newest(migrate._FOLDER) == migrate.head()


def test_a_new_database_has_no_revision(empty: Engine) -> None:
    assert migrate.current(empty) is None


def test_a_missing_table_shows_as_a_difference(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE stranger (x INTEGER)"))
    assert [difference[0] for difference in migrate.differences(empty)] == ["remove_table"]


def test_only_the_missing_steps_run(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    assert migrate.upgrade(empty, folder) == "0001"
    add("0002", '    op.execute("INSERT INTO entry VALUES (8, 1)")', down="0001")
    assert migrate.upgrade(empty, folder) == "0002"
    assert rows(empty, "SELECT id FROM entry ORDER BY id") == [(7,), (8,)]


def test_a_table_is_copied_without_losing_what_points_at_it(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    migrate.upgrade(empty, folder)
    widen = """
    with op.batch_alter_table("office") as batch:
        batch.alter_column("name", type_=sa.String(80))
"""
    add("0002", widen, down="0001")
    migrate.upgrade(empty, folder)
    assert rows(empty, "SELECT * FROM entry") == [(7, 1)]
    assert "VARCHAR(80)" in rows(empty, "SELECT sql FROM sqlite_schema WHERE name = 'office'")[0][0]


def test_keys_are_watched_again_after_an_upgrade(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    migrate.upgrade(empty, folder)
    assert rows(empty, "PRAGMA foreign_keys") == [(1,)]


def test_a_step_that_fails_undoes_all_steps_of_the_run(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    add("0002", '    op.execute("INSERT INTO nowhere VALUES (1)")', down="0001")
    with pytest.raises(Unavailable):
        migrate.upgrade(empty, folder)
    assert migrate.current(empty) is None
    assert rows(empty, "SELECT name FROM sqlite_schema") == []
    assert rows(empty, "PRAGMA foreign_keys") == [(1,)]


def test_a_step_that_leaves_rows_pointing_nowhere_is_undone(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    migrate.upgrade(empty, folder)
    add("0002", '    op.execute("DELETE FROM office")', down="0001")
    with pytest.raises(Misconfigured, match="rows of entry"):
        migrate.upgrade(empty, folder)
    assert migrate.current(empty) == "0001"
    assert rows(empty, "SELECT id FROM office") == [(1,)]


def test_a_database_of_a_later_version_is_not_touched(empty: Engine, folder: Path, add: Add) -> None:
    add("0001", TABLES)
    migrate.upgrade(empty, folder)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="9999 belongs to a later version"):
        migrate.upgrade(empty, folder)


def test_processes_that_upgrade_together_run_each_step_once(
    tmp_path: Path, folder: Path, add: Add, other_process: Any
) -> None:
    add("0001", TABLES)

    def upgrade(pipe: Any) -> None:
        pipe.recv()
        engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "hub.lock", busy_s=30)
        pipe.send(migrate.upgrade(engine, folder))

    pipes = [other_process(upgrade)[1] for _ in range(4)]
    for pipe in pipes:
        pipe.send("go")
    assert [pipe.recv() for pipe in pipes] == ["0001"] * 4


def test_a_draft_holds_what_the_models_have_and_the_steps_do_not(empty: Engine, folder: Path) -> None:
    written = migrate.draft(empty, "0001", "first tables", folder)
    assert written == folder / "versions" / "0001_first_tables.py"
    assert "op.create_table(" in written.read_text()
    compile(written.read_text(), str(written), "exec")


def test_steps_are_found_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (migrate._FOLDER / "env.py").is_file()
    assert isinstance(migrate.head(), str)
