"""The connector beside an old system: a folder is all they share, and it survives being killed anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.cli.partner.each import each
from gateway.domain.errors import Temporary
from gateway.domain.evidence.receipt import Event
from gateway.store.transit.models import Message
from gateway.verifier.opening import open_receipt
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE_OFFICE, MINISTRY, MINISTRY_OFFICE
from tests.support.killing import Killing, killing
from tests.support.live import LiveHub, free_port, live_hub
from tests.support.systems import receipts, state

MOST_STEPS = 60
PLAN = b"%PDF-1.7 plan fictif " * 20_000


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    with live_hub(tmp_path_factory.mktemp("connector") / "home") as live:
        yield live


@pytest.fixture(scope="module")
def runs() -> Iterator[Killing]:
    with killing() as runs:
        yield runs


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "no-home")


def command(live: LiveHub, folder: Path, *more: object, office: str | None = None) -> tuple[object, ...]:
    trust = ("--trust", live.hub.home / "trust")
    reads = ("--office", office) if office else ()
    return ("connector", *live.who(MINISTRY), "--folder", folder, *trust, *reads, "--once", *more)


def lay(folder: Path, name: str, subject: str, **more: object) -> None:
    """Lay a letter out as an old system would: whole, then by one rename."""
    filling = folder / "out" / f"{name}.filling"
    filling.mkdir(parents=True)
    said = {"to": COMMUNE_OFFICE, "subject": subject, **more}
    (filling / "letter.json").write_text(json.dumps(said), "utf-8")
    (filling / "plan.pdf").write_bytes(PLAN)
    filling.rename(folder / "out" / f"{name}.ready")


def accepted(live: LiveHub, subject: str) -> list[Message]:
    with live.hub.gateway.store.read() as session:
        return list(session.scalars(select(Message).where(Message.subject == subject)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def only(folder: Path) -> Path:
    [found] = folder.iterdir()
    return found


# Killed ------------------------------------------------------------------------------------------------


def test_killed_at_any_step_a_letter_is_sent_once_and_has_its_receipt(
    live: LiveHub, runs: Killing, tmp_path: Path
) -> None:
    steps = []
    for number in range(1, MOST_STEPS):
        folder, subject = tmp_path / str(number), f"killed at step {number}"
        lay(folder, "letter", subject)
        first = runs.run(*command(live, folder), at=number)
        again = runs.run(*command(live, folder))
        assert again.status == 0, again.said
        [message] = accepted(live, subject)
        sent = only(folder / "sent")
        assert sent.name == f"letter.{message.message_id}"
        assert (sent / "wasl-reference.txt").read_text() == f"{message.reference}\n"
        receipt = open_receipt((sent / "wasl-receipt.xml").read_bytes(), "application/xml").receipt
        octets = (sent / "wasl-envelope.xml").read_bytes()
        assert receipt.received is not None
        assert receipt.received.sha256 == sha256(octets).hexdigest()
        assert (names(folder / "out"), names(folder / "work"), names(folder / "refused")) == ([], [], [])
        if first.killed is None:
            break
        steps.append(first.killed)
    assert any("before request POST envelopes" in step for step in steps)
    assert any("after request POST envelopes" in step for step in steps)
    assert any("before rename letter.ready" in step for step in steps)
    assert any("wasl-receipt.xml" in step for step in steps)
    assert first.killed is None


def test_killed_at_any_step_a_letter_is_fetched_whole_and_answered_once(
    live: LiveHub, runs: Killing, tmp_path: Path
) -> None:
    steps = []
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(PLAN)
    for number in range(1, MOST_STEPS):
        folder = tmp_path / str(number)
        delivery = live.lying(MINISTRY_OFFICE, plan, subject=f"fetched {number}")
        ours = command(live, folder, office=MINISTRY_OFFICE)
        fetching = runs.run(*ours, at=number)
        for letter in (folder / "in").glob("[!.]*"):  # what shows is whole, whenever one looks
            manifest = json.loads((letter / "manifest.json").read_text("utf-8"))
            assert (letter / manifest["attachments"][0]["file"]).read_bytes() == PLAN
        assert fetching.killed is None or runs.run(*ours).status == 0
        letter = only(folder / "in")
        assert json.loads((letter / "manifest.json").read_text("utf-8"))["delivery"] == delivery
        (letter / "answer.filling").write_text(json.dumps({"register_number": f"{number}/2026"}))
        (letter / "answer.filling").rename(letter / "answer.json")
        answering = runs.run(*ours, at=number)
        assert answering.killed is None or runs.run(*ours).status == 0
        assert names(folder / "in") == []
        assert only(folder / "done").name == letter.name
        assert state(live.hub, delivery) == "HANDED_OVER"
        told = [one.event for one in receipts(live.hub, delivery)]
        assert (told.count(Event.CONTENT_HANDOVER), told.count(Event.REGISTERED)) == (1, 1)
        steps += [run.killed for run in (fetching, answering) if run.killed]
        if fetching.killed is None and answering.killed is None:
            break
    assert any("after request POST" in step and "acknowledge" in step for step in steps)
    assert any("before rename" in step and "manifest" not in step for step in steps)
    assert (fetching.killed, answering.killed) == (None, None)


# What old systems do -----------------------------------------------------------------------------------


def test_a_whole_exchange_through_folders(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    """Also that later receipts find their letter, and that a hub's own office is written to and read."""
    folder = tmp_path / "mail"
    lay(folder, "demande", "à nous-mêmes", to=[MINISTRY_OFFICE], register_number="D/7", language="fr")
    assert shell(*command(live, folder, office=MINISTRY_OFFICE)).status == 0
    live.hub.dispatch().run_once(100)
    assert shell(*command(live, folder, office=MINISTRY_OFFICE)).status == 0
    reference = (only(folder / "sent") / "wasl-reference.txt").read_text().strip()
    letter = folder / "in" / reference
    manifest = json.loads((letter / "manifest.json").read_text("utf-8"))
    assert manifest["letter"]["senderRegistration"]["number"] == "D/7"
    assert manifest["signature"]["certificate"] == "PASSED"
    (letter / "answer.toml").write_text('register_number = "9/2026"\nregister_date = 2026-03-01\n')
    assert shell(*command(live, folder, office=MINISTRY_OFFICE)).status == 0
    assert shell(*command(live, folder, office=MINISTRY_OFFICE)).status == 0
    beside = [name for name in names(only(folder / "sent")) if name.startswith("wasl-receipt-")]
    kinds = {name.removesuffix(".xml").split("-", 7)[-1] for name in beside}
    assert {"availability", "access", "delivery", "registration"} <= kinds
    for name in beside:
        assert open_receipt((only(folder / "sent") / name).read_bytes(), "application/xml").receipt


@pytest.mark.parametrize(
    ("language", "accepted_as", "away"),
    [
        ("en", "accepted under", "tried again the next time"),
        ("fr", "accepté sous", "nouvel essai la prochaine fois"),
        ("ar", "قُبلت تحت المرجع", "وتُعاد المحاولة في المرة القادمة"),
    ],
)
def test_what_it_does_is_told_in_the_language_chosen(
    live: LiveHub, shell: Shell, tmp_path: Path, language: str, accepted_as: str, away: str
) -> None:
    folder = tmp_path / "mail"
    lay(folder, "letter", "told of")
    elsewhere = ("connector", "--hub", f"http://127.0.0.1:{free_port()}", *live.who()[2:])
    said = shell(*elsewhere, "--folder", folder, "--language", language, "--once")
    assert (said.status, away in said.err) == (3, True)
    said = shell(*command(live, folder, "--language", language))
    reference = (only(folder / "sent") / "wasl-reference.txt").read_text().strip()
    assert any(accepted_as in line and reference in line for line in said.out.splitlines())


def test_what_is_not_whole_yet_is_left_alone(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    filling = tmp_path / "mail" / "out" / "letter"
    filling.mkdir(parents=True)
    (filling / "letter.toml").write_text(f'to = "{COMMUNE_OFFICE}"\nsubject = "ready by a file"\n')
    (filling / "plan.pdf").write_bytes(PLAN)
    assert shell(*command(live, tmp_path / "mail")).status == 0
    assert (names(filling), accepted(live, "ready by a file")) == (["letter.toml", "plan.pdf"], [])
    (filling / "ready").touch()
    assert shell(*command(live, tmp_path / "mail")).status == 0
    assert len(accepted(live, "ready by a file")) == 1


BAD = {
    "no manifest": {"letter.json": None},
    "no JSON": {"letter.json": b"{"},
    "a member twice": {"letter.json": b'{"to": "a", "to": "b", "subject": "x"}'},
    "an unknown member": {"letter.json": b'{"to": "B0000003-2", "subject": "x", "bodi": "y"}'},
    "a number for a text": {"letter.json": b'{"to": "B0000003-2", "subject": 7}'},
    "nobody to write to": {"letter.json": b'{"subject": "x"}'},
    "no subject": {"letter.json": b'{"to": "B0000003-2"}'},
    "a control character": {"letter.json": b'{"to": "B0000003-2", "subject": "x\\u0007"}'},
    "a document elsewhere": {
        "letter.json": b'{"to": "B0000003-2", "subject": "x", "attach": "../../secret"}'
    },
    "two manifests": {"letter.toml": b'to = "B0000003-2"'},
    "a name that turns": {"plan\u202efdp.exe": b"x"},
    "a file of ours": {"wasl-envelope.xml": b"<Envelope/>"},
    "a date without a number": {
        "letter.json": b'{"to": "B0000003-2", "subject": "x", "register_date": "2026-03-01"}'
    },
}


@pytest.mark.parametrize("files", BAD.values(), ids=BAD)
@pytest.mark.parametrize("language", ["ar", "fr"])
def test_what_is_no_letter_is_put_aside_with_its_reason(
    live: LiveHub, shell: Shell, tmp_path: Path, files: dict[str, bytes | None], language: str
) -> None:
    folder = tmp_path / "mail"
    lay(folder, "bad", "never sent")
    lay(folder, "good", f"good beside bad {tmp_path.name} {language}")
    for name, octets in files.items():
        path = folder / "out" / "bad.ready" / name
        if octets is None:
            path.unlink()
        else:
            path.write_bytes(octets)
    assert shell(*command(live, folder, "--language", language)).status == 0
    reason = (only(folder / "refused") / "wasl-reason.txt").read_text("utf-8")
    assert reason.startswith("WASL-")
    assert accepted(live, "never sent") == []
    assert only(folder / "sent").name.startswith("good.")


def test_a_link_out_of_the_folder_is_never_sent(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "mail"
    secret.write_bytes(b"secret")
    lay(folder, "letter", "with a link", attach="stolen.txt")
    (folder / "out" / "letter.ready" / "stolen.txt").symlink_to(secret)
    assert shell(*command(live, folder)).status == 0
    assert "stolen.txt" in (only(folder / "refused") / "wasl-reason.txt").read_text("utf-8")


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_nothing_that_lies_beside_the_documents_is_left_out_unseen(
    live: LiveHub, shell: Shell, tmp_path: Path, language: str
) -> None:
    folder, secret = tmp_path / "mail", tmp_path / "secret"
    secret.write_bytes(b"secret")
    lay(folder, "letter", "with more")
    inside = folder / "out" / "letter.ready"
    (inside / "linked.pdf").symlink_to(secret)
    (inside / "more").mkdir()
    os.mkfifo(inside / "pipe")
    (inside / ".hidden").write_bytes(b"of the system's own")
    (inside / "wasl-mine.txt").write_bytes(b"")
    assert shell(*command(live, folder, "--language", language)).status == 0
    told = (only(folder / "refused") / "wasl-reason.txt").read_text("utf-8").splitlines()
    named = ["linked.pdf", "more", "pipe", "wasl-mine.txt"]
    assert [line.split()[0] for line in told] == ["WASL-REQ-013"] * len(named)
    assert all(name in line for name, line in zip(named, told, strict=True))


@pytest.mark.parametrize("kind", ["file", "folder", "letter"])
def test_a_name_in_another_character_set_stops_no_other_letter(
    live: LiveHub, shell: Shell, tmp_path: Path, kind: str
) -> None:
    folder, name = tmp_path / "mail", os.fsdecode("résumé".encode("latin-1"))
    lay(folder, "odd", "with an odd name")
    lay(folder, "good", f"beside an odd {kind} {tmp_path.name}")
    odd = folder / "out" / "odd.ready"
    if kind == "file":
        (odd / f"{name}.pdf").write_bytes(PLAN)
    elif kind == "folder":
        (odd / name).mkdir()
    else:
        odd.rename(odd.with_name(f"{name}.ready"))
    assert shell(*command(live, folder)).status == 0
    if kind == "letter":  # what its folder is called is nobody's business but the old system's
        assert len(names(folder / "sent")) == 2
        return
    told = (only(folder / "refused") / "wasl-reason.txt").read_text("utf-8")
    assert told.split()[0] == ("WASL-ENV-105" if kind == "file" else "WASL-REQ-013")
    assert only(folder / "sent").name.startswith("good.")


def test_a_reason_names_the_place(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    lay(folder, "letter", "a\x85b")
    assert shell(*command(live, folder)).status == 0
    told = (only(folder / "refused") / "wasl-reason.txt").read_text("utf-8")
    assert (told.split()[0], told.rstrip().endswith("(/subject)")) == ("WASL-ENV-113", True)


def test_while_the_hub_is_away_nothing_is_given_up(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    lay(folder, "letter", "kept meanwhile")
    away = ("--hub", f"http://127.0.0.1:{free_port()}", *live.who()[2:])
    for _ in range(2):
        assert shell("connector", *away, "--folder", folder, "--once").status == 3
    assert (names(folder / "sent"), names(folder / "refused")) == ([], [])
    signed = (only(folder / "work") / "wasl-envelope.xml").read_bytes()
    assert shell(*command(live, folder)).status == 0
    assert (only(folder / "sent") / "wasl-envelope.xml").read_bytes() == signed


def test_a_receipt_under_another_seal_is_no_promise(live: LiveHub, shell: Shell, tmp_path: Path) -> None:
    folder, trust = tmp_path / "mail", tmp_path / "trust"
    (trust / "seal").mkdir(parents=True)
    lay(folder, "letter", "under another seal")
    said = shell(*command(live, folder), "--trust", trust)
    assert (said.status, names(folder / "sent"), len(names(folder / "work"))) == (3, [], 1)
    assert shell(*command(live, folder)).status == 0
    assert len(accepted(live, "under another seal")) == 1


def test_an_answer_that_cannot_be_taken_says_why_and_another_one_may_follow(
    live: LiveHub, shell: Shell, tmp_path: Path
) -> None:
    folder, delivery = tmp_path / "mail", live.lying(MINISTRY_OFFICE, subject="answered twice")
    ours = command(live, folder, office=MINISTRY_OFFICE)
    assert shell(*ours).status == 0
    letter = next(
        path.parent for path in (folder / "in").glob("*/manifest.json") if delivery in path.read_text()
    )
    wrong = ['{"refuse": "WASL-XXX-999"}', '{"refuse": "a", "taken": true}', '{"taken": 1}', "{}", "nonsense"]
    for text in wrong:
        (letter / "answer.json").write_text(text)
        assert shell(*ours).status == 0
        assert (letter / "wasl-answer-reason.txt").read_text("utf-8").startswith("WASL-")
        assert not (letter / "answer.json").exists()
        assert state(live.hub, delivery) == "AVAILABLE"
    (letter / "answer.json").write_text('{"refuse": "WASL-DLV-039", "text": "not ours"}')
    assert shell(*ours).status == 0
    assert state(live.hub, delivery) == "REFUSED"


class Naming:
    """A hub's inbox in which somebody gives letters other references."""

    def __init__(self, inbox: Any, reference: str) -> None:
        self._inbox, self._reference = inbox, reference

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    def peek(self, *arguments: Any) -> Any:
        return tuple(replace(one, reference=self._reference) for one in self._inbox.peek(*arguments))


@pytest.mark.parametrize("reference", ["../../outside", "/outside", "..", ".", "", "a\x00b", "7K3M-Q9XT-V2X"])
def test_no_answer_of_a_hub_names_a_folder_elsewhere(
    live: LiveHub, shell: Shell, tmp_path: Path, reference: str
) -> None:
    folder, delivery = tmp_path / "deep" / "mail", live.lying(MINISTRY_OFFICE)
    ours = command(live, folder, office=MINISTRY_OFFICE)
    with live.hub.using(inbox=Naming(live.hub.gateway.services.inbox, reference)):
        assert shell(*ours).status == 3
    assert (names(folder / "in"), names(tmp_path), names(tmp_path / "deep")) == ([], ["deep"], ["mail"])
    assert state(live.hub, delivery) == "AVAILABLE"


def test_one_letter_that_does_not_get_through_keeps_no_other_from_trying() -> None:
    tried = []

    def act(thing: int) -> None:
        tried.append(thing)
        if thing in (2, 4, 5, 6):
            raise Temporary("WASL-DLV-002", str(thing))

    with pytest.raises(Temporary, match="WASL-DLV-002 2"):
        each(range(1, 10), act)
    assert tried == [1, 2, 3, 4, 5, 6]  # three in a row: it is the hub that is away


def test_two_connectors_never_work_in_one_folder(live: LiveHub, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "gateway", *map(str, command(live, tmp_path)[:-1]), "--every", "600"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as first:
        lay(tmp_path, "letter", "while another works")
        assert first.stdout is not None
        first.stdout.readline()  # the letter is through: it holds the folder
        second = subprocess.run([*program[:-2], "--once"], capture_output=True, text=True, timeout=60)
        first.terminate()
        assert (first.wait(30), second.returncode) == (0, 3)
    assert "another connector works" in second.stderr
