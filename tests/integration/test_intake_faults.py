"""Our own trouble is never the sender's refusal: a 5xx, no receipt, nothing half kept, a retry that works.

Each trouble is made at one step of intake; most are real ones of the disk, the database or the folder
of authorities, the others are put into the service that the step calls.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from gateway import assets
from gateway.bootstrap import sweep
from gateway.domain.errors import Unavailable
from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.evidence.issue import Seals
from gateway.exchange.transit import intake
from gateway.exchange.transit.intake import Intake
from gateway.store import payload_files, plain
from gateway.store.engine import make_engine
from gateway.store.filelock import FileLock
from gateway.store.sessions import Store
from tests.support.hub import JWS, XML, HubUnderTest, make_hub, receipt_of

NOWHERE = Recipient(office=directory_id("B", 77))
PLAN = b"DEMONSTRATION plan " * 9000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "plan.bin"
    path.write_bytes(PLAN)
    return path


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged meanwhile, in place of pages of it; never anything of a letter."""
    with capture_logs() as lines:
        yield lines
    assert "DEMONSTRATION" not in str(lines)


def is_our_fault(answer: Any, code: str = "WASL-HUB-002") -> bool:
    """A 503 that says when to come back, and no receipt."""
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    return bool(answer.json["code"] == code)


def services_over(hub: HubUnderTest, store: Store) -> dict[str, Any]:
    """Intake over another store, its refusals and receipts too."""
    service = hub.gateway.services.intake
    receipts = replace(service.receipts, store=store)
    refusals = replace(service.refusals, store=store, receipts=receipts)
    return {"intake": replace(service, store=store, receipts=receipts, refusals=refusals)}


def with_issuing(hub: HubUnderTest, seals: Seals) -> dict[str, Any]:
    service = hub.gateway.services.intake
    issuing = replace(service.issuing, seals=seals)
    receipts = replace(service.receipts, issuing=issuing)
    refusals = replace(service.refusals, issuing=issuing, receipts=receipts)
    return {"intake": replace(service, issuing=issuing, receipts=receipts, refusals=refusals)}


@contextmanager
def locked_database(hub: HubUnderTest) -> Iterator[None]:
    """Another process writes and does not come to an end."""
    lock = FileLock(hub.home / "wasl.lock")
    store = Store(make_engine(hub.gateway.settings.database.url, hub.home / "wasl.lock", busy_s=0.05))
    with lock.hold(), hub.using(**services_over(hub, store)):
        yield
    store.engine.dispose()


@contextmanager
def busy_database(hub: HubUnderTest) -> Iterator[None]:
    """Something that knows nothing of the lock file holds the database's own lock."""
    path = hub.gateway.settings.database.url.removeprefix("sqlite:///")
    store = Store(make_engine(hub.gateway.settings.database.url, None, busy_s=0.05))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with hub.using(**services_over(hub, store)):
            yield
        other.execute("ROLLBACK")
    other.close()
    store.engine.dispose()


@contextmanager
def full_database(hub: HubUnderTest) -> Iterator[None]:
    """The database may not grow by a page, and has none to spare."""
    with closing(sqlite3.connect(hub.gateway.settings.database.url.removeprefix("sqlite:///"))) as other:
        other.execute("VACUUM")
    engine = make_engine(hub.gateway.settings.database.url, hub.home / "wasl.lock")

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count=1")

    store = Store(engine)
    with hub.using(**services_over(hub, store)):
        yield
    engine.dispose()


@contextmanager
def missing_database(hub: HubUnderTest) -> Iterator[None]:
    """The database's folder is gone."""
    store = Store(make_engine(f"sqlite:///{hub.home}/gone/wasl.sqlite3", hub.home / "wasl.lock"))
    with hub.using(**services_over(hub, store)):
        yield


@contextmanager
def full_disk(hub: HubUnderTest, after: int) -> Iterator[None]:
    """The disk has room for ``after`` octets more."""
    write, room = payload_files._write_all, [after]

    def limited(descriptor: int, octets: bytes) -> None:
        room[0] -= len(octets)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor, octets)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload_files, "_write_all", limited)
        yield


@contextmanager
def failing_flush(hub: HubUnderTest) -> Iterator[None]:
    """The disk reports an error when what was written is made durable."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.store.payload_files.os.fsync", fail)
        yield


@dataclass(frozen=True)
class DeadSealer:
    """A sealer whose key cannot be reached."""

    certificate: Any
    chain: tuple[Any, ...] = ()

    @property
    def key(self) -> Any:
        raise OSError("the security module does not answer")


@contextmanager
def dead_seal(hub: HubUnderTest) -> Iterator[None]:
    """No seal can be used."""
    real = hub.gateway.issuing.seals.real
    dead = DeadSealer(real.certificate)
    with hub.using(**with_issuing(hub, Seals(dead, dead))):
        yield


@contextmanager
def stale_revocation(hub: HubUnderTest) -> Iterator[None]:
    """The authorities' lists are older than they may be."""
    module = assets.testpki()
    module.write_crls(hub.pki, hub.clock() - timedelta(days=40), days=30)
    try:
        yield
    finally:
        module.write_crls(hub.pki, hub.clock())


@contextmanager
def unreadable_trust(hub: HubUnderTest) -> Iterator[None]:
    """What lies in the place of the folder of authorities is no folder."""
    folder, away = hub.home / "trust" / "parties", hub.home / "trust" / "away"
    folder.rename(away)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


@contextmanager
def missing_trust(hub: HubUnderTest) -> Iterator[None]:
    """The folder of authorities is gone, as with a disk that is not mounted."""
    folder, away = hub.home / "trust" / "parties", hub.home / "trust" / "away"
    folder.rename(away)
    try:
        yield
    finally:
        away.rename(folder)


@contextmanager
def damaged_authority(hub: HubUnderTest) -> Iterator[None]:
    """One of the authorities' files has other octets."""
    file = hub.home / "trust" / "parties" / "damaged.pem"
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def authority_without_file(hub: HubUnderTest) -> Iterator[None]:
    """The file that an authority's name leads to cannot be found: a link in a circle."""
    file = hub.home / "trust" / "parties" / "circle.pem"
    file.symlink_to(file.name)
    try:
        yield
    finally:
        file.unlink()


TROUBLES: dict[str, Callable[[HubUnderTest], Any]] = {
    "another writer": locked_database,
    "a foreign lock": busy_database,
    "database full": full_database,
    "database gone": missing_database,
    "disk full at once": lambda hub: full_disk(hub, 0),
    "disk full in the middle": lambda hub: full_disk(hub, 100_000),
    "disk failing at the end": failing_flush,
    "seal unavailable": dead_seal,
    "authorities unreadable": unreadable_trust,
    "authorities gone": missing_trust,
    "an authority damaged": damaged_authority,
    "an authority out of reach": authority_without_file,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("media_type", [XML, JWS])
def test_trouble_of_ours_keeps_nothing_and_the_retry_is_accepted(
    hub: HubUnderTest, plan: Path, trouble: Callable[[HubUnderTest], Any], media_type: str
) -> None:
    letter = hub.signed(media_type=media_type, files=(plan,))
    before = hub.kept()
    with trouble(hub):
        assert is_our_fault(hub.post(letter))
    assert hub.kept() == before
    answer = hub.post(letter)
    assert answer.status_code == 201
    assert receipt_of(answer).attachments[0].size == len(PLAN)


def test_stale_revocation_lists_are_our_trouble(hub: HubUnderTest) -> None:
    letter = hub.signed()
    before = hub.kept()
    with stale_revocation(hub):
        assert is_our_fault(hub.post(letter), "WASL-CRT-008")
        assert is_our_fault(hub.post(letter, "/api/v1/envelopes/check"), "WASL-CRT-008")
    assert hub.kept() == before
    assert hub.post(letter).status_code == 201


@pytest.mark.parametrize(
    "trouble", [locked_database, full_database, dead_seal], ids=["locked", "full", "seal"]
)
def test_refusal_that_cannot_be_sealed_or_stored_is_no_refusal_yet(
    hub: HubUnderTest, trouble: Callable[[HubUnderTest], Any]
) -> None:
    letter = hub.signed(hub.envelope(recipients=(NOWHERE,)))
    before = hub.kept()
    with trouble(hub):
        assert is_our_fault(hub.post(letter))
    assert hub.kept() == before
    assert hub.post(letter).status_code == 422


@pytest.mark.parametrize("trouble", [dead_seal, stale_revocation, locked_database, full_database])
def test_repeat_needs_neither_seal_nor_lists_nor_a_writable_database(
    hub: HubUnderTest, trouble: Callable[[HubUnderTest], Any]
) -> None:
    letter = hub.signed()
    first = hub.post(letter)
    with trouble(hub):
        again = hub.post(letter)
    assert (again.status_code, again.data) == (200, first.data)


def test_other_rendering_of_a_repeat_waits_for_the_seal(hub: HubUnderTest) -> None:
    letter = hub.signed()
    first = hub.post(letter)
    with dead_seal(hub):
        assert is_our_fault(hub.post(letter, Accept=JWS))
    assert receipt_of(hub.post(letter, Accept=JWS)) == receipt_of(first)


class Bug(Exception):
    """A mistake in our own code."""


def broken(*_: object, **__: object) -> Any:
    raise Bug


STEPS = {
    "repeat": "intake.queries.accepted_by_root",
    "same letter": "intake.queries.accepted_by_id",
    "seal": "intake.promise",
    "rows": "acceptance._insert",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_mistake_of_ours_at_any_step_is_a_5xx_that_keeps_nothing(
    hub: HubUnderTest, plan: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    letter = hub.signed(files=(plan,))
    before = hub.kept()
    with monkeypatch.context() as patch:
        patch.setattr(f"gateway.exchange.transit.{step}", broken)
        answer = hub.post(letter)
    assert (answer.status_code, answer.json["code"]) == (500, "WASL-HUB-001")
    assert "Bug" not in answer.text
    assert hub.kept() == before
    assert hub.post(letter).status_code == 201


@pytest.mark.parametrize("method", ["authenticate", "read", "route"])
def test_mistake_of_ours_in_the_judgement_is_a_5xx_that_keeps_nothing(
    hub: HubUnderTest, plan: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    letter = hub.signed(files=(plan,))
    before = hub.kept()
    with monkeypatch.context() as patch:
        patch.setattr(type(hub.gateway.services.intake.judge), method, broken)
        answer = hub.post(letter)
    assert (answer.status_code, answer.json["code"]) == (500, "WASL-HUB-001")
    assert hub.kept() == before


@pytest.mark.parametrize("done", range(8))
def test_mistake_after_each_statement_of_the_transaction_keeps_nothing(
    hub: HubUnderTest, plan: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    letter = hub.signed(files=(plan,))
    before = hub.kept()
    execute, left = plain._executed, [done]

    def stop(connection: Any, compiled: Any, *arguments: Any, **options: Any) -> Any:
        if compiled.text.startswith("INSERT"):
            if left[0] == 0:
                raise Bug
            left[0] -= 1
        return execute(connection, compiled, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(plain, "_executed", stop)
        answer = hub.post(letter)
    assert answer.status_code == 500
    assert hub.kept() == before
    assert hub.post(letter).status_code == 201


class LostAnswer(Store):
    """A database whose word on the commit is lost, after or before it did it."""

    def __init__(self, store: Store, committed: bool) -> None:
        super().__init__(store.engine)
        self.committed = committed

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as session:
            yield session
            if not self.committed:
                session.rollback()
        raise Unavailable("connection lost on COMMIT")


def test_commit_that_happened_although_its_answer_was_lost_is_found_by_the_retry(
    hub: HubUnderTest, plan: Path
) -> None:
    letter = hub.signed(files=(plan,))
    before = hub.kept()
    with hub.using(**services_over(hub, LostAnswer(hub.gateway.store, committed=True))):
        assert is_our_fault(hub.post(letter))
    assert hub.kept()["files"] == before["files"] + 1  # it belongs to a letter that was accepted
    again = hub.post(letter)
    assert again.status_code == 200
    assert hub.kept()["message"] == before["message"] + 1


def test_content_left_by_a_commit_that_never_happened_is_swept_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, plan: Path
) -> None:
    hub = make_hub(tmp_path_factory.mktemp("swept"))
    hub.post(hub.signed(files=(plan,)))
    letter = hub.signed(files=(plan,))
    before = hub.kept()
    with hub.using(**services_over(hub, LostAnswer(hub.gateway.store, committed=False))):
        assert is_our_fault(hub.post(letter))
    assert hub.kept() == {**before, "files": before["files"] + 1}
    assert sweep(hub.gateway).run() == 0  # too young: its commit could still be under way
    with hub.clock.moved(days=2):
        assert sweep(hub.gateway).run() == 1
    assert hub.kept() == before
    assert hub.post(letter).status_code == 201


def test_receipt_never_leaves_before_the_commit(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is answered 201 is in the database already when the answer is made."""
    seen: list[bool] = []
    submit = Intake.submit

    def watched(service: Intake, submission: Any) -> Any:
        answer = submit(service, submission)
        with hub.second().gateway.store.read() as session:
            found = intake.queries.accepted_by_reference(session, answer.reference or "")
            seen.append(found is not None)
        return answer

    monkeypatch.setattr(Intake, "submit", watched)
    assert hub.post(hub.signed()).status_code == 201
    assert seen == [True]


def test_file_that_vanishes_from_the_trust_folder_while_it_is_read_troubles_nobody(
    hub: HubUnderTest,
) -> None:
    # listed, and gone when it is looked at, as a file that is just being replaced
    passing = hub.home / "trust" / "parties" / ".list.crl.1"
    passing.symlink_to("gone")
    try:
        assert hub.post(hub.signed()).status_code == 201
    finally:
        passing.unlink()
