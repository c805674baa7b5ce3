"""Paths below a route's place and signs between fields, as its options write them."""

from __future__ import annotations

from adapters.folder_place import Steps
from adapters.options import Options

_LONGEST = 255


def read_steps(options: Options, key: str, default: str | None = "") -> Steps:
    """A folder below the place; required where there is no default."""
    text = options.text(key, default)
    steps = tuple(text.split("/")) if text else ()
    if all(map(is_step, steps)):
        return steps
    options.fault(key, "is no path below the place: names with / between them, none of them . or ..")
    return ()


def read_folders(options: Options, key: str) -> tuple[Steps, ...]:
    """A list of folders below the place."""
    paths = tuple(tuple(text.split("/")) for text in options.lines(key))
    if all(is_step(step) for path in paths for step in path):
        return paths
    options.fault(key, "has an entry that is no path below the place")
    return ()


def separator_of(options: Options, default: str) -> str:
    """The sign that stands between fields."""
    separator = options.text("separator", default)
    if len(separator) != 1 or separator in '"\r\n':
        options.fault("separator", "is not one sign")
        return default
    return separator


def is_step(name: str) -> bool:
    """Whether it is one name that leads nowhere else."""
    plain = bool(name) and name.isprintable() and "/" not in name and name not in (".", "..")
    return plain and len(name.encode()) <= _LONGEST
