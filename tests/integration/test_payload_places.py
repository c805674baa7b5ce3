"""What every place of payloads must do: the same tests over a folder and over a bucket."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.clients import s3
from gateway.clients.s3_place import PayloadBucket
from gateway.domain.errors import Damaged, Unavailable
from gateway.domain.places import Place
from gateway.store.payload_files import PayloadFolder
from gateway.store.payload_segments import MAGIC, SEALED, SEGMENT, TAG
from gateway.store.payloads import PayloadStore, StoredPayload
from tests.support.objectstore import PART, ObjectStore, object_store
from tests.support.streams import traced

MASTER = bytes(range(32))
LATER = datetime.now(UTC) + timedelta(hours=1)
FORK = multiprocessing.get_context("fork")
LONG = 2 * PART + 4321


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture(scope="module")
def bucket(objects: ObjectStore) -> PayloadBucket:
    return objects.place(objects.make_bucket())


@dataclass(frozen=True)
class World:
    """A payload store, and its octets as they lie there, by object id."""

    payloads: PayloadStore
    raw: Callable[[str], bytes]
    put_raw: Callable[[str, bytes], None]

    def read(self, stored: StoredPayload) -> bytes:
        with self.payloads.open(stored.object_id, stored.wrapped_key) as content:
            return content.read()

    def ids(self) -> set[str]:
        return {one.object_id for one in self.payloads.list_objects()}

    def is_empty(self) -> bool:
        return self.ids() == set() and self.payloads.sweep_temp(LATER) == 0


def payloads_in(place: Place) -> PayloadStore:
    return PayloadStore(place, MASTER, os.urandom)


def folder_world(root: Path) -> World:
    def path(object_id: str) -> Path:
        found = root / "objects" / object_id[:2] / object_id
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def put_raw(object_id: str, octets: bytes) -> None:
        path(object_id).write_bytes(octets)

    return World(payloads_in(PayloadFolder(root)), lambda object_id: path(object_id).read_bytes(), put_raw)


def bucket_world(store: ObjectStore, whole: PayloadBucket) -> World:
    place = replace(whole, prefix=f"{uuid4().hex}/")
    bucket, client = whole.bucket._name, store.client

    def raw(object_id: str) -> bytes:
        return bytes(client.get_object(Bucket=bucket, Key=place.prefix + object_id)["Body"].read())

    def put_raw(object_id: str, octets: bytes) -> None:
        client.put_object(Bucket=bucket, Key=place.prefix + object_id, Body=octets)

    return World(payloads_in(place), raw, put_raw)


@pytest.fixture(params=["folder", "bucket"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, objects: ObjectStore, bucket: PayloadBucket
) -> World:
    if request.param == "folder":
        return folder_world(tmp_path / "payloads")
    return bucket_world(objects, bucket)


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def in_parts(content: bytes, size: int = 300_007) -> Iterator[bytes]:
    stream = io.BytesIO(content)
    while chunk := stream.read(size):
        yield chunk


@pytest.mark.parametrize("size", [0, 1, SEGMENT, 2 * SEGMENT + 77, PART, PART + SEGMENT, LONG])
def test_what_was_written_is_read_back(world: World, size: int) -> None:
    content = pattern(size)
    stored = world.payloads.write(in_parts(content))
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert world.read(stored) == content
    assert len(world.raw(stored.object_id)) == len(MAGIC) + size + TAG * max(1, -(-size // SEGMENT))
    assert world.payloads.exists(stored.object_id)
    assert world.payloads.sweep_temp(LATER) == 0


def test_any_position_can_be_read(world: World) -> None:
    content = pattern(4 * SEGMENT + 99)
    stored = world.payloads.write(in_parts(content))
    with world.payloads.open(stored.object_id, stored.wrapped_key) as found:
        for position in (3 * SEGMENT + 5, 7, SEGMENT - 3, 4 * SEGMENT, 0, len(content), 2 * SEGMENT):
            assert found.seek(position) == position
            assert found.read(1000) == content[position : position + 1000]


def test_octets_do_not_show_the_content(world: World) -> None:
    stored = world.payloads.write([b"a confidential letter"])
    assert b"confidential" not in world.raw(stored.object_id)


def test_an_object_is_seen_when_it_is_complete_and_not_before(world: World) -> None:
    with world.payloads.create() as writer:
        writer.write(pattern(LONG))
        assert world.ids() == set()
        stored = writer.commit()
        assert world.ids() == {stored.object_id}
    assert world.ids() == {stored.object_id}


@pytest.mark.parametrize("size", [10, LONG])
def test_a_writer_that_is_not_committed_leaves_nothing(world: World, size: int) -> None:
    with world.payloads.create() as writer:
        writer.write(pattern(size))
    assert world.is_empty()


def test_a_writer_that_fails_leaves_nothing_and_takes_nothing_more(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.payloads.create() as writer:
        writer.write(pattern(LONG)) // 0
    with pytest.raises(Unavailable, match="not open"):
        writer.commit()
    assert world.is_empty()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "first octet": lambda raw: b"x" + raw[1:],
    "an octet of the second segment": lambda raw: (
        raw[: SEALED + 99] + bytes([raw[SEALED + 99] ^ 1]) + raw[SEALED + 100 :]
    ),
    "segments swapped": lambda raw: (
        raw[:8] + raw[8 + SEALED : 8 + 2 * SEALED] + raw[8 : 8 + SEALED] + raw[8:]
    ),
    "last octet cut": lambda raw: raw[:-1],
    "last segment cut": lambda raw: raw[: 8 + 2 * SEALED],
    "empty": lambda _: b"",
    "an octet added": lambda raw: raw + b"x",
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_object_is_never_read_as_whole(world: World, change: str) -> None:
    stored = world.payloads.write([pattern(2 * SEGMENT + 100)])
    world.put_raw(stored.object_id, CHANGES[change](world.raw(stored.object_id)))
    with pytest.raises(Damaged, match="damaged"):
        world.read(stored)


def test_objects_cannot_be_exchanged(world: World) -> None:
    one, two = world.payloads.write([b"one"]), world.payloads.write([b"two"])
    world.put_raw(one.object_id, world.raw(two.object_id))
    with pytest.raises(Damaged, match="damaged"):
        world.read(one)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(world: World) -> None:
    stored = world.payloads.write([b"letter"])
    world.payloads.delete(stored.object_id)
    world.payloads.delete(stored.object_id)
    assert not world.payloads.exists(stored.object_id)
    with pytest.raises(Damaged, match="No such"):
        world.read(stored)
    assert world.is_empty()


def test_objects_are_listed_with_age_and_size_and_strangers_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAGE", 2)
    stored = {world.payloads.write([b"x"]).object_id for _ in range(5)}
    world.put_raw("notes.txt", b"a stranger's")
    found = list(world.payloads.list_objects())
    assert {each.object_id for each in found} == stored
    assert len(found) == 5
    assert all(abs(datetime.now(UTC) - each.modified) < timedelta(minutes=5) for each in found)
    assert {each.size for each in found} == {len(MAGIC) + 1 + TAG}


@pytest.mark.parametrize("object_id", ["", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_an_object_id_is_never_a_path(world: World, object_id: str) -> None:
    key = world.payloads.write([b""]).wrapped_key
    for act in (
        lambda: world.payloads.open(object_id, key),
        lambda: world.payloads.delete(object_id),
        lambda: world.payloads.exists(object_id),
    ):
        with pytest.raises(Unavailable, match="object id is damaged"):
            act()


def die_while_writing(payloads: PayloadStore) -> None:
    payloads.create().__enter__().write(pattern(LONG))
    os._exit(9)


def test_the_sweep_removes_what_a_killed_process_left_and_no_complete_object(world: World) -> None:
    stored = world.payloads.write([pattern(LONG)])
    process: Any = FORK.Process(target=die_while_writing, args=(world.payloads,))
    process.start()
    process.join(20)
    assert process.exitcode == 9
    assert world.payloads.sweep_temp(LATER) == 1
    assert world.payloads.sweep_temp(LATER) == 0
    assert world.ids() == {stored.object_id}
    assert world.read(stored) == pattern(LONG)


def test_a_place_that_works_passes_its_check_and_keeps_nothing_of_it(world: World) -> None:
    world.payloads.check()
    assert world.is_empty()


def test_memory_does_not_grow_with_the_content(world: World) -> None:
    def chunks(mebibytes: int) -> Iterator[bytes]:
        return (bytes(64 * 1024) for _ in range(16 * mebibytes))

    def peak(mebibytes: int) -> int:
        with traced() as grown:
            stored = world.payloads.write(chunks(mebibytes))
            with world.payloads.open(stored.object_id, stored.wrapped_key) as content:
                while content.read(64 * 1024):
                    pass
        return grown[0]

    peak(1)  # what is loaded at first use is no part of the content
    short, long = peak(12), peak(36)
    assert long < short + SEGMENT
    assert long < PART + 6 * SEGMENT
