"""The body of a target's call as plain values, from JSON or XML."""

from __future__ import annotations

import json
from typing import Any

from lxml import etree

from adapters.contract import Report
from gateway.domain.errors import Permanent

_UNREADABLE = "WASL-DLV-008"
_DEEPEST = 64


def decode(report: Report) -> Any:
    """The body as tables, lists and texts.

    Raises:
        Permanent: it is neither JSON nor XML, by its own word or in fact.
    """
    media_type = report.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in ("application/xml", "text/xml"):
        return _xml(report.body)
    try:
        return json.loads(report.body)
    except (ValueError, RecursionError) as trouble:
        raise Permanent(_UNREADABLE, f"no JSON: {type(trouble).__name__}") from trouble


def _xml(octets: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as trouble:
        raise Permanent(_UNREADABLE, "no XML") from trouble
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise Permanent(_UNREADABLE, "XML with a DTD")
    return _value(root, 1)


def _value(element: etree._Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Permanent(_UNREADABLE, "XML that is too deep")
    table: dict[str, Any] = {f"@{etree.QName(name).localname}": text for name, text in element.attrib.items()}
    children = [child for child in element if isinstance(child.tag, str)]
    text = (element.text or "").strip()
    if not table and not children:
        return text
    for child in children:
        _add(table, etree.QName(child).localname, _value(child, depth + 1))
    return {**table, "#text": text} if text else table


def _add(table: dict[str, Any], name: str, value: Any) -> None:
    if name not in table:
        table[name] = value
    elif isinstance(table[name], list):
        table[name].append(value)
    else:
        table[name] = [table[name], value]
