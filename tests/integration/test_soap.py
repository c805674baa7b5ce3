"""The SOAP door: the verbs of the REST door, every answer as the service description promises it."""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.verifier.opening import open_receipt
from gateway.wire.mime import RelatedLimits, RelatedReader
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    NAMES,
    XML,
    HubUnderTest,
)
from tests.support.soap import (
    NS,
    SOAP11,
    SOAP12,
    Said,
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
from tests.support.systems import Simulator, accept, fresh_hub, receipts, state


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.bin"
    path.write_bytes(bytes(range(256)) * 400)
    return path


def ask(hub: HubUnderTest, operation: str, party: str = AGENCY, version: str = SOAP11, **values: Any) -> Any:
    """An answer to a call that the party signed."""
    return post(hub, signed(call(operation, **values), signing(hub, NAMES[party]), version), version)


def tell(hub: HubUnderTest, operation: str, party: str = AGENCY, **values: Any) -> Said:
    return said(ask(hub, operation, party, **values))


def submit(hub: HubUnderTest, letter: Any, version: str = SOAP11, **values: Any) -> Any:
    body = call("SubmitEnvelope", octets=letter.root, mediaType=letter.media_type, **values)
    return post(hub, message(body, version=version), version)


def lying(hub: HubUnderTest, **letter: Any) -> str:
    [delivery] = accept(hub, AGENCY_OFFICE, **letter)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
    return delivery


# Senders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_letter_gets_its_sealed_receipt_and_a_repeat_the_same(
    hub: HubUnderTest, version: str, media_type: str
) -> None:
    letter = hub.signed(media_type=media_type)
    first, again = (said(submit(hub, letter, version), version) for _ in range(2))
    assert (first["status"], again["status"]) == ("ACCEPTED", "REPEATED")
    assert first["mediaType"] == media_type
    assert first.octets("receipt") == again.octets("receipt")
    receipt = open_receipt(first.octets("receipt"), media_type).receipt
    assert (receipt.kind, receipt.reference) == (ReceiptKind.ACCEPTANCE, first["reference"])


def test_the_receipt_is_the_one_that_rest_gives(hub: HubUnderTest) -> None:
    letter = hub.signed()
    over_soap = said(submit(hub, letter)).octets("receipt")
    assert hub.post(letter).data == over_soap


@pytest.mark.parametrize("wanted", [JWS, "application/pdf"])
def test_a_receipt_comes_in_the_form_wanted(hub: HubUnderTest, wanted: str) -> None:
    found = said(submit(hub, hub.signed(), receiptType=wanted))
    assert found["mediaType"] == wanted
    assert open_receipt(found.octets("receipt"), wanted).receipt.kind is ReceiptKind.ACCEPTANCE


def test_a_refused_letter_of_a_known_party_gets_its_sealed_rejection_as_an_answer(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(hub="OTHER-HUB"))
    found = said(submit(hub, letter))
    assert found["status"] == "REFUSED"
    assert found["code"].startswith("WASL-ENV-")
    assert open_receipt(found.octets("receipt"), XML).receipt.kind is ReceiptKind.REJECTION


def test_other_content_under_the_same_message_id_is_a_fault(hub: HubUnderTest) -> None:
    envelope = hub.envelope()
    submit(hub, hub.signed(envelope))
    other = hub.signed(hub.envelope(message_id=envelope.message_id, subject="another"))
    assert fault(submit(hub, other)) == ("Client", "WASL-DUP-001")


def test_a_letter_is_judged_without_being_stored(hub: HubUnderTest) -> None:
    letter, before = hub.signed(), hub.kept()
    body = call("CheckEnvelope", octets=letter.root, mediaType=letter.media_type)
    found = said(post(hub, message(body)))
    assert found["office"] == AGENCY_OFFICE
    assert hub.kept() == before


def test_a_letter_that_is_judged_without_its_contents_is_told_which_are_missing(
    hub: HubUnderTest, plan: Path
) -> None:
    letter = hub.signed(files=(plan,))
    body = call("CheckEnvelope", octets=letter.root, mediaType=letter.media_type)
    found = said(post(hub, message(body)))
    assert found["sha256"] == sha256(plan.read_bytes()).hexdigest()
    assert (found["id"], found["size"]) == ("att1", str(plan.stat().st_size))


def test_attachments_travel_inside_the_message(hub: HubUnderTest, plan: Path) -> None:
    letter = hub.signed(files=(plan,))
    [part] = letter.parts
    content = attachment(part.content_id, plan.read_bytes())
    assert said(submit(hub, letter, attachment=content))["status"] == "ACCEPTED"


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize("inside", [False, True], ids=["envelope as a part", "envelope inside"])
def test_octets_travel_as_parts(hub: HubUnderTest, plan: Path, version: str, inside: bool) -> None:
    letter = hub.signed(files=(plan,))
    body = call(
        "SubmitEnvelope",
        octets=letter.root if inside else include("envelope"),
        mediaType=letter.media_type,
        attachment=attachment(letter.parts[0].content_id, include("the-plan%40client")),
    )
    parts = {} if inside else {"envelope": letter.root}
    octets, content_type = mtom(
        message(body, version=version), parts | {"the-plan@client": plan.read_bytes()}, version
    )
    found = said(post(hub, octets, version, content_type=content_type), version)
    assert found["status"] == "ACCEPTED"


def test_a_sender_follows_its_letter(hub: HubUnderTest) -> None:
    envelope = hub.envelope()
    taken = submit(hub, hub.signed(envelope))
    reference = said(taken)["reference"]
    by_reference = tell(hub, "GetEnvelope", MINISTRY, reference=reference)
    by_id = tell(hub, "FindEnvelope", MINISTRY, messageId=envelope.message_id)
    assert by_reference["messageId"] == by_id["messageId"] == envelope.message_id
    assert by_reference["requestId"] == by_id["requestId"] == taken.headers["X-Request-Id"]
    listed = tell(hub, "ListReceipts", MINISTRY, reference=reference)
    one = tell(hub, "GetReceipt", MINISTRY, reference=reference, receipt=listed["id"], mediaType=JWS)
    assert open_receipt(one.octets("octets"), JWS).receipt.reference == reference
    events = tell(hub, "ListEvents", MINISTRY, limit=500)
    assert reference in [one.text for one in events.all("reference")]
    after = tell(hub, "ListEvents", MINISTRY, after=events["next"])
    assert after.all("event") == []


def test_everything_about_a_letter_comes_in_one_file(hub: HubUnderTest) -> None:
    reference = said(submit(hub, hub.signed()))["reference"]
    found = tell(hub, "GetEvidence", MINISTRY, reference=reference)
    with zipfile.ZipFile(io.BytesIO(found.octets("octets"))) as bundle:
        assert bundle.testzip() is None
        assert bundle.read("mimetype") == found["mediaType"].encode()


def test_a_letter_is_taken_back(hub: HubUnderTest) -> None:
    reference = said(submit(hub, hub.signed()))["reference"]
    done = tell(hub, "CancelEnvelope", MINISTRY, reference=reference)
    assert done["state"] == "CANCELLED"
    one = tell(hub, "GetReceipt", MINISTRY, reference=reference, receipt=done["receipt"])
    assert open_receipt(one.octets("octets"), XML).receipt.event is not Event.SUBMISSION_ACCEPTANCE


# Offices -----------------------------------------------------------------------------------------------


def test_a_letter_is_found_locked_fetched_and_acknowledged(hub: HubUnderTest, plan: Path) -> None:
    delivery = lying(hub, files=(plan,), subject="Demande")
    listed = tell(hub, "ListInbox", office=AGENCY_OFFICE)
    assert delivery in [one.text for one in listed.all("delivery")]
    assert tell(hub, "LockDelivery", delivery=delivery, reader="desk-1")["lockedUntil"]
    assert fault(ask(hub, "LockDelivery", delivery=delivery, reader="desk-2"))[0] == "Client"
    content = tell(hub, "GetContent", delivery=delivery, reader="desk-1")
    assert sha256(content.octets("octets")).hexdigest() == receipts(hub, delivery)[0].received.sha256  # type: ignore[union-attr]
    file = tell(hub, "GetAttachment", delivery=delivery, attachment=content["id"], reader="desk-1")
    assert (file.octets("octets"), file["name"]) == (plan.read_bytes(), "plan.bin")
    taken = tell(
        hub, "Acknowledge", delivery=delivery, registerNumber="7/2026", registerDate="2026-03-01",
        unit="Front desk", reader="desk-1",
    )  # fmt: skip
    assert (taken["state"], taken["processing"], taken["registerNumber"]) == (
        "HANDED_OVER",
        "REGISTERED",
        "7/2026",
    )
    assert tell(hub, "ReportProgress", delivery=delivery, state="IN_PROGRESS")["processing"] == "IN_PROGRESS"


def test_a_letter_is_given_free_refused_or_passed_on(hub: HubUnderTest) -> None:
    free, other = lying(hub), lying(hub)
    tell(hub, "LockDelivery", delivery=free, reader="desk-1")
    tell(hub, "UnlockDelivery", delivery=free, reader="desk-1")
    refused = tell(hub, "RefuseDelivery", delivery=free, code="WASL-DLV-039", text="sent by mistake")
    assert refused["state"] == "REFUSED"
    passed = tell(hub, "RedirectDelivery", delivery=other, office=MINISTRY_OFFICE, code="WASL-DLV-031")
    assert passed["state"] == "REDIRECTED"
    assert state(hub, passed["successor"]) in ("QUEUED", "AVAILABLE")


def test_a_page_leads_to_the_next(hub: HubUnderTest) -> None:
    lies = {lying(hub) for _ in range(3)}
    found: set[str] = set()
    after: str | None = None
    while True:
        page = tell(hub, "ListInbox", office=AGENCY_OFFICE, after=after, limit=2)
        found |= {str(one.text) for one in page.all("delivery")}
        if not page.all("next"):
            break
        after = page["next"]
    assert lies <= found


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
def test_who_asks_with_parts_is_answered_with_parts(hub: HubUnderTest, plan: Path, version: str) -> None:
    delivery = lying(hub, files=(plan,))
    wanted = tell(hub, "GetContent", delivery=delivery)["id"]
    body = call("GetAttachment", delivery=delivery, attachment=wanted)
    octets, content_type = mtom(signed(body, signing(hub, "agency"), version), {}, version)
    answer = post(hub, octets, version, content_type=content_type)
    assert answer.status_code == 200, answer.text
    reader = RelatedReader(io.BytesIO(answer.data), answer.headers["Content-Type"], RelatedLimits())
    media_type, root = reader.root()
    [part] = [(one.content_id, b"".join(one.chunks)) for one in reader.parts()]
    assert (media_type, part[1]) == ("application/xop+xml", plan.read_bytes())
    assert etree.fromstring(root).find(f".//{{{NS}}}octets")[0].get("href") == f"cid:{part[0]}"


# The description ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl="])
def test_the_description_is_one_file_with_the_hubs_own_address(hub: HubUnderTest, query: str) -> None:
    answer = hub.client.get(f"/soap/v1?{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    wsdl = etree.fromstring(answer.data)
    assert {one.get("location") for one in wsdl.iter("{*}address")} == {"http://127.0.0.1:8080/soap/v1"}
    assert list(wsdl.iter("{*}import", "{*}include")) == []


def test_without_a_question_there_is_nothing_to_read(hub: HubUnderTest) -> None:
    answer = hub.client.get("/soap/v1")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_fault_speaks_the_language_asked(hub: HubUnderTest) -> None:
    body = message(call("GetEnvelope", reference="x"))
    answer = post(hub, body, **{"Accept-Language": "fr"})
    assert "Signez le message" in answer.text
    assert answer.headers["Content-Language"] == "fr"


def test_another_partys_office_does_not_exist(hub: HubUnderTest) -> None:
    assert fault(ask(hub, "ListInbox", office=COMMUNE_OFFICE)) == ("Client", "WASL-REQ-005")
