"""An HTTP answer whose status line and headers came whole."""

from __future__ import annotations

import http.client
from typing import Any, BinaryIO, cast


class WholeHead(http.client.HTTPResponse):
    """Refuses what the standard library takes: headers that end where the connection was cut.

    Such an answer without its Content-Length would pass for a complete one.
    """

    def begin(self) -> None:
        """Read status line and headers.

        Raises:
            IncompleteRead: they end before their end.
        """
        lines = _WholeLines(self.fp)
        self.fp = cast("Any", lines)
        try:
            super().begin()
        finally:
            if self.fp is not None:  # closed by the parser where the status line is none
                self.fp = cast("Any", lines.file)


class _WholeLines:
    """Gives lines of a file that end with a line feed, or that are over the reader's limit."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def readline(self, limit: int) -> bytes:
        line = self.file.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise http.client.IncompleteRead(line)
        return line

    def close(self) -> None:
        self.file.close()
