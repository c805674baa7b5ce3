"""Processes of a hub that start at once on an empty home make it once, whichever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gateway.home import TEST_PKI_MARK
from gateway.store.filelock import FileLock

_TOGETHER = 3


def test_several_that_start_on_an_empty_home_make_its_keys_once(tmp_path: Path) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    home = tmp_path / "home"
    home.mkdir()
    with FileLock(home / "making.lock").hold():  # as the first of them does while it makes the keys
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "gateway", "init"],
                env={**others, "WASL_HOME": str(home)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(_TOGETHER)
        ]
        end = time.monotonic() + 60
        while not (home / "payloads").is_dir():
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(1.0)
        assert not (home / "keys").exists()
        assert [one.poll() for one in started] == [None] * _TOGETHER
    told = [one.communicate(timeout=120)[0] for one in started]
    assert [one.returncode for one in started] == [0] * _TOGETHER, told
    assert "".join(told).count("test keys and certificates in") == 1
    assert "".join(told).count("payload master key") == 1
    assert (home / TEST_PKI_MARK).is_file()
