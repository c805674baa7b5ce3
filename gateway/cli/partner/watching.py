"""Tells whoever watches the connector what it does and how far it is, in their language."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from gateway.domain.lines import printable
from gateway.i18n import Translator, mark

SENDING = mark("{name}: sending, {done} of {total} ({percent})")
FETCHING = mark("{name}: fetching, {done} of {total} ({percent})")
_FIRST_S = 2.0
"""A transfer that is over sooner is not told of."""
_LIVE_S, _LOG_S = 0.25, 10.0
_CLEARED = "\r\x1b[K"


@dataclass(frozen=True)
class Watch:
    """Lines for what was done; for what takes long, one that changes, or in a log a line now and then.

    Attributes:
        done: where what was done is told, a line each.
        under_way: where is told how far a transfer is; a terminal, or a log.
        monotonic: seconds that never go back.
    """

    translator: Translator
    done: Callable[[str], None]
    under_way: TextIO
    monotonic: Callable[[], float] = time.monotonic

    def say(self, msgid: str, /, **values: object) -> None:
        """Tell that something was done.

        Args:
            msgid: a text that `mark` marked, which ``values`` fill.
        """
        self.done(printable(self.translator.text(msgid, **values)))

    def through(self, name: str, chunks: Iterator[bytes], total: int) -> Iterator[bytes]:
        """What is sent, on its way; ``total`` octets."""
        transfer = Transfer(self, SENDING, name, total)
        try:
            for chunk in chunks:
                yield chunk
                transfer.advance(len(chunk))
        finally:
            transfer.end()

    def into(self, name: str, file: BinaryIO, total: int) -> Fetching:
        """What is fetched into a file; ``total`` octets."""
        return Fetching(file, Transfer(self, FETCHING, name, total))


class Transfer:
    """One transfer, told of while it takes long."""

    def __init__(self, watch: Watch, msgid: str, name: str, total: int) -> None:
        self._watch, self._msgid, self._name, self._total = watch, msgid, name, total
        self._live = watch.under_way.isatty()
        self._octets, self._shown = 0, False
        self._next = watch.monotonic() + (_FIRST_S if self._live else _LOG_S)

    def advance(self, octets: int) -> None:
        """So much more has gone."""
        self._octets += octets
        now = self._watch.monotonic()
        if now < self._next:
            return
        self._next, self._shown = now + (_LIVE_S if self._live else _LOG_S), True
        self._write(f"{_CLEARED}{self._line()}" if self._live else f"{self._line()}\n")

    def end(self) -> None:
        """It is over, whatever became of it: a terminal's line is given back."""
        if self._live and self._shown:
            self._write(_CLEARED)

    def _line(self) -> str:
        words = self._watch.translator
        share = min(self._octets / self._total, 1.0) if self._total else 1.0
        said = words.text(
            self._msgid,
            name=self._name,
            done=words.octets(self._octets),
            total=words.octets(self._total),
            percent=words.percent(share),
        )
        return printable(said)

    def _write(self, text: str) -> None:
        self._watch.under_way.write(text)
        self._watch.under_way.flush()


@dataclass(frozen=True)
class Fetching:
    """A file that tells how full it is."""

    file: BinaryIO
    transfer: Transfer

    def write(self, octets: bytes, /) -> None:
        """Write, and tell."""
        self.file.write(octets)
        self.transfer.advance(len(octets))
