"""The secrets that routes name: which there are, who names them, which are missing; and keeping one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.domain.registry.differences import references
from gateway.domain.registry.versions import OPEN, Stage
from gateway.store.registry import queries, version_queries
from gateway.store.sessions import Store

VARIABLE = "WASL_SECRET_"
LARGEST = 65_536
"""Octets: a certificate with its chain and its key is the largest secret that a route has."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NEW = ".new"


@dataclass(frozen=True)
class SecretLine:
    """A secret that is kept, or that somebody names.

    Attributes:
        kept: ``environment``, ``file``, or ``missing``; the environment goes before the file.
        routes: offices whose active version names it; ``versions``: ``office:number`` of those still open;
            ``parties``: those whose receipts are told with it.
    """

    name: str
    kept: str
    routes: tuple[str, ...]
    versions: tuple[str, ...]
    parties: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        """Whether letters or receipts would wait for it now."""
        return self.kept == "missing" and bool(self.routes or self.parties)


@dataclass(frozen=True)
class Secrets:
    """Knows secrets by their names; nothing here tells one."""

    store: Store
    folder: Path

    def names(self) -> frozenset[str]:
        """The secrets in the folder."""
        if not self.folder.is_dir():
            return frozenset()
        found = (one.name for one in self.folder.iterdir() if one.is_file() and _NAME.fullmatch(one.name))
        return frozenset(name for name in found if not name.endswith(_NEW))

    def list(self) -> list[SecretLine]:
        """Every secret that is there or named, in order."""
        routes, versions, parties = self._named()
        every = self.names() | routes.keys() | versions.keys() | parties.keys()
        return [
            SecretLine(
                name,
                self._kept(name),
                tuple(sorted(routes.get(name, ()))),
                tuple(sorted(versions.get(name, ()))),
                tuple(sorted(parties.get(name, ()))),
            )
            for name in sorted(every)
        ]

    def put(self, name: str, octets: bytes) -> bool:
        """Keep a secret in a file that nobody else may read, in place of an earlier one of that name.

        Returns:
            Whether it is used: False while the environment has another under the same name.

        Raises:
            Misconfigured: it is no name, or no text of a fair size.
            Unavailable: the file cannot be written.
        """
        if not _NAME.fullmatch(name) or name.endswith(_NEW):
            raise Misconfigured(["secret: a name of letters, digits, . _ -, at most 100, not ending in .new"])
        _check(octets)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self.folder / name, octets.strip() + b"\n")
        except OSError as error:
            raise Unavailable(f"secret {name}: {error.strerror}") from error
        return variable(name) not in os.environ

    def _write(self, path: Path, octets: bytes) -> None:
        fresh = path.with_name(f"{path.name}.{os.getpid()}{_NEW}")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            with suppress(OSError):
                fresh.unlink()

    def _kept(self, name: str) -> str:
        if variable(name) in os.environ:
            return "environment"
        return "file" if name in self.names() else "missing"

    def _named(self) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]], Mapping[str, set[str]]]:
        routes: dict[str, set[str]] = {}
        versions: dict[str, set[str]] = {}
        parties: dict[str, set[str]] = {}
        with self.store.read() as session:
            for office in queries.office_rows(session):
                _note(routes, office.id, office.route)
                for one in version_queries.versions(session, office.id):
                    if Stage(one.state) in OPEN:
                        _note(versions, f"{office.id}:{one.number}", one.content["route"])
            for party in queries.party_rows(session):
                _note(parties, party.id, party.receipts or {})
        return routes, versions, parties


def variable(name: str) -> str:
    """The variable of the environment that goes before the file of a secret."""
    return VARIABLE + name.upper().replace("-", "_")


def _note(found: dict[str, set[str]], who: str, route: Mapping[str, object]) -> None:
    for name in references(route.get("options", {})):
        found.setdefault(name, set()).add(who)


def _check(octets: bytes) -> None:
    if not octets.strip() or len(octets) > LARGEST:
        raise Misconfigured([f"secret: a text of 1 to {LARGEST} octets on standard input"])
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Misconfigured(["secret: not UTF-8"]) from error
    if "\0" in text:
        raise Misconfigured(["secret: has a NUL character"])
