"""The octets of a file, piece by piece, checked on their way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.view import CHUNK, Content, unreadable
from gateway.domain.errors import GatewayFault

# RFC 9110 8.3.1, without quoted parameters: what a sender wrote there must not become a header of its own.
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: ?; ?[\w-]+=[\w!#$&^.+-]+)*", re.ASCII)


def pieces(content: Content) -> Iterator[bytes]:
    """The content of a file.

    Raises:
        Temporary: the store does not give it as declared; the last piece is then kept back.
    """
    digest, left = hashlib.sha256(), content.size
    try:
        with content.open() as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                left -= len(chunk)
                if left <= 0 and (left < 0 or digest.hexdigest() != content.sha256):
                    break
                yield chunk
    except (OSError, GatewayFault) as trouble:
        raise unreadable(content) from trouble
    if left != 0 or digest.hexdigest() != content.sha256:
        raise unreadable(content)


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
            Temporary: as `pieces`.
        """
        return pieces(self.content)
