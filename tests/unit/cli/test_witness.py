"""A witness cosigns what continues what it saw, raises an alarm at a fork, and forgets nothing."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli import witness as commands
from gateway.clients.ledger import LedgerClient
from gateway.domain.errors import DeliveryError, Misconfigured, Permanent, Unavailable
from gateway.domain.evidence.ledger import Checkpoint
from gateway.domain.evidence.merkle import EMPTY_ROOT
from gateway.exchange.evidence import witness_folder
from gateway.exchange.evidence.witness import (
    Alarm,
    Contradiction,
    Incomplete,
    NotBelieved,
    Witness,
    contradiction,
)
from gateway.exchange.evidence.witness_folder import WitnessFolder
from gateway.trust.note import VerifierKey, read_vkey, verify_cosignature
from gateway.wire.tlog import read_note
from tests.support.handlog import NOW, HandLog, LocalHttp, serve

NAME = "witness.example/w1"
URL = "http://hub.example"


@dataclass
class Watching:
    """A witness over a folder, and the log that it watches, which can be exchanged."""

    folder: WitnessFolder
    log: HandLog
    http: LocalHttp
    submit: bool = False
    now: Callable[[], datetime] = lambda: NOW

    def turn(self, key: VerifierKey | None = None) -> Any:
        client = LedgerClient(self.http, URL)
        return Witness(self.folder, client, key or self.log.vkey, self.now, self.submit).turn()

    def show(self, log: HandLog) -> None:
        """Let the hub serve another log."""
        self.http = LocalHttp(serve(log))

    @property
    def cosigned(self) -> int | None:
        """The size that was cosigned last."""
        octets = self.folder.cosigned
        return None if octets is None else int(read_note(octets).text.split(b"\n")[1])


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    folder = WitnessFolder(tmp_path / "w1")
    log = HandLog().grow("a", "b", "c")
    log.witnesses = (folder.create(NAME),)
    return Watching(folder, log, LocalHttp(serve(log)))


def test_the_key_of_a_new_witness_is_its_owners_alone(tmp_path: Path) -> None:
    folder = WitnessFolder(tmp_path / "deep" / "w")
    vkey = folder.create(NAME)
    assert stat.S_IMODE((folder.path / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.key()[0] == vkey
    with pytest.raises(Misconfigured, match="already"):
        folder.create(NAME)


def test_what_grows_is_cosigned_turn_by_turn(watching: Watching) -> None:
    assert watching.turn().fresh
    watching.log.grow("d", "e")
    turn = watching.turn()
    assert (turn.checkpoint.size, turn.fresh, turn.submitted) == (5, True, False)
    note = read_note(watching.folder.cosigned or b"")
    assert verify_cosignature(note.text, note.signatures[-1], watching.folder.key()[0]) == NOW
    assert "GET /ledger/consistency/3/5" in watching.http.asked


def test_the_same_checkpoint_is_cosigned_once(watching: Watching) -> None:
    watching.turn()
    kept = watching.folder.cosigned
    assert not watching.turn().fresh
    assert watching.folder.cosigned == kept


def test_a_cosignature_is_handed_in_once(watching: Watching) -> None:
    watching.submit = True
    assert watching.turn().submitted
    assert watching.turn().submitted
    assert watching.http.asked.count("POST /ledger/cosignatures/3") == 1
    assert len(watching.log.kept[3]) == 1


def test_a_hub_that_does_not_know_the_witness_is_told_as_trouble(watching: Watching) -> None:
    watching.log.witnesses = ()
    watching.submit = True
    with pytest.raises(Permanent):
        watching.turn()
    assert watching.folder.submitted is None
    assert watching.folder.alarm is None


LIES: dict[str, tuple[Callable[[HandLog], HandLog], Contradiction]] = {
    "fork": (lambda log: log.forked(2, "x", "y", "z"), Contradiction.INCONSISTENT),
    "rollback": (lambda log: log.forked(2), Contradiction.SMALLER),
    "other root at the same size": (lambda log: log.forked(2, "x"), Contradiction.OTHER_ROOT),
    "reordered": (lambda log: log.forked(0, "b", "a", "c", "d"), Contradiction.INCONSISTENT),
    "first entry edited": (lambda log: log.forked(0, "A", "b", "c", "d"), Contradiction.INCONSISTENT),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_ledger_that_contradicts_itself_raises_the_alarm(watching: Watching, lie: str) -> None:
    watching.turn()
    before = watching.folder.cosigned
    other, found = LIES[lie][0](watching.log), LIES[lie][1]
    watching.show(other)
    with pytest.raises(Alarm) as alarm:
        watching.turn()
    assert alarm.value.found is found
    evidence = watching.folder.alarm
    assert evidence is not None
    assert (evidence / "before.note").read_bytes() == watching.log.note()
    assert (evidence / "after.note").read_bytes() == other.note()
    assert (evidence / "found.txt").read_text().startswith(found.value)
    assert watching.folder.cosigned == before
    assert watching.folder.seen == watching.log.note()


def test_after_an_alarm_not_even_the_true_ledger_is_cosigned(watching: Watching) -> None:
    watching.turn()
    watching.show(watching.log.forked(1, "x", "y", "z"))
    with pytest.raises(Alarm):
        watching.turn()
    watching.show(watching.log.grow("d"))
    with pytest.raises(Alarm) as alarm:
        watching.turn()
    assert alarm.value.found is None
    assert watching.cosigned == 3
    assert watching.http.asked == []


def test_a_person_may_let_the_witness_go_on_from_what_it_saw(watching: Watching) -> None:
    watching.turn()
    watching.show(watching.log.forked(1, "x", "y", "z"))
    with pytest.raises(Alarm):
        watching.turn()
    kept = watching.folder.decide("20261123", "an old copy was served for a minute", restart=False)
    assert (kept / "alarm" / "after.note").exists()
    assert (kept / "why.txt").read_text().strip() == "an old copy was served for a minute"
    watching.show(watching.log.grow("d"))
    assert watching.turn().checkpoint.size == 4
    assert "GET /ledger/consistency/3/4" in watching.http.asked


def test_a_person_may_let_the_witness_begin_anew_with_a_continued_ledger(watching: Watching) -> None:
    watching.turn()
    continued = HandLog([b"cites the old head"], "log.example/hand/2")
    watching.show(continued)
    with pytest.raises(Misconfigured, match="not of this ledger key"):
        watching.turn(continued.vkey)
    kept = watching.folder.decide("20261123", "continued after a loss", restart=True)
    assert (kept / "seen.note").read_bytes() == watching.log.note()
    assert watching.turn(continued.vkey).checkpoint.size == 1


def test_there_is_nothing_to_decide_about_without_an_alarm(watching: Watching) -> None:
    with pytest.raises(Misconfigured, match="no alarm"):
        watching.folder.decide("20261123", "why", restart=False)


def stranger(log: HandLog) -> bytes:
    return log.note(signer=Ed25519PrivateKey.generate())


FOREIGN: dict[str, Callable[[HandLog], bytes]] = {
    "another key": stranger,
    "another origin": lambda log: HandLog(log.entries, "log.example/other", log.key).note(),
    "no signature": lambda log: log.note().partition(b"\n\n")[0] + b"\n",
    "cut off": lambda log: log.note()[:-20],
    "a page": lambda _log: b"<!doctype html><title>Welcome</title>",
    "nothing": lambda _log: b"",
    "a size changed under the signature": lambda log: log.note().replace(b"\n4\n", b"\n5\n"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_the_ledger_did_not_sign_is_not_believed_and_is_no_alarm(watching: Watching, what: str) -> None:
    watching.turn()
    watching.log.grow("d")
    watching.http.change = lambda path, body: FOREIGN[what](watching.log) if "checkpoint" in path else body
    with pytest.raises(NotBelieved):
        watching.turn()
    assert watching.folder.alarm is None
    assert watching.cosigned == 3
    watching.http.change = lambda _path, body: body
    assert watching.turn().checkpoint.size == 4


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "a line short": lambda body: b"".join(body.splitlines(keepends=True)[:-1]),
    "a line more": lambda body: body + body.splitlines(keepends=True)[-1],
    "cut within a line": lambda body: body[:-9],
    "no base64": lambda body: b"!" + body[1:],
    "empty": lambda _body: b"",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_proof_that_was_cut_off_is_trouble_and_no_alarm(watching: Watching, how: str) -> None:
    watching.turn()
    watching.log.grow("d", "e", "f", "g")
    watching.http.change = lambda path, body: BROKEN[how](body) if "consistency" in path else body
    with pytest.raises(Incomplete):
        watching.turn()
    assert watching.folder.alarm is None
    assert watching.folder.seen == watching.log.note(3)
    watching.http.change = lambda _path, body: body
    assert watching.turn().checkpoint.size == 7


def test_a_whole_proof_that_proves_nothing_is_an_alarm(watching: Watching) -> None:
    watching.turn()
    watching.log.grow("d")

    def other_hash(path: str, body: bytes) -> bytes:
        return (b"B" if body[:1] == b"A" else b"A") + body[1:] if "consistency" in path else body

    watching.http.change = other_hash
    with pytest.raises(Alarm):
        watching.turn()


def test_trouble_on_the_way_is_no_alarm_and_is_made_good_later(watching: Watching) -> None:
    watching.turn()
    watching.log.grow("d")
    watching.http.down = True
    with pytest.raises(DeliveryError):
        watching.turn()
    assert watching.folder.alarm is None
    watching.http.down = False
    assert watching.turn().checkpoint.size == 4


class Crash(BaseException):
    """The machine stops."""


@pytest.mark.parametrize("step", ["keep_cosigned", "keep_submitted"])
def test_a_crash_never_lets_another_history_be_cosigned(
    watching: Watching, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    watching.submit = True
    watching.turn()
    true = watching.log
    true.grow("d")
    with monkeypatch.context() as patched:
        patched.setattr(WitnessFolder, step, crash)
        with pytest.raises(Crash):
            watching.turn()
    fork = true.forked(3, "x")
    watching.show(fork)
    with pytest.raises(Alarm) as alarm:
        watching.turn()
    assert alarm.value.found is Contradiction.OTHER_ROOT


def test_a_restart_goes_on_where_a_crash_left_off(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    watching.submit = True
    with monkeypatch.context() as patched:
        patched.setattr(WitnessFolder, "keep_submitted", crash)
        with pytest.raises(Crash):
            watching.turn()
    turn = watching.turn()
    assert (turn.fresh, turn.submitted) == (False, True)
    assert len(set(watching.log.kept[3])) == 1


def test_two_witnesses_do_not_share_what_they_saw(watching: Watching, tmp_path: Path) -> None:
    folder = WitnessFolder(tmp_path / "w2")
    second = Watching(folder, watching.log, watching.http, submit=True)
    watching.log.witnesses = (*watching.log.witnesses, folder.create("witness.example/w2"))
    watching.submit = True
    watching.turn()
    fork = watching.log.forked(2, "x", "y")
    second.show(fork)
    fork.witnesses = watching.log.witnesses
    assert second.turn().checkpoint.size == 4  # it has seen nothing else
    second.show(watching.log)
    with pytest.raises(Alarm):
        second.turn()
    names = {read_note(b"-\n\n" + line).signatures[0].name for line in watching.log.kept[3]}
    assert names == {NAME}


def test_only_one_run_works_on_a_folder(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_folder, "WAIT_S", 0.0)
    with watching.folder.held(), pytest.raises(Unavailable, match="another run"):
        watching.turn()
    assert watching.turn().fresh


@pytest.mark.parametrize("file", ["key.pem", "witness.vkey"])
def test_a_damaged_folder_is_named(watching: Watching, file: str) -> None:
    (watching.folder.path / file).write_text("nonsense")
    with pytest.raises(Misconfigured, match="no witness"):
        watching.turn()


def test_a_folder_with_another_witness_s_name_is_refused(watching: Watching, tmp_path: Path) -> None:
    other = WitnessFolder(tmp_path / "w2")
    other.create("witness.example/w2")
    (watching.folder.path / "witness.vkey").write_bytes((other.path / "witness.vkey").read_bytes())
    with pytest.raises(Misconfigured, match="not that of"):
        watching.turn()


def test_nothing_contradicts_an_empty_ledger_but_another_empty_root() -> None:
    empty, grown = Checkpoint("o", 0, EMPTY_ROOT), Checkpoint("o", 2, b"x" * 32)
    assert contradiction(None, grown) is None
    assert contradiction(empty, grown) is None
    assert contradiction(Checkpoint("o", 0, b"y" * 32), grown) is Contradiction.INCONSISTENT
    assert contradiction(grown, empty) is Contradiction.SMALLER


# the commands


@pytest.fixture
def shell(watching: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    key = tmp_path / "ledger.vkey"
    key.write_text(watching.log.vkey.line + "\n")
    shell = Shell(watching, key)
    monkeypatch.setattr(commands, "GuardedHttp", lambda _settings: shell.watching.http)
    return shell


@dataclass
class Shell:
    watching: Watching
    key: Path

    def run(self, *more: str, once: str = "--once") -> Any:
        state = str(self.watching.folder.path)
        arguments = ["run", "--state", state, "--hub", URL, "--ledger-key", str(self.key), once, *more]
        return CliRunner().invoke(commands.witness, arguments)


def test_the_commands_say_by_their_status_what_was_found(shell: Shell) -> None:
    good = shell.run("--submit")
    assert good.exit_code == 0
    assert good.stdout.startswith("cosigned log.example/hand at 3 entries")
    assert shell.run().stdout.startswith("unchanged")
    shell.watching.http.down = True
    assert shell.run().exit_code == 3
    shell.watching.show(shell.watching.log.forked(1, "x", "y"))
    alarm = shell.run()
    assert alarm.exit_code == 1
    assert "ALARM (other-root)" in alarm.stderr
    assert "ALARM (undecided)" in shell.run().stderr


def test_a_witness_that_runs_on_ends_at_an_alarm_and_not_at_trouble(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.signal, "signal", lambda _number, _handler: None)
    log, asked = shell.watching.log, shell.watching.http.asked
    answers = [log.note(), b"trouble", log.grow("d").note(), log.forked(3, "x").note()]

    def next_answer(path: str, body: bytes) -> bytes:
        return answers.pop(0) if "checkpoint" in path else body

    shell.watching.http.change = next_answer
    ended = shell.run("0.05", once="--every")
    assert ended.exit_code == 1
    assert [line.split()[0] for line in ended.output.splitlines()] == ["cosigned", "not", "cosigned", "ALARM"]
    assert asked.count("GET /ledger/checkpoint") == 4


def test_a_witness_that_runs_on_stops_when_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Callable[..., object]] = {}
    monkeypatch.setattr(commands.signal, "signal", handlers.__setitem__)

    def told(path: str, body: bytes) -> bytes:
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        return body

    shell.watching.http.change = told
    ended = shell.run("3600", once="--every")
    assert ended.exit_code == 0
    assert ended.output.startswith("cosigned")


def test_the_commands_tell_programs_the_same(shell: Shell) -> None:
    told = json.loads(shell.run("--json").stdout)
    assert (told["kind"], told["size"], told["submitted"]) == ("cosigned", 3, False)
    shell.watching.show(shell.watching.log.forked(1))
    told = json.loads(shell.run("--json").stdout)
    assert (told["kind"], told["found"]) == ("alarm", "smaller")


def test_what_the_ledger_did_not_sign_ends_with_a_no(shell: Shell) -> None:
    shell.watching.http.change = lambda _path, _body: stranger(shell.watching.log)
    found = shell.run()
    assert found.exit_code == 1
    assert "not believed" in found.stderr


def test_an_alarm_is_decided_at_the_command_line(shell: Shell) -> None:
    shell.run()
    state = str(shell.watching.folder.path)
    shell.watching.show(shell.watching.log.forked(1))
    assert shell.run().exit_code == 1
    decided = CliRunner().invoke(
        commands.witness, ["accept", "--state", state, "--why", "a stale copy"], catch_exceptions=False
    )
    assert decided.exit_code == 0
    shell.watching.show(shell.watching.log)
    assert shell.run().exit_code == 0


def test_init_prints_the_line_that_the_hub_needs(tmp_path: Path) -> None:
    state = tmp_path / "w"
    made = CliRunner().invoke(commands.witness, ["init", "--state", str(state), "--name", NAME])
    assert made.exit_code == 0
    assert read_vkey(made.stdout.strip()) == WitnessFolder(state).key()[0]
    assert "trust/witnesses/witness-example-w1.vkey" in made.stderr


@pytest.mark.parametrize("name", ["with space", "with+plus", "", "é", "x" * 201])
def test_a_name_that_no_signature_line_can_have_is_refused(tmp_path: Path, name: str) -> None:
    made = CliRunner().invoke(commands.witness, ["init", "--state", str(tmp_path / "w"), "--name", name])
    assert isinstance(made.exception, Misconfigured)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("line", ["", "nonsense", "a+b+c"])
def test_a_ledger_key_that_is_none_is_wrong_usage(shell: Shell, line: str) -> None:
    shell.key.write_text(line)
    assert isinstance(shell.run().exception, Misconfigured)


def test_a_witness_key_is_no_ledger_key(shell: Shell) -> None:
    shell.key.write_bytes((shell.watching.folder.path / "witness.vkey").read_bytes())
    assert isinstance(shell.run().exception, Misconfigured)


@pytest.mark.parametrize("url", ["ftp://hub.example", "hub.example", "http://"])
def test_an_address_that_is_none_is_wrong_usage(shell: Shell, url: str) -> None:
    assert isinstance(shell.run("--hub", url).exception, Misconfigured)
