"""Same question, same answer: repeats of letters and of refusals, late, changed, and many at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event
from typing import Any

import pytest

from gateway import assets
from gateway.cli.compose import SignedLetter
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.transit.submission import Submission
from tests.support.hub import COMMUNE, JWS, XML, HubUnderTest, make_hub, receipt_of
from tests.support.shapes import Shape

SYNTAXES = pytest.mark.parametrize("media_type", [XML, JWS])
OTHER = {XML: JWS, JWS: XML}
NOWHERE = Recipient(office=directory_id("B", 77))


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@SYNTAXES
def test_exact_repeat_is_answered_with_the_identical_receipt(hub: HubUnderTest, media_type: str) -> None:
    letter = hub.signed(media_type=media_type)
    first, again = hub.post(letter), hub.post(letter)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]


@SYNTAXES
def test_repeat_is_answered_in_the_rendering_asked_for_and_each_exists_once(
    hub: HubUnderTest, media_type: str
) -> None:
    letter = hub.signed(media_type=media_type)
    first = hub.post(letter)
    before = hub.kept()
    other = hub.post(letter, Accept=OTHER[media_type])
    other_again = hub.post(letter, Accept=OTHER[media_type])
    own = hub.post(letter)
    assert (other.status_code, other.mimetype) == (200, OTHER[media_type])
    assert other_again.data == other.data
    assert own.data == first.data
    assert receipt_of(other) == receipt_of(first)
    assert hub.kept() == {**before, "rendering": before["rendering"] + 1}


def test_repeat_by_another_process_is_answered_identically(hub: HubUnderTest) -> None:
    letter = hub.signed()
    first = hub.post(letter)
    again = hub.second().post(letter)
    assert (again.status_code, again.data) == (200, first.data)


def test_repeat_keeps_nothing(hub: HubUnderTest) -> None:
    letter = hub.signed()
    hub.post(letter)
    before = hub.kept()
    hub.post(letter)
    assert hub.kept() == before


@pytest.mark.parametrize("later", [{"days": 7, "seconds": 1}, {"days": 200}, {"days": 3660}])
def test_repeat_never_fails_for_having_waited(hub: HubUnderTest, later: dict[str, int]) -> None:
    # past the signing window, past the revocation lists, past every certificate
    letter = hub.signed()
    first = hub.post(letter)
    with hub.clock.moved(**later):
        again = hub.post(letter)
    assert (again.status_code, again.data) == (200, first.data)


def test_repeat_after_the_letters_own_end_is_answered(hub: HubUnderTest) -> None:
    with hub.clock.moved(seconds=60):
        end = hub.clock()
    letter = hub.signed(hub.envelope(expires_at=end))
    first = hub.post(letter)
    with hub.clock.moved(hours=1):
        assert hub.post(letter).data == first.data


def test_repeat_after_the_certificate_was_revoked_is_answered(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("revoked"))
    hub.issue("to-be-revoked")
    hub.register("to-be-revoked")
    letter = hub.signed(by="to-be-revoked")
    first = hub.post(letter)
    module = assets.testpki()
    module.revoke(hub.pki, "to-be-revoked", hub.clock())
    module.write_crls(hub.pki, hub.clock())
    assert hub.post(hub.signed(by="to-be-revoked")).json["code"] == "WASL-CRT-004"
    again = hub.post(letter)
    assert (again.status_code, again.data) == (200, first.data)


def test_repeat_after_the_recipient_was_closed_and_the_certificate_withdrawn_is_answered(
    hub: HubUnderTest,
) -> None:
    hub.issue("to-be-withdrawn")
    hub.register("to-be-withdrawn", COMMUNE)
    letter = hub.signed(hub.envelope(sender=Sender(COMMUNE)), by="to-be-withdrawn")
    first = hub.post(letter)
    hub.register("to-be-withdrawn", COMMUNE, active=False)
    assert hub.post(letter).data == first.data


@SYNTAXES
def test_same_content_signed_again_gets_the_first_receipt(hub: HubUnderTest, media_type: str) -> None:
    envelope = hub.envelope()
    first_letter = hub.signed(envelope, media_type)
    first = hub.post(first_letter)
    with hub.clock.moved(seconds=90):
        second_letter = hub.signed(envelope, media_type)
        again = hub.post(second_letter)
    assert second_letter.root != first_letter.root
    assert (again.status_code, again.data) == (200, first.data)


@SYNTAXES
def test_same_id_with_other_content_is_a_conflict_and_changes_nothing(
    hub: HubUnderTest, media_type: str
) -> None:
    envelope = hub.envelope()
    letter = hub.signed(envelope, media_type)
    first = hub.post(letter)
    before = hub.kept()
    other = hub.post(hub.signed(replace(envelope, subject="DEMONSTRATION: something else"), media_type))
    assert (other.status_code, other.mimetype) == (409, "application/problem+json")
    assert other.json["code"] == "WASL-DUP-001"
    assert hub.kept() == before
    assert hub.post(letter).data == first.data


def test_a_conflict_does_not_tell_a_stranger_of_the_first_letter(hub: HubUnderTest) -> None:
    envelope = hub.envelope()
    assert hub.post(hub.signed(envelope)).status_code == 201
    stolen = replace(envelope, sender=Sender(COMMUNE))
    assert hub.post(hub.signed(stolen, by="commune")).status_code == 201


def at_once(count: int, submit: Any) -> list[Any]:
    """What ``count`` threads get that all start in the same moment."""
    start = Barrier(count)

    def run(number: int) -> Any:
        start.wait(10)
        return submit(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@SYNTAXES
def test_a_hundred_identical_at_once_are_one_letter_with_one_receipt(
    hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory, media_type: str
) -> None:
    file = tmp_path_factory.mktemp("files") / "plan.txt"
    file.write_bytes(b"DEMONSTRATION plan" * 10)
    processes = [hub.second(), hub.second()]
    letter = hub.signed(media_type=media_type, files=(file,))
    before = hub.kept()
    answers = at_once(20, lambda n: [processes[n % 2].post(letter) for _ in range(5)])
    flat = [answer for some in answers for answer in some]
    assert len(flat) == 100
    assert sorted({answer.status_code for answer in flat}) == [200, 201]
    assert [answer.status_code for answer in flat].count(201) == 1
    assert len({answer.data for answer in flat}) == 1
    after = hub.kept()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {
        "payload": 2,
        "message": 1,
        "attachment": 1,
        "delivery": 1,
        "delivery_event": 1,
        "receipt": 1,
        "rendering": 1,
        "ledger_pending": 1,
        "files": 1,
    }


def test_two_letters_with_one_id_at_once_are_one_letter_and_one_conflict(hub: HubUnderTest) -> None:
    message_id = uuid7(os.urandom)
    letters = [
        hub.signed(hub.envelope(message_id=message_id, subject=f"DEMONSTRATION {n}")) for n in range(8)
    ]
    before = hub.kept()["message"]
    answers = at_once(8, lambda n: hub.post(letters[n]))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert hub.kept()["message"] == before + 1


def test_one_receipt_asked_in_its_other_rendering_many_times_at_once_is_rendered_once(
    hub: HubUnderTest,
) -> None:
    letter = hub.signed()
    hub.post(letter)
    processes = [hub.second(), hub.second()]
    answers = at_once(8, lambda n: processes[n % 2].post(letter, Accept=JWS))
    assert len({answer.data for answer in answers}) == 1


def test_one_refusal_many_times_at_once_is_sealed_once(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(recipients=(NOWHERE,)))
    processes = [hub.second(), hub.second()]
    before = hub.kept()
    answers = at_once(12, lambda n: processes[n % 2].post(letter))
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.data for answer in answers}) == 1
    assert hub.kept()["message"] == before["message"] + 1


class SlowPart:
    """An attachment whose upload waits for a word."""

    content_id = "att1@wasl"

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.begun, self.go_on = Event(), Event()

    @property
    def chunks(self) -> Iterator[bytes]:
        self.begun.set()
        assert self.go_on.wait(10)
        yield self.content


def test_repeat_while_the_first_is_in_progress_wins_and_both_get_the_same_receipt(
    hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("slow") / "plan.txt"
    file.write_bytes(b"DEMONSTRATION plan")
    letter = hub.signed(files=(file,))
    before = hub.kept()
    slow = SlowPart(file.read_bytes())
    submission = Submission(letter.root, letter.media_type, iter([slow]), XML)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(hub.gateway.services.intake.submit, submission)
        assert slow.begun.wait(10)
        quick = hub.post(letter)
        slow.go_on.set()
        late = pending.result(10)
    assert quick.status_code == 201
    assert (late.kind.value, late.octets) == ("repeated", quick.data)
    assert hub.kept()["files"] == before["files"] + 1
    assert hub.kept()["message"] == before["message"] + 1


def wrong(hub: HubUnderTest, media_type: str = XML) -> SignedLetter:
    return hub.signed(hub.envelope(recipients=(NOWHERE,)), media_type)


@SYNTAXES
def test_refusal_is_the_same_for_a_day_and_fresh_afterwards(hub: HubUnderTest, media_type: str) -> None:
    letter = wrong(hub, media_type)
    first = hub.post(letter)
    with hub.clock.moved(hours=23, minutes=59):
        same = hub.post(letter)
    with hub.clock.moved(hours=24, minutes=1):
        fresh = hub.post(letter)
    assert {first.status_code, same.status_code, fresh.status_code} == {422}
    assert same.data == first.data
    assert receipt_of(fresh).receipt_id != receipt_of(first).receipt_id


def test_refusal_is_rendered_as_asked_and_each_rendering_exists_once(hub: HubUnderTest) -> None:
    letter = wrong(hub)
    first = hub.post(letter)
    other, again = hub.post(letter, Accept=JWS), hub.post(letter, Accept=JWS)
    assert other.data == again.data
    assert receipt_of(other) == receipt_of(first)


def test_letter_refused_for_a_missing_office_is_accepted_once_the_office_exists(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("late-office"))
    letter = wrong(hub)
    assert hub.post(letter).status_code == 422
    new = {
        "id": NOWHERE.office,
        "party": COMMUNE,
        "names": {"ar": "x", "fr": "x", "en": "x"},
        "readers": ["order-office-1", "order-office-2"],
        "route": {"kind": "office"},
    }
    hub.apply({"office": [new]})
    assert hub.post(letter).status_code == 201


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("strict"), WASL_LIMITS_REFUSALS_PER_HOUR="3")


def test_more_refusals_than_the_quota_are_not_sealed_and_good_letters_still_pass(
    strict: HubUnderTest,
) -> None:
    letters = [wrong(strict) for _ in range(4)]
    answers = [strict.post(letter) for letter in letters]
    before = strict.kept()
    over = strict.post(wrong(strict))
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert (over.status_code, over.json["code"]) == (429, "WASL-REQ-007")
    assert int(over.headers["Retry-After"]) > 0
    assert strict.kept() == before
    # the same refusal is no new one, other parties have their own quota, and letters are not refusals
    assert strict.post(letters[0]).data == answers[0].data
    other = strict.envelope(sender=Sender(COMMUNE), recipients=(NOWHERE,))
    assert strict.post(strict.signed(other, by="commune")).status_code == 422
    assert strict.post(strict.signed()).status_code == 201
    with strict.clock.moved(hours=1, seconds=1):
        assert strict.post(letters[3]).status_code == 422
