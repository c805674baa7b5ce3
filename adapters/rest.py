"""Hands letters to document systems that have a REST interface of their own: JSON, XML or forms over HTTP.

Options of a route (a table; ``•`` marks what is required; `docs/kind-rest.md` has examples):

- ``base_url`` • address that the steps' paths are added to.
- ``auth``: how calls prove who calls, see `adapters.auth`.
- ``headers``: a table of fixed headers. ``idempotency_header``: name of the header that carries the
  delivery id (for later steps with ``:`` and the step's name or the file's place), if the target
  honours one.
- ``max_inline_bytes``: octets of file contents that a JSON or XML body may hold (10 MiB); forms and files
  alone have no limit.
- ``draft_until_confirm``: what ``create`` makes does not count as received before ``confirm`` (false).
- ``tables``: code tables by name, for the function ``code``; the entry ``*`` catches the rest.
- ``before``: a list of look-ups and of what must be there first: a step each, with ``name`` •, any
  ``method``, ``when`` (expression over the letter and what was found), ``required`` (everything that
  ``reads`` names must be found) and ``absent_status``.
- ``create`` •: ``method`` (POST), ``path`` •, ``format`` (``json xml form content``), ``body`` (a mapping,
  see `adapters.mapping` and `adapters.view`; required but for forms and contents), ``query``, ``headers``
  (mappings), ``success`` (expression over the answer, must be true), ``reads`` (see
  `adapters.answers.Reads`), ``rules``. Without ``success``, something that ``reads`` names must be there.
  Of ``xml``: ``xml`` • (see `adapters.xml_body.XmlForm`); of ``form``:
  ``files`` (list of ``field``, ``each``), ``types`` (media types of fields); of ``content``: ``content``
  (expression for the file).
- ``upload``: the call repeated for each file: as above, as ``form`` by default, with ``each`` (expression
  for the files: ``files``, or ``attachments`` to leave the signed original out), ``field`` (the form's name
  for the file, ``file``), ``when``, ``fields`` (mapping of further form fields, which sees the file as
  ``file``), ``digest`` (expression for the SHA-256 that the target answers; must be the file's).
- ``steps``: a list of further calls, each with its ``name`` •; ``required`` as before, and ``digests`` that
  are required must be those of every file that was uploaded.
- ``confirm``: as ``create``, body optional.
- ``find``: GET ``path`` •, ``success`` •, ``found`` • (expression for the earlier delivery, null or
  empty where there is none; ``{deliveryId}`` and ``{reference}`` in its literals are the letter's own),
  ``reads`` over what was found, ``absent_status`` (a status that means "not there", such as 404; none by
  default).
- ``poll``: how it is asked for news of letters that it took, see `adapters.rest_poll`; ``report``: how it
  tells them by calling the hub itself, see `adapters.report`.
- ``probe``: GET ``path`` •, ``success``.
- ``rules``: a list of ``status`` and/or ``when`` (expression over the answer), and what that means (see
  `adapters.verdicts.Verdict`). The first that fits decides, before the status does.

Paths may name ``{deliveryId}``, ``{reference}``, after ``create`` ``{handle}`` (from its ``reads``), in an
upload ``{fileId}``, ``{fileName}``, ``{fileNumber}``, ``{fileSha256}``, and what earlier steps kept.

Trouble: no connection, 408, 425, 429, 503, and a refusal of the credentials are temporary; other 4xx are
permanent; other 5xx, a broken connection, and an answer that is no answer are ambiguous. While only a
draft stands at the target all this is at worst temporary; once an earlier call had effect all of it
is ambiguous. Before the letter is created what the target refuses holds the letter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapters.contract import Context, Delivered, Handed, Letter, News, Notice, Report, Request, Response
from adapters.functions import noting
from adapters.oauth import Tokens
from adapters.options import described, faults_of
from adapters.outcomes import AlreadyThereError, Phase
from adapters.proof import proving
from adapters.recipe import Find, Recipe
from adapters.report import ReportReader
from adapters.rest_calls import Calls
from adapters.rest_delivery import RestDelivery, all_calls
from adapters.rest_judge import NO_JSON, decoded, judge, judged
from adapters.rest_notice import Telling, telling_of
from adapters.rest_poll import RestPoll
from adapters.view import letter_view
from gateway.domain.errors import Ambiguous, Misconfigured, Temporary


class RestAdapter:
    """The kind ``rest``; see the module for its options."""

    kind = "rest"
    # Whether a repeat is harmless depends on the route: see `honours_repeats`.
    idempotent = False
    streams = True

    def __init__(self) -> None:
        self._tokens = Tokens()

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options."""
        return faults_of(Recipe.read, RestPoll.read, ReportReader.read, options=options)

    def honours_repeats(self, options: Mapping[str, Any]) -> bool:
        """Whether the route's target takes the delivery id as an idempotency key."""
        return bool(options.get("idempotency_header"))

    def can_find(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes a look-up."""
        return bool(options.get("find"))

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Create, upload, confirm, as the route's recipe says.

        Raises:
            DeliveryError: see the module.
        """
        recipe, context = self._ready(context)
        calls = Calls(recipe, letter.delivery_id, letter.reference, context.secret)
        try:
            with noting(context.unmapped):
                return RestDelivery(recipe, calls, letter, context).run()
        except AlreadyThereError as there:
            return self._existing(recipe, letter, context, there.response)

    def find(self, delivery_id: str, reference: str, context: Context) -> Delivered | None:
        """The earlier delivery, by the route's look-up.

        Raises:
            DeliveryError: there is no look-up, or it gave no answer.
        """
        recipe, context = self._ready(context)
        if recipe.find is None:
            raise Ambiguous("WASL-DLV-004", "this route has no look-up")
        calls = Calls(recipe, delivery_id, reference, context.secret)
        return _looked_up(recipe.find, calls, context)

    def can_poll(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes how to ask for news."""
        return bool(options.get("poll"))

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        """What is new of letters; see `adapters.rest_poll`.

        Raises:
            DeliveryError: the target could not be asked.
        """
        poll = described(RestPoll.read, context)
        recipe, context = self._ready(context)
        return poll.ask(recipe, letters, context)

    def can_report(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes how the target calls."""
        return bool(options.get("report"))

    def read_report(self, report: Report, context: Context) -> Sequence[News]:
        """What the target's own call says; see `adapters.report`.

        Raises:
            Permanent: it is not the target's, or says nothing.
        """
        return described(ReportReader.read, context).news(report, context)

    def check_telling(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with the options of a party's receipts; see `adapters.rest_notice`."""
        try:
            Telling.read(options)
        except Misconfigured as wrong:
            return list(wrong.faults)
        return []

    def tell(self, notice: Notice, context: Context) -> None:
        """Tell a sender's system a receipt.

        Raises:
            DeliveryError: see `adapters.rest_notice`.
        """
        telling = telling_of(context)
        telling.send(notice, proving(context, telling.auth, self._tokens))

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        """Every call of the recipe; what the target would answer stands as ``{handle}``.

        Raises:
            DeliveryError: the letter does not fit the mapping.
        """
        recipe = _recipe(context)
        calls = Calls(recipe, letter.delivery_id, letter.reference, None)
        view = letter_view(letter)
        return tuple(call.preview() for call in all_calls(recipe, calls, view))

    def probe(self, context: Context) -> str:
        """Ask the route's probe address, or only whether somebody answers at the base address.

        Raises:
            DeliveryError: what is wrong.
        """
        recipe, context = self._ready(context)
        if recipe.probe is None:
            response = context.http.request("GET", recipe.base_url)
            return f"HTTP {response.status} from the base address; the route has no probe step"
        call = Calls(recipe, "probe", "probe", context.secret).get(recipe.probe)
        with judged(Phase.BEFORE):
            response = call.send(context.http)
            judge(recipe.probe, response, context)
        return f"HTTP {response.status}, {len(response.body)} octets, as expected"

    def _ready(self, context: Context) -> tuple[Recipe, Context]:
        """The route's recipe, and a context whose calls prove who calls."""
        recipe = _recipe(context)
        return recipe, proving(context, recipe.auth, self._tokens)

    def _existing(self, recipe: Recipe, letter: Letter, context: Context, response: Response) -> Delivered:
        """What a target holds that calls our delivery a duplicate."""
        if recipe.find is None:
            answer = decoded(response)
            findings = recipe.create.reads.over(None if answer is NO_JSON else answer)
            return findings.delivered(response)
        with judged(Phase.TAKEN):
            found = self.find(letter.delivery_id, letter.reference, context)
            if found is None:
                raise Ambiguous("WASL-DLV-004", "called a duplicate, but the look-up does not show it")
        return found


@lru_cache(maxsize=1000)
def _read(options: str) -> Recipe:
    """The recipe that a route's options, as JSON text, describe: worked out once for all of its letters."""
    return Recipe.read(json.loads(options))


def _looked_up(find: Find, calls: Calls, context: Context) -> Delivered | None:
    with judged(Phase.BEFORE):
        response = calls.get(find.step).send(context.http)
        if find.absent_status and response.status == find.absent_status:
            return None
        answer = judge(find.step, response, context)
        found = find.earlier(answer, calls.delivery_id, calls.reference)
    return find.step.reads.over(found).delivered(response) if found else None


def _recipe(context: Context) -> Recipe:
    try:
        # unsorted: the order of a mapping is the order of its elements in XML
        return _read(json.dumps(context.options))
    except Misconfigured as wrong:
        # Waiting costs nothing: an operator corrects the route, and no letter fails for it.
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong
