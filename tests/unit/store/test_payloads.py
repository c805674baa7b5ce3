from __future__ import annotations

import errno
import hashlib
import io
import os
import resource
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.store.payload_files import PayloadFolder
from gateway.store.payload_segments import MAGIC, SEALED, SEGMENT, TAG, Segments
from gateway.store.payloads import INLINE, PayloadStore, StoredPayload

MASTER = bytes(range(32))
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    return PayloadStore(PayloadFolder(tmp_path / "payloads"), MASTER, os.urandom)


def file_of(tmp_path: Path, stored: StoredPayload) -> Path:
    return tmp_path / "payloads" / "objects" / stored.object_id[:2] / stored.object_id


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "payloads").rglob("*") if path.is_file()]


def read(payloads: PayloadStore, stored: StoredPayload) -> bytes:
    with payloads.open(stored.object_id, stored.wrapped_key) as content:
        return content.read()


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 77])
def test_what_was_written_is_read_back(payloads: PayloadStore, tmp_path: Path, size: int) -> None:
    content = pattern(size)
    stored = payloads.write([content])
    assert read(payloads, stored) == content
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    segments = max(1, -(-size // SEGMENT))
    assert file_of(tmp_path, stored).stat().st_size == len(MAGIC) + size + TAG * segments


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 700_000), max_size=6), st.lists(st.integers(0, 2_500_000), max_size=5))
def test_chunks_and_positions_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], positions: list[int]
) -> None:
    payloads = PayloadStore(PayloadFolder(tmp_path_factory.mktemp("store")), MASTER, os.urandom)
    content = pattern(sum(sizes))
    stream = io.BytesIO(content)
    stored = payloads.write(stream.read(size) for size in sizes)
    with payloads.open(stored.object_id, stored.wrapped_key) as found:
        for position in positions:
            assert found.seek(position) == position
            assert found.read(1000) == content[position : position + 1000]
        assert found.seek(0, io.SEEK_END) == len(content)
        found.seek(-min(5, len(content)), io.SEEK_END)
        assert found.read() == content[-5:]


def test_a_reader_starts_again_and_knows_its_place(payloads: PayloadStore) -> None:
    stored = payloads.write([b"abcdef"])
    with payloads.open(stored.object_id, stored.wrapped_key) as content:
        assert content.readable()
        assert content.seekable()
        assert (content.read(2), content.tell()) == (b"ab", 2)
        assert content.seek(1, io.SEEK_CUR) == 3
        buffer = bytearray(2)
        assert content.readinto(buffer) == 2  # type: ignore[attr-defined]
        assert buffer == b"de"
        content.seek(0)
        assert content.read() == b"abcdef"
        with pytest.raises(ValueError, match="before the start"):
            content.seek(-1)


def test_content_and_digest_do_not_show_on_the_disk(payloads: PayloadStore, tmp_path: Path) -> None:
    stored = payloads.write([b"a confidential letter"])
    raw = file_of(tmp_path, stored).read_bytes()
    assert b"confidential" not in raw
    assert stored.sha256 not in str(files(tmp_path))
    assert file_of(tmp_path, stored).stat().st_mode & 0o777 == 0o600


def test_equal_contents_are_two_objects_under_two_keys(payloads: PayloadStore, tmp_path: Path) -> None:
    one, two = payloads.write([b"same"]), payloads.write([b"same"])
    assert one.object_id != two.object_id
    assert one.wrapped_key != two.wrapped_key
    assert file_of(tmp_path, one).read_bytes() != file_of(tmp_path, two).read_bytes()


def test_a_writer_knows_digest_and_size_before_it_commits(payloads: PayloadStore, tmp_path: Path) -> None:
    with payloads.create() as writer:
        assert writer.write(memoryview(b"abc")) == 3
        assert (writer.size, writer.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    assert files(tmp_path) == []


def test_a_writer_that_is_not_committed_leaves_nothing(payloads: PayloadStore, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), payloads.create() as writer:
        writer.write(pattern(SEGMENT * 2) + bytes(1 // 0))
    assert files(tmp_path) == []


def test_a_closed_writer_takes_nothing_more(payloads: PayloadStore) -> None:
    with payloads.create() as writer:
        stored = writer.commit()
        with pytest.raises(Unavailable, match="not open"):
            writer.commit()
    assert read(payloads, stored) == b""


def changes() -> list[Any]:
    second = len(MAGIC) + SEALED

    def flipped(position: int) -> Any:
        return lambda raw: raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]

    def swapped(raw: bytes) -> bytes:
        return (
            raw[: len(MAGIC)]
            + raw[second : second + SEALED]
            + raw[len(MAGIC) : second]
            + raw[2 * SEALED + 8 :]
        )

    return [
        pytest.param(flipped(0), id="magic"),
        pytest.param(flipped(len(MAGIC)), id="first octet"),
        pytest.param(flipped(second + 5), id="second segment"),
        pytest.param(flipped(-1 + 2 * SEALED), id="a tag"),
        pytest.param(swapped, id="segments swapped"),
        pytest.param(lambda raw: raw[:-1], id="last octet cut"),
        pytest.param(lambda raw: raw[: len(MAGIC) + 2 * SEALED], id="last segment cut"),
        pytest.param(lambda raw: raw[:second], id="two segments cut"),
        pytest.param(lambda raw: raw[: second + 7], id="cut inside a tag"),
        pytest.param(lambda raw: raw[: len(MAGIC)], id="nothing but the magic"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda raw: raw + b"x", id="an octet added"),
        pytest.param(lambda raw: raw + raw[second:], id="segments added"),
    ]


@pytest.mark.parametrize("change", changes())
def test_a_changed_object_is_never_read_as_whole(payloads: PayloadStore, tmp_path: Path, change: Any) -> None:
    stored = payloads.write([pattern(2 * SEGMENT + 100)])
    path = file_of(tmp_path, stored)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Unavailable, match="damaged"):
        read(payloads, stored)


def test_what_was_read_before_the_damage_is_right(payloads: PayloadStore, tmp_path: Path) -> None:
    content = pattern(3 * SEGMENT)
    stored = payloads.write([content])
    path = file_of(tmp_path, stored)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with payloads.open(stored.object_id, stored.wrapped_key) as found:
        assert found.read(2 * SEGMENT) == content[: 2 * SEGMENT]
        with pytest.raises(Unavailable, match="damaged"):
            found.read(1)


def test_objects_cannot_be_exchanged(payloads: PayloadStore, tmp_path: Path) -> None:
    one, two = payloads.write([b"one"]), payloads.write([b"two"])
    file_of(tmp_path, one).write_bytes(file_of(tmp_path, two).read_bytes())
    with pytest.raises(Unavailable, match="damaged"):
        read(payloads, one)
    with pytest.raises(Unavailable, match="damaged"):  # not even together with its key
        payloads.open(one.object_id, two.wrapped_key)


@pytest.mark.parametrize("key", [b"", b"x" * 40, b"short"])
def test_a_destroyed_key_makes_the_object_unreadable(payloads: PayloadStore, key: bytes) -> None:
    stored = payloads.write([b"letter"])
    with pytest.raises(Unavailable, match="key is damaged"):
        payloads.open(stored.object_id, key)


def test_another_master_key_opens_nothing(payloads: PayloadStore, tmp_path: Path) -> None:
    stored = payloads.write([b"letter"])
    other = PayloadStore(PayloadFolder(tmp_path / "payloads"), bytes(32), os.urandom)
    with pytest.raises(Unavailable, match="another master"):
        other.open(stored.object_id, stored.wrapped_key)


def test_a_master_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="16 octets"):
        PayloadStore(PayloadFolder(tmp_path), bytes(16), os.urandom)


@pytest.mark.parametrize("object_id", ["", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_an_object_id_is_never_a_path(payloads: PayloadStore, object_id: str) -> None:
    key = payloads.write([b""]).wrapped_key
    for act in (lambda: payloads.open(object_id, key), lambda: payloads.delete(object_id)):
        with pytest.raises(Unavailable, match="object id is damaged"):
            act()


def test_a_deleted_object_is_gone_and_may_be_deleted_again(payloads: PayloadStore, tmp_path: Path) -> None:
    stored = payloads.write([b"letter"])
    payloads.delete(stored.object_id)
    payloads.delete(stored.object_id)
    assert files(tmp_path) == []
    with pytest.raises(Unavailable, match="No such file"):
        read(payloads, stored)


def test_objects_are_listed_with_their_age(payloads: PayloadStore, tmp_path: Path) -> None:
    assert list(payloads.list_objects()) == []
    stored = {payloads.write([b"x"]).object_id for _ in range(5)}
    stranger = tmp_path / "payloads" / "objects" / "00"
    stranger.mkdir(exist_ok=True)
    (stranger / "notes.txt").touch()
    found = list(payloads.list_objects())
    assert {each.object_id for each in found} == stored
    assert all(abs(datetime.now(UTC) - each.modified) < timedelta(minutes=5) for each in found)
    assert {each.size for each in found} == {len(MAGIC) + 1 + TAG}


def test_a_full_disk_is_our_trouble_and_leaves_nothing(
    payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.write, []

    def write(descriptor: int, octets: bytes) -> int:
        written.append(len(octets))
        if sum(written) > SEGMENT + 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, octets)

    monkeypatch.setattr(os, "write", write)
    with payloads.create() as writer:
        writer.write(pattern(SEGMENT))
        with pytest.raises(Unavailable, match="No space left"):
            writer.write(pattern(2 * SEGMENT))
        with pytest.raises(Unavailable, match="not open"):
            writer.commit()
        assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["os.write", "fcntl.flock"])
def test_a_disk_that_is_full_from_the_first_octet_keeps_no_file(
    payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(step, fail)
    with pytest.raises(Unavailable, match="No space left"):
        payloads.write([b"letter"])
    assert files(tmp_path) == []


def test_a_short_content_is_sealed_for_its_row(payloads: PayloadStore, tmp_path: Path) -> None:
    stored = payloads.write_small(b"a short envelope")
    assert stored.inline is not None
    assert b"envelope" not in stored.inline
    assert (stored.size, stored.sha256) == (16, hashlib.sha256(b"a short envelope").hexdigest())
    assert files(tmp_path) == []
    found = payloads.read_small(stored.object_id, stored.wrapped_key, stored.inline)
    assert found == b"a short envelope"


def test_a_longer_content_becomes_a_file(payloads: PayloadStore, tmp_path: Path) -> None:
    content = pattern(INLINE + 1)
    stored = payloads.write_small(content)
    assert stored.inline is None
    assert files(tmp_path) == [file_of(tmp_path, stored)]
    assert payloads.read_small(stored.object_id, stored.wrapped_key, None) == content
    assert payloads.write_small(content[:INLINE]).inline is not None


def test_a_changed_row_is_never_read_as_whole(payloads: PayloadStore) -> None:
    one, two = payloads.write_small(b"one"), payloads.write_small(b"two")
    assert one.inline is not None
    assert two.inline is not None
    for inline in (
        b"",
        one.inline[:-1],
        one.inline + b"x",
        bytes([one.inline[0] ^ 1]) + one.inline[1:],
        two.inline,
    ):
        with pytest.raises(Unavailable, match="tampered"):
            payloads.read_small(one.object_id, one.wrapped_key, inline)
    with pytest.raises(Unavailable, match="tampered"):  # nor under another row's name
        payloads.read_small(two.object_id, one.wrapped_key, one.inline)
    with pytest.raises(Unavailable, match="key is damaged"):
        payloads.read_small(one.object_id, b"", one.inline)


def test_a_segment_number_is_never_used_twice() -> None:
    segments = Segments(MASTER, "0" * 32)
    for number in (-1, 1 << 32):
        with pytest.raises(ValueError, match="out of range"):
            segments.seal(number, b"", last=True)


def test_a_full_disk_is_met_by_real_writes_too(
    payloads: PayloadStore, tmp_path: Path, other_process: Any
) -> None:
    def fill(pipe: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SEGMENT + SEGMENT // 2, SEGMENT + SEGMENT // 2))
        try:
            payloads.write([pattern(4 * SEGMENT)])
        except Unavailable as error:
            pipe.send(str(error))

    _, pipe = other_process(fill)
    assert "File too large" in pipe.recv()
    assert files(tmp_path) == []


def test_short_writes_are_continued(payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: real(descriptor, octets[:300_001]))
    content = pattern(SEGMENT + 5)
    assert read(payloads, payloads.write([content])) == content


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.rename", "pathlib.Path.mkdir", "os.open"])
def test_a_disk_that_fails_at_any_step_stores_nothing(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            payloads.write([b"letter"])
    assert list(payloads.list_objects()) == []
    assert payloads.sweep_temp(LATER) == 0


def test_content_reaches_the_disk_before_its_name(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    def rename(path: Path, place: Path) -> Path:
        steps.append("rename")
        return real_rename(path, place)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    stored = payloads.write([b"letter"])
    shard = stored.object_id[:2]
    assert steps == [f"{stored.object_id}.part", "objects", "payloads", "rename", shard]


def begin_and_wait(pipe: Any, payloads: PayloadStore) -> None:
    with payloads.create() as writer:
        writer.write(pattern(2 * SEGMENT))
        pipe.send("begun")
        pipe.recv()


def test_the_sweep_removes_what_a_killed_process_left_and_nothing_in_work(
    payloads: PayloadStore, tmp_path: Path, other_process: Any
) -> None:
    process, pipe = other_process(begin_and_wait, payloads)
    pipe.recv()
    assert payloads.sweep_temp(LATER) == 0  # old, and somebody still writes
    process.kill()
    process.join()
    assert len(files(tmp_path)) == 1
    assert payloads.sweep_temp(datetime.now(UTC) - timedelta(hours=1)) == 0  # nobody writes, but young
    assert payloads.sweep_temp(LATER) == 1
    assert files(tmp_path) == []
    assert list(payloads.list_objects()) == []


def test_the_sweep_of_a_store_never_used_finds_nothing(payloads: PayloadStore) -> None:
    assert payloads.sweep_temp(LATER) == 0


def test_files_that_vanish_during_a_sweep_or_a_listing_are_left_out(
    payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads.write([b"letter"])
    ghost = tmp_path / "payloads" / "temporary" / "ghost.part"
    monkeypatch.setattr(Path, "glob", lambda _, __: iter([ghost]))
    assert payloads.sweep_temp(LATER) == 0
    assert list(payloads.list_objects()) == []


def test_memory_does_not_grow_with_the_content(payloads: PayloadStore) -> None:
    def chunks(mebibytes: int) -> Iterator[bytes]:
        return (bytes(64 * 1024) for _ in range(16 * mebibytes))

    def peak(mebibytes: int) -> int:
        tracemalloc.start()
        try:
            stored = payloads.write(chunks(mebibytes))
            with payloads.open(stored.object_id, stored.wrapped_key) as content:
                while content.read(64 * 1024):
                    pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(24) < peak(3) + SEGMENT
    assert peak(24) < 6 * SEGMENT
