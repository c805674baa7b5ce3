"""Every answer names its call, every line of the log about it does, and nobody can write into either."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask import Response
from werkzeug.serving import make_server

from gateway.domain.errors import Unavailable
from gateway.domain.transit.call import TRACE_PARENT
from gateway.web.access import public
from gateway.web.app import create_app
from gateway.web.correlation import REQUEST_ID, chosen, trace_of
from tests.support.hub import HubUnderTest, make_hub

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
FRESH = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged, with what each line is bound to."""
    said: list[dict[str, Any]] = []

    def keep(_logger: Any, _method: str, event: dict[str, Any]) -> str:
        said.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep], cache_logger_on_first_use=False
    )
    yield said
    structlog.configure(**before)


def identifier(answer: Any) -> str:
    return str(answer.headers[REQUEST_ID])


@pytest.mark.parametrize("offered", ["a", "case-17.B_2", "0" * 64])
def test_the_callers_own_identifier_comes_back(hub: HubUnderTest, offered: str) -> None:
    assert identifier(hub.client.get("/health/live", headers={REQUEST_ID: offered})) == offered


@pytest.mark.parametrize(
    "offered",
    ["", "0" * 65, "a b", "a\tb", "é", "‮abc", "<script>", "a\x7f", "-a", "a,b", '"a"', "a\u2028b", "%0d%0a"],
)
def test_an_identifier_that_could_do_harm_is_replaced(hub: HubUnderTest, offered: str) -> None:
    answer = hub.client.get("/health/live", headers={REQUEST_ID: offered})
    assert FRESH.fullmatch(identifier(answer))


def test_two_identifiers_are_none(hub: HubUnderTest) -> None:
    answer = hub.client.get("/health/live", headers=[(REQUEST_ID, "one"), (REQUEST_ID, "two")])
    assert FRESH.fullmatch(identifier(answer))


def test_each_call_without_one_gets_its_own(hub: HubUnderTest) -> None:
    assert len({identifier(hub.client.get("/health/live")) for _ in range(20)}) == 20


def test_a_trace_stands_in_for_an_identifier(hub: HubUnderTest) -> None:
    assert identifier(hub.client.get("/health/live", headers={TRACE_PARENT: PARENT})) == TRACE
    both = hub.client.get("/health/live", headers={TRACE_PARENT: PARENT, REQUEST_ID: "mine"})
    assert identifier(both) == "mine"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (PARENT, TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", None),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (PARENT.upper(), None),
        (f"{PARENT}\n", None),
        (f"{PARENT},{PARENT}", None),
        (f"00-{TRACE[1:]}-00f067aa0ba902b7-01", None),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-{'x' * 129}", None),
        ("", None),
        (None, None),
    ],
)
def test_traces_are_read_as_the_w3c_writes_them(header: str | None, trace: str | None) -> None:
    assert trace_of(header) == trace


def test_a_fresh_identifier_is_made_of_the_randomness_handed_in() -> None:
    assert chosen(None, None, bytes) == "0" * 32


@pytest.mark.parametrize("path", ["/api/v1/envelopes", "/nothing", "/docs/", "/pki/trust.zip"])
def test_every_answer_has_one(hub: HubUnderTest, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "DELETE", "POST"):
        assert identifier(hub.client.open(path, method=method, headers={REQUEST_ID: "x1"})) == "x1"


def test_a_problem_names_its_call(hub: HubUnderTest) -> None:
    answer = hub.client.get("/api/v1/envelopes", headers={REQUEST_ID: "case-17"})
    assert answer.json["instance"] == "urn:wasl:request:case-17"
    page = hub.client.get("/nothing?lang=en", headers={REQUEST_ID: "case-18", "Accept": "text/html"})
    assert "case-18" in page.text


def test_a_receipt_does_not_change_with_who_asks(hub: HubUnderTest) -> None:
    letter = hub.signed()
    first, again = (hub.post(letter, **{REQUEST_ID: name}) for name in ("one", "two"))
    assert (identifier(first), identifier(again)) == ("one", "two")
    assert first.data == again.data


def failing(hub: HubUnderTest) -> Any:
    """A client of the hub with doors that fail, and that log what they are bound to while they send."""
    gateway = hub.gateway
    app = create_app(gateway.settings, gateway.services, gateway.languages, gateway.pack)
    log = structlog.get_logger()

    def ours() -> Response:
        raise Unavailable("out")

    def long() -> Response:
        def pieces() -> Iterator[bytes]:
            log.info("sending")
            yield b"piece"

        return Response(pieces())

    app.add_url_rule("/ours", view_func=public(ours))
    app.add_url_rule("/unknown", "unknown", public(lambda: 1 / 0))
    app.add_url_rule("/long", view_func=public(long))
    return app.test_client()


def test_every_line_of_the_log_names_its_call(hub: HubUnderTest, lines: list[dict[str, Any]]) -> None:
    client = failing(hub)
    assert client.get("/ours", headers={REQUEST_ID: "first", TRACE_PARENT: PARENT}).status_code == 503
    assert client.get("/unknown", headers={REQUEST_ID: "second"}).status_code == 500
    with client.get("/long", headers={REQUEST_ID: "third"}, buffered=True) as answer:
        assert answer.data == b"piece"
    told = [(line["event"], line["request"], line.get("trace")) for line in lines]
    assert told == [
        ("our fault", "first", TRACE),
        ("unexpected error", "second", None),
        ("sending", "third", None),
    ]
    structlog.get_logger().info("afterwards")
    assert "request" not in lines[-1]


def test_a_letter_is_found_in_the_log_by_either_name(hub: HubUnderTest, lines: list[dict[str, Any]]) -> None:
    answer = hub.post(hub.signed(), **{REQUEST_ID: "case-19"})
    [line] = [one for one in lines if one["event"] == "letter answered"]
    assert line["request"] == "case-19"
    assert answer.headers["Location"].endswith(line["reference"])
    assert (line["kind"], line["codes"]) == ("accepted", [])


def test_a_header_of_many_octets_costs_nothing_and_says_nothing(hub: HubUnderTest) -> None:
    server = make_server("127.0.0.1", 0, hub.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as stream:
            header = b"X-Request-Id: " + b"a" * 60_000 + b"\r\n"
            stream.sendall(b"GET /health/live HTTP/1.0\r\n" + header + b"\r\n")
            said = b"".join(iter(lambda: stream.recv(65_536), b""))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    head, _, body = said.partition(b"\r\n\r\n")
    assert json.loads(body) == {"status": "ok"}
    assert re.search(rb"X-Request-Id: [0-9a-f]{32}\r\n", head + b"\r\n")
