"""Each server of the scaled shape over TLS: the right one is spoken to, a wrong one gets no credentials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from gateway.clients.broker import Broker, BrokerSettings
from gateway.clients.s3 import Bucket
from gateway.clients.s3_client import S3Settings
from gateway.domain.errors import Unavailable
from gateway.store.engine import make_engine
from gateway.store.sessions import Store
from tests.support.tls import listener, make_tls
from tools.services import NotStarted, ObjectStore, PostgreSQL, RabbitMQ, Service, Tls

Kind = TypeVar("Kind", bound=Service)
PASSWORD = "not-for-strangers"
WRONG_NAME = "127.0.0.1"
"""Leads to the same servers, whose certificates do not know it."""


@dataclass(frozen=True)
class Certificates:
    """``ours`` is what the servers show; ``stranger`` has another authority for the same name."""

    ours: Tls
    stranger: Tls
    other_name: Tls


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    return Certificates(
        make_tls(folder / "ours"),
        make_tls(folder / "stranger"),
        make_tls(folder / "other", "somebody.example"),
    )


def running(kind: Callable[[Tls], Kind], tls: Tls) -> Kind:
    try:
        return kind(tls)
    except NotStarted as error:
        pytest.skip(str(error))


# PostgreSQL ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(certificates: Certificates) -> Iterator[PostgreSQL]:
    with running(lambda tls: PostgreSQL(tls=tls), certificates.ours) as server:
        yield server


def ask(host: str, port: int, authority: Path) -> str:
    """What a hub's store reads from the database over a connection that must be encrypted."""
    url = (
        f"postgresql+psycopg://wasl:{PASSWORD}@{host}:{port}/wasl?sslmode=verify-full&sslrootcert={authority}"
    )
    engine = make_engine(url, None, busy_s=5)
    try:
        with Store(engine).read() as session:
            query = text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return str(session.execute(query).scalar())
    finally:
        engine.dispose()


def port_of(server: Service) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def test_a_database_with_the_right_certificate_is_used(
    database: PostgreSQL, certificates: Certificates
) -> None:
    assert ask("localhost", port_of(database), certificates.ours.authority).startswith("TLSv1.")


def test_a_database_of_an_unknown_authority_is_refused(
    database: PostgreSQL, certificates: Certificates
) -> None:
    with pytest.raises(Unavailable):
        ask("localhost", port_of(database), certificates.stranger.authority)


def test_a_database_under_another_name_is_refused(database: PostgreSQL, certificates: Certificates) -> None:
    with pytest.raises(Unavailable):
        ask(WRONG_NAME, port_of(database), certificates.ours.authority)


# RabbitMQ ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broker(certificates: Certificates) -> Iterator[RabbitMQ]:
    with running(RabbitMQ, certificates.ours) as server:
        yield server


def wakes(host: str, port: int, password: str, authority: Path, patience_s: float = 5.0) -> Broker:
    url = f"amqps://wasl@{host}:{port}/wasl"
    return Broker(BrokerSettings(url, password, ca_file=authority, connect_s=patience_s))


def test_a_broker_with_the_right_certificate_takes_wake_ups(
    broker: RabbitMQ, certificates: Certificates
) -> None:
    waker = wakes("localhost", port_of(broker), broker.password, certificates.ours.authority)
    waker.check()
    waker.wake()
    deadline = time.monotonic() + 20
    said = ""
    while "wasl.wake\t1" not in said:
        assert time.monotonic() < deadline, said
        said = broker.control("list_queues", "-p", "wasl", "name", "messages")
    assert "true" in broker.control("list_connections", "ssl")
    waker.close()


@pytest.mark.parametrize("host", ["localhost", WRONG_NAME])
def test_a_broker_that_is_not_the_one_meant_is_refused_in_time(
    broker: RabbitMQ, certificates: Certificates, host: str
) -> None:
    known = certificates.ours if host == WRONG_NAME else certificates.stranger
    began = time.monotonic()
    with pytest.raises(Unavailable, match="broker cannot be used"):
        wakes(host, port_of(broker), broker.password, known.authority).check()
    assert time.monotonic() - began < 15


# Object store --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def objects(certificates: Certificates) -> Iterator[ObjectStore]:
    with running(ObjectStore, certificates.ours) as server:
        yield server


def bucket(host: str, port: int, authority: Path, patience_s: float = 5.0) -> Bucket:
    return Bucket(
        S3Settings(
            f"https://{host}:{port}", "wasl", "us-east-1", "wasl", PASSWORD,
            ca_file=authority, connect_s=patience_s, read_s=patience_s, attempts=1,
        )
    )  # fmt: skip


def test_an_object_store_with_the_right_certificate_is_used(
    objects: ObjectStore, certificates: Certificates
) -> None:
    bucket("localhost", port_of(objects), certificates.ours.authority).check()


@pytest.mark.parametrize("host", ["localhost", WRONG_NAME])
def test_an_object_store_that_is_not_the_one_meant_is_refused(
    objects: ObjectStore, certificates: Certificates, host: str
) -> None:
    known = certificates.ours if host == WRONG_NAME else certificates.stranger
    with pytest.raises(Unavailable, match="TLS certificate was not accepted"):
        bucket(host, port_of(objects), known.authority).check()


# Whoever stands in their place ---------------------------------------------------------------------

SHORT_S = 1.5  # who shows nothing is waited for to the end
CALLS = {
    "database": lambda port, authority: ask("localhost", port, authority),
    "broker": lambda port, authority: wakes("localhost", port, PASSWORD, authority, SHORT_S).check(),
    "object store": lambda port, authority: bucket("localhost", port, authority, SHORT_S).check(),
}


@pytest.mark.parametrize("shown", ["stranger", "other_name", "nothing"])
@pytest.mark.parametrize("what", CALLS)
def test_who_stands_in_a_servers_place_hears_no_credentials(
    certificates: Certificates, what: str, shown: str
) -> None:
    tls: Tls | None = getattr(certificates, shown, None)
    # of another name, but by an authority that the hub knows
    known = certificates.other_name if shown == "other_name" else certificates.ours
    with listener(tls, postgres=what == "database") as stranger:
        with pytest.raises(Unavailable):
            CALLS[what](stranger.port, known.authority)
        assert stranger.greeted
        assert PASSWORD.encode() not in stranger.heard
        assert b"wasl" not in stranger.heard  # nor as whom the hub would have come


def test_a_server_that_is_believed_hears_who_calls(certificates: Certificates) -> None:
    """What the tests above would see if the certificate were not looked at."""
    with listener(certificates.ours) as believed:
        with pytest.raises(Unavailable):
            bucket("localhost", believed.port, certificates.ours.authority).check()
        assert b"Credential=wasl/" in believed.heard
