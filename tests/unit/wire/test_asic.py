"""Containers: what we write every ZIP tool reads; what two tools could read differently is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.wire import zip_reader
from gateway.wire.asic import (
    LARGEST_SIGNATURE,
    MANIFEST,
    MEDIA_TYPE,
    MIMETYPE,
    SIGNATURE,
    BadContainer,
    Container,
    Writer,
    open_container,
)
from gateway.wire.zip_names import LONGEST, collide, is_safe, safe_segment

FILES = {"letter.xml": b"<Envelope/>", "attachments/a1/plan é.pdf": b"%PDF" * 50, "summary.html": b""}
SIGNED = b"signature over the manifest"


def container(files: dict[str, bytes] | None = None) -> bytes:
    target = io.BytesIO()
    writer = Writer(target)
    for name, octets in (FILES if files is None else files).items():
        writer.add(name, "application/octet-stream", [octets], len(octets))
    writer.close(lambda manifest: SIGNED)
    return target.getvalue()


def opened(octets: bytes) -> Container:
    return open_container(io.BytesIO(octets))


def read_through(octets: bytes) -> None:
    found = opened(octets)
    for name in found.names:
        found.sha256(name)


def refused(octets: bytes) -> tuple[str, str]:
    with pytest.raises(BadContainer) as caught:
        read_through(octets)
    return caught.value.code, caught.value.name


# --- writing


def test_what_is_written_is_read_again() -> None:
    found = opened(container())
    assert found.names == tuple(FILES)
    assert found.signature == SIGNED
    for name, octets in FILES.items():
        assert found.read(name, 1000) == octets
        assert found.sha256(name) == found.references[name].sha256 == hashlib.sha256(octets).hexdigest()


def test_the_manifest_names_every_file_but_the_containers_own() -> None:
    assert set(opened(container()).references) == set(FILES)


def test_the_same_contents_give_the_same_octets() -> None:
    assert container() == container()


def test_the_first_entry_tells_the_type_without_any_tool() -> None:
    octets = container()
    assert octets[30:38] == b"mimetype"
    assert octets[38 : 38 + len(MEDIA_TYPE)] == MEDIA_TYPE.encode()


def test_common_tools_read_it(tmp_path: Path) -> None:
    path = tmp_path / "b.asice"
    path.write_bytes(container())
    tested = subprocess.run(["unzip", "-t", path], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [MIMETYPE, *FILES, MANIFEST, SIGNATURE]
        assert archive.read("attachments/a1/plan é.pdf") == FILES["attachments/a1/plan é.pdf"]


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a\\b", "letter.xml", "LETTER.XML", "letter.xml/x", MANIFEST, "mimetype", "con", ""],
)
def test_no_unsafe_name_is_written_and_none_twice(name: str) -> None:
    writer = Writer(io.BytesIO())
    writer.add("letter.xml", "application/xml", [b"x"], 1)
    with pytest.raises(ValueError, match="no name"):
        writer.add(name, "application/xml", [b"x"], 1)


def test_content_of_another_length_than_promised_is_not_written() -> None:
    with pytest.raises(ValueError, match="instead of 3"):
        Writer(io.BytesIO()).add("letter.xml", "application/xml", [b"xxxx"], 3)


def test_contents_beyond_four_gigabytes_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # the same records at a limit that costs no gigabytes; real ones were tried by hand
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 150)
    octets = container()
    assert b"PK\x06\x06" in octets
    assert opened(octets).read("attachments/a1/plan é.pdf", 1000) == FILES["attachments/a1/plan é.pdf"]


def test_memory_does_not_grow_with_the_content() -> None:
    pulled = 0

    def chunks() -> Iterator[bytes]:
        nonlocal pulled
        for _ in range(64):
            pulled += 1
            assert target.tell() >= (pulled - 2) * 65536  # the one before was written already
            yield bytes(65536)

    target = io.BytesIO()
    writer = Writer(target)
    writer.add("attachments/a1/big", "application/octet-stream", chunks(), 64 * 65536)
    writer.close(lambda manifest: SIGNED)
    assert pulled == 64


# --- names

UNSAFE = [
    *("", "/x", "x/", "a//b", ".", "..", "../x", "a/../b", "a/./b", "a\\b", "c:x", "a:b", "x ", "x.", "a /b"),
    *("con", "CON", "a/aux.txt", "com1", "LPT9.pdf", "nul", "COM¹"),
    *("a\0b", "a\nb", "a\u202eb", "a\u200bb", "a\u2028b", "a\x7fb", "\ufeffx", "a\ud800b"),
    *("a*b", "a?b", 'a"b', "a<b", "a>b", "a|b", "x" * (LONGEST + 1), "é" * LONGEST),
]


@pytest.mark.parametrize("name", UNSAFE)
def test_names_that_lead_elsewhere_or_deceive_are_not_safe(name: str) -> None:
    assert not is_safe(name)


@pytest.mark.parametrize(
    "name", ["letter.xml", "a/b/c.pdf", "خطة العمل.pdf", "plan é (2).pdf", "console", "a..b"]
)
def test_ordinary_names_are_safe(name: str) -> None:
    assert is_safe(name)


@pytest.mark.parametrize("text", [*UNSAFE, "حكم.pdf", "x" * 500, "ي" * 500])
def test_any_text_becomes_a_safe_segment(text: str) -> None:
    segment = safe_segment(text, "attachment")
    assert is_safe(segment)
    assert "/" not in segment


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "b"], None),
        (["a", "a"], "a"),
        (["a", "A"], "A"),
        (["é", "e\u0301"], "e\u0301"),
        (["ſ", "s"], "s"),
        (["a", "a/b"], "a/b"),
        (["a/b", "a"], "a"),
        (["A/b", "a/B"], "a/B"),
    ],
)
def test_names_that_some_system_takes_for_one_collide(names: list[str], found: str | None) -> None:
    assert collide(names) == found


# --- reading what others made


def repacked(change: Callable[[zipfile.ZipFile, list[tuple[zipfile.ZipInfo, bytes]]], None]) -> bytes:
    """The container written anew by the standard library, as ``change`` wants it."""
    with zipfile.ZipFile(io.BytesIO(container())) as archive:
        entries = [(plain(info.filename), archive.read(info)) for info in archive.infolist()]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        change(archive, entries)
    return target.getvalue()


def plain(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name)


def write(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    for info, octets in entries:
        archive.writestr(info, octets)


def with_manifest(change: Callable[[bytes], bytes]) -> bytes:
    def swap(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        write(archive, [(i, change(o) if i.filename == MANIFEST else o) for i, o in entries])

    return repacked(swap)


def test_a_container_that_another_tool_packed_is_read() -> None:
    def deflate(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        for info, _ in entries[1:]:
            info.compress_type = zipfile.ZIP_DEFLATED
        write(archive, entries)

    found = opened(repacked(deflate))
    assert {name: found.read(name, 1000) for name in found.names} == FILES


def add(name: str, **attributes: object) -> Callable[..., None]:
    def change(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        info = plain(name)
        for key, value in attributes.items():
            setattr(info, key, value)
        write(archive, [*entries, (info, b"x")])

    return change


def without(name: str) -> Callable[..., None]:
    return lambda archive, entries: write(archive, [one for one in entries if one[0].filename != name])


def mimetype_later(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    write(archive, [entries[1], entries[0], *entries[2:]])


def mimetype_packed(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    entries[0][0].compress_type = zipfile.ZIP_DEFLATED
    write(archive, entries)


def other_mimetype(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    write(archive, [(entries[0][0], b"application/vnd.etsi.asic-s+zip"), *entries[1:]])


def bomb(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    info = plain("summary2.html")
    info.compress_type = zipfile.ZIP_DEFLATED
    write(archive, [*entries, (info, bytes(2_000_000))])


def bzip2(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    entries[1][0].compress_type = zipfile.ZIP_BZIP2
    write(archive, entries)


def commented(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    write(archive, entries)
    archive.comment = b"hello"


REPACKED: dict[str, tuple[Callable[..., None], str]] = {
    "extra entry": (add("other.txt"), "extra"),
    "extra entry in META-INF": (add("META-INF/signature002.p7s"), "extra"),
    "missing entry": (without("letter.xml"), "missing"),
    "no manifest": (without(MANIFEST), "manifest"),
    "no signature": (without(SIGNATURE), "signature"),
    "no mimetype": (without(MIMETYPE), "mimetype"),
    "mimetype later": (mimetype_later, "mimetype"),
    "mimetype packed": (mimetype_packed, "mimetype"),
    "another mimetype": (other_mimetype, "mimetype"),
    "traversal": (add("../evil.txt"), "name"),
    "absolute": (add("/etc/evil"), "name"),
    "device": (add("receipts/aux.xml"), "name"),
    "hidden direction": (add("a\u202efdp.exe"), "name"),
    "folder": (add("receipts/"), "name"),
    "other case": (add("LETTER.XML"), "twice"),
    "file as a folder": (add("letter.xml/x"), "twice"),
    "link": (add("link", create_system=3, external_attr=0o120777 << 16), "kind"),
    "extra field": (add("x", extra=b"\x99\x99\x01\0a"), "header"),
    "entry comment": (add("x", comment=b"hello"), "format"),
    "comment": (commented, "format"),
    "bomb": (bomb, "large"),
    "bzip2": (bzip2, "kind"),
}


@pytest.mark.parametrize("case", REPACKED)
def test_other_packings_are_refused_by_name(case: str) -> None:
    change, code = REPACKED[case]
    assert refused(repacked(change))[0] == code


@pytest.mark.parametrize("name", ["META-INF/signature002.p7s", "META-INF/ASiCManifest002.xml", "meta-inf/x"])
def test_a_second_manifest_or_signature_is_refused_though_the_first_one_names_it(name: str) -> None:
    assert refused(container({"letter.xml": b"x", name: b"y"})) == ("extra", name)


def test_a_name_twice_is_refused() -> None:
    def twice(archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        with pytest.warns(UserWarning, match="Duplicate"):
            write(archive, [*entries, (plain("letter.xml"), b"another")])

    assert refused(repacked(twice)) == ("twice", "letter.xml")


# --- lies in the records


def central(octets: bytes, name: bytes) -> int:
    """Where the central record of an entry begins."""
    return octets.rindex(name) - 46


def local(octets: bytes, name: bytes) -> int:
    return octets.index(name) - 30


def patched(octets: bytes, position: int, value: bytes) -> bytes:
    return octets[:position] + value + octets[position + len(value) :]


LETTER = b"letter.xml"
LIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "other name in the local header": (lambda z: patched(z, local(z, LETTER) + 30, b"LETTER"), "header"),
    "other size in the local header": (lambda z: patched(z, local(z, LETTER) + 22, b"\x05"), "header"),
    "other method in the local header": (lambda z: patched(z, local(z, LETTER) + 8, b"\x08"), "header"),
    "other check sum in the local header": (lambda z: patched(z, local(z, LETTER) + 14, b"\0\0"), "header"),
    "encrypted": (lambda z: patched(z, central(z, LETTER) + 8, b"\x01"), "kind"),
    "sizes behind the content": (lambda z: patched(z, central(z, LETTER) + 8, b"\x08"), "kind"),
    "another disk": (lambda z: patched(z, central(z, LETTER) + 34, b"\x01"), "format"),
    "overlap": (lambda z: patched(z, central(z, LETTER) + 42, b"\0\0\0\0"), "place"),
    "beyond the end": (lambda z: patched(z, central(z, LETTER) + 42, b"\xff\xff\xff\x7f"), "place"),
    "name is no UTF-8": (lambda z: patched(z, central(z, LETTER) + 46, b"\xff"), "name"),
    "count too small": (lambda z: patched(z, len(z) - 14, struct.pack("<2H", 3, 3)), "place"),
    "count too large": (lambda z: patched(z, len(z) - 14, struct.pack("<2H", 9, 9)), "format"),
    "counts differ": (lambda z: patched(z, len(z) - 14, struct.pack("<2H", 6, 5)), "format"),
    "nothing in it": (lambda z: b"PK\x05\x06" + bytes(18), "large"),
    "data before": (lambda z: b"MZ" + z, "place"),
    "data after": (lambda z: z + b"x", "format"),
    "another archive before": (lambda z: container({"a": b"b"}) + z, "place"),
    "content altered": (lambda z: patched(z, local(z, LETTER) + 41, b"X"), "content"),
    "no archive": (lambda z: b"hello", "format"),
    "empty": (lambda z: b"", "format"),
    "only the start": (lambda z: z[:4], "format"),
}


@pytest.mark.parametrize("case", LIES)
def test_lies_in_the_records_are_refused_by_name(case: str) -> None:
    change, code = LIES[case]
    assert refused(change(container()))[0] == code


def test_gap_between_entries_is_refused() -> None:
    octets = container()
    start = local(octets, LETTER)
    moved = bytearray(octets[:start] + b"hidden" + octets[start:])
    end = len(moved) - 22
    (directory,) = struct.unpack_from("<I", moved, end + 16)
    struct.pack_into("<I", moved, end + 16, directory + 6)
    position = directory + 6
    while moved[position : position + 4] == b"PK\x01\x02":
        (offset,) = struct.unpack_from("<I", moved, position + 42)
        if offset >= start:
            struct.pack_into("<I", moved, position + 42, offset + 6)
        lengths = struct.unpack_from("<3H", moved, position + 28)
        position += 46 + sum(lengths)
    with zipfile.ZipFile(io.BytesIO(bytes(moved))) as archive:
        assert archive.testzip() is None  # other readers see nothing wrong
    assert refused(bytes(moved)) == ("place", "letter.xml")


def test_packed_content_longer_than_stated_is_refused_before_it_is_unpacked() -> None:
    body = zlib.compress(bytes(60_000), wbits=-15)
    name = b"a"
    head = struct.pack("<3H3I", 20, 0, 8, 0, 0, len(body)) + struct.pack("<I2H", 10, 1, 0)
    lie = b"PK\x03\x04" + head + name + body
    record = b"PK\x01\x02" + struct.pack("<H", 20) + head + bytes(10) + struct.pack("<I", 0) + name
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(record), len(lie), 0)
    archive = zip_reader.StrictZip(io.BytesIO(lie + record + end))
    with pytest.raises(zip_reader.BadZip, match="content a"):
        next(archive.chunks(archive.entries["a"]))  # not even its first piece


def test_every_cut_is_refused() -> None:
    octets = container()
    for length in range(0, len(octets), 11):
        refused(octets[:length])


def test_every_flipped_bit_is_refused_or_harmless() -> None:
    # what the manifest vouches for must never come out changed
    octets, good = container(), opened(container())
    expected = (good.manifest, good.signature, FILES)
    for position in range(len(octets)):
        flipped = patched(octets, position, bytes([octets[position] ^ 1 << position % 8]))
        try:
            found = opened(flipped)
            contents = {name: found.read(name, 10_000) for name in found.names}
        except BadContainer:
            continue
        assert (found.manifest, found.signature, contents) == expected


def test_more_entries_than_a_letter_can_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reader, "MOST_ENTRIES", 5)
    assert refused(container())[0] == "large"


def test_a_huge_signature_is_not_read() -> None:
    target = io.BytesIO()
    writer = Writer(target)
    writer.close(lambda manifest: bytes(LARGEST_SIGNATURE + 1))
    assert refused(target.getvalue()) == ("large", SIGNATURE)


# --- the manifest

DIGEST = base64.b64encode(hashlib.sha256(FILES["letter.xml"]).digest())
MANIFESTS: dict[str, Callable[[bytes], bytes]] = {
    "not XML": lambda m: b"hello",
    "an entity": lambda m: m.replace(b"<asic:ASiC", b'<!DOCTYPE x [<!ENTITY e "x">]><asic:ASiC', 1),
    "another namespace": lambda m: m.replace(b"v1.2.1#", b"v1.2.2#"),
    "another signature": lambda m: m.replace(b"signature001", b"signature009"),
    "a file twice": lambda m: m.replace(b'URI="summary.html"', b'URI="letter.xml"'),
    "another digest method": lambda m: m.replace(b"xmlenc#sha256", b"xmlenc#sha1"),
    "a digest that is none": lambda m: m.replace(DIGEST, b"AAAA"),
    "a digest in another form": lambda m: m.replace(DIGEST, DIGEST[:-2] + b"\n" + DIGEST[-2:]),
    "an address in another form": lambda m: m.replace(b"letter.xml", b"%6Cetter.xml"),
    "an attribute more": lambda m: m.replace(b'URI="letter.xml"', b'URI="letter.xml" Rootfile="true"'),
    "an element more": lambda m: m.replace(b"</asic:ASiCManifest>", b"<x/></asic:ASiCManifest>"),
    "text": lambda m: m.replace(b"</asic:ASiCManifest>", b"hello</asic:ASiCManifest>"),
    "nothing in it": lambda m: b'<a:ASiCManifest xmlns:a="http://uri.etsi.org/02918/v1.2.1#"/>',
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_other_manifests_are_refused(case: str) -> None:
    assert refused(with_manifest(MANIFESTS[case])) == ("manifest", MANIFEST)


@pytest.mark.parametrize(
    "address", [b"../../etc/passwd", b"file:///etc/passwd", b"https%3A//example.org/x", b""]
)
def test_manifest_that_refers_outside_finds_nothing_there(address: bytes) -> None:
    code, _ = refused(with_manifest(lambda m: m.replace(b'URI="summary.html"', b'URI="%s"' % address)))
    assert code in ("manifest", "extra")  # summary.html itself is no longer named
    only = with_manifest(
        lambda m: m.replace(
            b"</asic:ASiCManifest>",
            b'<asic:DataObjectReference URI="%s" MimeType="a/b"><ds:DigestMethod Algorithm="http://www.w3.org/'
            b'2001/04/xmlenc#sha256"/><ds:DigestValue>%s</ds:DigestValue></asic:DataObjectReference>'
            b"</asic:ASiCManifest>" % (address, DIGEST),
        )
    )
    assert refused(only)[0] in ("manifest", "missing")
