"""Writes every attack and every good letter into a directory: ``python -m tests.assets.build DIR``.

Nothing that is made here is kept: keys live as long as the directory. What must come of each case
stands in ``verdicts.toml``.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from certs import testpki
from tests.assets import (
    cases_algorithms,
    cases_certificates,
    cases_chains,
    cases_content,
    cases_good,
    cases_json,
    cases_jws,
    cases_jws_header,
    cases_jws_text,
    cases_keys,
    cases_parsing,
    cases_place,
    cases_properties,
    cases_references,
    cases_structure,
    cases_wrapping,
)
from tests.assets.bench import Bench, Case, make_bench

GROUPS = (
    cases_algorithms,
    cases_certificates,
    cases_chains,
    cases_content,
    cases_good,
    cases_json,
    cases_jws,
    cases_jws_header,
    cases_jws_text,
    cases_keys,
    cases_parsing,
    cases_place,
    cases_properties,
    cases_references,
    cases_structure,
    cases_wrapping,
)
ENDINGS = {"application/xml": "xml", "application/jose": "jose", "application/jose+json": "jose.json"}


@dataclass(frozen=True)
class Verdict:
    """What a case may be answered with, and what it attacks."""

    pattern: str
    answers: tuple[str, ...]
    attack: str
    valid: bool = False


def verdicts(table_name: str = "verdicts.toml") -> tuple[Verdict, ...]:
    """The table, in its order."""
    table = tomllib.loads(Path(__file__).with_name(table_name).read_text("utf-8"))
    return tuple(
        Verdict(pattern, tuple(entry["answers"]), entry["attack"], entry.get("valid", False))
        for pattern, entry in table.items()
    )


def verdict_of(name: str, table: tuple[Verdict, ...]) -> Verdict:
    """The first entry that fits.

    Raises:
        LookupError: the table forgot the case.
    """
    for verdict in table:
        if fnmatchcase(name, verdict.pattern):
            return verdict
    raise LookupError(name)


def bench_in(directory: Path, now: datetime, trap: str) -> Bench:
    """A fresh bench with its PKI under ``directory``; ``trap`` is an address nobody may ask."""
    return make_bench(testpki.build(directory / "pki", now), now, trap)


def cases(bench: Bench) -> dict[str, Case]:
    """Every case by its name.

    Raises:
        ValueError: two cases have one name.
    """
    found: dict[str, Case] = {}
    for group in GROUPS:
        for case in group.cases(bench):
            if case.name in found:
                raise ValueError(case.name)
            found[case.name] = case
    return found


def write(directory: Path, now: datetime, trap: str) -> dict[str, Case]:
    """Write every case as a file under ``directory/cases``."""
    made = cases(bench_in(directory, now, trap))
    folder = directory / "cases"
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in made.items():
        (folder / f"{name}.{ENDINGS.get(case.media_type, 'bin')}").write_bytes(case.raw)
    return made


if __name__ == "__main__":
    count = len(write(Path(sys.argv[1]), datetime.now(UTC).replace(microsecond=0), "http://127.0.0.1:9/"))
    print(f"{count} cases")
