"""Names of parties and offices in somebody's language."""

from __future__ import annotations

from gateway.domain.registry.parties import Names


def name_in(names: Names, languages: tuple[str, ...]) -> str:
    """The name in the first of ``languages`` that has one, else any name."""
    for language in languages:
        if language in names:
            return names[language]
    return next(iter(names.values()))
