"""Asks a SOAP service what became of letters that it took, as the route's option ``poll`` describes it.

Options of ``poll`` (``•`` marks what is required): ``operation`` •, ``request`` • (a mapping), ``success`` •,
``reads`` • (see `adapters.news_reads`), and one of two forms:

- letter by letter: ``request`` sees ``deliveryId``, ``reference``, ``targetReference``, ``registerNumber``
  and ``handedOverAt``; ``found`` is the expression for what is said of the letter (the whole reply), null or
  empty where there is nothing; ``absent_fault`` is a regular expression over a fault that means so.
- all in one call: ``request`` sees ``letters``, a list of the same; ``each`` is the expression for the list
  of what is said, over each entry of which ``reads`` looks, and then must say which letter it is.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.answers import Reads
from adapters.contract import Handed, News
from adapters.functions import Tables
from adapters.looking_up import look_up
from adapters.mapping import Expression, Mapping
from adapters.news_reads import NewsReads, rows
from adapters.options import Options
from adapters.outcomes import AlreadyThereError, Phase, in_phase
from adapters.patterns import Pattern
from adapters.rest_poll import handed_view
from adapters.soap_calls import Line
from adapters.soap_judge import FAULT, judge
from adapters.soap_options import Operation
from gateway.domain.errors import DeliveryError, Temporary


@dataclass(frozen=True)
class SoapPoll:
    """How a route's service is asked."""

    operation: Operation
    each: Expression | None
    found: Expression | None
    absent_fault: Pattern | None
    reads: NewsReads

    @classmethod
    def read(cls, table: Table[str, Any]) -> SoapPoll | None:
        """What a route's options say of it; None where they say nothing.

        Raises:
            Misconfigured: everything that is wrong with it.
        """
        route = Options(table)
        section = route.section("poll")
        poll = None if section is None else cls._read(section, Options(table, faults=[]).code_tables())
        if section is not None:
            section.end()
        route.check()
        return poll

    @classmethod
    def _read(cls, options: Options, tables: Tables) -> SoapPoll:
        for key in ("request", "success", "reads"):
            if key not in options:
                options.fault(key, "is required")
        operation = Operation(
            name=options.text("operation"),
            request=options.mapping("request", tables) or Mapping.compile({}),
            success=options.expression("success"),
            reads=Reads({}),
        )
        many = "each" in options
        return cls(
            operation=operation,
            each=options.expression("each", tables),
            found=None if many else options.expression("found"),
            absent_fault=None if many else Pattern.read(options, "absent_fault") or None,
            reads=NewsReads.read(options.section("reads"), tables, names_letters=many),
        )

    def ask(self, line: Line, letters: Sequence[Handed]) -> list[News]:
        """What is said of the letters.

        Raises:
            DeliveryError: the service could not be asked.
        """
        if self.operation.name not in line.endpoint.operations:
            raise Temporary("WASL-DLV-007", f"the WSDL has no operation {self.operation.name}")
        if self.each is not None:
            reply = self._call(line, {"letters": [handed_view(one) for one in letters]})
            said = (self.reads.over(row) for row in rows(self.each, reply))
            return [one for one in said if one is not None]
        wanted = (one for one in letters if one.register_number is None or self.reads.tells_progress)
        return look_up(wanted, partial(self._ask_one, line))

    def _ask_one(self, line: Line, letter: Handed) -> News | None:
        try:
            reply = self._call(line, handed_view(letter))
        except DeliveryError as fault:
            if fault.code == FAULT and self.absent_fault and self.absent_fault.within(fault.detail):
                return None
            raise
        found = reply if self.found is None else self.found.over_answer(reply)
        return self.reads.over(found) if found else None

    def _call(self, line: Line, view: Table[str, Any]) -> Any:
        try:
            return judge(self.operation, line.route, line.call(self.operation, view), line.context)
        except AlreadyThereError as strange:
            raise Temporary(FAULT, "the look-up answers that it is a duplicate") from strange
        except DeliveryError as fault:
            raise in_phase(fault, Phase.BEFORE) from fault
