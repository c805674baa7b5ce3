"""Texts as people search and compare them, in any script."""

from __future__ import annotations

import unicodedata

_TATWEEL = "\u0640"
"""Stretches an Arabic word and changes nothing of it."""


def folded(text: str) -> str:
    """A text as it is searched: without case, accents, vowel marks, doubled spaces; digits in any script."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace(_TATWEEL, "")
    kept = (one for one in plain if not unicodedata.combining(one))
    return " ".join("".join(str(unicodedata.decimal(one, one)) for one in kept).split())
