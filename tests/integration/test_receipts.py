"""Letters and receipts are shown to the party that sent them, byte-identical, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.identifiers import uuid7
from gateway.domain.transit.persons import Sender
from tests.support.hub import (
    AGENCY,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    XML,
    HubUnderTest,
    make_hub,
    receipt_of,
)

ENVELOPES = "/api/v1/envelopes"
NEVER = "0123-4567-89T"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def letter(hub: HubUnderTest) -> Any:
    """The answer to a letter that was accepted."""
    return hub.post(hub.signed())


def receipts(hub: HubUnderTest, accepted: Any) -> list[dict[str, Any]]:
    answer = hub.get(f"{accepted.headers['Location']}/receipts")
    assert answer.status_code == 200
    return list(answer.json["receipts"])


def test_sender_finds_the_letter_by_its_message_id(hub: HubUnderTest, letter: Any) -> None:
    receipt = receipt_of(letter)
    answer = hub.get(f"{ENVELOPES}?messageId={receipt.message_id}")
    (found,) = answer.json["envelopes"]
    assert (found["reference"], found["state"]) == (receipt.reference, "ACCEPTED")
    assert found["receipts"] == f"{ENVELOPES}/{receipt.reference}/receipts"
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_search_with_an_empty_message_id_names_the_parameter(hub: HubUnderTest) -> None:
    answer = hub.get(f"{ENVELOPES}?messageId=")
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")
    assert answer.json["faults"][0]["where"] == "messageId"


def test_receipts_are_listed_with_their_addresses(hub: HubUnderTest, letter: Any) -> None:
    (listed,) = receipts(hub, letter)
    receipt = receipt_of(letter)
    assert listed["id"] == receipt.receipt_id
    assert listed["kind"] == "acceptance"
    assert listed["href"] == f"{letter.headers['Location']}/receipts/{receipt.receipt_id}"


def test_later_receipts_are_listed_in_order_and_chained(hub: HubUnderTest) -> None:
    accepted = hub.post(hub.signed())
    hub.dispatch().run_once()
    listed = receipts(hub, accepted)
    opened = [receipt_of(hub.get(entry["href"])) for entry in listed]
    assert listed[0]["kind"] == "acceptance"
    assert len(listed) > 1
    digests = [entry["contentDigest"] for entry in listed]
    assert [receipt.predecessor for receipt in opened[1:]] == digests[:-1]


def test_stored_receipt_is_the_one_that_was_answered(hub: HubUnderTest, letter: Any) -> None:
    (listed,) = receipts(hub, letter)
    again = hub.get(listed["href"], Accept=XML)
    assert (again.status_code, again.mimetype, again.data) == (200, XML, letter.data)
    assert "immutable" in again.headers["Cache-Control"]
    assert "Accept" in again.headers["Vary"]


def test_other_rendering_is_made_once_and_says_the_same(hub: HubUnderTest, letter: Any) -> None:
    (listed,) = receipts(hub, letter)
    first, again = hub.get(listed["href"], Accept=JWS), hub.get(listed["href"], Accept=JWS)
    assert first.mimetype == JWS
    assert first.data == again.data
    assert receipt_of(first) == receipt_of(letter)


def test_rendering_that_does_not_exist_is_not_acceptable(hub: HubUnderTest, letter: Any) -> None:
    (listed,) = receipts(hub, letter)
    answer = hub.get(listed["href"], Accept="text/html")
    assert (answer.status_code, answer.json["code"]) == (406, "WASL-REQ-009")


def spoken(reference: str) -> list[str]:
    """A reference as people type it."""
    return [
        reference.lower(),
        reference.replace("-", ""),
        reference.replace("-", " "),
        reference.replace("0", "O"),
        reference.replace("0", "o").replace("1", "l").lower(),
        reference.replace("1", "I"),
    ]


def test_reference_is_understood_as_people_type_it(hub: HubUnderTest) -> None:
    # until one has both characters that are mistaken for others
    while True:
        accepted = hub.post(hub.signed())
        reference = str(receipt_of(accepted).reference)
        if "0" in reference or "1" in reference:
            break
    receipt_id = receipt_of(accepted).receipt_id
    for typed in spoken(reference):
        assert hub.get(f"{ENVELOPES}/{typed}").json["reference"] == reference
        assert hub.get(f"{ENVELOPES}/{typed}/receipts").json["receipts"][0]["id"] == receipt_id
        one = hub.get(f"{ENVELOPES}/{typed}/receipts/{receipt_id}", Accept=XML)
        assert one.data == accepted.data


def test_mistyped_reference_finds_nothing(hub: HubUnderTest, letter: Any) -> None:
    reference = str(receipt_of(letter).reference)
    last = "0" if reference[-1] != "0" else "2"
    for typed in (reference[:-1] + last, reference[:-1], reference + "0", "..", "%00", "é"):
        assert hub.get(f"{ENVELOPES}/{typed}").status_code == 404


def test_other_parties_cannot_tell_a_letter_from_none(hub: HubUnderTest, letter: Any) -> None:
    receipt = receipt_of(letter)
    there = [
        f"{ENVELOPES}/{receipt.reference}",
        f"{ENVELOPES}/{receipt.reference}/receipts",
        f"{ENVELOPES}/{receipt.reference}/receipts/{receipt.receipt_id}",
        f"{ENVELOPES}?messageId={receipt.message_id}",
    ]
    nowhere = [
        f"{ENVELOPES}/{NEVER}",
        f"{ENVELOPES}/{NEVER}/receipts",
        f"{ENVELOPES}/{NEVER}/receipts/{receipt.receipt_id}",
        f"{ENVELOPES}?messageId={uuid7(lambda n: bytes(n))}",
    ]
    for party in (COMMUNE, AGENCY):  # a stranger, and the recipient
        for known, unknown in zip(there, nowhere, strict=True):
            answers = [hub.get(path, party, **{"X-Request-Id": "one"}) for path in (known, unknown)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].data == answers[1].data
            assert dict(answers[0].headers) == dict(answers[1].headers)
    assert all(hub.get(path).status_code == 200 for path in there)


def test_receipt_of_another_letter_is_not_found_under_this_one(hub: HubUnderTest, letter: Any) -> None:
    other = receipt_of(hub.post(hub.signed()))
    assert hub.get(f"{letter.headers['Location']}/receipts/{other.receipt_id}").status_code == 404


def test_rejection_is_no_letter_that_can_be_looked_up(hub: HubUnderTest) -> None:
    envelope = hub.envelope(hub="OTHER-HUB")
    rejected = receipt_of(hub.post(hub.signed(envelope)))
    assert hub.get(f"{ENVELOPES}?messageId={envelope.message_id}").status_code == 404
    assert hub.get(f"{ENVELOPES}/{NEVER}/receipts/{rejected.receipt_id}").status_code == 404


def test_letter_shows_where_it_is_and_what_moved_it(hub: HubUnderTest) -> None:
    accepted = hub.post(hub.signed(hub.envelope(sender=hub.envelope().sender)))
    (before,) = hub.get(accepted.headers["Location"]).json["deliveries"]
    hub.dispatch().run_once()
    (after,) = hub.get(accepted.headers["Location"]).json["deliveries"]
    assert (before["state"], after["state"]) == ("QUEUED", "AVAILABLE")
    assert [step["state"] for step in after["events"]] == ["QUEUED", "DELIVERING", "AVAILABLE"]


def test_sender_of_one_letter_may_not_see_the_recipients_own_letters(hub: HubUnderTest) -> None:
    envelope = hub.envelope(sender=Sender(COMMUNE, office=COMMUNE_OFFICE))
    accepted = hub.post(hub.signed(envelope, by="commune"))
    assert hub.get(accepted.headers["Location"], COMMUNE).status_code == 200
    assert hub.get(accepted.headers["Location"], MINISTRY).status_code == 404
