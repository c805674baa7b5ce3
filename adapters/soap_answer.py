"""Reads what a SOAP service answered: a reply as JSON-like values, or a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from lxml import etree

from adapters.contract import Response
from adapters.xml_values import NoXmlError, read_xml, value_of

_ENVELOPES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "1.1",
    "http://www.w3.org/2003/05/soap-envelope": "1.2",
}
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

    The element is told as `adapters.xml_values.value_of` says.

    Raises:
        NoSoapError: the octets are no SOAP envelope.
    """
    root = _root(xml_part(response))
    body = root.find(f"{{{etree.QName(root).namespace}}}Body")
    if etree.QName(root).localname != "Envelope" or body is None:
        raise NoSoapError
    return _of_body(body)


def read_body(octets: bytes) -> Any | SoapFault:
    """The same, of a Body that stands by itself.

    Raises:
        NoSoapError: it is none.
    """
    body = _root(octets)
    if etree.QName(body).localname != "Body":
        raise NoSoapError
    return _of_body(body)


def xml_part(response: Response) -> bytes:
    """The message in an answer, which may have parts beside it.

    Raises:
        NoSoapError: there is none.
    """
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


def _of_body(body: etree._Element) -> Any | SoapFault:
    space = etree.QName(body).namespace or ""
    version = _ENVELOPES.get(space)
    if version is None:
        raise NoSoapError
    fault = body.find(f"{{{space}}}Fault")
    if fault is not None:
        return _fault_11(fault) if version == "1.1" else _fault_12(fault)
    replies = [child for child in body if isinstance(child.tag, str)]
    return value_of(replies[0]) if replies else None


def _root(octets: bytes) -> etree._Element:
    try:
        return read_xml(octets)
    except NoXmlError as trouble:
        raise NoSoapError from trouble


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
