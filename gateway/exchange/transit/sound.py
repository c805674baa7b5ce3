"""What an adapter gave back, made such as everything after it can take: an outcome must get recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Protocol

from adapters.contract import Delivered
from gateway.domain.errors import Ambiguous, Declined, DeliveryError, Permanent, Temporary
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.lines import printable

NO_ADAPTER = "WASL-DLV-014"
_LONGEST_DETAIL = 4000
_ROOM = 4096
"""More than is kept, so that a secret is not cut in two before it is found."""
_LONGEST_ANSWER = 64 * 1024
_MOST_FAULTS = 50
MOST_SHOWN = 1000
"""So many calls of a letter are looked at, where a kind shows them."""
_LONGEST_WAIT = 30 * 86_400.0
_OCTETS = "application/octet-stream"


class Hides(Protocol):
    """Takes out of what the other side said whatever nobody may read: it may repeat what it was sent."""

    def hide(self, text: str) -> str:
        """A text for people."""

    def hide_in_name(self, name: str) -> str:
        """A name that receipts and later calls rely on."""


@dataclass(frozen=True)
class Sound(Delivered):
    """What the target answered, such as everything after it can take.

    Attributes:
        said: the beginning of its answer for people; ``answer`` is as it came, for its digest alone.
    """

    said: str = ""


def sound(told: Any, hides: Hides | None = None) -> Sound:
    """The same, its names such as receipts and tables take them: a letter that arrived must be recorded.

    Raises:
        Ambiguous: it is none of the contract's answers, so that nobody knows whether the letter arrived.
    """
    if not isinstance(told, Delivered) or not isinstance(told.answer, bytes | bytearray):
        raise Ambiguous(NO_ADAPTER, f"gave back a {type(told).__name__} that says nothing of the letter")
    name = str if hides is None else hides.hide_in_name
    answer = bytes(told.answer[:_LONGEST_ANSWER])
    said = answer[: _LONGEST_DETAIL + _ROOM].decode("utf-8", "replace")
    return Sound(
        answer=answer,
        answer_media_type=_line(told.answer_media_type, 127) or _OCTETS,
        target_reference=_line(told.target_reference, 500, name),
        register_number=_line(told.register_number, 120, name),
        register_book=_line(told.register_book, 80, name),
        register_date=_day(told.register_date),
        digests_confirmed=told.digests_confirmed is True,
        said=words(said if hides is None else hides.hide(said), _LONGEST_DETAIL),
    )


def sound_error(error: DeliveryError, hide: Callable[[str], str] = str) -> DeliveryError:
    """The same failure, its code one of the catalogue and its words such as tables take them.

    Args:
        hide: takes secrets out of what the other side said; it may repeat what it was sent.
    """
    known = isinstance(error.code, str) and error.code in catalogue()
    code = error.code if known else NO_ADAPTER
    detail = _hidden(error.detail, hide)
    if not known:
        detail = f"{words(error.code, 40)}: {detail}"
    judged = isinstance(error, Temporary | Permanent | Ambiguous)
    if judged and known and detail == error.detail and _asks_well(error, hide):
        return error
    if isinstance(error, Declined):
        said = None if error.words is None else _hidden(error.words, hide)
        return Declined(code, detail, said)
    if isinstance(error, Temporary):
        return Temporary(code, detail, error.retry_after if _asks_well(error, hide) else None)
    return Permanent(code, detail) if isinstance(error, Permanent) else Ambiguous(code, detail)


def _asks_well(error: DeliveryError, hide: Callable[[str], str]) -> bool:
    if isinstance(error, Declined):
        return error.words is None or _hidden(error.words, hide) == error.words
    if not isinstance(error, Temporary) or error.retry_after is None:
        return True
    asked: Any = error.retry_after
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return False
    return math.isfinite(asked) and 0 <= asked <= _LONGEST_WAIT


def sound_faults(check: Callable[[Mapping[str, Any]], Any], options: Mapping[str, Any]) -> str:
    """What a kind finds wrong with options, in words; "" for nothing, or where it fails over them."""
    try:
        found = list(islice(check(options), _MOST_FAULTS))
    except Exception:  # noqa: BLE001 - what others wrote may fail in any way
        return ""
    return "; ".join(words(one, _LONGEST_DETAIL) for one in found)[:_LONGEST_DETAIL]


def _hidden(text: Any, hide: Callable[[str], str]) -> str:
    """A text without secrets; a mask may be longer than what it stands for."""
    return hide(words(text, _LONGEST_DETAIL))[:_LONGEST_DETAIL]


def words(text: Any, longest: int) -> str:
    """A text that every table takes: no lone surrogates, no U+0000, not longer than so many characters."""
    whole = text if isinstance(text, str) else type(text).__name__
    return whole[:longest].encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _line(text: Any, longest: int, hide: Callable[[str], str] = str) -> str | None:
    whole = hide(text[:_LONGEST_DETAIL]) if isinstance(text, str) else ""
    plain = printable(whole[: 4 * longest]).strip()
    return (plain if len(plain) <= longest else plain[: longest - 1] + "…") or None


def _day(found: Any) -> date | None:
    if isinstance(found, datetime):
        return found.date()
    return found if isinstance(found, date) else None
