"""The vocabulary in which the content models of envelope and receipt are declared.

A content model is a tree of frozen dataclasses whose fields are declared with `item`. The two wire
syntaxes, the XSD and the JSON Schema are all derived from these declarations, so they cannot drift
apart: field ``document_date`` is ``documentDate`` in JSON and ``DocumentDate`` in XML.

Allowed field types: ``str`` (with a `Kind`), ``int``, ``bool``, ``datetime`` (aware), ``date``,
``bytes`` (base64 on the wire), an ``Enum`` with string values, another content dataclass,
``tuple[T, ...]`` of these, and ``T | None``. A value equal to its default is left out on the wire;
an absent value reads as its default. An empty tuple and an absent list are the same thing.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any


class Kind(Enum):
    """Kinds of text: (pattern or None, longest length in characters, what it is).

    Patterns use only what XML Schema and ECMAScript regular expressions share, and are anchored.
    """

    LINE = (None, 500, "One line of plain text: no control characters, no line breaks.")
    TEXT = (None, 100_000, "Plain text of several lines: tab, line feed and carriage return allowed.")
    CODE = (r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]*", 128, "A code or an identifier of some directory.")
    UUID = (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        36,
        "A UUID (RFC 9562) in lower case.",
    )
    DIGEST = (r"[0-9a-f]{64}", 64, "A SHA-256 digest in lower-case hexadecimal.")
    NONCE = (r"[0-9a-f]{32}", 32, "128 random bits in lower-case hexadecimal.")
    REFERENCE = (
        r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{3}",
        13,
        "The hub's reference of a letter (Crockford base 32, last character checks the others).",
    )
    DIRECTORY_ID = (
        r"[A-Z][0-9]{7}-[0-9A-Z]",
        10,
        "An identifier of the hub's directory (last character by ISO 7064 MOD 37-36).",
    )
    LANGUAGE = (r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", 35, "A language tag (BCP 47).")
    MEDIA_TYPE = (
        r"[a-z0-9][a-z0-9!#$&^_.+\-]*/[a-z0-9][a-z0-9!#$&^_.+\-]*",
        127,
        "A media type without parameters, in lower case (RFC 6838).",
    )
    FILE_NAME = (
        r"[^/\\:\t\n\r]+",
        255,
        "A file name of one segment, shown as sent and never used as a path.",
    )
    CONTENT_ID = (r"[A-Za-z0-9._%+\-]+(@[A-Za-z0-9.\-]+)?", 255, "A Content-ID without brackets (RFC 2392).")
    URI = (r"[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+", 500, "An absolute URI.")
    VERSION = (r"1\.0", 3, "The version of the content model.")

    def __init__(self, pattern: str | None, max_length: int, doc: str) -> None:
        self.pattern = pattern
        self.max_length = max_length
        self.doc = doc


@dataclasses.dataclass(frozen=True)
class Item:
    """What a field declaration says beyond its type.

    ``maximum`` is a length in characters for text, in octets for bytes, in entries for a tuple, a
    value for an integer. ``each`` names one entry of a tuple (the XML element inside the list).
    """

    doc: str
    kind: Kind | None = None
    minimum: int | None = None
    maximum: int | None = None
    each: str | None = None


def item(
    doc: str,
    *,
    kind: Kind | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    each: str | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """Declare one field of a content model; see `Item` for the meaning of the arguments."""
    declared = Item(doc, kind, minimum, maximum, each)
    return dataclasses.field(default=default, metadata={"item": declared})


def declaration(field: dataclasses.Field[Any]) -> Item:
    """The `Item` of a content model's field.

    Raises:
        KeyError: the field was not declared with `item`.
    """
    declared: Item = field.metadata["item"]
    return declared


def camel(name: str) -> str:
    """``document_date`` as JSON says it: ``documentDate``."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)
