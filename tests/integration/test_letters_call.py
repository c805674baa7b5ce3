"""The call that brought a letter stays with it: for sender, operators, the log, the recipient's system."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.bootstrap import lifecycle
from gateway.cli.delivery_text import tell_file
from gateway.domain.transit.call import TRACE_PARENT, Call, trace_parent
from gateway.domain.transit.envelope import Recipient
from gateway.web.correlation import REQUEST_ID
from tests.support.hub import COMMUNE_OFFICE, MINISTRY, HubUnderTest
from tests.support.listener import Listener, Reply, listening
from tests.support.soap import call, message
from tests.support.systems import Simulator, fresh_hub, route_of_commune

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")


def followed(hub: HubUnderTest, answer: Any) -> dict[str, Any]:
    told: dict[str, Any] = hub.get(answer.headers["Location"], MINISTRY).get_json()
    return told


def of_office(system: Listener) -> dict[str, object]:
    return {"base_url": system.url, "create": {"path": "/in", "body": {"objet": "envelope.subject"}}}


@pytest.mark.parametrize(
    ("sent", "request_id", "trace"),
    [
        ({REQUEST_ID: "case-17", TRACE_PARENT: PARENT}, "case-17", TRACE),
        ({TRACE_PARENT: PARENT}, TRACE, TRACE),
        ({REQUEST_ID: "ab" * 16}, "ab" * 16, "ab" * 16),
        ({REQUEST_ID: "case-18"}, "case-18", None),
    ],
    ids=["both", "trace", "an identifier that could be a trace", "identifier"],
)
def test_it_is_told_to_its_sender_to_operators_and_to_the_recipients_system(
    hub: HubUnderTest, sent: dict[str, str], request_id: str, trace: str | None
) -> None:
    with listening() as system:
        route_of_commune(hub, adapter="rest", options=of_office(system))
        system.usual = Reply(201, b"{}")
        letter = hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE),))
        answer = hub.post(hub.signed(letter), **sent)
        hub.dispatch().run_once()
        told = followed(hub, answer)
        [heard] = system.heard
    delivery = told["deliveries"][0]
    assert (told["requestId"], delivery["state"]) == (request_id, "HANDED_OVER")
    assert heard.trace_parent == (trace and f"00-{trace}-{delivery['id'].replace('-', '')[-16:]}-01")
    shown = lifecycle.overview(hub.gateway).show(delivery["id"])
    assert (shown.request_id, shown.trace) == (request_id, trace)
    [line] = [one for one in tell_file(shown) if one.startswith("brought by call")]
    named = f", trace {trace}" if trace not in (None, request_id) else ""
    assert line == f"brought by call {request_id}{named}"


def test_a_repeat_changes_nothing(hub: HubUnderTest) -> None:
    letter = hub.signed()
    first, again = (hub.post(letter, **{REQUEST_ID: name}) for name in ("one", "two"))
    assert (again.status_code, again.headers[REQUEST_ID]) == (200, "two")
    assert followed(hub, first)["requestId"] == "one"


def test_lines_of_a_worker_name_it_and_those_of_the_next_letter_do_not(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []

    def keep(_logger: Any, _method: str, event: dict[str, Any]) -> str:
        said.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep], cache_logger_on_first_use=False
    )
    try:
        hub.post(hub.signed(), **{REQUEST_ID: "case-20", TRACE_PARENT: PARENT})
        work = type(hub.dispatch())._work

        def failing(self: Any, case: Any) -> None:
            work(self, case)
            raise RuntimeError

        monkeypatch.setattr(type(hub.dispatch()), "_work", failing)
        hub.dispatch().run_once()
        structlog.get_logger().info("afterwards")
    finally:
        structlog.reset_defaults()
    [line] = [one for one in said if one["event"] == "delivery interrupted"]
    assert (line["request"], line["trace"]) == ("case-20", TRACE)
    assert not {"request", "trace"} & said[-1].keys()


def test_every_door_keeps_it(hub: HubUnderTest) -> None:
    letter = hub.signed()
    entry = {"mediaType": letter.media_type, "content": base64.b64encode(letter.root).decode()}
    answer = hub.client.post("/api/v1/batches", json={"envelopes": [entry]}, headers={REQUEST_ID: "batch-1"})
    told = hub.get(answer.json["outcomes"][0]["location"], MINISTRY).get_json()
    assert told["requestId"] == "batch-1"
    body = call("SubmitEnvelope", octets=hub.signed().root, mediaType=letter.media_type)
    answer = hub.client.post(
        "/soap/v1", data=message(body), content_type="text/xml", headers={REQUEST_ID: "soap-1"}
    )
    assert answer.status_code == 200, answer.text
    reference = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}", answer.text)
    assert reference is not None
    assert hub.get(f"/api/v1/envelopes/{reference[0]}", MINISTRY).json["requestId"] == "soap-1"


def test_without_a_trace_or_a_span_there_is_no_header() -> None:
    delivery = "0193f5a0-0000-7000-8000-00000000000d"
    assert trace_parent(None, delivery) is None
    assert trace_parent(TRACE, "00000000-0000-0000-0000-000000000000") is None
    assert trace_parent(TRACE, delivery) == f"00-{TRACE}-800000000000000d-01"
    assert Call("0" * 32).followed is None
