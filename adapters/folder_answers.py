"""Reads the files by which an old system answers: JSON, XML, CSV, or lines of text."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from lxml import etree

from adapters.contract import News
from adapters.folder_place import Steps
from adapters.folder_steps import read_steps
from adapters.functions import Tables
from adapters.mapping import Expression
from adapters.options import Options
from gateway.domain.transit.grounds import GROUNDS
from gateway.domain.transit.states import Processing

FORMS = ("json", "xml", "csv", "text")
_TEXTS = ("delivery_id", "reference", "target_reference", "register_number", "register_book")
_NAMES = (*_TEXTS, "register_date", "progress", "ground", "at")
_LETTER = ("delivery_id", "reference", "target_reference")
_LONGEST = 500
_MOST_ROWS = 10_000
_DEEPEST = 60
_STATES = {state.value for state in Processing} - {Processing.NONE.value}


class NoAnswerError(Exception):
    """The octets are no answer that the route describes; never leaves the adapters."""


@dataclass(frozen=True)
class AnswerFiles:
    """Where answers lie and how they are read.

    Options: ``folder`` •, ``pattern`` of their names (``*``), ``form`` • (``json``, ``xml``, ``csv``,
    ``text``), ``charset`` (``utf-8``), ``separator`` (between fields of CSV ``;``, between name and value of
    a line of text ``=``), ``each`` (expression for the answers in one file; without it a file is one, or each
    row of CSV), ``reads`` • (the names of `News` with expressions over ``answer``, one of those, and ``file``
    with its ``name`` and its ``stem``, the name up to its first dot; ``register_date_format`` as strptime has
    it), ``after`` (``leave``, ``move``), ``moved_to``, ``move_after_days`` (2), ``settle_seconds`` (5),
    ``max_bytes`` (1 MiB), ``most`` (files read at once, 1000).
    """

    folder: Steps
    pattern: str
    form: str
    charset: str
    separator: str
    each: Expression | None
    reads: Mapping[str, Expression]
    date_format: str
    moved_to: Steps | None
    move_after_days: int
    settle_seconds: int
    max_bytes: int
    most: int

    @classmethod
    def read(cls, options: Options | None, tables: Tables) -> AnswerFiles | None:
        """What the options describe; faults are noted there."""
        if options is None:
            return None
        form = options.choice("form", FORMS)
        moves = options.choice("after", ("leave", "move"), "leave") == "move"
        section = options.section("reads")
        if section is None:
            options.fault("reads", "is required")
        reads, date_format = _reads(section or Options({}), tables)
        answers = cls(
            folder=read_steps(options, "folder", None),
            pattern=options.text("pattern", "*"),
            form=form,
            charset=_charset(options),
            separator=_separator(options, form),
            each=options.expression("each", tables),
            reads=reads,
            date_format=date_format,
            moved_to=read_steps(options, "moved_to", None) if moves else None,
            move_after_days=options.number("move_after_days", 2, 1),
            settle_seconds=options.number("settle_seconds", 5),
            max_bytes=options.number("max_bytes", 1024**2, 1),
            most=options.number("most", 1000, 1),
        )
        if answers.moved_to == answers.folder and answers.folder:
            options.fault("moved_to", "is the folder of the answers itself")
        options.end()
        return answers

    def named(self, name: str) -> bool:
        """Whether a file of this name is an answer; hidden ones are not finished."""
        return not name.startswith(".") and fnmatchcase(name, self.pattern)

    @property
    def tells_its_end(self) -> bool:
        """Whether a half-written file can be told from a whole one."""
        return self.form in ("json", "xml")

    def news(self, octets: bytes, name: str) -> tuple[News, ...]:
        """What a file says; an answer that names no letter or says nothing is passed over.

        Raises:
            NoAnswerError: it is none, or half of one.
        """
        file = {"name": name, "stem": name.partition(".")[0]}
        found = []
        for answer in self._answers(octets):
            news = self._one({"answer": answer, "file": file})
            if news is not None:
                found.append(news)
        if not found:
            raise NoAnswerError
        return tuple(found)

    def _answers(self, octets: bytes) -> Iterator[Any]:
        content = self._content(octets)
        if self.each is not None:
            content = self.each.over_answer(content)
        many = content if isinstance(content, list) else [content]
        yield from many[:_MOST_ROWS]

    def _content(self, octets: bytes) -> Any:
        if self.form == "xml":
            return xml_value(octets)
        try:
            text = octets.decode(self.charset).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
            if self.form == "json":
                return json.loads(text)
            return _rows(text, self.separator) if self.form == "csv" else _lines(text, self.separator)
        except (ValueError, RecursionError, csv.Error) as trouble:
            raise NoAnswerError from trouble

    def _one(self, view: Any) -> News | None:
        said = {name: expression.over_answer(view) for name, expression in self.reads.items()}
        texts = {name: _line(said.get(name)) for name in _TEXTS}
        progress, ground = _line(said.get("progress")), _line(said.get("ground"))
        news = News(
            **texts,
            register_date=self._day(_line(said.get("register_date"))),
            progress=progress if progress in _STATES else None,
            ground=ground if ground in GROUNDS else None,
            at=_moment(_line(said.get("at"))),
        )
        names_a_letter = any(texts[name] for name in _LETTER)
        says = news.register_number or news.progress or news.ground
        return news if names_a_letter and says else None

    def _day(self, text: str | None) -> Day | None:
        try:
            if text and self.date_format:
                # A register date is a calendar day; no zone belongs to it.
                return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007
            return Day.fromisoformat(text[:10]) if text else None
        except ValueError:
            return None


def xml_value(octets: bytes) -> Any:
    """XML as tables by local name, attributes as ``@name``, text beside attributes as ``#text``.

    Raises:
        NoAnswerError: it is none, has a document type, or is too deep.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(octets, parser)
        if root.getroottree().docinfo.internalDTD is not None:
            raise NoAnswerError
        return _value(root, 0)
    except (etree.XMLSyntaxError, ValueError, LookupError) as trouble:
        raise NoAnswerError from trouble


def _value(element: etree._Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise NoAnswerError
    table: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    children = [child for child in element if isinstance(child.tag, str)]
    if not table and not children:
        return element.text or ""
    for child in children:
        name, value = etree.QName(child).localname, _value(child, depth + 1)
        if isinstance(several := table.get(name), list):
            several.append(value)
        else:
            table[name] = value if name not in table else [several, value]
    if not children:
        table["#text"] = element.text or ""
    return table


def _reads(options: Options, tables: Tables) -> tuple[dict[str, Expression], str]:
    found = {name: options.expression(name, tables) for name in _NAMES}
    reads = {name: expression for name, expression in found.items() if expression is not None}
    date_format = options.text("register_date_format", "")
    if not reads.keys() & set(_LETTER):
        options.fault("delivery_id", "is required, or reference or target_reference")
    if not reads.keys() & {"register_number", "progress", "ground"}:
        options.fault("register_number", "is required, or progress or ground")
    options.end()
    return reads, date_format


def _charset(options: Options) -> str:
    charset = options.text("charset", "utf-8")
    try:
        if codecs.lookup(charset)._is_text_encoding and b"a".decode(charset):
            return charset
    except (LookupError, ValueError):
        pass
    options.fault("charset", "is no character set that is known here")
    return "utf-8"


def _separator(options: Options, form: str) -> str:
    if form not in ("csv", "text"):
        return ""
    default = ";" if form == "csv" else "="
    separator = options.text("separator", default)
    if len(separator) != 1 or separator in '"\r\n':
        options.fault("separator", "is not one sign")
        return default
    return separator


def _rows(text: str, separator: str) -> list[dict[str, str]]:
    """Rows of CSV (RFC 4180) by the names in the first one."""
    reader = csv.DictReader(io.StringIO(text), delimiter=separator, strict=True, restval="")
    rows = []
    for row in reader:
        rows.append({str(name).strip(): value for name, value in row.items() if isinstance(value, str)})
        if len(rows) >= _MOST_ROWS:
            break
    return rows


def _lines(text: str, separator: str) -> dict[str, str]:
    """Lines such as ``numero = 12/2026``; of a name that stands twice the first counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, parted, value = line.partition(separator)
        if parted:
            found.setdefault(name.strip(), value.strip())
    return found


def _line(value: Any) -> str | None:
    """One line of text such as a register may have; None for anything else.

    Marks of direction are left out: systems that write Arabic put them around numbers.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = "".join(sign for sign in " ".join(str(value).split()) if sign.isprintable()).strip()
    return text if 0 < len(text) <= _LONGEST else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
