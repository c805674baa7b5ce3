"""Two trees are compared key by key, and what could be a secret is not told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Leaf = str | int | float | bool | None

MASK = "•••"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_REFERENCES = re.compile(r"(?i)(^|[._])(secret|\w+_secret|token|client_certificate|password|key)$")
"""Keys under which a route names a secret; what stands there is a name, unless somebody erred."""
_OF_LETTERS = re.compile(r"(^|\.)(body|fields|request|tables|reads|headers|mapping|manifest)(\.|\[|$)")
"""Below these keys stands what is made of letters: a field that is called token there names no secret."""
_REFERENCE = re.compile(r"[A-Za-z][A-Za-z]{0,19}([-_.]([A-Za-z]{1,20}|\d{1,4})){0,6}")
"""What a name that people gave looks like: words, and numbers that are no keys."""
_SENSITIVE = re.compile(
    r"(?i)(authori[sz]ation|cookie|passw|secret|token|credential|api[-_ ]?key|private[-_ ]?key)"
)
_LITERALS = re.compile(
    r"(?i)(\b(bearer|basic|digest)\s+\S{6,}|-----BEGIN |\beyJ[\w-]{8,}\.|://[^/\s:@]+:[^/\s@]+@"
    r"|[?&;](\w*(key|token|secret|passw\w*|signature|sig))=[^&\s]+)"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\S{1,40})?")
_RANDOM = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}")


@dataclass(frozen=True)
class Difference:
    """One place at which two trees differ.

    Attributes:
        was, now: the value there; None where there is none.
    """

    path: str
    was: str | None
    now: str | None


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every value of a tree of tables and lists, with the path of its keys; an empty table is one too."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            name = key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(tree, list | tuple) and tree:
        for at, value in enumerate(tree):
            yield from leaves(value, f"{path}[{at}]")
    else:
        yield (
            path,
            tree if not isinstance(tree, Mapping | list | tuple) else ("{}" if _is_table(tree) else "[]"),
        )


def differing(was: Mapping[str, Leaf], now: Mapping[str, Leaf]) -> list[str]:
    """The paths at which two sets of values differ, in the order of the first, then of the second."""
    paths = dict.fromkeys((*was, *now))
    return [path for path in paths if path not in was or path not in now or not _same(was[path], now[path])]


def compared(was: Any, now: Any, known: frozenset[str] = frozenset()) -> list[Difference]:
    """Where two trees differ, for people to read.

    Args:
        known: names of secrets that there are; they are shown where a route names them.
    """
    before, after = dict(leaves(was)), dict(leaves(now))
    return [
        Difference(path, _told(path, before, known), _told(path, after, known))
        for path in differing(before, after)
    ]


def told(path: str, value: Leaf, known: frozenset[str] = frozenset()) -> str:
    """A value as it may be shown; what looks like a secret is not."""
    text = value if isinstance(value, str) else json.dumps(value)
    if _LITERALS.search(text):
        return MASK
    if _names_secret(path):
        return text if text in known or _REFERENCE.fullmatch(text) else MASK
    last = path.rpartition(".")[2]
    if isinstance(value, str) and _SENSITIVE.search(last) and text not in known:
        return text if _REFERENCE.fullmatch(text) and len(text) <= 20 else MASK
    return _RANDOM.sub(MASK, text) if "header" in path and not _UUID.fullmatch(text) else text


def references(tree: Any) -> set[str]:
    """The names of secrets that a route's options give."""
    found = {value for path, value in leaves(tree) if _names_secret(path)}
    return {value for value in found if isinstance(value, str) and value}


def _names_secret(path: str) -> bool:
    return _REFERENCES.search(path) is not None and _OF_LETTERS.search(path) is None


def _told(path: str, values: Mapping[str, Leaf], known: frozenset[str]) -> str | None:
    return told(path, values[path], known) if path in values else None


def _same(one: Leaf, other: Leaf) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_table(tree: Any) -> bool:
    return isinstance(tree, Mapping)
