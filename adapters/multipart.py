"""Writes multipart/form-data (RFC 7578) with fields and files, in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.streams import media_type_of
from adapters.view import Content
from gateway.domain.lines import printable


@dataclass(frozen=True)
class FormData:
    """A form whose last parts are files.

    ``files`` are field names with their files; ``types`` the media types of fields that are not plain text.
    ``boundary_seed`` is something that nobody knew when the files were made, so that none can hold the
    boundary; the same seed gives the same octets again.
    """

    fields: Mapping[str, str]
    files: tuple[tuple[str, Content], ...]
    boundary_seed: str
    types: Mapping[str, str]

    @property
    def boundary(self) -> str:
        """The line that parts the form."""
        return "wasl-" + hashlib.sha256(self.boundary_seed.encode()).hexdigest()[:40]

    @property
    def media_type(self) -> str:
        """The value of Content-Type."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """The form's length in octets."""
        files = sum(len(self._opening(field, content)) + content.size + 2 for field, content in self.files)
        return sum(map(len, self._fields())) + files + len(self._tail())

    def chunks(self) -> Iterator[bytes]:
        """The form, piece by piece.

        Raises:
            Temporary: the store does not give a file as declared; the form then stays incomplete.
        """
        yield from self._fields()
        for field, content in self.files:
            yield self._opening(field, content)
            yield from content.chunks()
            yield b"\r\n"
        yield self._tail()

    def _fields(self) -> Iterator[bytes]:
        for name, value in self.fields.items():
            media_type = f"\r\nContent-Type: {self.types[name]}" if name in self.types else ""
            yield f'{self._begin(name)}"{media_type}\r\n\r\n{value}\r\n'.encode("utf-8", "replace")

    def _opening(self, field: str, content: Content) -> bytes:
        opening = f'{self._begin(field)}"; filename="{_quoted(content.name)}"'
        return f"{opening}\r\nContent-Type: {media_type_of(content)}\r\n\r\n".encode("utf-8", "replace")

    def _begin(self, name: str) -> str:
        return f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}'

    def _tail(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    # The escapes that browsers write (HTML 4.10.21.8); RFC 7578 leaves the choice open.
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped, "_")
