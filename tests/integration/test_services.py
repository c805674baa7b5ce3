"""The servers that tools.services starts: durable, separate, and gone when whoever started them is."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from gateway.assets import config_dir
from tools.services import NotStarted, ObjectStore, PostgreSQL, RabbitMQ
from tools.services import postgres as postgres_module

ROOT = config_dir().parent
SAYING = "import os; print('\\n'.join(f'{k}={v}' for k, v in os.environ.items() if k.startswith('WASL_')))"


def started(kind: Callable[[], PostgreSQL] | Callable[[], RabbitMQ]) -> PostgreSQL | RabbitMQ:
    try:
        return kind()
    except NotStarted as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with started(PostgreSQL) as server:
        assert isinstance(server, PostgreSQL)
        yield server


def waited_for(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_what_was_committed_is_there_after_an_abrupt_end(database: PostgreSQL) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE kept (one int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    database.stop_abruptly()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url)
    database.start()
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchall() == [(7,)]


def test_commits_are_durable_unless_the_caller_wants_otherwise(database: PostgreSQL) -> None:
    durable = ("fsync", "synchronous_commit", "full_page_writes")
    with psycopg.connect(database.url) as connection:
        assert [connection.execute(f"SHOW {name}").fetchone() for name in durable] == [("on",)] * 3
    with (
        started(lambda: PostgreSQL(postgres_module.VOLATILE)) as other,
        psycopg.connect(other.url) as connection,
    ):
        assert connection.execute("SHOW fsync").fetchone() == ("off",)


def test_stopping_and_starting_twice_changes_nothing(database: PostgreSQL) -> None:
    database.stop()
    database.stop()
    database.start()
    database.start()
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_broker_listens_on_loopback_only_and_leaves_nothing_behind() -> None:
    with started(RabbitMQ) as broker:
        assert isinstance(broker, RabbitMQ)
        folder = broker.folder
        groups = [int(file.read_text()) for file in folder.glob("*.group")]
        assert len(groups) == 2
        assert {address for address, _ in listening(groups)} <= {"127.0.0.1", "::1"}
    assert not folder.exists()
    assert all(not alive(group) for group in groups)


def test_a_broker_comes_back_under_its_address() -> None:
    with started(RabbitMQ) as broker:
        port = urlsplit(broker.url).port
        broker.stop_abruptly()
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            pass
        broker.start()
        assert urlsplit(broker.url).port == port
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            assert connection.recv(1) == b"\x01"  # a method: Connection.Start


def test_an_object_store_keeps_its_objects_while_nobody_reaches_it() -> None:
    from tests.support.objectstore import ObjectStore as Seen

    with ObjectStore() as store:
        client = Seen(store.url, store.access_key, store.secret_key).client
        client.put_object(Bucket=store.bucket, Key="kept", Body=b"octets")
        store.stop_abruptly()
        with (
            pytest.raises(ConnectionRefusedError),
            socket.create_connection(("127.0.0.1", urlsplit(store.url).port or 0)),
        ):
            pass
        store.start()
        assert client.get_object(Bucket=store.bucket, Key="kept")["Body"].read() == b"octets"


def test_servers_end_with_a_process_that_is_killed() -> None:
    program = (
        "from tools.services import PostgreSQL\n"
        "server = PostgreSQL()\n"
        "print(server.folder, flush=True)\n"
        "import signal; signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        if not said:
            pytest.skip("no PostgreSQL")
        folder = Path(said)
        assert (folder / "data" / "postmaster.pid").exists()
        process.kill()
    assert waited_for(lambda: not folder.exists())


def services(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    named = {
        "WASL_DATABASE_URL": "postgresql://somebody@db.example/hub",
        "WASL_BROKER_URL": "amqps://somebody@mq.example/hub",
    }
    return subprocess.run(
        [sys.executable, "-m", "tools.services", *words],
        cwd=ROOT, env={**os.environ, **named, **environ}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_the_command_gets_the_scaled_profile_and_its_status_is_returned() -> None:
    done = services(
        "--", "sh", "-c", f'"{sys.executable}" -c "{SAYING}"; exit 7',
        WASL_OUTGOING_ALLOW="10.0.0.0/8", WASL_TEST_S3_URL="",
    )  # fmt: skip
    given = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert done.returncode == 7
    assert given["WASL_PROFILE"] == "scaled"
    assert given["WASL_DATABASE_URL"] == "postgresql://somebody@db.example/hub"
    assert given["WASL_BROKER_URL"] == "amqps://somebody@mq.example/hub"
    assert given["WASL_PAYLOADS_KIND"] == "s3"
    assert given["WASL_PAYLOADS_S3_ENDPOINT"].startswith("http://127.0.0.1:")
    assert given["WASL_OUTGOING_ALLOW"] == "10.0.0.0/8,127.0.0.1"
    assert "PostgreSQL: the one that WASL_DATABASE_URL names" in done.stderr
    assert "RabbitMQ: the one that WASL_BROKER_URL names" in done.stderr
    assert "object store: a stand-in of its own" in done.stderr


def test_a_command_that_does_not_exist_and_none_at_all_are_told() -> None:
    assert services("--", "no-such-command").returncode == 127
    assert services().returncode == 2


def test_signals_reach_the_command() -> None:
    program = "import signal; signal.signal(15, lambda *_: exit(9)); print('up', flush=True); signal.pause()"
    words = [sys.executable, "-m", "tools.services", "--", sys.executable, "-c", program]
    environ = {**os.environ, "WASL_DATABASE_URL": "postgresql://x/y", "WASL_BROKER_URL": "amqp://x/y"}
    with subprocess.Popen(words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 9


def test_a_server_that_cannot_run_here_is_told_with_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "_PROGRAMS", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotStarted, match="install the package postgresql"):
        PostgreSQL()


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def listening(groups: list[int]) -> list[tuple[str, int]]:
    """Addresses and ports on which processes of the groups listen, as the kernel tells."""
    sockets = {
        link
        for process in Path("/proc").glob("[0-9]*")
        if _group(process) in groups
        for link in _links(process / "fd")
    }
    found = []
    for file, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                words = bytes.fromhex(address)
                octets = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
                found.append((socket.inet_ntop(family, octets), int(port, 16)))
    assert found
    return found


def _group(process: Path) -> int:
    try:
        return os.getpgid(int(process.name))
    except ProcessLookupError:
        return -1


def _links(folder: Path) -> set[str]:
    """What a process has open; it may close it, or end, while we look."""
    found = set()
    with contextlib.suppress(OSError):
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
