"""One line of text, and how what others wrote is shown in one."""

from __future__ import annotations

import re

_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_line(text: str) -> bool:
    """Whether ``text`` has no control character, line or paragraph separator, or lone surrogate."""
    return _NO_LINE.search(text) is None


UNSEEN = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, instead: str = " ") -> str:
    """What others wrote, safe to show on a terminal, in one line.

    Args:
        instead: stands for each sign that nobody would see.
    """
    return "".join(sign if sign.isprintable() else instead for sign in text)
