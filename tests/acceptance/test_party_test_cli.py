"""``wasl party test``: one command, and somebody can send, receive and answer; never where mail is real."""

from __future__ import annotations

import json
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.errors import Misconfigured
from tests.acceptance.test_cli import Shell
from tests.support.evidence import settled
from tests.support.live import LiveHub, live_hub


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def live(tmp_path: Path, shell: Shell) -> Iterator[LiveHub]:
    with live_hub(tmp_path / "home") as live:
        shell.set(WASL_HUB_PUBLIC_URL=live.url)
        yield live


def make(shell: Shell, folder: Path, *more: object) -> dict[str, str]:
    said = shell("party", "test", folder.name, "--out", folder, "--json", *more)
    assert said.status == 0, said.err
    made: dict[str, str] = json.loads(said.out)
    return made


@pytest.mark.parametrize("kind", ["rsa3072", "p256"])
def test_one_command_makes_a_party_that_sends_receives_and_answers(
    shell: Shell, live: LiveHub, tmp_path: Path, kind: str
) -> None:
    made, plan = make(shell, tmp_path / "archive", "--keys", kind), tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF plan fictif")
    me = ("--settings", made["settings"])
    sent = shell(
        "send",
        *me,
        "--to",
        made["office"],
        "--subject",
        "Essai",
        "--attach",
        plan,
        "--out",
        tmp_path,
        "--json",
    )
    receipt = Path(json.loads(sent.out)["receipt"])
    settled(live.hub, receipt, receipt.read_bytes())
    assert shell("verify", receipt, "--trust", tmp_path / "archive" / "trust").status == 0
    live.hub.dispatch().run_once(100)
    [lying] = json.loads(shell("inbox", "list", *me, "--json").out)
    fetched = shell("inbox", "fetch", lying["delivery"], *me, "--out", tmp_path / "mail", "--json")
    assert (fetched.status, json.loads(fetched.out)["test"]) == (0, True)
    taken = shell("inbox", "acknowledge", lying["delivery"], *me, "--number", "1/2026")
    assert "HANDED_OVER REGISTERED" in taken.out
    assert "HANDED_OVER  under 1/2026" in shell("status", lying["reference"], *me).out


def test_keys_are_the_callers_alone(shell: Shell, live: LiveHub, tmp_path: Path) -> None:
    made = make(shell, tmp_path / "archive")
    keys = sorted((tmp_path / "archive" / "keys").iterdir())
    assert [path.name for path in keys] == ["archive-encryption.pem", "archive.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    secret = keys[1].read_text().splitlines()[5].encode()
    assert [path for path in live.hub.home.rglob("*") if path.is_file() and secret in path.read_bytes()] == []
    table = tomllib.loads(Path(made["settings"]).read_text("utf-8"))
    assert not any(Path(value).is_absolute() for value in table.values() if isinstance(value, str))


def test_parties_for_tests_cannot_write_to_real_offices(shell: Shell, live: LiveHub, tmp_path: Path) -> None:
    made = make(shell, tmp_path / "archive")
    file = Path(made["settings"])
    file.write_text(file.read_text("utf-8").replace("test = true", "test = false"), "utf-8")
    said = shell(
        *("send", "--settings", file, "--to", made["office"], "--subject", "Essai", "--body", "x"),
        *("--out", tmp_path, "--json"),
    )
    assert (said.status, json.loads(said.out)["status"]) == (1, 422)


def test_two_parties_never_share_an_identifier(shell: Shell, live: LiveHub, tmp_path: Path) -> None:
    first, second = make(shell, tmp_path / "one"), make(shell, tmp_path / "two")
    assert {first["party"], first["office"]}.isdisjoint({second["party"], second["office"]})
    said = shell("party", "test", "one", "--out", tmp_path / "one")
    assert (said.status, "is there already" in said.err) == (2, True)


@pytest.mark.parametrize("name", ["../up", "A", "a b", "-a", "x" * 41, "ملف"])
def test_a_name_that_is_no_plain_word_is_wrong_usage(
    shell: Shell, live: LiveHub, tmp_path: Path, name: str
) -> None:
    before = shell("export").out
    assert shell("party", "test", "--out", tmp_path / "new", "--", name).status == 2
    assert not (tmp_path / "new").exists()
    assert shell("export").out == before


def test_a_hub_for_real_mail_makes_no_party_for_tests(live: LiveHub) -> None:
    from dataclasses import replace

    from gateway.cli.trial_party import check_for_tests

    gateway = live.hub.gateway
    check_for_tests(gateway)
    settings = replace(gateway.settings, hub=replace(gateway.settings.hub, production=True))
    with pytest.raises(Misconfigured, match=r"hub\.production"):
        check_for_tests(replace(gateway, settings=settings))


def test_a_hub_without_an_authority_of_its_own_makes_none(
    shell: Shell, live: LiveHub, tmp_path: Path
) -> None:
    (live.hub.home / "TEST-PKI").unlink()
    said = shell("party", "test", "archive", "--out", tmp_path / "archive")
    assert (said.status, "no authority of its own" in said.err) == (2, True)
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    "line", ['keys = "k.pem"', "party = 5", 'test = "yes"', "key = ", 'key = "a"\nkey = "b"']
)
def test_a_party_file_with_a_mistake_is_wrong_usage(shell: Shell, tmp_path: Path, line: str) -> None:
    file = tmp_path / "party.toml"
    file.write_text(line)
    said = shell("inbox", "list", "--settings", file)
    assert (said.status, "party.toml" in said.err) == (2, True)


def test_an_attachment_closed_for_a_reader_is_opened_by_it_and_by_openssl(
    shell: Shell, live: LiveHub, tmp_path: Path
) -> None:
    made, plan = make(shell, tmp_path / "archive"), tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF plan secret" * 50_000)
    me, own = ("--settings", made["settings"]), tmp_path / "archive"
    pair = (own / "keys" / "archive-encryption.pem", own / "certificates" / "archive-encryption.pem")
    sent = shell(
        *("send", *me, "--to", made["office"], "--subject", "Essai", "--attach", plan),
        *("--encrypt-for", pair[1], "--out", tmp_path),
    )
    assert sent.status == 0, sent.out
    live.hub.dispatch().run_once(100)
    [lying] = json.loads(shell("inbox", "list", *me, "--json").out)
    fetched = shell("inbox", "fetch", lying["delivery"], *me, "--out", tmp_path / "mail", "--json")
    [attached] = json.loads(fetched.out)["attachments"]
    folder = Path(json.loads(fetched.out)["folder"])
    assert (folder / attached["decrypted"]).read_bytes() == plan.read_bytes()
    closed = folder / attached["file"]
    assert b"secret" not in closed.read_bytes()
    by_hand = subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", closed, "-inkey", pair[0], "-recip", pair[1]],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert by_hand.stdout == plan.read_bytes()
