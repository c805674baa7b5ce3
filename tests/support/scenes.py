"""One real call for each answer that the interface's description promises.

A new route needs nothing here for what follows from its declaration (no token, another scope, too large,
another media type, nothing there, a hub that is out); what is its own gets a line in `SCENES`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.contract import Context, News, Report
from gateway.bootstrap import evidence
from gateway.domain.errors import Unavailable
from gateway.domain.identifiers import directory_id, new_reference
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.evidence.ledger import Inclusion, SignedCheckpoint
from gateway.exchange.registry.tokens import SCOPES
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow
from gateway.trust.assertion import make_assertion
from gateway.trust.note import WITNESS, cosign, verifier_key
from gateway.web import correlation
from gateway.web.app import create_app
from gateway.web.openapi.routes import Operation, operations
from gateway.web.services import Services
from gateway.wire.tlog import read_note
from tests.support.described import DescribedClient
from tests.support.handlog import HandLog, serve
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    MINISTRY,
    NAMES,
    XML,
    HubUnderTest,
    token_form,
)
from tests.support.systems import Simulator, accept, fresh_hub

NOBODY = directory_id("B", 4711)
FORM = "application/x-www-form-urlencoded"
NOWHERE: Mapping[str, str] = {
    "reference": new_reference(bytes),
    "receipt_id": "01950000-0000-7000-8000-00000000ffff",
    "delivery": "01950000-0000-7000-8000-00000000ffff",
    "attachment": "nothing",
    "size": "999999999",
    "old": "1",
    "new": "999999999",
    "name": "0" * 64,
    "level": "63",
    "path": "999",
    "digest": "0" * 64,
    "office": NOBODY,
    "webhook": "01950000-0000-7000-8000-00000000ffff",
}
"""Values of places in an address under which there is nothing."""


class Out:
    """A service whose resources are out."""

    def __getattr__(self, name: str) -> Any:
        def verb(*_: Any, **__: Any) -> None:
            raise Unavailable("out, for a test")

        return verb


@dataclass
class World:
    """A hub with a ministry that sends, and an agency that reads its inbox."""

    hub: HubUnderTest
    folder: Path

    @cached_property
    def calls(self) -> tuple[Operation, ...]:
        return operations(self.hub.app)

    @cached_property
    def out(self) -> FlaskClient:
        """A client of the same hub with everything out."""
        broken = Services(**{one.name: cast("Any", Out()) for one in fields(Services)})
        app = create_app(self.hub.gateway.settings, broken, self.hub.gateway.languages, self.hub.gateway.pack)
        app.test_client_class = DescribedClient
        return app.test_client()

    def token(self, party: str, scope: str) -> dict[str, str]:
        answer = self.hub.client.post("/oauth2/token", data=self.form(party, scope))
        return {"Authorization": f"Bearer {answer.json['access_token']}"}  # type: ignore[index]

    def form(self, party: str = MINISTRY, scope: str = "") -> dict[str, str]:
        jti = self.hub.gateway.ambient.random_bytes(8).hex()
        key = self.hub.sealer(NAMES[party]).key
        address = "http://127.0.0.1:8080/oauth2/token"
        return token_form(make_assertion(key, party, address, jti, self.hub.clock()), scope=scope)

    def letter(self) -> str:
        """The address of a letter to the agency, not delivered yet."""
        return str(self.hub.post(self.hub.signed()).headers["Location"])

    def lying(self, **changes: Any) -> str:
        """A delivery that lies in the agency's inbox, with an attachment."""
        file = self.folder / "plan.txt"
        file.write_bytes(b"DEMONSTRATION")
        [delivery] = accept(self.hub, AGENCY_OFFICE, files=(file,), **changes)
        self.hub.dispatch().run_once(100)
        return delivery

    def receipt(self) -> dict[str, Any]:
        """A receipt that the ledger has."""
        listed = self.hub.get(f"{self.letter()}/receipts").json["receipts"][0]
        self.hub.clock.forward(seconds=2)
        evidence.sequencer(self.hub.gateway).run()
        evidence.stamping(self.hub.gateway).run()
        return dict(listed)

    def ask(self, call: Operation, address: str, **named: Any) -> TestResponse:
        """A call with the token that it needs, if any."""
        how, _, scope = call.authentication.partition(" ")
        party = AGENCY if scope == "inbox" else MINISTRY
        headers = self.token(party, scope) if how == "token" else {}
        headers |= named.pop("headers", {})
        return self.hub.client.open(address, method=call.method, headers=headers, **named)

    def inbox(self, call: Operation, delivery: str, body: Any = None, **query: str) -> TestResponse:
        address = call.path.replace("{delivery}", delivery)
        if "{attachment}" in address:
            with self.hub.gateway.store.read() as session:
                message = session.get_one(DeliveryRow, delivery).message
                [attached] = queries.attachments(session, message)
            address = address.replace("{attachment}", attached)
        sent = {} if call.method != "POST" or body is None else {"json": body}
        return self.ask(call, address, query_string=query, **sent)


Scene = Callable[[World, Operation], TestResponse]


def make_world(folder: Path) -> World:
    """A fresh hub with small limits."""
    limits = {
        "WASL_LIMITS_ENVELOPE_BYTES": "65536",
        "WASL_LIMITS_BATCH_BYTES": "65536",
        "WASL_LIMITS_ATTACHMENT_BYTES": "65536",
        "WASL_LIMITS_REFUSALS_PER_HOUR": "3",
        "WASL_UPLOADS_PARTY_BYTES": "65536",
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        "WASL_WEBHOOKS_PER_PARTY": "100",
        "WASL_WEBHOOKS_PINGS_PER_MINUTE": "3",
    }
    hub = fresh_hub(folder, Simulator(), WASL_LEDGER_CHECKPOINT_SECONDS="1", **limits)
    return World(hub, folder)


def nowhere(call: Operation) -> str:
    """An address of the call under which there is nothing."""
    return call.path.format_map(NOWHERE)


def scene_of(call: Operation, status: int) -> Scene | None:
    """What makes ``call`` answer ``status``; None where nobody knows."""
    return SCENES.get((call.name, call.method, status)) or GENERIC.get(status)


def _no_token(world: World, call: Operation) -> TestResponse:
    return world.hub.client.open(nowhere(call), method=call.method)


def _other_scope(world: World, call: Operation) -> TestResponse:
    other = next(iter(sorted(SCOPES - {call.authentication.partition(" ")[2]})))
    return world.hub.client.open(nowhere(call), method=call.method, headers=world.token(AGENCY, other))


def _nothing_there(world: World, call: Operation) -> TestResponse:
    sent = {"json": _smallest(call)} if call.method == "POST" else {}
    return world.ask(call, nowhere(call), **sent)


def _smallest(call: Operation) -> dict[str, str]:
    examples = call.words.body.examples.get("application/json", ()) if call.words.body else ()
    return {**examples[0].value} if examples else {}


def _too_large(world: World, call: Operation) -> TestResponse:
    assert call.words.body is not None
    media_type = next(iter(call.words.body.content))
    return world.ask(call, nowhere(call), data=b"a" * 70_000, content_type=media_type)


def _other_media(world: World, call: Operation) -> TestResponse:
    return world.ask(call, nowhere(call), data=b"a", content_type="text/csv")


def _out(world: World, call: Operation) -> TestResponse:
    headers = {"Authorization": "Bearer x"}
    sent: dict[str, Any] = {}
    if call.authentication == "signature":
        sent = {"data": b"<Envelope/>", "content_type": "application/xml"}
    if call.name == "oauth.token":
        sent = {"data": world.form()}
    return world.out.open(nowhere(call), method=call.method, headers=headers, **sent)


def _unchanged(world: World, call: Operation) -> TestResponse:
    first = SCENES[call.name, call.method, 200](world, call)
    assert first.headers["ETag"]
    headers = {"If-None-Match": first.headers["ETag"]}
    return world.ask(call, first.request.full_path, headers=headers)


GENERIC: Mapping[int, Scene] = {
    304: _unchanged,
    401: _no_token,
    403: _other_scope,
    404: _nothing_there,
    413: _too_large,
    415: _other_media,
    503: _out,
}
"""What follows from how a call is declared."""


def _at(address: Callable[[World], str], **named: Any) -> Scene:
    """A call at an address that the world makes."""
    return lambda world, call: world.ask(call, address(world), **named)


def _locked(body: Mapping[str, Any] | None = None) -> Scene:
    """Another reader has the letter."""

    def scene(world: World, call: Operation) -> TestResponse:
        delivery = world.lying()
        lock = next(one for one in world.calls if one.name == "inbox.lock")
        assert world.inbox(lock, delivery, {"reader": "desk-1"}).status_code == 200
        if body is None:
            return world.inbox(call, delivery, reader="desk-2")
        return world.inbox(call, delivery, {**body, "reader": "desk-2"})

    return scene


def _purged(world: World, call: Operation) -> TestResponse:
    delivery = world.lying()
    take = next(one for one in world.calls if one.name == "inbox.acknowledge")
    assert world.inbox(take, delivery, {"registerNumber": "1"}).status_code == 200
    progress = next(one for one in world.calls if one.name == "inbox.progress")
    assert world.inbox(progress, delivery, {"state": "CLOSED"}).status_code == 200
    with world.hub.clock.moved(days=40_000):
        evidence.purge(world.hub.gateway).run()
    return world.inbox(call, delivery)


def _does(body: Mapping[str, Any] | None = None, *before: Mapping[str, Any], **query: str) -> Scene:
    """An act on a letter that lies ready, after it was acknowledged where that is asked for."""

    def scene(world: World, call: Operation) -> TestResponse:
        delivery = world.lying()
        for said in before:
            take = next(one for one in world.calls if one.name == "inbox.acknowledge")
            world.inbox(take, delivery, dict(said))
        return world.inbox(call, delivery, body, **query)

    return scene


def _sent(**changes: Any) -> Scene:
    return lambda world, call: world.hub.post(world.hub.signed(world.hub.envelope(**changes)), call.path)


def _again(world: World, call: Operation) -> TestResponse:
    letter = world.hub.signed()
    world.hub.post(letter)
    return cast("TestResponse", world.hub.post(letter, call.path))


def _other_content(world: World, call: Operation) -> TestResponse:
    envelope = world.hub.envelope()
    world.hub.post(world.hub.signed(envelope))
    return _sent(message_id=envelope.message_id, subject="DEMONSTRATION: another")(world, call)


def _too_often(world: World, call: Operation) -> TestResponse:
    return [_sent(hub="OTHER-HUB")(world, call) for _ in range(5)][-1]


def _not_acceptable(world: World, call: Operation) -> TestResponse:
    return cast("TestResponse", world.hub.post(world.hub.signed(), call.path, Accept="text/html"))


def _message(world: World) -> str:
    envelope = world.hub.envelope()
    world.hub.post(world.hub.signed(envelope))
    return f"/api/v1/envelopes?messageId={envelope.message_id}"


def _many(world: World, call: Operation) -> TestResponse:
    good = base64.b64encode(world.hub.signed().root).decode()
    batch = [{"mediaType": XML, "content": good}, {"mediaType": XML, "content": "PGEvPg=="}]
    answer = world.ask(call, call.path, json={"envelopes": batch})
    assert [one["status"] for one in answer.json["outcomes"]] == [201, 422]  # type: ignore[index]
    return answer


def _uploaded(content: bytes, span: str | None = None, **named: Any) -> Scene:
    """A content, or what a request brings of it."""

    def scene(world: World, call: Operation) -> TestResponse:
        headers = named.get("headers", {}) | ({} if span is None else {"Content-Range": span})
        address = call.path.replace("{digest}", sha256(content).hexdigest())
        return world.ask(
            call, address, data=content, headers=headers, content_type="application/octet-stream"
        )

    return scene


def _uploaded_without_length(world: World, call: Operation) -> TestResponse:
    headers = {"Transfer-Encoding": "chunked"}
    return world.ask(call, nowhere(call), input_stream=BytesIO(b"DEMONSTRATION"), headers=headers)


def _asked_how_far(world: World, call: Operation) -> TestResponse:
    content = b"DEMONSTRATION to be asked for"
    put = next(one for one in world.calls if one.name == "attachments.put")
    assert _uploaded(content)(world, put).status_code == 201
    return world.ask(call, call.path.replace("{digest}", sha256(content).hexdigest()))


def _subscribed(world: World, name: str = "", **wishes: Any) -> TestResponse:
    """A subscription for an address of its own at which nobody listens."""
    create = next(one for one in world.calls if one.name == "webhooks.create")
    url = f"http://127.0.0.1:1/{name or world.hub.gateway.ambient.random_bytes(8).hex()}"
    return world.ask(create, create.path, json={"url": url, **wishes})


def _of_webhook(body: Mapping[str, Any] | None = None) -> Scene:
    def scene(world: World, call: Operation) -> TestResponse:
        sent = {} if body is None else {"json": body}
        return world.ask(call, call.path.replace("{webhook}", _subscribed(world).json["id"]), **sent)  # type: ignore[index]

    return scene


def _moved_webhook(world: World, call: Operation) -> TestResponse:
    there, other = (_subscribed(world).json for _ in "12")
    address = call.path.replace("{webhook}", other["id"])  # type: ignore[index]
    return world.ask(call, address, json={"url": there["url"]})  # type: ignore[index]


def _pinged_too_often(world: World, call: Operation) -> TestResponse:
    return [_of_webhook({})(world, call) for _ in range(4)][-1]


def _handed_over(world: World, call: Operation) -> TestResponse:
    to = (Recipient(office=COMMUNE_OFFICE),)
    address = world.hub.post(world.hub.signed(world.hub.envelope(recipients=to))).headers["Location"]
    world.hub.dispatch().run_once(100)
    return world.ask(call, address)


class _Reporter(Simulator):
    """A kind whose target calls with the members of news as they are."""

    def can_report(self, options: Mapping[str, Any]) -> bool:
        return True

    def read_report(self, report: Report, context: Context) -> list[News]:
        return [News(**one) for one in json.loads(report.body)]


def _reported(delivered: bool, number: str = "1") -> Scene:
    """The commune's system tells of a letter that it has, or that is on its way there."""

    def scene(world: World, call: Operation) -> TestResponse:
        [delivery] = accept(world.hub, COMMUNE_OFFICE)
        if delivered:
            world.hub.dispatch().run_once(100)
        reporting = world.hub.gateway.services.reporting
        reporting = replace(reporting, adapters={"simulator": _Reporter()})
        address, news = call.path.replace("{office}", COMMUNE_OFFICE), {"delivery_id": delivery}
        with world.hub.using(reporting=reporting):
            return world.ask(call, address, json=[{**news, "register_number": number}])

    return scene


def _not_ready(world: World, call: Operation) -> TestResponse:
    health = replace(world.hub.gateway.services.health, payloads=cast("Any", Out()))
    with world.hub.using(health=health):
        return world.ask(call, call.path)


class SameLog(HandLog):
    """A log that stands for both ledgers."""

    def checkpoint(self, test: bool = False) -> SignedCheckpoint | None:
        return super().checkpoint()


def _log() -> tuple[FlaskClient, HandLog, Ed25519PrivateKey]:
    """The ledger's doors over a log made by hand, which has everything that they give out."""
    key = Ed25519PrivateKey.generate()
    log = SameLog(witnesses=(verifier_key("witness.example/w1", key, WITNESS),))
    log.grow(*(f"entry {number}" for number in range(300)))
    log.tokens[300] = b"a time-stamp"
    log.inclusions["a" * 64] = Inclusion(3, cast("Any", log.checkpoint()), b"a proof\n", b"a time-stamp")
    app = serve(log)
    correlation.install(app)
    app.test_client_class = DescribedClient
    return app.test_client(), log, key


def _read_log(path: str) -> Scene:
    def scene(world: World, call: Operation) -> TestResponse:
        return _log()[0].get(f"{_ledger(call)}{path}")

    return scene


def _unchanged_log(path: str) -> Scene:
    def scene(world: World, call: Operation) -> TestResponse:
        client = _log()[0]
        first = client.get(f"{_ledger(call)}{path}")
        return client.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]})

    return scene


def _cosigned(world: World, call: Operation) -> TestResponse:
    client, log, key = _log()
    line = cosign(read_note(log.note()).text, "witness.example/w1", key, world.hub.clock()).line
    return client.post(f"{_ledger(call)}/cosignatures/300", data=line)


def _cosigned_by_nobody(world: World, call: Operation) -> TestResponse:
    client, log, _ = _log()
    other = Ed25519PrivateKey.generate()
    line = cosign(read_note(log.note()).text, "witness.example/w1", other, world.hub.clock()).line
    return client.post(f"{_ledger(call)}/cosignatures/300", data=line)


def _cosigned_nothing(world: World, call: Operation) -> TestResponse:
    _, log, key = _log()
    line = cosign(read_note(log.note()).text, "witness.example/w1", key, world.hub.clock()).line
    return world.ask(call, nowhere(call), data=line, content_type="text/plain")


def _nothing_in_log(world: World, call: Operation) -> TestResponse:
    app = serve(HandLog())
    correlation.install(app)
    app.test_client_class = DescribedClient
    return app.test_client().get(call.path)


def _no_such_size(world: World, call: Operation) -> TestResponse:
    return world.ask(call, call.path.replace("{size}", str(10**18)))


def _ledger(call: Operation) -> str:
    return "/ledger/test" if call.name.startswith("ledger.test-") else "/ledger"


LOG: Mapping[str, str] = {
    "checkpoint": "/checkpoint",
    "proof": f"/proof/{'a' * 64}",
    "token": "/token/300",
    "consistency": "/consistency/7/300",
    "cosignatures": "/cosignatures/300",
    "entries": "/tile/entries/001.p/2",
    "tile": "/tile/0/000",
}
UNSIGNED = {"data": b"<Envelope/>", "content_type": "application/xml"}
STRANGE = {"strange": "member"}

SCENES: dict[tuple[str, str, int], Scene] = {
    ("api.submit", "POST", 201): _sent(),
    ("api.submit", "POST", 200): _again,
    ("api.submit", "POST", 406): _not_acceptable,
    ("api.submit", "POST", 409): _other_content,
    ("api.submit", "POST", 422): lambda world, call: world.ask(call, call.path, **UNSIGNED),
    ("api.submit", "POST", 429): _too_often,
    ("api.check", "POST", 200): _sent(),
    ("api.check", "POST", 409): _other_content,
    ("api.check", "POST", 422): lambda world, call: world.ask(call, call.path, **UNSIGNED),
    ("batches.submit", "POST", 200): _many,
    ("batches.submit", "POST", 422): lambda world, call: world.ask(call, call.path, json={"envelopes": []}),
    ("attachments.put", "PUT", 201): _uploaded(b"DEMONSTRATION whole"),
    ("attachments.put", "PUT", 202): _uploaded(b"DEMONSTRATION first", "bytes 0-18/40"),
    ("attachments.put", "PUT", 409): _uploaded(b"DEMONSTRATION later", "bytes 19-37/40"),
    ("attachments.put", "PUT", 411): _uploaded_without_length,
    ("attachments.put", "PUT", 415): _uploaded(b"DEMONSTRATION", headers={"Content-Encoding": "gzip"}),
    ("attachments.put", "PUT", 422): lambda world, call: world.ask(call, nowhere(call), data=b"other"),
    ("attachments.put", "PUT", 429): _uploaded(b"D", "bytes 0-0/65530"),
    ("attachments.head", "HEAD", 200): _asked_how_far,
    ("directory.offices", "GET", 200): _at(lambda world: "/api/v1/directory/offices?q=agency"),
    ("directory.offices", "GET", 422): _at(lambda world: "/api/v1/directory/offices?limit=0"),
    ("directory.office", "GET", 200): _at(lambda world: f"/api/v1/directory/offices/{AGENCY_OFFICE}"),
    ("webhooks.create", "POST", 201): lambda world, call: _subscribed(world),
    ("webhooks.create", "POST", 200): lambda world, call: [_subscribed(world, "same") for _ in "12"][-1],
    ("webhooks.create", "POST", 409): lambda world, call: [
        _subscribed(world, "other", test=test) for test in (False, True)
    ][-1],
    ("webhooks.create", "POST", 422): lambda world, call: world.ask(call, call.path, json={"url": "x"}),
    ("webhooks.every", "GET", 200): lambda world, call: world.ask(call, call.path),
    ("webhooks.one", "GET", 200): _of_webhook(),
    ("webhooks.change", "PATCH", 200): _of_webhook({"active": False}),
    ("webhooks.change", "PATCH", 404): lambda world, call: world.ask(call, nowhere(call), json={}),
    ("webhooks.change", "PATCH", 409): _moved_webhook,
    ("webhooks.change", "PATCH", 422): _of_webhook(STRANGE),
    ("webhooks.delete", "DELETE", 204): _of_webhook(),
    ("webhooks.ping", "POST", 200): _of_webhook({}),
    ("webhooks.ping", "POST", 422): _of_webhook(STRANGE),
    ("webhooks.ping", "POST", 429): _pinged_too_often,
    ("webhooks.replay", "POST", 200): _of_webhook({}),
    ("webhooks.replay", "POST", 422): _of_webhook({"after": "nothing"}),
    ("letters.find", "GET", 200): _at(_message),
    ("letters.find", "GET", 404): _at(lambda world: f"/api/v1/envelopes?messageId={NOWHERE['delivery']}"),
    ("letters.find", "GET", 422): _at(lambda world: "/api/v1/envelopes?state=LOST"),
    ("api.follow", "GET", 200): _at(World.letter),
    ("api.receipts", "GET", 200): _at(lambda world: f"{world.letter()}/receipts"),
    ("api.receipt", "GET", 200): _at(lambda world: world.receipt()["href"]),
    ("api.receipt", "GET", 406): _at(lambda world: world.receipt()["href"], headers={"Accept": "text/html"}),
    ("api.receipt", "GET", 422): _at(lambda world: f"{world.receipt()['href']}?level=X"),
    ("bundles.evidence", "GET", 200): _at(lambda world: f"{world.letter()}/evidence"),
    ("cancel.cancel", "DELETE", 200): _at(World.letter),
    ("cancel.cancel", "DELETE", 409): _handed_over,
    ("feed.events", "GET", 200): _at(lambda world: "/api/v1/events"),
    ("feed.events", "GET", 422): _at(lambda world: "/api/v1/events?limit=0"),
    ("inbox.peek", "GET", 200): _at(lambda world: f"/api/v1/inbox?office={AGENCY_OFFICE}"),
    ("inbox.peek", "GET", 404): _at(lambda world: f"/api/v1/inbox?office={COMMUNE_OFFICE}"),
    ("inbox.peek", "GET", 422): _at(lambda world: "/api/v1/inbox"),
    ("inbox.lock", "POST", 200): _does({}),
    ("inbox.lock", "POST", 409): _locked({}),
    ("inbox.lock", "POST", 422): _does(STRANGE),
    ("inbox.unlock", "DELETE", 204): _does(),
    ("inbox.unlock", "DELETE", 422): _does(reader=""),
    ("inbox.content", "GET", 200): _does(),
    ("inbox.content", "GET", 409): _locked(),
    ("inbox.content", "GET", 410): _purged,
    ("inbox.content", "GET", 422): _does(unit=""),
    ("inbox.attachment", "GET", 200): _does(),
    ("inbox.attachment", "GET", 409): _locked(),
    ("inbox.attachment", "GET", 410): _purged,
    ("inbox.attachment", "GET", 422): _does(unit=""),
    ("inbox.acknowledge", "POST", 200): _does({"registerNumber": "1"}),
    ("inbox.acknowledge", "POST", 409): _locked({"registerNumber": "1"}),
    ("inbox.acknowledge", "POST", 422): _does(STRANGE),
    ("inbox.progress", "POST", 200): _does({"state": "IN_PROGRESS"}, {"registerNumber": "1"}),
    ("inbox.progress", "POST", 409): _does({"state": "IN_PROGRESS"}),
    ("inbox.progress", "POST", 422): _does({"state": "LOST"}),
    ("inbox.refuse", "POST", 200): _does({"code": "WASL-DLV-039", "text": "sent by mistake"}),
    ("inbox.refuse", "POST", 409): _locked({"code": "WASL-DLV-039", "text": "sent by mistake"}),
    ("inbox.refuse", "POST", 422): _does({"code": "WASL-DLV-001"}),
    ("inbox.redirect", "POST", 200): _does({"office": COMMUNE_OFFICE}),
    ("inbox.redirect", "POST", 409): _locked({"office": COMMUNE_OFFICE}),
    ("inbox.redirect", "POST", 422): _does({"office": "nowhere"}),
    ("reports.tell", "POST", 200): _reported(delivered=True, number="another"),
    ("reports.tell", "POST", 409): _reported(delivered=False),
    ("reports.tell", "POST", 422): _reported(delivered=True, number=" "),
    ("oauth.token", "POST", 200): lambda world, call: world.ask(call, call.path, data=world.form()),
    ("oauth.token", "POST", 400): lambda world, call: world.ask(call, call.path),
    ("oauth.token", "POST", 401): lambda world, call: world.ask(call, call.path, data=token_form("x.y.z")),
    ("health.live", "GET", 200): _at(lambda world: "/health/live"),
    ("health.ready", "GET", 200): _at(lambda world: "/health/ready"),
    ("health.ready", "GET", 503): _not_ready,
    ("docs.openapi", "GET", 200): _at(lambda world: "/api/v1/openapi.json?lang=fr"),
    ("pki.whole", "GET", 200): _at(lambda world: "/pki/trust.zip"),
    ("pki.one", "GET", 200): _at(lambda world: "/pki/ledger/ledger.vkey"),
    **{
        scene: made
        for door in ("ledger.", "ledger.test-")
        for name, path in LOG.items()
        for scene, made in (
            ((f"{door}{name}", "GET", 200), _read_log(path)),
            ((f"{door}{name}", "GET", 304), _unchanged_log(path)),
            ((f"{door}cosignatures", "GET", 404), _no_such_size),
            ((f"{door}checkpoint", "GET", 404), _nothing_in_log),
            ((f"{door}cosign", "POST", 204), _cosigned),
            ((f"{door}cosign", "POST", 404), _cosigned_nothing),
            ((f"{door}cosign", "POST", 422), _cosigned_by_nobody),
        )
    },
}
"""What belongs to one call alone."""
