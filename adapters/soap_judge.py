"""Whether a SOAP service's answer is a success."""

from __future__ import annotations

from typing import Any

from adapters.contract import Context, Delivered, Response
from adapters.outcomes import AlreadyThereError, Outcome, fault_of_status, told
from adapters.replies import UNSIGNED
from adapters.soap_answer import NoSoapError, SoapFault, read_answer, read_body, xml_part
from adapters.soap_options import FaultRule, FindOperation, Operation, SoapRoute
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary

FAULT = "WASL-DLV-005"


def judge(operation: Operation, route: SoapRoute, response: Response, context: Context) -> Any:
    """The reply to a call, if it is a success, and signed where the route says that replies are.

    Raises:
        AlreadyThereError: a rule calls the fault a duplicate.
        DeliveryError: it is none; judged as if this call alone made the letter count.
    """
    answer = _answer(route, response, context)
    if isinstance(answer, SoapFault):
        _raise_fault(answer, route.faults, response, context)
        return _told(answer)
    fault = fault_of_status(response, context.now())
    if fault is not None:
        raise fault
    if not _succeeded(operation, answer):
        raise Ambiguous("WASL-DLV-008", f"not the reply of a success; {told(response)}")
    return answer


def judge_look_up(
    find: FindOperation, route: SoapRoute, response: Response, context: Context
) -> Delivered | None:
    """The earlier delivery that a look-up shows, or None.

    Raises:
        AlreadyThereError, DeliveryError: as `judge`.
    """
    answer = _answer(route, response, context)
    absent = find.absent_fault
    if isinstance(answer, SoapFault) and absent is not None and absent.within(str(answer)):
        return None
    found = find.found.over_answer(judge(find.operation, route, response, context))
    return find.operation.reads.over(found).delivered(response) if found else None


def _answer(route: SoapRoute, response: Response, context: Context) -> Any | SoapFault:
    if route.reply_signers:
        return _signed(route.reply_signers, response, context)
    if not response.body.strip() and 200 <= response.status < 300:
        return None
    try:
        return read_answer(response)
    except NoSoapError as trouble:
        fault = fault_of_status(response, context.now())
        raise (fault or Ambiguous("WASL-DLV-008", f"no SOAP; {told(response)}")) from trouble


def _signed(signers: str, response: Response, context: Context) -> Any | SoapFault:
    """The answer as the octets that were signed have it.

    What is not signed says at most that the service did not begin: whoever stands before it says so, too.
    """
    try:
        return read_body(context.signed_body(xml_part(response), signers))
    except (Ambiguous, NoSoapError) as trouble:
        fault = fault_of_status(response, context.now())
        if isinstance(fault, Temporary):
            raise fault from trouble
        why = trouble.detail if isinstance(trouble, Ambiguous) else "no SOAP"
        raise Ambiguous(UNSIGNED, f"{why}; {told(response)}") from trouble


def _raise_fault(
    fault: SoapFault, rules: tuple[FaultRule, ...], response: Response, context: Context
) -> None:
    """Raise what a fault means, unless a rule calls it a success.

    Raises:
        AlreadyThereError, DeliveryError: as `judge`.
    """
    rule = next((rule for rule in rules if rule.matches(fault)), None)
    if rule is None:
        raise _by_itself(fault, fault_of_status(response, context.now()))
    if rule.verdict.outcome is Outcome.DUPLICATE:
        raise AlreadyThereError(response)
    if rule.verdict.outcome is not Outcome.ACCEPTED:
        raise rule.verdict.fault(FAULT, str(fault), _told(fault))


def _told(fault: SoapFault) -> dict[str, Any]:
    """A fault as expressions see it."""
    return {"codes": list(fault.codes), "text": fault.text, "detail": fault.detail}


def _by_itself(fault: SoapFault, of_status: DeliveryError | None) -> DeliveryError:
    if isinstance(of_status, Temporary):
        return of_status
    return Permanent(FAULT, str(fault)) if fault.is_callers else Ambiguous(FAULT, str(fault))


def _succeeded(operation: Operation, answer: Any) -> bool:
    if operation.success is not None:
        return bool(operation.success.over_answer(answer))
    return not operation.reads.expressions or bool(operation.reads.over(answer))
