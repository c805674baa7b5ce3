"""compose.yaml, Containerfile, units and guide agree with the product; no container engine is asked."""

from __future__ import annotations

import configparser
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.assets import config_dir
from gateway.settings import load, options, variable
from gateway.settings_sources import RESERVED, RESERVED_PREFIXES
from tests.support.commands import load_all

ROOT = config_dir().parent
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\bWASL_[A-Z0-9_]+\b")
SECRET_WORDS = re.compile(r"(?i)(password|secret|access[-_]?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9+]{8,}")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HUB_ROLES = ("init", "web", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return found


def known_variables() -> set[str]:
    return {variable(key) for key in options()} | RESERVED


def texts() -> dict[str, str]:
    files = (
        ROOT / "compose.yaml", ROOT / "Containerfile", ROOT / "docs" / "deploy.md",
        *(path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts),
    )  # fmt: skip
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files}


def test_every_variable_is_an_option() -> None:
    named = {(file, word) for file, text in texts().items() for word in VARIABLE.findall(text)}
    assert named
    unknown = {
        (file, word)
        for file, word in named
        if word not in known_variables() and not word.startswith(RESERVED_PREFIXES)
    }
    assert unknown == set()


@pytest.mark.parametrize("role", HUB_ROLES)
def test_the_environment_of_each_role_makes_settings(compose: dict[str, Any], role: str) -> None:
    given = {name: str(value) for name, value in compose["services"][role]["environment"].items()}
    given["WASL_HUB_PUBLIC_URL"] = "http://127.0.0.1:8080"  # the composition's own default
    settings = load(given)
    assert settings.profile == "scaled"
    assert settings.payloads.kind == "s3"


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    images = {service["image"] for service in compose["services"].values()}
    bases = set(re.findall(r"^FROM (\S+)", (ROOT / "Containerfile").read_text("utf-8"), re.MULTILINE))
    assert bases
    assert [image for image in images | bases if not re.search(r":[^:/]*\d[^:/]*$", image)] == []
    assert not any("latest" in image for image in images | bases)


def test_commands_are_verbs_of_the_product(compose: dict[str, Any]) -> None:
    verbs = load_all().keys()
    assert {compose["services"][role]["command"][0] for role in HUB_ROLES} <= verbs
    for unit in UNITS:
        lines = re.findall(r"^ExecStart=/opt/wasl/bin/wasl (\S+)$", unit.read_text("utf-8"), re.MULTILINE)
        assert lines, unit.name
        assert set(lines) <= verbs
    documented = re.findall(
        r"^(?:docker compose exec web )?wasl (\S+)", texts()["docs/deploy.md"], re.MULTILINE
    )
    assert set(documented) <= verbs


def test_secrets_named_are_those_declared_and_made(compose: dict[str, Any], tmp_path: Path) -> None:
    used = {
        entry if isinstance(entry, str) else entry["source"]
        for service in compose["services"].values()
        for entry in service.get("secrets", ())
    }
    declared = compose["secrets"]
    assert used == set(declared)
    files = {Path(secret["file"]).name for secret in declared.values()}
    assert {Path(secret["file"]).parent for secret in declared.values()} == {Path("deploy/secrets")}
    script = tmp_path / "make-secrets.sh"
    script.write_text((DEPLOY / "make-secrets.sh").read_text("utf-8"))
    subprocess.run(["sh", str(script)], check=True, timeout=30)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == files
    assert made["broker-password"] in made["broker-account.conf"]
    assert made["s3-secret-key"] in made["objects-accounts.json"]
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    subprocess.run(["sh", str(script)], check=True, timeout=30)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_secrets_lie_where_the_hub_reads_them(compose: dict[str, Any]) -> None:
    home = compose["services"]["web"]["environment"]["WASL_HOME"]
    targets = {entry["target"] for entry in compose["services"]["web"]["secrets"] if isinstance(entry, dict)}
    assert targets == {
        f"{home}/secrets/{name}" for name in ("broker-password", "s3-access-key", "s3-secret-key")
    }


def test_no_password_stands_in_a_file() -> None:
    assert [(file, found[0]) for file, text in texts().items() if (found := SECRET_WORDS.search(text))] == []
    assert not any(re.search(r"//[^/\s@]+:[^/\s@]+@", text) for text in texts().values())


def test_the_entry_point_takes_the_databases_password_from_its_file(tmp_path: Path) -> None:
    script = (DEPLOY / "entrypoint.sh").read_text("utf-8")
    secret = tmp_path / "database-password"
    secret.write_text("made-for-this-test\n")
    (tmp_path / "wasl").write_text('#!/bin/sh\necho "$PGPASSWORD $*"\n')
    (tmp_path / "wasl").chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    words = ["sh", "-c", script.replace("/run/secrets/database-password", str(secret)), "sh", "serve", "now"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "made-for-this-test serve now\n"


def test_whoever_waits_for_another_waits_for_one_that_tells(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
            else:
                assert services[name]["restart"] == "no"
    assert all("healthcheck" in service for service in services.values() if service["restart"] != "no")


def test_every_volume_named_is_declared(compose: dict[str, Any]) -> None:
    sources = [
        entry.split(":")[0]
        for service in compose["services"].values()
        for entry in service.get("volumes", ())
    ]
    assert {name for name in sources if not name.startswith(".")} == set(compose["volumes"])
    assert all((ROOT / name).exists() for name in sources if name.startswith("."))


def test_programs_are_given_the_time_they_need_to_stop(compose: dict[str, Any]) -> None:
    settings = load({})
    worker = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    assert worker > settings.outgoing.total_seconds
    units = {unit.name: configparser.ConfigParser(strict=False, interpolation=None) for unit in UNITS}
    for name, parser in units.items():
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(DEPLOY / "systemd" / name)
    assert int(units["wasl-worker@.service"]["Service"]["TimeoutStopSec"]) == worker
    assert int(units["wasl-web.service"]["Service"]["TimeoutStopSec"]) > 30


def test_only_the_web_port_is_published_and_on_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8080:8080"]


def test_files_that_the_guide_names_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", texts()["docs/deploy.md"])
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
