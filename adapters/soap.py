"""Hands letters to document systems that take SOAP 1.1 or 1.2 calls.

Options of a route (a table; ``•`` marks what is required):

- ``wsdl_url``: where the WSDL is; or ``wsdl``: the WSDL itself, where the published one imports other
  documents (which is never followed). ``wsdl_sha256`` pins the digest of the published one.
- ``endpoint``: where calls go; by default the WSDL's address, which then must be on the WSDL's host.
- ``service``, ``port``: names in the WSDL; by default the first with a SOAP binding.
- ``auth``: how the hub proves who calls, see `adapters.auth` and `adapters.soap_security`.
- ``attachments``: ``base64`` inside the message (by default), or ``mtom``: as parts beside it. Either way
  files are read while they are sent, and never held in memory.
- ``max_bytes``: octets of attachments together that the service bears; the original may come on top. No limit
  by default.
- ``tables``: code tables by name, for the function ``code``; the entry ``*`` catches the rest.
- ``operation`` •, ``request`` • (a mapping to its parameters, see `adapters.mapping` and `adapters.view`;
  a ``content`` of a file goes where the WSDL wants base64), ``success`` (expression over the reply, must be
  true), ``reads`` (see `adapters.answers.Reads`; names are as `adapters.soap_answer.read_answer` says).
  Without ``success``, something that ``reads`` names must be there.
- ``reply_signers``: certificates in PEM, of who signs the service's replies or of authorities above: then
  every reply must be signed (WS-Security X.509, over Body and Timestamp), and only what is signed is read.
- ``headers``: a mapping to the blocks of the header that operations declare, for all of them; it sees the
  secret as ``secret`` where ``auth`` has the kind ``soap_header``.
- ``find``: the same four over ``deliveryId`` and ``reference`` for a look-up (``success`` •), with
  ``found`` • (expression for the earlier delivery over the reply, over which ``reads`` then looks;
  null or empty where there is none) and ``absent_fault`` (regular expression over a fault that means
  "not there").
- ``poll``: how it is asked for news of letters that it took, see `adapters.soap_poll`; ``report``: how it
  tells them by calling the hub itself, see `adapters.report`.
- ``faults``: a list of ``code`` (the whole code or subcode without prefix), ``text``, ``detail``
  (regular expressions, the latter two found anywhere), and what that means (see
  `adapters.verdicts.Verdict`). The first that fits decides, whatever the HTTP status.

To tell a sender's system receipts (``[party.receipts]``) the same options, but for ``reads``, ``find``,
``poll`` and ``report``:
``request`` maps `adapters.view.notice_view`, and should carry ``receiptId``, which the service takes once;
a fault that a rule calls ``duplicate`` means that it has the receipt, which is as good.

Trouble: a fault that no rule names is permanent when the service blames the call (Client, Sender), else
ambiguous; without a fault the HTTP status decides as for the kind ``rest``; an answer that is no SOAP is
ambiguous. Everything before the call itself is at worst temporary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.answers import KEPT
from adapters.contract import Context, Delivered, Handed, Letter, News, Notice, Report, Request
from adapters.describing import Offer
from adapters.functions import noting
from adapters.options import described, faults_of
from adapters.outcomes import AlreadyThereError, Phase, in_phase
from adapters.proof import proving
from adapters.report import ReportReader
from adapters.soap_calls import Kept, Line, wsdl_of
from adapters.soap_judge import judge, judge_look_up
from adapters.soap_offer import offers
from adapters.soap_options import FindOperation, SoapRoute, service_of
from adapters.soap_poll import SoapPoll
from adapters.view import letter_view, notice_view
from gateway.domain.errors import Ambiguous, DeliveryError


class SoapAdapter:
    """The kind ``soap``; see the module for its options."""

    kind = "soap"
    idempotent = False
    streams = True

    def __init__(self) -> None:
        self._kept = Kept.nothing()

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options."""
        return faults_of(SoapRoute.read, SoapPoll.read, ReportReader.read, options=options)

    def can_find(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes a look-up."""
        return bool(options.get("find"))

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Call the operation with the mapped letter.

        Raises:
            DeliveryError: see the module.
        """
        line = Line.open(self._kept, context)
        operation = line.route.deliver
        with noting(context.unmapped):
            response = line.call(operation, letter_view(letter))
        try:
            reply = judge(operation, line.route, response, context)
        except AlreadyThereError:
            return _existing(line, letter) or Delivered(response.body[:KEPT])
        return operation.reads.over(reply).delivered(response, letter.envelope)

    def find(self, delivery_id: str, reference: str, context: Context) -> Delivered | None:
        """The earlier delivery, by the route's look-up.

        Raises:
            DeliveryError: there is no look-up, or it gave no answer.
        """
        line = Line.open(self._kept, context)
        if line.route.find is None:
            raise Ambiguous("WASL-DLV-004", "this route has no look-up")
        return _looked_up(line, line.route.find, delivery_id, reference, Phase.BEFORE)

    def can_poll(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes how to ask for news."""
        return bool(options.get("poll"))

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        """What is new of letters; see `adapters.soap_poll`.

        Raises:
            DeliveryError: the target could not be asked.
        """
        poll = described(SoapPoll.read, context)
        return poll.ask(Line.open(self._kept, context), letters)

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
        """What is wrong with the options of a party's receipts."""
        foreign = [
            f"{key}: is no option for receipts"
            for key in ("reads", "find", "poll", "report")
            if key in options
        ]
        return foreign + self.check_options(options)

    def tell(self, notice: Notice, context: Context) -> None:
        """Call the operation with the mapped receipt.

        Raises:
            DeliveryError: see the module.
        """
        line = Line.open(self._kept, context)
        operation = line.route.deliver
        response = line.call(operation, notice_view(notice))
        try:
            judge(operation, line.route, response, context)
        except AlreadyThereError:
            return

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        """The call as it would be sent; files and secrets stand as placeholders.

        Raises:
            DeliveryError: the WSDL cannot be had, or the letter does not fit it.
        """
        line = Line.open(self._kept, context)
        return (line.preview(line.route.deliver, letter_view(letter)),)

    def describe(self, context: Context) -> tuple[Offer, ...]:
        """Every operation of every SOAP port in the WSDL, which is fetched anew.

        Raises:
            DeliveryError: the WSDL cannot be had.
        """
        service = service_of(context)
        kept = Kept.nothing()
        return offers(wsdl_of(service, kept, proving(context, service.auth, kept.tokens)))

    def described_at(self, url: str) -> Mapping[str, Any]:
        """The options of a service whose WSDL is at that address."""
        return {"wsdl_url": url}

    def probe(self, context: Context) -> str:
        """Fetch the WSDL anew and look for the operations; nothing is called.

        Raises:
            DeliveryError: what is wrong.
        """
        found = Line.open(Kept.nothing(), context).endpoint
        digest = found.wsdl.sha256[:16]
        return f"WSDL {digest}…, {len(found.operations)} operations, calls go to {found.url}"


def _existing(line: Line, letter: Letter) -> Delivered | None:
    """What a service holds that calls our delivery a duplicate; None where it cannot be asked."""
    if line.route.find is None:
        return None
    found = _looked_up(line, line.route.find, letter.delivery_id, letter.reference, Phase.TAKEN)
    if found is None:
        raise Ambiguous("WASL-DLV-004", "called a duplicate, but the look-up does not show it")
    return found


def _looked_up(
    line: Line, find: FindOperation, delivery_id: str, reference: str, phase: Phase
) -> Delivered | None:
    view = {"deliveryId": delivery_id, "reference": reference}
    try:
        response = line.call(find.operation, view)
        return judge_look_up(find, line.route, response, line.context)
    except AlreadyThereError as strange:
        raise Ambiguous("WASL-DLV-005", "the look-up answers that it is a duplicate") from strange
    except DeliveryError as fault:
        raise in_phase(fault, phase) from fault
