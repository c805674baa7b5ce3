"""The settings: defaults, precedence, and every fault told at once."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

from gateway import assets, settings_sources
from gateway.domain.errors import Misconfigured
from gateway.domain.transit.retry import RetrySchedule
from gateway.settings import Settings, StandInWarning, load, options, stand_in, variable
from gateway.settings_model import SECTIONS

DOCUMENTED = assets.config_dir() / "gateway.toml"

PRODUCTION = {
    "WASL_HUB_PRODUCTION": "true",
    "WASL_HUB_CODE": "ma-hub-1",
    "WASL_HUB_PUBLIC_URL": "https://hub.example.org",
    "WASL_LEDGER_ORIGIN": "hub.example.org/ledger",
    "WASL_TIMESTAMPS_AUTHORITIES": "https://tsa.example.org/",
}


def faults(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as caught:
        load(environ)
    return caught.value.faults


def home_with(directory: Path, text: str) -> dict[str, str]:
    (directory / "gateway.toml").write_text(text, "utf-8")
    return {"WASL_HOME": str(directory)}


def test_every_option_is_documented_with_its_default_and_nothing_else_is() -> None:
    documented = tomllib.loads(DOCUMENTED.read_text("utf-8"))
    written = {(section, key) for section, entries in documented.items() for key in entries}
    assert written == set(options())
    assert load({"WASL_CONFIG": str(DOCUMENTED)}) == load({})


def test_types_are_read_off_each_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them for every option anew took a second of each start."""
    read: list[type] = []

    def reading(model: type) -> dict[str, object]:
        read.append(model)
        return get_type_hints(model)

    monkeypatch.setattr(settings_sources, "get_type_hints", reading)
    options.cache_clear()
    assert load({}) == load({})
    assert read == list(SECTIONS.values())


def test_every_documented_option_has_prose_above_it() -> None:
    lines = DOCUMENTED.read_text("utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert len(keys) == len(options())
    for number in keys:
        above = lines[number - 1]
        # A key and its certificate share one comment.
        assert above.startswith("#") or above.split(" = ")[0].endswith("_key"), lines[number]


def test_every_duration_and_size_names_its_unit() -> None:
    text = DOCUMENTED.read_text("utf-8")
    comment = ""
    for line in text.splitlines():
        if line.startswith("#"):
            comment += line
            continue
        key = line.partition(" = ")[0]
        for ending, unit in (("_seconds", "Seconds"), ("_bytes", "Octets"), ("_hours", "Hours")):
            assert not key.endswith(ending) or unit in comment, key
        comment = ""


def test_the_reserved_variables_are_told_in_the_documented_file() -> None:
    text = DOCUMENTED.read_text("utf-8")
    assert all(name in text for name in ("WASL_HOME", "WASL_CONFIG", "WASL_PROFILE", "WASL_SECRET_"))


def test_no_two_options_share_a_variable() -> None:
    assert len({variable(key) for key in options()}) == len(options())


def test_every_section_of_the_settings_is_read() -> None:
    names = {field.name for field in dataclasses.fields(Settings)} - {"home", "profile"}
    assert names == set(SECTIONS)


def test_paths_lie_in_the_home(tmp_path: Path) -> None:
    settings = load({"WASL_HOME": str(tmp_path), "WASL_KEYS_SEAL_KEY": "/etc/seal.pem"})
    assert settings.keys.seal_certificate == tmp_path / "certificates" / "hub-seal.pem"
    assert settings.payloads.directory == tmp_path / "payloads"
    assert settings.keys.seal_key == Path("/etc/seal.pem")
    assert settings.database.url == f"sqlite:///{tmp_path / 'wasl.sqlite3'}"


def test_home_is_var_in_the_working_directory_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({}).home == tmp_path / "var"
    assert load({"WASL_HOME": "elsewhere"}).trust.directory == tmp_path / "elsewhere" / "trust"


SCALED = {
    "WASL_PROFILE": "scaled",
    "WASL_DATABASE_URL": "postgresql://wasl@db.test/wasl",
    "WASL_BROKER_URL": "amqps://wasl@broker.test/wasl",
    "WASL_PAYLOADS_KIND": "s3",
    "WASL_PAYLOADS_S3_ENDPOINT": "https://store.test",
    "WASL_PAYLOADS_S3_BUCKET": "wasl",
}


def test_the_scaled_profile_names_each_engine_that_only_one_machine_could_use() -> None:
    assert {fault.partition(":")[0] for fault in faults({"WASL_PROFILE": "scaled"})} == {
        "database.url",
        "broker.url",
        "payloads.kind",
    }
    assert load(SCALED).profile == "scaled"


def test_engines_are_chosen_by_their_settings_in_any_profile() -> None:
    chosen = load({name: value for name, value in SCALED.items() if name != "WASL_PROFILE"})
    assert (chosen.profile, chosen.broker.url) == ("embedded", SCALED["WASL_BROKER_URL"])


def test_production_speaks_to_a_broker_by_tls_unless_its_host_is_allowed() -> None:
    plain = {"WASL_HUB_PRODUCTION": "true", "WASL_BROKER_URL": "amqp://wasl:secret@broker.test/wasl"}
    found = [fault for fault in faults(plain) if fault.startswith("broker.url")]
    assert len(found) == 1
    assert "amqps://" in found[0]
    assert "secret" not in found[0]
    allowed = faults({**plain, "WASL_OUTGOING_ALLOW": "broker.test"})
    assert not [fault for fault in allowed if fault.startswith("broker.url")]


def test_environment_wins_over_overlay_over_file(tmp_path: Path) -> None:
    environ = home_with(
        tmp_path, "[web]\nport = 1\nthreads = 3\nprocesses = 5\n[scaled.web]\nport = 2\nthreads = 4\n"
    )
    scaled = load({**environ, **SCALED, "WASL_WEB_PORT": "3"})
    assert (scaled.web.port, scaled.web.threads, scaled.web.processes) == (3, 4, 5)
    embedded = load(environ)
    assert (embedded.profile, embedded.web.port, embedded.web.threads) == ("embedded", 1, 3)


def test_a_named_file_hides_the_one_in_the_home(tmp_path: Path) -> None:
    environ = home_with(tmp_path, "[web]\nport = 1\nthreads = 3\n")
    other = tmp_path / "other.toml"
    other.write_text("[web]\nport = 2\n", "utf-8")
    settings = load({**environ, "WASL_CONFIG": str(other)})
    assert (settings.web.port, settings.web.threads) == (2, 2)


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("WASL_HUB_PRODUCTION", "no", "hub", "production", False),
        ("WASL_HUB_DEMONSTRATION", "Yes", "hub", "demonstration", True),
        ("WASL_HUB_NAME", '{en = "A hub"}', "hub", "name", {"en": "A hub"}),
        ("WASL_LIMITS_ENVELOPE_BYTES", "1_048_576", "limits", "envelope_bytes", 1048576),
        ("WASL_WORKER_POLL_SECONDS", "2", "worker", "poll_seconds", 2.0),
        ("WASL_OUTGOING_ALLOW", "localhost, 10.1.0.0/16", "outgoing", "allow", ("localhost", "10.1.0.0/16")),
        ("WASL_OUTGOING_ALLOW", "", "outgoing", "allow", ()),
        ("WASL_LOG_FORMAT", "console", "log", "format", "console"),
    ],
)
def test_environment_is_read_by_type(name: str, text: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(load({name: text}), section), key) == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("WASL_WEB_PORT", "65536", "web.port: must be a whole number from 0 to 65,535"),
        ("WASL_WEB_PORT", "8080.5", "web.port: must be a whole number"),
        ("WASL_WEB_PORT", "", "web.port: must be a whole number"),
        ("WASL_RETRY_JITTER", "nan", "retry.jitter: must be a number from 0 to 1"),
        ("WASL_RETRY_FACTOR", "fast", "retry.factor: must be a number"),
        ("WASL_HUB_PRODUCTION", "maybe", "hub.production: must be true or false"),
        ("WASL_HUB_NAME", "A hub", "hub.name: must be a table of texts by language"),
        ("WASL_HUB_NAME", '{en = " "}', "hub.name: must be a text that is not empty"),
        ("WASL_HUB_NAME", "{}", "hub.name: must be a table"),
        ("WASL_HUB_CODE", "two words", "hub.code: must be a code"),
        ("WASL_HUB_COUNTRY", "Morocco", "hub.country: must be a country's two letters"),
        ("WASL_HUB_PUBLIC_URL", "http://hub/", "hub.public_url: must be an address"),
        ("WASL_HUB_PUBLIC_URL", "ftp://hub", "hub.public_url: must be an address"),
        ("WASL_OUTGOING_ALLOW", "http://hub", "outgoing.allow: must be host names"),
        ("WASL_LOG_LEVEL", "LOUD", "log.level: must be one of DEBUG, INFO, WARNING, ERROR"),
        ("WASL_PAYLOADS_DIRECTORY", "a\nb", "payloads.directory: must be one line of text"),
        ("WASL_EVIDENCE_POLICY", "none", "evidence.policy: must be an absolute URI"),
    ],
)
def test_a_wrong_value_is_told_with_key_and_source(name: str, text: str, said: str) -> None:
    (fault,) = faults({name: text})
    assert fault.startswith(said)
    assert fault.endswith(f"(from {name})")


def test_wrong_types_in_a_file_are_told(tmp_path: Path) -> None:
    environ = home_with(
        tmp_path,
        'log = 3\n[web]\nport = true\n[outgoing]\nallow = "localhost"\n[retry]\njitter = false\n'
        "[hub]\ncode = 7\nproduction = 1\n[scaled]\nweb = 4\n[scaled.worker]\ntreads = 2\n",
    )
    told = faults(environ)
    for key in (
        "log",
        "web.port",
        "outgoing.allow",
        "retry.jitter",
        "hub.code",
        "hub.production",
        "scaled.web",
        "scaled.worker.treads",
    ):
        assert sum(fault.startswith(f"{key}: ") for fault in told) == 1, (key, told)
    assert len(told) == 8


def test_an_overlay_that_is_no_section_is_told(tmp_path: Path) -> None:
    assert faults(home_with(tmp_path, "scaled = 1\n"))[0].startswith("scaled: must be a section")


def test_unknown_names_are_told_with_the_nearest(tmp_path: Path) -> None:
    environ = home_with(tmp_path, "[wed]\nport = 1\n[web]\nprot = 1\n")
    told = faults({**environ, "WASL_WEB_PROT": "1", "WASL_ENTIRELY_ELSE": "1"})
    assert "wed: no such section; did you mean web?" in told
    assert "web.prot: no such option; did you mean port?" in told
    assert "WASL_WEB_PROT: no such option; did you mean WASL_WEB_PORT?" in told
    assert any(fault.startswith("WASL_ENTIRELY_ELSE: no such option") for fault in told)


def test_secrets_and_test_variables_are_no_options() -> None:
    assert load({"WASL_SECRET_COMMUNE": "s", "WASL_TEST_DATABASE_URL": "x", "PATH": "/bin"}) == load({})


def test_a_file_that_is_missing_or_no_toml_is_told(tmp_path: Path) -> None:
    (fault,) = faults({"WASL_CONFIG": str(tmp_path / "none.toml")})
    assert "none.toml cannot be read" in fault
    (fault,) = faults(home_with(tmp_path, "[web\n"))
    assert "gateway.toml: is not TOML" in fault
    (tmp_path / "gateway.toml").write_bytes(b"\xff")
    (fault,) = faults({"WASL_HOME": str(tmp_path)})
    assert "is not TOML" in fault


def test_an_unknown_profile_is_told() -> None:
    assert faults({"WASL_PROFILE": "huge"}) == ("WASL_PROFILE: must be one of embedded, scaled, not 'huge'",)


def test_contradictions_are_told() -> None:
    told = faults(
        {
            "WASL_RETRY_FIRST_SECONDS": "10",
            "WASL_RETRY_CAP_SECONDS": "5",
            "WASL_OUTGOING_TOTAL_SECONDS": "4",
            "WASL_WORKER_LEASE_SECONDS": "4",
        }
    )
    assert [fault.partition(":")[0] for fault in told] == [
        "retry.cap_seconds",
        "outgoing.total_seconds",
        "worker.lease_seconds",
    ]


def test_production_takes_no_stand_in_settings() -> None:
    assert load(PRODUCTION).hub.production
    told = faults(
        {
            "WASL_HUB_PRODUCTION": "true",
            "WASL_HUB_DEMONSTRATION": "true",
            "WASL_TRUST_REQUIRE_REVOCATION": "false",
        }
    )
    assert {fault.partition(":")[0] for fault in told} == {
        "hub.demonstration",
        "hub.code",
        "hub.public_url",
        "ledger.origin",
        "timestamps.authorities",
        "trust.require_revocation",
    }


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:443", "[::1]"])
def test_production_is_not_reached_at_this_machine(host: str) -> None:
    (fault,) = faults({**PRODUCTION, "WASL_HUB_PUBLIC_URL": f"https://{host}"})
    assert fault.startswith("hub.public_url")


def test_a_stand_in_warns_and_stops_production() -> None:
    with pytest.warns(StandInWarning, match="test seal"):
        stand_in("the test seal", production=False)
    with pytest.raises(Misconfigured, match="the test seal is a stand-in"):
        stand_in("the test seal", production=True)


def test_the_database_address_is_never_shown() -> None:
    secret = "postgresql://hub:hunter2@db/wasl"
    assert "hunter2" not in repr(load({"WASL_DATABASE_URL": secret}))
    (fault,) = faults({"WASL_DATABASE_URL": secret + "\n"})
    assert "hunter2" not in fault


def test_a_long_wrong_value_is_cut() -> None:
    (fault,) = faults({"WASL_HUB_CODE": "x" * 10_000 + " "})
    assert len(fault) < 300


def test_settings_are_frozen_and_travel_between_processes() -> None:
    settings = load({})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.web.port = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_retry_settings_make_the_schedule_of_the_rules() -> None:
    assert load({}).retry.schedule == RetrySchedule()
    assert load({"WASL_RETRY_JITTER": "0"}).retry.schedule == RetrySchedule(jitter=0)


def test_the_hub_has_a_name_in_every_language() -> None:
    hub = load({}).hub
    assert hub.name_in("fr") == "Passerelle Wasl"
    assert hub.name_in("xx") == "Wasl gateway"
    assert load({"WASL_HUB_NAME": '{fr = "Passerelle"}'}).hub.name_in("en") == "Passerelle"
