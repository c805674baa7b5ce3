"""How much larger than a letter an expression's value can become, found before it is ever asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST = 4000
"""Characters of one expression."""
MOST = 1000
"""How many times what it was given a value may be; beyond that an expression only harms."""

_CHOOSES = frozenset({"or_expression", "and_expression", "comparator"})
_COLLECTS = frozenset({"multi_select_list", "multi_select_dict"})
# Each call of these writes its argument as text, in which every quote and backslash is written twice.
_WRITES = frozenset({"to_string", "url"})
_PER_LETTER = 100


def growth(node: Mapping[str, Any]) -> int:
    """A bound on how often what a syntax tree is given can stand in its value, capped beyond `MOST`.

    What stands beside each other adds, what is asked of the other's value multiplies; a literal counts as
    what it brings along. Chained doublings are found here: evaluated, they would fill any memory.
    """
    parts = [growth(child) for child in node.get("children", ()) if isinstance(child, Mapping)]
    kind = node.get("type")
    if kind == "literal":
        return _capped(_weight(node["value"]))
    if kind in _COLLECTS:
        return _capped(sum(parts))
    if kind in _CHOOSES:
        return max(parts, default=1)
    found = 3 if kind == "function_expression" and node["value"] in _WRITES else 1
    for part in parts:
        found = _capped(found * part)
    return found


def _weight(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_weight, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1 + len(value) // _PER_LETTER if isinstance(value, str) else 1


def _capped(times: int) -> int:
    return max(1, min(times, MOST + 1))
