"""Lists what a WSDL offers: services, ports and operations with what they take and answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from zeep.wsdl.bindings.soap import Soap12Binding, SoapBinding
from zeep.xsd import AnyType, Choice, ComplexType, Element, Group
from zeep.xsd.elements.indicators import Indicator
from zeep.xsd.types import builtins

from adapters.describing import Offer, Parameter
from adapters.wsdl import MISFITS, Wsdl
from gateway.domain.errors import Temporary

_DEEPEST = 8
_MOST = 20_000
"""Parameters of one WSDL that are told; types that hold each other many times over would have no end."""


def offers(wsdl: Wsdl) -> tuple[Offer, ...]:
    """Every operation of every SOAP port, in the WSDL's order.

    Raises:
        Temporary: a type in it cannot be resolved.
    """
    try:
        return tuple(_offers(wsdl, _Reader(_MOST, calls=True), _Reader(_MOST, calls=False)))
    except MISFITS as trouble:
        raise Temporary("WASL-DLV-008", f"no usable WSDL: {type(trouble).__name__}") from trouble


def _offers(wsdl: Wsdl, calls: _Reader, answers: _Reader) -> Iterator[Offer]:
    for service_name, service in wsdl.document.services.items():
        for port_name, port in service.ports.items():
            if not (isinstance(port.binding, SoapBinding) and port.binding_options):
                continue
            version = "SOAP 1.2" if isinstance(port.binding, Soap12Binding) else "SOAP 1.1"
            operations: dict[str, Any] = cast("Any", port.binding).all()
            for name, operation in operations.items():
                yield Offer(
                    service=service_name,
                    port=port_name,
                    protocol=version,
                    url=str(port.binding_options["address"]),
                    operation=name,
                    takes=calls.message(operation.input),
                    answers=answers.message(operation.output),
                    headers=calls.headers(operation.input),
                )


@dataclass
class _Reader:
    """Reads types, as many parameters as are ``left``, with the names that calls go by, or answers."""

    left: int
    calls: bool

    def message(self, message: Any) -> tuple[Parameter, ...]:
        body = getattr(message, "body", None)
        if not isinstance(body, Element):
            return ()
        if not isinstance(body.type, ComplexType):  # the element is its own and only value
            return (Parameter(str(body.name), _name(body.type), required=True),)
        return tuple(self._inside(body.type, ()))

    def headers(self, message: Any) -> tuple[Parameter, ...]:
        header = getattr(message, "header", None)
        return () if header is None else tuple(self._inside(header.type, ()))

    def _inside(self, kind: Any, path: tuple[Any, ...]) -> Iterator[Parameter]:
        for _, attribute in kind.attributes:
            if getattr(attribute, "name", None):
                one = self._parameter(attribute, bool(attribute.required), False, path)
                yield one if self.calls else replace(one, name=f"@{one.name}")
        for _, nested in kind.elements_nested:
            yield from self._nested(nested, True, False, path)

    def _nested(self, nested: Any, required: bool, many: bool, path: tuple[Any, ...]) -> Iterator[Parameter]:
        """What stands in a group of elements; of a choice nothing is required by itself."""
        required = required and not isinstance(nested, Choice) and nested.min_occurs != 0
        many = many or bool(nested.accepts_multiple)
        if isinstance(nested, Group):
            yield from self._nested(nested.child, required, many, path)
        elif isinstance(nested, Indicator):
            for child in cast("Any", nested):
                yield from self._nested(child, required, many, path)
        elif isinstance(nested, Element):
            yield self._parameter(nested, required, many, path)

    def _parameter(self, element: Any, required: bool, many: bool, path: tuple[Any, ...]) -> Parameter:
        kind = element.type
        deeper = isinstance(kind, ComplexType) and kind not in path and len(path) < _DEEPEST
        self.left -= 1
        inside = tuple(self._inside(kind, (*path, kind))) if deeper and self.left > 0 else ()
        # zeep calls by another one where attribute and element share theirs
        name = (self.calls and element.attr_name) or element.name
        return Parameter(name, _name(kind), required, many, inside)


def _name(kind: Any) -> str:
    """A builtin's own name for everything derived from one."""
    if not isinstance(kind, ComplexType):
        for base in type(kind).__mro__:
            own = getattr(base, "_default_qname", None)
            if base.__module__ == builtins.__name__ and own is not None:
                return str(own.localname)
    return "any" if type(kind) is AnyType else str(kind.name or "")
