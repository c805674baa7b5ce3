"""Takes out of what was exchanged whatever nobody may read there: secrets, and the contents of files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.exchange.transit.exchanges_known import Known

MASK = "‹masked›"

_SECRET_HEADER = re.compile(
    r"authorization|cookie|api-?key|token|secret|passw|credential|signature|session|^x-[a-z-]*key$", re.I
)
_NAMES = (
    r"[\w.-]{0,40}(?:password|passwd|passwort|secret|token|assertion|api_?key|mot_?de_?passe|private_?key)"
    r"[\w.-]{0,40}"
)
_MEMBER = re.compile(rf'("{_NAMES}"\s{{0,9}}:\s{{0,9}}")((?:[^"\\]|\\.)*)', re.I)
_ELEMENT = re.compile(rf"(<(?:\w{{1,40}}:)?{_NAMES}(?:\s[^<>]{{0,500}})?>)([^<]+)", re.I)
_FIELD = re.compile(rf"((?:^|[?&]){_NAMES}=)([^&\s#]+)", re.I)
_PART = re.compile(rf'(name="{_NAMES}"[^\r\n]*\r\n(?:[^\r\n]+\r\n){{0,5}}\r\n)([^\r\n]+)', re.I)
_SHORTEST_TOKEN = 8
_HEAD = 48
"""By so many first octets a file's content is found again; a multiple of three, for base64."""
_LEAST_HEAD = 12
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\r\n\\]*")


@dataclass(frozen=True)
class FileContent:
    """A content that must not be kept: its first octets, and what stands in its place."""

    head: bytes
    size: int
    sha256: str
    name: str

    @property
    def marker(self) -> bytes:
        """What stands for it."""
        return f"‹{self.name}, {self.size} octets, sha256 {self.sha256}›".encode()


def without_files(body: bytes, files: Iterable[FileContent]) -> bytes:
    """A body with the contents of files replaced, whether they stand in it as they are or in base64."""
    for one in files:
        if len(one.head) >= _LEAST_HEAD:
            body = _without(body, one)
    return body


def _without(body: bytes, one: FileContent) -> bytes:
    head = one.head[:_HEAD]
    coded = base64.b64encode(head[: len(head) // 3 * 3])
    pieces: list[bytes] = []
    at = 0
    while True:
        found = [(place, plain) for plain in (True, False)
                 if (place := body.find(head if plain else coded, at)) >= 0]  # fmt: skip
        if not found:
            return b"".join([*pieces, body[at:]])
        place, plain = min(found)
        pieces += [body[at:place], one.marker]
        at = place + one.size if plain else _end_of_base64(body, place)


def _end_of_base64(body: bytes, place: int) -> int:
    found = _BASE64.match(body, place)
    return found.end() if found else place


class Mask:
    """Masks secrets in texts, headers and addresses.

    Args:
        secrets: values that were resolved for the attempt; whatever equals one of them goes, however it is
            written there (`gateway.exchange.transit.exchanges_known`).
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._known = Known(secrets)

    def text(self, text: str) -> str:
        """A body without secrets, known ones and those that its own names betray."""
        text = without(self._known, text)
        for pattern in (_MEMBER, _ELEMENT, _FIELD, _PART):
            text = pattern.sub(rf"\g<1>{MASK}", text)
        return text

    def url(self, url: str) -> str:
        """An address without secrets."""
        return _FIELD.sub(rf"\g<1>{MASK}", without(self._known, url))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without secrets."""
        return {
            name: MASK if _SECRET_HEADER.search(name) else without(self._known, value)
            for name, value in headers.items()
        }


def without(known: Known, text: str) -> str:
    """A text with a mask in place of each secret."""
    pieces, last = [], 0
    for start, end in known.spans(text):
        pieces += [text[last:start], MASK]
        last = end
    return "".join([*pieces, text[last:]]) if last else text


def secret_values(headers: Mapping[str, str]) -> list[str]:
    """What of a request's headers is secret by its name: a system may repeat it in its answer."""
    found = [value for name, value in headers.items() if _SECRET_HEADER.search(name)]
    return found + [tail for value in found if len(tail := value.partition(" ")[2]) >= _SHORTEST_TOKEN]
