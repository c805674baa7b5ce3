"""What is read from a target's answer once it took a letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date as Day
from datetime import datetime
from typing import Any

from adapters.contract import Delivered, Response
from adapters.mapping import Expression
from adapters.options import Options
from gateway.domain.transit.envelope import Envelope

KEPT = 64 * 1024
_NAMES = ("handle", "target_reference", "register_number", "register_date", "register_book", "digests")


@dataclass(frozen=True)
class Findings:
    """What the answers of one or several calls said.

    ``handle`` is what the target's further calls want to hear; it stays inside the adapter.
    """

    handle: str | None = None
    target_reference: str | None = None
    register_number: str | None = None
    register_date: Day | None = None
    register_book: str | None = None
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Findings()

    def plus(self, later: Findings) -> Findings:
        """Both together; what the later answer says replaces, its digests add."""
        said = {name: value for name, value in vars(later).items() if value}
        return replace(self, **(said | {"digests": self.digests | later.digests}))

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
    """

    expressions: Mapping[str, Expression]
    date_format: str = ""

    @classmethod
    def read(cls, options: Options | None) -> Reads:
        """The table that the options describe; faults are noted there."""
        if options is None:
            return cls({})
        found = {name: options.expression(name) for name in _NAMES}
        reads = cls(
            {name: expression for name, expression in found.items() if expression is not None},
            options.text("register_date_format", ""),
        )
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
        )

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


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value).strip() or None


def _digests(value: Any) -> frozenset[str]:
    many = value if isinstance(value, list) else [value]
    return frozenset(entry.strip().lower() for entry in many if isinstance(entry, str))
