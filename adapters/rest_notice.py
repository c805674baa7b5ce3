"""Tells a sender's REST system a receipt, as the party's options describe it.

Options (a table; ``•`` marks what is required):

- ``base_url`` •, ``auth``, ``headers``, ``tables``, ``rules``: as for a route of kind ``rest``.
- ``idempotency_header``: name of the header that carries the receipt id (``Idempotency-Key``).
- ``tell`` •: ``method`` (``POST``, ``PUT``, ``PATCH``), ``path`` •, ``body`` (a mapping over
  `adapters.view.notice_view`, sent as JSON; without it the sealed receipt itself is sent, under its own media
  type), ``success`` (expression over the answer, must be true).

The path may name ``{receiptId}``, ``{messageId}``, ``{reference}`` and ``{deliveryId}``; ``-`` stands where a
receipt has none. Without ``success`` any 2xx counts whose answer is empty or JSON; a page does not. A rule's
``duplicate`` means that the system has this receipt, which is as good.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.answers import Reads
from adapters.auth import Auth
from adapters.contract import Context, Notice
from adapters.inline import inline
from adapters.options import Options
from adapters.outcomes import AlreadyThereError
from adapters.recipe import METHODS, Rule, Step, plain_headers
from adapters.rest_judge import judge
from adapters.view import Content, notice_view
from gateway.domain.errors import Misconfigured, Temporary

_PLACE = re.compile(r"\{(\w*)\}")
_PLACES = frozenset({"receiptId", "messageId", "reference", "deliveryId"})


@dataclass(frozen=True)
class Telling:
    """The call by which a receipt is told."""

    base_url: str
    auth: Auth
    headers: Mapping[str, str]
    idempotency_header: str
    step: Step

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Telling:
        """The call that the options describe.

        Raises:
            Misconfigured: everything that is wrong with them.
        """
        options = Options(table)
        tables, rules = options.code_tables(), tuple(map(Rule.read, options.sections("rules")))
        section = options.section("tell")
        if section is None:
            options.fault("tell", "is required")
            section = Options({"path": "/"})
        step = Step(
            name="tell",
            method=section.choice("method", METHODS, "POST"),
            path=_path(section),
            body=section.mapping("body", tables),
            success=section.expression("success"),
            reads=Reads({}),
            rules=rules,
        )
        section.end()
        telling = cls(
            base_url=options.url("base_url").rstrip("/"),
            auth=Auth.read(options.section("auth")),
            headers=plain_headers(options),
            idempotency_header=options.text("idempotency_header", "Idempotency-Key"),
            step=step,
        )
        options.end()
        options.check()
        return telling

    def send(self, notice: Notice, context: Context) -> None:
        """Tell one receipt; the context's client proves who calls.

        Raises:
            DeliveryError: the system did not take it, or nobody knows.
        """
        view = notice_view(notice)
        body, media_type = self._body(notice, view)
        headers = {"Accept": "application/json", **self.headers, "Content-Type": media_type}
        headers |= {self.idempotency_header: notice.receipt_id}
        url = self.base_url + _PLACE.sub(lambda place: quote(view[place[1]] or "-", safe=""), self.step.path)
        response = context.http.request(self.step.method, url, headers=headers, body=body)
        try:
            judge(self.step, response, context)
        except AlreadyThereError:
            return

    def _body(self, notice: Notice, view: Mapping[str, Any]) -> tuple[bytes, str]:
        if self.step.body is None:
            return notice.sealed, notice.media_type
        tree = inline(self.step.body.apply(view), Content.base64)
        return json.dumps(tree, ensure_ascii=False).encode(), "application/json; charset=utf-8"


def telling_of(context: Context) -> Telling:
    """The call that a party's options describe.

    Raises:
        Temporary: they are wrong; an operator corrects them, and no receipt is passed over for it.
    """
    try:
        return Telling.read(context.options)
    except Misconfigured as wrong:
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong


def _path(options: Options) -> str:
    path = options.text("path")
    unknown = sorted(set(_PLACE.findall(path)) - _PLACES)
    if unknown:
        options.fault("path", f"names {', '.join(unknown)}; known are {', '.join(sorted(_PLACES))}")
    if path and not (path.startswith("/") and path.isprintable() and " " not in path):
        options.fault("path", "does not begin with / or has a space")
    return path
