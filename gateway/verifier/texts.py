"""The verifier's words in each language, read from ``texts.toml`` beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from unicodedata import bidirectional

LANGUAGES = ("en", "fr", "ar")
_TURNING = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"})
_ISOLATE, _END = "\u2068", "\u2069"
"""First strong isolate and its end (UAX 9): a time or a reference must not be torn apart by Arabic words."""


@cache
def table() -> Mapping[str, Mapping[str, str]]:
    """Code to language to text; placeholders in braces."""
    entries = tomllib.loads(files(__package__).joinpath("texts.toml").read_text("utf-8"))
    return {
        f"{step}.{finding}": words
        for step, findings in entries.items()
        for finding, words in findings.items()
    }


def text(code: str, language: str, values: Mapping[str, str]) -> str:
    """The text of ``code``, in English where the language is not one of ours.

    Raises:
        KeyError: no such code.
    """
    words = table()[code]
    isolate = {name: isolated(value, always=language == "ar") for name, value in values.items()}
    return words.get(language, words["en"]).format_map(isolate)


def isolated(value: str, always: bool = False) -> str:
    """The value so that its direction disturbs nothing beside it; left as it is where it has none."""
    turns = always or any(bidirectional(sign) in _TURNING for sign in value)
    return f"{_ISOLATE}{value}{_END}" if turns else value


def moment(time: datetime) -> str:
    """A time for people, the same in each language."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
