"""Writes multipart/form-data (RFC 7578) with one file, in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.view import Content


@dataclass(frozen=True)
class FormData:
    """A form whose last part is a file.

    ``boundary_seed`` is something that nobody knew when the file was made, so that no file can hold the
    boundary; the same seed gives the same octets again.
    """

    fields: Mapping[str, str]
    field: str
    content: Content
    boundary_seed: str

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
        return len(self._head()) + self.content.size + len(self._tail())

    def chunks(self) -> Iterator[bytes]:
        """The form, piece by piece.

        Raises:
            Temporary: the store does not give the content as declared; the form then stays incomplete.
        """
        yield self._head()
        yield from self.content.chunks()
        yield self._tail()

    def _head(self) -> bytes:
        parts = [f'{self._opening(name)}"\r\n\r\n{value}\r\n' for name, value in self.fields.items()]
        opening = f'{self._opening(self.field)}"; filename="{_quoted(self.content.name)}"'
        return "".join([*parts, f"{opening}\r\nContent-Type: {self.content.media_type}\r\n\r\n"]).encode()

    def _opening(self, name: str) -> str:
        return f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}'

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    # The escapes that browsers write (HTML 4.10.21.8); RFC 7578 leaves the choice open.
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
