"""Writes what a mapping made of a letter as XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.options import Options
from adapters.view import Content
from gateway.domain.errors import Permanent

_NAME = re.compile(r"[^\W\d][\w.-]*")
# XML 1.0 2.2: what no document can hold, not even escaped.
_NEVER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT, _ORDERED = "#text", "#children"


@dataclass(frozen=True)
class XmlForm:
    """The document around a mapping.

    Options: ``root`` • (the root element's name), ``namespace`` (of every element without a prefix),
    ``prefixes`` (namespaces by prefix, for names such as ``p:name``).

    In the mapping a table is an element's content, in its order: a key is a child element, repeated for a
    list; ``@name`` is an attribute, ``#text`` the element's own text; ``#children`` is a list of tables
    whose elements follow each other, where TOML would not keep their order. A file is written as base64.
    """

    root: str
    namespace: str = ""
    prefixes: Mapping[str, str] | None = None

    @classmethod
    def read(cls, options: Options | None, names: frozenset[str]) -> XmlForm:
        """The form that the options describe; faults are noted there.

        Args:
            names: every key of the mapping.
        """
        if options is None:
            return cls("")
        form = cls(options.text("root"), options.text("namespace", ""), options.texts("prefixes"))
        for name in sorted(names | {form.root} - {""}):
            if name not in (_TEXT, _ORDERED) and form.fault(name):
                options.fault("prefixes", form.fault(name))
        options.end()
        return form

    def fault(self, name: str) -> str:
        """What is wrong with the name of an element or ``@`` of an attribute, or nothing."""
        prefix, _, local = name.removeprefix("@").rpartition(":")
        if not _NAME.fullmatch(local) or (prefix and not _NAME.fullmatch(prefix)):
            return f"{name!r} is no XML name"
        return f"{name!r} has a prefix without a namespace" if prefix and prefix not in self._prefixes else ""

    @property
    def _prefixes(self) -> Mapping[str, str]:
        return self.prefixes or {}

    def write(self, tree: Any, put: Callable[[Content], str]) -> bytes:
        """The document in UTF-8.

        Args:
            put: what is written for a file.

        Raises:
            Permanent: a name is none, or a value stands where none can.
        """
        spaces: dict[Any, str] = {**self._prefixes, **({None: self.namespace} if self.namespace else {})}
        try:
            root = etree.Element(self._element(self.root), nsmap=spaces)
            self._fill(root, tree, put)
        except (ValueError, LookupError) as trouble:  # such as a name of an extension that is none in XML
            raise Permanent(
                "WASL-DLV-074", f"{self.root}: a name or a value that XML cannot have"
            ) from trouble
        return etree.tostring(root, xml_declaration=True, encoding="utf-8")

    def _fill(self, element: etree._Element, value: Any, put: Callable[[Content], str]) -> None:
        if not isinstance(value, dict):
            element.text = _text(value, put)
            return
        for name, part in value.items():
            if name.startswith("@"):
                element.set(self._attribute(name[1:]), _text(part, put))
            elif name == _TEXT:
                element.text = _text(part, put)
            else:
                self._children(element, name, part, put)

    def _children(self, element: etree._Element, name: str, part: Any, put: Callable[[Content], str]) -> None:
        for entry in part if isinstance(part, list) else [part]:
            if name == _ORDERED:
                self._fill_on(element, entry, put)
            elif entry is not None:
                self._fill(etree.SubElement(element, self._element(name)), entry, put)

    def _fill_on(self, element: etree._Element, entry: Any, put: Callable[[Content], str]) -> None:
        if not isinstance(entry, dict):
            raise ValueError(_ORDERED)
        self._fill(element, entry, put)

    def _element(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        space = self._prefixes[prefix] if prefix else self.namespace
        return f"{{{space}}}{local}" if space else local

    def _attribute(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        return f"{{{self._prefixes[prefix]}}}{local}" if prefix else local


def _text(value: Any, put: Callable[[Content], str]) -> str:
    if isinstance(value, Content):
        return put(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return _NEVER.sub("\N{REPLACEMENT CHARACTER}", str(value))
    if value is None:
        return ""
    raise ValueError(type(value).__name__)
