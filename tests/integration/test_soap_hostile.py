"""What strangers may send to the SOAP door: each gets a coded answer, and nothing of it is kept."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
from typing import Any

import pytest

from gateway.wire.mime import OutgoingPart, RelatedLimits, RelatedReader, write_related
from tests.support.hub import AGENCY_OFFICE, HubUnderTest
from tests.support.soap import (
    MEDIA,
    NS,
    PATH,
    SOAP11,
    SOAP12,
    attachment,
    call,
    fault,
    include,
    message,
    mtom,
    post,
    said,
    signed,
    signing,
)
from tests.support.streams import MIB, Chunks, Filler, digest_of, letter_with, traced
from tests.support.systems import Simulator, accept, fresh_hub

INBOX = call("ListInbox", office=AGENCY_OFFICE)
WSA = "http://www.w3.org/2005/08/addressing"
FORM, VERSION, HEADER, CALL, ACTION, REPLY, SCHEMA, INLINE, PARTS = (f"WASL-SOP-00{n}" for n in range(1, 10))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator(), WASL_SOAP_INLINE_BYTES="65536")


def refused(hub: HubUnderTest, octets: bytes, version: str = SOAP11, **headers: str) -> str:
    before = hub.kept()
    answer = post(hub, octets, version, **headers)
    assert hub.kept() == before
    assert answer.status_code == (500 if version == SOAP11 else 400), answer.text
    return fault(answer, version)[1]


def submission(hub: HubUnderTest, **values: Any) -> str:
    letter = hub.signed()
    return call("SubmitEnvelope", **{"octets": letter.root, "mediaType": letter.media_type, **values})


# The message -------------------------------------------------------------------------------------------


def envelope(inner: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP11}">{inner}</s:Envelope>'.encode()


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", "WASL-XML-001"),
        (b"not xml", "WASL-XML-001"),
        (b"<a>" * 40 + b"</a>" * 40, "WASL-XML-007"),
        (envelope("<s:Body>" + "<x/>" * 3000 + "</s:Body>"), "WASL-XML-009"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + message(INBOX), "WASL-XML-003"),
        (b"<?xml-stylesheet href='x'?>" + message(INBOX), "WASL-XML-004"),
        (message("<!-- -->" + INBOX), "WASL-XML-005"),
        (message(INBOX).decode().encode("utf-16"), "WASL-XML-002"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + message(INBOX), "WASL-XML-002"),
        (b"<Envelope/>", VERSION),
        (envelope(""), FORM),
        (envelope(f"<s:Body>{INBOX}</s:Body><s:Body>{INBOX}</s:Body>"), FORM),
        (envelope(f"<s:Body>{INBOX}</s:Body><s:Header/>"), FORM),
        (envelope(f"<s:Body>{INBOX}</s:Body><x/>"), FORM),
        (envelope(f"text<s:Body>{INBOX}</s:Body>"), FORM),
        (envelope("<s:Body/>"), FORM),
        (envelope(f"<s:Body>{INBOX}{INBOX}</s:Body>"), FORM),
        (message("<GetEnvelope/>"), CALL),
        (message(call("Shutdown")), CALL),
        (message(call("ListInboxResponse")), CALL),
        (message(INBOX, "<x:A xmlns:x='urn:x' xmlns:s='" + SOAP11 + "' s:mustUnderstand='1'/>"), HEADER),
        (message(INBOX, "<x:A xmlns:x='urn:x' xmlns:s='" + SOAP11 + "' s:mustUnderstand='yes'/>"), FORM),
    ],
)  # fmt: skip
def test_message_of_bad_form_is_refused(hub: HubUnderTest, octets: bytes, expected: str) -> None:
    assert refused(hub, octets) == expected


def test_message_of_the_other_version_is_told_by_its_own_fault_code(hub: HubUnderTest) -> None:
    for sent, stated in ((SOAP12, SOAP11), (SOAP11, SOAP12)):
        answer = post(hub, message(INBOX, version=sent), stated)
        assert answer.status_code == 500
        assert fault(answer, stated) == ("VersionMismatch", VERSION)


def test_header_that_must_be_understood_is_told_by_its_own_fault_code(hub: HubUnderTest) -> None:
    for version, must in ((SOAP11, "1"), (SOAP12, "true")):
        block = f'<x:A xmlns:x="urn:x" xmlns:s="{version}" s:mustUnderstand="{must}"/>'
        answer = post(hub, message(INBOX, block, version), version)
        assert answer.status_code == 500
        assert fault(answer, version) == ("MustUnderstand", HEADER)


def test_header_for_somebody_else_is_passed_over(hub: HubUnderTest) -> None:
    block = f'<x:A xmlns:x="urn:x" xmlns:s="{SOAP11}" s:mustUnderstand="1" s:actor="urn:another"/>'
    assert said(post(hub, signed(INBOX, signing(hub, "agency"), header=block)))


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize("action", ["urn:wasl:soap:1.0#GetEnvelope", "ListInbox", "urn:other", '"x'])
def test_action_that_says_another_call_is_refused(hub: HubUnderTest, version: str, action: str) -> None:
    octets = message(INBOX, version=version)
    assert refused(hub, octets, version, SOAPAction=f'"{action}"') == ACTION
    if version == SOAP12 and '"' not in action:
        assert refused(hub, octets, version, content_type=f'{MEDIA[SOAP12]}; action="{action}"') == ACTION
    addressed = message(INBOX, f'<a:Action xmlns:a="{WSA}">{action}</a:Action>', version)
    assert refused(hub, addressed, version) == ACTION


@pytest.mark.parametrize("action", ["", '""', '"urn:wasl:soap:1.0#ListInbox"', "urn:wasl:soap:1.0#ListInbox"])
def test_action_of_the_call_or_none_is_taken(hub: HubUnderTest, action: str) -> None:
    assert said(post(hub, signed(INBOX, signing(hub, "agency")), SOAPAction=action))


@pytest.mark.parametrize("space", [WSA, "http://schemas.xmlsoap.org/ws/2004/08/addressing"])
@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "", f"{WSA}/none", "mailto:a@b.example"]
)
def test_answer_goes_nowhere_else(hub: HubUnderTest, space: str, name: str, address: str) -> None:
    block = f'<a:{name} xmlns:a="{space}"><a:Address>{address}</a:Address></a:{name}>'
    assert refused(hub, message(INBOX, block)) == REPLY


def test_addressing_that_changes_nothing_is_taken(hub: HubUnderTest) -> None:
    block = (
        f'<a:MessageID xmlns:a="{WSA}">urn:uuid:1</a:MessageID><a:To xmlns:a="{WSA}">urn:hub</a:To>'
        f'<a:Action xmlns:a="{WSA}">urn:wasl:soap:1.0#ListInbox</a:Action>'
        f'<a:ReplyTo xmlns:a="{WSA}"><a:Address>{WSA}/anonymous</a:Address></a:ReplyTo>'
    )
    assert said(post(hub, signed(INBOX, signing(hub, "agency"), header=block)))


# The call ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"delivery": ""},
        {"delivery": "x" * 401},
        {"delivery": "<b/>"},
        {"delivery": ["a", "b"]},
        {"delivery": "a", "other": "b"},
        {"reader": "a", "delivery": "b"},
        {"delivery": "a", "unit": include("part")},
    ],
    ids=str,
)  # fmt: skip
def test_call_that_the_description_does_not_know_is_refused(
    hub: HubUnderTest, values: dict[str, Any]
) -> None:
    octets = signed(call("LockDelivery", **values), signing(hub, "agency"))
    assert refused(hub, octets) == SCHEMA


@pytest.mark.parametrize(
    "values",
    [
        {"registerNumber": "a\u2028b"},
        {"registerNumber": "a\nb"},
        {"registerNumber": "\u0085"},
        {"registerNumber": "9" * 121},
        {"registerDate": "2026-01-01"},
        {"reader": "r" * 121},
        {"unit": " "},
    ],
    ids=str,
)
def test_value_that_rest_would_refuse_is_refused(hub: HubUnderTest, values: dict[str, str]) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    octets = signed(call("Acknowledge", delivery=delivery, **values), signing(hub, "agency"))
    assert refused(hub, octets) == "WASL-REQ-010"


def test_forged_cursor_is_refused(hub: HubUnderTest) -> None:
    octets = signed(call("ListEvents", after="A" * 32), signing(hub, "ministry"))
    assert refused(hub, octets) == "WASL-REQ-010"


@pytest.mark.parametrize("octets", ["!!!!", "YQ", "YQ=", "YQ==YQ==", "<x/>"])
def test_base64_that_is_none_is_refused(hub: HubUnderTest, octets: str) -> None:
    body = f"<w:octets>{octets}</w:octets><w:mediaType>application/xml</w:mediaType>"
    octets_in = f'<w:SubmitEnvelope xmlns:w="urn:wasl:soap:1.0">{body}</w:SubmitEnvelope>'
    assert refused(hub, message(octets_in)) in (SCHEMA, PARTS)


def test_media_type_of_no_letter_is_refused(hub: HubUnderTest) -> None:
    assert refused(hub, message(submission(hub, mediaType="text/html"))) == "WASL-REQ-001"
    assert refused(hub, message(submission(hub, receiptType="text/html"))) == "WASL-REQ-009"


def test_letter_that_is_too_long_is_refused(hub: HubUnderTest) -> None:
    assert refused(hub, message(submission(hub, octets=bytes(2 * MIB + 1)))) == "WASL-REQ-002"


def test_more_inside_the_message_than_is_published_is_refused(hub: HubUnderTest) -> None:
    half = attachment("a@b", bytes(32768))
    assert (
        refused(hub, message(submission(hub, attachment=[half, half.replace("a@b", "c@d"), half]))) == INLINE
    )


def test_longest_attachment_inside_is_taken_with_line_breaks(tmp_path: Any) -> None:
    hub = fresh_hub(tmp_path / "hub", Simulator())
    plan = tmp_path / "plan.bin"
    plan.write_bytes(bytes(8 * MIB))
    letter = hub.signed(files=(plan,))
    lines = base64.encodebytes(plan.read_bytes()).decode().replace("\n", "\r\n")
    body = call(
        "SubmitEnvelope", octets=letter.root, mediaType=letter.media_type,
        attachment=attachment(letter.parts[0].content_id, lines),
    )  # fmt: skip
    assert said(post(hub, message(body)))["status"] == "ACCEPTED"


# The request -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "text/plain",
        "application/xml",
        "text/xml; charset=utf-16",
        "text/xml; charset=a; charset=b",
        "multipart/form-data; boundary=b",
        "multipart/related; boundary=b",
        'multipart/related; boundary=b; type="text/xml"',
        'multipart/related; boundary=b; type="application/xop+xml"; start-info="text/html"',
    ],
)
def test_request_that_is_no_soap_gets_a_problem_document(hub: HubUnderTest, content_type: str) -> None:
    answer = hub.client.post(PATH, data=message(INBOX), headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-001")


def test_compressed_body_is_not_opened(hub: HubUnderTest) -> None:
    bomb = gzip.compress(bytes(20 * MIB))
    assert refused(hub, bomb, **{"Content-Encoding": "gzip"}) == "WASL-REQ-008"


def test_message_that_is_too_long_is_not_read(hub: HubUnderTest) -> None:
    octets = message(INBOX + " " * (4 * MIB))
    assert refused(hub, octets) == "WASL-REQ-002"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_possible(hub: HubUnderTest, method: str) -> None:
    assert hub.client.open(PATH, method=method).status_code == 405


def cut(hub: HubUnderTest, octets: bytes, content_type: str, end: int, most: int = 64 * 1024) -> Any:
    """The answer to a body that comes in pieces and ends early."""
    pieces = Chunks(iter([octets]), most, end)
    overrides = {"wsgi.input": pieces, "CONTENT_LENGTH": str(len(octets))}
    return hub.client.post(PATH, content_type=content_type, environ_overrides=overrides)


def test_body_that_comes_octet_by_octet_is_read_like_any_other(hub: HubUnderTest) -> None:
    octets = message(submission(hub))
    assert said(cut(hub, octets, MEDIA[SOAP11], len(octets), 1))["status"] == "ACCEPTED"


def test_body_that_is_cut_off_leaves_nothing(hub: HubUnderTest) -> None:
    octets, before = message(submission(hub)), hub.kept()
    assert fault(cut(hub, octets, MEDIA[SOAP11], len(octets) - 3)) == ("Client", "WASL-REQ-004")
    assert hub.kept() == before


# Parts -------------------------------------------------------------------------------------------------


def packed(
    hub: HubUnderTest, parts: dict[str, bytes], wanted: str = "plan", boundary: str = "b0undary"
) -> Any:
    """An XOP package with a letter whose one attachment is said to be in the part ``wanted``."""
    letter = letter_with(hub, 3000)
    body = call(
        "SubmitEnvelope",
        octets=include("letter"),
        mediaType=letter.media_type,
        attachment=attachment("large@test", include(wanted)),
    )
    return mtom(
        message(body), {"letter": letter.root, **parts} if "letter" not in parts else parts, SOAP11, boundary
    )


PLAN = Filler(3000).read(3000)


def outcome(hub: HubUnderTest, octets: bytes, content_type: str) -> tuple[str, str]:
    """Status and reason: of a fault, or of a rejection, which the known signer of a letter gets."""
    answer = post(hub, octets, content_type=content_type)
    if answer.status_code != 200:
        return fault(answer)
    found = said(answer)
    return found["status"], found["code"]


def test_parts_that_are_all_there_are_taken(hub: HubUnderTest) -> None:
    octets, content_type = packed(hub, {"plan": PLAN})
    assert outcome(hub, octets, content_type)[0] == "ACCEPTED"


@pytest.mark.parametrize(
    ("parts", "wanted", "expected"),
    [
        ({}, "plan", ("REFUSED", PARTS)),
        ({"other": PLAN}, "plan", ("REFUSED", PARTS)),
        ({"plan": PLAN, "other": b"x"}, "plan", ("REFUSED", PARTS)),
        ({"plan": PLAN[:-1]}, "plan", ("REFUSED", "WASL-ATT-003")),
        ({"plan": PLAN + b"x"}, "plan", ("REFUSED", "WASL-ATT-003")),
        ({"plan": PLAN[::-1]}, "plan", ("REFUSED", "WASL-ATT-004")),
        ({"plan": PLAN}, "letter", ("Client", PARTS)),
        ({"letter": b"", "plan": PLAN}, "plan", ("Client", "WASL-XML-001")),
    ],
    ids=str,
)
def test_parts_that_are_not_those_pointed_at_are_refused(
    hub: HubUnderTest, parts: dict[str, bytes], wanted: str, expected: tuple[str, str]
) -> None:
    files = hub.kept()["files"]
    octets, content_type = packed(hub, parts, wanted)
    assert outcome(hub, octets, content_type) == expected
    assert hub.kept()["files"] == files


def test_letter_must_be_the_first_part(hub: HubUnderTest) -> None:
    letter = letter_with(hub, 3000)
    octets, content_type = packed(hub, {"plan": PLAN, "letter": letter.root})
    assert outcome(hub, octets, content_type) == ("Client", PARTS)


@pytest.mark.parametrize(
    "href", ["http://169.254.169.254/", "file:///etc/passwd", "cid", "", "cid:" + "x" * 400]
)
def test_part_that_is_elsewhere_is_not_fetched(hub: HubUnderTest, href: str) -> None:
    pointer = f"<xop:Include xmlns:xop='http://www.w3.org/2004/08/xop/include' href='{href}'/>"
    octets, content_type = mtom(message(submission(hub, octets=pointer)), {"letter": b"x"})
    assert outcome(hub, octets, content_type) == ("Client", PARTS)


def test_part_without_parts_is_refused(hub: HubUnderTest) -> None:
    assert refused(hub, message(submission(hub, octets=include("letter")))) == PARTS


def test_part_that_a_call_does_not_need_is_refused(hub: HubUnderTest) -> None:
    octets, content_type = mtom(signed(INBOX, signing(hub, "agency")), {"more": b"x"})
    assert outcome(hub, octets, content_type) == ("Client", PARTS)


def test_signature_over_the_names_of_parts_is_no_signature_over_parts(hub: HubUnderTest) -> None:
    letter = hub.signed()
    body = call("SubmitEnvelope", octets=include("letter"), mediaType=letter.media_type)
    octets, content_type = mtom(signed(body, signing(hub, "ministry")), {"letter": letter.root})
    assert outcome(hub, octets, content_type) == ("Client", "WASL-SOP-010")


def test_flood_of_parts_ends_at_the_limit(hub: HubUnderTest) -> None:
    flood = {f"p{number}": b"" for number in range(100_000)}
    octets, content_type = packed(hub, {"plan": PLAN, **flood})
    with traced() as grown:
        status, _ = outcome(hub, octets, content_type)
    assert status in ("REFUSED", "Client")
    assert grown[0] < 16 * MIB


@pytest.mark.parametrize(
    "harm",
    [
        lambda body, kind: (body.replace(b"--b0undary\r\n", b"--b0undary\n"), kind),
        lambda body, kind: (body.replace(b"\r\n--b0undary--", b"\n--b0undary--"), kind),
        lambda body, kind: (body + b"--b0undary\r\n\r\nmore\r\n--b0undary--\r\n", kind),
        lambda body, kind: (body, kind.replace('boundary="b0undary"', 'boundary="b0und"')),
        lambda body, kind: (body, kind.replace('boundary="b0undary"', 'boundary="a"; boundary="b0undary"')),
        lambda body, kind: (body, kind.replace('boundary="b0undary"', "boundary*=utf-8''b0undary")),
        lambda body, kind: (body, kind.replace('start="<root>"', 'start="<letter>"')),
        lambda body, kind: (body.replace(b"Content-ID: <plan>", b"Content-ID: <letter>"), kind),
        lambda body, kind: (body.replace(b"Content-ID: <plan>", b"Content-ID: plan\r\nContent-ID: x"), kind),
        lambda body, kind: (body.replace(b": binary", b": base64"), kind),
    ],
)  # fmt: skip
def test_body_that_two_readers_would_part_differently_is_refused(hub: HubUnderTest, harm: Any) -> None:
    octets, content_type = harm(*packed(hub, {"plan": PLAN}))
    answer = post(hub, octets, content_type=content_type)
    if answer.status_code == 415:
        return
    status = fault(answer)[0] if answer.status_code == 500 else said(answer)["status"]
    assert status in ("Client", "REFUSED")


# Memory ------------------------------------------------------------------------------------------------


def test_large_attachment_passes_both_ways_without_being_held_in_memory(hub: HubUnderTest) -> None:
    size = 48 * MIB
    letter = letter_with(hub, size, office=AGENCY_OFFICE)
    body = call(
        "SubmitEnvelope",
        octets=letter.root,
        mediaType=letter.media_type,
        attachment=attachment("large@test", include("plan")),
    )
    part = OutgoingPart("plan", "image/png", size, lambda: io.BufferedReader(Filler(size)))
    content_type, chunks, length = write_related(
        message(body), "application/xop+xml", [part], start_info="text/xml"
    )
    overrides = {"wsgi.input": Chunks(chunks), "CONTENT_LENGTH": str(length)}
    with traced() as grown:
        answer = hub.client.post(PATH, content_type=content_type, environ_overrides=overrides)
    accepted = said(answer)
    assert accepted["status"] == "ACCEPTED"
    assert grown[0] < 16 * MIB
    hub.dispatch().run_once(100)
    asked = call("GetAttachment", delivery=delivery_of(hub, accepted["reference"]), attachment="large")
    octets, content_type = mtom(signed(asked, signing(hub, "agency")), {})
    digest = hashlib.sha256()
    with traced() as grown:
        answer = hub.client.post(PATH, data=octets, content_type=content_type, buffered=False)
        assert answer.status_code == 200
        body = Chunks(answer.iter_encoded())
        reader = RelatedReader(body, answer.headers["Content-Type"], RelatedLimits())
        reader.root()
        for one in reader.parts():
            for chunk in one.chunks:
                digest.update(chunk)
    assert digest.hexdigest() == digest_of(size)
    assert grown[0] < 16 * MIB
    refusal = post(hub, signed(asked, signing(hub, "agency", lifetime=None)))
    assert fault(refusal) == ("Client", INLINE)  # without MTOM such a file is not given


def delivery_of(hub: HubUnderTest, reference: str) -> str:
    asked = call("ListInbox", office=AGENCY_OFFICE, limit=100)
    page = said(post(hub, signed(asked, signing(hub, "agency"))))
    [found] = [one for one in page.all("letter") if one.findtext(f"{{{NS}}}reference") == reference]
    return str(found.findtext(f"{{{NS}}}delivery"))
