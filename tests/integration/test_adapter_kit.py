"""The kit finds what is wrong with a kind, says it in words, and starts a new one that keeps the contract."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Context, Delivered, Letter, Request
from adapters.skeleton import SkeletonAdapter
from gateway.domain.errors import Ambiguous, Misconfigured, Permanent, Temporary
from gateway.kit.checks import checks
from gateway.kit.package import new_package
from gateway.kit.run import examined
from gateway.kit.scorecard import Mark, Result, kept, marked
from gateway.kit.subject import SECRET, Subject, pointed
from gateway.kit.target import checks_at, running
from tests.acceptance.test_cli import Shell

OPTIONS = {"url": "https://archive.example/in", "token": "t"}


class Kind(SkeletonAdapter):
    """The skeleton, broken in one way by each test."""

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        return (Request("POST", "https://x", {}, "body"),)


def found(kind: Any, *words: str, **subject: Any) -> list[Mark]:
    """What the checks with these words in their name come to."""
    under = Subject(kind, "skeleton", OPTIONS, **subject)
    chosen = [one for one in checks(under) if any(word in one[0] for word in words)]
    assert len(chosen) >= len(words)
    return list(marked(iter(chosen)))


def broken(marks: list[Mark]) -> str:
    return " | ".join(f"{one.check}: {one.why}" for one in marks if one.result is Result.BROKEN)


def on(name: str, act: Callable[..., Any]) -> Any:
    """A kind one of whose methods does something else."""
    return type("Changed", (Kind,), {name: act})()


def raising(error: BaseException) -> Callable[..., Any]:
    def act(*_: Any) -> Any:
        raise error

    return act


def test_a_kind_that_keeps_the_contract_is_not_blamed() -> None:
    assert (
        broken(found(Kind(), "says who", "options", "preview", "down", "answers 422", "stays behind")) == ""
    )


@pytest.mark.parametrize(
    ("kind", "word", "told"),
    [
        (type("K", (Kind,), {"kind": "other"})(), "says who", "its entry point 'skeleton'"),
        (type("K", (Kind,), {"streams": "yes"})(), "says who", "streams is neither"),
        (on("check_options", lambda *_: None), "good options", "list of sentences"),
        (on("check_options", lambda *_: []), "good options", "a key that it does not know"),
        (on("check_options", lambda *_: ["no_such_key"]), "good options", "refuses the options given"),
        (on("check_options", lambda _, found: ["no_such_key"] if len(found["url"]) < 9 else []), "nonsense",
         "raised TypeError in"),
        (on("preview", lambda *_: (Request("GET", SECRET, {}, ""),)), "preview", "shows a secret"),
        (on("preview", lambda _s, _l, context: sent(context)), "preview", "called the target"),
        (on("deliver", raising(ValueError("hunter2"))), "answers 422", "raised ValueError in"),
        (on("deliver", raising(SystemExit(1))), "answers 422", "raised SystemExit in"),
        (on("deliver", raising(Misconfigured(["no such secret"]))), "is down", "the hub's own fault through"),
        (on("deliver", raising(Permanent("XYZ-1", ""))), "is down", "a reason that does not exist"),
        (on("deliver", raising(Temporary("WASL-DLV-001", SECRET))), "is down", "tells a secret"),
        (on("deliver", raising(Ambiguous("WASL-DLV-004", ""))), "is down", "judged Ambiguous"),
        (on("deliver", raising(Temporary("WASL-DLV-002", ""))), "answers 504", "did not call it"),
        (on("deliver", lambda *_: Delivered(b"fine")), "web page", "took it for a success"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_a_kind_does_wrong_is_named(kind: Any, word: str, told: str) -> None:
    said = broken(found(kind, word))
    assert told in said
    assert "hunter2" not in said


def sent(context: Context, body: bytes = b"x") -> Any:
    return context.http.request("POST", context.options["url"], body=body)


def test_a_kind_that_says_temporary_where_nobody_knows_is_named() -> None:
    def deliver(_: Any, letter: Letter, context: Context) -> Delivered:
        sent(context)
        raise Temporary("WASL-DLV-002", "sure")

    words = ("answers 504", "without an answer")
    marks = found(on("deliver", deliver), "answers 504")
    assert "judged Temporary WASL-DLV-002" in broken(marks)
    assert broken(found(on("deliver", deliver), *words[:1], draft=True)) == ""


def test_a_kind_that_forgets_how_long_to_wait_is_named() -> None:
    def deliver(_: Any, letter: Letter, context: Context) -> Delivered:
        sent(context)
        raise Temporary("WASL-DLV-012", "later", 5.0)

    assert "was asked to wait 11 s and says 5.0" in broken(found(on("deliver", deliver), "answers 429"))


def test_a_kind_that_reads_a_large_attachment_whole_is_named() -> None:
    def deliver(_: Any, letter: Letter, context: Context) -> Delivered:
        with letter.open(letter.envelope.attachments[0]) as content:
            whole = content.read()
        sent(context, whole)
        raise Permanent("WASL-DLV-003", "")

    kind = type("K", (Kind,), {"streams": True, "deliver": deliver})()
    [mark] = found(kind, "large")
    assert mark.result is Result.BROKEN
    assert "MB for an attachment of 25 MB" in mark.why


def test_a_kind_that_leaves_threads_and_connections_is_named() -> None:
    ended, left = threading.Event(), []

    def deliver(_: Any, letter: Letter, context: Context) -> Delivered:
        threading.Thread(target=ended.wait, args=(20,), daemon=True).start()
        left.append(socket.socket())
        sent(context)
        raise Permanent("WASL-DLV-003", "")

    try:
        said = broken(found(on("deliver", deliver), "stays behind"))
    finally:
        ended.set()
        for one in left:
            one.close()
    assert "10 threads and 10 descriptors more" in said


TARGET = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Door(BaseHTTPRequestHandler):
    kept = {}
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"] if FORGETFUL == 0 else len(Door.kept)
        number = Door.kept.setdefault(key, len(Door.kept) + 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(str(number).encode())
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Door)
print(f"ready at http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize("forgetful", [0, 1])
def test_promises_are_held_against_the_kinds_own_target(tmp_path: Path, forgetful: int) -> None:
    program = tmp_path / "target.py"
    program.write_text(TARGET.replace("FORGETFUL", str(forgetful)), "utf-8")
    subject = Subject(Kind(), "skeleton", OPTIONS)
    with running(f"{sys.executable} {program}") as url:
        marks = {one.check: one for one in marked(checks_at(subject, url))}
    arrived = marks["a letter arrives, and the target's own word for it comes back"]
    assert (arrived.result, arrived.why) == (Result.KEPT, "reference 1, register number None")
    repeat = marks["a repeat under one delivery id arrives once"]
    assert repeat.result is (Result.BROKEN if forgetful else Result.KEPT), repeat
    assert kept(list(marks.values())) is not bool(forgetful)


@pytest.mark.parametrize("command", ["/nowhere/at-all", f"{sys.executable} -c print(1)", "'"])
def test_a_target_that_does_not_start_is_a_wrong_use(command: str) -> None:
    with pytest.raises(Misconfigured, match="target"), running(command):
        pass


def test_addresses_in_options_are_replaced_wherever_they_stand() -> None:
    options = {"a": "https://x.example:8443/p?q=1", "b": [{"c": "http://y.example"}], "d": "ftp://z", "e": 1}
    assert pointed(options, "http://127.0.0.1:9") == {
        "a": "http://127.0.0.1:9/p?q=1", "b": [{"c": "http://127.0.0.1:9"}], "d": "ftp://z", "e": 1,
    }  # fmt: skip


# The commands --------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


def test_the_list_says_what_each_kind_promises(shell: Shell) -> None:
    told = {one["kind"]: one for one in json.loads(shell("adapter", "list", "--json").out)}
    assert told["rest"]["idempotent"] == told["rest"]["finds"] == "by route"
    assert (told["rest"]["streams"], told["rest"]["probes"], told["bot"]["probes"]) == (True, True, False)
    assert "rest  (adapters.rest:RestAdapter)" in shell("adapter", "list").out


def test_a_kind_that_cannot_be_loaded_is_listed_as_such(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "plugins" / "wasl_telex-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wasl-telex\nVersion: 0.1\n", "utf-8")
    (info / "entry_points.txt").write_text("[wasl.adapters]\ntelex = wasl_telex:TelexAdapter\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    told = {one["kind"]: one for one in json.loads(shell("adapter", "list", "--json").out)}
    assert told["telex"] == {"kind": "telex", "module": "wasl_telex:TelexAdapter", "loaded": False}
    options = tmp_path / "o.toml"
    options.write_text("", "utf-8")
    said = shell("adapter", "test", "telex", "--options", options)
    assert said.status == 2
    assert "cannot be loaded" in said.err


def test_a_new_package_keeps_the_contract_as_it_is(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "wasl-telex"
    said = shell("adapter", "new", "telex", folder)
    assert said.status == 0
    written = {Path(line).relative_to(folder).as_posix() for line in said.out.splitlines()}
    assert written == {
        "pyproject.toml", "README.md", "example.toml", "wasl_telex/__init__.py", "tests/test_contract.py",
    }  # fmt: skip
    assert shell("adapter", "new", "telex", folder).status == 2
    assert shell("adapter", "new", "../telex", tmp_path / "b").status == 2
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder / "tests"],
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "A", "a-b", "9a", "a" * 40, "é"])
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        new_package(name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_command_prints_a_scorecard_and_ends_by_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gateway.cli.adapter as command

    def few(subject: Subject, *_: Any) -> Any:
        assert subject.context().secret("archive-token") == "of-the-environment"
        wanted = ("is down", "web page")
        return marked(one for one in checks(subject) if any(word in one[0] for word in wanted))

    options = tmp_path / "o.toml"
    options.write_text(
        'adapter = "rest"\n[options]\nurl = "https://x.example/"\ntoken = "archive-token"\n', "utf-8"
    )
    monkeypatch.setattr(command, "examined", few)
    shell.set(WASL_SECRET_ARCHIVE_TOKEN="of-the-environment")

    def kinds(kind: Any) -> Callable[[], Mapping[str, Any]]:
        return lambda: {"skeleton": kind}

    monkeypatch.setattr(command, "find_adapters", kinds(Kind()))
    said = shell("adapter", "test", "skeleton", "--options", options)
    assert said.status == 0, said.err
    assert said.out.splitlines()[-1] == "2 kept, 0 BROKEN, 0 not checked"
    monkeypatch.setattr(command, "find_adapters", kinds(on("deliver", lambda *_: Delivered(b"\x1b[31m"))))
    said = shell("adapter", "test", "skeleton", "--options", options, "--json")
    assert said.status == 1
    assert {one["result"] for one in json.loads(said.out)} == {"BROKEN"}


def test_a_kind_that_calls_nobody_is_checked_in_place(tmp_path: Path) -> None:
    class Folder(Kind):
        """Lays each letter into a folder under its delivery id."""

        def deliver(self, letter: Letter, context: Context) -> Delivered:
            path = context.folders[0] / letter.delivery_id
            path.write_bytes(letter.original)
            return Delivered(b"", target_reference=path.name)

    subject = Subject(Folder(), "skeleton", {"url": "file:/x"}, folders=(tmp_path,))
    marks = {one.check: one.result for one in examined(subject, in_place=True)}
    assert marks["a letter arrives, and the target's own word for it comes back"] is Result.KEPT
    assert marks["a repeat under one delivery id arrives once"] is Result.KEPT
    assert marks["a target that is down is temporary"] is Result.NOT_CHECKED
    assert marks["an operator sees what it does there"] is Result.NOT_CHECKED
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Request("LAY", "file:/x", {}, "octets of the letter"), ""),
        (Request("LAY", f"file:/x?{SECRET}", {}, ""), "tells a secret in a step"),
        (Request("LAY", "file:/x", {}, b"octets"), "no Request with a text as its body"),  # type: ignore[arg-type]
        ("LAY", "no Request with a text as its body"),
    ],
    ids=["well", "a secret", "octets", "a word"],
)
def test_what_a_kind_tells_of_its_steps_is_looked_at(step: Any, told: str) -> None:
    def deliver(_: Any, letter: Letter, context: Context) -> Delivered:
        with context.step(step) as answered:
            answered("done")
        return Delivered(b"", target_reference="1")

    subject = Subject(on("deliver", deliver), "skeleton", {"url": "file:/x"})
    marks = list(marked(one for one in checks_at(subject, None) if "operator sees" in one[0]))
    assert [(one.result, one.why) for one in marks] == [
        (Result.BROKEN, f"tells a step that is {told}" if told.startswith("no ") else told)
        if told
        else (Result.KEPT, "0 calls, 1 steps")
    ]


def test_every_check_is_run_over_a_whole_kind() -> None:
    marks = list(examined(Subject(Kind(), "skeleton", OPTIONS)))
    assert kept(marks), broken(marks)
    assert sum(one.result is Result.NOT_CHECKED for one in marks) == 4  # no streams, no target
