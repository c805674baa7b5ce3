"""What a failed attempt means to who runs the hub: a plain cause and the next action."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Advice:
    """Why it is so, most likely, and what to do about it."""

    cause: str
    action: str


@cache
def advised() -> Mapping[str, Mapping[str, Advice]]:
    """Advice by code and language, for every code that an attempt can end with."""
    table = tomllib.loads(files(__package__).joinpath("operators.toml").read_text("utf-8"))
    return {
        code: {language: Advice(words["cause"], words["action"]) for language, words in entry.items()}
        for code, entry in table.items()
    }


def advice(code: str, language: str) -> Advice | None:
    """Advice on a code in ``language``, or in English; None for a code that no attempt ends with."""
    found = advised().get(code)
    return None if found is None else found.get(language) or found["en"]
