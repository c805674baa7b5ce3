"""SOAP on the wire: the description stands for itself, and answers hold what may stand in XML."""

from __future__ import annotations

import io

import pytest
from lxml import etree

from gateway.domain.errors import Refused, TooLarge
from gateway.wire.mime import OutgoingPart, RelatedLimits, RelatedReader, write_related
from gateway.wire.soap_answer import Answer, Content, write_fault
from gateway.wire.soap_call import Included, read_call
from gateway.wire.soap_message import read_message
from gateway.wire.soap_names import SERVICE, SOAP11, SOAP12, XOP, SoapVersion
from gateway.wire.soap_parts import check_inline, contents_of, envelope_of
from gateway.wire.soap_schema import check_call, description

ADDRESS = "https://hub.example/soap/v1"
XS, WSDL = "{http://www.w3.org/2001/XMLSchema}", "{http://schemas.xmlsoap.org/wsdl/}"
NS = f"{{{SERVICE}}}"


def described() -> etree._Element:
    return etree.fromstring(description(ADDRESS))


def element(text: str) -> etree._Element:
    return etree.fromstring(text.replace(">", f' xmlns:w="{SERVICE}">', 1))


# The description ---------------------------------------------------------------------------------------


def test_schema_in_the_description_is_whole_by_itself() -> None:
    schema = described().find(f".//{XS}schema")
    etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


@pytest.mark.parametrize("attribute", ["type", "base", "ref", "element", "binding", "message"])
def test_every_name_in_the_description_is_declared_where_it_stands(attribute: str) -> None:
    # PHP looks names up by the declarations in scope, and those of the schema change when it moves into the
    # WSDL: a default namespace would be lost
    found = [one for one in described().iter("*") if attribute in one.attrib]
    assert found
    prefixes = [(str(one.get(attribute)).partition(":"), one.nsmap) for one in found]
    assert [name for name, known in prefixes if not name[1] or name[0] not in known] == []


def test_every_call_has_a_request_an_answer_and_the_same_action_in_both_bindings() -> None:
    wsdl = described()
    declared = {one.get("name") for one in wsdl.find(f".//{XS}schema").iterfind(f"{XS}element")}
    calls = [one.get("name") for one in wsdl.find(f"{WSDL}portType").iterfind(f"{WSDL}operation")]
    assert {name for call in calls for name in (call, f"{call}Response")} | {"Problem"} == declared
    for binding in wsdl.iterfind(f"{WSDL}binding"):
        actions = {one.get("name"): one[0].get("soapAction") for one in binding.iterfind(f"{WSDL}operation")}
        assert actions == {call: f"{SERVICE}#{call}" for call in calls}


def test_the_description_says_where_the_door_is() -> None:
    addresses = {one.get("location") for one in described().iter("{*}address")}
    assert addresses == {ADDRESS}


# Calls -------------------------------------------------------------------------------------------------


def test_what_stacks_add_for_each_other_changes_no_value() -> None:
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    call = element(
        f'<w:LockDelivery><w:delivery xmlns:i="{xsi}" i:type="string">d</w:delivery>'
        f'<w:unit xmlns:i="{xsi}" i:nil="true"/></w:LockDelivery>'
    )
    assert read_call(call).values == {"delivery": "d"}


def test_octets_are_read_from_the_message_or_pointed_at() -> None:
    pointer = f'<xop:Include xmlns:xop="{XOP}" href="cid:a%20b%40c"/>'
    call = read_call(
        element(
            "<w:SubmitEnvelope><w:octets> YW\n Jj </w:octets><w:mediaType>application/xml</w:mediaType>"
            f"<w:attachment><w:contentId>plan@x</w:contentId><w:content>{pointer}</w:content></w:attachment>"
            "</w:SubmitEnvelope>"
        )
    )
    assert (call.octets, call.attachments) == (b"abc", (("plan@x", Included("a b@c")),))
    assert envelope_of(call, iter(()), 3) == b"abc"
    with pytest.raises(TooLarge):
        envelope_of(call, iter(()), 2)
    with pytest.raises(Refused, match="WASL-SOP-009"):
        list(contents_of(call, iter(())))


def test_one_part_for_two_places_is_refused() -> None:
    pointer = f'<xop:Include xmlns:xop="{XOP}" href="cid:a"/>'
    text = (
        f"<w:SubmitEnvelope><w:octets>{pointer}</w:octets><w:mediaType>application/xml</w:mediaType>"
        f"<w:attachment><w:contentId>p</w:contentId><w:content>{pointer}</w:content></w:attachment>"
        "</w:SubmitEnvelope>"
    )
    with pytest.raises(Refused, match="WASL-SOP-009"):
        read_call(element(text))


def test_attachments_inside_are_bounded_together() -> None:
    one = "<w:attachment><w:contentId>p</w:contentId><w:content>YWJj</w:content></w:attachment>"
    rest = f"<w:mediaType>a/b</w:mediaType>{one}{one}</w:CheckEnvelope>"
    text = f"<w:CheckEnvelope><w:octets>YQ==</w:octets>{rest}"
    call = read_call(element(text))
    check_inline(call, 6)
    with pytest.raises(TooLarge, match="WASL-SOP-008"):
        check_inline(call, 5)


# Answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
def test_fault_holds_what_may_stand_in_xml(version: SoapVersion) -> None:
    detail = {
        "code": "WASL-REQ-010",
        "title": "t",
        "remedy": "r",
        "faults": [{"code": "c", "text": "a\0b\ud800"}],
    }
    root = etree.fromstring(write_fault(version, version.sender, "no \x0b!", "en", detail))
    problem = root.find(f".//{NS}Problem")
    check_call(problem)
    assert problem.findtext(f".//{NS}text") == "a\ufffdb\ufffd"
    assert "no \ufffd!" in "".join(root.itertext())


def test_answer_is_a_message_of_its_version() -> None:
    octets = Answer(SOAP12, 10).write("AcknowledgeResponse", {"delivery": "d", "office": None, "state": True})
    assert octets.startswith(b"<?xml")
    root = etree.fromstring(octets)
    assert root.tag == SOAP12.name("Envelope")
    assert [(etree.QName(one).localname, one.text) for one in root[0][0]] == [
        ("delivery", "d"),
        ("state", "true"),
    ]


def test_longer_octets_than_may_stand_inside_are_closed_and_refused() -> None:
    stream = io.BytesIO(b"abc")
    with pytest.raises(TooLarge, match="WASL-SOP-008"):
        Answer(SOAP11, 2).write("GetReceiptResponse", {"octets": Content(3, stream, "image/png")})
    assert stream.closed


def test_package_of_parts_is_read_back() -> None:
    part = OutgoingPart("a@b", "image/png", 3, lambda: io.BytesIO(b"abc"))
    content_type, chunks, length = write_related(
        b"<x/>", "application/xop+xml", [part], start_info="text/xml"
    )
    body = b"".join(chunks)
    assert len(body) == length
    assert content_type.endswith('; start-info="text/xml"')
    reader = RelatedReader(io.BytesIO(body), content_type, RelatedLimits())
    assert reader.root() == ("application/xop+xml", b"<x/>")
    assert [(one.content_id, b"".join(one.chunks)) for one in reader.parts()] == [("a@b", b"abc")]


def test_message_says_what_is_called() -> None:
    for version in (SOAP11, SOAP12):
        text = (
            f'<s:Envelope xmlns:s="{version.namespace}"><s:Body>'
            f'<w:ListEvents xmlns:w="{SERVICE}"/></s:Body></s:Envelope>'
        )
        message = read_message(etree.fromstring(text), ["", f"{SERVICE}#ListEvents"])
        assert (message.version, message.operation, message.security) == (version, "ListEvents", None)
