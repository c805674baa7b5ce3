"""A connection that speaks no HTTP goes by the same rules of addresses."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.contract import Dial
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Permanent, Temporary

LIMITS = HttpLimits(connect_s=2, read_s=0.2, total_s=3)
HERE = ("127.0.0.0/8", "::1")


def dialer(*allow: str, found: Sequence[str] | None = None) -> GuardedHttp:
    """A way out whose names all lead to the addresses given."""

    def resolve(host: str, port: int) -> Sequence[str]:
        if found is None:
            raise OSError("no such name")
        return found

    return GuardedHttp(HttpSettings(allow=allow, limits=LIMITS), resolve)


def greet(connection: socket.socket, _: Any) -> None:
    connection.sendall(b"SSH-2.0-here\r\n")
    connection.recv(1)


def said(connection: socket.socket) -> bytes:
    with contextlib.closing(connection):
        return connection.recv(64)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_allowed_address_is_connected_and_silence_breaks_it_off(serve: Any, host: str) -> None:
    server = serve(greet, host=host)
    dial: Dial = dialer(*HERE).dial
    connection = dial(host, server.port)
    assert connection.gettimeout() == LIMITS.read_s
    assert said(connection) == b"SSH-2.0-here\r\n"


def test_name_is_connected_at_the_very_address_that_was_judged(serve: Any) -> None:
    server = serve(greet)
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]  # another one, asked again

    way = GuardedHttp(HttpSettings(allow=("sftp.example",), limits=LIMITS), resolve)
    assert said(way.dial("sftp.example", server.port)).startswith(b"SSH-")
    assert asked == ["sftp.example"]


def test_second_address_is_tried_where_the_first_refuses(serve: Any) -> None:
    server = serve(greet)  # listens on the first loopback address only
    way = dialer(*HERE, found=["127.0.0.2", "127.0.0.1"])
    assert said(way.dial("two.example", server.port)).startswith(b"SSH-")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "fe80::1",
        "10.1.2.3",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "64:ff9b::7f00:1",
    ],
)
def test_address_that_is_not_allowed_is_never_called(host: str) -> None:
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        dialer().dial(host, 22)


@pytest.mark.parametrize("found", ["127.0.0.1", "::1", "169.254.169.254", "192.168.1.1", "fd00:ec2::254"])
def test_name_that_leads_inward_is_never_called(found: str) -> None:
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        dialer(found=[found]).dial("public.example", 22)


@pytest.mark.parametrize("found", ["169.254.169.254", "fe80::1", "0.0.0.0"])
def test_name_that_stands_in_the_list_opens_no_metadata_service(found: str) -> None:
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        dialer("public.example", found=[found]).dial("public.example", 22)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a b",
        "a/b",
        "a@b",
        "user:word@127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "a\r\nb",
        "a\0b",
        "a#b",
        "a?b",
        "a\\b",
        "[::1]",
        "fe80::1%eth0",
        "127.0.0.1:22",
        "a" * 300,
        "-a",
    ],
    ids=ascii,
)
def test_host_that_is_none_is_never_called(host: str) -> None:
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        dialer(*HERE, found=["127.0.0.1"]).dial(host, 22)


@pytest.mark.parametrize("port", [-1, 65_536, 10**9])
def test_port_that_is_none_is_never_called(port: int) -> None:
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        dialer(*HERE).dial("127.0.0.1", port)


def test_refused_port_and_unknown_name_are_temporary() -> None:
    with contextlib.closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(Temporary, match="WASL-DLV-001"):
            dialer(*HERE).dial("127.0.0.1", reserved.getsockname()[1])
    with pytest.raises(Temporary, match="WASL-DLV-001"):
        dialer(*HERE).dial("nowhere.example", 22)
