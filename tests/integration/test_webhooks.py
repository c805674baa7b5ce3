"""Webhooks are told their party's feed, signed, in order, at least once, whatever the address does."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from prometheus_client import CollectorRegistry

from gateway.bootstrap.telling import crew, hooks, push
from gateway.domain.transit.envelope import Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.operate.doctor import Mark, journey
from gateway.exchange.operate.flow import Watch
from gateway.exchange.transit.push import Push
from gateway.store.transit.webhook_models import WebhookRow
from gateway.web.flow_figures import add_flow
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    MINISTRY,
    NAMES,
    TEST_OFFICE,
    HubUnderTest,
)
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub
from tests.support.webhooks import call, event_in, subscribe

DOWN = Reply(503, b"", "text/plain")
EXAMPLE = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return small_hub(tmp_path)


@pytest.fixture
def either(tmp_path: Path, shape: Shape) -> HubUnderTest:
    """The same in both shapes, one after the other."""
    return small_hub(tmp_path)


def small_hub(folder: Path) -> HubUnderTest:
    return fresh_hub(
        folder,
        Simulator(),
        WASL_OUTGOING_ALLOW="127.0.0.1",
        WASL_WEBHOOKS_TOTAL_SECONDS="0.5",
        WASL_WEBHOOKS_LIFETIME_SECONDS="600",
        WASL_WEBHOOKS_CAP_SECONDS="100",
    )


@pytest.fixture
def address() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def send(hub: HubUnderTest, count: int = 1, office: str = COMMUNE_OFFICE, by: str = MINISTRY) -> None:
    """Send letters and bring them to their recipients."""
    for _ in range(count):
        envelope = hub.envelope(sender=Sender(by), recipients=(Recipient(office=office),))
        assert hub.post(hub.signed(envelope, by=NAMES[by])).status_code == 201
    hub.dispatch().run_once(100)


def feed(hub: HubUnderTest, party: str = MINISTRY) -> list[str]:
    """The identifiers of a party's events, in their order."""
    return [one["id"] for one in hub.get("/api/v1/events?limit=500", party).json["events"]]


def kept(hub: HubUnderTest, webhook: str) -> WebhookRow:
    with hub.gateway.store.read() as session:
        return session.get_one(WebhookRow, webhook)


# Events --------------------------------------------------------------------------------------------


def test_events_come_signed_in_the_order_of_the_feed_from_the_subscription_on(
    either: HubUnderTest, address: Listener
) -> None:
    hub = either
    send(hub)
    before = feed(hub)
    name = subscribe(hub, f"{address.url}/events?from=hub")
    send(hub, 3)
    assert hooks(hub.gateway).run_once() == 1
    assert address.keys == feed(hub)[len(before) :]
    assert len(address.keys) >= 6
    assert {one.path for one in address.heard} == {"/events?from=hub"}
    for heard in address.heard:
        event = event_in(hub, heard)
        assert (event["subscription"], event["hub"], event["test"]) == (name, "DEMO-HUB", False)
    assert hooks(hub.gateway).run_once() == 0
    shown = call(hub, "GET", f"/{name}").json
    assert (shown["state"], shown["told"], shown["cursor"]) == (
        "GOING",
        len(address.keys),
        event["cursor"],
    )


def test_event_names_its_receipt_and_nothing_of_persons(hub: HubUnderTest, address: Listener) -> None:
    subscribe(hub, address.url, kinds=["delivery"])
    send(hub)
    hooks(hub.gateway).run_once()
    [heard] = address.heard
    event = event_in(hub, heard)
    assert set(event) == {
        "id", "hub", "subscription", "kind", "event", "time", "test", "cursor", "reference", "messageId",
        "delivery", "receipt",
    }  # fmt: skip
    path = event["receipt"]["href"].removeprefix("http://127.0.0.1:8080")
    [listed] = [one for one in hub.get("/api/v1/events").json["events"] if one["id"] == event["id"]]
    assert (event["kind"], path) == ("delivery", listed["href"])
    assert event["receipt"]["contentDigest"] == listed["contentDigest"]
    assert hub.get(path).status_code == 200
    following = hub.get(f"/api/v1/events?after={event['cursor']}").json["events"]
    assert [one["id"] for one in following] == feed(hub)[feed(hub).index(event["id"]) + 1 :]
    assert b"request for a document" not in heard.body


def test_refused_submission_is_an_event_without_an_address(hub: HubUnderTest, address: Listener) -> None:
    subscribe(hub, address.url)
    hub.post(hub.signed(hub.envelope(hub="OTHER-HUB")))
    hooks(hub.gateway).run_once()
    event = event_in(hub, address.heard[0])
    assert (event["kind"], "reference" in event, "href" in event["receipt"]) == ("rejection", False, False)


def test_only_what_is_asked_for_is_told(hub: HubUnderTest, address: Listener) -> None:
    subscribe(hub, f"{address.url}/kinds", kinds=["delivery", "availability"])
    subscribe(hub, f"{address.url}/offices", offices=[AGENCY_OFFICE])
    send(hub)
    send(hub, office=AGENCY_OFFICE)
    send(hub, office=AGENCY_OFFICE, by=COMMUNE)
    assert hooks(hub.gateway).run_once() == 2
    events = [(one.path, event_in(hub, one)["kind"]) for one in address.heard]
    assert [kind for path, kind in events if path == "/kinds"] == ["delivery", "availability"]
    offices = [kind for path, kind in events if path == "/offices"]
    assert offices.count("acceptance") == 2
    assert "availability" in offices
    assert "delivery" not in offices


def test_test_letters_have_subscriptions_of_their_own_under_the_test_seal(
    hub: HubUnderTest, address: Listener
) -> None:
    subscribe(hub, f"{address.url}/real")
    tests = subscribe(hub, f"{address.url}/tests", test=True)
    accept(hub, TEST_OFFICE, test=True)
    accept(hub)
    assert call(hub, "POST", f"/{tests}/ping").json["taken"] is True
    hooks(hub.gateway).run_once()
    heard = [(one.path, event_in(hub, one)["kind"], event_in(hub, one)["test"]) for one in address.heard]
    assert sorted(heard) == [
        ("/real", "acceptance", False),
        ("/tests", "acceptance", True),
        ("/tests", "ping", True),
    ]


def test_receiver_in_the_document_verifies_by_the_published_trust(hub: HubUnderTest, tmp_path: Path) -> None:
    """The example runs as it stands there, in its own process."""
    code = re.search(r"```python\n(.*?)```", EXAMPLE.read_text("utf-8"), re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) < 40
    (tmp_path / "receiver.py").write_text(code[1], "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    name = subscribe(hub, url)
    trust = hub.gateway.settings.trust.directory / "seal"
    command = [sys.executable, str(tmp_path / "receiver.py"), str(trust), name, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            _wait_for(port)
            send(hub)
            hub.clock.forward(seconds=60)
            hooks(hub.gateway).run_once()
            assert kept(hub, name).told == len(feed(hub))
            calls = hub.gateway.services.webhooks.calls
            seals = calls.issuing.seals
            forged = replace(calls, issuing=replace(calls.issuing, seals=replace(seals, real=seals.test)))
            elsewhere = hub.gateway.services.webhooks.one(MINISTRY, name)
            assert call(hub, "POST", f"/{name}/ping").json["status"] == 204
            with hub.using(webhooks=replace(hub.gateway.services.webhooks, calls=forged)):
                hub.clock.forward(seconds=60)
                assert call(hub, "POST", f"/{name}/ping").json["status"] == 400
            other = subscribe(hub, f"{url}/other")
            hub.clock.forward(seconds=60)
            assert call(hub, "POST", f"/{other}/ping").json["status"] == 400
            assert elsewhere.state == "GOING"
        finally:
            running.send_signal(signal.SIGTERM)
            said = running.stdout.read().splitlines() if running.stdout else []
    assert [line.split()[0] for line in said[:-1]] == [
        one["kind"].split()[0] for one in hub.get("/api/v1/events").json["events"]
    ]
    assert said[-1].startswith("ping")


def _wait_for(port: int) -> None:
    deadline = monotonic() + 30
    while monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the receiver did not become ready")


# Trouble -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (DOWN, "WASL-WHK-004"),
        (Reply(404, b"", "text/plain"), "WASL-WHK-004"),
        (Reply(401, b"", "text/plain"), "WASL-WHK-004"),
        (Reply(302, b"", headers=(("Location", "http://169.254.169.254/"),)), "WASL-WHK-004"),
        (Reply(cut=True), "WASL-WHK-005"),
        (Reply(hang=True), "WASL-WHK-005"),
        (Reply(200, b" " * 200_000), "WASL-WHK-005"),
    ],
    ids=["down", "not found", "not let in", "redirect inward", "cut", "hanging", "huge"],
)
def test_event_that_is_not_taken_comes_again_and_none_after_it_before(
    hub: HubUnderTest, address: Listener, reply: Reply, code: str
) -> None:
    name = subscribe(hub, address.url)
    send(hub)
    address.script = [Reply(), reply, reply]
    telling = hooks(hub.gateway)
    telling.run_once()
    shown = call(hub, "GET", f"/{name}").json
    assert (shown["state"], shown["failures"], shown["problem"]["code"]) == ("WAITING", 1, code)
    assert shown["nextAttempt"] == (hub.clock() + timedelta(seconds=10)).isoformat()
    for wait in (10, 20):
        hub.clock.forward(seconds=wait - 1)
        assert telling.run_once() == 0
        hub.clock.forward(seconds=1)
        assert telling.run_once() == 1
    wanted = feed(hub)
    assert address.keys == [wanted[0], *[wanted[1]] * 3, *wanted[2:]]
    shown = call(hub, "GET", f"/{name}").json
    assert (shown["state"], shown["failures"], shown["problem"], shown["nextAttempt"]) == (
        "GOING",
        0,
        None,
        None,
    )


def test_address_that_asks_to_wait_is_left_alone_for_so_long(hub: HubUnderTest, address: Listener) -> None:
    subscribe(hub, address.url)
    send(hub)
    address.script = [Reply(429, headers=(("Retry-After", "77"),))]
    telling = hooks(hub.gateway)
    telling.run_once()
    hub.clock.forward(seconds=76)
    assert telling.run_once() == 0
    hub.clock.forward(seconds=1)
    assert telling.run_once() == 1
    assert list(dict.fromkeys(address.keys)) == feed(hub)


def test_address_that_fails_for_its_lifetime_is_switched_off_until_its_party_switches_it_on(
    either: HubUnderTest, address: Listener
) -> None:
    hub = either
    name = subscribe(hub, address.url)
    send(hub)
    address.usual = DOWN
    telling = hooks(hub.gateway)
    for _ in range(100):
        telling.run_once()
        if kept(hub, name).state == "STOPPED":
            break
        hub.clock.forward(seconds=20)
    shown = call(hub, "GET", f"/{name}").json
    assert (shown["active"], shown["state"], shown["problem"]["code"]) == (False, "STOPPED", "WASL-WHK-004")
    assert shown["failingSince"]
    tries = len(address.heard)
    hub.clock.forward(hours=7)
    assert telling.run_once() == 0
    assert len(address.heard) == tries
    address.usual = Reply()
    send(hub)
    on = call(hub, "PATCH", f"/{name}", {"active": True}).json
    assert (on["active"], on["state"], on["problem"]) == (True, "GOING", None)
    telling.run_once()
    assert list(dict.fromkeys(address.keys)) == feed(hub)


def test_dead_address_delays_neither_other_webhooks_nor_receipts(
    hub: HubUnderTest, address: Listener
) -> None:
    with listening() as dead:
        dead.usual = Reply(hang=True)
        for number in range(6):
            subscribe(hub, f"{dead.url}/{number}")
        subscribe(hub, address.url, party=COMMUNE)
        send(hub, 2)
        send(hub, by=COMMUNE, office=AGENCY_OFFICE)
        telling = crew(hooks(hub.gateway), 2)
        began = monotonic()
        try:
            while address.keys != feed(hub, COMMUNE) and monotonic() - began < 20:
                telling.run()
                address.arrived.wait(0.1)
                address.arrived.clear()
        finally:
            dead.released.set()
            telling.close()
    assert address.keys == feed(hub, COMMUNE)
    assert push(hub.gateway).run_once() == 0


class Killed(BaseException):
    """Ends a worker where it stands, as a signal would."""


def test_worker_killed_between_call_and_commit_repeats_one_event_and_leaves_no_gap(
    hub: HubUnderTest, address: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(hub, address.url)
    send(hub, 2)
    settled, count = Push._settle, iter(range(100))

    def settle(self: Push[WebhookRow], *arguments: object) -> bool:
        if next(count) == 2:
            raise Killed
        return settled(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Push, "_settle", settle)
        with pytest.raises(Killed):
            hooks(hub.gateway).run_once()
    other = hooks(hub.second().gateway)
    assert other.run_once() == 0  # the dead one's lease holds still
    hub.clock.forward(seconds=other.tempo.lease.total_seconds())
    other.run_once()
    wanted = feed(hub)
    assert address.keys == wanted[:3] + wanted[2:]


def test_what_is_decided_while_a_worker_calls_is_not_overwritten(
    hub: HubUnderTest, address: Listener
) -> None:
    name = subscribe(hub, address.url)
    gone = subscribe(hub, f"{address.url}/gone")
    send(hub)
    telling = hooks(hub.gateway)
    turns = [telling.claim(), telling.claim()]
    assert {turn.key for turn in turns if turn} == {name, gone}
    call(hub, "PATCH", f"/{name}", {"active": False})
    assert call(hub, "DELETE", f"/{gone}").status_code == 204
    for turn in turns:
        assert turn is not None
        telling.serve(turn)
    assert (kept(hub, name).state, kept(hub, name).told) == ("STOPPED", 0)
    assert call(hub, "GET", f"/{gone}").status_code == 404
    assert telling.run_once() == 0


def test_party_that_was_closed_is_told_nothing_more(hub: HubUnderTest, address: Listener) -> None:
    subscribe(hub, address.url)
    send(hub)
    declared = next(one for one in hub.gateway.registry.export()["party"] if one["id"] == MINISTRY)
    hub.apply({"party": [{**declared, "active": False}]})
    assert hooks(hub.gateway).run_once() == 0
    assert address.heard == []


# Replay and ping -----------------------------------------------------------------------------------


def test_replay_tells_again_what_follows_a_cursor_or_everything(hub: HubUnderTest, address: Listener) -> None:
    send(hub)
    name = subscribe(hub, address.url)
    send(hub, 2)
    telling = hooks(hub.gateway)
    telling.run_once()
    told = address.keys
    cursor = event_in(hub, address.heard[2])["cursor"]
    assert call(hub, "POST", f"/{name}/replay", {"after": cursor}).json["cursor"] == cursor
    telling.run_once()
    assert address.keys == told + told[3:]
    address.heard.clear()
    assert call(hub, "POST", f"/{name}/replay").json["cursor"] is None
    telling.run_once()
    assert address.keys == feed(hub)


@pytest.mark.parametrize("after", ["", "x", "A" * 32, "é" * 32, "A" * 31 + "\n", 7, ["A" * 32]])
def test_forged_cursors_are_refused_and_change_nothing(
    hub: HubUnderTest, address: Listener, after: object
) -> None:
    name = subscribe(hub, address.url)
    send(hub)
    before = kept(hub, name).position
    answer = call(hub, "POST", f"/{name}/replay", {"after": after})
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")
    assert kept(hub, name).position == before


def test_cursor_of_another_party_is_refused(hub: HubUnderTest, address: Listener) -> None:
    name = subscribe(hub, address.url)
    send(hub)
    theirs = hub.get("/api/v1/events", COMMUNE).json["next"]
    assert theirs
    assert call(hub, "POST", f"/{name}/replay", {"after": theirs}).status_code == 422


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(204, b""), 204, None),
        (Reply(500, b"<html>secret</html>", "text/html"), 500, "WASL-WHK-004"),
        (Reply(302, b"", headers=(("Location", "http://169.254.169.254/"),)), 302, "WASL-WHK-004"),
        (Reply(hang=True), None, "WASL-WHK-005"),
    ],
    ids=["taken", "trouble", "redirect", "hanging"],
)
def test_ping_answers_what_the_address_said(
    hub: HubUnderTest, address: Listener, reply: Reply, status: int | None, code: str | None
) -> None:
    name = subscribe(hub, address.url)
    address.script = [reply]
    answer = call(hub, "POST", f"/{name}/ping", **{"Accept-Language": "fr"})
    said = answer.json
    assert (answer.status_code, said["taken"], said["status"]) == (200, code is None, status)
    assert (said["problem"] or {}).get("code") == code
    assert (answer.headers["Content-Language"], "secret" in answer.text) == ("fr", False)
    event = event_in(hub, address.heard[0])
    assert set(event) == {"id", "hub", "subscription", "kind", "time", "test"}
    assert (event["kind"], event["subscription"]) == ("ping", name)
    assert kept(hub, name).failures == 0


def test_one_party_pings_so_often_and_others_meanwhile(hub: HubUnderTest, address: Listener) -> None:
    other = subscribe(hub, address.url, party=COMMUNE)
    for number in range(6):  # a new subscription does not begin anew
        name = subscribe(hub, f"{address.url}/{number}")
        assert call(hub, "POST", f"/{name}/ping").status_code == 200
        assert call(hub, "DELETE", f"/{name}").status_code == 204
    name = subscribe(hub, address.url)
    again = call(hub, "POST", f"/{name}/ping")
    assert (again.status_code, again.json["code"]) == (429, "WASL-REQ-007")
    assert int(again.headers["Retry-After"]) > 0
    assert call(hub, "POST", f"/{other}/ping", party=COMMUNE).status_code == 200
    assert len(address.heard) == 7


def test_pings_that_hang_leave_threads_to_others(hub: HubUnderTest, address: Listener) -> None:
    name = subscribe(hub, address.url)
    address.script = [Reply(hang=True)]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, hub, "POST", f"/{name}/ping")
        assert address.arrived.wait(10)
        assert call(hub, "POST", f"/{name}/ping").status_code == 429
        assert call(hub, "GET", f"/{name}").status_code == 200
        assert waiting.result().json["taken"] is False
    assert len(address.heard) == 1


# What operators see --------------------------------------------------------------------------------


def test_failing_webhooks_are_named_to_operators(hub: HubUnderTest, address: Listener) -> None:
    watch = Watch(hub.gateway.store, hub.gateway.ambient)
    assert watch.flow().hooks == ()
    subscribe(hub, address.url, party=COMMUNE)
    name = subscribe(hub, f"{address.url}/down")
    send(hub)
    address.usual = DOWN
    hooks(hub.gateway).run_once()
    [failing] = [one for one in watch.flow().hooks if one.failing_since]
    assert (failing.party, failing.webhook, failing.state) == (MINISTRY, name, "WAITING")
    found = [one for one in journey(watch.flow()) if one.check == "webhooks"]
    assert [one.mark for one in found] == [Mark.LOOK]
    assert f"{MINISTRY} {name}: fails since" in found[0].said
    registry = CollectorRegistry()
    add_flow(watch.flow(), registry)
    named = {"party": MINISTRY, "webhook": name}
    assert registry.get_sample_value("wasl_webhooks", {"state": "WAITING"}) == 1
    assert registry.get_sample_value("wasl_webhooks", {"state": "GOING"}) == 1
    assert registry.get_sample_value("wasl_webhook_failing_seconds", named) == 0
    assert "webhooks" not in watch.warnings()
    hub.clock.forward(minutes=61)
    assert watch.warnings()["webhooks"].endswith(f"an hour or more: {MINISTRY} {name}")
