"""Builds SOAP calls by a service's WSDL, for sending or for showing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import zeep.wsse.username
from lxml import etree
from zeep.wsdl.bindings.soap import SoapBinding

from adapters.contract import Context, Request, Response
from adapters.inline import check_size, inline, placeholder
from adapters.soap_options import Operation, SoapRoute
from adapters.view import Content
from adapters.wsdl import MISFITS, SETTINGS, DeafTransport, Wsdl, WsdlCache, parsed
from gateway.domain.errors import Misconfigured, Permanent, Temporary

MASK = "•••"
ZEEP: Any = zeep  # only half of it is annotated


@dataclass(frozen=True)
class SoapCall:
    """One call ready to send by POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


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
        port = _port(wsdl, route)
        address = route.endpoint or str(port.binding_options["address"])
        if not route.endpoint and _origin(address) != _origin(wsdl.url):
            raise Permanent("WASL-DLV-006", f"the WSDL names {address}: confirm it by the option endpoint")
        endpoint = cls(wsdl, port.binding.name.text, address, frozenset(port.binding.all()))
        wanted = {route.deliver.name} | ({route.find.operation.name} if route.find else set())
        if missing := wanted - endpoint.operations:
            raise Temporary("WASL-DLV-007", f"the WSDL has no operation {', '.join(sorted(missing))}")
        return endpoint

    def call(self, operation: str, request: Any, headers: Mapping[str, str], wsse: Any) -> SoapCall:
        """A call of one operation.

        Raises:
            Permanent: the request does not fit the WSDL.
        """
        recorder = _Recorder(headers)
        try:
            client = ZEEP.Client(self.wsdl.document, transport=recorder, wsse=wsse, settings=SETTINGS)
            client.create_service(self.binding, self.url)[operation](**request)
        except MISFITS as trouble:
            # zeep's messages may quote the letter; its types and a path do not.
            where = ".".join(map(str, getattr(trouble, "path", None) or ()))
            detail = f"request of {operation}: {type(trouble).__name__} {where}".strip()
            raise Permanent("WASL-DLV-074", detail) from trouble
        return cast("SoapCall", recorder.call)


class _Recorder(DeafTransport):
    """Takes down the call that zeep would send."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._headers = headers
        self.call: SoapCall | None = None

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> None:
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        self.call = SoapCall(address, {**headers, **self._headers}, body)


@dataclass(frozen=True)
class Line:
    """A route ready to be called."""

    route: SoapRoute
    endpoint: Endpoint
    context: Context

    @classmethod
    def open(cls, cache: WsdlCache, context: Context) -> Line:
        """Read the route's options and have its WSDL.

        Raises:
            Temporary, Permanent: that did not work.
        """
        try:
            route = SoapRoute.read(context.options)
        except Misconfigured as wrong:
            # Waiting costs nothing: an operator corrects the route, and no letter fails for it.
            raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong
        return cls(route, Endpoint.find(_wsdl(route, cache, context), route), context)

    def call(self, operation: Operation, view: Any) -> Response:
        """Call an operation with what its mapping makes of a view, and read the answer.

        Raises:
            DeliveryError: the view does not fit, or as `Http.request` says.
        """
        call = self._build(operation, view, Content.octets, self.context.secret)
        return self.context.http.request("POST", call.url, headers=call.headers, body=call.body)

    def preview(self, operation: Operation, view: Any) -> Request:
        """The same call for people: no secret, files as placeholders.

        Raises:
            DeliveryError: the view does not fit.
        """
        marks: dict[bytes, bytes] = {}

        def mark(content: Content) -> bytes:
            mark = f"content of {content.sha256}".encode()
            marks[base64.b64encode(mark)] = placeholder(content).encode()
            return mark

        call = self._build(operation, view, mark, lambda _reference: MASK)
        body = call.body
        for coded, shown in marks.items():
            body = body.replace(coded, shown)
        secret = dict.fromkeys(self.route.auth.headers(lambda _reference: MASK), MASK)
        return Request("POST", call.url, {**call.headers, **secret}, body.decode())

    def _build(
        self,
        operation: Operation,
        view: Any,
        put: Callable[[Content], bytes],
        resolve: Callable[[str], str],
    ) -> SoapCall:
        tree = operation.request.apply(view)
        check_size(tree, self.route.max_bytes)
        auth = self.route.auth
        token = (
            ZEEP.wsse.username.UsernameToken(auth.username, resolve(auth.secret))
            if auth.kind == "wsse"
            else None
        )
        return self.endpoint.call(operation.name, inline(tree, put), auth.headers(resolve), token)


def _wsdl(route: SoapRoute, cache: WsdlCache, context: Context) -> Wsdl:
    if route.wsdl:
        return parsed(route.wsdl.encode(), "", context.now())
    headers = route.auth.headers(context.secret)
    return cache.get(route.wsdl_url, route.wsdl_sha256, headers, context)


def _port(wsdl: Wsdl, route: SoapRoute) -> Any:
    for name, service in wsdl.document.services.items():
        for port_name, port in service.ports.items():
            right = route.service in ("", name) and route.port in ("", port_name)
            if right and isinstance(port.binding, SoapBinding) and port.binding_options:
                return port
    raise Temporary("WASL-DLV-007", "the WSDL has no such service with a SOAP port")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
