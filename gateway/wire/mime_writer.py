"""Writes multipart/related (RFC 2387) from files of any size, with its length known beforehand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gateway.domain.errors import Unavailable

_CHUNK = 64 * 1024
_SAFE = re.compile(r"[ !-;=?-~]+")


@dataclass(frozen=True)
class OutgoingPart:
    """A part to send; ``open`` gives its content of ``size`` octets, and is called once."""

    content_id: str
    media_type: str
    size: int
    open: Callable[[], BinaryIO]


def write_related(
    root: bytes,
    root_media_type: str,
    parts: Sequence[OutgoingPart],
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    start_info: str | None = None,
) -> tuple[str, Iterator[bytes], int]:
    """The Content-Type, the body in chunks, and its length in octets.

    Args:
        start_info: what the root is once its parts are back in it (RFC 2387 3.3, XOP 4.1).

    Raises:
        ValueError: a media type or Content-ID that cannot stand in a header.
        Unavailable: while the body is read, a part's content does not have the length stated.
    """
    token = random_bytes(16).hex()
    boundary = f"wasl-{token}"
    root_id = f"root-{token}@wasl"
    stated = "" if start_info is None else f'; charset=utf-8; type="{start_info}"'
    heads = [
        _head(boundary, root_id, root_media_type + stated),
        *(_head(boundary, part.content_id, part.media_type) for part in parts),
    ]
    closing = f"\r\n--{boundary}--\r\n".encode()
    content = len(root) + sum(part.size for part in parts)
    # The first delimiter needs no line break before it.
    length = sum(map(len, heads)) - 2 + content + len(closing)
    content_type = f'multipart/related; boundary="{boundary}"; type="{root_media_type}"; start="<{root_id}>"'
    if start_info is not None:
        content_type += f'; start-info="{start_info}"'
    return content_type, _body(heads, root, parts, closing), length


def _head(boundary: str, content_id: str, media_type: str) -> bytes:
    for text in (content_id, media_type):
        if _SAFE.fullmatch(text) is None:
            raise ValueError(f"{text!r} cannot stand in a header")
    return (
        f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-ID: <{content_id}>\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    ).encode("ascii")


def _body(
    heads: Sequence[bytes], root: bytes, parts: Sequence[OutgoingPart], closing: bytes
) -> Iterator[bytes]:
    yield heads[0][2:] + root
    for head, part in zip(heads[1:], parts, strict=True):
        yield head
        yield from _content(part)
    yield closing


def _content(part: OutgoingPart) -> Iterator[bytes]:
    left = part.size
    with part.open() as content:
        while chunk := content.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise Unavailable(f"the content of {part.content_id} does not have {part.size} octets")
