"""Bodies with file contents in them, made while they are sent."""

from __future__ import annotations

import base64
import hashlib
import io

import pytest

from adapters.framing import Coded, Framed
from adapters.view import CHUNK, Content
from gateway.domain.errors import Temporary, Unavailable
from tests.unit.adapters.doubles import ScriptedHttp, said


class Sparing(io.BytesIO):
    """Gives less than it is asked for, as sockets and stores may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1000, size if size is not None and size > 0 else 1000))


def content_of(octets: bytes, **changes: object) -> Content:
    facts = {"size": len(octets), "sha256": hashlib.sha256(octets).hexdigest(), **changes}
    return Content("f", "text/plain", open=lambda: Sparing(octets), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 999, 1000, 1001, CHUNK - 1, CHUNK, CHUNK + 1, 200_000])
def test_base64_made_piece_by_piece_is_that_of_the_whole(size: int) -> None:
    octets = hashlib.shake_256(b"file").digest(size)
    coded = Coded(content_of(octets))
    whole = b"".join(coded.chunks())
    assert whole == base64.b64encode(octets)
    assert coded.size == len(whole)


def test_short_body_is_whole_before_it_is_sent_and_a_long_one_is_not() -> None:
    http = ScriptedHttp([said(200), said(200)])
    for size in (1000, 2_000_000):
        framed = Framed((b"<a>", Coded(content_of(bytes(size))), b"</a>"))
        framed.post(http, "https://dms.example/", {"X": "y"})
        assert len(http.sent[-1].body) == framed.length == 7 + (size + 2) // 3 * 4


@pytest.mark.parametrize("stored", [b"x" * 99, b"x" * 101, b"y" * 100], ids=["short", "long", "other"])
def test_content_that_is_not_as_declared_never_goes_out_whole(stored: bytes) -> None:
    declared = hashlib.sha256(b"x" * 100).hexdigest()
    body = Framed((b"<a>", content_of(stored, size=100, sha256=declared), b"</a>"))
    given: list[bytes] = []
    with pytest.raises(Temporary) as caught:
        given.extend(body.chunks())
    assert caught.value.code == "WASL-DLV-015"
    assert len(b"".join(given)) < body.length


def test_store_that_fails_is_a_trouble_of_ours() -> None:
    def fail() -> io.BytesIO:
        raise Unavailable("payload store")

    content = Content("f", "text/plain", 1, "00", fail)
    with pytest.raises(Temporary, match="WASL-DLV-015"):
        list(Coded(content).chunks())
