"""The service description that foreign stacks read, and the check of what they send against it."""

from __future__ import annotations

import threading
from functools import cache
from itertools import islice
from typing import Any

from lxml import etree

from gateway.assets import xsd_dir
from gateway.domain.errors import Fault, Refused
from gateway.wire.schema import MOST_FAULTS
from gateway.wire.xml_faults import shown

NOT_SO = "WASL-SOP-007"

_XS = "{http://www.w3.org/2001/XMLSchema}"
_STEM = "soap-1.0"
_ADDRESSES = tuple(f"{{http://schemas.xmlsoap.org/wsdl/{one}/}}address" for one in ("soap", "soap12"))

_compiled = threading.local()  # lxml keeps a schema's error log on the schema: one for each thread


def check_call(call: etree._Element) -> None:
    """Nothing, if the element in a body is one of the schema's and has what it must have.

    Raises:
        Refused: ``WASL-SOP-007``, one fault for each thing that is wrong.
    """
    schema = _schema()
    if not schema.validate(call):
        log: Any = schema.error_log
        raise Refused(
            Fault(NOT_SO, one.path, one.line, expected=shown(one.message, 300))
            for one in islice(log, MOST_FAULTS)
        )


def _schema() -> etree.XMLSchema:
    known: dict[str, etree.XMLSchema] = _compiled.__dict__
    if _STEM not in known:
        known[_STEM] = etree.XMLSchema(_read("xsd"))
    return known[_STEM]


@cache
def description(address: str) -> bytes:
    """The WSDL with the schema in it, so that it is one file, for the door at ``address``.

    Both call their namespace ``tns``: declarations that stand above already are dropped from what moves.
    """
    wsdl = _read("wsdl").getroot()
    for one in wsdl.iter(*_ADDRESSES):
        one.set("location", address)
    placeholder = next(wsdl.iter(f"{_XS}schema"))
    types = placeholder.getparent()
    if types is None:
        raise LookupError("types")
    types.replace(placeholder, _read("xsd").getroot())
    return etree.tostring(wsdl, xml_declaration=True, encoding="UTF-8")


def _read(suffix: str) -> etree._ElementTree:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    return etree.parse(str(xsd_dir() / f"{_STEM}.{suffix}"), parser)
