from __future__ import annotations

import threading

from gateway.clients.alarm import Alarm


def test_an_alarm_rings_when_its_moment_has_come() -> None:
    rung = threading.Event()
    Alarm().set(0.01, rung.set)
    assert rung.wait(10)


def test_alarms_ring_in_the_order_of_their_moments() -> None:
    alarm, rung, last = Alarm(), [], threading.Event()
    alarm.set(0.3, lambda: (rung.append("late"), last.set()))
    alarm.set(0.1, lambda: rung.append("soon"))
    alarm.set(0.0, lambda: rung.append("now"))
    assert last.wait(10)
    assert rung == ["now", "soon", "late"]


def test_a_cancelled_alarm_does_not_ring() -> None:
    alarm, rung, last = Alarm(), [], threading.Event()
    cancelled = alarm.set(0.1, lambda: rung.append("cancelled"))
    alarm.set(0.2, last.set)
    cancelled.cancel()
    assert last.wait(10)
    assert rung == []


def test_all_alarms_share_one_thread() -> None:
    alarm = Alarm()
    first = alarm.set(60, lambda: None)
    before = threading.active_count()
    others = [alarm.set(60 + number, lambda: None) for number in range(20)]
    assert threading.active_count() == before
    for one in (first, *others):
        one.cancel()
