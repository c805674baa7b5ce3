"""Names of XML Signature and XAdES, and the place of an element for people."""

from __future__ import annotations

from typing import Any

from lxml import etree

from gateway.domain.errors import Refused

DS = "http://www.w3.org/2000/09/xmldsig#"
DSIG11 = "http://www.w3.org/2009/xmldsig11#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"

ENVELOPE = "{urn:wasl:envelope:1.0}Envelope"
RECEIPT = "{urn:wasl:receipt:1.0}Receipt"

ENVELOPED = f"{DS}enveloped-signature"
SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
MANIFEST_TYPE = f"{DS}Manifest"
CANONICALIZATIONS = frozenset(
    {
        EXC,
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
    }
)
"""Canonical forms taken, all of them without comments."""

XML_SPACE = " \t\r\n"


def ds(name: str) -> str:
    """``name`` in the namespace of XML Signature."""
    return f"{{{DS}}}{name}"


def xades(name: str) -> str:
    """``name`` in the namespace of XAdES 1.3.2."""
    return f"{{{XADES}}}{name}"


def child(parent: etree._Element, name: str) -> etree._Element:
    """The first child called ``name``, or at that path.

    Raises:
        LookupError: it is not there; its presence should have been checked before.
    """
    found = parent.find(name)
    if found is None:
        raise LookupError(name)
    return found


def refused(
    code: str, element: etree._Element, expected: str | None = None, found: str | None = None
) -> Refused:
    """The refusal for something wrong at ``element``; ``found`` is shortened before it is shown."""
    shown = None if found is None else found[:120]
    line: Any = element.sourceline
    return Refused.because(code, place(element), line=line or None, expected=expected, found=shown)


def place(element: etree._Element) -> str:
    """Where ``element`` stands, by local names: ``/Envelope/Signature/SignedInfo``."""
    path = [etree.QName(one).localname for one in (*element.iterancestors(), element)]
    ancestors, own = path[:-1], path[-1]
    return "/" + "/".join([*reversed(ancestors), own])
