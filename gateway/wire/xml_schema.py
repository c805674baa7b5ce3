"""Writes the XML Schema of a content model from its declarations."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from lxml import etree

from gateway.domain.content import Kind
from gateway.wire.lexical import MEANINGS, PATTERNS
from gateway.wire.models import DRAFT, Model
from gateway.wire.names import in_xml, pascal
from gateway.wire.shapes import Shape, bounds, entries, models_in, shapes

XS = "http://www.w3.org/2001/XMLSchema"
LONGEST_ID = 128
"""Characters of the root's ``Id``."""
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_LINE = r"[^\t\n\r" + "\x7f]*"  # other control characters no XML document can hold

# XML Schema allows a space between any two characters; some processors check no more than the pattern.
_B64 = "[A-Za-z0-9+/] ?"
_OCTETS = f"({_B64 * 4})*({_B64 * 2}[AEIMQUYcgkosw048] ?=|{_B64}[AQgw] ?= ?=)?"

_BUILT_IN: dict[type, tuple[str, str]] = {
    bool: ("Flag", "boolean"),
    date: ("Day", "date"),
    datetime: ("Moment", "dateTime"),
    int: ("Integer", "integer"),
    bytes: ("Octets64", "base64Binary"),
}


def xml_schema(model: Model) -> bytes:
    """The schema document, indented, with a documentation for every element and type."""
    declared: Any = {"xs": XS, None: model.namespace}
    root = etree.Element(f"{{{XS}}}schema", nsmap=declared)
    root.set("targetNamespace", model.namespace)
    root.set("elementFormDefault", "qualified")
    root.set("version", DRAFT)
    _document(root, f"Wasl: {model.name}, version {DRAFT}. Made from the content model; do not edit.")
    _add(root, "element", "The document.", name=model.name, type=_name(model.root))
    for cls in models_in(model.root):
        _complex(root, cls, is_root=cls is model.root)
    for leaf in _leaves(model.root):
        _simple(root, leaf)
    etree.indent(root, "  ")
    octets = etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"
    return octets.replace(b"\x7f", b"&#x7F;")  # as a reference it can be seen


def _leaves(root: type) -> list[Any]:
    """Every kind, enumeration and built-in type in use, in order of first mention."""
    used: dict[Any, None] = {}
    for model in models_in(root):
        for shape in shapes(model):
            if not is_dataclass(shape.leaf):
                used[shape.item.kind if shape.leaf is str else shape.leaf] = None
    return list(used)


def _name(leaf: Any) -> str:
    if isinstance(leaf, Kind):
        return pascal(leaf.name.lower())
    return _BUILT_IN[leaf][0] if leaf in _BUILT_IN else str(leaf.__name__)


def _add(parent: etree._Element, tag: str, doc: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{XS}}}{tag}", attributes)
    if doc is not None:
        _document(child, doc)
    return child


def _document(parent: etree._Element, doc: str) -> None:
    text = etree.SubElement(etree.SubElement(parent, f"{{{XS}}}annotation"), f"{{{XS}}}documentation")
    text.text = in_xml(" ".join(doc.split()))


def _complex(root: etree._Element, cls: type, *, is_root: bool) -> None:
    declared = _add(root, "complexType", inspect.getdoc(cls), name=_name(cls))
    sequence = _add(declared, "sequence")
    for shape in shapes(cls):
        _element(sequence, shape)
    if is_root:
        _signature(sequence)
        target = _add(declared, "attribute", "Target of the signature's reference.", name="Id")
        restricted = _add(_add(target, "simpleType"), "restriction", base="xs:ID")
        _add(restricted, "maxLength", value=str(LONGEST_ID))


def _signature(sequence: etree._Element) -> None:
    doc = "The enveloped signature (ds:Signature); it is no content."
    _add(sequence, "any", doc, namespace=_DSIG, processContents="skip", minOccurs="0")


def _element(sequence: etree._Element, shape: Shape) -> None:
    optional = {} if shape.required else {"minOccurs": "0"}
    if not shape.many:
        _typed(_add(sequence, "element", shape.item.doc, name=shape.xml_name, **optional), shape)
        return
    wrapper = _add(sequence, "element", shape.item.doc, name=shape.xml_name, **optional)
    fewest, most = entries(shape)
    inner = _add(_add(wrapper, "complexType"), "sequence")
    occurs = {"minOccurs": str(fewest), "maxOccurs": str(most) if most else "unbounded"}
    entry = _add(inner, "element", "One entry.", name=shape.entry_name, **occurs)
    _typed(entry, shape)


def _typed(element: etree._Element, shape: Shape) -> None:
    """Names the type, or narrows it where the field is narrower than its kind."""
    base = _name(shape.item.kind if shape.leaf is str else shape.leaf)
    facets = _facets(shape)
    if not facets:
        element.set("type", base)
        return
    restriction = _add(_add(element, "simpleType"), "restriction", base=base)
    for facet, value in facets.items():
        _add(restriction, facet, value=str(value))


def _facets(shape: Shape) -> dict[str, int]:
    if shape.leaf is str and shape.item.kind is not None:
        low, high = bounds(shape)
        wider = {"minLength": 1, "maxLength": shape.item.kind.max_length}
        facets = {"minLength": low, "maxLength": high}
        return {name: value for name, value in facets.items() if value != wider[name]}
    if shape.leaf is int:
        return dict(zip(("minInclusive", "maxInclusive"), bounds(shape), strict=True))
    if shape.leaf is bytes:
        return {"maxLength": bounds(shape)[1]}
    return {}


def _simple(root: etree._Element, leaf: Any) -> None:
    if isinstance(leaf, Kind):
        restriction = _restriction(root, leaf, leaf.doc, "string")
        _add(restriction, "minLength", value="1")
        _add(restriction, "maxLength", value=str(leaf.max_length))
        if leaf is not Kind.TEXT:
            _add(restriction, "pattern", value=leaf.pattern or _LINE)
    elif issubclass(leaf, Enum):
        restriction = _restriction(root, leaf, inspect.getdoc(leaf) or "", "string")
        for member in leaf:
            _add(restriction, "enumeration", value=str(member.value))
    else:
        restriction = _restriction(root, leaf, MEANINGS[leaf], _BUILT_IN[leaf][1])
        _add(restriction, "pattern", value=_OCTETS if leaf is bytes else PATTERNS[leaf])


def _restriction(root: etree._Element, leaf: Any, doc: str, base: str) -> etree._Element:
    return _add(_add(root, "simpleType", doc, name=_name(leaf)), "restriction", base=f"xs:{base}")
