"""Understands a target's own call about letters that it took, as a route's option ``report`` describes it.

Options of ``report`` (``•`` marks what is required):

- ``auth`` •: how the call proves that it comes from the target. ``kind`` • is one of

  - ``bearer``: the ``secret`` (reference of a secret) as ``Authorization: Bearer``;
  - ``header``: the secret in the header ``header``;
  - ``basic``: ``username`` and the secret;
  - ``hmac``: HMAC-SHA256 with the secret over the moment of ``timestamp_header``, a full stop, and the body,
    in the header ``header``, in hexadecimal or base64, behind ``prefix`` (such as ``sha256=``) where there is
    one. The moment is in seconds since 1970 or ISO 8601 with a zone, at most ``tolerance_seconds`` (300)
    away;
  - ``certificate``: the connection showed a certificate that is registered for the office's party.

- ``each``: expression for the list of what is said (the call itself speaks of one letter).
- ``reads`` •: see `adapters.news_reads`, over each entry; it must say which letter it is.

The body is JSON, or XML, which is read as `adapters.xml_values.value_of` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.contract import Context, News, Report
from adapters.functions import Tables
from adapters.mapping import Expression
from adapters.news_reads import NewsReads, rows
from adapters.options import Options
from adapters.report_auth import ReportAuth
from adapters.report_body import decode
from gateway.domain.errors import Permanent


@dataclass(frozen=True)
class ReportReader:
    """How a route's system calls."""

    auth: ReportAuth
    each: Expression | None
    reads: NewsReads

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> ReportReader | None:
        """What a route's options say of it; None where they say nothing.

        Raises:
            Misconfigured: everything that is wrong with it.
        """
        route = Options(table)
        section = route.section("report")
        reader = None if section is None else cls._read(section, Options(table, faults=[]).code_tables())
        route.check()
        return reader

    @classmethod
    def _read(cls, options: Options, tables: Tables) -> ReportReader:
        for key in ("auth", "reads"):
            if key not in options:
                options.fault(key, "is required")
        reader = cls(
            auth=ReportAuth.read(options.section("auth")),
            each=options.expression("each", tables),
            reads=NewsReads.read(options.section("reads"), tables, names_letters=True),
        )
        options.end()
        return reader

    def news(self, report: Report, context: Context) -> list[News]:
        """What the call says.

        Raises:
            Permanent: it does not come from the target, or says nothing that is understood.
        """
        self.auth.check(report, context)
        body = decode(report)
        entries = [body] if self.each is None else rows(self.each, body)
        heard = [self.reads.over(entry) for entry in entries]
        told = [one for one in heard if one is not None]
        if not told:
            raise Permanent("WASL-DLV-008", "the call tells of no letter")
        return told
