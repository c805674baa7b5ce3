"""Calls as an adapter shows them become values by their paths, so that two of them can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from adapters.contract import Request
from gateway.domain.registry.differences import Leaf, leaves
from gateway.trust.xmlparse import hardened_parser

Values = Mapping[str, Leaf]
_NAMESPACE = "}"


def values_of(calls: Sequence[Request]) -> Values:
    """Everything about calls, by path: ``call 1 url``, ``call 1 body.objet``, and so on."""
    return {
        f"call {number} {path}": value for number, call in enumerate(calls, 1) for path, value in _call(call)
    }


def _call(call: Request) -> Iterator[tuple[str, Leaf]]:
    yield "method", call.method
    yield "url", call.url
    for name, value in call.headers.items():
        yield f"header {name}", value
    yield from _body(call.body)


def _body(body: str) -> Iterator[tuple[str, Leaf]]:
    if not body:
        return
    try:
        for path, value in leaves(json.loads(body)):
            yield f"body.{path}" if path else "body", value
    except (ValueError, RecursionError):
        yield from _of_xml(body) if body.lstrip().startswith("<") else _of_lines(body)


def _of_lines(body: str) -> Iterator[tuple[str, Leaf]]:
    for number, line in enumerate(body.splitlines(), 1):
        yield f"body line {number}", line


def _of_xml(body: str) -> Iterator[tuple[str, Leaf]]:
    try:
        root = etree.fromstring(body.encode(), hardened_parser())
    except (etree.XMLSyntaxError, ValueError):
        yield from _of_lines(body)
        return
    yield from _element(root, f"body/{_name(root)}")


def _element(element: etree._Element, path: str) -> Iterator[tuple[str, Leaf]]:
    for name, value in element.attrib.items():
        yield f"{path}/@{str(name).rpartition(_NAMESPACE)[2]}", str(value)
    children = [child for child in element if isinstance(child.tag, str)]
    if not children or (element.text or "").strip():
        yield path, element.text or ""
    counts: dict[str, int] = {}
    for child in children:
        name = _name(child)
        counts[name] = counts.get(name, 0) + 1
        place = f"[{counts[name]}]" if counts[name] > 1 else ""
        yield from _element(child, f"{path}/{name}{place}")


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition(_NAMESPACE)[2]
