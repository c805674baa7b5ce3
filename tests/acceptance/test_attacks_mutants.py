"""However a good letter is damaged, it is refused with a reason, or what was signed is still what is read."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from tests.acceptance.test_attacks import ACCEPTED, NOW, Hub
from tests.assets import build, cases_good, cases_jws
from tests.assets.bench import Bench, Case

MUTANTS = 150
"""Per letter; the seed is fixed, so that a failure can be repeated."""
LETTERS = (
    "good-uri-empty",
    "good-uri-id-basic",
    "good-keyinfo-last",
    "good-jdk",
    "good-dotnet",
    "good-jws-es256",
    "good-jws-flattened",
)
_PIECE = re.compile(rb"<[^<>]*>|[^<>]+")
Mutation = Callable[[random.Random, bytes], bytes]


def _flip(dice: random.Random, raw: bytes) -> bytes:
    at = dice.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]


def _cut(dice: random.Random, raw: bytes) -> bytes:
    start = dice.randrange(len(raw))
    return raw[:start] + raw[start + dice.choice((1, 2, 10, 200)) :]


def _repeat(dice: random.Random, raw: bytes) -> bytes:
    start = dice.randrange(len(raw))
    piece = raw[start : start + dice.choice((1, 4, 50, 500))]
    return raw[:start] + piece + raw[start:]


def _move_tags(dice: random.Random, raw: bytes) -> bytes:
    pieces = _PIECE.findall(raw)
    source, target = dice.randrange(len(pieces)), dice.randrange(len(pieces))
    if dice.random() < 0.5:
        pieces[target] = pieces[source]
    else:
        pieces.insert(target, pieces[source])
    return b"".join(pieces)


def _insert(dice: random.Random, raw: bytes) -> bytes:
    at = dice.randrange(len(raw))
    thing = dice.choice(
        (b" ", b"\n", b"\t", b"\r", b"=", b"&#13;", b"&#32;", b"<!---->", b'Id="x" ', b"\x00")
    )
    return raw[:at] + thing + raw[at:]


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _repeat, _move_tags, _insert)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build.bench_in(tmp_path_factory.mktemp("mutants"), NOW, "http://127.0.0.1:9/")


@pytest.fixture(scope="module")
def good(bench: Bench) -> dict[str, Case]:
    return {case.name: case for group in (cases_good, cases_jws) for case in group.cases(bench)}


@pytest.mark.parametrize("name", LETTERS)
def test_a_damaged_letter_is_refused_or_says_the_same(bench: Bench, good: dict[str, Case], name: str) -> None:
    hub, case, dice = Hub(bench), good[name], random.Random(name)
    said = hub.open(case.raw, case.media_type)
    survivors = []
    for _ in range(MUTANTS):
        raw = dice.choice(MUTATIONS)(dice, case.raw)
        if hub.judge_submission(raw, case.media_type) == ACCEPTED:
            survivors.append(raw)
    assert all(hub.open(raw, case.media_type) == said for raw in survivors)


def test_the_undamaged_letters_are_accepted(bench: Bench, good: dict[str, Case]) -> None:
    hub = Hub(bench)
    answers = {name: hub.judge_submission(good[name].raw, good[name].media_type) for name in LETTERS}
    assert answers == dict.fromkeys(LETTERS, ACCEPTED)
