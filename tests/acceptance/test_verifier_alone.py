"""The offline verifier needs the packages of ``requirements/verifier.txt`` and nothing else of the hub."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.evidence import settled
from tests.support.hub import JWS, XML, make_hub

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "verifier.txt"
ABSENT = (
    *("flask", "werkzeug", "jinja2", "babel", "sqlalchemy", "alembic", "zeep", "requests", "urllib3"),
    *("gunicorn", "apscheduler", "structlog", "oscrypto", "pyhanko", "pyhanko_certvalidator", "aiohttp"),
)
LOOK = (
    "import sys, json, importlib.util as u, gateway.verifier.__main__;"
    "print(json.dumps([[n for n in {absent} if u.find_spec(n)], [m for m in sys.modules if m.split('.')[0] in"
    " {absent} or m.startswith(('gateway.store', 'gateway.clients', 'gateway.web', 'gateway.exchange'))]]))"
)


def pins(path: Path) -> dict[str, str]:
    """Each package and its version."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Alone:
    """A Python with those packages and the project's own code."""

    python: Path
    folder: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in (self.python, "-I", *arguments)],
            cwd=self.folder,
            env={"PATH": "/nowhere", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def verify(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "gateway.verifier", *arguments)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Alone:
    """An environment whose packages are those named, file by file, and no other."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = next((folder / "venv").glob("lib/python3*/site-packages"))
    for name in pins(REQUIREMENTS):
        _link(name, site)
    for own in ("gateway", "xsd"):
        (site / own).symlink_to(ROOT / own)
    return Alone(folder / "venv" / "bin" / "python", folder)


def _link(name: str, site: Path) -> None:
    for file in distribution(name).files or ():
        top = file.parts[0]
        if top not in ("..", "__pycache__") and not (site / top).exists():
            whole = Path(str(file.locate()))
            (site / top).symlink_to([whole, *whole.parents][len(file.parts) - 1])


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A receipt in each syntax with what belongs beside it, and the trust folder."""
    folder = tmp_path_factory.mktemp("receipts")
    hub = make_hub(tmp_path_factory.mktemp("hub"))
    found = {"trust": hub.home / "trust"}
    for media_type, name in ((XML, "receipt.xml"), (JWS, "receipt.jws")):
        found[name] = settled(hub, folder / name, hub.post(hub.signed(media_type=media_type)).data)
    return found


@pytest.mark.parametrize("name", ["receipt.xml", "receipt.jws"])
def test_a_receipt_is_verified_without_the_hubs_packages(
    alone: Alone, receipts: Mapping[str, Path], name: str
) -> None:
    page = alone.folder / f"{name}.html"
    done = alone.verify(receipts[name], "--trust", receipts["trust"], "--json", "--report", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "good"
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_the_answers_have_the_same_exit_status_as_those_of_the_hubs_command(
    alone: Alone, receipts: Mapping[str, Path]
) -> None:
    trust = ("--trust", receipts["trust"])
    assert alone.verify(receipts["receipt.xml"], *trust, "--original", REQUIREMENTS).returncode == 1
    assert alone.verify(alone.folder / "nowhere", *trust).returncode == 2
    assert alone.verify("--nonsense").returncode == 2
    assert alone.verify().returncode == 2
    bare = alone.folder / "bare.xml"
    bare.write_bytes(receipts["receipt.xml"].read_bytes())
    assert alone.verify(bare, *trust, "--language", "ar").returncode == 3


def test_nothing_of_the_hub_can_be_imported_or_is(alone: Alone) -> None:
    done = alone.run("-c", LOOK.format(absent=ABSENT))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], []]


def test_what_is_listed_is_pinned_as_tested_and_complete() -> None:
    listed, tested = pins(REQUIREMENTS), pins(ROOT / "requirements" / "constraints.txt")
    assert listed.items() <= tested.items()
    needed = {
        normal(requirement.name)
        for name in listed
        for requirement in map(Requirement, distribution(name).requires or ())
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    assert needed <= listed.keys()


def test_a_defect_is_no_answer(alone: Alone, receipts: Mapping[str, Path]) -> None:
    code = (
        "import sys, gateway.verifier.command as c, gateway.verifier.__main__ as m\n"
        "def broken(*_): raise RuntimeError('a defect')\n"
        "c.verify_file = broken; sys.argv = ['x', sys.argv[1]]; m.main()\n"
    )
    done = alone.run("-c", code, receipts["receipt.xml"])
    assert done.returncode == 3
    assert "a defect" in done.stderr
