"""A party lists its own letters page by page, and reads that did not change are not sent twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.domain.transit.persons import Sender
from gateway.exchange.transit import letter_list
from tests.support.hub import COMMUNE, JWS, MINISTRY, HubUnderTest, make_hub, receipt_of
from tests.support.shapes import Shape

ENVELOPES = "/api/v1/envelopes"


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    made = make_hub(tmp_path_factory.mktemp("hub"))
    made.sent = [send(made) for _ in range(5)]  # type: ignore[attr-defined]
    made.theirs = send(made, sender=Sender(COMMUNE), by="commune")  # type: ignore[attr-defined]
    return made


def send(hub: HubUnderTest, by: str = "ministry", **changes: Any) -> str:
    """The reference of a letter, sent a second after the one before."""
    hub.clock.forward(seconds=1)
    answer = hub.post(hub.signed(hub.envelope(**changes), JWS, by=by))
    assert answer.status_code == 201, answer.text
    return receipt_of(answer).reference or ""


def listed(
    hub: HubUnderTest, address: str = ENVELOPES, party: str = MINISTRY
) -> tuple[list[str], str | None]:
    answer = hub.get(address, party)
    assert answer.status_code == 200, answer.text
    return [one["reference"] for one in answer.json["envelopes"]], answer.json["next"]


def walked(hub: HubUnderTest, address: str | None) -> list[str]:
    """The letters of every page."""
    found: list[str] = []
    while address is not None:
        some, address = listed(hub, address)
        found += some
    return found


def test_a_party_sees_its_own_letters_the_oldest_first(hub: Any) -> None:
    assert listed(hub) == (hub.sent, None)
    assert listed(hub, party=COMMUNE) == ([hub.theirs], None)


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_pages_follow_each_other_without_gap_or_repeat(hub: Any, limit: int) -> None:
    assert walked(hub, f"{ENVELOPES}?limit={limit}") == hub.sent


def test_letters_of_one_moment_are_all_told(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    sent = [receipt_of(hub.post(hub.signed(media_type=JWS))).reference for _ in range(4)]
    assert walked(hub, f"{ENVELOPES}?limit=1") == sent


def test_a_letter_says_where_its_deliveries_are(hub: Any) -> None:
    [first, *_] = hub.get(ENVELOPES).json["envelopes"]
    [delivery] = first["deliveries"]
    assert (delivery["state"], delivery["processing"]) == ("QUEUED", "NONE")
    assert first["href"] == f"{ENVELOPES}/{hub.sent[0]}"


def test_since_leaves_out_what_came_before(hub: Any) -> None:
    moment = hub.get(ENVELOPES).json["envelopes"][2]["receivedAt"]
    assert walked(hub, f"{ENVELOPES}?limit=1&since={quote(moment)}") == hub.sent[2:]


def test_a_state_leaves_out_letters_without_such_a_delivery(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        letter_list, "_LOOKED_THROUGH", 3
    )  # pages of what was looked at, however rare the state
    hub = make_hub(tmp_path)
    sent = [send(hub) for _ in range(7)]
    rare = [sent[1], sent[5], sent[6]]
    for reference in rare:
        scoped = hub.get(f"{ENVELOPES}/{reference}").json["deliveries"][0]["id"]
        hub.gateway.services.cancelling.cancel(reference, MINISTRY, scoped)
    for limit in (1, 2, 50):
        assert walked(hub, f"{ENVELOPES}?state=CANCELLED&limit={limit}") == rare
    assert walked(hub, f"{ENVELOPES}?state=HELD") == []


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("state=LOST", "state"),
        ("state=HELD&state=HELD", "state"),
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("after=", "after"),
        ("after=0000-0000-000", "after"),
        ("after=%E2%80%AEx%00", "after"),
        ("after=" + "9" * 5000, "after"),
        ("messageId=", "messageId"),
    ],
)
def test_what_cannot_be_read_is_refused(hub: Any, query: str, where: str) -> None:
    answer = hub.get(f"{ENVELOPES}?{query}")
    assert (answer.status_code, answer.json["faults"][0]["where"]) == (422, where)


def test_another_partys_letter_is_no_place_to_go_on_from(hub: Any) -> None:
    answer = hub.get(f"{ENVELOPES}?after={hub.theirs}")
    assert (answer.status_code, answer.json["faults"][0]["where"]) == (422, "after")


# What did not change is not sent again -------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/{0}", "/{0}/receipts", "?messageId={1}", "?limit=1"])
def test_who_has_the_present_state_is_told_so(hub: Any, path: str) -> None:
    letter = hub.get(f"{ENVELOPES}/{hub.sent[0]}").json
    address = ENVELOPES + path.format(letter["reference"], letter["messageId"])
    first = hub.get(address)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = hub.get(address, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert hub.get(address, **{"If-None-Match": '"other"'}).data == first.data
    assert hub.client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 401


def test_a_letter_that_moved_is_sent_again(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    address = f"{ENVELOPES}/{send(hub)}"
    first = hub.get(address)
    hub.dispatch().run_once()
    again = hub.get(address, **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]


def test_a_receipt_is_kept_by_whoever_has_it(hub: Any) -> None:
    [receipt] = hub.get(f"{ENVELOPES}/{hub.sent[0]}/receipts").json["receipts"]
    first = hub.get(receipt["href"], Accept=JWS)
    again = hub.get(receipt["href"], Accept=JWS, **{"If-None-Match": first.headers["ETag"]})
    other = hub.get(receipt["href"], Accept="application/xml", **{"If-None-Match": first.headers["ETag"]})
    assert [one.status_code for one in (first, again, other)] == [200, 304, 200]
    assert "immutable" in again.headers["Cache-Control"]
