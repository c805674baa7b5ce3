"""What the benchmarks share: a hub of their own in a temporary home, in either shape."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from gateway import assets, home
from gateway.bootstrap import build
from gateway.domain.identifiers import directory_id
from gateway.exchange.registry.declared import read_declared
from gateway.settings import load
from gateway.trust.seal import KeySealer


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


PORT = free_port()
"""Where the hub listens; another benchmark may run beside this one."""
OFFICE = directory_id("B", 1)
"""The office that the hub keeps itself."""

URL = f"http://127.0.0.1:{PORT}"

LOG = "BENCH_LOG"
"""Names the file in which the programs' own words are kept; without it nobody hears them."""

_READY_S = 120.0
_STOP_S = 120.0
"""A worker ends what it has begun, be it a call that hangs."""


@dataclass(frozen=True)
class Shape:
    """What a hub is built on, as the variables that say so."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def shaped(name: str) -> Iterator[Shape]:
    """Nothing but files, or a database and a place for objects of its own on the servers that are named.

    Raises:
        SystemExit: the scaled shape's servers are not named.
    """
    if name == "embedded":
        yield Shape(name)
        return
    given = {key: value for key, value in os.environ.items() if key.startswith("WASL_")}
    if not given.get("WASL_DATABASE_URL"):
        raise SystemExit("the scaled shape needs its servers: python -m tools.services -- python bench/…")
    own = f"wasl_bench_{os.getpid()}_{secrets.token_hex(4)}"
    with _database(given["WASL_DATABASE_URL"], own) as url:
        mine = {"WASL_DATABASE_URL": url, "WASL_PAYLOADS_S3_PREFIX": f"{own}/"}
        yield Shape(name, {**given, "WASL_PROFILE": "scaled", **mine})


@contextlib.contextmanager
def _database(url: str, name: str) -> Iterator[str]:
    """A database of that name beside the one that the address names; dropped in the end."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def environment(folder: Path, shape: Shape) -> dict[str, str]:
    """The variables of a hub in that home, at this benchmark's port."""
    return {
        **shape.environment,
        "WASL_HOME": str(folder),
        "WASL_WEB_PORT": str(PORT),
        "WASL_HUB_PUBLIC_URL": URL,
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
    }


EMBEDDED = Shape("embedded")


def make_home(
    folder: Path,
    senders: int,
    others: Mapping[str, Mapping[str, Any]] | None = None,
    shape: Shape = EMBEDDED,
) -> list[tuple[str, KeySealer]]:
    """A hub's home with that many registered senders, `OFFICE`, and ``others``: routes by office."""
    settings = load(environment(folder, shape))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings)
    module = assets.testpki()
    pki = module.load(folder, datetime.now(UTC))
    gateway = build(settings)
    parties: list[dict[str, Any]] = []
    keys: list[tuple[str, KeySealer]] = []
    for number in range(1, senders + 1):
        name, party = f"bench-{number}", directory_id("A", number)
        module.issue_party(pki, name, organization="BENCH")
        parties.append(
            {
                "id": party,
                "kind": "administration",
                "names": dict.fromkeys(gateway.languages, f"BENCH {number}"),
                "certificate": [{"file": f"certificates/{name}.pem"}],
            }
        )
        sealer = KeySealer.from_files(pki.key_path(name), pki.certificate_path(name))
        keys.append((party, sealer))
    routes = {OFFICE: {"kind": "office"}, **(others or {})}
    offices = [
        _office(office, parties[0]["id"], route, gateway.languages) for office, route in routes.items()
    ]
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    declared = read_declared({"party": parties, "office": offices}, folder, gateway.languages, checks)
    gateway.registry.apply(declared, "bench")
    return keys


def _office(office: str, party: str, route: Mapping[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    return {
        "id": office,
        "party": party,
        "names": dict.fromkeys(languages, f"BENCH office {office}"),
        "default": office == OFFICE,
        "readers": ["one", "two"],
        "document_types": {"request": "GENERAL"},
        "route": dict(route),
    }


def end_in_order() -> None:
    """Let a benchmark that is told to stop take its programs with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@contextlib.contextmanager
def running(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[int]:
    """A program of the benchmark, by its process number; it is stopped in the end."""
    with Path(os.environ.get(LOG) or os.devnull).open("ab") as log:
        program = subprocess.Popen(
            [sys.executable, *command], env=apart_from_ours(variables), stdout=log, stderr=log
        )
    try:
        yield program.pid
    finally:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(_STOP_S)
        finally:
            program.kill()
            program.wait()


def apart_from_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment in which no setting of a hub stands but these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    return {**others, **variables}


def wait_for(port: int, path: str) -> None:
    """Return as soon as somebody answers there.

    Raises:
        SystemExit: nobody did in time.
    """
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers at port {port}")
