"""``wasl conform --inbox``: a reader that does right passes, and each way to do wrong is seen."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.cli.partner.inbox_examination import InboxExamination
from gateway.cli.partner.inbox_examiner import serving_inbox
from gateway.cli.partner.inbox_trials import Called, InboxCourse, InboxTrial, judge
from gateway.cli.partner.trials import RETRY_S, Outcome
from gateway.cli.posting import hub_client
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import Declined
from gateway.domain.errors import DeliveryError, Temporary
from tests.support.hub import MINISTRY, MINISTRY_OFFICE
from tests.support.live import LiveHub, live_hub
from tests.support.systems import row

QUIET = 1.0
LETTERS = len(InboxTrial)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    with live_hub(tmp_path_factory.mktemp("conform") / "home") as live:
        yield live


@pytest.fixture
def lying(live: LiveHub) -> Iterator[list[str]]:
    """As many letters as there are trials; what a test leaves is taken at its end."""
    laid = [live.lying(MINISTRY_OFFICE, subject="طلب تجريبي") for _ in InboxTrial]
    yield laid
    rest = inbox(live, live.url)
    for one in list(rest.letters(MINISTRY_OFFICE)):
        rest.acknowledge(one.delivery)


def inbox(live: LiveHub, url: str) -> InboxClient:
    return InboxClient(hub_client(url, MINISTRY, live.hub.sealer("ministry")))


@contextmanager
def examined(live: LiveHub) -> Iterator[tuple[InboxExamination, InboxClient]]:
    """An examination before the hub, and a client that calls there."""
    examination = InboxExamination(time.monotonic, QUIET)
    hub = hub_client(live.url, MINISTRY, live.hub.sealer("ministry"))
    with serving_inbox(examination, hub, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield examination, inbox(live, f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()


def settled(examination: InboxExamination) -> dict[InboxTrial, Outcome]:
    until = time.monotonic() + 30
    while not examination.over and time.monotonic() < until:
        threading.Event().wait(0.05)
    return {mark.trial: mark.outcome for mark in examination.marks()}


def patiently(step: Callable[[], object]) -> bool:
    """Take a step until the hub has answered, not sooner than it asks; whether it said yes."""
    for _ in range(4):
        try:
            step()
        except Declined:
            return False
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, Temporary) else None
            threading.Event().wait(asked or 0.05)
        else:
            return True
    return False


def test_a_reader_that_repeats_patiently_and_registers_once_passes(live: LiveHub, lying: list[str]) -> None:
    numbers: dict[str, str] = {}
    with examined(live) as (examination, me):
        for _ in range(3):
            for letter in list(me.letters(MINISTRY_OFFICE)):
                name = letter.delivery
                if not patiently(lambda name=name: me.lock(name)) and name not in numbers:  # type: ignore[misc]
                    continue  # somebody else has it: another time
                if name not in numbers:
                    assert patiently(lambda name=name: me.content(name))  # type: ignore[misc]
                    numbers[name] = f"م-{len(numbers) + 1}"
                assert patiently(lambda name=name: me.acknowledge(name, numbers[name]))  # type: ignore[misc]
                patiently(lambda name=name: me.progress(name, "IN_PROGRESS"))  # type: ignore[misc]
        marks = settled(examination)
    assert marks == dict.fromkeys(InboxTrial, Outcome.PASSED)
    assert {name: row(live.hub, name).register_number for name in lying} == numbers


def test_a_reader_that_never_repeats_is_seen(live: LiveHub, lying: list[str]) -> None:
    with examined(live) as (examination, me):
        for number, letter in enumerate(list(me.letters(MINISTRY_OFFICE))):
            name = letter.delivery
            with suppress(Declined, DeliveryError):
                me.content(name)
                me.acknowledge(name, str(number))
                me.progress(name, "IN_PROGRESS")
        marks = settled(examination)
    failed = {trial for trial, outcome in marks.items() if outcome is Outcome.FAILED}
    assert failed == {
        InboxTrial.CONTENT_CUT,
        InboxTrial.ANSWER_LOST,
        InboxTrial.TROUBLE,
        InboxTrial.LOCKED,
        InboxTrial.PROGRESS_LOST,
    }
    assert (marks[InboxTrial.GOLDEN], marks[InboxTrial.LISTED_AGAIN]) == (Outcome.PASSED, Outcome.LOOK)


def test_a_reader_that_takes_what_it_did_not_read_is_seen(live: LiveHub, lying: list[str]) -> None:
    with examined(live) as (examination, me):
        for letter in list(me.letters(MINISTRY_OFFICE)):
            for _ in range(3):
                with suppress(Declined, DeliveryError):
                    me.acknowledge(letter.delivery, "1")
        marks = settled(examination)
    assert set(marks.values()) == {Outcome.FAILED}


def test_a_reader_that_gives_a_letter_another_number_each_time_is_seen(
    live: LiveHub, lying: list[str]
) -> None:
    with examined(live) as (examination, me):
        for letter in [one for _ in range(2) for one in me.letters(MINISTRY_OFFICE)]:
            for _ in range(3):
                try:
                    me.content(letter.delivery)
                    me.acknowledge(letter.delivery, f"{time.monotonic_ns()}")
                    break
                except (Declined, DeliveryError):
                    continue
        marks = settled(examination)
    twice = {InboxTrial.ANSWER_LOST, InboxTrial.TROUBLE, InboxTrial.LISTED_AGAIN}
    assert {trial for trial in twice if marks[trial] is Outcome.FAILED} == twice


FETCHED = Called(0, "content", None, 200)


@pytest.mark.parametrize(
    ("trial", "calls", "now", "outcome"),
    [
        (InboxTrial.GOLDEN, (), 99.0, Outcome.OPEN),
        (InboxTrial.GOLDEN, (FETCHED,), 1.0, Outcome.OPEN),
        (InboxTrial.GOLDEN, (FETCHED,), 99.0, Outcome.FAILED),
        (InboxTrial.GOLDEN, (FETCHED, Called(1, "refuse", None, 200)), 2.0, Outcome.PASSED),
        (InboxTrial.GOLDEN, (Called(0, "content"), Called(1, "acknowledge", "1", 200)), 2.0, Outcome.FAILED),
        (
            InboxTrial.TROUBLE,
            (FETCHED, Called(1, "acknowledge", "1"), Called(1 + RETRY_S - 1, "acknowledge", "1", 200)),
            9.0,
            Outcome.FAILED,
        ),
        (
            InboxTrial.TROUBLE,
            (FETCHED, Called(1, "acknowledge", "1"), Called(1 + RETRY_S, "acknowledge", "1", 200)),
            9.0,
            Outcome.PASSED,
        ),
        (InboxTrial.PROGRESS_LOST, (FETCHED, Called(1, "acknowledge", "1", 200)), 99.0, Outcome.LOOK),
    ],
    ids=["none", "waits", "left", "refused", "half", "hasty", "patient", "silent"],
)
def test_a_trial_is_judged_by_the_calls(
    trial: InboxTrial, calls: tuple[Called, ...], now: float, outcome: Outcome
) -> None:
    assert judge(InboxCourse(trial, calls), now, 10.0).outcome is outcome


def test_what_is_no_call_of_an_inbox_is_not_examined(live: LiveHub) -> None:
    import urllib.error
    import urllib.request

    with examined(live) as (examination, me):
        for method, path, body, status in (
            ("GET", "/", None, 404),
            ("POST", "/api/v1/envelopes", b"x", 404),
            ("GET", "/api/v1/inbox/a/b/c/d", None, 404),
            ("POST", "/api/v1/inbox/x/acknowledge", b"9" * 70_000, 413),
            ("POST", "/api/v1/inbox/x/acknowledge", b"[" * 50_000, 422),
        ):
            call = urllib.request.Request(me.hub.url + path, body, method=method)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(call, timeout=20)
            assert refused.value.code == status, path
            refused.value.close()
        assert {course.taken for course in examination.courses.values()} <= {False}


def test_the_scorecard_of_a_reader_is_printed_and_decides_the_status(
    live: LiveHub, lying: list[str], tmp_path: Path
) -> None:
    settings, pki = tmp_path / "party.toml", live.hub.pki
    lines = {
        "hub": live.url,
        "party": MINISTRY,
        "key": str(pki.key_path("ministry")),
        "certificate": str(pki.certificate_path("ministry")),
    }
    settings.write_text("".join(f'{name} = "{value}"\n' for name, value in lines.items()))
    words = ["conform", "--inbox", str(settings), "--port", "0", "--seconds", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("read your inbox at ")
        me = inbox(live, said.rpartition(" ")[2].strip())
        first = next(iter(me.letters(MINISTRY_OFFICE))).delivery
        me.content(first)
        me.acknowledge(first, "1")
        out, _ = process.communicate(timeout=60)
    told = {one["trial"]: one["outcome"] for one in json.loads(out)}
    assert process.returncode == 3
    assert told == {"golden": "passed"} | dict.fromkeys([one.value for one in InboxTrial][1:], "open")
