"""Consistency proofs travel as lines of base64, in one form only."""

from __future__ import annotations

import base64

import pytest

from gateway.wire.tlog import MalformedTlog, read_hashes, write_hashes

HASHES = (b"\0" * 32, bytes(range(32)))
LINE = base64.b64encode(HASHES[1]) + b"\n"


@pytest.mark.parametrize("hashes", [(), HASHES[:1], HASHES, HASHES * 63])
def test_hashes_come_back_as_they_were_written(hashes: tuple[bytes, ...]) -> None:
    assert read_hashes(write_hashes(hashes)) == hashes


@pytest.mark.parametrize(
    "octets",
    [
        LINE[:-1],
        LINE.replace(b"\n", b"\r\n"),
        LINE + b"\n",
        b"\n",
        LINE[:-2] + b"\n",
        base64.b64encode(b"\0" * 31) + b"\n",
        LINE[:-3] + b"9=\n",
        b" " + LINE,
        LINE * 127,
        b"\xff\n",
    ],
)
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedTlog):
        read_hashes(octets)
