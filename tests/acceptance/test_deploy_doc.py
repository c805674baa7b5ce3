"""The steps of docs/deploy.md that need no machine of their own, run literally on servers of our own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.assets import config_dir
from tests.acceptance.test_demo import free_ports
from tools.services import NotStarted
from tools.services.stack import stack

ROOT = config_dir().parent
DEADLINE_S = 600
_BLOCK = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
# every command is shown; what is left running ends with the script
_BEFORE = "set -eux\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


def blocks() -> list[str]:
    return _BLOCK.findall((ROOT / "docs" / "deploy.md").read_text("utf-8"))


def run(script: str, environ: dict[str, str]) -> tuple[int, str]:
    """Status and output; nothing of it is left running."""
    with subprocess.Popen(
        ["bash", "-c", script], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            pytest.fail(f"not done within {DEADLINE_S} s:\n{said}")
    return process.returncode, said


def environment(home: Path) -> dict[str, str]:
    (port,) = free_ports(1)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    return {
        **bare,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "WASL_HOME": str(home),
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "1",
        "WASL_HUB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WASL_LOG_FORMAT": "console",
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("profile", ["embedded", "scaled"])
def test_the_steps_bring_a_hub_up_that_delivers_drains_and_goes_on(profile: str, tmp_path: Path) -> None:
    environ = environment(tmp_path / "home")
    script = _BEFORE + "\n".join(blocks())
    if profile == "embedded":
        status, said = run(script, environ)
    else:
        try:
            with stack(os.environ, volatile=True) as servers:
                status, said = run(script, {**environ, **servers.environment})
        except NotStarted as error:
            pytest.skip(str(error))
    assert status == 0, said
    assert f"profile {profile}" in said
    assert said.count("delivering as") == 2
    assert "Traceback" not in said


def test_every_block_that_can_run_here_does() -> None:
    assert len(blocks()) == 5
    assert all("wasl " in block for block in blocks()[:4])
