"""The examination finds what is wrong, says it in one line each, and harms nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.bootstrap.telling import presence
from gateway.cli import wasl
from gateway.domain.errors import Unavailable
from gateway.exchange.operate import doctor as finding
from gateway.exchange.operate.doctor import Finding, Mark, examine
from gateway.store.registry.models import CertificateRow
from gateway.store.transit.route_models import RouteState
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, fresh_hub

NOW = datetime(2026, 5, 1, tzinfo=UTC)
Run = Callable[..., tuple[int, dict[str, list[tuple[str, str]]]]]


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator())


@pytest.fixture
def run(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in the hub's home: its status, and what it said by check."""

    def doctor(**environment: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
        for name, value in {"WASL_HOME": str(hub.home), "WASL_WEB_PORT": "0", **environment}.items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(wasl, ["doctor", "--json"])
        found: dict[str, list[tuple[str, str]]] = {}
        for one in json.loads(done.stdout)["checks"]:
            found.setdefault(one["check"], []).append((one["outcome"], one["said"]))
        return done.exit_code, found

    return doctor


def marks(found: dict[str, list[tuple[str, str]]], check: str) -> set[str]:
    return {mark for mark, _ in found[check]}


def test_sound_hub_has_nothing_bad(hub: HubUnderTest, run: Run) -> None:
    presence(hub.gateway, "worker-1").beat()
    before = hub.kept()
    status, found = run()
    assert status == 0
    for check in ("settings", "revision", "database", "payloads", "seal", "ledger", "seal certificate",
                  "party certificates", "revocation lists", "ledger heads", "workers", "routes"):  # fmt: skip
        assert marks(found, check) == {"good"}, check
    assert marks(found, "stand-ins") == marks(found, "clock") == {"look"}
    assert hub.kept() == before


def test_lines_are_for_people_by_default(hub: HubUnderTest, run: Run) -> None:
    run()
    done = CliRunner().invoke(wasl, ["doctor"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert all(line.startswith(("good  ", "LOOK  ")) for line in lines)
    assert any("revision: the database is at" in line for line in lines)


def test_wrong_settings_are_all_told(run: Run) -> None:
    status, found = run(WASL_MAIL_KIND="smtp", WASL_WEB_THREADS="0")
    assert status == 1
    said = " ".join(text for _, text in found["settings"])
    assert "mail.host" in said
    assert "web.threads" in said


def test_missing_key_is_bad(hub: HubUnderTest, run: Run) -> None:
    hub.gateway.settings.keys.payload_master_key.unlink()
    status, found = run()
    assert (status, marks(found, "settings")) == (1, {"bad"})


def test_database_of_another_form_is_bad(hub: HubUnderTest, run: Run) -> None:
    with hub.gateway.store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    status, found = run()
    [(mark, said)] = found["revision"]
    assert (status, mark) == (1, "bad")
    assert "wasl init" in said


def test_place_of_contents_that_cannot_be_written_is_bad(hub: HubUnderTest, run: Run) -> None:
    folder = hub.gateway.settings.payloads.directory
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file")
    status, found = run()
    assert (status, marks(found, "payloads")) == (1, {"bad"})
    assert marks(found, "seal") == {"good"}


def test_damaged_head_is_bad(hub: HubUnderTest, run: Run) -> None:
    hub.gateway.settings.ledger.head_file.write_text("nonsense")
    status, found = run()
    assert (status, marks(found, "ledger heads")) == (1, {"bad"})


def test_route_left_alone_and_absent_workers_are_worth_a_look(hub: HubUnderTest, run: Run) -> None:
    with hub.gateway.store.write() as session:
        session.add(RouteState(office=COMMUNE_OFFICE, state="OPEN"))
    status, found = run()
    assert status == 0
    assert marks(found, "routes") == marks(found, "workers") == {"look"}
    assert COMMUNE_OFFICE in found["routes"][0][1]


def test_port_is_good_when_somebody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        assert [one.mark for one in finding.port("p", "127.0.0.1", number)] == [Mark.GOOD]
    assert [one.mark for one in finding.port("p", "127.0.0.1", number)] == [Mark.LOOK]


@dataclass
class Authority:
    """Independent time, as far off as a test asks."""

    off: timedelta | Exception

    def stamp(self, digest: bytes) -> Any:
        if isinstance(self.off, Exception):
            raise self.off
        token = type("Token", (), {"time": NOW + self.off})
        return type("Stamp", (), {"token": token})


@pytest.mark.parametrize(
    ("off", "mark"),
    [
        (timedelta(seconds=1), Mark.GOOD),
        (timedelta(seconds=-6), Mark.LOOK),
        (timedelta(seconds=61), Mark.BAD),
        (Unavailable("nobody stamps"), Mark.LOOK),
    ],
)
def test_clock_is_compared_with_independent_time(off: Any, mark: Mark) -> None:
    assert [one.mark for one in finding.clock(Authority(off), lambda: NOW, True)] == [mark]


@pytest.mark.parametrize(("days", "mark"), [(-1, Mark.BAD), (29, Mark.LOOK), (31, Mark.GOOD)])
def test_own_certificate_is_judged_by_its_end(hub: HubUnderTest, days: int, mark: Mark) -> None:
    path = hub.gateway.settings.keys.seal_certificate
    end = hub.gateway.issuing.seals.real.certificate.not_valid_after_utc
    [found] = finding.certificate("seal", path, end - timedelta(days=days))
    assert found.mark is mark


def test_certificate_that_cannot_be_read_or_is_not_valid_yet_is_bad(
    tmp_path: Path, hub: HubUnderTest
) -> None:
    path = hub.gateway.settings.keys.seal_certificate
    assert [one.mark for one in finding.certificate("seal", path, datetime(2000, 1, 1, tzinfo=UTC))] == [
        Mark.BAD
    ]
    (tmp_path / "x.pem").write_text("nonsense")
    for name in ("x.pem", "missing.pem"):
        assert [one.mark for one in finding.certificate("seal", tmp_path / name, NOW)] == [Mark.BAD]


def test_party_whose_certificate_ends_is_worth_a_look() -> None:
    def row(days: int, active: bool = True) -> CertificateRow:
        return CertificateRow(
            digest="d" * 64, party="A0000001-X", not_after=NOW + timedelta(days=days), active=active
        )

    found = list(finding.registered([row(5), row(400), row(-5), row(-5, active=False)], NOW))
    assert [one.mark for one in found] == [Mark.LOOK, Mark.LOOK]
    assert [one.mark for one in finding.registered([row(400)], NOW)] == [Mark.GOOD]


def test_full_disk_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(free: int) -> Callable[[Path], Any]:
        return lambda folder: type("Usage", (), {"free": free})

    for mebi, mark in ((100, Mark.BAD), (1000, Mark.LOOK), (5000, Mark.GOOD)):
        monkeypatch.setattr(finding.shutil, "disk_usage", usage(mebi * 1024**2))
        assert [one.mark for one in finding.space(tmp_path)] == [mark]


def test_check_that_fails_keeps_no_other_from_being_done() -> None:
    def broken() -> list[Finding]:
        raise ZeroDivisionError("with a secret")

    found = list(examine({"one": broken, "two": lambda: [Finding("two", Mark.GOOD, "well")]}))
    assert [(one.check, one.decided) for one in found] == [("one", False), ("two", True)]
    assert "secret" not in found[0].said


def test_what_could_not_be_checked_is_no_yes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> Any:
        raise RuntimeError

    monkeypatch.setattr(finding.shutil, "disk_usage", broken)
    status, found = run()
    assert status == 3
    assert found["disk"] == [("look", "could not be checked: RuntimeError")]
