"""Reads one PDF object from octets, strictly and without following references (ISO 32000-1 7.2, 7.3)."""

from __future__ import annotations

import re

from gateway.pdf.objects import Name, Real, Ref, Stream, Value

DEEPEST = 32

_SPACE = re.compile(rb"(?:[\0\t\n\f\r ]|%[^\r\n]*)*")
_INTEGER = re.compile(rb"[+-]?[0-9]{1,10}(?![0-9.])")
_REAL = re.compile(rb"[+-]?(?:[0-9]{1,10}\.[0-9]{0,10}|\.[0-9]{1,10})(?![0-9.])")
_REFERENCE = re.compile(rb"([0-9]{1,10})[\0\t\n\f\r ]+0[\0\t\n\f\r ]+R(?![A-Za-z0-9])")
_NAME = re.compile(rb"/((?:[^\0\t\n\f\r ()<>\[\]{}/%#]|#[0-9A-Fa-f]{2})*)")
_HEX = re.compile(rb"<([0-9A-Fa-f\0\t\n\f\r ]*)>")
_PLAIN = re.compile(rb"[^()\\\r]*")
_WORDS = re.compile(rb"(true|false|null)(?![A-Za-z0-9])")
_STREAM = re.compile(rb"stream\r?\n")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CODED = re.compile(rb"#([0-9A-Fa-f]{2})")
_OCTAL = re.compile(rb"[0-7]{1,3}")


class NotPdf(ValueError):
    """The octets are no PDF file of the kind that is read here."""


class Encrypted(NotPdf):
    """They are one that cannot be read without a key."""


class Parser:
    """Reads objects of ``octets`` from position ``at`` on.

    Attributes:
        spans: where the hexadecimal strings lie that were read, by their first octet.
    """

    def __init__(self, octets: bytes, at: int) -> None:
        self.octets = octets
        self.at = at
        self.spans: dict[int, int] = {}

    def value(self, depth: int = 0) -> Value:
        """The object at the present position, which moves behind it.

        Raises:
            NotPdf: there is none, or one nested too deep.
        """
        if depth > DEEPEST:
            raise NotPdf("nested too deep")
        self.skip()
        two = self.octets[self.at : self.at + 2]
        if two == b"<<":
            return self._dictionary(depth)
        if two[:1] == b"[":
            return self._array(depth)
        if two[:1] == b"/":
            return self._name()
        if two[:1] in (b"(", b"<"):
            return self._literal() if two[:1] == b"(" else self._hexadecimal()
        return self._plain()

    def skip(self) -> None:
        """Move over white space and comments."""
        found = _SPACE.match(self.octets, self.at)
        self.at = found.end() if found else self.at

    def take(self, word: bytes) -> bool:
        """Move over ``word`` after white space, if it is there."""
        self.skip()
        if not self.octets.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = pattern.match(self.octets, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _plain(self) -> Value:
        if found := self._match(_REFERENCE):
            return Ref(int(found[1]))
        if found := self._match(_INTEGER):
            return int(found[0])
        if found := self._match(_REAL):
            return Real(found[0].decode("ascii"))
        if found := self._match(_WORDS):
            return {b"true": True, b"false": False, b"null": None}[found[1]]
        raise NotPdf(f"no object at {self.at}")

    def _name(self) -> Name:
        found = self._match(_NAME)
        if found is None:
            raise NotPdf(f"no name at {self.at}")
        try:
            return Name(_CODED.sub(lambda code: bytes([int(code[1], 16)]), found[1]).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise NotPdf("a name in no known writing") from error

    def _array(self, depth: int) -> list[Value]:
        self.at += 1
        values: list[Value] = []
        while not self.take(b"]"):
            values.append(self.value(depth + 1))
        return values

    def _dictionary(self, depth: int) -> dict[str, Value]:
        self.at += 2
        entries: dict[str, Value] = {}
        while not self.take(b">>"):
            key = self._name()
            if key in entries:  # readers differ about which one counts
                raise NotPdf(f"{key} twice in a dictionary")
            entries[key] = self.value(depth + 1)
        return entries

    def _hexadecimal(self) -> bytes:
        start = self.at
        found = self._match(_HEX)
        if found is None:
            raise NotPdf(f"no string at {self.at}")
        self.spans[start] = self.at
        digits = found[1].translate(None, b"\0\t\n\f\r ")
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))

    def _literal(self) -> bytes:
        self.at += 1
        parts: list[bytes] = []
        level = 1
        while True:
            found = self._match(_PLAIN)
            parts.append(found[0] if found else b"")
            character = self.octets[self.at : self.at + 1]
            self.at += 1
            level += {b"(": 1, b")": -1}.get(character, 0)
            if character == b"" or level > DEEPEST:
                raise NotPdf("a string without end")
            if level == 0:
                return b"".join(parts)
            parts.append(self._escape() if character == b"\\" else character)

    def _escape(self) -> bytes:
        if octal := self._match(_OCTAL):
            return bytes([int(octal[0], 8) & 0xFF])
        character = self.octets[self.at : self.at + 1]
        self.at += 1
        if character in (b"\r", b"\n"):
            raise NotPdf("a string over several lines")
        return _ESCAPES.get(character, character)

    def indirect(self, number: int) -> Value:
        """The indirect object ``number`` of generation 0 that stands at the present position.

        Raises:
            NotPdf: another one or none, or a stream whose length is not said at once.
        """
        if not (self.take(b"%d 0 obj" % number)):
            raise NotPdf(f"object {number} is not where it should be")
        value = self.value()
        self.skip()
        if isinstance(value, dict) and self._match(_STREAM):
            value = self._stream(value)
        if not self.take(b"endobj"):
            raise NotPdf(f"object {number} does not end")
        return value

    def _stream(self, entries: dict[str, Value]) -> Stream:
        length = entries.pop("Length", None)
        if not isinstance(length, int) or not 0 <= length <= len(self.octets) - self.at:
            raise NotPdf("a stream of unknown length")
        octets = self.octets[self.at : self.at + length]
        self.at += length
        if not self.take(b"endstream"):
            raise NotPdf("a stream that is longer than it says")
        return Stream(entries, octets)
