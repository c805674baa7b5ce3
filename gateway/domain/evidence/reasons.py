"""The closed catalogue of reasons, read from ``reasons.toml`` beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from gateway.domain.errors import Fault


class Actor(Enum):
    """Who must do something about it."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    HUB = "hub"


@dataclass(frozen=True)
class Reason:
    """One entry: what happened and what to do, in each language.

    Attributes:
        http: status of the answer that refuses a request for this reason; None for others.
        etsi: name of the event reason in ETSI TS 102 640-2, Annex D, where one fits.
    """

    code: str
    http: int | None
    act: Actor
    texts: Mapping[str, str]
    remedies: Mapping[str, str]
    etsi: str | None = None


@cache
def catalogue() -> Mapping[str, Reason]:
    """Every reason by its code."""
    table = tomllib.loads(files(__package__).joinpath("reasons.toml").read_text("utf-8"))
    return {code: _reason(code, entry) for code, entry in table.items()}


def _reason(code: str, entry: Mapping[str, object]) -> Reason:
    languages = {tag: words for tag, words in entry.items() if isinstance(words, dict)}
    http, etsi = entry.get("http"), entry.get("etsi")
    return Reason(
        code=code,
        http=http if isinstance(http, int) else None,
        act=Actor(entry["act"]),
        texts={tag: words["text"] for tag, words in languages.items()},
        remedies={tag: words["remedy"] for tag, words in languages.items()},
        etsi=etsi if isinstance(etsi, str) else None,
    )


def explain(fault: Fault, language: str) -> tuple[str, str]:
    """What happened and what to do, in ``language``, or in English where the language is missing."""
    reason = catalogue()[fault.code]
    values = _Values(
        {"where": fault.where or "", "expected": fault.expected or "", "found": fault.found or ""}
        | dict(fault.values)
    )
    text = reason.texts.get(language) or reason.texts["en"]
    remedy = reason.remedies.get(language) or reason.remedies["en"]
    return text.format_map(values), remedy.format_map(values)


class _Values(dict[str, str]):
    """Leaves a placeholder that nobody filled as it stands."""

    def __missing__(self, key: str) -> str:
        return "…"
