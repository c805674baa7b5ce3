"""Reading and writing envelopes: strict octets in, every fault told, nothing changed."""

import statistics
import time

import pytest
from lxml import etree

from gateway.domain.errors import Refused
from gateway.domain.transit.envelope import Envelope
from gateway.wire.codec import from_xml
from gateway.wire.envelopes import (
    envelope_element,
    read_envelope_json,
    read_envelope_xml,
    write_envelope_json,
    write_envelope_xml,
)
from tests.unit.wire.content import complete

LETTER = complete(Envelope)


def test_an_envelope_is_read_as_it_was_written():
    assert read_envelope_xml(write_envelope_xml(LETTER)) == LETTER
    assert read_envelope_json(write_envelope_json(LETTER)) == LETTER


def test_canonical_octets_without_declaration_are_read():
    octets = etree.tostring(envelope_element(LETTER), method="c14n", exclusive=True)
    assert read_envelope_xml(octets) == LETTER


def test_prefixes_and_white_space_between_elements_mean_nothing():
    octets = etree.tostring(envelope_element(LETTER), pretty_print=True).decode()
    prefixed = octets.replace("<", "<w:").replace("<w:/", "</w:").replace("xmlns=", "xmlns:w=")
    assert read_envelope_xml(prefixed.encode()) == LETTER


def test_writing_is_deterministic():
    assert write_envelope_json(LETTER) == write_envelope_json(complete(Envelope))
    assert write_envelope_xml(LETTER) == write_envelope_xml(complete(Envelope))


def test_another_root_is_refused():
    with pytest.raises(Refused) as refusal:
        read_envelope_xml(b'<Envelope xmlns="urn:other"/>')
    assert [fault.code for fault in refusal.value.faults] == ["WASL-XML-012"]


@pytest.mark.parametrize(
    ("read", "octets"),
    [
        (read_envelope_xml, b'<Envelope xmlns="urn:wasl:envelope:1.0"><Hub/></Envelope>'),
        (read_envelope_json, b'{"hub": ""}'),
    ],
)
def test_all_faults_are_told_at_once(read, octets):
    with pytest.raises(Refused) as refusal:
        read(octets)
    assert {fault.code for fault in refusal.value.faults} == {"WASL-ENV-001"}
    assert len(refusal.value.faults) == 9


def test_a_huge_document_of_faults_is_refused_in_time():
    octets = b'<Envelope xmlns="urn:wasl:envelope:1.0">' + b"<X/>" * 400_000 + b"</Envelope>"
    started = time.process_time()
    with pytest.raises(Refused):
        read_envelope_xml(octets)
    assert time.process_time() - started < 20  # under a tracer, on a busy machine


def test_a_letter_of_5_kib_is_decoded_fast():
    octets = write_envelope_xml(LETTER)
    root = etree.fromstring(octets)
    times = []
    for _ in range(50):
        started = time.process_time()
        from_xml(Envelope, root)
        times.append(time.process_time() - started)
    assert len(octets) > 4_000
    assert statistics.median(times) < 0.001  # a tenth of it on an idle machine
