"""A file as the whole body of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.view import Content

# RFC 9110 8.3.1, without quoted parameters: what a sender wrote there must not become a header of its own.
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: ?; ?[\w-]+=[\w!#$&^.+-]+)*", re.ASCII)


def media_type_of(content: Content) -> str:
    """The media type that the sender declared, if it is one."""
    return content.media_type if _MEDIA_TYPE.fullmatch(content.media_type) else "application/octet-stream"


@dataclass(frozen=True)
class Octets:
    """A request's body that is one file and nothing else."""

    content: Content

    @property
    def media_type(self) -> str:
        """The value of Content-Type."""
        return media_type_of(self.content)

    @property
    def length(self) -> int:
        """Its length in octets."""
        return self.content.size

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            Temporary: as `Content.chunks`.
        """
        return self.content.chunks()
