"""The demonstration in the scaled profile, its servers started from nothing and gone afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.assets import config_dir
from tests.acceptance.test_demo import FILES, Stage
from tools.services import NotStarted, PostgreSQL, RabbitMQ

DEADLINE_S = 150
LONG_POLL_S = 120


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, int, str]:
    """A demonstration whose workers would look too late by themselves: only a broker makes it end in time."""
    for kind in (PostgreSQL, RabbitMQ):
        try:
            kind.installed()
        except NotStarted as error:
            pytest.skip(str(error))
    stage = Stage.in_folder(tmp_path_factory.mktemp("scaled"))
    hub, soap, rest = map(str, stage.ports)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WASL_")},
        "WASL_HOME": str(stage.home),
        "WASL_WEB_PORT": hub,
        "WASL_WEB_PROCESSES": "1",
        "WASL_DEMO_SOAP_PORT": soap,
        "WASL_DEMO_REST_PORT": rest,
        "WASL_WORKER_POLL_SECONDS": str(LONG_POLL_S),
    }
    words = ["-m", "tools.services", "--volatile", "--", sys.executable, "-m", "gateway", "demo"]
    done = subprocess.run(
        [sys.executable, *words], cwd=config_dir().parent, env=environ, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return stage, done.returncode, done.stdout


def test_everything_holds_and_the_same_files_are_left(shown: tuple[Stage, int, str]) -> None:
    stage, status, said = shown
    assert status == 0, said
    left = {path.name for path in stage.demo.iterdir() if path.is_file()}
    assert left == FILES


def test_it_is_told_what_it_runs_on_and_what_stands_in(shown: tuple[Stage, int, str]) -> None:
    _, _, said = shown
    assert re.search(r"^wasl: PostgreSQL: a server of its own", said, re.MULTILINE)
    assert re.search(r"^wasl: RabbitMQ: a broker of its own", said, re.MULTILINE)
    assert re.search(r"^wasl: object store: a stand-in of its own \(moto, in memory\)", said, re.MULTILINE)
    assert "database: PostgreSQL, wasl at " in said
    assert "delivery: 2 worker processes, woken over RabbitMQ, wasl at 127.0.0.1:" in said
    assert "content: encrypted objects in the bucket wasl at http://127.0.0.1:" in said


def test_two_workers_ran_and_neither_complained(shown: tuple[Stage, int, str]) -> None:
    stage, _, _ = shown
    logs = [stage.demo / "logs" / f"{name}.log" for name in ("worker", "worker-2")]
    assert all("delivering as" in log.read_text("utf-8") for log in logs)
    assert all('"level": "error"' not in log.read_text("utf-8") for log in logs)
    assert [log.name for log in logs if "broker out" in log.read_text("utf-8")] == []


def test_content_lay_in_the_bucket_and_nowhere_else(shown: tuple[Stage, int, str]) -> None:
    stage, _, _ = shown
    assert [path for path in stage.home.glob("payloads/**/*") if path.is_file()] == []
    assert not (stage.home / "wasl.sqlite3").exists()


def test_nothing_is_left_running(shown: tuple[Stage, int, str]) -> None:
    stage, _, said = shown
    assert stage.left_running() == []
    assert stage.taken_ports() == []
    folders = [Path(found) for found in re.findall(r" in (/\S+/wasl-\S+?)(?:;|$)", said, re.MULTILINE)]
    assert len(folders) == 2
    assert [folder for folder in folders if folder.exists()] == []


def test_credentials_are_not_shown(shown: tuple[Stage, int, str]) -> None:
    _, _, said = shown
    assert "wasl-stand-in" not in said
    assert not re.search(r"amqp://[^@\s]*:[^@\s]*@", said)
