"""A kind that somebody else wrote may do anything: it is contained and named, and nobody waits for it."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, update

from adapters.contract import Context, Delivered, Letter, Request
from gateway.bootstrap import contexts, dispatcher, letters
from gateway.cli.route_try import office_in
from gateway.domain.errors import Ambiguous, Declined, DeliveryError, Permanent, Temporary
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.transit.sharing import Shares
from gateway.exchange.operate.trying_letters import TryingLetters
from gateway.exchange.operate.trying_preview import Previewing
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.sound import MOST_SHOWN, sound, sound_error, sound_faults
from gateway.exchange.transit.underway import Underway
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.route_models import RouteState
from gateway.workers.places import Places
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, attempts, fresh_hub, route_of_commune, row, state

SURROGATE = "\udcff\ud800 \0 " + "x" * 10_000


class OwnError(BaseException):
    """What no ``except Exception`` catches."""


class Outsider(Simulator):
    """A kind that does one thing."""

    def __init__(self, kind: str, act: Callable[[Letter, Context], Any]) -> None:
        super().__init__(kind=kind)
        self.act = act
        self.calls = 0

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        self.calls += 1
        return self.act(letter, context)  # type: ignore[no-any-return]


def raising(error: BaseException) -> Callable[[Letter, Context], Any]:
    def act(*_: Any) -> Any:
        raise error

    return act


def giving(found: Any) -> Callable[[Letter, Context], Any]:
    return lambda *_: found


def strange(**fields: Any) -> Delivered:
    return replace(Delivered(b"ok"), **fields)


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


def forget_others(hub: HubUnderTest) -> None:
    """End whatever another test left, and close the breaker."""
    with hub.gateway.store.write() as session:
        session.execute(update(DeliveryRow).values(state="FAILED", lease_owner=None, lease_until=None))
        session.execute(delete(RouteState))


def served(hub: HubUnderTest, adapter: Any, times: int = 1) -> str:
    """A letter to the commune after its office's kind was ``adapter``; a neighbour's letter must go."""
    hub.gateway = replace(hub.gateway, adapters={**hub.gateway.adapters, adapter.kind: adapter})
    forget_others(hub)
    route_of_commune(hub, adapter=adapter.kind)
    [mine], [neighbours] = accept(hub), accept(hub, AGENCY_OFFICE)
    for _ in range(times):
        dispatcher(hub.gateway, "worker-1").run_once()
        hub.clock.forward(seconds=901)
    assert state(hub, neighbours) == "AVAILABLE"
    return mine


NO_ANSWERS = {
    "exception": raising(ValueError("the secret is hunter2")),
    "base-exception": raising(OwnError("hunter2")),
    "sys-exit": lambda *_: sys.exit("hunter2"),
    "generator-exit": raising(GeneratorExit()),
    "recursion": lambda *_: (lambda f: f(f))(lambda f: f(f)),
    "memory": raising(MemoryError()),
    "none": giving(None),
    "text": giving("ok"),
    "class": giving(Delivered),
    "answer-none": giving(strange(answer=None)),
    "answer-text": giving(strange(answer="ok")),
    "code-unknown": raising(Ambiguous("XYZ", SURROGATE)),
    "code-no-text": raising(Permanent(["WASL-DLV-003"], 7)),  # type: ignore[arg-type]
    "no-sort": raising(DeliveryError("WASL-DLV-014", SURROGATE)),
}


def test_what_comes_back_is_bounded_before_anything_keeps_it() -> None:
    found = sound(
        Delivered(bytearray(10**7), "text/" + "x" * 10**6, "r" * 10**6, "n" * 10**6, None, "b" * 10**6, True)
    )
    assert len(found.answer) == 64 * 1024
    lengths = (found.answer_media_type, found.target_reference, found.register_number, found.register_book)
    assert [len(one or "") for one in lengths] == [127, 500, 120, 80]

    def mask(text: str) -> str:  # one that is longer than what it stands for
        return text.replace("x", "‹masked›")

    for error in (
        Permanent("WASL-DLV-003", "x" * 10**6),
        Declined("WASL-DLV-031", "x" * 10**6, "x" * 10**6),
        Temporary("WASL-DLV-002", "x" * 10**6, 10**12),
        Ambiguous("y" * 10**6, "x" * 10**6),
    ):
        plain = sound_error(error, mask)
        assert len(plain.detail) <= 4000 + 50
        assert len(getattr(plain, "words", None) or "") <= 4000
        assert getattr(plain, "retry_after", None) is None
        assert plain.code in catalogue()


def endless(one: Any) -> Callable[..., Iterator[Any]]:
    def act(*_: Any) -> Iterator[Any]:
        while True:
            yield one

    return act


def test_faults_without_end_or_in_no_words_are_told_shortly() -> None:
    assert len(sound_faults(endless("f" * 10**5), {})) == 4000
    assert sound_faults(endless("f"), {}) == "; ".join(["f"] * 50)
    assert sound_faults(lambda _: [None, 7], {}) == "NoneType; int"
    assert sound_faults(raising(ValueError("hunter2")), {}) == ""  # type: ignore[arg-type]
    assert sound_faults(giving(None), {}) == ""  # type: ignore[arg-type]


def test_previews_without_end_are_shown_as_far_as_they_are_looked_at(hub: HubUnderTest) -> None:
    kind: Any = Outsider("previewing", giving(None))
    kind.preview = endless(Request("GET", "https://x.example", {}, "body"))
    route = Route(RouteKind.ADAPTER, "previewing", {})
    previewing = Previewing({"previewing": kind}, contexts(hub.gateway))
    made = TryingLetters(letters(hub.gateway), hub.gateway.ambient, "TEST-HUB")
    letter = made.made_up(office_in(hub.gateway, COMMUNE_OFFICE))
    assert len(previewing.preview(route, letter)) == MOST_SHOWN


def test_secrets_that_are_asked_for_again_and_again_are_remembered_once() -> None:
    tape = Tape()
    resolve = tape.knowing({"a": "secret-a", "b": "secret-b"}.__getitem__)
    for _ in range(1000):
        resolve("a")
        resolve("b")
    assert tape.secrets == {"secret-a", "secret-b"}


@pytest.mark.parametrize("name", sorted(NO_ANSWERS))
def test_what_is_no_answer_is_named_and_a_person_decides(hub: HubUnderTest, name: str) -> None:
    code = "WASL-DLV-110" if name == "memory" else "WASL-DLV-014"
    delivery = served(hub, Outsider("outsider", NO_ANSWERS[name]))
    assert (state(hub, delivery), row(hub, delivery).held_code) == ("HELD", code)
    [attempt] = attempts(hub, delivery)
    assert attempt.code == code
    assert "hunter2" not in attempt.detail
    assert attempt.detail
    json.dumps(attempt.detail).encode("ascii")


ODD_ANSWERS = {
    "surrogates": strange(target_reference=SURROGATE, register_number=SURROGATE, register_book=SURROGATE),
    "numbers": strange(target_reference=7, register_number=8, register_book=9, digests_confirmed="yes"),
    "media-type": strange(answer_media_type="text/plain\r\nX: y\ud800" + "z" * 300),
    "no-media-type": strange(answer_media_type=None),
    "moment": strange(register_number="7", register_date=datetime(2026, 1, 2, 3, tzinfo=UTC)),
    "no-date": strange(register_number="7", register_date="2026-01-02"),
    "long": strange(answer=b"\0\xff" * 8 * 1024 * 1024),
    "bytearray": strange(answer=bytearray(b"ok")),
}


@pytest.mark.parametrize("name", sorted(ODD_ANSWERS))
def test_a_letter_that_arrived_is_recorded_whatever_else_is_said(hub: HubUnderTest, name: str) -> None:
    delivery = served(hub, Outsider("outsider", giving(ODD_ANSWERS[name])))
    assert state(hub, delivery) == "HANDED_OVER"


ODD_FAILURES = {
    "waits-nan": (Temporary("WASL-DLV-002", SURROGATE, float("nan")), "WAITING"),
    "waits-infinitely": (Temporary("WASL-DLV-002", "", float("inf")), "WAITING"),
    "waits-backwards": (Temporary("WASL-DLV-002", "", -1e300), "WAITING"),
    "waits-in-words": (Temporary("WASL-DLV-002", "", "soon"), "WAITING"),  # type: ignore[arg-type]
    "refuses-in-surrogates": (Permanent("WASL-DLV-003", SURROGATE), "FAILED"),
    "declines-in-surrogates": (Declined("WASL-DLV-039", SURROGATE, SURROGATE), "REFUSED"),
}


@pytest.mark.parametrize("name", sorted(ODD_FAILURES))
def test_a_failure_that_is_one_is_kept_whatever_its_words(hub: HubUnderTest, name: str) -> None:
    error, wanted = ODD_FAILURES[name]
    delivery = served(hub, Outsider("outsider", raising(error)))
    assert state(hub, delivery) == wanted
    assert attempts(hub, delivery)[0].code == error.code


@pytest.mark.parametrize("name", ["check_options", "honours_repeats", "can_find", "find"])
def test_a_kind_whose_other_answers_raise_keeps_its_letter_and_no_other(hub: HubUnderTest, name: str) -> None:
    class Broken(Outsider):
        def can_find(self, options: Any) -> bool:
            return True

        def honours_repeats(self, options: Any) -> bool:
            return False

        def find(self, *_: Any) -> Any:
            return None

    def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    adapter = Broken("outsider", raising(Ambiguous("WASL-DLV-004", "cut")))
    route_of_commune(hub, adapter="simulator")
    adapter_found = adapter
    delivery = served(hub, adapter_found)
    setattr(adapter, name, broken)
    for _ in range(5):
        dispatcher(hub.gateway, "worker-1").run_once()
        hub.clock.forward(seconds=1000)
    found = row(hub, delivery)
    assert found.state in ("WAITING", "HELD", "QUEUED", "DELIVERING")
    assert all("hunter2" not in one.detail for one in attempts(hub, delivery))


def test_the_breaker_opens_for_a_kind_that_only_raises(hub: HubUnderTest) -> None:
    adapter = Outsider("outsider", raising(Temporary("WASL-DLV-014", "no")))
    served(hub, adapter)
    for _ in range(12):
        accept(hub)
        dispatcher(hub.gateway, "worker-1").run_once()
    assert adapter.calls <= 6


# A kind that does not come back ---------------------------------------------------------------------


class Seconds:
    """A clock of seconds that moves when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def places(hub: HubUnderTest, seconds: Seconds, count: int) -> Iterator[Places]:
    dispatch = dispatcher(hub.gateway, "worker-1")
    dispatch = replace(
        dispatch,
        underway=Underway(600, 14_400, seconds),
        claims=replace(dispatch.claims, shares=Shares(places=4)),
    )
    with Places(dispatch, count, 0.02) as made:
        yield made


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_kind_that_hangs_takes_no_second_place_and_the_first_is_replaced(hub: HubUnderTest) -> None:
    released, began = threading.Event(), threading.Event()

    def hang(*_: Any) -> Delivered:
        began.set()
        released.wait(60)
        return Delivered(b"late")

    adapter, seconds = Outsider("outsider", hang), Seconds()
    hub.gateway = replace(hub.gateway, adapters={**hub.gateway.adapters, "outsider": adapter})
    forget_others(hub)
    route_of_commune(hub, adapter="outsider")
    [first] = accept(hub)
    try:
        with places(hub, seconds, count=1) as made:
            assert began.wait(10)
            seconds.now += 601  # its only place is gone by now
            [second], [neighbours] = accept(hub), accept(hub, AGENCY_OFFICE)
            made.wake()
            until(lambda: state(hub, neighbours) == "AVAILABLE")
            until(lambda: state(hub, second) == "WAITING")
            assert adapter.calls == 1
            assert state(hub, first) == "DELIVERING"
            released.set()
            until(lambda: state(hub, first) == "HANDED_OVER")
            hub.clock.forward(seconds=1000)
            made.wake()
            until(lambda: state(hub, second) == "HANDED_OVER")
    finally:
        released.set()
    with hub.gateway.store.read() as session:
        assert session is not None
    assert row(hub, second).failures == 1
    assert row(hub, first).office == COMMUNE_OFFICE


def test_a_worker_ends_without_what_does_not_come_back(hub: HubUnderTest) -> None:
    released, began, seconds = threading.Event(), threading.Event(), Seconds()

    def hang(*_: Any) -> Delivered:
        began.set()
        released.wait(60)
        return Delivered(b"late")

    adapter = Outsider("outsider", hang)
    hub.gateway = replace(hub.gateway, adapters={**hub.gateway.adapters, "outsider": adapter})
    forget_others(hub)
    route_of_commune(hub, adapter="outsider")
    accept(hub)
    try:
        with places(hub, seconds, count=2):
            assert began.wait(10)
            seconds.now += 601
        assert not released.is_set()  # it was not waited for
    finally:
        released.set()


def test_a_worker_waits_for_what_is_still_at_work(hub: HubUnderTest) -> None:
    began, ended = threading.Event(), []

    def slow(*_: Any) -> Delivered:
        began.set()
        time.sleep(0.3)
        ended.append(True)
        return Delivered(b"ok")

    adapter = Outsider("outsider", slow)
    hub.gateway = replace(hub.gateway, adapters={**hub.gateway.adapters, "outsider": adapter})
    forget_others(hub)
    route_of_commune(hub, adapter="outsider")
    [delivery] = accept(hub)
    with places(hub, Seconds(), count=2):
        assert began.wait(10)
    assert ended
    assert state(hub, delivery) == "HANDED_OVER"


def test_signs_of_life_count_and_a_connection_of_its_own_has_longer() -> None:
    seconds = Seconds()
    underway = Underway(600, 14_400, seconds)
    with underway.call("a", "1") as one, underway.call("b", "2") as other:
        seconds.now = 601
        assert underway.hanging() == 2
        assert not underway.may_call("a", "1")
        assert underway.may_call("a", "2")  # one dead disk behind one route is no fault of the kind
        assert underway.may_call("c", "1")
        one.alive()
        other.on_its_own()
        seconds.now += 601
        assert (underway.may_call("a", "1"), underway.may_call("b", "2")) == (False, True)
        seconds.now += 14_400
        assert underway.hanging() == 2
    assert underway.hanging() == 0
    with contextlib.ExitStack() as stack:
        for office in "123":
            stack.enter_context(underway.call("a", office))
        seconds.now += 601
        assert not underway.may_call("a", "4")  # by now it is
