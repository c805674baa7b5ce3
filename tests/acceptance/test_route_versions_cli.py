"""The commands on versions of routes: the page's steps as they stand there, and what bad input comes to."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from gateway.assets import config_dir
from tests.acceptance.test_cli import Shell
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.listener import Listener, listening
from tests.support.quick import quick_wasl
from tests.support.systems import accept, state
from tests.support.versions import activated, created, options, stages, town

PAGE = config_dir().parent / "docs" / "route-versions.md"
SUBJECT = "طلب رخصة بناء"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What comes first in ``PATH``."""
    with quick_wasl(tmp_path_factory.mktemp("quick")) as place:
        yield place


def environment(hub: HubUnderTest, commands: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    return {
        **bare,
        "PATH": os.pathsep.join((str(commands), os.environ["PATH"])),
        "WASL_HOME": str(hub.home),
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        "OFFICE": COMMUNE_OFFICE,
        "NEW_KEY": "k-2-of-the-commune",
    }


@pytest.fixture
def hub(tmp_path: Path, listener: Listener) -> HubUnderTest:
    listener.heard.clear()
    return town(tmp_path / "home", listener)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: HubUnderTest) -> Shell:
    shell = Shell(monkeypatch, capsys, hub.home)
    shell.set(WASL_OUTGOING_ALLOW="127.0.0.1")
    return shell


def file_of(folder: Path, listener: Listener, **changes: Any) -> Path:
    path = folder / "route.toml"
    route = {"kind": "adapter", "adapter": "rest", "options": options(listener.url, **changes)}
    path.write_text(tomli_w.dumps({"route": route}), "utf-8")
    return path


def test_the_steps_of_the_page_do_what_it_says(
    hub: HubUnderTest, listener: Listener, commands: Path, tmp_path: Path
) -> None:
    blocks = re.findall(r"<!-- run -->\n```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 7
    [before] = accept(hub, subject=SUBJECT)
    hub.dispatch().run_once(10)
    said = []
    for block in blocks:
        run = subprocess.run(
            ["bash", "-eux", "-c", block],
            cwd=tmp_path,
            env=environment(hub, commands),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stdout
        said.append(run.stdout)
        if block is blocks[4]:
            [between] = accept(hub, subject=SUBJECT)
            hub.dispatch().run_once(10)
    [after] = accept(hub, subject=SUBJECT)
    hub.dispatch().run_once(10)
    assert [state(hub, one) for one in (before, between, after)] == ["HANDED_OVER"] * 3
    assert [one.path for one in listener.heard if one.body] == ["/letters", "/v2/letters", "/letters"]
    assert listener.heard[-1].authorization == "k-2-of-the-commune"
    every = "".join(said)
    assert "Traceback" not in every
    assert SUBJECT not in every
    assert "call 1 url" in said[1]
    assert "tested: approve it" in said[2]
    assert "JMESPathTypeError" in said[3]
    assert "commune-key  file" in said[6]
    assert [word in said[5] for word in ("2  ACTIVE", "3  RETIRED", "4  DISCARDED")] == [True] * 3


def test_of_operators_whose_processes_do_the_same_at_once_one_wins(
    hub: HubUnderTest, listener: Listener, commands: Path, tmp_path: Path
) -> None:
    number = activated(hub, {"route": {"kind": "inbox"}})
    command = ["wasl", "route", "rollback", COMMUNE_OFFICE, "--from", str(number), "--as", "somebody"]
    running = [
        subprocess.Popen(
            command, env=environment(hub, commands), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [(*one.communicate(timeout=60), one.returncode) for one in running]
    assert sorted(status for _, _, status in said) == [0, 1, 1]
    assert all("WASL-DLV-086" in err for _, err, status in said if status)
    assert stages(hub) == {1: "RETIRED", 2: "ACTIVE", 3: "RETIRED"}


def test_programs_get_the_same_as_json(
    shell: Shell, hub: HubUnderTest, listener: Listener, tmp_path: Path
) -> None:
    accept(hub, subject=SUBJECT)
    path = file_of(tmp_path, listener, create=created(objet="envelope.messageId"))
    made = json.loads(shell("route", "draft", COMMUNE_OFFICE, path, "--as", "كاتب", "--json").out)
    assert made == {"office": COMMUNE_OFFICE, "number": 3, "state": "DRAFT"}
    run = json.loads(shell("route", "dry-run", COMMUNE_OFFICE, "--json").out)
    assert (run["holds"], run["letters"], run["changed"][0]["differences"][0]["path"]) == (
        True, 1, "call 1 body.objet",
    )  # fmt: skip
    shown = shell("route", "dry-run", COMMUNE_OFFICE, "3", "--show-content", "--as", "reader")
    assert SUBJECT in shown.out
    tested = json.loads(shell("route", "test", COMMUNE_OFFICE, "--as", "x", "--json").out)
    assert (tested["state"], [one["name"] for one in tested["checks"]]) == (
        "TESTED", ["options", "secrets", "target", "letters"],
    )  # fmt: skip
    assert json.loads(shell("route", "activate", COMMUNE_OFFICE, "3", "--json").out)["state"] == "ACTIVE"
    rolled = json.loads(shell("route", "rollback", COMMUNE_OFFICE, "--json").out)
    assert (rolled["number"], rolled["retired"]) == (2, 3)
    lines = json.loads(shell("route", "history", COMMUNE_OFFICE, "--json").out)
    assert [one["state"] for one in lines] == ["RETIRED", "ACTIVE", "RETIRED"]
    assert "texts of at most 20 letters shown in a dry run" in [step["why"] for step in lines[2]["steps"]]
    assert "reader" in [step["by"] for step in lines[2]["steps"]]
    [difference] = json.loads(shell("route", "diff", COMMUNE_OFFICE, "2", "3", "--json").out)
    assert difference["path"] == "route.options.create.body.objet"


def test_no_is_told_in_words_with_status_1(
    shell: Shell, hub: HubUnderTest, listener: Listener, tmp_path: Path
) -> None:
    path = file_of(tmp_path, listener, headers={"X": "1"})
    shell("route", "draft", COMMUNE_OFFICE, path)
    for arguments, code in (
        (("approve", COMMUNE_OFFICE, "3"), "WASL-DLV-086"),
        (("activate", COMMUNE_OFFICE, "3"), "WASL-DLV-086"),
        (("rollback", COMMUNE_OFFICE, "--from", "1"), "WASL-DLV-086"),
        (("discard", COMMUNE_OFFICE, "2"), "WASL-DLV-086"),
        (("test", AGENCY_OFFICE), "WASL-DLV-086"),
        (("history", "B0000999-I"), "WASL-REQ-005"),
        (("export", COMMUNE_OFFICE, "77"), "WASL-REQ-005"),
        (("diff", COMMUNE_OFFICE, "1", "77"), "WASL-REQ-005"),
        (("draft", COMMUNE_OFFICE, file_of(tmp_path, listener)), "WASL-DLV-086"),
    ):
        said = shell("route", *arguments)
        assert (said.status, said.out) == (1, ""), arguments
        assert code in said.err
        assert "…" not in said.err


def test_files_that_are_no_route_end_with_2(shell: Shell, hub: HubUnderTest, tmp_path: Path) -> None:
    path = tmp_path / "route.toml"
    for octets, word in (
        (b"kind = ", "route.toml"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"\x1b[2J = 1", "route.toml"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "deep"),
        (b"a = " + b"9" * 5000, "digits"),
        (b"#" * (4 * 1024**2 + 1), "more than"),
        (b"x = 1", "no part of a version"),
        (b"route = 1", "route: a table"),
        (b"[route]\nkind = 'adapter'\nadapter = 'none'", "route.adapter: one of"),
        (b"[route]\nkind = 'office'\n[document_types]\nx = 1", "document_types: a table of codes"),
    ):
        path.write_bytes(octets)
        said = shell("route", "draft", COMMUNE_OFFICE, path)
        assert (said.status, said.out) == (2, ""), octets[:20]
        assert word in said.err, said.err
        assert "\x1b" not in said.err
        assert "Traceback" not in said.err
    for octets in (b"a = " + b"9" * 5000, b"a = " + b"[" * 5000):
        path.write_bytes(octets)
        assert shell("apply", path).status == 2
    for name in ("a\nb", "\x1b[2J", "n" * 500, " "):
        path.write_text("[route]\nkind = 'inbox'\n")
        said = shell("route", "draft", COMMUNE_OFFICE, path, "--as", name)
        assert (said.status, "characters that can be seen" in said.err) == (2, True)
    assert len(json.loads(shell("route", "history", COMMUNE_OFFICE, "--json").out)) == 2


def test_what_is_exported_is_taken_as_it_is(
    shell: Shell, hub: HubUnderTest, listener: Listener, tmp_path: Path
) -> None:
    text = {"X-Text": 'العربية \\ "quoted" é'}
    draft = file_of(tmp_path, listener, tables={"types": text})
    assert shell("route", "draft", COMMUNE_OFFICE, draft).status == 0
    path = tmp_path / "exported.toml"
    path.write_text(shell("route", "export", COMMUNE_OFFICE, "3").out, "utf-8")
    assert shell("route", "draft", COMMUNE_OFFICE, path, "--note", "the same once more").status == 0
    assert json.loads(shell("route", "diff", COMMUNE_OFFICE, "3", "4", "--json").out) == []


def feed(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))


def test_a_secret_is_kept_for_the_hub_alone_and_never_shown(
    shell: Shell, hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hub.home / "secrets" / "commune-key"
    path.unlink()
    missing = shell("route", "secret", "list")
    assert (missing.status, missing.out) == (1, f"commune-key  missing  {COMMUNE_OFFICE}\n")
    feed(monkeypatch, b"hunter2-hunter2\n")
    said = shell("route", "secret", "set", "commune-key")
    assert (said.status, said.out) == (0, "secret commune-key is kept\n")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("hunter2-hunter2\n", 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    [line] = json.loads(shell("route", "secret", "list", "--json").out)
    assert (line["name"], line["kept"], line["routes"]) == ("commune-key", "file", [COMMUNE_OFFICE])
    shell.set(WASL_SECRET_COMMUNE_KEY="other")
    feed(monkeypatch, b"hunter3")
    assert "WASL_SECRET_COMMUNE_KEY" in shell("route", "secret", "set", "commune-key").err
    said = shell("route", "secret", "list")
    assert (said.status, said.out) == (0, f"commune-key  environment  {COMMUNE_OFFICE}\n")
    every = "".join(shell(*one).out for one in (("export",), ("route", "history", COMMUNE_OFFICE)))
    assert "hunter" not in every + said.out + said.err
    assert [one.name for one in path.parent.iterdir()] == ["commune-key"]


def test_what_is_no_name_of_a_secret_is_refused(
    shell: Shell, hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("../x", "a/b", "", ".x", "a\nb", "x" * 101, "x.new", "é"):
        feed(monkeypatch, b"hunter2")
        said = shell("route", "secret", "set", name)
        assert (said.status, said.out) == (2, ""), name
        assert "hunter2" not in said.err
    assert len(list((hub.home / "secrets").iterdir())) == 1


def test_what_is_no_secret_is_refused(
    shell: Shell, hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for octets in (b"", b"\n \n", b"\xff\xfe", b"a\0b", b"x" * 65_537):
        feed(monkeypatch, octets)
        assert shell("route", "secret", "set", "fresh").status == 2
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (hub.home / "secrets" / "fresh").symlink_to(outside)
    feed(monkeypatch, b"hunter2")
    assert shell("route", "secret", "set", "fresh").status == 0
    assert outside.read_text() == "mine"  # the link was replaced, and not followed
