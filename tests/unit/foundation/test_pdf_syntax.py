"""PDF objects are written in one way and read strictly."""

from __future__ import annotations

import zlib

import pytest

from gateway.pdf.file import PdfFile
from gateway.pdf.objects import Name, Real, Ref, Stream, Value, deflated, text, write
from gateway.pdf.parse import DEEPEST, Encrypted, NotPdf, Parser
from gateway.pdf.revision import first_revision, next_revision

VALUES: list[Value] = [
    None,
    True,
    False,
    0,
    -12,
    Real("0.50"),
    Name("Type"),
    Name("a b/#é"),
    b"",
    b"a (nested) \\ string",
    bytes(range(256)),
    Ref(7),
    [],
    [1, Ref(2), [Name("x"), b"y"]],
    {"A": {"B": [None, {"C": b"\n"}]}},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_written_reads_the_same(value: Value) -> None:
    assert Parser(b" " + write(value) + b" ", 0).value() == value


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"(a\\(b\\)\\n\\101\\\\)", b"a(b)\nA\\"),
        (b"<48 65 6>", b"He`"),
        (b"% note\n /N", Name("N")),
        (b"[1 0 R 2]", [Ref(1), 2]),
        (b"+5", 5),
        (b".5", Real(".5")),
    ],
)
def test_other_programs_ways_of_writing_are_read(octets: bytes, value: Value) -> None:
    assert Parser(octets, 0).value() == value


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<</A 1/A 2>>",
        b"<</A>>",
        b"<<1 2>>",
        b"(open",
        b"<4g>",
        b"[1",
        b"word",
        b"99999999999",
        b"/#ff",
        b"(a\\\nb)",
        b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2),
        b"(" * 100 + b")" * 100,
    ],
)
def test_what_is_no_object_is_refused(octets: bytes) -> None:
    with pytest.raises(NotPdf):
        Parser(octets, 0).value()


def small(**more: Value) -> bytes:
    objects: dict[int, Value] = {1: {"Type": Name("Catalog"), **more}, 2: deflated({}, b"octets")}
    return first_revision(objects, {"Size": 3, "Root": Ref(1)})


def test_a_file_is_read_by_its_table() -> None:
    file = PdfFile(small(Lang=text("العربية")))
    assert file.dictionary(Ref(1))["Lang"] == b"\xfe\xff" + "العربية".encode("utf-16-be")
    assert file.stream(Ref(2), 100)[1] == b"octets"
    assert (file.size, len(file.sections)) == (3, 1)


def test_the_newest_revision_of_an_object_counts() -> None:
    before = small()
    trailer = {"Size": 3, "Root": Ref(1), "Prev": PdfFile(before).start}
    after = PdfFile(next_revision(before, {1: write({"Type": Name("Catalog"), "Lang": b"fr"})}, trailer))
    assert after.dictionary(Ref(1))["Lang"] == b"fr"
    assert after.stream(Ref(2), 100)[1] == b"octets"
    assert len(after.sections) == 2


def test_a_stream_is_unpacked_up_to_its_bound() -> None:
    bomb = first_revision({1: {}, 2: deflated({}, b"\0" * 1_000_000)}, {"Size": 3, "Root": Ref(1)})
    with pytest.raises(NotPdf):
        PdfFile(bomb).stream(Ref(2), 1000)


@pytest.mark.parametrize(
    "stream",
    [
        Stream({"Filter": Name("LZWDecode")}, b""),
        Stream({"Filter": Name("FlateDecode"), "DecodeParms": {}}, zlib.compress(b"x")),
        Stream({"Filter": Name("FlateDecode")}, b"not packed"),
        Stream({"Filter": Name("FlateDecode")}, zlib.compress(b"x") + b"more"),
    ],
)
def test_a_stream_packed_otherwise_is_refused(stream: Stream) -> None:
    file = PdfFile(first_revision({1: {}, 2: stream}, {"Size": 3, "Root": Ref(1)}))
    with pytest.raises(NotPdf):
        file.stream(Ref(2), 1000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"%PDF-1.7", b"%PDF-2.0"),
        (b"xref\n0 3", b"xref\n0 9"),
        (b"xref\n0 3", b"xrex\n0 3"),
        (b"xref\n0 3", b"xref\n0 99999"),
        (b"/Root 1 0 R", b"/XRefStm 9"),
        (b"/Root 1 0 R", b"/Root 1 0 R/Prev 900"),
        (b"65535 f", b"65535 x"),
        (b"%%EOF", b"%%E0F"),
    ],
)
def test_a_file_of_another_kind_is_refused(old: bytes, new: bytes) -> None:
    octets = small()
    assert old in octets
    with pytest.raises(NotPdf):
        PdfFile(octets.replace(old, new))


def test_an_encrypted_file_is_told_apart() -> None:
    with pytest.raises(Encrypted):
        PdfFile(small().replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt 2 0 R"))


def test_references_in_a_circle_end() -> None:
    file = PdfFile(first_revision({1: Ref(2), 2: Ref(1)}, {"Size": 3, "Root": Ref(1)}))
    with pytest.raises(NotPdf):
        file.get(Ref(1))
    with pytest.raises(NotPdf):
        file.get(Ref(9))
