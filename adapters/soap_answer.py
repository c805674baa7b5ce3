"""Reads what a SOAP service answered: a reply as JSON-like values, or a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from lxml import etree

from adapters.contract import Response

_ENVELOPES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "1.1",
    "http://www.w3.org/2003/05/soap-envelope": "1.2",
}
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_LONGEST = 2000


class NoSoapError(Exception):
    """The answer is no SOAP envelope; never leaves the adapters."""


@dataclass(frozen=True)
class SoapFault:
    """A fault of either version.

    Attributes:
        codes: fault code and subcodes without their prefixes, such as ``("Receiver", "Busy")``.
        text: the reason given; ``detail`` is the text of the detail's elements.
    """

    codes: tuple[str, ...]
    text: str
    detail: str

    def __str__(self) -> str:
        return f"{'/'.join(self.codes)}: {self.text} {self.detail}".strip()[:_LONGEST]

    @property
    def is_callers(self) -> bool:
        """Whether the service puts it down to the call, so that a repeat would fail again."""
        first = self.codes[0].partition(".")[0] if self.codes else ""
        return first in {"Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"}


def read_answer(response: Response) -> Any | SoapFault:
    """The first element of the body, or the fault in it.

    An element is a table of its children by local name (a list where one is repeated), of its attributes
    as ``@name``, its own text beside attributes as ``#text``; without children and attributes it is
    its text, or null if ``xsi:nil``.

    Raises:
        NoSoapError: the octets are no SOAP envelope.
    """
    root = _root(response)
    version = _ENVELOPES.get(etree.QName(root).namespace or "")
    body = root.find(f"{{{etree.QName(root).namespace}}}Body")
    if version is None or etree.QName(root).localname != "Envelope" or body is None:
        raise NoSoapError
    fault = body.find(f"{{{etree.QName(root).namespace}}}Fault")
    if fault is not None:
        return _fault_11(fault) if version == "1.1" else _fault_12(fault)
    replies = [child for child in body if isinstance(child.tag, str)]
    return _value(replies[0]) if replies else None


def _root(response: Response) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(_xml_part(response), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as trouble:
        raise NoSoapError from trouble
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise NoSoapError
    return root


def _xml_part(response: Response) -> bytes:
    content_type = response.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/related"):
        return response.body
    # A service with attachments answers this way (XOP, SwA) even where it attaches nothing.
    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    parts = list(message_from_bytes(head + response.body, policy=HTTP).iter_parts())
    payload = parts[0].get_payload(decode=True) if parts else None
    if not isinstance(payload, bytes):
        raise NoSoapError
    return payload


def _fault_11(fault: etree._Element) -> SoapFault:
    detail = fault.find("detail")
    return SoapFault(
        codes=_codes([fault.findtext("faultcode")]),
        text=_line(fault.findtext("faultstring")),
        detail=_line(" ".join(map(str, detail.itertext()))) if detail is not None else "",
    )


def _fault_12(fault: etree._Element) -> SoapFault:
    space = f"{{{etree.QName(fault).namespace}}}"
    detail = fault.find(f"{space}Detail")
    code = fault.find(f"{space}Code")
    values = [value.text for value in code.iter(f"{space}Value")] if code is not None else []
    return SoapFault(
        codes=_codes(values),
        text=_line(fault.findtext(f"{space}Reason/{space}Text")),
        detail=_line(" ".join(map(str, detail.itertext()))) if detail is not None else "",
    )


def _codes(values: list[str | None]) -> tuple[str, ...]:
    return tuple(_line(value).rpartition(":")[2] for value in values if value)


def _line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()[:_LONGEST]


def _value(element: etree._Element) -> Any:
    if element.get(_NIL) in ("true", "1"):
        return None
    table: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    children = [child for child in element if isinstance(child.tag, str)]
    if not table and not children:
        return element.text or ""
    for child in children:
        _add(table, etree.QName(child).localname, _value(child))
    if not children:
        table["#text"] = element.text or ""
    return table


def _add(table: dict[str, Any], name: str, value: Any) -> None:
    if name not in table:
        table[name] = value
    elif isinstance(table[name], list):
        table[name].append(value)
    else:
        table[name] = [table[name], value]
