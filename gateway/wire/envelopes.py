"""Reads and writes envelopes in both syntaxes.

The readers take the octets that a signature covers: canonical XML without the signature, or the
payload of a JWS. What they accept follows the schema; the rules between fields are the domain's.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from gateway.domain.errors import Fault, Refused
from gateway.domain.transit.envelope import Envelope
from gateway.wire.canonical import canonical_json
from gateway.wire.codec import from_json, from_xml, to_json, to_xml
from gateway.wire.models import ENVELOPE
from gateway.wire.schema import faults_of_json, faults_of_xml
from gateway.wire.strict_json import parse_json
from gateway.wire.strict_xml import line_of, parse_xml

OTHER_ROOT = "WASL-XML-012"


def read_envelope_xml(octets: bytes) -> Envelope:
    """The envelope of an XML document.

    Raises:
        Refused: not strict XML, another root, or every fault against the schema.
    """
    root = parse_xml(octets)
    if root.tag != f"{{{ENVELOPE.namespace}}}{ENVELOPE.name}":
        raise Refused.because(OTHER_ROOT, line=line_of(root), found=str(root.tag)[:200])
    _refuse(faults_of_xml(ENVELOPE, root))
    return from_xml(Envelope, root)


def read_envelope_json(octets: bytes) -> Envelope:
    """The envelope of a JSON text.

    Raises:
        Refused: not strict JSON, or every fault against the schema.
    """
    value: Any = parse_json(octets)
    _refuse(faults_of_json(ENVELOPE, value))
    return from_json(Envelope, value)


def _refuse(faults: tuple[Fault, ...]) -> None:
    if faults:
        raise Refused(faults)


def envelope_element(envelope: Envelope) -> etree._Element:
    """The root element, unsigned; the namespace is declared once, as the default."""
    return to_xml(envelope, ENVELOPE.namespace, ENVELOPE.name)


def write_envelope_xml(envelope: Envelope) -> bytes:
    """The unsigned document in UTF-8."""
    return etree.tostring(envelope_element(envelope), xml_declaration=True, encoding="UTF-8")


def write_envelope_json(envelope: Envelope) -> bytes:
    """The JSON text in the canonical form of RFC 8785."""
    return canonical_json(to_json(envelope))
