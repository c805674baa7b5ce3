"""Reads the files by which an old system answers: JSON, XML, CSV, or lines of text."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from adapters.contract import News
from adapters.folder_place import Steps
from adapters.folder_steps import read_steps, separator_of
from adapters.functions import Tables
from adapters.json_values import read_json
from adapters.mapping import Expression
from adapters.news_reads import NewsReads
from adapters.options import Options
from adapters.xml_values import read_xml, value_of

FORMS = ("json", "xml", "csv", "text")
_MOST_ROWS = 10_000


class NoAnswerError(Exception):
    """The octets are no answer that the route describes; never leaves the adapters."""


@dataclass(frozen=True)
class AnswerFiles:
    """Where answers lie and how they are read.

    Options: ``folder`` •, ``pattern`` of their names (``*``), ``form`` • (``json``, ``xml``, ``csv``,
    ``text``), ``charset`` (``utf-8``), ``separator`` (between fields of CSV ``;``, between name and value of
    a line of text ``=``), ``each`` (expression for the answers in one file; without it a file is one, or each
    row of CSV), ``reads`` • (see `adapters.news_reads`, over ``answer``, one of those, and ``file`` with its
    ``name`` and its ``stem``, the name up to its first dot), ``after`` (``leave``, ``move``), ``moved_to``,
    ``move_after_days`` (2), ``settle_seconds`` (5), ``max_bytes`` (1 MiB), ``most`` (files read at once:
    1000).
    """

    folder: Steps
    pattern: str
    form: str
    charset: str
    separator: str
    each: Expression | None
    reads: NewsReads
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
        answers = cls(
            folder=read_steps(options, "folder", None),
            pattern=options.text("pattern", "*"),
            form=form,
            charset=_charset(options),
            separator=_separator(options, form),
            each=options.expression("each", tables),
            reads=NewsReads.read(section, tables, names_letters=True),
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
            news = self.reads.over({"answer": answer, "file": file})
            if news is not None and (news.delivery_id or news.reference or news.target_reference):
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
        try:
            if self.form == "xml":
                return value_of(read_xml(octets))
            text = octets.decode(self.charset).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
            if self.form == "json":
                return read_json(text.encode())
            return _rows(text, self.separator) if self.form == "csv" else _lines(text, self.separator)
        except (ValueError, RecursionError, csv.Error) as trouble:
            raise NoAnswerError from trouble


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
    return separator_of(options, ";" if form == "csv" else "=")


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
