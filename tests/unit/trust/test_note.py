"""Signed notes and cosignatures: what was signed verifies, under that key and name alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.ledger import Note, NoteSignature
from gateway.trust.note import (
    LOG,
    WITNESS,
    VerifierKey,
    cosign,
    read_note_key,
    read_vkey,
    read_vkeys,
    sign_note,
    verifier_key,
    verify_cosignature,
    verify_note,
)
from gateway.wire.tlog import read_note

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1).map(
    lambda text: text.encode() + b"\n"
)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

# The sample of the Go project's package golang.org/x/mod/sumdb/note.
SAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAMPLE_SEED = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
SAMPLE_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
SAMPLE_LINE = (
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_sample_note_of_another_implementation_verifies() -> None:
    note = read_note(f"{SAMPLE_TEXT}\n{SAMPLE_LINE}".encode())
    assert verify_note(note, [read_vkey(SAMPLE_KEY)], "PeterNeumann")


def test_same_key_signs_the_sample_as_the_other_implementation_did() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(SAMPLE_SEED))
    assert verifier_key("PeterNeumann", key).line == SAMPLE_KEY
    assert sign_note(SAMPLE_TEXT.encode(), "PeterNeumann", key).decode() == f"{SAMPLE_TEXT}\n{SAMPLE_LINE}"


def test_public_key_of_a_log_in_use_is_read() -> None:
    line = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert read_vkey(line).line == line


@given(TEXTS)
def test_note_verifies_under_its_own_key_and_name_alone(text: bytes) -> None:
    note = read_note(sign_note(text, "log.test", KEY))
    mine = verifier_key("log.test", KEY)
    assert note.text == text
    assert verify_note(note, [mine], "log.test")
    assert not verify_note(note, [mine], "other.test")
    assert not verify_note(note, [verifier_key("log.test", OTHER)], "log.test")
    assert not verify_note(note, [verifier_key("log.test", KEY, WITNESS)], "log.test")
    assert not verify_note(Note(text + b"more\n", note.signatures), [mine], "log.test")
    assert not verify_note(Note(text, ()), [mine], "log.test")


@given(TEXTS, st.integers(0, 63), st.integers(1, 255))
def test_changed_signature_does_not_verify(text: bytes, place: int, change: int) -> None:
    good = read_note(sign_note(text, "log.test", KEY)).signatures[0]
    octets = bytearray(good.signature)
    octets[place] ^= change
    bad = NoteSignature(good.name, good.key_id, bytes(octets))
    assert not verify_note(Note(text, (bad,)), [verifier_key("log.test", KEY)], "log.test")


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    text = b"text\n"
    good = read_note(sign_note(text, "log.test", KEY)).signatures[0]
    other_key = NoteSignature("log.test", b"\0\0\0\0", bytes(64))
    other_name = NoteSignature("else.test", good.key_id, b"x")
    for lines in ((other_key, other_name, good), (good, other_key, other_name), (good, good)):
        assert verify_note(Note(text, lines), [verifier_key("log.test", KEY)], "log.test")


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    text = b"text\n"
    good = read_note(sign_note(text, "log.test", KEY)).signatures[0]
    for octets in (bytes(64), b"x", b""):
        bad = NoteSignature("log.test", good.key_id, octets)
        for lines in ((bad, good), (good, bad)):
            assert not verify_note(Note(text, lines), [verifier_key("log.test", KEY)], "log.test")


@given(TEXTS)
def test_cosignature_tells_its_time_under_its_own_key_alone(text: bytes) -> None:
    signature = cosign(text, "witness.test", KEY, NOW + timedelta(microseconds=7))
    mine = verifier_key("witness.test", KEY, WITNESS)
    assert verify_cosignature(text, signature, mine) == NOW
    assert verify_cosignature(text + b"more\n", signature, mine) is None
    for other in (
        verifier_key("witness.test", OTHER, WITNESS),
        verifier_key("other.test", KEY, WITNESS),
        verifier_key("witness.test", KEY, LOG),
    ):
        assert verify_cosignature(text, signature, other) is None


@pytest.mark.parametrize("octets", [b"", bytes(71), bytes(72), bytes(73), b"\xff" * 72])
def test_cosignature_of_another_form_is_not_good(octets: bytes) -> None:
    key = verifier_key("witness.test", KEY, WITNESS)
    assert verify_cosignature(b"text\n", NoteSignature(key.name, key.key_id, octets), key) is None


def test_cosignature_whose_time_was_changed_is_not_good() -> None:
    key = verifier_key("witness.test", KEY, WITNESS)
    good = cosign(b"text\n", key.name, KEY, NOW)
    later = NoteSignature(good.name, good.key_id, b"\0" * 8 + good.signature[8:])
    assert verify_cosignature(b"text\n", later, key) is None


@given(st.text("abc./-", min_size=1), st.sampled_from([LOG, WITNESS]), st.binary(min_size=32, max_size=32))
def test_verifier_key_that_is_written_is_read(name: str, kind: int, octets: bytes) -> None:
    key = VerifierKey(name, kind, octets)
    assert read_vkey(key.line) == key


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+00000000",
        SAMPLE_KEY.replace("c74f", "c74e"),
        SAMPLE_KEY.replace("Peter", "Paula"),
        SAMPLE_KEY[:-4],
        SAMPLE_KEY + "?",
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
    ],
)
def test_lines_that_are_no_verifier_keys_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_vkey(line)


def test_keys_of_a_folder_are_read_and_everything_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.vkey").write_text(f"{SAMPLE_KEY}\n")
    (tmp_path / "readme.txt").write_text("no key")
    assert [key.line for key in read_vkeys(tmp_path)] == [SAMPLE_KEY]
    assert read_vkeys(tmp_path / "none") == ()
    for name in ("bad", "worse"):
        (tmp_path / f"{name}.vkey").write_text("no key\n")
    with pytest.raises(Misconfigured) as raised:
        read_vkeys(tmp_path)
    assert [Path(fault.partition(":")[0]).name for fault in raised.value.faults] == ["bad.vkey", "worse.vkey"]


def test_only_ed25519_keys_sign_notes(tmp_path: Path) -> None:
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.private_bytes(*encoding))
    assert read_note_key(path).public_key() == KEY.public_key()
    path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*encoding))
    with pytest.raises(Misconfigured, match="Ed25519"):
        read_note_key(path)
    path.write_text("no key")
    with pytest.raises(Misconfigured):
        read_note_key(path)
    with pytest.raises(Misconfigured):
        read_note_key(tmp_path / "none.pem")
