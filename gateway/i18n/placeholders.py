"""The placeholders in braces that texts have."""

from __future__ import annotations

import string


def placeholders(text: str) -> frozenset[str]:
    """The names of the placeholders in ``text``.

    Raises:
        ValueError: a brace has no partner, or a placeholder is no plain name.
    """
    names = frozenset(
        name for _, name, form, conversion in string.Formatter().parse(text) if _plain(name, form, conversion)
    )
    return frozenset(name for name in names if name is not None)


def _plain(name: str | None, form: str | None, conversion: str | None) -> bool:
    if name is None:
        return False
    if not name.isidentifier() or form or conversion:
        raise ValueError(f"the placeholder {{{name}}} is no plain name")
    return True
