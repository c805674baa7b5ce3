"""The worker process: it delivers in its places, and APScheduler tells when what else must be done is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps

from apscheduler.schedulers.background import BackgroundScheduler

from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.memory import LOOK_S
from gateway.exchange.transit.sweep import Sweep
from gateway.store.leader import Lead
from gateway.workers.contained import contained
from gateway.workers.places import Places
from gateway.workers.pulse import Pulse
from gateway.workers.stop import Stop

_BEATS_PER_LEASE = 4

Wakeups = Callable[[Places], AbstractContextManager[object]]
"""Lets places be woken from outside, for the length of a block."""


def nobody_wakes(_: Places) -> AbstractContextManager[object]:
    """Letters are found by looking alone."""
    return nullcontext()


@dataclass(frozen=True)
class Job:
    """Something to run every so many seconds, beside delivering.

    Attributes:
        alone: only by the one worker of all that leads.
    """

    run: Callable[[], object]
    seconds: float
    alone: bool = False


class Worker:
    """Delivers with a fixed number of threads until it is told to stop, or is full."""

    def __init__(
        self,
        dispatch: Dispatch,
        sweep: Sweep,
        threads: int,
        poll_seconds: float,
        jobs: Sequence[Job] = (),
        lead: Lead | None = None,
        wakeups: Wakeups = nobody_wakes,
    ) -> None:
        self._lead = lead
        self._dispatch = dispatch
        self._wakeups = wakeups
        self._jobs = (Job(dispatch.give_up_held, 60), Job(sweep.run, 3600, alone=True), *jobs)
        self._places = Places(dispatch, threads, poll_seconds)
        self._stopping = Stop()

    def run(self) -> None:
        """Work until `stop`; deliveries under way are finished before this returns."""
        scheduler = BackgroundScheduler(timezone="UTC")
        seconds = {"trigger": "interval", "coalesce": True, "max_instances": 1}
        first = datetime.now(UTC)
        for job in self._jobs:
            scheduler.add_job(contained(self._led(job)), seconds=job.seconds, next_run_time=first, **seconds)
        claims = self._dispatch.claims
        # a long transfer needs its lease to its end, also while the worker is stopping
        with (
            Pulse(claims.heartbeat.beat, claims.lease.total_seconds() / _BEATS_PER_LEASE),
            Pulse(self._look_at_memory, LOOK_S),
        ):
            scheduler.start()
            with self._places, self._wakeups(self._places):
                self._stopping.wait()
                claims.drain()
            scheduler.shutdown(wait=True)
            if self._lead is not None:
                self._lead.resign()

    def stop(self) -> None:
        """Let `run` return: what is being sent is finished, what is not yet sent is left to others.

        May be called from a signal handler.
        """
        self._stopping.set()

    def _look_at_memory(self) -> None:
        memory = self._dispatch.underway.memory
        if memory is not None and memory.look():
            self.stop()

    def _led(self, job: Job) -> Callable[[], object]:
        """A job that only the leader runs, and who leads is asked each time: the lead may be lost."""
        lead = self._lead
        if lead is None or not job.alone:
            return job.run

        @wraps(job.run)
        def run() -> None:
            if lead.leads():
                job.run()

        return run
