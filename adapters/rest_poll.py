"""Asks a REST system what became of letters that it took, as the route's option ``poll`` describes it.

Options of ``poll`` (``•`` marks what is required), in one of two forms. Letter by letter, by GET:

- ``path`` •: may name ``{deliveryId}``, ``{reference}`` and ``{handle}``, the target's own name for the
  letter (its ``target_reference``, or the ``handle`` where it has no other); a letter without one is not
  asked about.
- ``success`` •: expression over the answer, must be true. ``found``: expression for what is said of the
  letter (the whole answer), null or empty where there is nothing. ``absent_status``: a status that means
  "nothing there" (404, say).
- ``reads`` •: see `adapters.news_reads`, over what was found.

All in one call:

- ``each`` •: expression for the list of what is said, over each entry of which ``reads`` looks, and then must
  say which letter it is.
- ``method`` (``GET``, or ``POST`` with ``body``, a mapping over ``letters``: a list of ``deliveryId``,
  ``reference``, ``targetReference``, ``registerNumber``, ``handedOverAt``), ``path`` •, ``success`` •.

Any other answer is trouble of the target: it is asked again later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from adapters.answers import Reads
from adapters.contract import Context, Handed, News
from adapters.functions import Tables
from adapters.looking_up import look_up
from adapters.mapping import Expression
from adapters.news_reads import NewsReads, rows
from adapters.options import Options
from adapters.outcomes import Phase
from adapters.recipe import Recipe, Step
from adapters.rest_calls import Call, Calls
from adapters.rest_judge import judge, judged

_HANDLE = "{handle}"


@dataclass(frozen=True)
class RestPoll:
    """How a route's system is asked."""

    step: Step
    each: Expression | None
    found: Expression | None
    absent_status: int
    reads: NewsReads

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> RestPoll | None:
        """What a route's options say of it; None where they say nothing.

        Raises:
            Misconfigured: everything that is wrong with it.
        """
        route = Options(table)
        section = route.section("poll")
        if section is None:
            route.check()
            return None
        poll = cls._read(section, Options(table, faults=[]).code_tables())
        section.end()
        route.check()
        return poll

    @classmethod
    def _read(cls, options: Options, tables: Tables) -> RestPoll:
        many = "each" in options
        for key in ("success", "reads"):
            if key not in options:
                options.fault(key, "is required")
        method = options.choice("method", ("GET", "POST") if many else ("GET",), "GET")
        step = Step(
            name="poll",
            method=method,
            path=_path(options, many),
            body=options.mapping("body", tables) if method == "POST" else None,
            success=options.expression("success"),
            reads=Reads({}),
            rules=(),
        )
        return cls(
            step=step,
            each=options.expression("each", tables),
            found=None if many else options.expression("found"),
            absent_status=0 if many else options.number("absent_status", 0),
            reads=NewsReads.read(options.section("reads"), tables, names_letters=many),
        )

    def ask(self, recipe: Recipe, letters: Sequence[Handed], context: Context) -> list[News]:
        """What is said of the letters.

        Raises:
            DeliveryError: the system could not be asked.
        """
        if self.each is not None:
            return self._ask_at_once(recipe, self.each, letters, context)
        open_letters = (one for one in letters if self._may_have_news(one))
        return look_up(open_letters, partial(self._ask_one, recipe, context=context))

    def _may_have_news(self, letter: Handed) -> bool:
        named = letter.target_reference is not None or _HANDLE not in self.step.path
        return named and (letter.register_number is None or self.reads.tells_progress)

    def _ask_one(self, recipe: Recipe, letter: Handed, context: Context) -> News | None:
        calls = Calls(recipe, letter.delivery_id, letter.reference, context.secret)
        values = {"deliveryId": letter.delivery_id, "reference": letter.reference}
        values["handle"] = letter.target_reference or ""
        with judged(Phase.BEFORE):
            call = replace(calls.get(self.step), url=recipe.url(self.step, values))
            response = call.send(context.http)
            if self.absent_status and response.status == self.absent_status:
                return None
            answer = judge(self.step, response, context)
        found = answer if self.found is None else self.found.over_answer(answer)
        return self.reads.over(found) if found else None

    def _ask_at_once(
        self, recipe: Recipe, each: Expression, letters: Sequence[Handed], context: Context
    ) -> list[News]:
        with judged(Phase.BEFORE):
            response = self._call(Calls(recipe, "", "", context.secret), letters).send(context.http)
            answer = judge(self.step, response, context)
        said = (self.reads.over(row) for row in rows(each, answer))
        return [one for one in said if one is not None]

    def _call(self, calls: Calls, letters: Sequence[Handed]) -> Call:
        call = calls.get(self.step)
        if self.step.body is None:
            return call
        tree = self.step.body.apply({"letters": [handed_view(one) for one in letters]})
        headers = {**call.headers, "Content-Type": "application/json; charset=utf-8"}
        return replace(call, headers=headers, body=json.dumps(tree, ensure_ascii=False).encode())


def handed_view(letter: Handed) -> dict[str, str | None]:
    """A letter as a look-up's mapping sees it."""
    return {
        "deliveryId": letter.delivery_id,
        "reference": letter.reference,
        "targetReference": letter.target_reference,
        "registerNumber": letter.register_number,
        "handedOverAt": letter.handed_over_at.isoformat(),
    }


def _path(options: Options, many: bool) -> str:
    path = options.text("path")
    known = () if many else ("deliveryId", "reference", "handle")
    rest = path
    for name in known:
        rest = rest.replace(f"{{{name}}}", "")
    if "{" in rest or "}" in rest:
        options.fault("path", f"names something else than {', '.join(known) or 'nothing, beside each'}")
    if path and not (path.startswith("/") and path.isprintable() and " " not in path):
        options.fault("path", "does not begin with / or has a space")
    return path
