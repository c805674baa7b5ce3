"""A stranger reads the interface's description and tries what it allows and forbids, on a running hub."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from gateway.domain.transit.persons import Sender
from gateway.exchange.registry.tokens import SCOPES
from tests.support.fuzzing import KNOWN
from tests.support.hub import AGENCY, AGENCY_OFFICE
from tests.support.scenes import World, make_world

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
SAME = re.compile(r"/ledger/test/")
"""Calls that are the same views as others, over another ledger."""
PATIENCE_S = 60
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """`wasl serve` over a home; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "WASL_HOME": str(home), "WASL_WEB_PORT": str(port)}
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"], env=environment, stdout=log, stderr=log
        )
        try:
            _wait(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the hub ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the hub does not listen")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("hub"))


def known(world: World) -> dict[str, str]:
    """What exists for the party whose token is used: the agency writes to itself."""
    letter = world.hub.signed(world.hub.envelope(sender=Sender(AGENCY)), by="agency")
    address = world.hub.post(letter).headers["Location"]
    receipts = world.hub.get(f"{address}/receipts", AGENCY).json["receipts"]
    return {
        "reference": address.rpartition("/")[2],
        "receipt_id": receipts[0]["id"],
        "delivery": world.lying(),
        "office": AGENCY_OFFICE,
        "attachment": "a1",
    }


def test_no_call_that_can_be_made_up_gets_an_answer_that_is_not_documented(world: World) -> None:
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.support.fuzzing",
        KNOWN: json.dumps(known(world)),
        "PYTHONPATH": str(ROOT),
    }
    token = world.token(AGENCY, " ".join(sorted(SCOPES)))["Authorization"]
    described = world.folder / "openapi.json"
    with serving(world.hub.home) as address:
        described.write_bytes(requests.get(f"{address}/api/v1/openapi.json?lang=en", timeout=30).content)
        command = [
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
            str(described), "--url", address, "-H", f"Authorization: {token}",
            "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", "4",
            "--seed", "1", "--exclude-path-regex", SAME.pattern, "--continue-on-failure", "--warnings", "off",
        ]  # fmt: skip
        # it leaves a folder of its own where it works
        tried = subprocess.run(
            command, env=environment, cwd=world.folder, capture_output=True, text=True, timeout=240
        )
    assert tried.returncode == 0, tried.stdout[-6000:] + tried.stderr[-2000:]
    selected = re.search(r"(\d+) selected / (\d+) total", tried.stdout)
    assert selected
    assert [int(number) for number in selected.groups()] == [
        len([call for call in world.calls if not SAME.match(call.path)]),
        len(world.calls),
    ]
    log = (world.hub.home / "serve.log").read_text("utf-8")
    assert "unexpected error" not in log
