"""When tools/system-packages.sh installs: INSTALL decides, and no service is started."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.assets import config_dir

TOOLS = config_dir().parent / "tools"
PROGRAMS = (
    "sh", "env", "sed", "grep", "cut", "tr", "find", "mkdir", "dirname", "timeout", "cat", "tee", "true",
    "rm", "chmod", "printf",
)  # fmt: skip
TABLE = "test | false | wanted-package | something\ntest | true | present-package | another\n"


class Machine:
    """A checkout and a PATH in which only what is written down happens."""

    def __init__(self, folder: Path, user: int) -> None:
        self.log = folder / "log"
        self.log.touch()
        (folder / "tools").mkdir()
        text = (TOOLS / "system-packages.sh").read_text("utf-8")
        self.policy = folder / "policy-rc.d"
        (folder / "tools" / "system-packages.sh").write_text(
            text.replace("/usr/sbin/policy-rc.d", str(self.policy))
        )
        (folder / "tools" / "system-packages.txt").write_text(TABLE)
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.program("id", f"echo {user}")
        self.program(
            "apt-get", f'echo "apt-get $* policy=$(cat {self.policy} 2>/dev/null | tail -1)" >>{self.log}'
        )
        self.program("tail", 'exec sed -n "$ p"')
        self.folder = folder

    def program(self, name: str, line: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.bin / name).chmod(0o755)

    def run(self, task: str, install: str | None) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin)} | ({} if install is None else {"INSTALL": install})
        script = self.folder / "tools" / "system-packages.sh"
        return subprocess.run(
            ["sh", str(script), task, "test"],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )

    @property
    def installed(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if " install " in line]


@pytest.mark.parametrize(
    ("user", "sudo", "install", "times"),
    [
        pytest.param(0, False, None, 1, id="root"),
        pytest.param(0, False, "0", 0, id="root who does not want it"),
        pytest.param(1000, True, None, 0, id="not root"),
        pytest.param(1000, True, "1", 1, id="not root who wants it"),
        pytest.param(1000, False, "1", 0, id="not root who cannot"),
    ],
)
def test_install_decides(tmp_path: Path, user: int, sudo: bool, install: str | None, times: int) -> None:
    machine = Machine(tmp_path, user)
    if sudo:
        machine.program("sudo", 'shift; exec "$@"')
    machine.run("install", install)
    assert len(machine.installed) == times
    assert all("wanted-package" in line and "present-package" not in line for line in machine.installed)


def test_no_service_is_started_by_installing_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0)
    machine.run("install", None)
    assert machine.installed[0].endswith("policy=exit 101")
    assert not machine.policy.exists()


def test_a_policy_of_the_machine_stays(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0)
    machine.policy.write_text("exit 0\n")
    machine.run("install", None)
    assert machine.policy.read_text() == "exit 0\n"


def test_a_try_that_brought_nothing_is_repeated_at_once_only_if_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0)
    machine.run("install", None)
    machine.run("install", None)
    assert len(machine.installed) == 1
    machine.run("install", "1")
    assert len(machine.installed) == 2


def test_what_is_missing_is_told_with_its_package(tmp_path: Path) -> None:
    said = Machine(tmp_path, 1000).run("report", None).stderr
    assert "NOT CHECKED: something" in said
    assert "wanted-package" in said
    assert "another" not in said


def test_every_line_of_the_table_has_its_four_fields() -> None:
    """A check with a pipe in it would end at the pipe, and its packages never be installed."""
    lines = (TOOLS / "system-packages.txt").read_text("utf-8").splitlines()
    table = [line.split("|") for line in lines if line.strip() and not line.startswith("#")]
    assert {len(fields) for fields in table} == {4}
    assert all(name.strip() for fields in table for name in fields)
