"""Regular expressions that operators write: matched in time that grows with the text alone.

The engine is RE2 (https://github.com/google/re2): no pattern makes it try again and again, so that no answer
of a system holds a worker up. What that costs: no look-around and no references back, and ``\\d``, ``\\w``,
``\\b`` know ASCII only (``\\p{L}``, ``\\p{N}`` know the rest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import re2

from adapters.options import Options

_LONGEST = 1000
_MEMORY = 1024 * 1024
"""For one pattern, in octets: it bounds what ``{n,m}`` may grow to."""


@dataclass(frozen=True)
class Pattern:
    """One pattern; an empty one fits everything."""

    source: str = ""
    compiled: Any = None

    @classmethod
    def read(cls, options: Options, key: str) -> Pattern:
        """The pattern that an option holds; faults are noted there."""
        source = options.text(key, "")
        if not source:
            return cls()
        if len(source) > _LONGEST:
            options.fault(key, f"is a regular expression of more than {_LONGEST} characters")
            return cls()
        bounds = re2.Options()
        bounds.max_mem, bounds.log_errors = _MEMORY, False
        try:
            return cls(source, re2.compile(source, bounds))
        except re2.error as trouble:
            options.fault(key, f"is no regular expression that is taken: {_words(trouble)}")
            return cls()

    def __bool__(self) -> bool:
        return self.compiled is not None

    def within(self, text: str) -> bool:
        """Whether it fits somewhere in a text."""
        return self.compiled is None or self.compiled.search(_sound(text)) is not None

    def whole(self, text: str) -> bool:
        """Whether it fits a text from its beginning to its end."""
        return self.compiled is None or self.compiled.fullmatch(_sound(text)) is not None


def _sound(text: str) -> str:
    """The engine reads UTF-8, which knows no lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _words(trouble: Exception) -> str:
    [said] = trouble.args or ("",)
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
