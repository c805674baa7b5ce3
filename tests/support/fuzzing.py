"""What schemathesis is told of the interface: how media types are written, and what really exists.

It runs as a process of its own, which reads this file by ``SCHEMATHESIS_HOOKS``.
"""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis

KNOWN = "WASL_TEST_KNOWN"
"""The environment variable with values of places and parameters under which there is something, as JSON."""


@schemathesis.serializer("application/jose", "multipart/related")
def as_it_is(context: Any, value: Any) -> Any:
    """A body whose structure no schema tells."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Aim half of what fits at what exists."""
    return _aimed(path_parameters)


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same for parameters."""
    return _aimed(query)


def _aimed(values: dict[str, Any] | None) -> dict[str, Any] | None:
    known = json.loads(os.environ[KNOWN])
    aimed = {
        name: known[name] if name in known and len(str(value)) % 2 else value
        for name, value in (values or {}).items()
    }
    return aimed or values
