"""compose.yaml, Containerfile, units and guide agree with the product; no container engine is asked."""

from __future__ import annotations

import configparser
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.assets import config_dir
from gateway.bootstrap.payloads import ACCESS_KEY, SECRET_KEY
from gateway.bootstrap.waking import PASSWORD
from gateway.home import DATABASE_PASSWORD
from gateway.settings import load, options, variable
from gateway.settings_sources import RESERVED, RESERVED_PREFIXES
from tests.support.commands import load_all

ROOT = config_dir().parent
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\bWASL_[A-Z0-9_]+\b")
SECRET_WORDS = re.compile(r"(?i)(password|secret|access[-_]?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9+]{8,}")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 20
"""Of 100, as systemd reckons what a unit could reach that it has no need of."""
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
        f"{home}/secrets/{name}" for name in (DATABASE_PASSWORD, PASSWORD, ACCESS_KEY, SECRET_KEY)
    }


def test_no_password_stands_in_a_file() -> None:
    assert [(file, found[0]) for file, text in texts().items() if (found := SECRET_WORDS.search(text))] == []
    assert not any(re.search(r"//[^/\s@]+:[^/\s@]+@", text) for text in texts().values())


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


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_units_are_understood_and_closed_to_what_they_do_not_need(tmp_path: Path) -> None:
    for unit in UNITS:
        # the program lies elsewhere than here, and has to be there to be accepted
        text = unit.read_text("utf-8").replace("/opt/wasl/bin/wasl", "/bin/true")
        (tmp_path / unit.name).write_text(text, "utf-8")
    paths = [str(tmp_path / unit.name) for unit in UNITS]
    verified = subprocess.run([str(ANALYZE), "verify", *paths], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    words = [str(ANALYZE), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
    for path in paths:
        judged = subprocess.run([*words, path], capture_output=True, text=True, timeout=60)
        assert judged.returncode == 0, judged.stdout


def test_programs_wait_for_the_one_that_makes_keys_and_tables() -> None:
    for unit in UNITS:
        text = unit.read_text("utf-8")
        waits = re.search(r"^After=.*\bwasl-init\.service\b", text, re.MULTILINE) is not None
        assert waits == (unit.name != "wasl-init.service")


def test_the_environment_of_the_guide_is_the_same_to_a_shell_and_to_systemd(tmp_path: Path) -> None:
    [block] = re.findall(r"```sh\n(WASL_PROFILE=scaled\n.*?)```", texts()["docs/deploy.md"], re.DOTALL)
    (tmp_path / "wasl.env").write_text(block, "utf-8")
    # systemd.exec(5), EnvironmentFile=: one pair of quotes around a value is taken away, and that is all
    meant = {name: value.strip('"') for name, value in (line.split("=", 1) for line in block.splitlines())}
    assert "&" in meant["WASL_DATABASE_URL"]
    script = f"set -a; . {tmp_path}/wasl.env; set +a; env"
    words = ["env", "-i", shutil.which("sh") or "sh", "-c", script]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
    read = dict(line.split("=", 1) for line in said.splitlines())
    assert {name: value for name, value in read.items() if name.startswith("WASL_")} == meant
    assert load(meant).database.url == meant["WASL_DATABASE_URL"]


def test_what_ends_workers_of_a_composition_says_how_many_there_shall_be() -> None:
    """Compose makes it one where nothing is said."""
    commands = re.findall(r"^(?:#   .*)?docker compose up .*$", texts()["docs/deploy.md"], re.MULTILINE)
    assert len(commands) == 3
    assert all("--scale worker=" in one or one.endswith(" web") for one in commands)
