"""What a check of the evidence found wrong: a stable code and what it is about."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Finding:
    """One thing that should not be.

    Attributes:
        code: dotted and stable, such as ``ledger.gap``; programs and the table of texts know it.
        values: what it concerns, as text: an origin, a position, a size, a receipt id.
    """

    code: str
    values: Mapping[str, str]

    def text(self, language: str) -> str:
        """The finding in ``language``, or in English where the language is missing.

        Raises:
            KeyError: nobody has words for this code.
        """
        words = texts()[self.code]
        return words.get(language, words["en"]).format_map(_Values(self.values))


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Code to language to text, placeholders in braces; read from ``findings.toml`` beside this module."""
    areas = tomllib.loads(files(__package__).joinpath("findings.toml").read_text("utf-8"))
    return {f"{area}.{name}": words for area, names in areas.items() for name, words in names.items()}


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"
