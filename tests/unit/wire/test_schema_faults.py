"""What a sender is told about a document that does not follow its schema."""

import copy

import pytest
from lxml import etree

from gateway.domain.content import Kind
from gateway.domain.errors import Fault
from gateway.domain.transit.envelope import Purpose
from gateway.wire import schema
from gateway.wire.codec import to_json, to_xml
from gateway.wire.lexical import _text
from gateway.wire.models import ENVELOPE, RECEIPT
from gateway.wire.places import pointer_of, pointer_to_xpath, shape_at
from gateway.wire.schema import MOST_FAULTS, faults_of_json, faults_of_xml
from tests.unit.wire.content import complete

NS = ENVELOPE.namespace
LINE = "one line of plain text: no control characters, no line breaks"


def letter():
    return to_json(complete(ENVELOPE.root))


def document():
    root = to_xml(complete(ENVELOPE.root), NS, "Envelope")
    etree.indent(root)
    return etree.fromstring(etree.tostring(root))


def at(root, path):
    return root.find("/".join(f"{{{NS}}}{name}" for name in path.split("/")))


def told(faults):
    return {fault.where: (fault.expected, fault.found) for fault in faults}


def test_all_faults_of_a_json_text_are_told_with_their_pointers():
    tree = letter()
    del tree["hub"]
    tree["subject"] = "two\nlines"
    tree["recipients"] = [{"office": "bad"}, 5, {"strange/name": None}]
    tree["sender"]["unit"] = ["x"]
    tree["test"] = None
    tree["priority"] = {"level": "high"}
    faults = told(faults_of_json(ENVELOPE, tree))
    assert set(faults) == {
        "/hub", "/subject", "/recipients/0/office", "/recipients/1", "/recipients/2/strange~1name",
        "/sender/unit", "/test", "/priority",
    }  # fmt: skip
    assert faults["/hub"] == ("a code or an identifier of some directory; at most 128 characters", "nothing")
    assert faults["/subject"][1] == "two·lines"
    assert faults["/subject"][0].endswith("1 to 240 characters")
    assert faults["/recipients/1"] == (
        "any of the fields office, party, replyTo, role, unit, attention",
        "5",
    )
    assert faults["/sender/unit"][1] == "a list of 1 entries"
    assert faults["/test"] == ("true or false", "null")


def test_all_faults_of_an_xml_document_are_told_with_path_and_line():
    root = document()
    root.remove(at(root, "Hub"))
    at(root, "Subject").text = "two\nlines"
    at(root, "MessageId").text = "no uuid"
    at(root, "Attachments/Attachment/Size").text = "-1"
    at(root, "Sender/Contact").append(etree.Element(f"{{{NS}}}Fax"))
    root.append(etree.Element(f"{{{NS}}}Bogus"))
    found = faults_of_xml(ENVELOPE, etree.fromstring(etree.tostring(root)))
    faults = told(found)
    assert set(faults) == {
        "/Envelope/Hub", "/Envelope/Subject", "/Envelope/MessageId", "/Envelope/Bogus",
        "/Envelope/Attachments/Attachment[1]/Size", "/Envelope/Sender/Contact/Fax",
    }  # fmt: skip
    assert faults["/Envelope/Hub"][1] == "nothing"
    assert faults["/Envelope/Attachments/Attachment[1]/Size"] == ("a whole number from 0 to 5368709120", "-1")
    assert faults["/Envelope/Sender/Contact/Fax"][0] == "any of the fields Name, Email, Telephone, Address"
    lines = {fault.where: fault.line for fault in found}
    assert lines["/Envelope/MessageId"] == 3
    assert {fault.code for fault in found} == {"WASL-ENV-001"}


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (lambda root: root.set("foo", "1"), "/Envelope/@foo", "no attribute"),
        (lambda root: at(root, "Hub").set("Id", "x"), "/Envelope/Hub/@Id", "no attribute"),
        (
            lambda root: at(root, "Recipients/Recipient").set("Id", "x"),
            "/Envelope/Recipients/Recipient[1]/@Id",
            "no attribute",
        ),
        (
            lambda root: root.append(copy.deepcopy(at(root, "Body"))),
            "/Envelope/Body[2]",
            "Body before Attachments",
        ),
        (
            lambda root: at(root, "Sender/Party").addnext(copy.deepcopy(at(root, "Sender/Party"))),
            "/Envelope/Sender/Party[2]",
            "Party only once",
        ),
        (
            lambda root: at(root, "Recipients").append(etree.Element(f"{{{NS}}}Other")),
            "/Envelope/Recipients/Other[1]",
            "the element Recipient",
        ),
        (lambda root: at(root, "References").clear(), "/Envelope/References", "a list of 1 to 50 entries"),
        (
            lambda root: etree.SubElement(at(root, "Hub"), f"{{{NS}}}X"),
            "/Envelope/Hub",
            "a code or an identifier of some directory; at most 128 characters",
        ),
        (lambda root: setattr(at(root, "Hub"), "tail", "stray"), "/Envelope", "no text between elements"),
        (
            lambda root: setattr(at(root, "Recipients"), "text", "stray"),
            "/Envelope/Recipients",
            "no text between elements",
        ),
        (
            lambda root: at(root, "Recipients").append(etree.Element("{urn:x}Recipient")),
            "/Envelope/Recipients/Recipient[2]",
            "the element Recipient",
        ),
        (lambda root: setattr(at(root, "Version"), "text", "2.0"), "/Envelope/Version", "1.0"),
        (lambda root: setattr(at(root, "Test"), "text", "0"), "/Envelope/Test", "true or false"),
        (
            lambda root: setattr(at(root, "Purpose"), "text", "x"),
            "/Envelope/Purpose",
            "one of " + ", ".join(purpose.value for purpose in Purpose),
        ),
        (
            lambda root: setattr(at(root, "Attachments/Attachment/Content"), "text", "!"),
            "/Envelope/Attachments/Attachment[1]/Content",
            "base64 of 0 to 1048576 octets",
        ),
        (
            lambda root: at(root, "SenderRegistration").clear(),
            "/Envelope/SenderRegistration/Number",
            f"{LINE}; 1 to 80 characters",
        ),
        (
            lambda root: root.remove(at(root, "Sender")),
            "/Envelope/Sender",
            "the fields Party and optionally Office, Unit, Contact, Signatory, OnBehalfOf, SubmittedBy",
        ),
    ],
)
def test_a_fault_of_structure_is_told(change, where, expected):
    root = document()
    change(root)
    assert told(faults_of_xml(ENVELOPE, etree.fromstring(etree.tostring(root))))[where][0] == expected


def test_another_root_is_told():
    (fault,) = faults_of_xml(ENVELOPE, etree.fromstring("<Letter/>"))
    assert (fault.where, fault.found) == ("/Envelope", "Letter")


def test_a_json_text_that_is_no_object_is_told():
    (fault,) = faults_of_json(ENVELOPE, [1, 2])
    assert fault.where == ""
    assert fault.expected.startswith("the fields version, hub")
    assert fault.found == "a list of 2 entries"


def test_a_trailing_signature_and_an_id_are_no_faults():
    root = document()
    root.set("Id", "letter")
    etree.SubElement(root, "{http://www.w3.org/2000/09/xmldsig#}Signature").text = "any"
    assert faults_of_xml(ENVELOPE, root) == ()
    at(root, "Hub").text = ""
    assert [fault.where for fault in faults_of_xml(ENVELOPE, root)] == ["/Envelope/Hub"]


def test_a_signature_elsewhere_is_a_fault():
    root = document()
    root.insert(0, etree.Element("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    assert "/Envelope/Signature" in told(faults_of_xml(ENVELOPE, root))


def test_no_more_faults_are_told_than_a_person_reads():
    tree = letter() | {f"extra{number}": 1 for number in range(5000)}
    assert len(faults_of_json(ENVELOPE, tree)) == MOST_FAULTS
    root = document()
    for _ in range(5000):
        etree.SubElement(root, f"{{{NS}}}Extra")
    assert len(faults_of_xml(ENVELOPE, root)) == MOST_FAULTS


def test_what_was_found_is_shortened():
    tree = letter() | {"hub": "é\x07" * 4000}
    (fault,) = faults_of_json(ENVELOPE, tree)
    assert len(fault.found) == 80
    assert fault.found.isprintable()


def test_what_only_the_schema_processor_finds_is_told_in_its_words(monkeypatch):
    monkeypatch.setattr(schema, "xml_faults", lambda model, root: iter(()))
    root = document()
    at(root, "Hub").text = ""
    fault = faults_of_xml(ENVELOPE, root)[0]
    assert "minLength" in fault.expected or "pattern" in fault.expected


@pytest.mark.parametrize(
    ("pointer", "xpath"),
    [
        ("", "/Envelope"),
        ("/hub", "/Envelope/Hub"),
        ("/recipients/0/replyTo", "/Envelope/Recipients/Recipient[1]/ReplyTo"),
        (
            "/sender/onBehalfOf/identification/identifiedBy",
            "/Envelope/Sender/OnBehalfOf/Identification/IdentifiedBy",
        ),
        ("/references/3", "/Envelope/References/RelatedReference[4]"),
        ("/attachments/2/sha256", "/Envelope/Attachments/Attachment[3]/Sha256"),
        ("/hub/bogus/0", "/Envelope/Hub"),
        ("/nope", "/Envelope"),
    ],
)
def test_a_pointer_of_the_domain_becomes_an_xpath(pointer, xpath):
    assert pointer_to_xpath(pointer) == xpath


def test_a_pointer_into_a_receipt_becomes_an_xpath():
    assert pointer_to_xpath("/reasons/1/code", RECEIPT) == "/Receipt/Reasons/Reason[2]/Code"


def test_a_path_below_an_unknown_name_stands_for_no_field():
    assert shape_at(ENVELOPE.root, ["bogus", "hub"]) == (None, False)
    assert shape_at(ENVELOPE.root, ["hub", "inner"]) == (None, False)


def test_a_pointer_escapes_what_rfc_6901_says():
    assert pointer_of(["a/b", 0, "c~d"]) == "/a~1b/0/c~0d"


def test_every_kind_of_text_has_a_phrase_that_fits_the_remedy():
    phrases = {kind: _text(kind, 1, 9) for kind in Kind}
    assert all(not phrase.endswith(".") and len(phrase) < 160 for phrase in phrases.values())


def test_faults_are_values():
    assert isinstance(faults_of_json(ENVELOPE, {})[0], Fault)
