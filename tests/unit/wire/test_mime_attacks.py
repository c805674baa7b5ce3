"""multipart/related from senders who mean no good, or whose line broke."""

import io
import itertools
import time
import tracemalloc

import pytest

from gateway.domain.errors import Refused, TooLarge, UnsupportedMedia
from gateway.wire.mime import RelatedLimits, RelatedReader

MALFORMED, CUT_OFF = "WASL-REQ-003", "WASL-REQ-004"
ROOT = b"Content-Type: application/xml\r\nContent-ID: <root>\r\n\r\n<a/>"
PART = b"Content-ID: <one>\r\n\r\none"
LIMITS = RelatedLimits()


def body(*parts, closing=b"\r\n--bound--\r\n"):
    return b"".join(b"\r\n--bound\r\n" + part for part in parts)[2:] + closing


def read_all(octets, parameters="", limits=LIMITS, step=None):
    stream = io.BytesIO(octets)
    if step:
        plain, stream = stream, io.BytesIO()
        stream.read = lambda size: plain.read(min(size, step))
    reader = RelatedReader(stream, f"multipart/related; boundary=bound{parameters}", limits)
    root = reader.root()
    return root, [(part.content_id, b"".join(part.chunks)) for part in reader.parts()]


def code(octets, *rest, **named):
    with pytest.raises(Refused) as refusal:
        read_all(octets, *rest, **named)
    (fault,) = refusal.value.faults
    return fault.code


@pytest.mark.parametrize("step", [1, 5, None])
@pytest.mark.parametrize(
    "inside",
    [
        b"a\r\n--boundX\r\nb",
        b"a\r\n--bound-\r\nb",
        b"a\n--bound\nContent-ID: <two>\n\nb",
        b"a\r--bound\rb",
        b"a\n--bound\r\nContent-ID: <two>\r\n\r\nb",
        b"--bound\r\nContent-ID: <two>\r\n\r\nb",
        b"a\r\n--boundary-of-another--",
        b"a\n--bound--\r\n",
        b"in a line --bound is data, but not\n--bound",
        b"--" * 8 + b"bound\n--bound",
    ],
)
def test_a_line_that_only_some_readers_take_for_a_delimiter_is_refused(inside, step):
    octets = body(ROOT, b"Content-ID: <one>\r\n\r\n" + inside, PART.replace(b"one", b"three"))
    assert code(octets, step=step) == MALFORMED


@pytest.mark.parametrize("step", [1, None])
@pytest.mark.parametrize(
    "octets",
    [
        b"--bound--\r\n",
        body(ROOT, closing=b"\r\n--bound--X"),
        body(ROOT, closing=b"\r\n--bound--\r\nhidden"),
        body(ROOT, closing=b"\r\n--bound--\r\n\r\n--bound\r\n" + PART + b"\r\n--bound--"),
        body(ROOT, closing=b"\r\n--bound--" + b" " * 2000),
        body(ROOT, closing=b"\r\n--bound \tX\r\n"),
        b"x" * 5000 + b"\r\n" + body(ROOT),
        b"x\n" + body(ROOT),
        b"x\r" + body(ROOT),
        b"--boundX\r\n" + ROOT + b"\r\n--boundX--\r\n",
        body(b"Content-Type : application/xml\r\n\r\n<a/>"),
        body(b"Content-Type: application/xml\r\n folded: x\r\n\r\n<a/>"),
        body(b"Content-Type: application/xml\n\n<a/>\r\n\r\n"),
        body(b"Content-Type: application/xml\r\nX: a\n--bound--\r\n\r\n<a/>"),
        body(b"Content-Type: application/xml\r\nX: a\x00b\r\n\r\n<a/>"),
        body(b": x\r\n\r\n<a/>"),
        body(b"X: " + b"x" * 5000 + b"\r\n\r\n<a/>"),
        body(b"X" * 5000 + b": x\r\n\r\n<a/>"),
        body(b"".join(b"X%d: x\r\n" % number for number in range(17)) + b"\r\n<a/>"),
        body(b"\r\n<a/>"),
        body(b"Content-Type: nonsense\r\n\r\n<a/>"),
        body(ROOT, b"\r\nno content id"),
        body(ROOT, b"Content-ID: <one>\r\nContent-ID: <two>\r\n\r\nx"),
        body(ROOT, b"Content-ID: <one>\r\ncontent-id: <one>\r\n\r\nx"),
        body(ROOT, b"Content-ID: <one\r\n\r\nx"),
        body(ROOT, b"Content-ID: one>\r\n\r\nx"),
        body(ROOT, b"Content-ID: <>\r\n\r\nx"),
        body(ROOT, b"Content-ID: <a b>\r\n\r\nx"),
        body(ROOT, b"Content-ID: <" + b"a" * 256 + b">\r\n\r\nx"),
        body(ROOT, b"Content-ID: <one>\r\nContent-Type: broken\r\n\r\nx"),
        body(ROOT, b"Content-ID: <one>\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ=="),
        body(ROOT, b"Content-ID: <one>\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41"),
        body(ROOT.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: x\r\n\r\n")),
    ],
)
def test_a_malformed_body_is_refused(octets, step):
    assert code(octets, step=step) == MALFORMED


@pytest.mark.parametrize("step", [1, None])
def test_a_body_cut_off_anywhere_is_refused(step):
    whole = body(ROOT, PART, closing=b"\r\n--bound--")
    assert read_all(whole)[1] == [("one", b"one")]
    assert {code(whole[:length], step=step) for length in range(len(whole))} == {CUT_OFF}


def test_a_content_id_that_comes_twice_is_refused():
    assert code(body(ROOT, PART, PART)) == "WASL-ATT-005"
    assert code(body(ROOT, PART.replace(b"one", b"root"))) == "WASL-ATT-005"


@pytest.mark.parametrize(
    "parameters",
    ['; start="<one>"', "; start=one", "; type=text/xml", '; type="application/xml"; start="<>"'],
)
def test_type_and_start_must_mean_the_first_part(parameters):
    assert code(body(ROOT, PART), parameters) == MALFORMED


def test_a_start_without_a_content_id_to_name_is_refused():
    assert code(body(b"Content-Type: application/xml\r\n\r\n<a/>"), "; start=root") == MALFORMED


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=b",
        "application/xml",
        "multipart/related; boundary=a; boundary=b",
        "multipart/related; boundary*0=a; boundary*1=b",
        "",
    ],
)
def test_what_is_not_multipart_related_is_refused(content_type):
    with pytest.raises(UnsupportedMedia) as refusal:
        RelatedReader(io.BytesIO(), content_type, LIMITS)
    assert refusal.value.faults[0].code == "WASL-REQ-001"


@pytest.mark.parametrize(
    "parameter",
    ["", "; boundary=", '; boundary=""', '; boundary="a "', f"; boundary={'x' * 71}", '; boundary="é"'],
)
def test_an_unusable_boundary_is_refused(parameter):
    with pytest.raises(Refused) as refusal:
        RelatedReader(io.BytesIO(), f"multipart/related{parameter}", LIMITS)
    assert refusal.value.faults[0].code in {MALFORMED, "WASL-REQ-001"}


def test_a_root_over_the_limit_is_refused():
    with pytest.raises(TooLarge) as refusal:
        read_all(body(ROOT + b"x" * 100), limits=RelatedLimits(root=50))
    (fault,) = refusal.value.faults
    assert (fault.code, fault.expected) == ("WASL-REQ-002", "50")


def test_a_root_of_exactly_the_limit_is_taken():
    assert read_all(body(ROOT), limits=RelatedLimits(root=4))[0][1] == b"<a/>"


class Generated:
    """A stream made while it is read, so that only the reader's memory counts."""

    def __init__(self, pieces):
        self._pieces, self._rest, self.given = iter(pieces), b"", 0

    def read(self, size, /):
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        self.given += len(piece)
        return piece


def opened(stream):
    return RelatedReader(stream, "multipart/related; boundary=bound", LIMITS)


def test_a_hundred_thousand_parts_are_refused_after_the_first_few():
    parts = (b"\r\n--bound\r\nContent-ID: <p%d>\r\n\r\nx" % number for number in range(100_000))
    stream = Generated(itertools.chain([b"--bound\r\n" + ROOT], parts))
    reader = opened(stream)
    reader.root()
    with pytest.raises(Refused) as refusal:
        for _ in reader.parts():
            pass
    assert refusal.value.faults[0].code == MALFORMED
    assert stream.given < 200_000


def test_64_mebibytes_pass_in_constant_memory():
    block = bytes(range(256)) * 256
    head = b"--bound\r\n" + ROOT + b"\r\n--bound\r\nContent-ID: <big>\r\n\r\n"
    stream = Generated(itertools.chain([head], itertools.repeat(block, 1024), [b"\r\n--bound--"]))
    reader = opened(stream)
    reader.root()
    tracemalloc.start()
    try:
        length = sum(len(chunk) for part in reader.parts() for chunk in part.chunks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 64 * 1024**2
    assert peak < 2 * 1024**2


@pytest.mark.parametrize("filler", [b"\r\n--", b"\r", b"\r\n", b"-", b"\r\n--boun", b"--bound"])
def test_content_that_almost_ends_costs_no_more_time(filler):
    block = filler * (65_536 // len(filler))
    head = b"--bound\r\n" + ROOT + b"\r\n--bound\r\nContent-ID: <big>\r\n\r\nx"
    stream = Generated(itertools.chain([head], itertools.repeat(block, 64), [b"x\r\n--bound--"]))
    reader = opened(stream)
    reader.root()
    started = time.process_time()
    length = sum(len(chunk) for part in reader.parts() for chunk in part.chunks)
    assert length == len(block) * 64 + 2
    assert time.process_time() - started < 8  # 4 MiB


def test_a_reader_that_failed_gives_nothing_more():
    reader = opened(io.BytesIO(body(ROOT, b"Content-ID: <one>\r\n\r\nabc")[:-20]))
    reader.root()
    parts = reader.parts()
    with pytest.raises(Refused):
        list(next(parts).chunks)
    assert list(parts) == []
