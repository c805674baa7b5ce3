"""Builds SOAP calls by a service's WSDL, for sending or for showing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import zeep
from lxml import etree
from zeep.wsdl.bindings.soap import SoapBinding
from zeep.xsd import ComplexType, Element

from adapters.contract import Context, Request, Response
from adapters.framing import Mark, Marks
from adapters.inline import check_size, inline, placeholder
from adapters.oauth import Tokens
from adapters.proof import proving
from adapters.soap_options import Operation, Service, SoapRoute, route_of
from adapters.soap_security import shown_speaker, speaker
from adapters.view import Content
from adapters.wsdl import MISFITS, SETTINGS, DeafTransport, Wsdl, WsdlCache
from gateway.domain.errors import Permanent, Temporary

MASK = "•••"
ZEEP: Any = zeep  # only half of it is annotated


@dataclass(frozen=True)
class Message:
    """A call as zeep would send it: marks stand where contents will be."""

    envelope: etree._Element
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Kept:
    """What an adapter keeps from one call to the next, shared by the threads of a process."""

    wsdls: WsdlCache
    tokens: Tokens

    @classmethod
    def nothing(cls) -> Kept:
        """At the beginning."""
        return cls(WsdlCache(), Tokens())


@dataclass(frozen=True)
class Endpoint:
    """Where a service takes calls, and the binding that says in what form."""

    wsdl: Wsdl
    binding: str
    url: str
    operations: frozenset[str]

    @classmethod
    def find(cls, wsdl: Wsdl, route: SoapRoute) -> Endpoint:
        """The endpoint that a route uses.

        Raises:
            Temporary: the WSDL has no such service, SOAP port or operation; an operator may correct that.
            Permanent: the WSDL sends us to another host, which only ``endpoint`` may do.
        """
        service = route.service
        port = _port(wsdl, service)
        address = service.endpoint or str(port.binding_options["address"])
        if not service.endpoint and _origin(address) != _origin(wsdl.url):
            raise Permanent("WASL-DLV-006", f"the WSDL names {address}: confirm it by the option endpoint")
        endpoint = cls(wsdl, port.binding.name.text, address, frozenset(port.binding.all()))
        wanted = {route.deliver.name} | ({route.find.operation.name} if route.find else set())
        if missing := wanted - endpoint.operations:
            raise Temporary("WASL-DLV-007", f"the WSDL has no operation {', '.join(sorted(missing))}")
        if unknown := route.header_names - endpoint.headers(route.deliver.name):
            raise Temporary("WASL-DLV-007", f"the operation has no header {', '.join(sorted(unknown))}")
        return endpoint

    def headers(self, operation: str) -> frozenset[str]:
        """The blocks of the header that an operation declares."""
        header = self._input(operation).header
        return frozenset(name for name, _ in header.type.elements) if header is not None else frozenset()

    def message(self, operation: str, request: Any, headers: Mapping[str, Any], wsse: Any) -> Message:
        """A call of one operation.

        Args:
            headers: blocks of the header; those that the operation does not declare are left out.

        Raises:
            Permanent: the request does not fit the WSDL.
        """
        recorder = _Recorder()
        try:
            client = ZEEP.Client(self.wsdl.document, transport=recorder, wsse=wsse, settings=SETTINGS)
            call = client.create_service(self.binding, self.url)[operation]
            declared = self.headers(operation)
            blocks = {name: value for name, value in headers.items() if name in declared} or None
            if self._takes_one_value(operation):
                # zeep would write octets in base64 twice here
                values = [str(one) if isinstance(one, Mark) else one for one in request.values()]
                call(*values, _soapheaders=blocks)
            else:
                call(**request, _soapheaders=blocks)
        except MISFITS as trouble:
            # zeep's messages may quote the letter; its types and a path do not.
            where = ".".join(map(str, getattr(trouble, "path", None) or ()))
            detail = f"request of {operation}: {type(trouble).__name__} {where}".strip()
            raise Permanent("WASL-DLV-074", detail) from trouble
        return recorder.messages[0]

    def _takes_one_value(self, operation: str) -> bool:
        """Whether what is sent is a single element without others in it: a request with its name alone."""
        body = self._input(operation).body
        return isinstance(body, Element) and not isinstance(body.type, ComplexType)

    def _input(self, operation: str) -> Any:
        return self.wsdl.document.bindings[self.binding].get(operation).input


class _Recorder(DeafTransport):
    """Takes down the call that zeep would send."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> None:
        self.messages.append(Message(envelope, headers))


@dataclass(frozen=True)
class Line:
    """A route ready to be called."""

    route: SoapRoute
    endpoint: Endpoint
    context: Context

    @classmethod
    def open(cls, kept: Kept, context: Context) -> Line:
        """Read the route's options and have its WSDL.

        Raises:
            Temporary, Permanent: that did not work.
        """
        route = route_of(context)
        context = proving(context, route.service.auth, kept.tokens)
        return cls(route, Endpoint.find(wsdl_of(route.service, kept, context), route), context)

    def call(self, operation: Operation, view: Any) -> Response:
        """Call an operation with what its mapping makes of a view, and read the answer.

        Raises:
            DeliveryError: the view does not fit, or as `Http.request` says.
        """
        context, marks, auth = self.context, Marks(), self.route.service.auth
        who = speaker(auth, context.secret, context.now(), marks)
        secret = context.secret(auth.secret) if auth.kind == "soap_header" else ""
        message = self._message(operation, view, marks, who, secret)
        framed, headers = marks.framed(message.envelope, message.headers, self.route.mtom)
        return framed.post(context.http, self.endpoint.url, headers)

    def preview(self, operation: Operation, view: Any) -> Request:
        """The same call for people: no secret, files as placeholders.

        Raises:
            DeliveryError: the view does not fit.
        """
        marks, auth = Marks(), self.route.service.auth
        message = self._message(operation, view, marks, shown_speaker(auth, MASK, self.context.now()), MASK)
        framed, headers = marks.framed(message.envelope, message.headers, self.route.mtom)
        body = framed.shown(lambda content: escape(placeholder(content)))
        return Request("POST", self.endpoint.url, {**headers, **auth.masked(MASK)}, body)

    def _message(self, operation: Operation, view: Any, marks: Marks, who: Any, secret: str) -> Message:
        tree = operation.request.apply(view)
        if self.route.max_bytes is not None:
            # The limit is one of attachments: the signed original may always come on top.
            original = view["original"]["size"] if "original" in view else 0
            check_size(tree, self.route.max_bytes + original)
        headers = self.route.headers.apply({**view, "secret": secret}) if self.route.headers else {}
        blocks = inline(headers, _no_file)
        return self.endpoint.message(operation.name, inline(tree, marks.put), blocks, who)


def _no_file(_: Content) -> NoReturn:
    raise Permanent("WASL-DLV-007", "headers: a file stands in no header")


def wsdl_of(service: Service, kept: Kept, context: Context) -> Wsdl:
    """The WSDL of a service; ``context`` proves who calls.

    Raises:
        Temporary, Permanent: as `WsdlCache.get` says.
    """
    if service.wsdl:
        return kept.wsdls.inline(service.wsdl, context.now())
    return kept.wsdls.get(service.wsdl_url, service.wsdl_sha256, context)


def _port(wsdl: Wsdl, service: Service) -> Any:
    for name, found in wsdl.document.services.items():
        for port_name, port in found.ports.items():
            right = service.service in ("", name) and service.port in ("", port_name)
            if right and isinstance(port.binding, SoapBinding) and port.binding_options:
                return port
    raise Temporary("WASL-DLV-007", "the WSDL has no such service with a SOAP port")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
