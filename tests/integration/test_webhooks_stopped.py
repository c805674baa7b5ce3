"""Operators are told of webhooks that were switched off, and find all of them in the registry's export."""

from __future__ import annotations

import email
import tomllib
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest

from gateway.bootstrap.telling import hooks, operators_teller, webhook_alerts
from gateway.cli.registry import _webhook_lines
from tests.support.hub import MINISTRY, HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.post import Post, post_office
from tests.support.systems import Simulator, accept, fresh_hub
from tests.support.webhooks import call, subscribe

DOWN = Reply(503, b"", "text/plain")
OPERATORS = ("first@hub.test", "second@hub.test")


@pytest.fixture
def address() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def hub_of(
    folder: Path, port: int = 25, operators: str = ",".join(OPERATORS), language: str = "en"
) -> HubUnderTest:
    return fresh_hub(
        folder,
        Simulator(),
        WASL_OUTGOING_ALLOW="127.0.0.1",
        WASL_WEBHOOKS_LIFETIME_SECONDS="600",
        WASL_WEBHOOKS_CAP_SECONDS="100",
        WASL_MAIL_KIND="smtp",
        WASL_MAIL_HOST="localhost",
        WASL_MAIL_PORT=str(port),
        WASL_MAIL_SECURITY="none",
        WASL_MAIL_LANGUAGE=language,
        WASL_MAIL_OPERATORS=operators,
    )


def failed(hub: HubUnderTest, name: str) -> None:
    """Let an address fail until its webhook is switched off."""
    accept(hub)
    for _ in range(100):
        hooks(hub.gateway).run_once()
        if call(hub, "GET", f"/{name}").json["state"] == "STOPPED":
            return
        hub.clock.forward(seconds=20)
    raise AssertionError("still tried")


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "A webhook was switched off"),
        ("fr", "Un webhook a été désactivé"),
        ("ar", "أُوقف إشعار ويب"),
    ],
)
def test_operators_get_one_message_that_names_the_party_and_the_command(
    tmp_path: Path, address: Listener, language: str, subject: str
) -> None:
    post = Post()
    with post_office(post) as port:
        hub = hub_of(tmp_path, port, language=language)
        address.usual = DOWN
        failed(hub, subscribe(hub, address.url))
        assert [webhook_alerts(hub.gateway).run() for _ in range(2)] == [1, 0]
        hub.clock.forward(seconds=61)
        assert operators_teller(hub.gateway).run() == 2
    assert sorted(one.rcpt_tos[0] for one in post.taken) == sorted(OPERATORS)
    for one in post.taken:
        said = email.message_from_bytes(one.content, policy=policy.default)
        assert said["Subject"] == subject
        for part in said.iter_parts():  # type: ignore[union-attr]
            text = part.get_content()
            assert f"wasl party webhooks {MINISTRY}" in text
            assert text.count(MINISTRY) == 2
            assert address.url not in text


def test_each_failing_is_told_once_and_a_partys_own_decision_never(tmp_path: Path, address: Listener) -> None:
    hub = hub_of(tmp_path)
    name = subscribe(hub, address.url)
    call(hub, "PATCH", f"/{name}", {"active": False})
    assert webhook_alerts(hub.gateway).run() == 0
    call(hub, "PATCH", f"/{name}", {"active": True})
    address.usual = DOWN
    for _ in range(2):
        failed(hub, name)
        assert [webhook_alerts(hub.gateway).run() for _ in range(2)] == [1, 0]
        call(hub, "PATCH", f"/{name}", {"active": True})
        assert webhook_alerts(hub.gateway).run() == 0
        hub.clock.forward(seconds=20)


def test_without_operators_nobody_is_told_and_with_them_afterwards(tmp_path: Path, address: Listener) -> None:
    hub = hub_of(tmp_path, operators="")
    address.usual = DOWN
    failed(hub, subscribe(hub, address.url))
    assert webhook_alerts(hub.gateway).run() == 0
    assert hub_of(tmp_path)  # the same home
    assert webhook_alerts(hub_of(tmp_path).gateway).run() == 1


def test_the_export_has_every_webhook_as_a_comment_that_is_toml(tmp_path: Path) -> None:
    hub = hub_of(tmp_path)
    assert list(_webhook_lines(hub.gateway.services.webhooks.every())) == []
    call(hub, "POST", "", {"url": "http://127.0.0.1:1/a?b=\u2028c", "kinds": ["delivery"], "test": True})
    subscribe(hub, "http://127.0.0.1:1/b")
    lines = "\n".join(_webhook_lines(hub.gateway.services.webhooks.every())).splitlines()
    assert all(line.startswith("#") for line in lines if line)
    found = tomllib.loads("\n".join(line.removeprefix("#") for line in lines if "POST /api" not in line))
    assert [(one["party"], one["url"], one["kinds"], one["test"]) for one in found["webhook"]][-1] == (
        MINISTRY, "http://127.0.0.1:1/b", [], False,
    )  # fmt: skip
