"""A letter whose texts are replaced by others of the same length and shape, for whoever looks at calls."""

from __future__ import annotations

import dataclasses
import io
import unicodedata
from itertools import cycle
from typing import Any

from adapters.contract import Letter
from gateway.domain.content import Item, Kind
from gateway.domain.transit.envelope import Attachment
from gateway.domain.transit.persons import Identifier

_TEXTS = frozenset({Kind.LINE, Kind.TEXT, Kind.FILE_NAME})
"""What people write; codes, identifiers of the directory, digests and dates stay."""
_ARABIC = "نص"
_LONGEST_SUFFIX = 6


def redacted(letter: Letter) -> Letter:
    """The letter without what people wrote in it, nor its files' octets; the same for every call."""
    return dataclasses.replace(
        letter,
        envelope=_without_texts(letter.envelope),
        sender_name=placeholder(letter.sender_name, "sender"),
        original=b"x" * len(letter.original),
        open=lambda attachment: io.BytesIO(b"x" * min(attachment.size, 1024)),
    )


def placeholder(text: str, word: str) -> str:
    """A text of the same length and shape: letters become those of ``word``, over and over, digits zeros.

    Case, spaces and punctuation stay, and Arabic stays Arabic: what is cut, split or wrapped is so again.
    """
    latin, arabic = cycle([one for one in word if one.isalpha()] or ["x"]), cycle(_ARABIC)
    return "".join(_sign(one, latin, arabic) for one in text)


def _sign(one: str, latin: Any, arabic: Any) -> str:
    kind = unicodedata.category(one)[0]
    if kind == "N":
        return "0"
    if kind not in "LM":
        return one
    if unicodedata.bidirectional(one) in ("AL", "R", "NSM"):
        return str(next(arabic))
    letter = str(next(latin)).lower()
    return letter.upper() if one.isupper() else letter


def _without_texts(value: Any) -> Any:
    """A content model with its texts replaced, each by one that says which field it was."""
    changes = {}
    for field in dataclasses.fields(value):
        declared = field.metadata.get("item")
        if declared is not None:
            changes[field.name] = _field(value, field.name, getattr(value, field.name), declared)
    return dataclasses.replace(value, **changes)


def _field(owner: Any, name: str, value: Any, declared: Item) -> Any:
    if dataclasses.is_dataclass(value):
        return _without_texts(value)
    if isinstance(value, tuple):
        return tuple(_field(owner, name, one, declared) for one in value)
    if isinstance(value, bytes):
        return b"x" * len(value)
    if not isinstance(value, str) or not (declared.kind in _TEXTS or isinstance(owner, Identifier)):
        return value
    if declared.kind is Kind.FILE_NAME and isinstance(owner, Attachment):
        stem, point, suffix = value.rpartition(".")
        if point and len(suffix) <= _LONGEST_SUFFIX:
            return placeholder(stem, name) + point + suffix
    return placeholder(value, name)
