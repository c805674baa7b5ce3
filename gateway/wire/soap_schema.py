"""The service description that foreign stacks read, and the check of what they send against it."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import Any

from lxml import etree

from gateway.domain.errors import Fault, Refused
from gateway.wire.schema import MOST_FAULTS
from gateway.wire.xml_faults import shown
from gateway.wire.xsd import compiled, read

NOT_SO = "WASL-SOP-007"

_XS = "{http://www.w3.org/2001/XMLSchema}"
_STEM = "soap-1.0"
_ADDRESSES = tuple(f"{{http://schemas.xmlsoap.org/wsdl/{one}/}}address" for one in ("soap", "soap12"))


def check_call(call: etree._Element) -> None:
    """Nothing, if the element in a body is one of the schema's and has what it must have.

    Raises:
        Refused: ``WASL-SOP-007``, one fault for each thing that is wrong.
    """
    schema = compiled(_STEM)
    if not schema.validate(call):
        log: Any = schema.error_log
        raise Refused(
            Fault(NOT_SO, one.path, one.line, expected=shown(one.message, 300))
            for one in islice(log, MOST_FAULTS)
        )


@cache
def description(address: str) -> bytes:
    """The WSDL with the schema in it, so that it is one file, for the door at ``address``.

    Both call their namespace ``tns``: declarations that stand above already are dropped from what moves.
    """
    wsdl = read(f"{_STEM}.wsdl").getroot()
    for one in wsdl.iter(*_ADDRESSES):
        one.set("location", address)
    placeholder = next(wsdl.iter(f"{_XS}schema"))
    types = placeholder.getparent()
    if types is None:
        raise LookupError("types")
    types.replace(placeholder, read(f"{_STEM}.xsd").getroot())
    return etree.tostring(wsdl, xml_declaration=True, encoding="UTF-8")
