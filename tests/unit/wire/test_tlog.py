"""Texts of the ledger: what is written is read again, and everything else is refused."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.evidence.ledger import Checkpoint, Note, NoteSignature
from gateway.wire.tlog import (
    MalformedTlog,
    Proof,
    read_checkpoint,
    read_hashes,
    read_note,
    read_proof,
    write_checkpoint,
    write_hashes,
    write_proof,
)

ZERO = base64.b64encode(bytes(32)).decode()
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="+"), min_size=1
)
HASHES = st.binary(min_size=32, max_size=32)
SIZES = st.integers(0, 10**18 - 1)
CHECKPOINTS = st.builds(Checkpoint, NAMES, SIZES, HASHES)
SIGNATURES = st.builds(
    NoteSignature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
NOTES = st.builds(
    Note, CHECKPOINTS.map(write_checkpoint), st.lists(SIGNATURES, min_size=1, max_size=4).map(tuple)
)


@given(CHECKPOINTS)
def test_checkpoint_that_is_written_is_read(checkpoint: Checkpoint) -> None:
    assert read_checkpoint(write_checkpoint(checkpoint)) == checkpoint


@given(NOTES)
def test_note_that_is_written_is_read(note: Note) -> None:
    assert read_note(note.octets) == note


@given(SIZES, st.lists(HASHES, max_size=63).map(tuple), NOTES)
def test_proof_that_is_written_is_read(index: int, hashes: tuple[bytes, ...], note: Note) -> None:
    proof = Proof(index, hashes, note.octets)
    assert read_proof(write_proof(proof)) == proof


@given(st.lists(HASHES, max_size=63))
def test_hashes_that_are_written_are_read(hashes: list[bytes]) -> None:
    assert read_hashes(write_hashes(hashes)) == tuple(hashes)


@given(st.binary(max_size=300))
def test_other_octets_are_refused_and_nothing_worse(octets: bytes) -> None:
    for read in (read_checkpoint, read_note, read_proof):
        try:
            read(octets)
        except MalformedTlog:
            continue


@given(CHECKPOINTS, st.data())
def test_no_two_texts_are_the_same_checkpoint(checkpoint: Checkpoint, data: st.DataObject) -> None:
    text = bytearray(write_checkpoint(checkpoint))
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedTlog):
        assert read_checkpoint(bytes(text)) != checkpoint


def test_checkpoint_as_the_specification_shows_it() -> None:
    """C2SP tlog-checkpoint, "Note text"."""
    text = (
        "example.com/behind-the-sofa\n"
        "20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )  # fmt: skip
    found = read_checkpoint(text.encode())
    assert (found.origin, found.size, len(found.root)) == ("example.com/behind-the-sofa", 20_852_163, 32)
    assert write_checkpoint(found).decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        f"\n1\n{ZERO}\n",
        f"o\n1\n{ZERO}",
        f"o\n1\n{ZERO}\nextension\n",
        f"o\n01\n{ZERO}\n",
        f"o\n-1\n{ZERO}\n",
        f"o\n+1\n{ZERO}\n",
        f"o\n1_0\n{ZERO}\n",
        f"o\n١\n{ZERO}\n",
        f"o\n\n{ZERO}\n",
        f"o\n{10**18}\n{ZERO}\n",
        f"o\n1\n{ZERO[:-4]}\n",
        f"o\n1\n{ZERO[:-2]}B=\n",
        f"o\n1\n {ZERO}\n",
        f"o\r\n1\r\n{ZERO}\r\n",
        f"o\0\n1\n{ZERO}\n",
    ],
)
def test_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedTlog):
        read_checkpoint(text.encode())


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\n- name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94  AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA\n",
        b"text\n\n\xe2\x80\x94 na\xc2\xa0me AAAAAAA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"x" * 65_537 + b"\n\n\xe2\x80\x94 name AAAAAAA=\n",
    ],
)
def test_malformed_note_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedTlog):
        read_note(octets)


NOTE = b"o\n1\n" + ZERO.encode() + b"\n\n\xe2\x80\x94 o AAAAAAA=\n"


def test_opaque_data_in_a_proof_is_passed_over() -> None:
    """C2SP tlog-proof: an ``extra`` line may stand before the index."""
    text = f"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 3\n{ZERO}\n\n".encode() + NOTE
    assert read_proof(text) == Proof(3, (bytes(32),), NOTE)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 1\n",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n",
        "c2sp.org/tlog-proof@v1\nplace 1\n",
        "c2sp.org/tlog-proof@v1\nextra x\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + f"{ZERO}\n" * 64,
    ],
)
def test_malformed_proof_is_refused(head: str) -> None:
    with pytest.raises(MalformedTlog):
        read_proof(head.encode() + b"\n" + NOTE)


def test_proof_without_a_note_or_too_long_is_refused() -> None:
    for octets in (b"c2sp.org/tlog-proof@v1\nindex 1\n", write_proof(Proof(1, (), NOTE)) + b"x" * 65_536):
        with pytest.raises(MalformedTlog):
            read_proof(octets)


def test_too_many_hashes_and_lines_that_are_no_hashes_are_refused() -> None:
    for octets in (f"{ZERO}\n".encode() * 127, b"AAAA\n", b"\n", ZERO.encode()):
        with pytest.raises(MalformedTlog):
            read_hashes(octets)
