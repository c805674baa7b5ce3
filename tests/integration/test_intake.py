"""What intake promises: who may send what to whom, and what a receipt then says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Recipient, RecipientRole
from gateway.domain.transit.persons import Assurance, Identification, Person, PersonKind, Sender
from gateway.trust.jwsheader import decode_base64url, encode_base64url
from gateway.verifier.opening import open_receipt
from gateway.verifier.seal import Trust
from gateway.verifier.verify import verify_octets
from tests.support.evidence import beside_of, settle
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    PLATFORM,
    TEST_OFFICE,
    XML,
    HubUnderTest,
    make_hub,
    party_table,
    receipt_of,
    registry_table,
)
from tests.support.shapes import Shape

SYNTAXES = pytest.mark.parametrize("media_type", [XML, JWS])
STRANGER_OFFICE = directory_id("B", 77)
STRANGER = directory_id("A", 77)


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def nothing_kept(hub: HubUnderTest) -> Iterator[None]:
    """The test leaves not one row and not one file behind."""
    before = hub.kept()
    yield
    assert hub.kept() == before


def refused(answer: Any) -> list[tuple[str, str | None]]:
    """Code and place of every reason of a sealed rejection."""
    assert answer.status_code == 422, answer.text
    receipt = receipt_of(answer)
    assert receipt.kind is ReceiptKind.REJECTION
    return [(reason.code, reason.where) for reason in receipt.reasons]


def problem(answer: Any) -> list[tuple[str, str | None]]:
    assert answer.mimetype == "application/problem+json", answer.text
    return [(fault["code"], fault.get("where")) for fault in answer.json["faults"]]


@SYNTAXES
def test_accepted_letter_is_answered_with_a_sealed_receipt_of_its_octets(
    hub: HubUnderTest, media_type: str
) -> None:
    envelope = hub.envelope()
    letter = hub.signed(envelope, media_type)
    answer = hub.post(letter)
    receipt = receipt_of(answer)
    assert (answer.status_code, answer.mimetype) == (201, media_type)
    assert answer.headers["Location"] == f"/api/v1/envelopes/{receipt.reference}"
    assert receipt.kind is ReceiptKind.ACCEPTANCE
    assert receipt.message_id == envelope.message_id
    assert receipt.received.sha256 == sha256(letter.root).hexdigest()
    assert receipt.received.media_type == media_type
    assert receipt.sender.party == MINISTRY
    assert receipt.signer.indication.value == "PASSED"
    assert [to.office for to in receipt.recipients] == [AGENCY_OFFICE]


@SYNTAXES
def test_receipt_of_a_letter_is_proved_by_the_offline_verifier(hub: HubUnderTest, media_type: str) -> None:
    letter = hub.signed(media_type=media_type)
    answer = hub.post(letter)
    settle(hub)
    beside = beside_of(hub, open_receipt(answer.data, answer.mimetype).digest)
    report = verify_octets(
        "receipt",
        answer.data,
        Trust.load(hub.home / "trust"),
        sha256(letter.root).hexdigest(),
        hub.clock(),
        beside.proof,
        beside.token,
    )
    assert report.verdict.name == "GOOD", report.steps


def test_accepted_letter_is_committed_before_its_receipt_leaves(hub: HubUnderTest) -> None:
    receipt = receipt_of(hub.post(hub.signed()))
    seen_by_another_process = hub.second().get(f"/api/v1/envelopes/{receipt.reference}")
    assert seen_by_another_process.json["state"] == "ACCEPTED"
    assert [d["state"] for d in seen_by_another_process.json["deliveries"]] == ["QUEUED"]


def test_every_recipient_gets_a_delivery_in_the_envelopes_order(hub: HubUnderTest) -> None:
    to = (
        Recipient(office=COMMUNE_OFFICE),
        Recipient(party=AGENCY, role=RecipientRole.CC),
        Recipient(office=MINISTRY_OFFICE),
    )
    receipt = receipt_of(hub.post(hub.signed(hub.envelope(recipients=to))))
    assert [a.office for a in receipt.recipients] == [COMMUNE_OFFICE, AGENCY_OFFICE, MINISTRY_OFFICE]
    assert len({a.delivery for a in receipt.recipients}) == 3


def test_document_type_unknown_to_the_office_is_accepted_and_flagged(hub: HubUnderTest) -> None:
    to = (Recipient(office=COMMUNE_OFFICE), Recipient(office=TEST_OFFICE))
    answer = hub.post(hub.signed(hub.envelope(document_type="request", recipients=to)))
    known, unknown = receipt_of(answer).recipients
    assert answer.status_code == 201
    assert (known.notices, unknown.notices) == ((), ("WASL-RTE-101",))
    view = hub.get(answer.headers["Location"]).json
    assert [delivery["notices"] for delivery in view["deliveries"]] == [[], ["WASL-RTE-101"]]


def test_reply_goes_to_the_sender_of_the_letter_it_answers(hub: HubUnderTest) -> None:
    reference = receipt_of(hub.post(hub.signed())).reference
    reply = hub.envelope(sender=Sender(AGENCY), recipients=(Recipient(reply_to=reference),))
    receipt = receipt_of(hub.post(hub.signed(reply, by="agency")))
    assert [to.office for to in receipt.recipients] == [MINISTRY_OFFICE]


def test_reply_to_a_letter_that_somebody_else_received_is_refused(hub: HubUnderTest) -> None:
    reference = receipt_of(hub.post(hub.signed())).reference
    reply = hub.envelope(sender=Sender(COMMUNE), recipients=(Recipient(reply_to=reference),))
    answer = hub.post(hub.signed(reply, by="commune"))
    assert refused(answer) == [("WASL-RTE-004", "/Envelope/Recipients/Recipient[1]")]


@pytest.mark.parametrize(
    ("media_type", "places"),
    [
        (XML, ["/Envelope/Recipients/Recipient[2]", "/Envelope/Recipients/Recipient[4]"]),
        (JWS, ["/recipients/1", "/recipients/3"]),
    ],
)
def test_unknown_recipients_refuse_the_whole_letter_and_are_all_listed(
    hub: HubUnderTest, media_type: str, places: list[str]
) -> None:
    to = (
        Recipient(office=AGENCY_OFFICE),
        Recipient(office=STRANGER_OFFICE),
        Recipient(office=COMMUNE_OFFICE),
        Recipient(party=STRANGER),
    )
    envelope = hub.envelope(recipients=to)
    before = hub.kept()
    answer = hub.post(hub.signed(envelope, media_type))
    assert refused(answer) == [("WASL-RTE-001", place) for place in places]
    assert hub.kept()["delivery"] == before["delivery"]
    assert hub.kept()["payload"] == before["payload"]
    assert receipt_of(answer).reference is None


def test_closed_recipient_and_party_without_default_office_are_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("closed"))
    table = registry_table(hub.pki)
    closed = {**table["office"][1], "active": False}
    without_default = {**table["office"][2], "default": False}
    hub.apply({"office": [closed, without_default]})
    to = (Recipient(office=COMMUNE_OFFICE), Recipient(party=AGENCY))
    answer = hub.post(hub.signed(hub.envelope(recipients=to), JWS))
    assert refused(answer) == [("WASL-RTE-002", "/recipients/0"), ("WASL-RTE-003", "/recipients/1")]


def test_letter_larger_than_a_route_takes_is_refused_at_the_door(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("small")
    route = {
        "kind": "adapter",
        "adapter": "rest",
        "options": {"url": "https://archive.example/deposit"},
        "max_bytes": 10,
    }
    hub = make_hub(folder / "home", {AGENCY_OFFICE: route}, {"rest": AnyOptions()})
    file = folder / "annex.bin"
    file.write_bytes(b"eleven octets"[:11])
    answer = hub.post(hub.signed(media_type=JWS, files=(file,)))
    assert refused(answer) == [("WASL-RTE-006", "/recipients/0")]


class AnyOptions:
    """An adapter that would take any options."""

    def check_options(self, options: Any) -> list[str]:
        return []


def test_party_may_not_speak_for_another(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(sender=Sender(COMMUNE)), JWS, by="ministry")
    answer = hub.post(letter)
    assert refused(answer) == [("WASL-PTY-001", "/sender/party")]
    # the refusal is told to who signed, not to who was named
    assert receipt_of(answer).sender.party == MINISTRY


def on_behalf(party: str) -> Sender:
    identified = Identification(Assurance.VERIFIED, party)
    return Sender(party, on_behalf_of=Person(PersonKind.COMPANY, "DEMONSTRATION company", identified))


def test_only_a_party_with_the_right_sends_on_behalf_of_others(hub: HubUnderTest) -> None:
    answer = hub.post(hub.signed(hub.envelope(sender=on_behalf(MINISTRY))))
    assert refused(answer) == [("WASL-PTY-003", "/Envelope/Sender/OnBehalfOf")]
    allowed = hub.post(hub.signed(hub.envelope(sender=on_behalf(PLATFORM)), by="platform"))
    represented = receipt_of(allowed).on_behalf_of
    assert allowed.status_code == 201
    assert represented is not None
    assert (represented.assurance, represented.identified_by) == (Assurance.VERIFIED, PLATFORM)


def test_a_party_admitted_for_tests_sends_nothing_real(hub: HubUnderTest) -> None:
    declared = party_table(hub.pki, COMMUNE)
    hub.apply({"party": [{**declared, "test": True}]})
    try:
        real = hub.post(hub.signed(hub.envelope(sender=Sender(COMMUNE)), JWS, by="commune"))
        assert refused(real) == [("WASL-PTY-005", "/test")]
        test = hub.envelope(sender=Sender(COMMUNE), recipients=(Recipient(office=TEST_OFFICE),), test=True)
        assert hub.post(hub.signed(test, by="commune")).status_code == 201
    finally:
        hub.apply({"party": [{**declared, "test": False}]})


def test_office_of_another_party_is_refused_as_sender(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(sender=Sender(MINISTRY, office=COMMUNE_OFFICE)), JWS)
    assert refused(hub.post(letter)) == [("WASL-PTY-004", "/sender/office")]


def test_every_right_that_is_missing_is_told_at_once(hub: HubUnderTest) -> None:
    sender = replace(on_behalf(COMMUNE), office=AGENCY_OFFICE)
    answer = hub.post(hub.signed(hub.envelope(sender=sender), JWS, by="ministry"))
    assert [code for code, _ in refused(answer)] == ["WASL-PTY-001", "WASL-PTY-003", "WASL-PTY-004"]


@pytest.mark.usefixtures("nothing_kept")
@SYNTAXES
def test_unknown_signer_gets_an_unsigned_problem_and_no_receipt(hub: HubUnderTest, media_type: str) -> None:
    answer = hub.post(hub.signed(media_type=media_type, by="office"))
    assert answer.status_code == 422
    assert problem(answer) == [("WASL-CRT-001", None)]


@pytest.mark.usefixtures("nothing_kept")
@SYNTAXES
def test_altered_content_gets_an_unsigned_problem_and_no_receipt(hub: HubUnderTest, media_type: str) -> None:
    letter = hub.signed(media_type=media_type)
    if media_type == XML:
        altered = letter.root.replace(b"request for a document", b"request for a permit!!")
    else:
        head, payload, signature = letter.root.split(b".")
        text = decode_base64url(payload, "/").replace(b"request", b"demand!")
        altered = b".".join([head, encode_base64url(text), signature])
    answer = hub.post(replace(letter, root=altered))
    assert answer.status_code == 422
    assert problem(answer)[0][0] in ("WASL-SIG-012", "WASL-SIG-013")


@pytest.mark.parametrize(
    ("holder", "code"),
    [("expired", "WASL-CRT-002"), ("revoked", "WASL-CRT-004"), ("wrong-usage", "WASL-CRT-006")],
)
def test_registered_certificate_that_is_not_good_gets_a_problem(
    hub: HubUnderTest, holder: str, code: str
) -> None:
    hub.register(holder)
    before = hub.kept()
    answer = hub.post(hub.signed(by=holder))
    assert (answer.status_code, problem(answer)) == (422, [(code, None)])
    assert hub.kept() == before


def test_closed_party_gets_a_sealed_rejection(tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = make_hub(tmp_path_factory.mktemp("closed-party"))
    assert hub.post(hub.signed()).status_code == 201
    hub.apply({"party": [{**party_table(hub.pki, MINISTRY), "active": False}]})
    assert refused(hub.post(hub.signed())) == [("WASL-PTY-002", "/Envelope/Sender/Party")]


def test_withdrawn_certificate_counts_for_nobody_from_the_next_letter_on(hub: HubUnderTest) -> None:
    hub.issue("second")
    hub.register("second", COMMUNE)
    envelope = hub.envelope(sender=Sender(COMMUNE))
    assert hub.post(hub.signed(envelope, by="second")).status_code == 201
    hub.register("second", COMMUNE, active=False)
    again = hub.envelope(sender=Sender(COMMUNE))
    assert problem(hub.post(hub.signed(again, by="second"))) == [("WASL-CRT-001", None)]


@pytest.mark.usefixtures("nothing_kept")
def test_signing_time_outside_the_window_is_refused(hub: HubUnderTest) -> None:
    with hub.clock.moved(days=-8):
        late = hub.signed()
    with hub.clock.moved(minutes=6):
        early = hub.signed(media_type=JWS)
    assert problem(hub.post(late)) == [("WASL-SIG-014", None)]
    assert problem(hub.post(early)) == [("WASL-SIG-014", None)]


@pytest.mark.parametrize("offset", [{"days": -7}, {"minutes": 5}])
def test_signing_time_at_the_windows_edge_is_accepted(hub: HubUnderTest, offset: dict[str, int]) -> None:
    with hub.clock.moved(**offset):
        letter = hub.signed()
    assert hub.post(letter).status_code == 201


def test_letter_for_another_hub_is_refused(hub: HubUnderTest) -> None:
    answer = hub.post(hub.signed(hub.envelope(hub="OTHER-HUB"), JWS))
    assert refused(answer) == [("WASL-ENV-101", "/hub")]


def test_expired_letter_is_refused_and_a_future_end_is_not(hub: HubUnderTest) -> None:
    ended = hub.envelope(expires_at=hub.clock())
    lasting = hub.envelope(expires_at=hub.clock() + timedelta(seconds=1))
    assert refused(hub.post(hub.signed(ended, JWS))) == [("WASL-ENV-109", "/expiresAt")]
    assert hub.post(hub.signed(lasting, JWS)).status_code == 201


@SYNTAXES
def test_schema_faults_are_all_told_in_one_sealed_rejection(hub: HubUnderTest, media_type: str) -> None:
    envelope = hub.envelope(subject="x" * 241, message_id="no-uuid", language="Français")
    answer = hub.post(hub.signed(envelope, media_type))
    found = refused(answer)
    assert {code for code, _ in found} == {"WASL-ENV-001"}
    named = " ".join(where or "" for _, where in found).lower()
    assert all(name in named for name in ("subject", "messageid", "language"))
    # what could not be read is not stated
    assert (receipt_of(answer).message_id, receipt_of(answer).subject) == (None, None)


def test_broken_rules_are_all_told_in_one_sealed_rejection(hub: HubUnderTest) -> None:
    to = (Recipient(office=AGENCY_OFFICE), Recipient(office=AGENCY_OFFICE))
    envelope = hub.envelope(hub="OTHER-HUB", recipients=to, body=None, expires_at=hub.clock())
    codes = [code for code, _ in refused(hub.post(hub.signed(envelope)))]
    assert codes == ["WASL-ENV-101", "WASL-ENV-103", "WASL-ENV-106", "WASL-ENV-109"]


@pytest.mark.parametrize(("media_type", "where"), [(XML, "/Envelope/Subject"), (JWS, "/subject")])
@pytest.mark.parametrize("sign", ["\x85", "\x9b", "\u2028"])
def test_line_that_breaks_or_steers_a_terminal_is_refused(
    hub: HubUnderTest, media_type: str, where: str, sign: str
) -> None:
    answer = hub.post(hub.signed(hub.envelope(subject=f"Rue{sign}Haute"), media_type))
    told = [(reason.code, reason.where) for reason in receipt_of(answer).reasons]
    assert (answer.status_code, told) == (422, [("WASL-ENV-113", where)])


def test_rejection_for_more_reasons_than_a_receipt_takes_stays_a_readable_receipt(hub: HubUnderTest) -> None:
    wrong = Recipient(office="B0000003-A", party="A0000003-A")
    to = tuple(replace(wrong, unit=f"unit {n // 2}") for n in range(100))
    letter = hub.signed(hub.envelope(recipients=to), JWS)
    as_json, as_xml = hub.post(letter), hub.post(letter, Accept=XML)
    assert len(refused(as_json)) == len(refused(as_xml)) == 200


def test_test_letter_reaches_only_routes_that_opted_in_under_the_test_seal(hub: HubUnderTest) -> None:
    refused_letter = hub.signed(hub.envelope(test=True), JWS)
    answer = hub.post(refused_letter)
    assert refused(answer) == [("WASL-RTE-005", "/recipients/0")]
    assert receipt_of(answer).test
    taken = hub.post(hub.signed(hub.envelope(test=True, recipients=(Recipient(office=TEST_OFFICE),))))
    assert taken.status_code == 201
    assert receipt_of(taken).test
    assert hub.get(taken.headers["Location"]).json["test"] is True


def test_test_receipt_never_passes_for_a_real_one(hub: HubUnderTest) -> None:
    envelope = hub.envelope(test=True, recipients=(Recipient(office=TEST_OFFICE),))
    real = hub.post(hub.signed())
    test = hub.post(hub.signed(envelope))
    assert _sealed_by(hub, test, "test-seal")
    assert _sealed_by(hub, real, "hub-seal")


def _sealed_by(hub: HubUnderTest, answer: Any, holder: str) -> bool:
    opened = open_receipt(answer.data, answer.mimetype)
    return bool(opened.signed.certificate == hub.sealer(holder).certificate)


def test_same_message_id_of_two_parties_are_two_letters(hub: HubUnderTest) -> None:
    message_id = uuid7(os.urandom)
    one = hub.post(hub.signed(hub.envelope(message_id=message_id)))
    other = hub.envelope(message_id=message_id, sender=Sender(COMMUNE))
    two = hub.post(hub.signed(other, by="commune"))
    assert (one.status_code, two.status_code) == (201, 201)
    assert receipt_of(one).reference != receipt_of(two).reference


def test_id_of_a_refused_letter_may_be_used_again(hub: HubUnderTest) -> None:
    message_id = uuid7(os.urandom)
    wrong = hub.envelope(message_id=message_id, recipients=(Recipient(office=STRANGER_OFFICE),))
    right = hub.envelope(message_id=message_id)
    assert hub.post(hub.signed(wrong)).status_code == 422
    assert hub.post(hub.signed(right)).status_code == 201


def test_renewed_certificate_counts_where_registered_by_name(hub: HubUnderTest) -> None:
    hub.issue("renewable", common_name="renewable office")
    hub.register("renewable", COMMUNE, exact=False)
    hub.issue("renewed", common_name="renewable office")
    letter = hub.signed(hub.envelope(sender=Sender(COMMUNE)), by="renewed")
    assert hub.post(letter).status_code == 201
