"""Receipts carry the digest of their own content in both syntaxes."""

import dataclasses
import hashlib
import json

import pytest
from lxml import etree

from gateway.domain.errors import Refused
from gateway.domain.evidence.receipt import Receipt
from gateway.wire.receipts import (
    carried_json,
    carry,
    carry_as,
    content_digest,
    read_kept_receipt,
    read_receipt_json,
    read_receipt_xml,
    receipt_element,
    receipt_json,
)
from tests.unit.wire.content import complete

RECEIPT = complete(Receipt)


def xml(receipt=RECEIPT):
    return etree.tostring(receipt_element(receipt))


def test_a_receipt_is_read_as_it_was_written():
    assert read_receipt_xml(xml()) == RECEIPT
    assert read_receipt_json(receipt_json(RECEIPT)) == RECEIPT


def test_the_digest_is_that_of_the_json_octets_without_it():
    tree = json.loads(receipt_json(RECEIPT))
    digest = tree.pop("contentDigest")
    canonical = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert digest == hashlib.sha256(canonical).hexdigest() == content_digest(RECEIPT)


@pytest.mark.parametrize(
    "receipt",
    [RECEIPT, dataclasses.replace(RECEIPT, accessed_by=None, attachments=(), authenticated_by=None)],
    ids=["with everything", "with nothing that sorts before the digest"],
)
def test_digest_and_text_in_one_go_are_the_same(receipt):
    assert carried_json(receipt) == (content_digest(receipt), receipt_json(receipt))
    assert carry_as(receipt, content_digest(receipt)) == carry(receipt)


def test_the_digest_stands_last_in_xml():
    last = receipt_element(RECEIPT)[-1]
    assert (etree.QName(last).localname, last.text) == ("ContentDigest", content_digest(RECEIPT))


def test_the_nonce_changes_the_digest():
    other = dataclasses.replace(RECEIPT, nonce="b" * 32)
    assert content_digest(other) != content_digest(RECEIPT)


@pytest.mark.parametrize(
    ("read", "octets", "where"),
    [
        (read_receipt_xml, xml().replace(b">2030-02-28<", b">2030-02-27<"), "/Receipt/ContentDigest"),
        *(
            (read, receipt_json(RECEIPT).replace(b'"2030-02-28"', b'"2030-02-27"'), "/contentDigest")
            for read in (read_receipt_json, read_kept_receipt)
        ),
    ],
)
def test_a_digest_of_other_content_is_refused(read, octets, where):
    with pytest.raises(Refused) as refusal:
        read(octets)
    (fault,) = refusal.value.faults
    assert (fault.code, fault.where) == ("WASL-ENV-001", where)
    assert fault.found == content_digest(RECEIPT)


def test_a_kept_receipt_is_read_without_judging_its_schema_again(monkeypatch):
    monkeypatch.setattr("gateway.wire.receipts.faults_of_json", None)
    quoting = dataclasses.replace(RECEIPT, subject=f'"contentDigest":"{"0" * 64}",')
    for receipt in (RECEIPT, quoting):
        assert read_kept_receipt(receipt_json(receipt)) == receipt


@pytest.mark.parametrize("read", [read_receipt_json, read_kept_receipt])
def test_a_receipt_without_digest_is_refused(read):
    tree = json.loads(receipt_json(RECEIPT))
    del tree["contentDigest"]
    with pytest.raises(Refused) as refusal:
        read(json.dumps(tree).encode())
    assert [fault.where for fault in refusal.value.faults] == ["/contentDigest"]


def test_an_envelope_is_no_receipt():
    with pytest.raises(Refused) as refusal:
        read_receipt_xml(b'<Envelope xmlns="urn:wasl:envelope:1.0"/>')
    assert refusal.value.faults[0].where == "/Receipt"


def test_a_carried_seal_does_not_disturb():
    root = receipt_element(RECEIPT)
    etree.SubElement(root, "{http://www.w3.org/2000/09/xmldsig#}Signature")
    assert read_receipt_xml(etree.tostring(root)) == RECEIPT
