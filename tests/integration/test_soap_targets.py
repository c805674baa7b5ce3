"""The kind ``soap`` over real sockets: to the hub's own SOAP door, and to services that mean no good."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Adapter, Context, Http, Letter, Response
from adapters.rest import RestAdapter
from adapters.soap import SoapAdapter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, Declined, DeliveryError, Permanent, Temporary
from gateway.domain.transit.envelope import Recipient
from tests.support.hub import COMMUNE_OFFICE, MINISTRY_OFFICE, XML
from tests.support.live import LiveHub, live_hub
from tests.support.soap import SOAP11
from tests.support.streams import MIB, letter_with, traced
from tests.support.systems import Simulator, fresh_hub, route_of_commune
from tests.support.tls import make_tls
from tests.unit.adapters.doubles import NOW, letter
from tests.unit.adapters.test_rest import SINGLE
from tests.unit.adapters.test_soap import ROUTE, WSDL_TEXT

HERE = ("127.0.0.0/8",)
PATIENT = HttpLimits(connect_s=10, read_s=20, total_s=30, answer_bytes=2 * MIB)
QUICK = HttpLimits(connect_s=10, read_s=0.4, total_s=0.6, answer_bytes=2 * MIB)
"""For who would never end otherwise."""
GIGABYTES = 2 * 1024**3


# The hub's own door, a stack of its own ------------------------------------------------------------


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    with live_hub(tmp_path_factory.mktemp("door")) as running:
        yield running


def to_the_door(live: LiveHub, operation: str, request: dict[str, Any], **options: Any) -> Context:
    """A route whose system is the hub itself."""
    http = GuardedHttp(HttpSettings(allow=HERE, limits=HttpLimits(5, 20, 60)))
    route = {
        "wsdl_url": f"{live.url}/soap/v1?wsdl",
        "endpoint": f"{live.url}/soap/v1",
        "operation": operation,
        "request": request,
        **options,
    }
    name = live.hub.pki
    pem = name.certificate_path("ministry").read_text() + name.key_path("ministry").read_text()
    return Context(http, route, {"identity": pem}.__getitem__, lambda: datetime.now(UTC))


def of_size(live: LiveHub, size: int) -> Letter:
    """A letter that a ministry signed, with one file of that many octets."""
    made = letter_with(live.hub, size, office=COMMUNE_OFFICE)
    [part] = made.parts
    attached = replace(
        letter().envelope.attachments[0], size=size, content_id=part.content_id, sha256=_digest(made.root)
    )
    return letter(
        envelope=replace(letter().envelope, attachments=(attached,)),
        original=made.root,
        original_media_type=XML,
        open=lambda _: part.open(),
    )


def _digest(root: bytes) -> str:
    [found] = re.findall(rb"[0-9a-f]{64}", root[root.index(b"large.bin") :])[:1]
    return found.decode()


SUBMISSION = {
    "octets": "original.content",
    "mediaType": "original.mediaType",
    "attachment": "attachments[].{contentId: contentId, content: content}",
}
SUBMITTED = {"success": "status == 'ACCEPTED'", "reads": {"target_reference": "reference"}}


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
@pytest.mark.parametrize("attachments", ["base64", "mtom"])
def test_letter_is_handed_in_at_another_hub(live: LiveHub, port: str, attachments: str) -> None:
    used = to_the_door(live, "SubmitEnvelope", SUBMISSION, port=port, attachments=attachments, **SUBMITTED)
    done = SoapAdapter().deliver(of_size(live, 3000), used)
    assert re.fullmatch("[0-9A-Z-]{13}", done.target_reference or "")


def test_large_file_goes_by_parts_in_constant_memory(live: LiveHub) -> None:
    """Sender and receiver are one process here: both together stay far below the file."""
    one = of_size(live, 48 * MIB)
    used = to_the_door(live, "SubmitEnvelope", SUBMISSION, attachments="mtom", **SUBMITTED)
    SoapAdapter().deliver(of_size(live, 100), used)  # the WSDL's own memory is not counted
    with traced() as grown:
        done = SoapAdapter().deliver(one, used)
    assert done.target_reference
    assert grown[0] < 12 * MIB


@contextmanager
def swallowing() -> Iterator[tuple[str, list[int]]]:
    """A service that counts what it is sent, and registers it."""
    counted: list[int] = []
    said = b'<r xmlns="urn:x"><NumeroOrdre>7</NumeroOrdre><Accuse><Code>RECU</Code></Accuse></r>'
    body = b'<e:Envelope xmlns:e="%s"><e:Body>%s</e:Body></e:Envelope>' % (SOAP11.encode(), said)

    def swallow(connection: socket.socket) -> None:
        head, _, rest = _head(connection).partition(b"\r\n\r\n")
        [length] = re.findall(rb"(?i)content-length: (\d+)", head)
        left = int(length) - len(rest)
        while left > 0 and (piece := connection.recv(65536)):
            left -= len(piece)
        counted.append(int(length) - left)
        connection.sendall(_answer(body))

    with listening(swallow) as url:
        yield url, counted


@pytest.mark.parametrize(
    "auth", [{"kind": "none"}, {"kind": "x509", "secret": "identity"}], ids=["", "signed"]
)
@pytest.mark.parametrize("attachments", ["base64", "mtom"])
def test_neither_base64_nor_a_signature_holds_a_file_in_memory(
    live: LiveHub, attachments: str, auth: Any
) -> None:
    size = 32 * MIB
    bare = {name: value for name, value in ROUTE.items() if name not in ("wsdl_url", "find")}
    with swallowing() as (url, counted):
        changes = {"endpoint": url, "wsdl": WSDL_TEXT.partition("?>")[2], "attachments": attachments}
        route = {**bare, **changes, "auth": auth, "max_bytes": size * 2}
        used = replace(to_the_door(live, "", {}), options=route)
        adapter = SoapAdapter()
        adapter.deliver(of_size(live, 10), used)
        one = of_size(live, size)
        with traced() as grown:
            assert adapter.deliver(one, used).register_number == "7"
    assert counted[-1] > (size if attachments == "mtom" else size * 4 // 3)
    assert grown[0] < 6 * MIB


class Altering:
    """Puts other octets into a message on its way."""

    def __init__(self, way: Http, old: bytes, new: bytes) -> None:
        self._way, self._old, self._new = way, old, new

    def request(self, method: str, url: str, *, body: Any = None, **more: Any) -> Response:
        if body is not None:
            assert self._old in body
            body = body.replace(self._old, self._new)
        return self._way.request(method, url, body=body, **more)


def test_signed_call_is_let_in_and_an_altered_one_is_not(live: LiveHub) -> None:
    live.lying(MINISTRY_OFFICE)
    auth = {"kind": "x509", "secret": "identity"}
    request = {"office": f"'{MINISTRY_OFFICE}'"}
    reads = {"target_reference": "to_array(letter) | [0].reference"}
    used = to_the_door(live, "ListInbox", request, auth=auth, reads=reads)
    assert SoapAdapter().deliver(letter(), used).target_reference
    other = Altering(used.http, MINISTRY_OFFICE.encode(), COMMUNE_OFFICE.encode())
    with pytest.raises(DeliveryError, match="WASL-SIG-012"):
        SoapAdapter().deliver(letter(), replace(used, http=other))
    unsigned = to_the_door(live, "ListInbox", request, reads=reads)
    with pytest.raises(DeliveryError):
        SoapAdapter().deliver(letter(), unsigned)


# Services that mean no good ------------------------------------------------------------------------


def _head(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw and (piece := connection.recv(65536)):
        raw += piece
    return raw


def _answer(body: bytes, media: str = "text/xml", status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@contextmanager
def listening(
    behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None, name: str = "127.0.0.1"
) -> Iterator[str]:
    """A server on loopback, one connection at a time, for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):  # closed: the end
                while True:
                    connection, _ = server.accept()
                    with contextlib.suppress(OSError), connection:
                        connection.settimeout(5)
                        if tls is None:
                            behave(connection)
                        else:
                            with tls.wrap_socket(connection, server_side=True) as secured:
                                behave(secured)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"{'http' if tls is None else 'https'}://{name}:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def says(raw: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        _head(connection)
        connection.sendall(raw)

    return behave


def announces_gigabytes(connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n<a>" % GIGABYTES)
    connection.recv(1)


def never_ends(connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<a>")
    while True:
        connection.sendall(b" " * 65536)


def drips(connection: socket.socket) -> None:
    """Slow enough that nothing comes of it, fast enough that no silence is long."""
    _head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        threading.Event().wait(0.05)


def definitions(inside: str) -> bytes:
    """The example's WSDL with something more in its schema."""
    return WSDL_TEXT.replace(
        '<xsd:simpleType name="Ligne">', f'{inside}<xsd:simpleType name="Ligne">'
    ).encode()


MANY = definitions("<a/>" * 60_000)
DEEP = definitions(
    '<xsd:element name="d"><xsd:complexType>'
    + "<xsd:sequence>" * 200
    + "</xsd:sequence>" * 200
    + "</xsd:complexType></xsd:element>"
)
BOMB = WSDL_TEXT.replace(
    "<wsdl:definitions",
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><wsdl:definitions',
    1,
).encode()
WSDL_IMPORT = WSDL_TEXT.replace(
    "<wsdl:types>", '<wsdl:import namespace="urn:x" location="file:///etc/hostname"/><wsdl:types>'
).encode()
INWARD = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/x?wsdl\r\nContent-Length: 0\r\n\r\n"


def calling(options: dict[str, Any], limits: HttpLimits = PATIENT, **settings: Any) -> Context:
    http = GuardedHttp(HttpSettings(allow=HERE, limits=limits, **settings), resolve=lambda *_: ["127.0.0.1"])
    return Context(http, options, lambda reference: f"secret of {reference}", lambda: NOW)


def imports(location: str) -> bytes:
    return definitions(f'<xsd:import namespace="urn:x" schemaLocation="{location}"/>')


@pytest.mark.parametrize(
    ("behave", "kind", "code"),
    [
        (says(_answer(imports("http://127.0.0.1:1/x.xsd"))), Permanent, "WASL-DLV-006"),
        (says(_answer(imports("file:///etc/passwd"))), Permanent, "WASL-DLV-006"),
        (says(_answer(WSDL_IMPORT)), Permanent, "WASL-DLV-006"),
        (says(_answer(MANY)), Temporary, "WASL-DLV-008"),
        (says(_answer(DEEP)), Temporary, "WASL-DLV-008"),
        (says(_answer(BOMB)), Temporary, "WASL-DLV-008"),
        (says(_answer(b"<html>Bienvenue</html>", "text/html")), Temporary, "WASL-DLV-008"),
        (says(INWARD), Temporary, "WASL-DLV-008"),
        (announces_gigabytes, Temporary, "WASL-DLV-008"),
        (never_ends, Temporary, "WASL-DLV-008"),
        (drips, Temporary, "WASL-DLV-004"),
    ],
    ids=[
        "imports-http", "imports-file", "imports-wsdl", "many", "deep", "bomb", "page", "redirect",
        "gigabytes", "endless", "drip",
    ],
)  # fmt: skip
def test_hostile_wsdl_costs_little_and_no_letter(
    behave: Callable[[socket.socket], None], kind: type[DeliveryError], code: str
) -> None:
    with listening(behave) as url:
        options = {**ROUTE, "wsdl_url": f"{url}/courrier?wsdl"}
        limits = QUICK if behave is drips else PATIENT
        for ask in (SoapAdapter().probe, SoapAdapter().describe):
            with pytest.raises(DeliveryError) as caught:
                ask(calling(options, limits))
            assert (type(caught.value), caught.value.code) == (kind, code), caught.value


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (announces_gigabytes, Ambiguous),
        (never_ends, Ambiguous),
        (drips, Ambiguous),
        (says(INWARD), Ambiguous),
        (says(_answer(b"<html>Erreur</html>", "text/html")), Ambiguous),
        (says(b"\x15\x03\x01\x00\x02\x02\x46"), Ambiguous),
    ],
    ids=["gigabytes", "endless", "drip", "redirect", "page", "tls-alert"],
)
@pytest.mark.parametrize("adapter", [RestAdapter(), SoapAdapter()], ids=["rest", "soap"])
def test_hostile_answer_to_a_call_leaves_its_outcome_open(
    adapter: Adapter, behave: Callable[[socket.socket], None], kind: type[DeliveryError]
) -> None:
    with listening(behave) as url:
        if adapter.kind == "rest":
            options = {**SINGLE, "base_url": url}
        else:
            bare = {name: value for name, value in ROUTE.items() if name != "wsdl_url"}
            options = {**bare, "wsdl": WSDL_TEXT.partition("?>")[2], "endpoint": url}
        with pytest.raises(DeliveryError) as caught:
            adapter.deliver(letter(), calling(options, QUICK if behave is drips else PATIENT))
    assert type(caught.value) is kind, caught.value
    assert not isinstance(caught.value, Declined)


class TokenSystem:
    """An authority for tokens and a system that lets their bearers in, behind one address."""

    def __init__(self) -> None:
        self.issued = 0
        self.told: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        head, _, body = _head(connection).partition(b"\r\n\r\n")
        [length] = re.findall(rb"(?i)content-length: (\d+)", head) or [b"0"]
        while len(body) < int(length) and (piece := connection.recv(65536)):
            body += piece
        [shown] = re.findall(rb"(?im)^authorization: (.+?)\r?$", head) or [b""]
        connection.sendall(self._answer(head.split(b" ")[1].decode(), shown, body))

    def _answer(self, path: str, shown: bytes, body: bytes) -> bytes:
        self.told.append(path)
        if path == "/token":
            right = b"Basic " + base64.b64encode(b"wasl:secret+of+client")
            if shown != right or b"grant_type=client_credentials" not in body:
                return _answer(b'{"error":"invalid_client"}', "application/json", "401 Unauthorized")
            self.issued += 1
            said = f'{{"access_token":"t{self.issued}","token_type":"Bearer","expires_in":3600}}'
            return _answer(said.encode(), "application/json")
        if shown != b"Bearer t%d" % self.issued:
            return _answer(b"{}", "application/json", "401 Unauthorized")
        return _answer(b'{"id":"7","number":"2026/7"}', "application/json", "201 Created")


def test_token_is_fetched_shared_and_renewed_over_real_sockets() -> None:
    system, adapter = TokenSystem(), RestAdapter()
    with listening(system) as url:
        auth = {"kind": "oauth2", "token_url": f"{url}/token", "client_id": "wasl", "secret": "client"}
        used = calling({**SINGLE, "base_url": url, "auth": auth})
        for _ in range(2):
            assert adapter.deliver(letter(), used).register_number == "2026/7"
        assert system.told == ["/token", "/letters", "/letters"]
        system.issued += 1  # every token before is withdrawn
        system.told.clear()
        assert adapter.deliver(letter(), used).register_number == "2026/7"
        assert system.told == ["/letters", "/token", "/letters"]


@pytest.mark.parametrize("token", [True, False], ids=["token", "call"])
def test_wrong_name_in_tls_is_told_nothing(tmp_path: Path, token: bool) -> None:
    files = make_tls(tmp_path / "tls", "other.example")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files.certificate, files.key)
    heard: list[bytes] = []
    with listening(lambda connection: heard.append(_head(connection)), tls, "dms.example") as url:
        auth = {"kind": "oauth2", "token_url": f"{url}/token", "client_id": "wasl", "secret": "s"}
        options = {**ROUTE, "wsdl_url": f"{url}/courrier?wsdl", **({"auth": auth} if token else {})}
        with pytest.raises(Temporary) as caught:
            SoapAdapter().deliver(letter(), calling(options, ca_file=files.authority))
    assert caught.value.code == ("WASL-DLV-070" if token else "WASL-DLV-001")
    assert heard == []


def test_types_that_hold_each_other_many_times_over_are_listed_in_bounded_time() -> None:
    """Ten types, each ten times the next one: ten thousand million parameters if all were told."""
    kinds = "".join(
        f'<xsd:complexType name="K{at}"><xsd:sequence>'
        + "".join(f'<xsd:element name="c{n}" type="tns:K{(at + 1) % 10}"/>' for n in range(10))
        + "</xsd:sequence></xsd:complexType>"
        for at in range(10)
    )
    hostile = WSDL_TEXT.replace(
        '<xsd:simpleType name="Ligne">', f'{kinds}<xsd:simpleType name="Ligne">'
    ).replace('name="Texte" type="xsd:string"', 'name="Texte" type="tns:K0"')
    with listening(says(_answer(hostile.encode()))) as url:
        [found, *_] = SoapAdapter().describe(calling({"wsdl_url": f"{url}/x?wsdl"}))
    assert found.operation == "EnregistrerCourrier"

    def count(parameters: Any) -> int:
        return sum(1 + count(one.parameters) for one in parameters)

    assert count(found.takes) < 25_000


# What a route's options say of sizes ----------------------------------------------------------------


def test_limit_among_the_options_is_published_and_kept_at_the_door(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    file = tmp_path / "plan.pdf"
    for own, published in (({}, 40), ({"max_bytes": 30}, 30), ({"max_bytes": 50}, 40)):
        route_of_commune(hub, adapter="soap", options={**ROUTE, "max_bytes": 40}, **own)
        listed = hub.get(f"/api/v1/directory/offices/{COMMUNE_OFFICE}").json
        assert listed["maxBytes"] == published
        for size, taken in ((published, True), (published + 1, False)):
            file.write_bytes(bytes(size))
            made = hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE),))
            assert (hub.post(hub.signed(made, files=(file,))).status_code == 201) is taken
