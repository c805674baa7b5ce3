"""What is read from a target's answer once it took a letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date as Day
from datetime import datetime
from typing import Any

from adapters.contract import Delivered, Response
from adapters.mapping import Expression
from adapters.options import Options
from gateway.domain.transit.envelope import Envelope

KEPT = 64 * 1024
Scalar = str | int | float | bool
LONGEST = 2000
"""Characters of a text that further calls use."""
_NAMES = ("handle", "target_reference", "register_number", "register_date", "register_book", "digests")
OPTIONS = frozenset({*_NAMES, "register_date_format"})


@dataclass(frozen=True)
class Findings:
    """What the answers of one or several calls said.

    ``handle`` is what the target's further calls want to hear, and so is what is ``kept`` under a name of
    the route's own; they stay inside the adapter.
    """

    handle: str | None = None
    target_reference: str | None = None
    register_number: str | None = None
    register_date: Day | None = None
    register_book: str | None = None
    digests: frozenset[str] = frozenset()
    kept: Mapping[str, Scalar] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self != Findings()

    def plus(self, later: Findings) -> Findings:
        """Both together; what the later answer says replaces, its digests add."""
        said = {name: value for name, value in vars(later).items() if value}
        both = {"digests": self.digests | later.digests, "kept": {**self.kept, **later.kept}}
        return replace(self, **(said | both))

    def delivered(self, response: Response, envelope: Envelope | None = None) -> Delivered:
        """The handover that these findings prove, with the octets of the last answer."""
        digests = {attachment.sha256 for attachment in envelope.attachments} if envelope else set()
        return Delivered(
            answer=response.body[:KEPT],
            answer_media_type=media_type(response),
            target_reference=self.target_reference or self.handle,
            register_number=self.register_number,
            register_date=self.register_date,
            register_book=self.register_book,
            digests_confirmed=bool(digests) and digests <= self.digests,
        )


@dataclass(frozen=True)
class Reads:
    """Where to look in an answer: a table of JMESPath expressions over it.

    Options, all optional: ``handle``, ``target_reference``, ``register_number``, ``register_date``
    (with ``register_date_format`` in strptime's notation, ISO 8601 without), ``register_book``, and
    ``digests`` (one or several SHA-256 digests in hexadecimal that the target computed).
    Where a kind has later calls, any other name: its value is kept for them.
    """

    expressions: Mapping[str, Expression]
    date_format: str = ""
    keeps: Mapping[str, Expression] = field(default_factory=dict)

    @classmethod
    def read(cls, options: Options | None, keeps: Callable[[str], bool] = lambda name: False) -> Reads:
        """The table that the options describe; faults are noted there.

        Args:
            keeps: whether a name beside the known ones is wanted later; what it finds is kept under it.
        """
        if options is None:
            return cls({})
        more = [name for name in options.names() if name not in OPTIONS and keeps(name)]
        reads = cls(_found(options, _NAMES), options.text("register_date_format", ""), _found(options, more))
        options.end()
        return reads

    def over(self, answer: Any) -> Findings:
        """What this answer says; what it does not say, or says in another form, is absent."""
        texts = {
            name: _text(self._value(name, answer))
            for name in _NAMES
            if name not in ("register_date", "digests")
        }
        return Findings(
            **texts,
            register_date=self._day(_text(self._value("register_date", answer))),
            digests=_digests(self._value("digests", answer)),
            kept=self._kept(answer),
        )

    def _kept(self, answer: Any) -> Mapping[str, Scalar]:
        found = {name: expression.over_answer(answer) for name, expression in self.keeps.items()}
        return {name: value for name, value in found.items() if is_scalar(value)}

    def _value(self, name: str, answer: Any) -> Any:
        expression = self.expressions.get(name)
        return None if expression is None else expression.over_answer(answer)

    def _day(self, text: str | None) -> Day | None:
        if text is None:
            return None
        try:
            if self.date_format:
                # A register date is a calendar day; no zone belongs to it.
                return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007
            return Day.fromisoformat(text[:10])
        except ValueError:
            return None


def media_type(response: Response) -> str:
    """The answer's media type without parameters."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() or (
        "application/octet-stream"
    )


def _found(options: Options, names: Iterable[str]) -> dict[str, Expression]:
    found = {name: options.expression(name) for name in names}
    return {name: expression for name, expression in found.items() if expression is not None}


def charset(response: Response) -> str:
    """The charset that the answer's Content-Type names, or nothing."""
    found = re.search(
        r";\s*charset\s*=\s*([\w\"-]+)", response.headers.get("content-type", ""), re.IGNORECASE
    )
    return found[1] if found else ""


def is_scalar(value: Any) -> bool:
    """Whether it is a text of a bearable length, a number or a boolean."""
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and 0 < len(value) <= LONGEST)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value).strip() or None


def _digests(value: Any) -> frozenset[str]:
    many = value if isinstance(value, list) else [value]
    return frozenset(entry.strip().lower() for entry in many if isinstance(entry, str))
