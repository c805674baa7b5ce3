"""A wheel installed in an empty environment carries everything the product needs, and nothing secret."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("gateway", "adapters", "xsd", "config", "certs", "examples")
GUIDES = "docs/guides"
FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
FIND_DATA = (
    "import gateway, gateway.assets as assets; print(gateway.__file__, assets.xsd_dir(), assets.config_dir(),"
    " assets.certs_dir(), assets.examples_dir(), assets.guides_dir(), sep='\\n')"
)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program away from the checkout; nothing of this run's environment points into it."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout gets no build folder; needs no network."""
    source = tmp_path_factory.mktemp("source")
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / GUIDES, source / GUIDES)
    for file in FILES:
        shutil.copy(ROOT / file, source)
    (source / "certs" / "left-behind.pem").write_text("a key that somebody forgot here")
    target = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, source, cwd=target)
    return next(target.glob("wasl-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and, by reference, the third-party packages of this one."""
    place = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    python = place / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "-q", "--no-deps", "--no-index", wheel, cwd=place)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place)
    # A path named in a .pth file gives its packages, not its own .pth files: the editable checkout
    # of this environment stays out of sight.
    reference = Path(packages.stdout.strip()) / "third-party.pth"
    reference.write_text(sysconfig.get_path("purelib") + "\n")
    return place / "venv"


def test_every_module_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path for folder in ("gateway", "adapters") for path in files_of(folder)}
    wanted |= {f"wasl_data/{path}" for folder in SOURCES[2:] for path in files_of(folder)}
    wanted |= {f"wasl_data/{path.removeprefix('docs/')}" for path in files_of(GUIDES)}
    assert wanted - inside == set()


def test_no_key_and_no_compiled_module_is_in_the_wheel(wheel: Path) -> None:
    inside = zipfile.ZipFile(wheel).namelist()
    assert [name for name in inside if name.endswith((".pem", ".key", ".p12", ".pyc"))] == []


def test_the_licence_travels_with_the_wheel(wheel: Path) -> None:
    assert any(name.endswith("/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_an_installed_wheel_finds_its_data_folders(installed: Path, tmp_path: Path) -> None:
    found = run(installed / "bin" / "python", "-c", FIND_DATA, cwd=tmp_path).stdout.splitlines()
    assert all(Path(line).is_relative_to(installed) for line in found), found
    assert (Path(found[1]) / "envelope-1.0.xsd").is_file()
    assert (Path(found[2]) / "gateway.toml").is_file()
    assert (Path(found[5]) / "start.ar.md").is_file()


def test_the_command_of_an_installed_wheel_explains_itself(installed: Path, tmp_path: Path) -> None:
    assert "Usage: wasl" in run(installed / "bin" / "wasl", "--help", cwd=tmp_path).stdout


def files_of(folder: str) -> set[str]:
    """Files below a folder of the checkout that belong to the product, as paths from its root."""
    secret_or_made = (".pem", ".key", ".p12", ".pyc")
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in secret_or_made and not path.name.startswith(".")
    }
