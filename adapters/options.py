"""Reads a route's options and collects everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from adapters.contract import Context
from adapters.functions import Tables
from adapters.mapping import Expression
from adapters.mapping import Mapping as LetterMapping
from gateway.domain.errors import Misconfigured, Temporary
from gateway.domain.registry.tables import table_faults

T = TypeVar("T")


class Options:
    """One table of a route's options; every key is read once, the rest is unknown.

    Faults are sentences that begin with the key's path; readers return a harmless value beside a fault,
    so that all faults are found together.
    """

    def __init__(self, table: Mapping[str, Any], path: str = "", faults: list[str] | None = None) -> None:
        self._table = table
        self._path = path
        self._read: set[str] = set()
        self.faults: list[str] = [] if faults is None else faults

    def fault(self, key: str, sentence: str) -> None:
        """Note that ``key`` is wrong."""
        self.faults.append(f"{self.path(key)}: {sentence}")

    def path(self, key: str) -> str:
        """The key's full name."""
        return f"{self._path}.{key}" if self._path else key

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; required where there is no default."""
        value = self._take(key, default)
        if isinstance(value, str) and (value or default == ""):
            return value
        self.fault(key, "is required" if value is None else "is not a text, or is empty")
        return ""

    def plain(self, key: str) -> Any:
        """The value as it stands, unread."""
        return self._table.get(key)

    def is_text(self, key: str) -> bool:
        """Whether a text stands there; reads nothing."""
        return isinstance(self._table.get(key), str)

    def choice(self, key: str, among: Iterable[str], default: str | None = None) -> str:
        """One word of a closed list."""
        words = tuple(among)
        value = self.text(key, default)
        if value and value not in words:
            self.fault(key, f"is none of {', '.join(words)}")
        return value

    def number(self, key: str, default: int, minimum: int = 0) -> int:
        """A whole number from ``minimum`` up."""
        value = self._take(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= minimum:
            return value
        self.fault(key, f"is not a whole number from {minimum} up")
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self._take(key, default)
        if isinstance(value, bool):
            return value
        self.fault(key, "is neither true nor false")
        return default

    def url(self, key: str, default: str | None = None) -> str:
        """An absolute http or https address without user information or fragment."""
        value = self.text(key, default)
        if value and not _is_plain_url(value):
            self.fault(key, "is no absolute http or https address, or has user information or a fragment")
        return value

    def texts(self, key: str) -> dict[str, str]:
        """A table of texts."""
        value = self._take(key, {})
        if isinstance(value, Mapping) and all(isinstance(entry, str) for entry in value.values()):
            return dict(value)
        self.fault(key, "is not a table of texts")
        return {}

    def lines(self, key: str) -> tuple[str, ...]:
        """A list of texts that are not empty; () where absent."""
        value = self._take(key, [])
        if isinstance(value, (list, tuple)) and all(isinstance(entry, str) and entry for entry in value):
            return tuple(value)
        self.fault(key, "is not a list of texts")
        return ()

    def code_tables(self, key: str = "tables") -> Tables:
        """Tables of codes, by name."""
        section = self.section(key)
        if section is None:
            return {}
        tables = {name: section.texts(name) for name in section.names()}
        self.faults.extend(f"{self.path(key)}.{fault}" for fault in table_faults(tables))
        return tables

    def section(self, key: str) -> Options | None:
        """A table below this one, or None; its faults are noted here."""
        value = self._take(key, None)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Options(value, self.path(key), self.faults)
        self.fault(key, "is not a table")
        return None

    def sections(self, key: str) -> list[Options]:
        """A list of tables; [] where absent."""
        value = self._take(key, [])
        if isinstance(value, (list, tuple)) and all(isinstance(entry, Mapping) for entry in value):
            return [Options(entry, f"{self.path(key)}[{at}]", self.faults) for at, entry in enumerate(value)]
        self.fault(key, "is not a list of tables")
        return []

    def names(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._table)

    def expression(self, key: str, tables: Tables | None = None) -> Expression | None:
        """A compiled JMESPath expression, or None where absent."""
        if self._table.get(key) is None:
            return None
        source = self.text(key)
        return self._compiled(lambda: Expression.compile(source, self.path(key), tables)) if source else None

    def mapping(self, key: str, tables: Tables) -> LetterMapping | None:
        """A compiled mapping, or None where absent."""
        value = self._take(key, None)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.fault(key, "is not a table")
            return None
        return self._compiled(lambda: LetterMapping.compile(value, tables, self.path(key)))

    def value(self, key: str) -> Any:
        """What stands there, unread; None where absent."""
        return self._table.get(key)

    def end(self) -> None:
        """Note every key that nobody has read.

        But for ``tables`` of a route: its office may have some, whatever the kind makes of them.
        """
        of_the_office = "" if self._path else "tables"
        for key in self._table:
            if key not in self._read and key != of_the_office:
                self.fault(key, "is no option known here")

    def check(self) -> None:
        """Raise what was found.

        Raises:
            Misconfigured: at least one fault.
        """
        if self.faults:
            raise Misconfigured(self.faults)

    def _take(self, key: str, default: Any) -> Any:
        self._read.add(key)
        return self._table.get(key, default)

    def _compiled(self, compile_it: Callable[[], T]) -> T | None:
        try:
            return compile_it()
        except Misconfigured as wrong:
            self.faults.extend(wrong.faults)
            return None


def _is_plain_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    printable = value.isprintable() and " " not in value
    whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return port_is_good and printable and whole and "@" not in parts.netloc and not parts.fragment


def faults_of(*readers: Callable[[Mapping[str, Any]], object], options: Mapping[str, Any]) -> list[str]:
    """Everything that several readers of the same options find wrong with them, each fault once."""
    found: dict[str, None] = {}
    for reader in readers:
        try:
            reader(options)
        except Misconfigured as wrong:
            found.update(dict.fromkeys(wrong.faults))
    return list(found)


def described(read: Callable[[Mapping[str, Any]], T | None], context: Context) -> T:
    """What the route's options describe.

    Raises:
        Temporary: nothing, or something that is wrong; an operator corrects the route.
    """
    try:
        found = read(context.options)
    except Misconfigured as wrong:
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong
    if found is None:
        raise Temporary("WASL-DLV-007", "the route does not describe it")
    return found
