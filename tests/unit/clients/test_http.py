from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.contract import Http
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, Misconfigured, Permanent, Temporary, Unavailable

QUICK = HttpLimits(connect_s=2, read_s=0.2, total_s=0.4)
SMALL = HttpLimits(connect_s=5, read_s=5, total_s=10, answer_bytes=1000)
PATIENT = HttpLimits(connect_s=5, read_s=5, total_s=10, answer_bytes=200_000)
HERE = ("127.0.0.0/8", "::1")


def client(limits: HttpLimits = PATIENT, **options: Any) -> GuardedHttp:
    return GuardedHttp(HttpSettings(allow=HERE, limits=limits), **options)


def answers(raw: bytes) -> Callable[..., None]:
    """Behaviour: read the request, answer with these octets, close."""

    def behave(connection: socket.socket, server: Any) -> None:
        server.read_all(connection)
        connection.sendall(raw)

    return behave


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close at once with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def drip(connection: socket.socket, server: Any, first: bytes) -> None:
    """Send something, then one octet at a time until the other side has enough."""
    connection.sendall(first)
    with contextlib.suppress(OSError):
        while not server.stopped.wait(0.02):
            connection.sendall(b"x")


# What goes out


def test_the_client_is_the_contract_s(serve: Any) -> None:
    http: Http = client()
    server = serve(answers(ok(b"hello", b"Content-Type: text/plain", b"X-A: 1", b"X-a: 2")))
    response = http.request("GET", f"http://127.0.0.1:{server.port}/a?b=c", headers={"X-Route": "7"})
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["x-a"] == "1, 2"
    head = server.seen[0].split(b"\r\n")
    assert head[0] == b"GET /a?b=c HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert {b"X-Route: 7", b"Connection: close", b"Accept-Encoding: identity"} < set(head)
    assert not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in head)
    assert any(line.startswith(b"User-Agent: wasl/") for line in head)


@pytest.mark.parametrize(
    ("method", "body", "length"), [("POST", b"x" * 200_000, 200_000), ("PUT", b"", 0), ("POST", None, 0)]
)
def test_a_body_goes_out_with_its_length(serve: Any, method: str, body: bytes | None, length: int) -> None:
    server = serve(answers(ok(b"")))
    client().request(method, f"http://127.0.0.1:{server.port}/", body=body)
    head, _, sent = server.seen[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {length}".encode() in head
    assert b"Transfer-Encoding" not in head
    assert sent == (body or b"")


def test_a_stream_goes_out_with_the_length_stated(serve: Any) -> None:
    server = serve(answers(ok(b"")))
    chunks = [b"a" * 100_000, b"", b"b" * 50_000]
    client().request("POST", f"http://127.0.0.1:{server.port}/", body=iter(chunks), content_length=150_000)
    head, _, sent = server.seen[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 150000" in head
    assert b"Transfer-Encoding" not in head
    assert sent == b"".join(chunks)


@pytest.mark.parametrize(
    ("body", "length"), [(iter([b"x"]), None), (iter([b"x"]), -1), (b"abc", 4), (None, 5)]
)
def test_a_body_without_its_right_length_is_a_mistake_of_the_caller(body: Any, length: int | None) -> None:
    with pytest.raises(ValueError, match=r"length|octets"):
        client().request("POST", "http://127.0.0.1:9/", body=body, content_length=length)


@pytest.mark.parametrize("chunks", [[b"abc"], [b"abcdef", b"g"], [b"abcdefg"], []])
def test_a_stream_of_another_length_than_stated_is_cut(serve: Any, chunks: list[bytes]) -> None:
    server = serve(answers(ok(b"")))
    with pytest.raises(Ambiguous) as caught:
        client().request("POST", f"http://127.0.0.1:{server.port}/", body=iter(chunks), content_length=6)
    assert caught.value.code == "WASL-DLV-014"


def test_content_that_breaks_off_is_ambiguous_and_says_why(serve: Any) -> None:
    def content() -> Iterator[bytes]:
        yield b"first"
        raise Unavailable("payload store")

    server = serve(answers(ok(b"")))
    with pytest.raises(Ambiguous) as caught:
        client().request("POST", f"http://127.0.0.1:{server.port}/", body=content(), content_length=10)
    assert caught.value.code == "WASL-DLV-015"
    assert isinstance(caught.value.__cause__, Unavailable)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Subject": "a\r\nX-Evil: 1"}, {"X-Subject": "a\nb"}, {"X-Subject": "a\x00b"},
        {"X-Subject": "a\rb"}, {"X-Subject": "رسالة"}, {"X Subject": "a"}, {"X-Subject:": "a"},
        {"": "a"}, {"X\r\nY": "a"},
        {"Host": "other"}, {"content-length": "5"}, {"Transfer-Encoding": "chunked"}, {"Connection": "keep"},
        {"Expect": "100-continue"}, {"Proxy-Authorization": "x"}, {"Upgrade": "x"},
        {"Accept-Encoding": "gzip"}, {"X-A": "1", "x-a": "2"},
    ],
)  # fmt: skip
def test_headers_that_could_be_read_as_something_else_are_refused(
    serve: Any, headers: dict[str, str]
) -> None:
    server = serve(answers(ok(b"")))
    with pytest.raises(Permanent) as caught:
        client().request("POST", f"http://127.0.0.1:{server.port}/", headers=headers)
    assert caught.value.code == "WASL-DLV-007"
    assert server.calls == 0


def test_headers_in_latin_1_pass_as_they_are(serve: Any) -> None:
    server = serve(answers(ok(b"")))
    client().request("GET", f"http://127.0.0.1:{server.port}/", headers={"X-A": "café", "User-Agent": "mine"})
    assert "X-A: café".encode("latin-1") in server.seen[0]
    assert b"User-Agent: mine\r\n" in server.seen[0]
    assert server.seen[0].lower().count(b"user-agent") == 1


@pytest.mark.parametrize("method", ["", "get", "CONNECT", "TRACE", "GET /x HTTP/1.1\r\n", "GÉT"])
def test_methods_that_are_none_are_refused(method: str) -> None:
    with pytest.raises(Permanent):
        client().request(method, "http://127.0.0.1:9/")


# Where it may go


HERE_IN_OTHER_FORMS = [
    "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "localhost", "localhost.",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE_IN_OTHER_FORMS)
def test_no_form_of_a_closed_address_is_called(serve: Any, host: str) -> None:
    server = serve(answers(ok(b"")))
    with pytest.raises(Permanent) as caught:
        GuardedHttp(HttpSettings(limits=PATIENT)).request("GET", f"http://{host}:{server.port}/")
    assert caught.value.code == "WASL-DLV-006"
    assert server.calls == 0


def test_a_public_name_that_leads_inward_is_not_called(serve: Any) -> None:
    server = serve(answers(ok(b"")))
    http = GuardedHttp(HttpSettings(limits=PATIENT), resolve=lambda *_: ["127.0.0.1", "::1", "10.0.0.1"])
    with pytest.raises(Permanent):
        http.request("GET", f"http://public.example:{server.port}/")
    assert server.calls == 0


def test_a_name_is_looked_up_once_and_called_where_that_look_up_led(serve: Any) -> None:
    """Rebinding: the second look-up would lead inward."""
    server = serve(answers(ok(b"right")))
    looked_up: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append((host, port))
        return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

    http = client(resolve=resolve)
    url = f"http://rebinding.example:{server.port}/"
    assert http.request("GET", url).body == b"right"
    assert looked_up == [("rebinding.example", server.port)]
    assert f"Host: rebinding.example:{server.port}".encode() in server.seen[0]
    with pytest.raises(Permanent):  # and the next call judges anew
        http.request("GET", url)


def test_only_the_allowed_among_several_addresses_are_called(serve: Any) -> None:
    server = serve(answers(ok(b"right")))
    http = GuardedHttp(
        HttpSettings(allow=("127.0.0.1/32",), limits=PATIENT),
        resolve=lambda *_: ["127.0.0.9", "169.254.169.254", "127.0.0.1"],
    )
    assert http.request("GET", f"http://dms.example:{server.port}/").body == b"right"


def test_the_next_address_is_tried_when_one_does_not_answer(serve: Any) -> None:
    server = serve(answers(ok(b"right")))
    http = client(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])  # nobody listens at the first
    assert http.request("GET", f"http://dms.example:{server.port}/").body == b"right"


def test_an_ipv6_address_can_be_called(serve: Any) -> None:
    server = serve(answers(ok(b"six")), host="::1")
    assert client().request("GET", f"http://[::1]:{server.port}/").body == b"six"
    assert f"Host: [::1]:{server.port}".encode() in server.seen[0]


def test_a_name_entry_lets_the_system_s_own_names_through(serve: Any) -> None:
    server = serve(answers(ok(b"home")))
    http = GuardedHttp(HttpSettings(allow=("localhost",), limits=PATIENT))
    assert http.request("GET", f"http://localhost:{server.port}/").body == b"home"


def test_a_redirect_is_handed_back_and_not_followed(serve: Any) -> None:
    inside = serve(answers(ok(b"secret")))
    location = f"http://127.0.0.1:{inside.port}/".encode()
    server = serve(answers(b"HTTP/1.1 307 Moved\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"))
    response = client().request("POST", f"http://127.0.0.1:{server.port}/", body=b"letter")
    assert response.status == 307
    assert response.headers["location"] == location.decode()
    assert (server.calls, inside.calls) == (1, 0)


def test_proxies_of_the_environment_are_not_asked(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(answers(ok(b"proxy"))), serve(answers(ok(b"direct")))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert client().request("GET", f"http://127.0.0.1:{server.port}/").body == b"direct"
    assert proxy.calls == 0


# Nothing was sent


def refuse(*_: object) -> list[str]:
    raise socket.gaierror(-2, "Name or service not known")


def test_an_unknown_name_is_temporary() -> None:
    with pytest.raises(Temporary) as caught:
        client(resolve=refuse).request("GET", "http://unknown.example/")
    assert caught.value.code == "WASL-DLV-001"
    assert isinstance(caught.value.__cause__, socket.gaierror)


def test_a_name_without_addresses_is_temporary() -> None:
    with pytest.raises(Temporary):
        client(resolve=lambda *_: []).request("GET", "http://empty.example/")


def test_a_look_up_that_hangs_is_given_up() -> None:
    hanging = threading.Event()

    def resolve(*_: object) -> list[str]:
        hanging.wait(10)
        return ["127.0.0.1"]

    http = client(HttpLimits(connect_s=0.1), resolve=resolve)
    with pytest.raises(Temporary, match="no address found"):
        http.request("GET", "http://slow.example/")
    hanging.set()


def test_a_refused_connection_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Temporary) as caught:
        client().request("POST", f"http://127.0.0.1:{port}/secret?key=hidden", body=b"letter")
    assert caught.value.code == "WASL-DLV-001"
    assert "hidden" not in str(caught.value)


def test_no_time_left_to_connect_is_temporary() -> None:
    with pytest.raises(Temporary, match="no time left"):
        client(HttpLimits(total_s=0)).request("GET", "http://127.0.0.1:9/")


# Nobody knows


def hang(connection: socket.socket, server: Any) -> None:
    server.read_all(connection)
    server.stopped.wait(10)


def close_at_once(connection: socket.socket, server: Any) -> None:
    server.read_all(connection)


def reset_at_once(connection: socket.socket, server: Any) -> None:
    server.read_all(connection)
    reset(connection)


def reset_amid_the_answer(connection: socket.socket, server: Any) -> None:
    server.read_all(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")
    reset(connection)


def take_nothing(connection: socket.socket, server: Any) -> None:
    server.stopped.wait(10)


@pytest.mark.parametrize(
    "behaviour",
    [
        hang,
        close_at_once,
        reset_at_once,
        reset_amid_the_answer,
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl"),
        answers(b"HTTP/1.1 200 OK"),
        answers(b"HTTP/1.1 200 OK\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"),
        answers(b"HTTP/1.1 100 Continue\r\n\r\n"),
        answers(b"HTTP/1.1 "),
        answers(b""),
    ],
)
def test_an_answer_that_does_not_come_whole_is_ambiguous(serve: Any, behaviour: Any) -> None:
    server = serve(behaviour)
    with pytest.raises(Ambiguous) as caught:
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/?key=hidden", body=b"letter")
    assert caught.value.code in ("WASL-DLV-004", "WASL-DLV-008")
    assert "hidden" not in str(caught.value)
    assert server.calls == 1


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n384\r\n",
    ],
)
def test_an_answer_that_drips_is_cut_off_at_the_total_time(serve: Any, first: bytes) -> None:
    def behave(connection: socket.socket, server: Any) -> None:
        server.read_all(connection)
        drip(connection, server, first)

    server = serve(behave)
    with pytest.raises(Ambiguous, match=r"within 0\.4 seconds") as caught:
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/", body=b"letter")
    assert caught.value.code == "WASL-DLV-004"


def test_interim_answers_without_end_are_cut_off(serve: Any) -> None:
    def behave(connection: socket.socket, server: Any) -> None:
        server.read_all(connection)
        while not server.stopped.wait(0.02):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    server = serve(behave)
    with pytest.raises(Ambiguous, match="no complete answer"):
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/", body=b"letter")


def test_a_server_that_takes_nothing_is_given_up(serve: Any) -> None:
    server = serve(take_nothing)
    with pytest.raises(Ambiguous) as caught:
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/", body=bytes(32 * 1024 * 1024))
    assert caught.value.code == "WASL-DLV-004"


def test_a_server_that_takes_slowly_is_cut_off_at_the_total_time(serve: Any) -> None:
    def behave(connection: socket.socket, server: Any) -> None:
        while not server.stopped.wait(0.005) and connection.recv(65536):
            pass

    server = serve(behave)
    with pytest.raises(Ambiguous, match="no complete answer"):
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/", body=bytes(64 * 1024 * 1024))


@pytest.mark.parametrize(
    "raw",
    [
        ok(b"x" * 1001),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n",
    ],
)
def test_an_answer_over_the_limit_is_no_answer(serve: Any, raw: bytes) -> None:
    server = serve(answers(raw))
    with pytest.raises(Ambiguous, match="more than 1000 octets") as caught:
        client(SMALL).request("GET", f"http://127.0.0.1:{server.port}/")
    assert caught.value.code == "WASL-DLV-008"


def test_an_endless_answer_is_not_read_to_its_end(serve: Any) -> None:
    sent: list[int] = []

    def behave(connection: socket.socket, server: Any) -> None:
        server.read_all(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.stopped.is_set():
            sent.append(connection.send(bytes(65536)))

    server = serve(behave)
    with pytest.raises(Ambiguous, match="more than"):
        client().request("GET", f"http://127.0.0.1:{server.port}/")
    assert sum(sent) < 64 * 1024 * 1024


def test_an_answer_at_the_limit_is_taken(serve: Any) -> None:
    server = serve(answers(ok(b"x" * 1000)))
    assert len(client(SMALL).request("GET", f"http://127.0.0.1:{server.port}/").body) == 1000


def test_an_answer_to_head_has_a_length_and_no_body(serve: Any) -> None:
    server = serve(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"))
    response = client(SMALL).request("HEAD", f"http://127.0.0.1:{server.port}/")
    assert (response.body, response.headers["content-length"]) == (b"", "5000000")


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-server\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    ],
)
def test_what_is_not_http_is_no_answer(serve: Any, raw: bytes) -> None:
    server = serve(answers(raw))
    with pytest.raises(Ambiguous) as caught:
        client().request("POST", f"http://127.0.0.1:{server.port}/", body=b"letter")
    assert caught.value.code == "WASL-DLV-008"


@pytest.mark.parametrize("status", [200, 204, 302, 404, 429, 500, 503])
def test_any_status_is_the_adapter_s_to_judge(serve: Any, status: int) -> None:
    raw = f"HTTP/1.1 {status} Word\r\nRetry-After: 7\r\nContent-Type: text/html\r\n\r\n".encode()
    server = serve(answers(raw))
    response = client().request("GET", f"http://127.0.0.1:{server.port}/")
    assert (response.status, response.headers["retry-after"]) == (status, "7")


def early(status: bytes) -> Callable[..., None]:
    """Behaviour: answer after the headers, read no body, and end."""

    def behave(connection: socket.socket, server: Any) -> None:
        server.read_head(connection)
        connection.sendall(b"HTTP/1.1 " + status + b" Word\r\nContent-Length: 2\r\n\r\nno")
        connection.shutdown(socket.SHUT_WR)
        server.stopped.wait(10)

    return behave


def test_who_refuses_before_all_was_sent_is_heard(monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    server = serve(early(b"413"))
    response = send_until_stopped(monkeypatch, server)
    assert (response.status, response.body) == (413, b"no")


def test_who_agrees_before_all_was_sent_is_not_believed(monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    server = serve(early(b"200"))
    with pytest.raises(Ambiguous, match="before the whole letter") as caught:
        send_until_stopped(monkeypatch, server)
    assert caught.value.code == "WASL-DLV-004"


def send_until_stopped(monkeypatch: pytest.MonkeyPatch, server: Any) -> Any:
    """Send a letter whose second piece finds the pipe broken while the answer waits to be read."""
    from urllib3.connection import HTTPConnection

    real, sent = HTTPConnection.send, []

    def send(connection: HTTPConnection, data: Any) -> None:
        sent.append(len(data))
        if len(sent) > 2:
            raise BrokenPipeError(32, "Broken pipe")
        real(connection, data)

    monkeypatch.setattr(HTTPConnection, "send", send)
    url = f"http://127.0.0.1:{server.port}/"
    return client().request("POST", url, body=iter([b"x"] * 100), content_length=100)


def test_who_stops_before_the_headers_were_sent_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch, serve: Any
) -> None:
    from urllib3.connection import HTTPConnection

    def send(*_: object) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    server = serve(close_at_once)
    monkeypatch.setattr(HTTPConnection, "send", send)
    with pytest.raises(Ambiguous) as caught:
        client(QUICK).request("POST", f"http://127.0.0.1:{server.port}/", body=b"letter")
    assert caught.value.code == "WASL-DLV-004"


# TLS


class Authority:
    """A certificate authority for one test run, with keys that never leave the test's folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        extension = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._sign(self._name, self._key, [(extension, True)])
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *alternatives: str, days: int = 1) -> tuple[Path, Path]:
        """Certificate and key files for a holder, with these host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions: list[tuple[x509.ExtensionType, bool]] = []
        if alternatives:
            extensions.append(
                (x509.SubjectAlternativeName([_alternative(text) for text in alternatives]), False)
            )
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, extensions, days)
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _sign(self, subject: x509.Name, key: Any, extensions: Any, days: int = 1) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def tls_server(files: tuple[Path, Path], clients: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


def tls_client(authority: Authority, limits: HttpLimits = PATIENT, **files: Path) -> GuardedHttp:
    settings = HttpSettings(allow=HERE, limits=limits, ca_file=authority.file, **files)  # type: ignore[arg-type]
    return GuardedHttp(settings, resolve=lambda *_: ["127.0.0.1"])


def test_tls_is_verified_for_the_name_of_the_url(serve: Any, authority: Authority) -> None:
    server = serve(
        answers(ok(b"safe")), tls=tls_server(authority.issue("server", "dms.example", "127.0.0.1"))
    )
    http = tls_client(authority)
    assert http.request("POST", f"https://dms.example:{server.port}/", body=b"letter").body == b"safe"
    assert http.request("GET", f"https://127.0.0.1:{server.port}/").body == b"safe"


@pytest.mark.parametrize("alternatives", [("other.example",), ("127.0.0.1",), ()])
def test_a_certificate_for_another_name_is_not_talked_to(
    serve: Any, authority: Authority, alternatives: tuple[str, ...]
) -> None:
    server = serve(answers(ok(b"")), tls=tls_server(authority.issue("dms.example", *alternatives)))
    with pytest.raises(Temporary) as caught:
        tls_client(authority).request("POST", f"https://dms.example:{server.port}/", body=b"letter")
    assert caught.value.code == "WASL-DLV-001"
    assert server.seen == []


def test_an_expired_certificate_is_not_talked_to(serve: Any, authority: Authority) -> None:
    files = authority.issue("server", "dms.example", days=-1)
    server = serve(answers(ok(b"")), tls=tls_server(files))
    with pytest.raises(Temporary):
        tls_client(authority).request("GET", f"https://dms.example:{server.port}/")
    assert server.seen == []


def test_a_certificate_of_an_unknown_authority_is_not_talked_to(
    serve: Any, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    server = serve(answers(ok(b"")), tls=tls_server(stranger.issue("server", "dms.example")))
    for http in (tls_client(authority), client(resolve=lambda *_: ["127.0.0.1"])):
        with pytest.raises(Temporary):
            http.request("GET", f"https://dms.example:{server.port}/")
    assert server.seen == []


def test_a_server_that_does_not_speak_tls_is_not_talked_to(serve: Any, authority: Authority) -> None:
    server = serve(answers(ok(b"")))
    with pytest.raises(Temporary):
        tls_client(authority, QUICK).request("POST", f"https://dms.example:{server.port}/", body=b"letter")
    assert b"letter" not in b"".join(server.seen)


def test_a_handshake_that_hangs_is_given_up(serve: Any, authority: Authority) -> None:
    server = serve(take_nothing)
    limits = HttpLimits(connect_s=0.2)
    with pytest.raises(Temporary):
        tls_client(authority, limits).request("GET", f"https://dms.example:{server.port}/")


def test_an_answer_that_drips_through_tls_is_cut_off(serve: Any, authority: Authority) -> None:
    def behave(connection: socket.socket, server: Any) -> None:
        server.read_all(connection)
        drip(connection, server, b"HTTP/1.1 200 OK\r\n\r\n")

    server = serve(behave, tls=tls_server(authority.issue("server", "dms.example")))
    with pytest.raises(Ambiguous, match="no complete answer"):
        tls_client(authority, QUICK).request("GET", f"https://dms.example:{server.port}/")


def test_the_hub_shows_its_certificate(serve: Any, authority: Authority) -> None:
    def behave(connection: ssl.SSLSocket, server: Any) -> None:
        server.read_all(connection)
        subject = dict(pair[0] for pair in connection.getpeercert()["subject"])  # type: ignore[index, misc]
        connection.sendall(ok(subject["commonName"].encode()))

    server = serve(behave, tls=tls_server(authority.issue("server", "dms.example"), authority.file))
    certificate, key = authority.issue("hub")
    http = tls_client(authority, client_certificate=certificate, client_key=key)
    assert http.request("GET", f"https://dms.example:{server.port}/").body == b"hub"


def test_a_server_that_refuses_the_hub_s_certificate_took_nothing(serve: Any, authority: Authority) -> None:
    server = serve(answers(ok(b"")), tls=tls_server(authority.issue("server", "dms.example"), authority.file))
    with pytest.raises(Temporary) as caught:
        tls_client(authority).request("GET", f"https://dms.example:{server.port}/")
    assert caught.value.code == "WASL-DLV-013"
    assert server.seen == []


@pytest.mark.parametrize("option", ["ca_file", "client_certificate"])
def test_certificate_files_that_cannot_be_read_are_found_at_start(tmp_path: Path, option: str) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path in (bad, tmp_path / "missing.pem"):
        with pytest.raises(Misconfigured, match="outgoing TLS"):
            GuardedHttp(HttpSettings(**{option: path}))  # type: ignore[arg-type]


def test_calls_of_one_client_share_one_thread_for_their_deadlines(serve: Any) -> None:
    server = serve(answers(ok(b"")))
    http = client()
    http.request("GET", f"http://127.0.0.1:{server.port}/")
    before = threading.active_count()
    for _ in range(5):
        http.request("GET", f"http://127.0.0.1:{server.port}/")
    assert threading.active_count() == before
