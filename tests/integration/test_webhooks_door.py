"""The door of webhooks takes what its document says and nothing else, from each party for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.bootstrap.telling import hooks
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Permanent
from tests.support.hub import COMMUNE, COMMUNE_OFFICE, MINISTRY, HubUnderTest
from tests.support.listener import Listener, listening
from tests.support.systems import Simulator, accept, fresh_hub
from tests.support.webhooks import WEBHOOKS, bearer, call, subscribe

URL = "http://127.0.0.1:9/events"
PUBLIC = "93.184.215.14"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    folder = tmp_path_factory.mktemp("hub")
    return fresh_hub(folder, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1", WASL_WEBHOOKS_PER_PARTY="5")


@pytest.fixture(autouse=True)
def nothing_left(hub: HubUnderTest) -> Iterator[None]:
    yield
    for party in (MINISTRY, COMMUNE):
        for one in call(hub, "GET", party=party).json["webhooks"]:
            assert call(hub, "DELETE", f"/{one['id']}", party=party).status_code == 204


def test_subscription_is_made_shown_changed_and_given_up(hub: HubUnderTest) -> None:
    made = call(
        hub, "POST", body={"url": URL, "kinds": ["delivery"], "offices": [COMMUNE_OFFICE], "test": True}
    )
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    path = made.headers["Location"].removeprefix(WEBHOOKS)
    shown = call(hub, "GET", path)
    assert shown.json == made.json
    assert {name: made.json[name] for name in ("url", "kinds", "offices", "test", "active", "state")} == {
        "url": URL, "kinds": ["delivery"], "offices": [COMMUNE_OFFICE], "test": True, "active": True,
        "state": "GOING",
    }  # fmt: skip
    changed = call(hub, "PATCH", path, {"kinds": [], "active": False}).json
    assert changed == {**shown.json, "kinds": [], "active": False, "state": "STOPPED"}
    assert call(hub, "PATCH", path, {}).json == changed
    assert call(hub, "GET").json == {"webhooks": [changed]}
    head = call(hub, "HEAD", path)
    assert (head.status_code, head.data) == (200, b"")
    assert call(hub, "DELETE", path).status_code == 204
    assert call(hub, "DELETE", path).status_code == 404
    assert call(hub, "GET").json == {"webhooks": []}


def test_repeat_gets_the_same_and_another_wish_for_the_address_is_a_conflict(hub: HubUnderTest) -> None:
    body = {"url": URL, "kinds": ["delivery"]}
    first, again = call(hub, "POST", body=body), call(hub, "POST", body=body)
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    other = call(hub, "POST", body={"url": URL})
    assert (other.status_code, other.json["code"]) == (409, "WASL-WHK-002")
    elsewhere = subscribe(hub, f"{URL}/2")
    moved = call(hub, "PATCH", f"/{elsewhere}", {"url": URL})
    assert (moved.status_code, moved.json["code"]) == (409, "WASL-WHK-002")
    assert subscribe(hub, URL, party=COMMUNE) != first.json["id"]


def test_party_has_so_many_and_no_more(hub: HubUnderTest) -> None:
    for number in range(5):
        subscribe(hub, f"{URL}/{number}")
    more = call(hub, "POST", body={"url": URL})
    assert (more.status_code, more.json["code"], "5" in more.json["title"]) == (422, "WASL-WHK-003", True)
    assert len(call(hub, "GET").json["webhooks"]) == 5
    subscribe(hub, URL, party=COMMUNE)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"active": False}),
        ("DELETE", "", None),
        ("POST", "/ping", None),
        ("POST", "/replay", {}),
    ],
)
def test_another_partys_subscription_does_not_exist(
    hub: HubUnderTest, method: str, path: str, body: object
) -> None:
    name = subscribe(hub, URL)
    before = call(hub, "GET", f"/{name}").json
    for unknown in (name, "0" * 36, "x", "..", "%00", "\u202e"):
        answer = call(hub, method, f"/{unknown}{path}", body, party=COMMUNE)
        assert (answer.status_code, answer.json["code"]) == (404, "WASL-REQ-005"), unknown
    assert call(hub, "GET", f"/{name}").json == before
    assert call(hub, "GET", party=COMMUNE).json == {"webhooks": []}


@pytest.mark.parametrize("scope", ["envelopes:read", "inbox", "envelopes:cancel"])
def test_token_of_another_scope_opens_nothing(hub: HubUnderTest, scope: str) -> None:
    headers = bearer(hub, scope=scope)
    for method, path in (("GET", ""), ("POST", ""), ("PATCH", "/x"), ("DELETE", "/x"), ("POST", "/x/ping")):
        answer = hub.client.open(f"{WEBHOOKS}{path}", method=method, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "WASL-AUT-005")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 7},
        {"url": ""},
        {"url": [URL]},
        {"url": f"{URL}\n"},
        {"url": f"{URL}/{'x' * 1000}"},
        {"url": URL, "kinds": "delivery"},
        {"url": URL, "kinds": ["no such kind"]},
        {"url": URL, "kinds": [None]},
        {"url": URL, "kinds": ["delivery", "delivery"]},
        {"url": URL, "kinds": ["delivery"] * 1000},
        {"url": URL, "offices": ["B0000002-0"]},
        {"url": URL, "offices": ["\u202eB0000002-T"]},
        {"url": URL, "offices": {"a": 1}},
        {"url": URL, "test": "true"},
        {"url": URL, "test": 1},
        {"url": URL, "active": True},
        {"url": URL, "party": COMMUNE},
        {"url": URL, "position": 0},
        {"url": URL, "\u202eurl": URL},
        [],
        "x",
        None,
    ],
)
def test_what_is_no_subscription_is_refused_and_nothing_is_kept(hub: HubUnderTest, body: Any) -> None:
    before = hub.kept()
    answer = call(hub, "POST", body=json.dumps(body).encode())
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")
    assert hub.kept() == before


@pytest.mark.parametrize(
    ("octets", "headers", "status"),
    [
        (b'{"url": "http://127.0.0.1/1", "url": "http://127.0.0.1/2"}', {}, 422),
        (b'{"url": "http://127.0.0.1/1", "\\u0075rl": "http://127.0.0.1/2"}', {}, 422),
        (b'{"kinds": ' + b"[" * 500 + b"]" * 500 + b"}", {}, 422),
        (b'{"url": "http://127.0.0.1/\xff"}', {}, 422),
        (b"\xef\xbb\xbf{}", {}, 422),
        (b'{"url": "http://127.0.0.1/", "test": NaN}', {}, 422),
        (b'{"url": "' + b"x" * 70_000 + b'"}', {}, 413),
        (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}, 415),
        (b"url=http://127.0.0.1/", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
    ids=[
        "twice",
        "twice, escaped",
        "deep",
        "no text",
        "mark",
        "not a number",
        "huge",
        "compressed",
        "a form",
    ],
)
def test_hostile_bodies_get_a_coded_answer_and_nothing_is_kept(
    hub: HubUnderTest, octets: bytes, headers: dict[str, str], status: int
) -> None:
    before = hub.kept()
    answer = call(hub, "POST", body=octets, **headers)
    assert answer.status_code == status
    assert answer.json["code"].startswith("WASL-")
    assert hub.kept() == before


# Addresses -----------------------------------------------------------------------------------------

INWARD = [
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25lo]/",
    "https://0.0.0.0/",
    "https://10.0.0.8/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[fd00:ec2::254]/",
    "https://224.0.0.1/",
]
NO_ADDRESS = [
    f"http://{PUBLIC}/",  # without TLS
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "https://",
    "https:///x",
    "//example.org/",
    "example.org",
    f"https://user:secret@{PUBLIC}/",
    f"https://{PUBLIC}:99999/",
    f"https://{PUBLIC}\\@127.0.0.1/",
    f"https://{PUBLIC}/ x",
    f"https://{PUBLIC}/\u202e",
    "https://\u202eexample.org/",
]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    """A hub whose operator opened nothing."""
    return fresh_hub(tmp_path_factory.mktemp("strict"), Simulator())


@pytest.mark.parametrize("url", INWARD + NO_ADDRESS)
def test_address_that_the_hub_does_not_call_is_refused_without_a_word_why(
    strict: HubUnderTest, url: str
) -> None:
    before = strict.kept()
    answer = call(strict, "POST", body={"url": url})
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-WHK-001")
    assert set(answer.json["faults"][0]) == {"code", "where", "text", "remedy"}
    assert strict.kept() == before


def test_changed_address_is_judged_as_a_new_one_is(hub: HubUnderTest) -> None:
    name = subscribe(hub, URL)
    answer = call(hub, "PATCH", f"/{name}", {"url": "http://169.254.169.254/"})
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-WHK-001")
    assert call(hub, "GET", f"/{name}").json["url"] == URL


def test_name_that_leads_inward_later_is_not_called(hub: HubUnderTest) -> None:
    """Rebinding: a public address when it is named, this machine's when it is called."""
    answers = [[PUBLIC], ["127.0.0.1"]]
    with listening() as inside:
        port = int(inside.url.rpartition(":")[2])
        http = resolving(answers)
        services = hub.gateway.services
        calls = replace(services.webhooks.calls, http=http)
        with hub.using(webhooks=replace(services.webhooks, calls=calls)):
            name = subscribe(hub, f"https://rebinding.example:{port}/events")
            answers.pop(0)
            accept(hub)
            hooks(hub.gateway).run_once()
            shown = call(hub, "GET", f"/{name}").json
            pinged = call(hub, "POST", f"/{name}/ping").json
    assert (shown["state"], shown["problem"]["code"]) == ("WAITING", "WASL-WHK-001")
    assert (pinged["status"], pinged["problem"]["code"]) == (None, "WASL-WHK-001")
    assert "127.0.0.1" not in str([shown["problem"], pinged["problem"]])
    assert inside.heard == []


def resolving(answers: list[list[str]], *allow: str) -> GuardedHttp:
    """The way out over names that lead where the first of the answers says."""

    def resolve(host: str, port: int) -> Sequence[str]:
        return answers[0]

    settings = HttpSettings(allow, HttpLimits(1, 1, 1), plain_by_list=True)
    return GuardedHttp(settings, resolve)


def test_http_without_tls_leads_only_where_the_list_opens_it(address: Listener) -> None:
    resolve: list[list[str]] = [["127.0.0.1"]]
    port = address.url.rpartition(":")[2]
    url = f"http://receiver.example:{port}/"
    opened = resolving(resolve, "receiver.example")
    opened.check(url)
    assert opened.request("POST", url, body=b"x").status == 200
    network = resolving(resolve, "127.0.0.0/8")
    network.check(url)
    resolve[0] = [PUBLIC]
    resolving(resolve, "receiver.example").check(url)
    for closed in (network, resolving(resolve)):
        with pytest.raises(Permanent, match="WASL-DLV-006"):
            closed.check(url)
        with pytest.raises(Permanent, match="WASL-DLV-006"):
            closed.request("POST", url, body=b"x")
        closed.check(f"https://receiver.example:{port}/")
    assert len(address.heard) == 1


@pytest.fixture
def address() -> Iterator[Listener]:
    with listening() as listener:
        yield listener
