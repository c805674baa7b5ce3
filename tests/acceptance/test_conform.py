"""``wasl conform``: a program that does right passes, and each way to do wrong is seen, on a real hub."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.compose import JWS, XML, SignedLetter
from gateway.cli.partner.examination import Examination, message_id_of
from gateway.cli.partner.examiner import serving
from gateway.cli.partner.partner import Partner, Rejected
from gateway.cli.partner.sealed import BadReceipt
from gateway.cli.partner.trials import RETRY_S, Course, Outcome, Sending, Trial, judge
from gateway.cli.posting import hub_client, post
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_sender import SenderClient
from gateway.domain.errors import DeliveryError
from gateway.wire.mime import write_related
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE_OFFICE, MINISTRY
from tests.support.live import LiveHub, live_hub

QUIET = 1.5


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    with live_hub(tmp_path_factory.mktemp("conform") / "home") as live:
        yield live


@contextmanager
def examined(live: LiveHub) -> Iterator[tuple[Examination, str]]:
    """An examination before the hub, and its address."""
    examination = Examination(time.monotonic, QUIET)
    hub = hub_client(live.url, MINISTRY, live.hub.sealer("ministry"))
    with serving(examination, hub, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield examination, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def settled(examination: Examination) -> dict[Trial, Outcome]:
    until = time.monotonic() + 30
    while not examination.over and time.monotonic() < until:
        threading.Event().wait(0.05)
    return {mark.trial: mark.outcome for mark in examination.marks()}


def letters(live: LiveHub, media_type: str, count: int = len(Trial)) -> Iterator[SignedLetter]:
    for _ in range(count):
        yield live.hub.signed(live.hub.envelope(), media_type)


def partner(live: LiveHub, url: str) -> Partner:
    hub = hub_client(url, MINISTRY, live.hub.sealer("ministry"))
    return Partner(
        MINISTRY, "DEMO-HUB", live.hub.sealer("ministry"), SenderClient(hub), InboxClient(hub),
        trust=live.hub.home / "trust",
    )  # fmt: skip


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_the_client_of_this_package_passes_every_trial(live: LiveHub, media_type: str) -> None:
    with examined(live) as (examination, url):
        me, refused = partner(live, url), []
        for letter in letters(live, media_type):
            try:
                me.send(letter, waits=(0.1,))
            except BadReceipt:
                me.send(letter, waits=(0.1,))  # what is no receipt is no answer: the same octets again
            except Rejected as rejected:
                refused.append(str(rejected))
        marks = settled(examination)
    assert ["WASL-RTE-001" in one for one in refused] == [True]
    assert marks == dict.fromkeys(Trial, Outcome.PASSED)


def test_a_program_that_never_repeats_is_seen(live: LiveHub) -> None:
    with examined(live) as (examination, url):
        hub = hub_client(url, MINISTRY, live.hub.sealer("ministry"))
        for letter in letters(live, XML):
            try:
                post(hub, letter)
            except DeliveryError:
                continue
        marks = settled(examination)
    repeats = (Trial.ANSWER_LOST, Trial.NOT_ARRIVED, Trial.TROUBLE, Trial.TOO_OFTEN)
    assert {trial for trial, outcome in marks.items() if outcome is Outcome.FAILED} == set(repeats)
    assert (marks[Trial.GOLDEN], marks[Trial.FORGED]) == (Outcome.PASSED, Outcome.LOOK)


def test_a_program_that_signs_anew_repeats_at_once_and_insists_is_seen(live: LiveHub) -> None:
    with examined(live) as (examination, url):
        hub = hub_client(url, MINISTRY, live.hub.sealer("ministry"))
        for _ in Trial:
            envelope = live.hub.envelope()
            for _ in range(2):
                try:
                    post(hub, live.hub.signed(envelope, XML))  # another signature each time
                except DeliveryError:
                    continue
        marks = settled(examination)
    assert set(marks.values()) == {Outcome.FAILED}


@pytest.mark.parametrize(
    ("trial", "sendings", "outcome"),
    [
        (Trial.TROUBLE, [(0, "a"), (RETRY_S + 1, "a")], Outcome.PASSED),
        (Trial.TROUBLE, [(0, "a"), (RETRY_S - 1, "a")], Outcome.FAILED),
        (Trial.TROUBLE, [(0, "a")], Outcome.OPEN),
        (Trial.REFUSED, [(0, "a")], Outcome.OPEN),
        (Trial.REFUSED, [(0, "a"), (1, "a")], Outcome.FAILED),
        (Trial.GOLDEN, [], Outcome.OPEN),
        (Trial.GOLDEN, [(0, "a")], Outcome.FAILED),
    ],
)
def test_a_trial_is_judged_by_what_was_sent(
    trial: Trial, sendings: list[tuple[float, str]], outcome: Outcome
) -> None:
    course = Course(trial, tuple(Sending(at, digest) for at, digest in sendings), 422)
    assert judge(course, now=4.0, quiet=10.0).outcome is outcome


def test_a_letter_is_known_again_in_every_form(live: LiveHub, tmp_path: Path) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"plan")
    for media_type in (XML, JWS):
        envelope = live.hub.envelope()
        letter = live.hub.signed(envelope, media_type, files=(plan,))
        assert message_id_of(letter.root) == envelope.message_id
        examination = Examination(time.monotonic, QUIET)
        for _ in range(2):  # each time with another boundary
            content_type, chunks, _length = write_related(letter.root, letter.media_type, letter.parts)
            key, course = examination.meet(b"".join(chunks), content_type)
        assert (key, len({one.digest for one in course.sendings})) == (envelope.message_id, 1)


@pytest.mark.parametrize(
    "octets", [b"", b"<a/>", b"{", b"[" * 50_000, b"a.b.c", b"\xff" * 100, b'{"payload": 7}']
)
def test_what_is_no_letter_has_no_message_id(octets: bytes) -> None:
    assert message_id_of(octets) is None


def test_the_scorecard_is_printed_and_decides_the_status(live: LiveHub, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "gateway", "conform", "--hub", live.url, "--port", "0", "--seconds", "2"]
    with subprocess.Popen(
        [*program, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        address = process.stderr.readline().rpartition(" ")[2].strip()
        hub = hub_client(address, MINISTRY, live.hub.sealer("ministry"))
        answer = post(hub, live.hub.signed(live.hub.envelope()))
        said, _ = process.communicate(timeout=60)
    told = {one["trial"]: one["outcome"] for one in json.loads(said)}
    assert (answer.status, process.returncode) == (201, 3)
    assert told == {"golden": "passed"} | dict.fromkeys([trial.value for trial in Trial][1:], "open")


def test_the_command_repeats_what_it_was_told_to(
    live: LiveHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(monkeypatch, capsys, tmp_path / "no-home")
    with examined(live) as (examination, url):
        examination.courses.update(
            {trial.value: Course(trial) for trial in Trial if trial is not Trial.ANSWER_LOST}
        )
        me = ("--hub", url, *live.who(MINISTRY)[2:])
        letter = ("--to", COMMUNE_OFFICE, "--subject", "Essai", "--body", "x", "--out", tmp_path)
        said = shell("send", *me, *letter, "--repeat", 1)
        marks = {mark.trial: mark.outcome for mark in examination.marks()}
    assert (said.status, marks[Trial.ANSWER_LOST]) == (0, Outcome.PASSED)
