"""An object store that fails is our trouble: nothing half stored counts, nothing stored is taken for lost."""

from __future__ import annotations

import io
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.s3 import Bucket
from gateway.clients.s3_client import S3Settings
from gateway.clients.s3_place import PayloadBucket
from gateway.domain.errors import Damaged, Misconfigured, Unavailable
from gateway.store.payload_segments import SEGMENT
from gateway.store.payloads import PayloadStore, StoredPayload
from tests.support.objectstore import (
    ERROR_500,
    ERROR_IN_200,
    PAGE,
    PART,
    Call,
    Fault,
    ObjectStore,
    Passage,
    answers,
    cuts_off,
    loses_answer,
    object_store,
    on,
    passage,
    says_nothing,
)

MASTER = bytes(range(32))
LATER = datetime.now(UTC) + timedelta(hours=1)
LONG = b"letter" * (3 * PART // 6)
"""Three parts and a little: its encrypted form is longer."""
SHORT = b"letter" * 100


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture(scope="module")
def bucket(objects: ObjectStore) -> str:
    return objects.make_bucket()


@pytest.fixture(scope="module")
def road(objects: ObjectStore) -> Iterator[Passage]:
    with passage(objects) as way:
        yield way


@pytest.fixture
def way(road: Passage) -> Iterator[Passage]:
    """The way to the store, without any fault yet."""
    yield road
    road.clear()


@pytest.fixture(scope="module")
def places(objects: ObjectStore, bucket: str, road: Passage) -> dict[str, PayloadBucket]:
    return {
        "payloads": objects.place(bucket, road.url),
        "patient": objects.place(bucket, road.url, attempts=2),
        "impatient": objects.place(bucket, road.url, read_s=0.4),
    }


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex}/"


def payloads_in(place: PayloadBucket, prefix: str = "payloads/") -> PayloadStore:
    return PayloadStore(replace(place, prefix=prefix), MASTER, os.urandom)


@pytest.fixture
def payloads(places: dict[str, PayloadBucket], prefix: str, way: Passage) -> PayloadStore:
    """The store under test: each call is tried once."""
    return payloads_in(places["payloads"], prefix)


@pytest.fixture
def patient(places: dict[str, PayloadBucket], prefix: str, way: Passage) -> PayloadStore:
    """The same with two attempts."""
    return payloads_in(places["patient"], prefix)


@pytest.fixture
def impatient(places: dict[str, PayloadBucket], prefix: str, way: Passage) -> PayloadStore:
    """The same, waiting for less than half a second: to meet silence with."""
    return payloads_in(places["impatient"], prefix)


def read(payloads: PayloadStore, stored: StoredPayload) -> bytes:
    with payloads.open(stored.object_id, stored.wrapped_key) as content:
        return content.read()


def store_for(fault: Fault, request: pytest.FixtureRequest) -> PayloadStore:
    """The store that need not wait long for the fault."""
    found: PayloadStore = request.getfixturevalue("impatient" if fault is says_nothing else "payloads")
    return found


def lies_in(objects: ObjectStore, bucket: str, prefix: str) -> tuple[int, int]:
    """How many objects and how many unfinished uploads the bucket really has under the prefix."""
    found = objects.client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    try:
        begun = objects.client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    except objects.client.exceptions.NoSuchUpload:  # so some servers say that there is none
        begun = {}
    return len(found.get("Contents", ())), len(begun.get("Uploads", ()))


# Writing ---------------------------------------------------------------------------------------------


def test_a_store_that_refuses_connections_mid_upload_has_no_object_and_the_sweep_gets_the_parts(
    objects: ObjectStore, bucket: str
) -> None:
    prefix = "payloads/"
    with passage(objects) as way, payloads_in(objects.place(bucket, way.url)).create() as writer:
        writer.write(LONG[: 2 * PART])
        assert "part" in way.seen
        way.refuse()
        with pytest.raises(Unavailable, match="could not be reached"):
            writer.write(LONG)
        with pytest.raises(Unavailable, match="not open"):
            writer.commit()
    assert lies_in(objects, bucket, prefix) == (0, 1)
    assert payloads_in(objects.place(bucket)).sweep_temp(LATER) == 1
    assert lies_in(objects, bucket, prefix) == (0, 0)


@pytest.mark.parametrize(
    "fault", [ERROR_500, says_nothing, loses_answer, PAGE], ids=["500", "silence", "lost answer", "a page"]
)
@pytest.mark.parametrize(
    ("operation", "content"), [("put", SHORT), ("begin", LONG), ("part", LONG)], ids=["put", "begin", "part"]
)
def test_a_write_that_fails_is_not_stored(
    request: pytest.FixtureRequest, way: Passage, operation: str, content: bytes, fault: Fault
) -> None:
    way.faults[operation] = fault
    with pytest.raises(Unavailable, match="the object store"):
        store_for(fault, request).write([content])
    assert "complete" not in way.seen
    assert ("abort" in way.seen) is (operation == "part")


@pytest.mark.parametrize("fault", [ERROR_500, ERROR_IN_200, says_nothing], ids=["500", "200", "silence"])
def test_an_upload_that_is_not_completed_is_not_stored_and_thrown_away(
    request: pytest.FixtureRequest,
    way: Passage,
    objects: ObjectStore,
    bucket: str,
    prefix: str,
    fault: Fault,
) -> None:
    way.faults["complete"] = fault
    with pytest.raises(Unavailable, match="the object store"):
        store_for(fault, request).write([LONG])
    assert lies_in(objects, bucket, prefix) == (0, 0)


@pytest.mark.parametrize("which", ["payloads", "patient"])
def test_an_upload_is_stored_when_only_the_last_answer_is_lost(
    request: pytest.FixtureRequest, which: str, way: Passage
) -> None:
    payloads: PayloadStore = request.getfixturevalue(which)
    way.faults["complete"] = on(1, fault=loses_answer)
    assert read(payloads, payloads.write([LONG])) == LONG
    assert way.seen.count("complete") == (1 if which == "payloads" else 2)


def test_a_lost_answer_is_no_success_while_nobody_can_look(payloads: PayloadStore, way: Passage) -> None:
    way.faults.update(complete=loses_answer, get=ERROR_500)
    with pytest.raises(Unavailable):
        payloads.write([LONG])


@contextmanager
def slow_store() -> Iterator[str]:
    """A store that takes about 10 MiB a second, whatever the kernel would take for it."""

    def take(connection: socket.socket) -> None:
        with connection:
            head = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(re.findall(rb"Content-Length: (\d+)", head)[0])
            while left > 0 and (octets := connection.recv(64 * 1024)):
                left -= len(octets)
                pace.wait(0.006)
            connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')

    pace = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        serving = threading.Thread(target=lambda: take(server.accept()[0]))
        serving.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        serving.join()


def test_a_part_may_take_longer_than_a_connection_as_long_as_it_moves(objects: ObjectStore) -> None:
    with slow_store() as url:
        started = time.monotonic()
        Bucket(objects.settings("any", url, connect_s=0.3)).put("key", io.BytesIO(bytes(16 * SEGMENT)))
    assert time.monotonic() - started > 0.6  # otherwise this shows nothing


def test_a_passing_trouble_costs_another_attempt_only(patient: PayloadStore, way: Passage) -> None:
    way.faults["part"] = on(2, fault=ERROR_500)
    assert read(patient, patient.write([LONG])) == LONG
    assert way.seen.count("part") == 5


# Reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 5, SEGMENT, 2 * SEGMENT + 77])
def test_a_stream_that_breaks_is_taken_up_where_it_broke(
    patient: PayloadStore, way: Passage, after: int
) -> None:
    stored = patient.write([LONG])
    way.seen.clear()
    way.faults["get"] = on(1, fault=cuts_off(after))
    assert read(patient, stored) == LONG
    assert way.seen == ["get", "get"]


def test_a_stream_that_breaks_again_and_again_is_our_trouble_and_no_damage(
    patient: PayloadStore, way: Passage
) -> None:
    stored = patient.write([LONG])
    way.faults["get"] = cuts_off(100)
    with pytest.raises(Unavailable, match="the object store") as caught:
        read(patient, stored)
    assert not isinstance(caught.value, Damaged)


@pytest.mark.parametrize("fault", [ERROR_500, says_nothing, PAGE], ids=["500", "silence", "a page"])
def test_a_store_that_does_not_answer_is_never_taken_for_a_lost_object(
    request: pytest.FixtureRequest, payloads: PayloadStore, way: Passage, fault: Fault
) -> None:
    stored = payloads.write([SHORT])
    way.faults["get"] = fault
    failing = store_for(fault, request)
    for look in (lambda: read(failing, stored), lambda: failing.exists(stored.object_id)):
        with pytest.raises(Unavailable) as caught:
            look()
        assert not isinstance(caught.value, Damaged)


def test_an_object_that_vanishes_while_it_is_read_is_damage(
    patient: PayloadStore, way: Passage, objects: ObjectStore
) -> None:
    stored = patient.write([LONG])
    way.faults["get"] = on(1, fault=cuts_off(2 * SEGMENT))
    with patient.open(stored.object_id, stored.wrapped_key) as content:
        assert content.read(SEGMENT) == LONG[:SEGMENT]
        patient.delete(stored.object_id)
        with pytest.raises(Damaged, match="No such object"):
            content.read()


def test_another_part_than_was_asked_for_is_refused(patient: PayloadStore, way: Passage) -> None:
    stored = patient.write([LONG])

    def another_part(way: Passage, handler: Any, call: Call) -> bool:
        status, headers, body = way.forward(handler, call, b"")
        first = {name: re.sub(r"^bytes \d+", "bytes 0", value) for name, value in headers.items()}
        handler.give(status, first, body)
        return True

    with patient.open(stored.object_id, stored.wrapped_key) as content:
        way.faults["get"] = another_part
        content.seek(2 * SEGMENT)
        with pytest.raises(Unavailable, match="another part"):
            content.read(1)


# Sweeping and listing --------------------------------------------------------------------------------


def test_a_young_upload_may_be_somebodys_work(
    payloads: PayloadStore, way: Passage, objects: ObjectStore, bucket: str, prefix: str
) -> None:
    now = datetime.now(UTC)

    def begun_now(way: Passage, handler: Any, call: Call) -> bool:
        status, headers, body = way.forward(handler, call, b"")
        # The stand-in gives every upload the same day of 2010.
        young = b"<Initiated>" + now.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode() + b"<"
        handler.give(status, headers, re.sub(rb"<Initiated>[^<]*<", young, body))
        return True

    with payloads.create() as writer:
        writer.write(LONG)
        way.faults["list"] = begun_now
        assert payloads.sweep_temp(now - timedelta(minutes=5)) == 0
        assert lies_in(objects, bucket, prefix) == (0, 1)
        assert payloads.sweep_temp(now + timedelta(minutes=5)) == 1


def test_uploads_of_others_in_the_bucket_are_left_alone(
    payloads: PayloadStore, objects: ObjectStore, bucket: str, prefix: str
) -> None:
    objects.client.create_multipart_upload(Bucket=bucket, Key="other/" + "0" * 32)
    objects.client.create_multipart_upload(Bucket=bucket, Key=prefix + "notes.txt")
    objects.client.put_object(Bucket=bucket, Key="other/" + "0" * 32, Body=b"")
    assert payloads.sweep_temp(LATER) == 0
    assert list(payloads.list_objects()) == []


@pytest.mark.parametrize("fault", [ERROR_500, says_nothing, PAGE], ids=["500", "silence", "a page"])
def test_a_list_that_fails_is_our_trouble_and_never_an_empty_store(
    request: pytest.FixtureRequest, payloads: PayloadStore, way: Passage, fault: Fault
) -> None:
    payloads.write([SHORT])
    way.faults["list"] = fault
    failing = store_for(fault, request)
    for look in (lambda: list(failing.list_objects()), lambda: failing.sweep_temp(LATER)):
        with pytest.raises(Unavailable):
            look()


@pytest.mark.parametrize(("status", "said"), [(404, b"NoSuchUpload"), (501, b"NotImplemented")])
def test_a_store_that_lists_no_uploads_has_none_to_sweep(
    payloads: PayloadStore, way: Passage, status: int, said: bytes
) -> None:
    payloads.write([SHORT])
    way.faults["list"] = answers(status, b"<Error><Code>%s</Code></Error>" % said)
    assert payloads.sweep_temp(LATER) == 0
    with pytest.raises(Unavailable):  # of objects that is no answer
        list(payloads.list_objects())


def test_an_upload_aborted_by_somebody_else_is_not_counted(payloads: PayloadStore, way: Passage) -> None:
    def two_sweeps(way: Passage, handler: Any, call: Call) -> bool:
        way.forward(handler, call, b"")
        return False

    with payloads.create() as writer:
        writer.write(LONG)
        way.faults["abort"] = two_sweeps
        assert payloads.sweep_temp(LATER) == 0


# Wrong settings --------------------------------------------------------------------------------------


def calls(payloads: PayloadStore) -> list[Callable[[], object]]:
    return [
        lambda: payloads.write([SHORT]),
        lambda: payloads.write([LONG]),
        lambda: payloads.exists("0" * 32),
        lambda: payloads.delete("0" * 32),
        lambda: list(payloads.list_objects()),
        lambda: payloads.sweep_temp(LATER),
    ]


def test_a_missing_bucket_is_our_trouble_and_named_by_the_check(objects: ObjectStore) -> None:
    payloads = payloads_in(objects.place("no-such-bucket"))
    for call in calls(payloads):
        with pytest.raises(Unavailable, match="NoSuchBucket") as caught:
            call()
        assert not isinstance(caught.value, Damaged)
    with pytest.raises(Misconfigured, match=r"payloads\.s3_bucket"):
        payloads.check()


def test_wrong_credentials_are_our_trouble_and_named_by_the_check(objects: ObjectStore, bucket: str) -> None:
    if not objects.own:
        pytest.skip("only a server of the tests' own can be told to ask for credentials")
    payloads = payloads_in(objects.place(bucket))
    with objects.authenticating():
        for call in calls(payloads):
            with pytest.raises(Unavailable, match="InvalidAccessKeyId") as caught:
                call()
            assert objects.access_key not in str(caught.value)
            assert objects.secret_key not in str(caught.value)
        with pytest.raises(Misconfigured, match="secret s3-access-key"):
            payloads.check()
    payloads.check()


def test_a_store_out_of_reach_fails_the_check_without_blaming_the_settings(objects: ObjectStore) -> None:
    place = objects.place("any", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="could not be reached") as caught:
        payloads_in(place).check()
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "allow", "good"),
    [
        ("http://127.0.0.1:9000", ("127.0.0.0/8",), True),
        ("http://s3.internal", ("s3.internal",), True),
        ("https://s3.example.org", (), True),
        ("http://s3.example.org", (), False),
        ("http://93.184.216.34", (), False),
        ("http://127.0.0.1:9000", ("localhost", "10.0.0.0/8"), False),
        ("https://somebody:secret@s3.example.org", (), False),
        ("ftp://s3.example.org", ("s3.example.org",), False),
    ],
)
def test_letters_go_without_tls_only_where_the_operator_allows_it(
    objects: ObjectStore, endpoint: str, allow: tuple[str, ...], good: bool
) -> None:
    settings: S3Settings = replace(objects.settings("any"), endpoint=endpoint, allow=allow)
    if good:
        Bucket(settings)
    else:
        with pytest.raises(Misconfigured, match=r"payloads\.s3_endpoint"):
            Bucket(settings)


def test_settings_never_show_the_credentials(objects: ObjectStore) -> None:
    shown = repr(objects.settings("any"))
    assert objects.secret_key not in shown
    assert objects.access_key not in shown


def test_what_stands_in_somebodys_environment_decides_nothing(
    objects: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "somebody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_CA_BUNDLE": "nowhere.pem",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    payloads_in(objects.place(bucket)).check()
