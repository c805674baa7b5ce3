"""Which servers the tests used, said once at their end, whichever process used them."""

from __future__ import annotations

_TOLD: dict[str, str] = {}


def tell(what: str, sentence: str) -> None:
    """Note what was started, or whose was used."""
    _TOLD[what] = sentence


def sentences() -> list[str]:
    """What was noted in this process."""
    return [f"{what}: {sentence}" for what, sentence in sorted(_TOLD.items())]
