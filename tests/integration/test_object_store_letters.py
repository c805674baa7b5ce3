"""A hub whose payloads lie in an object store, and what becomes of letters while the store is out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway.bootstrap import sweep
from gateway.cli.process import check_config, init
from gateway.domain.errors import Misconfigured, Unavailable
from gateway.domain.transit.states import Transport
from gateway.settings import load
from gateway.store.transit.models import DeliveryRow, Payload
from tests.support.hub import MINISTRY_OFFICE, HubUnderTest, make_hub
from tests.support.objectstore import (
    ERROR_500,
    ObjectStore,
    Passage,
    cuts_off,
    loses_answer,
    object_store,
    passage,
)
from tests.support.streams import MIB, Sink, digest_of, letter_with, sink, stream, traced

LARGE = 20 * MIB
MOST = 16 * MIB


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture(scope="module")
def system() -> Iterator[Sink]:
    with sink() as system:
        yield system


@pytest.fixture(scope="module", autouse=True)
def credentials(objects: ObjectStore) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASL_SECRET_S3_ACCESS_KEY", objects.access_key)
        patch.setenv("WASL_SECRET_S3_SECRET_KEY", objects.secret_key)
        yield


@pytest.fixture(scope="module")
def road(objects: ObjectStore) -> Iterator[Passage]:
    with passage(objects) as way:
        yield way


@pytest.fixture
def way(road: Passage) -> Iterator[Passage]:
    """The way from the hub to its bucket, without any fault yet."""
    yield road
    road.clear()


@pytest.fixture(scope="module")
def bucket(objects: ObjectStore) -> str:
    return objects.make_bucket()


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, objects: ObjectStore, system: Sink, road: Passage
) -> HubUnderTest:
    home = tmp_path_factory.mktemp("hub")
    return hub_at(road.url, home, objects, objects.make_bucket(), system)


@pytest.fixture
def hub(built: HubUnderTest, way: Passage) -> HubUnderTest:
    """A hub that reaches its bucket by ``way``, and the ministry's document system."""
    return built


def hub_at(url: str, home: Path, objects: ObjectStore, bucket: str, system: Sink) -> HubUnderTest:
    options = {
        "base_url": f"http://127.0.0.1:{system.port}",
        "create": {"path": "/letters", "body": {"subject": "envelope.subject"}, "reads": {"handle": "id"}},
        "upload": {"path": "/letters/{handle}/files", "each": "attachments", "success": "id"},
    }
    route = {"kind": "adapter", "adapter": "rest", "options": options}
    environment = objects.environment(bucket, WASL_PAYLOADS_S3_ENDPOINT=url)
    return make_hub(home, {MINISTRY_OFFICE: route}, **environment)


def states(hub: HubUnderTest) -> Counter[str]:
    """How many deliveries are in each state."""
    with hub.gateway.store.read() as session:
        return Counter(session.scalars(select(DeliveryRow.state)))


def handed_over(hub: HubUnderTest) -> bool:
    """Whether every delivery so far is."""
    return set(states(hub)) == {Transport.HANDED_OVER.value}


def ids(hub: HubUnderTest) -> set[str]:
    return {one.object_id for one in hub.gateway.payloads.list_objects()}


def test_a_large_letter_passes_through_the_bucket_without_being_held_in_memory(
    tmp_path: Path, objects: ObjectStore, bucket: str, system: Sink
) -> None:
    hub = hub_at(objects.url, tmp_path, objects, bucket, system)
    letter = letter_with(hub, LARGE, office=MINISTRY_OFFICE)
    with traced() as grown:
        status, answer = stream(hub, letter)
        hub.dispatch().run_once()
    assert (status, handed_over(hub)) == (201, True), answer
    assert system.sizes[-1] > LARGE
    assert grown[0] < MOST
    with hub.gateway.store.read() as session:
        stored = session.scalars(select(Payload).where(Payload.inline.is_(None))).one()
    assert ids(hub) == {stored.object_id}
    with hub.gateway.payloads.open(stored.object_id, stored.wrapped_key or b"") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == digest_of(LARGE)  # type: ignore[arg-type]
    assert not any(path.is_file() for path in (tmp_path / "payloads").rglob("*"))


@pytest.mark.parametrize("operation", ["part", "complete"])
def test_a_letter_that_the_store_cannot_take_is_not_accepted_and_may_be_sent_again(
    hub: HubUnderTest, way: Passage, operation: str
) -> None:
    before = states(hub), ids(hub)
    letter = letter_with(hub, 6 * MIB, office=MINISTRY_OFFICE)
    way.faults[operation] = ERROR_500
    status, answer = stream(hub, letter)
    assert (status, (states(hub), ids(hub))) == (503, before), answer
    assert b"127.0.0.1" not in answer
    way.clear()
    assert stream(hub, letter)[0] == 201
    assert len(ids(hub)) == len(before[1]) + 1
    hub.dispatch().run_once()
    assert handed_over(hub)


def test_a_letter_is_accepted_once_when_the_last_answer_of_the_store_is_lost(
    hub: HubUnderTest, way: Passage
) -> None:
    way.faults["complete"] = loses_answer
    assert stream(hub, letter_with(hub, 6 * MIB, office=MINISTRY_OFFICE))[0] == 201
    hub.dispatch().run_once()
    assert handed_over(hub)


@pytest.mark.parametrize("fault", [ERROR_500, cuts_off(100)], ids=["500", "cut off"])
def test_a_letter_whose_content_is_out_of_reach_waits_and_is_delivered_later(
    hub: HubUnderTest, way: Passage, system: Sink, fault: object
) -> None:
    assert stream(hub, letter_with(hub, MIB, office=MINISTRY_OFFICE))[0] == 201
    before = len(system.sizes)
    way.faults["get"] = fault  # type: ignore[assignment]
    hub.dispatch().run_once()
    assert states(hub)[Transport.QUEUED.value] + states(hub)[Transport.WAITING.value] == 1
    assert len(system.sizes) == before
    way.clear()
    with hub.clock.moved(hours=2):
        hub.dispatch().run_once()
    assert handed_over(hub)


def test_the_sweep_removes_orphans_of_a_bucket_and_keeps_what_letters_own(hub: HubUnderTest) -> None:
    assert stream(hub, letter_with(hub, MIB, office=MINISTRY_OFFICE))[0] == 201
    hub.dispatch().run_once()
    owned = ids(hub)
    hub.gateway.payloads.write([b"left by a crash"])
    assert sweep(hub.gateway).run() == 0
    with hub.clock.moved(days=1, minutes=5):
        assert (sweep(hub.gateway).run(), ids(hub)) == (1, owned)


def test_a_hub_whose_bucket_is_out_is_alive_and_not_ready(hub: HubUnderTest, way: Passage) -> None:
    before = ids(hub)
    assert hub.client.get("/health/ready").status_code == 200
    assert ids(hub) == before
    way.faults["put"] = ERROR_500
    answer = hub.client.get("/health/ready")
    assert answer.status_code == 503
    assert [name for name, said in answer.json["checks"].items() if said != "ok"] == ["payloads"]
    assert "127.0.0.1" not in answer.text
    assert hub.client.get("/health/live").status_code == 200


def configured(home: Path, **environment: str) -> object:
    """What `wasl check-config` ends with in that home."""
    result = CliRunner().invoke(check_config, env={"WASL_HOME": str(home), **environment})
    return result.exception


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    assert CliRunner().invoke(init, env={"WASL_HOME": str(home)}).exit_code == 0
    return home


def test_check_config_asks_the_bucket(home: Path, objects: ObjectStore, bucket: str) -> None:
    assert configured(home, **objects.environment(bucket)) is None
    fault = configured(home, **objects.environment("no-such-bucket"))
    assert isinstance(fault, Misconfigured)
    assert fault.faults == ("payloads.s3_bucket: the object store knows no such bucket",)
    out = configured(home, **objects.environment(bucket, WASL_PAYLOADS_S3_ENDPOINT="http://127.0.0.1:1"))
    assert isinstance(out, Unavailable)


def test_check_config_names_every_missing_credential(
    home: Path, objects: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WASL_SECRET_S3_ACCESS_KEY")
    monkeypatch.delenv("WASL_SECRET_S3_SECRET_KEY")
    fault = configured(home, **objects.environment(bucket))
    assert isinstance(fault, Misconfigured)
    assert [line.split(":")[0] for line in fault.faults] == ["secret s3-access-key", "secret s3-secret-key"]
    for name, known in (("s3-access-key", objects.access_key), ("s3-secret-key", objects.secret_key)):
        (home / "secrets").mkdir(exist_ok=True)
        (home / "secrets" / name).write_text(f"{known}\n")
    assert configured(home, **objects.environment(bucket)) is None


def test_check_config_asks_for_tls(home: Path, objects: ObjectStore, bucket: str) -> None:
    fault = configured(home, **objects.environment(bucket, WASL_OUTGOING_ALLOW="10.0.0.0/8"))
    assert isinstance(fault, Misconfigured)
    assert "payloads.s3_endpoint" in fault.faults[0]


def test_check_config_says_when_the_library_is_missing(
    home: Path, objects: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.bootstrap.payloads.find_spec", lambda _: None)
    fault = configured(home, **objects.environment(bucket))
    assert isinstance(fault, Misconfigured)
    assert "[scale]" in fault.faults[0]


def test_check_config_looks_at_the_folder_of_files(home: Path, tmp_path: Path) -> None:
    assert configured(home, WASL_PAYLOADS_DIRECTORY=str(tmp_path / "not yet")) is None
    (tmp_path / "file").touch()
    fault = configured(home, WASL_PAYLOADS_DIRECTORY=str(tmp_path / "file"))
    assert isinstance(fault, Misconfigured)
    assert "payloads.directory" in fault.faults[0]


def test_a_bucket_must_be_named_with_its_store(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load({"WASL_HOME": str(tmp_path), "WASL_PAYLOADS_KIND": "s3"})
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "payloads.s3_endpoint",
        "payloads.s3_bucket",
    ]


def test_grace_covers_the_longest_request(hub: HubUnderTest) -> None:
    """An upload that is still going on has no lock that the sweep of a bucket could see."""
    assert sweep(hub.gateway).grace >= timedelta(days=1)
    assert sweep(hub.gateway).grace > timedelta(seconds=hub.gateway.settings.web.request_seconds)
