"""What a connector tells while it works: a changing line on a terminal, few in a log, none for the quick."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from gateway.cli.partner.watching import Watch
from gateway.i18n import Translator, mark

MIB = 1024 * 1024


class Stream(io.StringIO):
    """Standard error: a terminal, or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(terminal: bool, language: str = "en") -> tuple[Watch, Stream, Clock, list[str]]:
    stream, clock, lines = Stream(terminal), Clock(), list[str]()
    return Watch(Translator(language), lines.append, stream, clock), stream, clock, lines


def slowly(
    clock: Clock, pieces: int, each_s: float, after: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    for _ in range(pieces):
        clock.now += each_s
        yield bytes(MIB)
        after()


def test_a_log_gets_a_line_every_ten_seconds() -> None:
    watch, stream, clock, _ = watched(terminal=False)
    sent = b"".join(watch.through("plan", slowly(clock, 40, 1.0), 40 * MIB))
    assert len(sent) == 40 * MIB
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "plan: sending" in lines[0]
    assert "25%" in lines[0]
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_has_one_line_that_changes_and_is_given_back() -> None:
    watch, stream, clock, _ = watched(terminal=True)
    for _ in watch.through("plan", slowly(clock, 40, 0.1), 40 * MIB):
        pass
    said = stream.getvalue()
    assert "\n" not in said
    assert 5 < said.count("plan: sending") < 12
    assert said.endswith("\r\x1b[K")


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_over_at_once_is_not_told_of(terminal: bool) -> None:
    watch, stream, clock, _ = watched(terminal)
    for _ in watch.through("plan", slowly(clock, 3, 0.1), 3 * MIB):
        pass
    assert stream.getvalue() == ""


def test_a_transfer_that_breaks_off_gives_the_line_back_too() -> None:
    watch, stream, clock, _ = watched(terminal=True)
    body = watch.through("plan", slowly(clock, 40, 1.0), 40 * MIB)
    for _ in range(9):
        next(body)
    body.close()  # type: ignore[attr-defined]
    assert "plan: sending" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("language", "words"), [("en", "fetching"), ("fr", "réception"), ("ar", "جار الجلب")]
)
def test_what_is_fetched_is_told_in_the_language_chosen_and_is_all_there(language: str, words: str) -> None:
    watch, stream, clock, _ = watched(False, language)
    into = io.BytesIO()
    fetching = watch.into("plan.pdf", into, 4 * MIB)
    for piece in slowly(clock, 4, 6.0):
        fetching.write(piece)
    fetching.transfer.end()
    assert len(into.getvalue()) == 4 * MIB
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert all(words in one and "plan.pdf" in one for one in lines)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "x y: refused: because"),
        ("fr", "x y : refusé : because"),
        ("ar", "x y: رُفضت: because"),
        ("zz", "x y: refused: because"),
    ],
)
def test_what_was_done_is_one_printable_line_whatever_others_wrote(language: str, line: str) -> None:
    watch, _, _, lines = watched(True, language)
    watch.say(mark("{name}: refused: {why}"), name="x\ny", why="because")
    assert lines == [line]
    watch.say(mark("{name}: fetched: {subject}"), name="x", subject="\x1b[2Jtitle\u202e")
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]
