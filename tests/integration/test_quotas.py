"""A party that has sent its letters of the hour waits; repeats are answered, and others do not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.transit.persons import Sender
from tests.support.hub import COMMUNE, JWS, MINISTRY, HubUnderTest, make_hub, party_table


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    made = make_hub(tmp_path, WASL_LIMITS_LETTERS_PER_HOUR="3")
    made.clock.moment = made.clock().replace(minute=59, second=0)
    return made


def left(answer: Any) -> tuple[str | None, str | None]:
    return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")


def test_an_acceptance_says_what_is_left(hub: HubUnderTest) -> None:
    told = [left(hub.post(hub.signed())) for _ in range(3)]
    assert told == [('"letters";q=3;w=3600', f'"letters";r={rest};t=60') for rest in (2, 1, 0)]


def test_beyond_the_quota_a_letter_waits_for_the_next_hour(hub: HubUnderTest) -> None:
    sent = [hub.signed() for _ in range(3)]
    assert [hub.post(letter).status_code for letter in sent] == [201] * 3
    late, before = hub.signed(), hub.kept()
    answer = hub.post(late)
    assert (answer.status_code, answer.json["code"]) == (429, "WASL-REQ-022")
    assert answer.headers["Retry-After"] == "60"
    assert left(answer) == ('"letters";q=3;w=3600', '"letters";r=0;t=60')
    assert hub.kept() == before
    assert [hub.post(letter).status_code for letter in sent] == [200] * 3
    hub.clock.forward(seconds=60)
    assert hub.post(late).status_code == 201


def test_other_parties_have_their_own_quota(hub: HubUnderTest) -> None:
    for _ in range(4):
        last = hub.post(hub.signed())
    assert last.status_code == 429
    theirs = hub.signed(hub.envelope(sender=Sender(COMMUNE)), by="commune")
    assert hub.post(theirs).status_code == 201


@pytest.mark.parametrize(("letters", "status"), [(1, 429), (5, 201), (0, 201)])
def test_the_registry_gives_a_party_another_quota(hub: HubUnderTest, letters: int, status: int) -> None:
    declared = party_table(hub.pki, MINISTRY) | {"letters_per_hour": letters}
    assert hub.apply({"party": [declared]}) == [f"changed party {MINISTRY}"]
    [exported] = [one for one in hub.gateway.registry.export()["party"] if one["id"] == MINISTRY]
    assert exported["letters_per_hour"] == letters
    answers = [hub.post(hub.signed()) for _ in range(4)]
    assert answers[-1].status_code == status
    assert (left(answers[0]) == (None, None)) == (letters == 0)


def test_another_process_counts_what_was_accepted_here(hub: HubUnderTest) -> None:
    other = hub.second()
    assert other.post(hub.signed()).status_code == 201
    assert [hub.post(hub.signed()).status_code for _ in range(3)] == [201, 201, 429]
    assert other.post(hub.signed()).status_code == 201  # it looks again after five seconds
    hub.clock.forward(seconds=5)
    assert other.post(hub.signed()).status_code == 429


def test_a_batch_goes_as_far_as_the_quota(hub: HubUnderTest) -> None:
    letters = [hub.signed(media_type=JWS) for _ in range(4)]
    body = {"envelopes": [{"mediaType": JWS, "content": one.root.decode()} for one in letters]}
    found = hub.client.post("/api/v1/batches", json=body).json["outcomes"]
    assert [one["status"] for one in found] == [201, 201, 201, 429]
    assert (found[3]["problem"]["code"], found[3]["retryAfter"]) == ("WASL-REQ-022", 60)


def test_refused_letters_cost_nothing(hub: HubUnderTest) -> None:
    for _ in range(4):
        assert hub.post(hub.signed(hub.envelope(subject="x" * 241))).status_code == 422
    assert left(hub.post(hub.signed()))[1] == '"letters";r=2;t=60'
