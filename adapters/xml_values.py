"""Reads XML that a target wrote, as the values that JSON has."""

from __future__ import annotations

from typing import Any

from lxml import etree

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class NoXmlError(ValueError):
    """The octets are no XML that can be relied on; never leaves the adapters."""


def read_xml(octets: bytes) -> etree._Element:
    """The root element.

    Raises:
        NoXmlError: the octets are no XML, nest or swell beyond measure, or have a document type, by which
            they could be anything.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,  # else a text ends where a comment stands in it
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as trouble:
        raise NoXmlError from trouble
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise NoXmlError
    return root


def value_of(element: etree._Element) -> Any:
    """An element as a table of its children by local name (a list where one is repeated).

    Its attributes stand there as ``@name``, its own text beside attributes as ``#text``; without children
    and attributes it is its text, or null if ``xsi:nil``.
    """
    if element.get(_NIL) in ("true", "1"):
        return None
    table: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    children = [child for child in element if isinstance(child.tag, str)]
    if not table and not children:
        return element.text or ""
    for child in children:
        _add(table, etree.QName(child).localname, value_of(child))
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
