"""What the benchmarks share: a hub of their own in a temporary home, and a look at its processes."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import home
from gateway.bootstrap import build
from gateway.domain.identifiers import directory_id
from gateway.exchange.registry.declared import read_declared
from gateway.settings import load
from gateway.trust.seal import KeySealer

PORT = 18080
OFFICE = directory_id("B", 1)
"""The office that the hub keeps itself."""

_READY_S = 30.0
_STOP_S = 30.0


def make_home(
    folder: Path, senders: int, others: Mapping[str, Mapping[str, Any]] | None = None
) -> list[tuple[str, KeySealer]]:
    """A hub's home with that many registered senders, `OFFICE`, and ``others``: routes by office."""
    settings = load({"WASL_HOME": str(folder)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings)
    module = home.testpki()
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


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[int]:
    """A program of the benchmark, by its process number; it is stopped in the end."""
    program = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield program.pid
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(_STOP_S)


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


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
