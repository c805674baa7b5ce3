"""Reads and writes receipts in both syntaxes; the digest of the content travels inside."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from typing import Any

from lxml import etree

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.receipt import Receipt
from gateway.wire.canonical import canonical_json
from gateway.wire.codec import from_json, from_xml, to_json, to_xml
from gateway.wire.models import RECEIPT, CarriedReceipt
from gateway.wire.schema import faults_of_json, faults_of_xml
from gateway.wire.strict_json import parse_json
from gateway.wire.strict_xml import parse_xml
from gateway.wire.xml_faults import CODE

_NAMES = tuple(field.name for field in fields(Receipt))
_DIGEST = "contentDigest"
_CARRIED_DIGEST = re.compile(rb'"contentDigest":"([0-9a-f]{64})",')
"""In the canonical form it stands nowhere else: a quotation mark inside a text has a backslash before it."""


def content_digest(receipt: Receipt) -> str:
    """SHA-256, in lower-case hexadecimal, of the RFC 8785 form of the JSON rendering."""
    return hashlib.sha256(canonical_json(to_json(receipt))).hexdigest()


def carry(receipt: Receipt) -> CarriedReceipt:
    """The receipt with its digest, as every rendering carries it; at once if it does already."""
    if isinstance(receipt, CarriedReceipt):
        return receipt
    return carry_as(receipt, content_digest(receipt))


def carried_json(receipt: Receipt) -> tuple[str, bytes]:
    """The digest of the receipt, and its JSON text: `content_digest` and `receipt_json` in one go."""
    members = to_json(receipt)
    # the digest's member stands where its name sorts, between what sorts before it and the rest
    before, after = (
        canonical_json({name: value for name, value in members.items() if (name < _DIGEST) is earlier})[1:-1]
        for earlier in (True, False)
    )
    digest = hashlib.sha256(_object(before, after)).hexdigest()
    return digest, _object(before, b'"%b":"%b"' % (_DIGEST.encode(), digest.encode()), after)


def _object(*members: bytes) -> bytes:
    return b"{%b}" % b",".join(filter(None, members))


def carry_as(receipt: Receipt, digest: str) -> CarriedReceipt:
    """The receipt with the digest that `carried_json` gave."""
    content = {name: getattr(receipt, name) for name in _NAMES}
    return CarriedReceipt(**content, content_digest=digest)


def receipt_element(receipt: Receipt) -> etree._Element:
    """The root element, not yet sealed, with ``ContentDigest`` as its last child."""
    return to_xml(carry(receipt), RECEIPT.namespace, RECEIPT.name)


def receipt_json(receipt: Receipt) -> bytes:
    """The JSON text with ``contentDigest``, in the canonical form of RFC 8785."""
    return canonical_json(to_json(carry(receipt)))


def read_receipt_xml(octets: bytes) -> Receipt:
    """The receipt of an XML document, whose seal is another's business.

    Raises:
        Refused: not strict XML, every fault against the schema, or a digest of other content.
    """
    root = parse_xml(octets)
    _refuse(faults_of_xml(RECEIPT, root))
    return _content(from_xml(CarriedReceipt, root), "/Receipt/ContentDigest")


def read_receipt_json(octets: bytes) -> Receipt:
    """The receipt of a JSON text, whose seal is another's business.

    Raises:
        Refused: not strict JSON, every fault against the schema, or a digest of other content.
    """
    value: Any = parse_json(octets)
    _refuse(faults_of_json(RECEIPT, value))
    return _content(from_json(CarriedReceipt, value), "/contentDigest")


def read_kept_receipt(octets: bytes) -> Receipt:
    """The receipt of octets that `receipt_json` wrote and the hub kept.

    Their digest is looked at, over the octets themselves; the schema is not again: it was when the digest
    was made.

    Raises:
        Refused: they are not what was written.
    """
    found = _CARRIED_DIGEST.search(octets)
    if found is None or hashlib.sha256(_without(octets, found)).hexdigest().encode() != found[1]:
        return read_receipt_json(octets)  # which says what is wrong with them
    members = json.loads(octets)
    del members[_DIGEST]
    return from_json(Receipt, members)


def _without(octets: bytes, member: re.Match[bytes]) -> bytes:
    """The canonical form of an object without a member that is not its last."""
    return octets[: member.start()] + octets[member.end() :]


def _content(carried: CarriedReceipt, where: str) -> Receipt:
    receipt = carried.content()
    digest = content_digest(receipt)
    if digest != carried.content_digest:
        raise Refused.because(CODE, where, expected=digest, found=carried.content_digest)
    return receipt


def _refuse(faults: tuple[Fault, ...]) -> None:
    if faults:
        raise Refused(faults)
