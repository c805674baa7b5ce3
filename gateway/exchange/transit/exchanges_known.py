"""Known secrets are found in a text, however they are written down there."""

from __future__ import annotations

import base64
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote_to_bytes

Span = tuple[int, int]

_SHORTEST = 4
"""A shorter secret is found only where it stands as a word of its own."""
_LONG_LINE = 16
"""A line of a secret in several lines, such as a key in PEM, is a secret too if it is so long."""
_DEEPEST = 3
"""Escapes within escapes, such as a form in JSON in XML."""
_ESCAPE = re.compile(
    r"(?P<json>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u\r\n])"
    r"|(?P<xml>&#[0-9]{1,7};|&#[xX][0-9a-fA-F]{1,6};|&(?:amp|lt|gt|quot|apos);)"
    r"|(?P<url>%[cCdD][0-9a-fA-F]%[89abAB][0-9a-fA-F]|%[eE][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){2}"
    r"|%[fF][0-7](?:%[89abAB][0-9a-fA-F]){3}|%[0-9a-fA-F]{2})"
    r"|(?P<fold>[\r\n]+)"
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_CUT = re.compile(r"(?:\\u?[0-9a-fA-F]{0,3}|&#?\w{0,7}|%[0-9a-fA-F]?)?…?\Z")
"""What may stand at the end of a text that was cut: half of an escape, and the sign that it was cut."""
_LONGEST_CUT = 12
_CODED = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


@dataclass(frozen=True)
class _Layer:
    """A text without its outermost escapes, and where each of its signs stood before.

    Attributes:
        here, there: a place in this text, and in the text that it was made of, after each escape.
    """

    text: str
    here: tuple[int, ...]
    there: tuple[int, ...]

    def before(self, span: Span) -> Span:
        """The same span in the text that this one was made of."""
        start, end = span
        at = bisect_right(self.here, start) - 1
        first = self.there[at] + start - self.here[at]
        at = bisect_left(self.here, end)
        if at < len(self.here) and self.here[at] == end:
            return first, self.there[at]
        return first, self.there[at - 1] + end - self.here[at - 1]


class Known:
    """Finds secrets as they are, escaped for JSON, XML or a URL at any of their signs, in base64 and in hex.

    Args:
        secrets: what must not be shown.
        least: a secret of fewer signs is passed over.
    """

    def __init__(self, secrets: Iterable[str], least: int = 1) -> None:
        plain = {form for secret in secrets for form in _lines(secret) if len(form) >= least}
        self._short = [
            re.compile(rf"\b{re.escape(one)}\b", re.A) for one in plain if len(one) < _SHORTEST
        ]  # fmt: skip
        longer = [one for one in plain if len(one) >= _SHORTEST]
        self._plain = {form for one in longer for form in _plain_forms(one)}
        self._coded = {form for one in longer for form in _coded_forms(one)}

    def spans(self, text: str) -> list[Span]:
        """Where secrets stand, apart from each other and in their order."""
        if not (self._short or self._plain):
            return []
        layers: list[_Layer] = []
        found: list[Span] = []
        while True:
            for span in self._in(layers[-1].text if layers else text):
                for layer in reversed(layers):
                    span = layer.before(span)
                found.append(span)
            unescaped = _unescaped(layers[-1].text if layers else text) if len(layers) < _DEEPEST else None
            if unescaped is None:
                return _joined(found)
            layers.append(unescaped)

    def _in(self, text: str) -> Iterator[Span]:
        for pattern in self._short:
            yield from (one.span() for one in pattern.finditer(text))
        end = _CUT.search(text, max(0, len(text) - _LONGEST_CUT))
        whole = len(text) if end is None else end.start()
        for form in self._plain:
            yield from _places(text, form)
            yield from _cut_off(text, whole, form)
        for form in self._coded:
            for start, stop in (*_places(text, form), *_cut_off(text, whole, form)):
                yield _run_around(text, start, stop)


def _lines(secret: str) -> Iterator[str]:
    """A secret without its breaks of lines, and each long line of it."""
    plain = secret.strip()
    lines = [line.strip() for line in plain.splitlines()]
    if plain:
        yield "".join(lines)
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LONG_LINE and not line.startswith("-----"))


def _plain_forms(secret: str) -> Iterator[str]:
    """How a secret reads when nothing is escaped, or was unescaped once too often."""
    form: str | None = secret
    for _ in range(_DEEPEST + 1):
        if form is None or len(form) < _SHORTEST:
            break
        yield form
        yield form.replace(" ", "+")  # as forms have it
        layer = _unescaped(form)
        form = None if layer is None else layer.text
    if not secret.isascii():  # sent as octets of one encoding, read as another
        octets = secret.encode("utf-8", "replace")
        yield octets.decode("latin-1")
        yield secret.encode("latin-1", "replace").decode("utf-8", "replace")


def _coded_forms(secret: str) -> Iterator[str]:
    """What of the base64 and hex of any text shows that the secret is in it."""
    octets = secret.encode("utf-8", "replace")
    for before in range(3):
        coded = base64.b64encode(bytes(before) + octets).decode("ascii")
        sure = coded[-(-8 * before // 6) : 8 * (before + len(octets)) // 6]
        if len(sure) >= _SHORTEST:
            yield sure
            yield sure.replace("+", "-").replace("/", "_")
    yield octets.hex()
    yield octets.hex().upper()


def _run_around(text: str, start: int, stop: int) -> Span:
    """All of the base64 or hex that something was found in."""
    while start and _CODED.fullmatch(text, start - 1, start):
        start -= 1
    after = _CODED.match(text, stop)
    return start, after.end() if after else stop


def _places(text: str, form: str) -> Iterator[Span]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _cut_off(text: str, whole: int, form: str) -> Iterator[Span]:
    """The beginning of a secret, where the text ends in the midst of it."""
    tail = text[max(0, whole - len(form) + 1) : whole]
    at = tail.find(form[:_SHORTEST])
    while at >= 0:
        if form.startswith(tail[at:]):
            yield whole - len(tail) + at, len(text)
            return
        at = tail.find(form[:_SHORTEST], at + 1)


def _unescaped(text: str) -> _Layer | None:
    """The text without its outermost escapes and breaks of lines; None where it has none."""
    pieces: list[str] = []
    here, there = [0], [0]
    length = last = 0
    for escape in _ESCAPE.finditer(text):
        start, end = escape.span()
        sign = _sign(escape)
        pieces += (text[last:start], sign)
        length += start - last
        here += (length, length + len(sign))
        there += (start, end)
        length, last = length + len(sign), end
    if not last:
        return None
    pieces.append(text[last:])
    return _Layer("".join(pieces), tuple(here), tuple(there))


def _sign(escape: re.Match[str]) -> str:
    """The one sign that an escape stands for; none for a break of lines."""
    found = escape[0]
    if escape["json"]:
        if found[1] != "u":
            return _CONTROLS.get(found[1], found[1])
        octets = bytes.fromhex(found.replace("\\u", ""))
        return octets.decode("utf-16-be", "replace")[:1]
    if escape["xml"]:
        return unescape(found)[:1]
    return unquote_to_bytes(found).decode("utf-8", "replace")[:1] if escape["url"] else ""


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
