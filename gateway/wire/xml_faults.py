"""Lists everything that keeps an XML document from following its content model.

The XML Schema decides whether a document is valid; its processor stops at the first misplaced element
of a parent, so this walk by the same declarations names all the faults of a document already refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from functools import cache

from lxml import etree

from gateway.domain.errors import Fault
from gateway.domain.lines import printable
from gateway.wire.lexical import accepts, expectation, known
from gateway.wire.models import Model
from gateway.wire.names import in_xml
from gateway.wire.shapes import Shape, entries, shapes
from gateway.wire.strict_xml import line_of
from gateway.wire.xml_codec import SIGNATURE
from gateway.wire.xml_schema import LONGEST_ID

Element = etree._Element

CODE = "WASL-ENV-001"

_DSIG = SIGNATURE.removesuffix("Signature")


def xml_faults(model: Model, root: Element) -> Iterator[Fault]:
    """Every fault below ``root``, in the order of the document, each with its XPath and line."""
    where = f"/{model.name}"
    if root.tag != f"{{{model.namespace}}}{model.name}":
        yield _fault(root, where, f"the element {model.name} of {model.namespace}", str(root.tag))
        return
    children = [child for child in root if isinstance(child.tag, str)]
    if children and children[-1].tag == SIGNATURE:
        children.pop()
    yield from _attributes(root, where, allowed={"Id"})
    yield from _members(model.root, model.namespace, root, where, children)


def has_stranger(root: Element) -> bool:
    """Whether the room that the schema leaves for the signature holds anything else of its namespace."""
    return any(
        isinstance(child.tag, str) and child.tag.startswith(_DSIG) and child.tag != SIGNATURE
        for child in root
    )


def _content(shape: Shape, namespace: str, element: Element, where: str) -> Iterator[Fault]:
    yield from _attributes(element, where)
    children = [child for child in element if isinstance(child.tag, str)]
    if shape.many:
        yield from _list(shape, namespace, element, where, children)
    else:
        yield from _one(shape, namespace, element, where, children)


def _one(
    shape: Shape, namespace: str, element: Element, where: str, children: list[Element]
) -> Iterator[Fault]:
    if shape.is_model:
        yield from _members(shape.leaf, namespace, element, where, children)
    elif children:
        yield _fault(element, where, expectation(shape, one=True), "elements inside")
    elif not accepts(shape, element.text or ""):
        yield _fault(element, where, expectation(shape, one=True), element.text or "")


def _list(
    shape: Shape, namespace: str, element: Element, where: str, children: list[Element]
) -> Iterator[Fault]:
    fewest, most = entries(shape)
    if not fewest <= len(children) <= (most or len(children)):
        yield _fault(element, where, expectation(shape), f"{len(children)} entries")
    yield from _stray_text(element, where)
    counts: Counter[str] = Counter()
    for child in children:
        place = _place(where, child, counts, indexed=True)
        if child.tag != f"{{{namespace}}}{shape.entry_name}":
            yield _fault(child, place, f"the element {shape.entry_name}", _local(child))
            continue
        yield from _attributes(child, place)
        inside = [grandchild for grandchild in child if isinstance(grandchild.tag, str)]
        yield from _one(shape, namespace, child, place, inside)


def _members(
    model: type, namespace: str, element: Element, where: str, children: list[Element]
) -> Iterator[Fault]:
    table, last, seen = _table(model, namespace), -1, set()
    yield from _stray_text(element, where)
    counts: Counter[str] = Counter()
    for child in children:
        place = _place(where, child, counts)
        index, shape = table.get(str(child.tag), (-1, None))
        if shape is None:
            yield _fault(child, place, _names(model), _local(child))
            continue
        if index <= last:
            yield _fault(child, place, _position(shapes(model), index, last), _local(child))
        seen.add(index)
        last = max(last, index)
        yield from _content(shape, namespace, child, place)
    for index, shape in enumerate(shapes(model)):
        if shape.required and index not in seen:
            yield _fault(element, f"{where}/{shape.xml_name}", _names_of(shape), "nothing")


@cache
def _table(model: type, namespace: str) -> dict[str, tuple[int, Shape]]:
    named = enumerate(shapes(model))
    return {f"{{{namespace}}}{shape.xml_name}": (index, shape) for index, shape in named}


def _position(named: tuple[Shape, ...], index: int, last: int) -> str:
    if index == last:
        return f"{named[index].xml_name} only once"
    return f"{named[index].xml_name} before {named[last].xml_name}"


def _names(model: type) -> str:
    return in_xml(known(model, mark="`"))


def _names_of(shape: Shape) -> str:
    return _names(shape.leaf) if shape.is_model and not shape.many else expectation(shape)


def _attributes(element: Element, where: str, allowed: Set[str] = frozenset()) -> Iterator[Fault]:
    for name in element.attrib:
        local = etree.QName(str(name)).localname
        if name not in allowed:
            yield _fault(element, f"{where}/@{local}", "no attribute", local)
        elif len(element.attrib[name]) > LONGEST_ID:
            yield _fault(element, f"{where}/@{local}", f"at most {LONGEST_ID} characters", local)


def _stray_text(element: Element, where: str) -> Iterator[Fault]:
    pieces = [element.text, *(child.tail for child in element)]
    stray = "".join(piece for piece in pieces if piece).strip()
    if stray:
        yield _fault(element, where, "no text between elements", stray)


def _place(where: str, child: Element, counts: Counter[str], *, indexed: bool = False) -> str:
    name = _local(child)
    counts[name] += 1
    return f"{where}/{name}[{counts[name]}]" if indexed or counts[name] > 1 else f"{where}/{name}"


def _local(element: Element) -> str:
    return etree.QName(element).localname


def _fault(element: Element, where: str, expected: str, found: str) -> Fault:
    return Fault(CODE, where, line_of(element), expected, shown(found))


def shown(found: str, longest: int = 80) -> str:
    """``found`` on one line, short enough to show."""
    text = printable(found[: longest + 1], "·")
    return text if len(text) <= longest else text[: longest - 1] + "…"
