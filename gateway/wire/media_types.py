"""Reads media types strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 5.6.2
_ESSENCE = re.compile(rf"({_TOKEN}/{_TOKEN})[ \t]*")
# Unquoted, senders also write /, =, :, @, <, > (type=text/xml, start=<root>): no reader is misled by these.
_BARE = r"[!#$%&'*+\-.^_`|~0-9A-Za-z/=:@?<>]+"
_QUOTED = r'"((?:[^"\\\x00-\x1f\x7f]|\\[ -~])*)"'
_PARAMETER = re.compile(rf";[ \t]*({_TOKEN})=(?:({_BARE})|{_QUOTED})[ \t]*")


@dataclass(frozen=True)
class MediaType:
    """A media type in lower case and its parameters, their names in lower case."""

    essence: str
    parameters: dict[str, str]


def parse_media_type(text: str) -> MediaType | None:
    """The parts of a Content-Type; None when it is malformed or a parameter stands twice.

    Extended parameters (RFC 2231: ``name*=``, ``name*0=``) are refused: readers disagree on them.
    """
    found = _ESSENCE.match(text)
    if found is None:
        return None
    parameters: dict[str, str] = {}
    position = found.end()
    while position < len(text):
        parameter = _PARAMETER.match(text, position)
        if parameter is None or "*" in parameter[1] or parameter[1].lower() in parameters:
            return None
        parameters[parameter[1].lower()] = _value(parameter)
        position = parameter.end()
    return MediaType(found[1].lower(), parameters)


def _value(parameter: re.Match[str]) -> str:
    if parameter[2] is not None:
        return parameter[2]
    return re.sub(r"\\(.)", r"\1", parameter[3])
