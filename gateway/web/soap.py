"""The SOAP door, version 1: the verbs of the REST door for stacks that speak SOAP 1.1 or 1.2."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from gateway.domain.errors import GatewayFault, NotAuthenticated, Refused
from gateway.exchange.registry.callers import Callers
from gateway.i18n import choose_language
from gateway.settings import Settings
from gateway.trust.wsse import verify_message
from gateway.trust.wsseshape import BAD
from gateway.trust.xmlparse import parse_hardened
from gateway.web.access import Access, public
from gateway.web.bodies import Members
from gateway.web.services import Services
from gateway.web.soap_answers import answered, ours, refused, unexpected
from gateway.web.soap_letters import CARRIERS, carry
from gateway.web.soap_operations import Asked, Operation, operations
from gateway.web.soap_reading import SoapLimits, SoapRequest, received
from gateway.wire.soap_call import SoapCall, read_call
from gateway.wire.soap_message import UNKNOWN
from gateway.wire.soap_parts import check_no_parts, is_whole
from gateway.wire.soap_schema import description

PATH = "/soap/v1"
NOBODY = "WASL-SOP-011"


def blueprint(
    services: Services, settings: Settings, access: Access, languages: tuple[str, ...]
) -> Blueprint:
    """The routes of ``/soap/v1``."""
    door = Blueprint("soap", __name__, url_prefix=PATH)
    limits, known = SoapLimits.of(settings), operations(services)
    for kind, fault in ((Refused, refused), (GatewayFault, ours), (Exception, unexpected)):
        door.register_error_handler(kind, partial(fault, languages))

    @door.get("")
    @public
    def describe() -> Response:
        if not any(name.lower() == "wsdl" for name in request.args):
            raise MethodNotAllowed(valid_methods=["POST"])
        return Response(description(settings.hub.public_url + PATH), content_type="text/xml; charset=utf-8")

    @door.post("")
    @access.message
    def call() -> Response:
        language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
        with received(request, limits) as one:
            name = one.message.operation
            if name in CARRIERS:
                return answered(one, carry(services, _carrier(services, one, limits), one, limits, language))
            operation = known.get(name)
            if operation is None:
                raise Refused.because(UNKNOWN, found=name[:120])
            check_no_parts(one.parts)
            party, said = _authenticated(services, access, one, operation, limits)
            members = operation.act(Asked(party, Members(said.values), language))
            return answered(one, members, None if one.mtom and operation.large else limits.inline)

    return door


def _authenticated(
    services: Services, access: Access, one: SoapRequest, operation: Operation, limits: SoapLimits
) -> tuple[str, SoapCall]:
    """Who calls, and what: by the message's signature if it has one, else by the connection."""
    if one.message.security is not None:
        return _signed(services.callers, one, limits, once=operation.changes)
    party = access.connected()
    if party is None:
        raise NotAuthenticated.because(NOBODY)
    return party, read_call(one.message.call)


def _carrier(services: Services, one: SoapRequest, limits: SoapLimits) -> SoapCall:
    """A call with a letter, whose own signature says who sends; a signature of the message must hold, too."""
    if one.message.security is None:
        return read_call(one.message.call)
    _, call = _signed(services.callers, one, limits, once=False)
    if not is_whole(call):  # it would cover the names of parts, not what is in them
        raise Refused.because(BAD, "xop:Include")
    return call


def _signed(callers: Callers, one: SoapRequest, limits: SoapLimits, *, once: bool) -> tuple[str, SoapCall]:
    """What was signed is what is read: the call comes from the octets that the signature covers."""
    if one.message.security is None:
        raise NotAuthenticated.because(NOBODY)
    signed = verify_message(one.message.security, one.message.body)
    call = read_call(parse_hardened(signed.body, limits.xml)[0])
    return callers.by_message(signed, once=once), call
