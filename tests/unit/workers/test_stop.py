"""The wish that a process ends, expressed by a signal in whatever moment."""

import signal
import time
from threading import Thread

import pytest

from gateway.workers import stop as module
from gateway.workers.stop import Stop


def test_whoever_waits_goes_on_when_it_is_said() -> None:
    stop = Stop()
    assert not stop.wait(0.001)
    assert not stop.is_set()
    saying = Thread(target=stop.set)
    saying.start()
    assert stop.wait(10)
    saying.join()
    assert stop.is_set()
    assert stop.wait()  # also whoever asks afterwards, as often as they like
    assert stop.wait(10)


def test_it_waits_no_longer_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    began = time.monotonic()
    assert not Stop().wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_a_signal_may_say_it_at_any_moment_of_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    before = signal.getsignal(signal.SIGALRM)
    try:
        for tried in range(4000):
            stop = Stop()
            signal.signal(signal.SIGALRM, stop.set)
            signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + tried % 40))
            assert stop.wait(30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
