"""What one attempt and a recipient's system said to each other, as people may look at it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

KEPT_OCTETS = 16 * 1024
"""So much of each body is kept."""
MOST_CALLS = 40
"""So many calls of one attempt are kept, the first half and the last."""


class Record(Enum):
    """Of which attempts the exchange is kept."""

    FAILURES = "failures"  # of those that failed, and now and then of one that went well
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class Call:
    """One request and its answer, or a step that an adapter told, without secrets and files' contents.

    Attributes:
        octets, answer_octets: how long the bodies were; None where an answer never came.
        body, answer: their beginnings as text; of a step, what came of it, without a status.
        error: why there is no answer, as code and words.
        at_ms: milliseconds since the attempt began; ``took_ms``: until the answer was there.
    """

    method: str
    url: str
    at_ms: int
    took_ms: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    octets: int = 0
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    answer_octets: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Exchange:
    """The calls of one attempt; ``more``: so many in their middle were not kept."""

    calls: tuple[Call, ...]
    more: int = 0

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Exchange:
        """The exchange that a stored table describes."""
        return cls(tuple(Call(**one) for one in table["calls"]), table["more"])
