"""Where configured values come from: a TOML file, its overlay for the profile, the environment."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from gateway.settings_model import SECTIONS
from gateway.settings_values import from_environment

PROFILES = ("embedded", "scaled")
RESERVED = frozenset({"WASL_HOME", "WASL_CONFIG", "WASL_PROFILE"})
"""Variables that say where to look; they are no options."""
RESERVED_PREFIXES = ("WASL_SECRET_", "WASL_TEST_")
"""Secrets that routes refer to, and what only the tests read."""

Key = tuple[str, str]


@dataclass
class Found:
    """Values by section and key with the place each came from, and what was wrong on the way."""

    values: dict[Key, tuple[object, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@cache
def options() -> Mapping[Key, Any]:
    """Every option that exists, with its type; read off the models once, for that takes a while."""
    found: dict[Key, Any] = {}
    for section, model in SECTIONS.items():
        kinds = get_type_hints(model)
        found |= {(section, entry.name): kinds[entry.name] for entry in dataclasses.fields(model)}
    return MappingProxyType(found)


def variable(key: Key) -> str:
    """The environment variable that sets an option."""
    return f"WASL_{key[0]}_{key[1]}".upper()


def gather(environ: Mapping[str, str], home: Path, profile: str) -> Found:
    """What file and environment say; later places win over earlier ones."""
    found = Found()
    file = _file(environ, home)
    if file is not None:
        _read_file(file, profile, found)
    _read_environment(environ, found)
    return found


def _file(environ: Mapping[str, str], home: Path) -> Path | None:
    if environ.get("WASL_CONFIG"):
        return Path(environ["WASL_CONFIG"]).absolute()
    usual = home / "gateway.toml"
    return usual if usual.exists() else None


def _read_file(path: Path, profile: str, found: Found) -> None:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        found.faults.append(f"WASL_CONFIG: {path} cannot be read: {error.strerror}")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        found.faults.append(f"{path}: is not TOML: {error}")
    else:
        overlays = {name: table.pop(name) for name in PROFILES if name in table}
        _read_sections(table, "", str(path), found)
        for name, overlay in overlays.items():
            # Every overlay is checked, so that a mistake shows before the day it is switched on.
            into = found if name == profile else Found(faults=found.faults)
            _read_sections(overlay, f"{name}.", str(path), into)


def _read_sections(table: object, prefix: str, source: str, found: Found) -> None:
    if not isinstance(table, dict):
        found.faults.append(f"{prefix.rstrip('.')}: must be a section (from {source})")
        return
    for section, entries in table.items():
        if section not in SECTIONS:
            found.faults.append(f"{prefix}{section}: no such section{_nearest(section, SECTIONS)}")
        elif not isinstance(entries, dict):
            found.faults.append(f"{prefix}{section}: must be a section (from {source})")
        else:
            _read_entries(section, entries, prefix, source, found)


def _read_entries(section: str, entries: Mapping[str, Any], prefix: str, source: str, found: Found) -> None:
    names = [key for own, key in options() if own == section]
    for name, value in entries.items():
        if name in names:
            found.values[section, name] = (value, source)
        else:
            found.faults.append(f"{prefix}{section}.{name}: no such option{_nearest(name, names)}")


def _read_environment(environ: Mapping[str, str], found: Found) -> None:
    known = {variable(key): (key, kind) for key, kind in options().items()}
    for name in _ours(environ):
        if name in known:
            key, kind = known[name]
            found.values[key] = (from_environment(kind, environ[name]), name)
        else:
            found.faults.append(f"{name}: no such option{_nearest(name, [*known, *RESERVED])}")


def _ours(environ: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environ):
        if name.startswith("WASL_") and name not in RESERVED and not name.startswith(RESERVED_PREFIXES):
            yield name


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
