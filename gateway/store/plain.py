"""Statements of the hot path, executed as they were compiled once: SQLAlchemy's own way costs more.

They are written with SQLAlchemy like all others, and handed over here inside the session's transaction: those
whose text never changes (an ``IN`` has a fixed number of places), about tables, that no unit of work must
know of.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Column, Connection, Delete, Dialect, Insert, Select, Update, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

Statement = Insert | Update | Delete | Select[Any]
Values = Mapping[str, Any]

_MOST = 256
_LAST_KEY = "SELECT last_insert_rowid()"

_Convert = Callable[[Any], Any] | None


def found(session: Session, query: Statement, values: Values) -> list[Any]:
    """The rows that a query finds, or a change returns, as named tuples.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    connection = session.connection()
    compiled = _compiled(query, connection.dialect, frozenset(values))
    cursor = _executed(connection, compiled, compiled.parameters(values), many=False)
    return [compiled.row(one) for one in cursor.fetchall()]


def run(session: Session, change: Statement, values: Sequence[Values]) -> int:
    """Carry out a change with each of some values; how many rows it concerned.

    Args:
        values: not empty, all with the same names.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    connection = session.connection()
    compiled = _compiled(change, connection.dialect, frozenset(values[0]))
    concerned: int = _sent(connection, compiled, values).rowcount
    return concerned


def inserted(session: Session, into: Insert, rows: Sequence[Values]) -> list[int]:
    """Insert rows into a table whose key ``id`` the database makes; the keys, in the order of the rows.

    Args:
        rows: not empty, all with the same names.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        run(session, into, rows)
        # nobody writes in between, and each key is the largest plus one (https://sqlite.org/autoinc.html)
        last = int(_driver(connection).execute(_LAST_KEY).fetchone()[0])
        return list(range(last - len(rows) + 1, last + 1))
    compiled = _compiled(_returning(into), connection.dialect, frozenset(rows[0]))
    cursor = _sent(connection, compiled, rows)
    keys = [int(cursor.fetchone()[0])]
    while len(keys) < len(rows) and cursor.nextset():
        keys.append(int(cursor.fetchone()[0]))
    return keys


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A statement as the driver of one dialect takes it.

    Attributes:
        binds: of each parameter, in the order of the text: its name, its conversion, whether its value is
            given, and which it has if not.
        names: of the parameters, in that order.
        by_name: parameters go by name, not by place.
        row: makes a row from what the driver returns.
        returns: it changes rows and returns something of them.
    """

    text: str
    binds: tuple[tuple[str, _Convert, bool, Any], ...]
    names: tuple[str, ...]
    by_name: bool
    row: Callable[[Sequence[Any]], Any]
    returns: bool

    def parameters(self, values: Values) -> Any:
        """What the driver is given for one row.

        Raises:
            KeyError: a value is missing that the first row had.
        """
        found = [
            value if convert is None else convert(value)
            for name, convert, given, usual in self.binds
            for value in (values[name] if given else usual,)
        ]
        return dict(zip(self.names, found, strict=True)) if self.by_name else found


@lru_cache(_MOST)
def _compiled(statement: Statement, dialect: Dialect, names: frozenset[str]) -> _Compiled:
    """Work a statement out for a dialect.

    Raises:
        TypeError: its text depends on its values, or a column's default has to be reckoned.
    """
    keys = None if isinstance(statement, Select) else sorted(names)
    compiled: Any = statement.compile(dialect=dialect, column_keys=keys)
    order = compiled.positiontup if compiled.positional else [*compiled.bind_names.values()]
    usual = {column.key: _default(column) for column in compiled.insert_prefetch or ()}
    binds = []
    for name in order:
        bind = compiled.binds[name]
        if bind.expanding or bind.callable is not None or (bind.required and name not in names):
            raise TypeError(f"not a plain statement for lack of {name}: {compiled.string}")
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        binds.append((name, convert, name in names, usual.get(name, bind.value)))
    columns = tuple(statement.exported_columns)
    return _Compiled(
        text=compiled.string,
        binds=tuple(binds),
        names=tuple(order),
        by_name=not compiled.positional,
        row=_row_of(columns, dialect),
        returns=bool(columns) and not isinstance(statement, Select),
    )


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    if not default.is_scalar:
        raise TypeError(f"the default of {column} has to be reckoned")
    return default.arg


def _row_of(columns: Sequence[Any], dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    names = [str(one.key) for one in columns]
    row: Any = namedtuple("row", names, rename=True)  # type: ignore[misc]
    kinds = enumerate(_result(one.type, dialect) for one in columns)
    converts = [(place, convert) for place, convert in kinds if convert is not None]
    if not converts:
        return cast("Callable[[Sequence[Any]], Any]", row._make)

    def make(values: Sequence[Any]) -> Any:
        made = list(values)
        for place, convert in converts:
            made[place] = convert(made[place])
        return row._make(made)

    return make


def _result(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


@lru_cache(_MOST)
def _returning(into: Insert) -> Insert:
    # from the table: a copy of the statement would believe that it returns what the first one did, nothing
    return insert(into.table).returning(into.table.c.id)


def _sent(connection: Connection, compiled: _Compiled, values: Sequence[Values]) -> Any:
    if len(values) == 1:
        return _executed(connection, compiled, compiled.parameters(values[0]), many=False)
    return _executed(connection, compiled, [compiled.parameters(one) for one in values], many=True)


def _executed(connection: Connection, compiled: _Compiled, parameters: Any, many: bool) -> Any:
    """A cursor on which the statement was executed.

    Raises:
        DBAPIError: the driver's error, as SQLAlchemy would tell it.
    """
    dispatch: Any = connection.dispatch
    cursor = _driver(connection).cursor()
    try:
        for listen in dispatch.before_cursor_execute:
            listen(connection, cursor, compiled.text, parameters, None, many)
        if not many:
            cursor.execute(compiled.text, parameters)
        elif compiled.returns:
            cursor.executemany(compiled.text, parameters, returning=True)
        else:
            cursor.executemany(compiled.text, parameters)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _told(connection, compiled, parameters, error, cursor) from error
    return cursor


def _told(
    connection: Connection, compiled: _Compiled, parameters: Any, error: Any, cursor: Any
) -> BaseException:
    dialect = connection.dialect
    gone = dialect.is_disconnect(error, _driver(connection), cursor)
    if gone:
        connection.invalidate(error)
    told: BaseException = DBAPIError.instance(
        compiled.text,
        parameters,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=connection.engine.hide_parameters,
        connection_invalidated=gone,
        dialect=dialect,
    )
    return told


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
