"""multipart/related: what is written is read, whatever the stream's chunks are."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Unavailable
from gateway.wire.mime import OutgoingPart, RelatedLimits, RelatedReader, write_related

LIMITS = RelatedLimits()


class Dripping:
    """A stream that gives at most ``step`` octets at a time."""

    def __init__(self, octets, step):
        self._content, self._step = io.BytesIO(octets), step

    def read(self, size, /):
        return self._content.read(min(size, self._step))


def outgoing(content_id, octets, size=None):
    length = len(octets) if size is None else size
    return OutgoingPart(content_id, "application/pdf", length, lambda: io.BytesIO(octets))


def everything(reader):
    root = reader.root()
    return root, [(part.content_id, part.media_type, b"".join(part.chunks)) for part in reader.parts()]


NASTY = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", b"wasl-", b"0", b"\x00\xff"]))


@settings(max_examples=150, deadline=None)
@given(
    root=NASTY.map(b"".join),
    contents=st.lists(NASTY.map(b"".join), max_size=3),
    step=st.sampled_from([1, 2, 3, 7, 64, 100_000]),
)
def test_what_is_written_is_read(root, contents, step):
    parts = [outgoing(f"part{number}@example", octets) for number, octets in enumerate(contents)]
    content_type, chunks, length = write_related(root, "application/xml", parts)
    octets = b"".join(chunks)
    assert len(octets) == length
    read = everything(RelatedReader(Dripping(octets, step), content_type, LIMITS))
    expected = [(part.content_id, "application/pdf", content) for part, content in zip(parts, contents)]  # noqa: B905
    assert read == (("application/xml", root), expected)


def test_the_boundary_comes_from_the_random_octets_given():
    content_type, _, _ = write_related(b"", "a/b", [], random_bytes=bytes)
    token = "0" * 32
    assert content_type == (
        f'multipart/related; boundary="wasl-{token}"; type="a/b"; start="<root-{token}@wasl>"'
    )


@pytest.mark.parametrize("size", [2, 4])
def test_a_file_of_another_length_than_stated_is_our_fault(size):
    _, chunks, _ = write_related(b"root", "a/b", [outgoing("x", b"abc", size)])
    with pytest.raises(Unavailable):
        b"".join(chunks)


@pytest.mark.parametrize(("content_id", "media_type"), [("a\r\nX: y", "a/b"), ("a>", "a/b"), ("a", "a/b\n")])
def test_nothing_is_written_that_would_break_out_of_a_header(content_id, media_type):
    part = OutgoingPart(content_id, media_type, 0, io.BytesIO)
    with pytest.raises(ValueError, match="header"):
        write_related(b"", "a/b", [part])


def body(*parts, boundary=b"b", closing=b"\r\n--b--\r\n"):
    return b"".join(b"\r\n--" + boundary + b"\r\n" + part for part in parts)[2:] + closing


ROOT = b"Content-Type: application/xml\r\nContent-ID: <root>\r\n\r\n<a/>"
PART = b"Content-Type: text/plain\r\nContent-ID: <one@x>\r\nContent-Transfer-Encoding: 8BIT\r\n\r\none"


def reader(octets, parameters="", limits=LIMITS):
    return RelatedReader(io.BytesIO(octets), f"multipart/related; boundary=b{parameters}", limits)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n\r\n"),
        (b"This is a message of several parts.\r\n", b" \r\n"),
        (b"-\r\n", b""),
    ],
)
def test_a_short_preamble_and_white_space_at_the_end_mean_nothing(before, after):
    octets = before + body(ROOT, PART, closing=b"\r\n--b--") + after
    assert everything(reader(octets)) == (
        ("application/xml", b"<a/>"),
        [("one@x", "text/plain", b"one")],
    )


def test_type_and_start_may_state_what_is_so():
    octets = body(ROOT)
    assert everything(reader(octets, '; type="application/xml"; start="<root>"'))[1] == []
    assert everything(reader(octets, "; type=Application/XML; start=root"))[1] == []


def test_a_part_without_media_type_is_octets():
    octets = body(ROOT, b"Content-ID: <one>\r\n\r\nx")
    assert everything(reader(octets))[1] == [("one", "application/octet-stream", b"x")]


def test_parameters_of_the_root_are_left_off():
    octets = body(b"Content-Type: application/xml; charset=utf-8\r\n\r\n<a/>")
    assert reader(octets).root() == ("application/xml", b"<a/>")


def test_spaces_after_a_delimiter_are_padding():
    octets = body(ROOT, PART).replace(b"--b\r\nContent-Type: text", b"--b \t\r\nContent-Type: text")
    assert len(everything(reader(octets))[1]) == 1


def test_a_part_not_read_is_passed_over():
    second = PART.replace(b"one", b"two")
    read = reader(body(ROOT, PART, second))
    read.root()
    assert [part.content_id for part in read.parts()] == ["one@x", "two@x"]


def test_a_part_gives_nothing_once_the_next_was_asked_for():
    read = reader(body(ROOT, PART, PART.replace(b"one", b"two")))
    read.root()
    parts = read.parts()
    first, second = next(parts), next(parts)
    assert list(first.chunks) == []
    assert b"".join(second.chunks) == b"two"


def test_parts_before_the_root_are_a_defect_of_the_caller():
    with pytest.raises(RuntimeError):
        next(reader(body(ROOT)).parts())
