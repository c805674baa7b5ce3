"""The published XML schemas, compiled once in each thread."""

from __future__ import annotations

import threading

from lxml import etree

from gateway.assets import xsd_dir

_EMPTY = '<schema xmlns="http://www.w3.org/2001/XMLSchema"/>'

_compiled = threading.local()  # lxml keeps a schema's error log on the schema: one for each thread

# libxml2 makes its table of types when a process compiles its first schema, and locks nothing meanwhile: a
# thread that compiles at the same time finds half of it, and calls a good schema wrong. Here is one alone.
etree.XMLSchema(etree.XML(_EMPTY))


def compiled(stem: str) -> etree.XMLSchema:
    """The schema of a file in `xsd/`, without its suffix."""
    known: dict[str, etree.XMLSchema] = _compiled.__dict__
    if stem not in known:
        known[stem] = etree.XMLSchema(read(f"{stem}.xsd"))
    return known[stem]


def read(name: str) -> etree._ElementTree:
    """A file in `xsd/`, parsed."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    return etree.parse(str(xsd_dir() / name), parser)
