"""The file beside a letter that tells an old system what it is, in that system's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping as Table
from csv import Error
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.folder_csv import write_csv
from adapters.folder_steps import separator_of
from adapters.functions import Tables
from adapters.inline import inline
from adapters.mapping import Expression, Mapping
from adapters.options import Options
from gateway.domain.errors import Permanent

_NO_FORM = "WASL-DLV-074"
_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "csv": "text/csv"}
_DEEPEST = 60
_MOST_ROWS = 10_000


@dataclass(frozen=True)
class Csv:
    """A manifest in CSV (RFC 4180): the mapping's entries are the columns of one row.

    Options: ``each``: an expression for a list; then there is a row for each of its entries, which the
    mapping sees as ``row``. ``separator`` (``;``). ``bom`` (false): a mark by which spreadsheets know UTF-8.
    ``formulas`` (false): true leaves a text as it is that a spreadsheet would take for a formula, for systems
    that read the file themselves; without, an apostrophe stands before it.
    """

    columns: tuple[str, ...]
    each: Expression | None
    separator: str
    bom: bool
    formulas: bool

    @classmethod
    def read(cls, section: Options, tables: Tables) -> Csv:
        """What the options describe; faults are noted there."""
        mapping = section.value("mapping")
        columns = mapping if isinstance(mapping, Table) else {}
        if not columns:
            section.fault("mapping", "needs columns for CSV")
        for name, column in columns.items():
            if isinstance(column, (Table, list)) or not name.isprintable():
                section.fault(f"mapping.{name}", "is no column of CSV")
        return cls(
            tuple(columns),
            section.expression("each", tables),
            separator_of(section, ";"),
            section.flag("bom"),
            section.flag("formulas"),
        )

    def octets(self, mapping: Mapping, view: Table[str, Any]) -> bytes:
        """The manifest of a letter.

        Raises:
            ValueError, TypeError, Permanent: the letter does not fit.
        """
        views = (
            [view] if self.each is None else [{**view, "row": row} for row in self._entries(self.each, view)]
        )
        rows = (_tree(mapping, one) for one in views)
        text = write_csv(self.columns, rows, self.separator, guarded=not self.formulas)
        return text.encode("utf-8-sig" if self.bom else "utf-8")

    def _entries(self, each: Expression, view: Table[str, Any]) -> list[Any]:
        found = each.over(view)
        if not isinstance(found, list) or len(found) > _MOST_ROWS:
            raise TypeError
        return found


@dataclass(frozen=True)
class Manifest:
    """How the manifest is made; without a mapping there is none.

    Options: ``name``, ``form`` (``json``, ``xml``, ``csv``), ``mapping`` (see `adapters.mapping`), and for
    XML ``root`` (the outermost element), ``namespace``. In XML a table's entries are elements in their order,
    those whose name begins with ``@`` attributes, ``#text`` the text beside attributes, a list the same
    element several times. A file's ``content`` stands as the name of the file beside the manifest.

    For CSV see `Csv`.
    """

    name: str
    form: str
    mapping: Mapping | None
    root: str = ""
    namespace: str = ""
    csv: Csv | None = None

    @classmethod
    def read(cls, section: Options | None, options: Options, tables: Tables) -> Manifest:
        """The manifest that the options describe; faults are noted there."""
        if section is None:
            options.fault("manifest", "is required")
            return cls("", "json", None)
        form = section.choice("form", _MEDIA_TYPES, "json")
        name = section.text("name", f"manifest.{form}")
        if "/" in name or name in (".", "..") or not name.isprintable():
            section.fault("name", "is no file name")
        if "mapping" not in section:
            section.fault("mapping", "is required")
        manifest = cls(
            name,
            form,
            section.mapping("mapping", tables),
            section.text("root", "letter") if form == "xml" else "",
            section.text("namespace", "") if form == "xml" else "",
            Csv.read(section, tables) if form == "csv" else None,
        )
        if form == "xml":
            _check_names(manifest, section)
        section.end()
        return manifest

    @property
    def media_type(self) -> str:
        """What the manifest is."""
        return _MEDIA_TYPES[self.form]

    def octets(self, view: Any) -> bytes:
        """The manifest of a letter, in UTF-8.

        Raises:
            Permanent: the letter does not fit.
        """
        if self.mapping is None:
            raise Permanent(_NO_FORM, "the route has no mapping")
        try:
            if self.csv is not None:
                return self.csv.octets(self.mapping, view)
            tree = _tree(self.mapping, view)
            if self.form == "json":
                return json.dumps(tree, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"
            root = self._element(self.root, tree, 0)
            return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
        except (ValueError, TypeError, RecursionError, Error) as trouble:
            # The message may quote the letter: only the type is told.
            raise Permanent(_NO_FORM, f"manifest: {type(trouble).__name__}") from trouble

    def _element(self, name: str, value: Any, depth: int) -> etree._Element:
        if depth > _DEEPEST:
            raise RecursionError
        tag = f"{{{self.namespace}}}{name}" if self.namespace else name
        spaces: Any = {None: self.namespace} if self.namespace and not depth else None
        element = etree.Element(tag, nsmap=spaces)
        if isinstance(value, dict):
            self._fill(element, value, depth)
        elif value is not None:
            element.text = _text(value)
        return element

    def _fill(self, element: etree._Element, table: Table[str, Any], depth: int) -> None:
        for name, value in table.items():
            if name.startswith("@"):
                element.set(name[1:], _text(value))
            elif name == "#text":
                element.text = _text(value)
            else:
                many = value if isinstance(value, list) else [value]
                element.extend([self._element(name, one, depth + 1) for one in many])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"  # XML Schema part 2, 3.2.2
    if isinstance(value, (dict, list)):
        raise TypeError
    return str(value)


def _tree(mapping: Mapping, view: Any) -> Any:
    return inline(mapping.apply(view), lambda content: content.name)


def _check_names(manifest: Manifest, section: Options) -> None:
    """Note a root or namespace that no XML can have; names in the mapping are tried with it."""
    try:
        manifest._element(manifest.root, None, 0)
    except ValueError:
        section.fault("root", "is no element name, or the namespace is none")
    for name in _names(section.value("mapping")):
        try:
            etree.Element(name.removeprefix("@"))
        except ValueError:
            section.fault(f"mapping.{name}", "is no name in XML")


def _names(spec: Any) -> set[str]:
    if isinstance(spec, list):
        return set().union(*map(_names, spec))
    if not isinstance(spec, Table):
        return set()
    return (set(spec) - {"#text"}).union(*map(_names, spec.values()))
